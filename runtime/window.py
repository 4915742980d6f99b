"""A window that shows the newest frame and is turned with the mouse.

It knows no network and does no maths on poses: a source gives it the newest one, a renderer the picture.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.display.gl_picture import GlPicture
from dinar.runtime.display.orbit import Orbit
from dinar.runtime.display.overlay import text_panel
from dinar.runtime.errors import DinarError
from dinar.runtime.outputs import OutputError, open_output, side_by_side
from dinar.runtime.renderer import Frame, Renderer

MAX_RENDER_SIZE = 1024
"""Longer side of the picture rendered for a window of any size, pixels; a larger window scales it up."""

PoseSource = Callable[[float], Pose | None]
"""The pose to show at a time in seconds (pauses not counted), or None when nothing newer is there."""

CameraSource = Callable[[], Sequence[Camera] | None]
"""The newest cameras to draw from, or None when there are no newer ones."""

Framing = Callable[[Pose, int, int], Orbit]
"""The view that shows a pose in a picture of this width and height."""

HELP = (
    "drag\tturn",
    "right drag\tmove",
    "scroll\tnearer, farther",
    "Space\tpause",
    "R\tperson in view",
    "S\tscreenshot",
    "Tab\ttimes",
    "F\tfull screen",
    "H, ?\tthis help",
    "Esc, Q\tquit",
)
_FONT_SIZE = 14
_MESSAGE_SECONDS = 3.0
_PANEL_REFRESH_SECONDS = 0.25
_IDLE_SLEEP_SECONDS = 0.002
_FASTEST_UNKNOWN_DISPLAY = 144  # Hz


class WindowError(DinarError):
    """No window can be opened on this computer."""


def fit(inner: tuple[int, int], outer: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return x, y, width, height of the largest rectangle of `inner`'s shape in the middle of `outer`."""
    scale = min(outer[0] / inner[0], outer[1] / inner[1])
    width, height = max(1, round(inner[0] * scale)), max(1, round(inner[1] * scale))
    return (outer[0] - width) // 2, (outer[1] - height) // 2, width, height


def capped(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Scale a size down, never up, until its longer side is at most `longest`."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


class Window:
    """Shows one avatar at the display's rate: the newest pose, seen from where the mouse has turned the view.

    Nothing is queued, and nothing is rendered while neither pose nor view changes. Close it when done, or use
    it as a context manager.
    """

    def __init__(
        self,
        renderer: Renderer,
        source: PoseSource,
        framing: Framing,
        *,
        title: str,
        size: tuple[int, int],
        background: tuple[int, int, int],
        cameras: CameraSource = lambda: None,
        render_size: tuple[int, int] | None = None,
        turn_speed: float = 0.0,
        status: Callable[[], Sequence[str]] = tuple,
        screenshot_folder: Path = Path(),
    ) -> None:
        """Open the window.

        Args:
            renderer: draws the avatar; stays the caller's.
            source: asked for a pose before each picture.
            framing: gives the first view when the first pose comes, and again when R is pressed.
            title: shown in the window's frame, with the key for help.
            size: (width, height) of the window's inside.
            background: sRGB colour behind the person.
            cameras: asked before each picture; once it gives cameras, they are drawn side by side in place of
                the view of the mouse.
            render_size: (width, height) of the rendered picture, shown with borders; None follows the window.
            turn_speed: radians per second by which the view goes round by itself.
            status: lines shown with the times, and while there is no pose yet; called four times a second.
            screenshot_folder: where the S key puts pictures.

        Raises WindowError when there is no display or no OpenGL 3.3.
        """
        self._renderer, self._source, self._framing, self._status = renderer, source, framing, status
        self._next_cameras = cameras
        self._cameras: Sequence[Camera] | None = None
        self._orbit: Orbit | None = None
        self._background, self._render_size, self._turn_speed = background, render_size, turn_speed
        self._screenshot_folder = screenshot_folder
        self._pose: Pose | None = None
        self._frame: Frame | None = None
        self._frame_pose: Pose | None = None
        self._frame_cameras: Sequence[Camera] | None = None
        self._frame_view: tuple[Orbit, int, int] | None = None
        self._seconds = 0.0  # the source's clock
        self._last_tick = self._last_flip = time.perf_counter()
        self._paused = self._shows_times = self._shows_help = False
        self._message, self._message_end = "", 0.0
        self._rendered_at: deque[float] = deque(maxlen=240)
        self._panel_lines: tuple[str, ...] = ()
        self._panel_due = 0.0
        self._stale = True  # the window shows something else than draw() would
        self._native = _open_native(f"{title} (H: help)", size)
        self._period = 1 / _display_rate(self._native)

        from pyglet import gl

        self._picture, self._panel = GlPicture(gl), GlPicture(gl)
        self._native.push_handlers(
            on_key_press=self._on_key_press,
            on_mouse_drag=self._on_mouse_drag,
            on_mouse_scroll=self._on_mouse_scroll,
            on_resize=self._on_change,
            on_expose=self._on_change,
        )

    @property
    def orbit(self) -> Orbit | None:
        """The view that is shown; None before the first pose."""
        return self._orbit

    def run(self) -> None:
        """Show until the window is closed."""
        import pyglet

        pyglet.clock.schedule(self.tick)
        try:
            pyglet.app.run(interval=None)
        finally:
            pyglet.clock.unschedule(self.tick)

    def tick(self, _since_last: float = 0.0) -> None:
        """Take the newest pose, and draw if anything changed; otherwise rest for a moment."""
        now = time.perf_counter()
        self._advance(now)
        self._render()
        self._refresh_panel(now)
        if not self._stale:
            time.sleep(_IDLE_SLEEP_SECONDS)
            return
        self.draw()
        self._native.flip()
        # flip() waits for the display; where it does not (vertical sync off), wait here
        early = self._last_flip + self._period - time.perf_counter()
        if early > 0.25 * self._period:
            time.sleep(early)
        self._last_flip = time.perf_counter()

    def draw(self) -> None:
        """Draw the last frame and the text into the back buffer."""
        from pyglet import gl

        self._native.switch_to()
        width, height = self._native.get_framebuffer_size()
        gl.glClearColor(*(value / 255 for value in self._background), 1.0)
        gl.glClear(gl.GL_COLOR_BUFFER_BIT)
        if self._frame is not None:
            views, rows, columns = self._frame.rgba.shape[:3]
            self._picture.draw(*fit((views * columns, rows), (width, height)))
        if self._panel_lines:
            font_size = round(_FONT_SIZE * self._native.get_pixel_ratio())
            panel = text_panel(self._panel_lines, font_size=font_size, max_width=width)
            self._panel.upload(panel)
            self._panel.draw(0, height - panel.shape[0], panel.shape[1], panel.shape[0])
        self._stale = False

    def close(self) -> None:
        """Close the window; a second call does nothing."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _advance(self, now: float) -> None:
        """Move the clock, take the newest pose, go round."""
        elapsed, self._last_tick = now - self._last_tick, now
        if self._paused:
            return
        self._seconds += elapsed
        self._pose = self._source(self._seconds) or self._pose
        self._cameras = self._next_cameras() or self._cameras
        if self._turn_speed and self._orbit is not None:
            self._orbit = self._orbit.turned(self._turn_speed * elapsed)

    def _render(self) -> None:
        """Render, unless the last frame is of this pose and this view."""
        if self._pose is None:
            return
        if self._cameras is not None:
            self._render_streamed(self._pose, self._cameras)
            return
        width, height = self._render_size or capped(self._native.get_framebuffer_size(), MAX_RENDER_SIZE)
        if self._orbit is None:
            self._orbit = self._framing(self._pose, width, height)
        view = (self._orbit, width, height)
        if self._pose is self._frame_pose and view == self._frame_view:
            return
        self._frame_view = view
        self._draw_frame(self._pose, [self._orbit.camera(width, height)])

    def _render_streamed(self, pose: Pose, cameras: Sequence[Camera]) -> None:
        """Render the stream's own views, unless the last frame is of this pose and these cameras."""
        if pose is not self._frame_pose or cameras is not self._frame_cameras:
            self._frame_cameras = cameras
            self._draw_frame(pose, cameras)

    def _draw_frame(self, pose: Pose, cameras: Sequence[Camera]) -> None:
        self._frame, self._frame_pose = self._renderer.render(pose, cameras), pose
        self._rendered_at.append(time.perf_counter())
        self._native.switch_to()
        self._picture.upload(side_by_side(self._frame.numpy()))
        self._stale = True

    def _refresh_panel(self, now: float) -> None:
        if now < self._panel_due:
            return
        self._panel_due = now + _PANEL_REFRESH_SECONDS
        lines = tuple(self._lines(now))
        self._stale |= lines != self._panel_lines
        self._panel_lines = lines

    def _lines(self, now: float) -> list[str]:
        lines = list(HELP) if self._shows_help else []
        if self._shows_times and self._frame is not None:
            recent = sum(now - at < 1 for at in self._rendered_at)
            stages = "  ".join(f"{stage.name} {stage.ms:.1f}" for stage in self._frame.stages)
            lines.append(f"{recent} pictures/s   {stages} ms")
        if self._shows_times or self._pose is None:
            lines.extend(self._status())
        if self._paused:
            lines.append("paused")
        if now < self._message_end:
            lines.append(self._message)
        return lines

    def _say(self, message: str) -> None:
        self._message, self._message_end = message, time.perf_counter() + _MESSAGE_SECONDS
        self._panel_due = 0.0

    def _save_screenshot(self) -> None:
        if self._frame is None:
            self._say("nothing to save yet")
            return
        views, rows, columns = self._frame.rgba.shape[:3]
        path = self._screenshot_folder / time.strftime("dinar-%Y%m%d-%H%M%S.png")
        try:
            with open_output(
                path, fps=1, size=(views * columns, rows), background=self._background
            ) as output:
                output.write(self._frame)
        except OutputError as error:
            self._say(str(error))
        else:
            self._say(f"saved {path}")

    def _on_key_press(self, symbol: int, modifiers: int) -> bool:
        from pyglet.window import key

        self._panel_due = 0.0
        if symbol in (key.ESCAPE, key.Q):
            self._native.close()
        elif symbol == key.SPACE:
            self._paused = not self._paused
        elif symbol == key.R:
            self._orbit = None  # framed anew
        elif symbol == key.S:
            self._save_screenshot()
        elif symbol == key.TAB:
            self._shows_times = not self._shows_times
        elif symbol == key.F:
            self._native.set_fullscreen(not self._native.fullscreen)
        elif symbol in (key.H, key.QUESTION) or (symbol == key.SLASH and modifiers & key.MOD_SHIFT):
            self._shows_help = not self._shows_help
        return True  # handled: pyglet's own Escape would close without asking

    def _on_mouse_drag(
        self, _x: int, _y: int, right: float, up: float, buttons: int, _modifiers: int
    ) -> None:
        from pyglet.window import mouse

        if self._orbit is not None:
            height = self._native.get_size()[1]
            move = self._orbit.panned if buttons & (mouse.RIGHT | mouse.MIDDLE) else self._orbit.dragged
            self._orbit = move(right / height, up / height)

    def _on_mouse_scroll(self, _x: int, _y: int, _right: float, up: float) -> None:
        if self._orbit is not None:
            self._orbit = self._orbit.zoomed(up)

    def _on_change(self, *_: Any) -> None:
        self._stale = True


def _open_native(title: str, size: tuple[int, int]) -> Any:
    """Open pyglet's window with an OpenGL 3.3 core context and 8 bits a channel."""
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


def _display_rate(native: Any) -> float:
    mode = native.screen.get_mode()
    return float(mode.rate) if mode is not None and mode.rate else _FASTEST_UNKNOWN_DISPLAY
