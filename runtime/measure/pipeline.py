"""One frame at a time from the socket to the screen, each stage timed."""

from __future__ import annotations

import time
from dataclasses import dataclass

from dinar.runtime.measure.publisher import wait_for_pose
from dinar.runtime.measure.screen import Screen
from dinar.runtime.measure.view import FollowingView
from dinar.runtime.renderer import Renderer
from dinar.runtime.stream import PoseSubscriber


@dataclass(frozen=True)
class Sample:
    """One frame, milliseconds.

    Attributes:
        stages: in order; they add up to `total`, `present` left out.
        total: pose received to RGBA ready.
        age: from the pose's time at its source to its presentation.
        busy: what the loop did, waiting for a pose and choosing the camera left out.
    """

    stages: dict[str, float]
    total: float
    age: float
    busy: float


class Pipeline:
    """Receives and draws, one frame a step."""

    def __init__(
        self, subscriber: PoseSubscriber, view: FollowingView, renderer: Renderer, screen: Screen
    ) -> None:
        self._subscriber, self._view, self._renderer, self._screen = subscriber, view, renderer, screen

    def step(self) -> Sample:
        """Wait for a pose and draw it. Choosing the camera is no part of the pipeline: it is not timed."""
        frame = None
        while frame is None:
            wait_for_pose(self._subscriber)
            asked = time.perf_counter()
            frame = self._subscriber.latest()
            taken = time.perf_counter()
        seen = self._subscriber.stats()
        assert seen.waited_ms is not None, "a frame was taken"
        assert seen.age_ms is not None, "a frame was taken"
        camera = self._view.camera(frame.pose)
        start = time.perf_counter()
        picture = self._renderer.render(frame.pose, [camera])
        picture.wait()
        ready = time.perf_counter()
        present = self._screen.present(picture)
        shown = time.perf_counter()
        decode, render = 1e3 * (taken - asked), 1e3 * (ready - start)
        stages = {"wait": max(0.0, seen.waited_ms - decode), "decode": decode}
        stages |= {stage.name: stage.ms for stage in picture.stages}
        stages["other"] = render - sum(stage.ms for stage in picture.stages)
        total = sum(stages.values())
        if present is not None:
            stages["present"] = present
        busy = decode + 1e3 * (shown - start)
        return Sample(stages, total, seen.age_ms + 1e3 * (shown - taken), busy)

    def run(self, frames: int, seconds: float) -> list[Sample]:
        """Draw so many frames, or as many as fit into `seconds`, at least one."""
        end = time.perf_counter() + seconds
        samples: list[Sample] = []
        while len(samples) < frames and (not samples or time.perf_counter() < end):
            samples.append(self.step())
        return samples
