"""Run by test_window.py on a display of its own: one scene in a real window, told as JSON on standard output.

Arguments: the scene's name, a folder for pictures.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.display.orbit import Orbit
from dinar.runtime.errors import DinarError
from dinar.runtime.renderer import HostFrame
from dinar.runtime.trace import Stage
from dinar.runtime.window import Window

BACKGROUND = (40, 90, 160)
FRONT = Orbit(target=(0.0, 0.0, 0.0), distance=4.0)


def pose(x: float = 0.0) -> Pose:
    return Pose(np.zeros((55, 3), np.float32), np.array([x, 0, 0], np.float32), np.zeros(0, np.float32))


class Marker:
    """Draws a box of eight coloured, soft discs about the pose's translation, and counts its pictures.

    With a tint all discs have that colour.
    """

    def __init__(self, tint: tuple[int, int, int] | None = None, stages: Sequence[Stage] = ()) -> None:
        self.pictures, self.closed = 0, 0
        self.tint, self.stages = tint, tuple(stages) or (Stage("marker", 1.5),)

    def render(self, pose: Pose, cameras: Sequence[Camera]) -> HostFrame:
        self.pictures += 1
        rgba = np.stack([self._draw(pose, camera) for camera in cameras])
        return HostFrame(rgba=rgba, stages=self.stages)

    def _draw(self, pose: Pose, camera: Camera) -> np.ndarray:
        y, x = np.mgrid[: camera.height, : camera.width] + 0.5
        rgba = np.zeros((camera.height, camera.width, 4), np.uint8)
        for k in range(8):
            corner = np.array([k & 1, k >> 1 & 1, k >> 2 & 1])
            world = pose.translation + 0.7 * (corner - 0.5)
            seen = camera.K @ (camera.T_camera_world @ [*world, 1])[:3]
            near = np.hypot(x - seen[0] / seen[2], y - seen[1] / seen[2]) / camera.height
            alpha = np.clip((0.09 - near) / 0.02, 0, 1) * (1 - 0.1 * k)
            chosen = alpha > rgba[..., 3] / 255
            rgba[chosen, :3] = 255 * corner if self.tint is None else self.tint
            rgba[chosen, 3] = np.round(255 * alpha[chosen])
        return rgba

    def close(self) -> None:
        self.closed += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Session:
    """A window under test, the renderer behind it and what it asked for."""

    def __init__(
        self,
        source: Callable[[float], Pose | None] | None = None,
        marker: Marker | None = None,
        **options: Any,
    ) -> None:
        self.marker = marker or Marker()
        self.fixed = pose()
        self.window = Window(
            self.marker,
            source or (lambda _: self.fixed),
            lambda *_: FRONT,
            title="test",
            background=BACKGROUND,
            **{"size": (320, 240), **options},
        )
        import pyglet

        (self.native,) = pyglet.app.windows
        self.settle()

    @property
    def orbit(self) -> Orbit:
        """The view, which is there once a pose was shown."""
        assert self.window.orbit is not None
        return self.window.orbit

    def settle(self) -> None:
        """Let the display's events arrive, and draw what follows from them."""
        for _ in range(5):
            self.native.dispatch_events()
            self.window.tick()
            time.sleep(0.01)

    def press(self, name: str, modifiers: int = 0) -> None:
        from pyglet.window import key

        self.native.dispatch_event("on_key_press", getattr(key, name), modifiers)
        if self.native.context is not None:  # the key has not closed the window
            self.settle()

    def drag(self, right: int, up: int, button: str = "LEFT") -> None:
        from pyglet.window import mouse

        self.native.dispatch_event("on_mouse_drag", 100, 100, right, up, getattr(mouse, button), 0)
        self.settle()

    def grab(self) -> np.ndarray:
        """What the window shows: uint8 [H, W, 3]."""
        from pyglet import gl

        self.window.draw()
        width, height = self.native.get_framebuffer_size()
        pixels = np.zeros((height, width, 4), np.uint8)
        gl.glReadPixels(
            0, 0, width, height, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, pixels.ctypes.data_as(ctypes.c_void_p)
        )
        return pixels[::-1, :, :3].copy()


def shows_a_frame(folder: Path) -> dict[str, Any]:
    session = Session()
    Image.fromarray(session.grab()).save(folder / "seen.png")
    return {"bits": session.native.config.red_size}


def follows_the_window(folder: Path) -> dict[str, Any]:
    session = Session()
    session.native.set_size(400, 200)
    session.settle()
    Image.fromarray(session.grab()).save(folder / "seen.png")
    return {"rendered": session.window._frame.rgba.shape[1:3] if session.window._frame else None}


def letterboxes_a_fixed_size(folder: Path) -> dict[str, Any]:
    session = Session(render_size=(120, 120))
    Image.fromarray(session.grab()).save(folder / "seen.png")
    return {}


def turns_with_the_mouse(folder: Path) -> dict[str, Any]:
    session = Session()
    front = session.grab()
    session.drag(48, 24)
    Image.fromarray(session.grab()).save(folder / "seen.png")
    turned = session.orbit
    session.drag(30, 0, "RIGHT")
    moved = session.orbit
    session.native.dispatch_event("on_mouse_scroll", 100, 100, 0, 2.0)
    session.settle()
    zoomed = session.orbit
    session.press("R")
    return {
        "azimuth": turned.azimuth,
        "elevation": turned.elevation,
        "moved": moved.target,
        "zoomed": zoomed.distance,
        "reset": session.orbit == FRONT and bool((session.grab() == front).all()),
    }


def renders_only_what_changed(_: Path) -> dict[str, Any]:
    poses = [pose()]
    session = Session(lambda _: poses[-1])
    counts = [session.marker.pictures]
    session.settle()
    counts.append(session.marker.pictures)
    poses.append(pose(0.2))
    session.settle()
    counts.append(session.marker.pictures)
    session.drag(10, 0)
    counts.append(session.marker.pictures)
    session.press("TAB")
    counts.append(session.marker.pictures)
    return {"counts": counts}


def shows_streamed_views_side_by_side(folder: Path) -> dict[str, Any]:
    views = [FRONT.camera(160, 240), FRONT.turned(0.7).camera(160, 240)]
    waiting: list[list[Camera]] = [views]
    session = Session(cameras=lambda: waiting.pop() if waiting else None)
    seen = session.grab()
    Image.fromarray(seen).save(folder / "seen.png")
    first = session.marker.pictures
    session.settle()
    again = session.marker.pictures
    waiting.append(views[::-1])
    session.settle()
    swapped = session.grab()
    return {
        "shape": session.window._frame.rgba.shape if session.window._frame else None,
        "drawn_again": again - first,
        "swapped": bool((swapped == np.roll(seen, 160, axis=1)).all()),
        "differ": bool((seen[:, :160] != seen[:, 160:]).any()),
    }


def takes_no_pose_while_paused(_: Path) -> dict[str, Any]:
    asked: list[float] = []

    def source(seconds: float) -> Pose:
        asked.append(seconds)
        return pose(0.01 * len(asked))

    session = Session(source)
    session.press("SPACE")
    before = len(asked)
    time.sleep(0.3)
    session.settle()
    while_paused = len(asked) - before
    session.press("SPACE")
    return {
        "while_paused": while_paused,
        "gap": asked[before] - asked[before - 1],
        "after": len(asked) - before,
    }


def writes_text(_: Path) -> dict[str, Any]:
    session = Session(status=lambda: ["pose age 3 ms"])
    pictures = {"plain": session.grab()}
    session.press("TAB")
    pictures["times"] = session.grab()
    session.press("TAB")
    pictures["again"] = session.grab()
    session.press("H")
    pictures["help"] = session.grab()
    return {name: float(np.mean(picture != pictures["plain"])) for name, picture in pictures.items()}


def waits_for_the_first_pose(_: Path) -> dict[str, Any]:
    session = Session(lambda _: None, status=lambda: ["waiting for poses on tcp://127.0.0.1:5555"])
    seen = session.grab()
    return {"pictures": session.marker.pictures, "text": float(np.mean(seen != np.array(BACKGROUND)))}


def saves_a_screenshot(folder: Path) -> dict[str, Any]:
    session = Session(folder=folder)
    session.press("S")
    (path,) = folder.glob("dinar-*.png")
    path.rename(folder / "seen.png")
    return {}


class Clock:
    """Stands still until it is moved on."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


STAGES = [Stage("skin", 0.61), Stage("raster", 2.28), Stage("sample", 3.4), Stage("shade", 1.07)]
STATUS = [
    "pose age 12.3 ms   received 1203   shown 1100   skipped 103",
    "malformed messages dropped: not msgpack 2, length 1",
    "smoothing medium adds up to 54 ms   prediction 29 ms ahead",
]


def shows_help(folder: Path) -> dict[str, Any]:
    session = Session(size=(480, 480))
    session.press("H")
    Image.fromarray(session.grab()).save(folder / "seen.png")
    return {}


def shows_times(folder: Path) -> dict[str, Any]:
    session = Session(
        marker=Marker(stages=STAGES),
        size=(480, 360),
        status=lambda: STATUS,
        mode="rgb",
        now=Clock(),
        folder=folder,
    )
    session.press("TAB")
    session.press("V")
    Image.fromarray(session.grab()).save(folder / "seen.png")
    session.window.close()
    return {}


def goes_through_backgrounds(folder: Path) -> dict[str, Any]:
    clock = Clock()
    session = Session(now=clock)
    corners = []
    for k in range(6):
        seen = session.grab()
        Image.fromarray(seen).save(folder / f"seen_{k}.png")
        corners.append(seen[-1, -1].tolist())
        session.press("B")
    return {"corners": corners, "drawn": session.marker.pictures}


def goes_through_modes(folder: Path) -> dict[str, Any]:
    """Of three modes one cannot be opened."""
    opened: dict[str, Marker] = {}
    said: list[tuple[str, ...]] = []

    def open_mode(mode: str) -> Marker:
        said.append(session.window._panel_lines)
        if mode == "broken":
            raise DinarError("the network is missing: export it first")
        opened[mode] = Marker(tint=(200, 30, 30))
        return opened[mode]

    session = Session(mode="plain", modes=("plain", "broken", "red"), open_mode=open_mode, now=Clock())
    steps = []
    for _ in range(4):
        session.press("M")
        Image.fromarray(session.grab()).save(folder / f"seen_{len(steps)}.png")
        pictures = {"plain": session.marker.pictures} | {m: r.pictures for m, r in opened.items()}
        steps.append({"said": session.window._panel_lines, "pictures": pictures})
    session.window.close()
    closed = {"plain": session.marker.closed} | {m: renderer.closed for m, renderer in opened.items()}
    return {"steps": steps, "while_opening": said, "closed": closed}


def changes_mode_while_poses_stream_in(_: Path) -> dict[str, Any]:
    other = Marker()
    poses = (pose(0.001 * k) for k in range(10_000))
    session = Session(lambda _: next(poses), mode="a", modes=("a", "b"), open_mode=lambda _: other)
    session.press("M")
    return {"pictures": other.pictures}


def records_a_video(folder: Path) -> dict[str, Any]:
    """Two seconds of one pose, one of another; a wider window, another background; a pause of the clock."""
    clock = Clock()
    poses = [pose()]
    session = Session(lambda _: poses[-1], now=clock, folder=folder)

    def pass_seconds(seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            clock.seconds += 0.02
            session.native.dispatch_events()
            session.window.tick()

    session.press("V")
    pass_seconds(2)
    status = session.window._panel_lines
    poses.append(pose(0.5))
    pass_seconds(1)
    session.native.set_size(480, 240)
    session.settle()
    pass_seconds(1)
    session.press("B")
    pass_seconds(1)
    session.press("V")
    return {
        "status": status,
        "said": session.window._panel_lines,
        "files": [p.name for p in folder.iterdir()],
    }


def records_until_it_is_closed(folder: Path) -> dict[str, Any]:
    session = Session(folder=folder)
    session.press("V")
    time.sleep(0.2)
    session.window.tick()
    session.window.close()
    return {"files": [p.name for p in folder.iterdir()]}


def cannot_record(folder: Path) -> dict[str, Any]:
    session = Session(folder=folder / "missing")
    session.press("V")
    recording = session.window._panel_lines
    session.press("S")
    return {"recording": recording, "screenshot": session.window._panel_lines}


def gets_views_that_are_too_large(_: Path) -> dict[str, Any]:
    large = [FRONT.camera(8192, 16)] * 4
    session = Session(cameras=lambda: large)
    return {"drawn": session.marker.pictures, "said": session.window._panel_lines}


def goes_full_screen_and_back(_: Path) -> dict[str, Any]:
    session = Session()
    sizes = [session.native.get_size()]
    for _press in range(2):
        session.press("F")
        sizes.append(session.native.get_size())
    session.grab()
    return {"sizes": sizes, "screen": [session.native.screen.width, session.native.screen.height]}


def closes(_: Path) -> dict[str, Any]:
    import pyglet

    ended = []
    for key_name in ("ESCAPE", "Q"):
        session = Session()
        pyglet.clock.schedule_once(lambda _, s=session, k=key_name: s.press(k), 0.1)
        session.window.run()
        session.window.close()
        ended.append(len(pyglet.app.windows))
    return {"ended": ended}


if __name__ == "__main__":
    name, target = sys.argv[1:]
    json.dump(globals()[name](Path(target)), sys.stdout)
