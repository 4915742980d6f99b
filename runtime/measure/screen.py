"""Where the bench presents pictures: a window, or nowhere when there is no display."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from dinar.runtime.display.frame_picture import FramePicture
from dinar.runtime.display.native import WindowError, open_native
from dinar.runtime.renderer import Frame


class Screen(Protocol):
    """Shows pictures.

    Attributes:
        name: what it is, in words.
    """

    name: str

    def present(self, frame: Frame) -> float | None:
        """Show a frame; returns the milliseconds that took, None where nothing is shown."""
        ...


class _NoScreen:
    def __init__(self, why: str) -> None:
        self.name = f"not measured: {why}"

    def present(self, frame: Frame) -> float | None:
        del frame
        return None


class _WindowScreen:
    """A window that does not wait for the display's beat: uploading, drawing and flipping alone are timed."""

    def __init__(self, native: Any, gl: Any) -> None:
        self._native, self._gl = native, gl
        self._picture = FramePicture(gl, self._note)
        self.name = f"window, {native.context.get_info().get_renderer()}, without vertical sync"

    def present(self, frame: Frame) -> float | None:
        start = time.perf_counter()
        self._native.switch_to()
        self._native.dispatch_events()
        self._gl.glClear(self._gl.GL_COLOR_BUFFER_BIT)
        self._picture.take(frame)
        self._picture.draw(0, 0, *self._native.get_framebuffer_size())
        self._native.flip()
        self._gl.glFinish()  # the driver may draw later, but then it is not shown yet
        return 1e3 * (time.perf_counter() - start)

    def close(self) -> None:
        """Close the window."""
        self._native.switch_to()
        self._picture.close()
        self._native.close()

    def _note(self, sentence: str) -> None:
        self.name = f"{self.name}; {sentence}"


@contextmanager
def open_screen(size: int) -> Iterator[Screen]:
    """Open a window whose inside is `size` x `size` where there is a display; else say why there is none."""
    if sys.platform not in ("win32", "darwin") and not os.environ.get("DISPLAY"):
        yield _NoScreen("there is no display")
        return
    try:
        native = open_native("dinar bench", (size, size))
    except WindowError:
        yield _NoScreen("no window opens, see dinar doctor")
        return
    from pyglet import gl

    native.set_vsync(False)
    screen = _WindowScreen(native, gl)
    try:
        yield screen
    finally:
        screen.close()
