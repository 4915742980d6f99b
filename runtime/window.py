"""A window that shows the newest frame and is turned with the mouse.

It knows no network and does no maths on poses: a source gives it the newest one, a renderer the picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.display.background import Backdrop, backdrops, paint_backdrop
from dinar.runtime.display.capture import Capture
from dinar.runtime.display.fit import capped, fit
from dinar.runtime.display.frame_picture import FramePicture
from dinar.runtime.display.gl_picture import GlPicture
from dinar.runtime.display.hud import PictureTimes
from dinar.runtime.display.native import WindowError, display_rate, largest_texture, open_native
from dinar.runtime.display.orbit import Orbit
from dinar.runtime.display.overlay import text_panel
from dinar.runtime.errors import DinarError
from dinar.runtime.outputs import side_by_side
from dinar.runtime.renderer import Frame, Renderer

__all__ = ["HELP", "MAX_RENDER_SIZE", "CameraSource", "Framing", "PoseSource", "Window", "WindowError"]

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
    "M\tmode",
    "B\tbackground",
    "S\tscreenshot",
    "V\trecord a video",
    "Tab\ttimes",
    "F\tfull screen",
    "H, ?\tthis help",
    "Esc, Q\tquit",
)
_FONT_SIZE = 14
_PANEL_SHARE, _PANEL_LEAST = 0.4, 240  # of the window's width; pixels at a pixel ratio of 1
_MESSAGE_SECONDS = 3.0
_PANEL_REFRESH_SECONDS = 0.25
_IDLE_SLEEP_SECONDS = 0.002


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
        mode: str = "",
        modes: Sequence[str] = (),
        open_mode: Callable[[str], Renderer] | None = None,
        folder: Path = Path(),
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Open the window.

        Args:
            renderer: draws the avatar; stays the caller's.
            source: asked for a pose before each picture.
            framing: gives the first view when the first pose comes, and again when R is pressed.
            title: shown in the window's frame, with the key for help.
            size: (width, height) of the window's inside.
            background: sRGB colour behind the person; B goes on to others.
            cameras: asked before each picture; once it gives cameras, they are drawn side by side in place of
                the view of the mouse.
            render_size: (width, height) of the rendered picture, shown with borders; None follows the window.
            turn_speed: radians per second by which the view goes round by itself.
            status: lines shown with the times, and while there is no pose yet; called four times a second.
            mode: what `renderer` draws, in a word.
            modes: what M goes through.
            open_mode: opens the renderer of a mode, the first time it is wanted; the window closes it.
            folder: where the S and V keys put pictures and videos.
            now: a clock that never goes back, seconds.

        Raises WindowError when there is no display or no OpenGL 3.3.
        """
        self._renderer = self._given_renderer = renderer
        self._source, self._framing, self._status = source, framing, status
        self._mode, self._modes, self._open_mode = mode, tuple(modes), open_mode
        self._renderers = {mode: renderer}
        self._wanted_mode = self._asked_mode = mode
        self._next_cameras = cameras
        self._cameras: Sequence[Camera] | None = None
        self._orbit: Orbit | None = None
        self._backdrops = backdrops(background)
        self._render_size, self._turn_speed, self._now = render_size, turn_speed, now
        self._pose: Pose | None = None
        self._frame: Frame | None = None
        self._untimed: Frame | None = None  # the last frame, until its times were read
        self._frame_pose: Pose | None = None
        self._frame_cameras: Sequence[Camera] | None = None
        self._frame_view: tuple[Orbit, int, int] | None = None
        self._seconds = 0.0  # the source's clock
        self._last_tick = self._last_flip = now()
        self._paused = self._shows_times = self._shows_help = False
        self._message, self._message_end = "", 0.0
        self._times = PictureTimes()
        self._capture = Capture(folder, self._say, now)
        self._panel_lines: tuple[str, ...] = ()
        self._panel_due = 0.0
        self._stale = True  # the window shows something else than draw() would
        self._native = open_native(f"{title} (H: help)", size)
        self._period = 1 / display_rate(self._native)

        from pyglet import gl

        self._picture = FramePicture(gl, self._say)
        self._panel, self._squares = GlPicture(gl), GlPicture(gl)
        self._squares_size = (0, 0)
        self._largest = largest_texture(gl)
        self._native.push_handlers(
            on_key_press=self._on_key_press,
            on_mouse_drag=self._on_mouse_drag,
            on_mouse_scroll=self._on_mouse_scroll,
            on_resize=self._on_change,
            on_expose=self._on_change,
            on_close=self._leave_context,
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
        now = self._now()
        self._read_times()
        self._advance(now)
        self._render()
        self._capture.keep()
        self._refresh_panel(now)
        if self._stale:
            self._present()
        else:
            time.sleep(_IDLE_SLEEP_SECONDS)
        if self._wanted_mode != self._mode:  # by now the screen says that it is being opened
            self._change_mode()

    def _present(self) -> None:
        """Draw, and wait for the display."""
        self.draw()
        self._native.flip()
        # flip() waits; where it does not (vertical sync off), wait here
        early = self._last_flip + self._period - self._now()
        if early > 0.25 * self._period:
            time.sleep(early)
        self._last_flip = self._now()

    def draw(self) -> None:
        """Draw the last frame and the text into the back buffer."""
        self._native.switch_to()
        width, height = self._native.get_framebuffer_size()
        self._draw_backdrop(width, height)
        if self._frame is not None:
            views, rows, columns = self._frame.rgba.shape[:3]
            self._picture.draw(*fit((views * columns, rows), (width, height)))
        if self._panel_lines:
            scale = self._native.get_pixel_ratio()
            widest = min(width, max(round(_PANEL_SHARE * width), round(_PANEL_LEAST * scale)))
            panel = text_panel(self._panel_lines, font_size=round(_FONT_SIZE * scale), max_width=widest)
            self._panel.upload(panel)
            self._panel.draw(0, height - panel.shape[0], panel.shape[1], panel.shape[0])
        self._stale = False

    def _draw_backdrop(self, width: int, height: int) -> None:
        from pyglet import gl

        backdrop = self._backdrops[0]
        red, green, blue = (0, 0, 0) if backdrop == "checker" else backdrop
        gl.glClearColor(red / 255, green / 255, blue / 255, 1.0)
        gl.glClear(gl.GL_COLOR_BUFFER_BIT)
        if backdrop == "checker":
            if self._squares_size != (width, height):
                self._squares_size = (width, height)
                squares = paint_backdrop(backdrop, width, height)
                self._squares.upload(np.dstack([squares, np.full((height, width), 255, np.uint8)]))
            self._squares.draw(0, 0, width, height)

    def close(self) -> None:
        """End a recording and close the window and the renderers it opened; a second call does nothing.

        Raises OutputError when a recording cannot be finished.
        """
        try:
            self._capture.close()
        finally:
            self._close_native()
            for renderer in self._renderers.values():
                if renderer is not self._given_renderer:
                    renderer.close()

    def _close_native(self) -> None:
        self._leave_context()
        self._native.close()

    def _leave_context(self) -> None:
        """Give back what must not outlive the OpenGL context."""
        if self._native.context is not None:
            self._native.switch_to()
            self._picture.close()

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
        if pose is self._frame_pose and cameras is self._frame_cameras:
            return
        self._frame_cameras = cameras
        width, height = sum(camera.width for camera in cameras), cameras[0].height
        if max(width, height) > self._largest:
            self._say(f"the stream's views, {width}x{height}, are larger than this computer shows")
            self._frame_pose = pose
            return
        self._draw_frame(pose, cameras)

    def _draw_frame(self, pose: Pose, cameras: Sequence[Camera]) -> None:
        frame = self._renderer.render(pose, cameras)
        self._native.switch_to()
        self._picture.take(frame)  # first: it may begin before the GPU has drawn
        self._frame = self._untimed = frame
        self._frame_pose = pose
        self._times.add(self._now())
        self._show_to_recording()
        self._stale = True

    def _show_to_recording(self) -> None:
        """Give a recording what is shown now; a frame of a GPU is copied to the host only for that."""
        if self._frame is not None and self._capture.records:
            self._capture.show(side_by_side(self._frame.numpy()), self._backdrops[0])

    def _read_times(self) -> None:
        """Read what the last frame took, while it is to be told: on a GPU that waits for the frame."""
        if self._shows_times and self._untimed is not None:
            self._times.time(self._untimed.stages)
            self._untimed = None

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
            lines.extend(self._times.lines(self._mode, now))
        if self._shows_times or self._pose is None:
            lines.extend(self._status())
        if self._paused:
            lines.append("paused")
        lines.extend(self._capture.status())
        if now < self._message_end:
            lines.append(self._message)
        return lines

    def _say(self, message: str) -> None:
        self._message, self._message_end = message, self._now() + _MESSAGE_SECONDS
        self._panel_due = 0.0

    def _want_next_mode(self) -> None:
        """Ask for the mode after the one asked for last, whether or not that could be opened."""
        if self._open_mode is None or len(self._modes) < 2:
            self._say("there is no other mode")
            return
        asked = self._modes.index(self._asked_mode) if self._asked_mode in self._modes else -1
        self._asked_mode = self._wanted_mode = self._modes[(asked + 1) % len(self._modes)]
        self._say(f"opening {self._wanted_mode}")

    def _change_mode(self) -> None:
        mode = self._wanted_mode
        try:
            if mode not in self._renderers:
                assert self._open_mode is not None, "only then a mode can be wanted"
                self._renderers[mode] = self._open_mode(mode)
        except DinarError as error:
            self._wanted_mode = self._mode
            self._say(str(error))
            return
        self._mode, self._renderer = mode, self._renderers[mode]
        self._frame_pose = None  # draw again
        self._times.clear()
        self._untimed = None
        self._say(mode)

    def _next_backdrop(self) -> None:
        self._backdrops = (*self._backdrops[1:], self._backdrops[0])
        self._stale = True
        self._show_to_recording()

    def _capture_with(self, action: Callable[[np.ndarray, Backdrop], None]) -> None:
        if self._frame is None:
            self._say("there is no picture yet")
        else:
            action(side_by_side(self._frame.numpy()), self._backdrops[0])

    def _on_key_press(self, symbol: int, modifiers: int) -> bool:
        from pyglet.window import key

        actions = {
            key.ESCAPE: self._close_native,
            key.Q: self._close_native,
            key.SPACE: self._toggle_pause,
            key.R: self._frame_anew,
            key.M: self._want_next_mode,
            key.B: self._next_backdrop,
            key.S: lambda: self._capture_with(self._capture.screenshot),
            key.V: lambda: self._capture_with(self._capture.toggle),
            key.TAB: self._toggle_times,
            key.F: self._toggle_full_screen,
            key.H: self._toggle_help,
            key.QUESTION: self._toggle_help,
        }
        if symbol == key.SLASH and modifiers & key.MOD_SHIFT:
            symbol = key.QUESTION
        if symbol in actions:
            self._panel_due = 0.0
            actions[symbol]()
        return True  # handled: pyglet's own Escape would close without asking

    def _toggle_pause(self) -> None:
        self._paused = not self._paused

    def _frame_anew(self) -> None:
        self._orbit = None

    def _toggle_times(self) -> None:
        self._shows_times = not self._shows_times

    def _toggle_help(self) -> None:
        self._shows_help = not self._shows_help

    def _toggle_full_screen(self) -> None:
        self._native.set_fullscreen(not self._native.fullscreen)

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
