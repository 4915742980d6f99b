"""Run by test_interop.py, on a display and with the software driver: scenes, told as JSON on standard output.

Each scene begins with a driver without faults whose work waits until somebody waits for it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyglet
from pyglet.window import key

from dinar.runtime.errors import DinarError
from dinar.runtime.gpu import device
from dinar.runtime.gpu.device import open_gpu
from dinar.runtime.measure.screen import open_screen
from dinar.runtime.renderer import HostFrame, open_renderer

from ..egg_avatar import AVATAR as EGG
from ..egg_avatar import REST
from ..window_child import FRONT, Session, pose
from .software_cuda.host_kernels import compile_host
from .window_on_gpu import CUDA, CountedFrame, GpuSession, MarkerOnGpu, Still, fail, resources, start_scene

VIEWS = [FRONT.camera(160, 240), FRONT.turned(0.7).camera(160, 240)]


def seen_from_host(steps: Callable[[Session], Any], **options: Any) -> list[np.ndarray]:
    """What a window shows after steps when the pictures come from the host."""
    session = Session(**options)
    seen = list(steps(session))
    session.window.close()
    return seen


def same_as_from_host(steps: Callable[[Session], Any], **options: Any) -> dict[str, Any]:
    """Take steps with frames of a GPU and with frames of the host."""
    expected = seen_from_host(steps, **options)
    with open_gpu(0) as gpu:
        session = GpuSession(gpu, **options)
        seen = list(steps(session))
        told = session.told() | {"resources": resources()}
        session.window.close()
        session.window.close()
    same = [bool(np.array_equal(a, b)) for a, b in zip(seen, expected, strict=True)]
    changed = [not np.array_equal(a, b) for a, b in pairwise(seen)]
    lit = [bool(picture.std() > 10) for picture in seen]
    return told | {"same": same, "lit": lit, "changed": changed, "left": resources()}


def one_view_and_a_resize(session: Session) -> Any:
    yield session.grab()
    session.fixed = pose(0.3)
    session.settle()
    yield session.grab()
    session.native.set_size(400, 200)
    session.settle()
    yield session.grab()
    session.fixed = pose(0.1)
    session.settle()
    yield session.grab()


def shows_one_view() -> dict[str, Any]:
    return same_as_from_host(one_view_and_a_resize)


def shows_one_view_with(function: str, error: int, after: int = 0) -> dict[str, Any]:
    """The same; from a call on, a function of the driver fails."""
    fail(function, error, after)
    return shows_one_view()


def shows_two_views() -> dict[str, Any]:
    return same_as_from_host(lambda session: [session.grab()], cameras=lambda: VIEWS)


def shows_text_over_it() -> dict[str, Any]:
    """The text and the checker come from the host, into textures of their own."""

    def steps(session: Session) -> Any:
        for name in ("H", "B", "B", "B", "B"):
            session.press(name)
            yield session.grab()

    return same_as_from_host(steps)


def copies_for_files_alone() -> dict[str, Any]:
    """Pictures, copies: shown; a screenshot; recorded while the person moves; shown again."""
    counts = []
    with open_gpu(0) as gpu, tempfile.TemporaryDirectory() as folder:
        session = GpuSession(gpu, folder=Path(folder))

        def move_and_count() -> None:
            for _ in range(3):
                session.fixed = pose(0.1 * (session.marker.pictures % 3))
                session.settle()
            counts.append([session.marker.pictures, CountedFrame.copied])

        move_and_count()
        session.press("S")
        counts.append([session.marker.pictures, CountedFrame.copied])
        session.press("V")
        move_and_count()
        session.press("V")
        move_and_count()
        session.window.close()
        return {"counts": counts, "files": sorted(path.suffix for path in Path(folder).iterdir())}


def reads_times_for_the_text_alone() -> dict[str, Any]:
    with open_gpu(0) as gpu:
        session = GpuSession(gpu)
        session.fixed = pose(0.2)
        session.settle()
        before = session.told()
        session.press("TAB")
        lines = session.window._panel_lines
        session.press("TAB")
        session.fixed = pose(0.4)
        session.settle()
        told = {"before": before, "after": session.told(), "lines": lines}
        session.window.close()
        return told


def goes_through_modes_of_two_renderers() -> dict[str, Any]:
    """From the host to a GPU and back, in one window."""
    with open_gpu(0) as gpu:
        opened = MarkerOnGpu(gpu, tint=(200, 30, 30))
        session = Session(mode="host", modes=("host", "gpu"), open_mode=lambda _: opened)
        seen = [session.grab()]
        for _ in range(2):
            session.press("M")
            session.window._message_end = 0.0
            session.window._panel_due = 0.0
            session.settle()
            seen.append(session.grab())
        session.window.close()
        red = bool((seen[1] != seen[0]).any())
        return {"copied": CountedFrame.copied, "red": red, "back": bool((seen[2] == seen[0]).all())}


def is_closed_by(*event: Any) -> dict[str, Any]:
    """The display sends an event while the window runs; nobody calls `Window.close`."""
    with open_gpu(0) as gpu:
        session = GpuSession(gpu)
        before = resources()
        pyglet.clock.schedule_once(lambda _: session.native.dispatch_event(*event), 0.1)
        session.window.run()
        return {"before": before, "after": resources(), "windows": len(pyglet.app.windows)}


def loses_the_gpu() -> dict[str, Any]:
    """The context breaks while the window takes a picture, and stays broken."""
    gpu = open_gpu(0)
    session = GpuSession(gpu)
    session.fixed = pose(0.2)
    fail("cuGraphicsMapResources", 700)
    try:
        session.settle()
        raised = ""
    except DinarError as error:
        raised = str(error)
    session.window.close()
    CUDA.software_cuda_reset()
    gpu.close()
    return {"raised": raised}


def is_presented_by_the_bench(error: int = 0) -> dict[str, Any]:
    if error:
        fail("cuGraphicsGLRegisterBuffer", error)
    with open_gpu(0) as gpu, open_screen(64) as screen:
        renderer = MarkerOnGpu(gpu)
        times = [screen.present(renderer.render(pose(), [FRONT.camera(64, 64)])) for _ in range(2)]
        times.append(screen.present(HostFrame(np.zeros((1, 64, 64, 4), np.uint8), ())))
        told = {"copied": CountedFrame.copied, "timed": [time > 0 for time in times], "name": screen.name}
    return told | {"left": resources()}


def shows_a_real_renderer() -> dict[str, Any]:
    """The whole way: skinned, rasterized, shaded and shown, and only at the end copied to compare."""
    device.cached_cubin = compile_host
    with open_renderer(EGG, device="cuda") as renderer:
        session = Session(lambda _: REST, marker=renderer)  # type: ignore[arg-type]
        seen = session.grab()
        log = CUDA.software_cuda_log().decode().splitlines()
        frame = session.window._frame
        assert frame is not None
        session.window.close()
        expected = seen_from_host(lambda s: [s.grab()], marker=Still(frame.numpy().copy()))
        return {
            "same": bool(np.array_equal(seen, expected[0])),
            "lit": bool(seen.std() > 10),
            "copies_of_pictures": log.count(f"copy {frame.rgba.nbytes}"),
        }


SCENES: dict[str, Callable[[], dict[str, Any]]] = {
    "one view": shows_one_view,
    "two views": shows_two_views,
    "text": shows_text_over_it,
    "304": partial(shows_one_view_with, "cuGraphicsGLRegisterBuffer", 304),
    "999": partial(shows_one_view_with, "cuGraphicsGLRegisterBuffer", 999),
    "219": partial(shows_one_view_with, "cuGraphicsGLRegisterBuffer", 219),
    "never maps": partial(shows_one_view_with, "cuGraphicsMapResources", 304),
    "maps but once": partial(shows_one_view_with, "cuGraphicsMapResources", 205, after=1),
    "registers but once": partial(shows_one_view_with, "cuGraphicsGLRegisterBuffer", 2, after=1),
    "unmaps but once": partial(shows_one_view_with, "cuGraphicsUnmapResources", 206, after=1),
    "does not unregister": partial(shows_one_view_with, "cuGraphicsUnregisterResource", 400),
    "files": copies_for_files_alone,
    "times": reads_times_for_the_text_alone,
    "modes": goes_through_modes_of_two_renderers,
    "Escape": partial(is_closed_by, "on_key_press", key.ESCAPE, 0),
    "close button": partial(is_closed_by, "on_close"),
    "lost": loses_the_gpu,
    "bench": is_presented_by_the_bench,
    "bench, 999": partial(is_presented_by_the_bench, 999),
    "renderer": shows_a_real_renderer,
}


def play(scene: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a scene tells, or how it failed."""
    start_scene()
    try:
        return scene()
    except Exception:
        return {"failed": traceback.format_exc()}
    finally:
        CUDA.software_cuda_reset()
        for window in list(pyglet.app.windows):
            window.close()


if __name__ == "__main__":
    asked = sys.argv[1:] or list(SCENES)
    json.dump({name: play(SCENES[name]) for name in asked}, sys.stdout)
