"""What a frame takes on a GPU, stage by stage, by the GPU's own clock.

The pipeline is timed from outside, as on the CPU; that tells when a picture is there, not where its time
goes. Here frames are drawn one after the other: first as they are drawn live, as one graph, timed as a whole;
then with an event behind each stage within the graph; then without waiting, for the rate.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from dinar.runtime.gpu.frame import DeviceFrame
from dinar.runtime.gpu.renderer import GpuRenderer
from dinar.runtime.measure.records import GpuDetails
from dinar.runtime.measure.statistics import percentiles
from dinar.runtime.measure.view import FollowingView
from dinar.runtime.renderer import Renderer

T = TypeVar("T")

FRAMES = 300
WARM_UP = 30
SECONDS = 10.0
"""Longest time of each of the three parts."""


def measure_gpu(renderer: Renderer, traced: Renderer, view: FollowingView) -> GpuDetails | None:
    """Measure; None where the renderer is none of a GPU's.

    Args:
        renderer: as it draws live.
        traced: the same, with `trace`.
        view: the poses and their cameras.
    """
    if not isinstance(renderer, GpuRenderer) or not isinstance(traced, GpuRenderer):
        return None
    frames = _draw(renderer, view, lambda frame: sum(s.ms for s in frame.stages if s.name == "gpu"))
    names: list[str] = []

    def stages(frame: DeviceFrame) -> list[float]:
        found = [stage for stage in frame.stages if stage.name != "submit"]
        names[:] = [stage.name for stage in found]
        return [stage.ms for stage in found]

    columns = list(zip(*_draw(traced, view, stages), strict=True))
    return GpuDetails(
        name=renderer.gpu_name,
        engine=renderer.engine,
        captured=renderer.captured,
        frame=percentiles(frames),
        stages={name: percentiles(times) for name, times in zip(names, columns, strict=True)},
        frames_per_second=_rate(renderer, view),
    )


def _draw(renderer: GpuRenderer, view: FollowingView, look: Callable[[DeviceFrame], T]) -> list[T]:
    """Draw frames, each when the last is complete, and return what `look` sees in them."""
    seen: list[T] = []
    end = time.perf_counter() + SECONDS
    for k in range(WARM_UP + FRAMES):
        pose = view.poses[k % len(view.poses)]
        frame = renderer.render(pose, [view.camera(pose)])
        found = look(frame)
        if k >= WARM_UP:
            seen.append(found)
        if seen and time.perf_counter() > end:
            break
    return seen


def _rate(renderer: GpuRenderer, view: FollowingView) -> float:
    """Draw frames without waiting for each, and return how many a second."""
    frame, drawn, start = None, 0, time.perf_counter()
    while drawn < FRAMES and time.perf_counter() < start + SECONDS:
        pose = view.poses[drawn % len(view.poses)]
        frame = renderer.render(pose, [view.camera(pose)])
        drawn += 1
    assert frame is not None, "one is drawn at least"
    frame.wait()
    return drawn / (time.perf_counter() - start)
