"""Opening a native window with OpenGL, or saying in one sentence why there is none."""

from __future__ import annotations

from typing import Any

from dinar.runtime.errors import DinarError

_FASTEST_UNKNOWN_DISPLAY = 144  # Hz


class WindowError(DinarError):
    """No window can be opened on this computer."""


def open_native(title: str, size: tuple[int, int]) -> Any:
    """Open pyglet's window with an OpenGL 3.3 core context and 8 bits a channel; raises WindowError."""
    try:
        import pyglet.window  # opens a connection to the display, so not before a window is wanted
        from pyglet import gl

        version = {"major_version": 3, "minor_version": 3}
        for alpha in ({"alpha_size": 8}, {}):  # without asking, some drivers give 5 or 6 bits
            config = gl.Config(double_buffer=True, red_size=8, green_size=8, blue_size=8, **alpha, **version)
            try:
                return pyglet.window.Window(*size, caption=title, resizable=True, vsync=True, config=config)
            except pyglet.window.NoSuchConfigException:
                continue
        reason = "OpenGL 3.3 is missing"
    except Exception as error:  # pyglet has an exception of its own for each platform and each library
        no_display = type(error).__name__ == "NoSuchDisplayException"
        reason = "there is no display" if no_display else str(error) or type(error).__name__
    raise WindowError(f"cannot open a window ({reason}): record without one by --headless --out dinar.mp4")


def display_rate(native: Any) -> float:
    """Pictures per second of the display that a window is on, Hz."""
    mode = native.screen.get_mode()
    return float(mode.rate) if mode is not None and mode.rate else _FASTEST_UNKNOWN_DISPLAY


def largest_texture(gl: Any) -> int:
    """Pixels of the longest side that the current context can show. `gl`: `pyglet.gl`."""
    size = gl.GLint()
    gl.glGetIntegerv(gl.GL_MAX_TEXTURE_SIZE, size)
    return int(size.value)
