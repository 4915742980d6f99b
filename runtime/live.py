"""The live loop: the newest pose, drawn as the newest cameras see it.

Nothing queues. A stream that falls silent keeps its last picture, and what did not change is not drawn again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.outputs import Output
from dinar.runtime.pacing import ticks
from dinar.runtime.renderer import Frame, Renderer


@dataclass(frozen=True)
class LiveCounts:
    """What a loop has done so far.

    Attributes:
        poses: poses taken from the stream.
        rendered: frames drawn.
        kept: steps that gave the last frame again, because neither pose nor cameras had changed.
        empty: steps without a frame, before the first pose.
    """

    poses: int = 0
    rendered: int = 0
    kept: int = 0
    empty: int = 0


class LiveLoop:
    """Draws what is newest, once each time it is asked to.

    Args:
        poses: gives the newest pose that was not taken yet, or None; never waits.
        cameras: likewise the newest cameras to draw from, or None when they have not changed.
        renderer: draws; stays the caller's.
    """

    def __init__(
        self,
        poses: Callable[[], Pose | None],
        cameras: Callable[[], Sequence[Camera] | None],
        renderer: Renderer,
    ) -> None:
        self._next_pose, self._next_cameras, self._renderer = poses, cameras, renderer
        self._pose: Pose | None = None
        self._cameras: Sequence[Camera] | None = None
        self._frame: Frame | None = None
        self._poses = self._rendered = self._kept = self._empty = 0

    @property
    def counts(self) -> LiveCounts:
        """What was done so far."""
        return LiveCounts(self._poses, self._rendered, self._kept, self._empty)

    def step(self) -> Frame | None:
        """Take what is newest and return its frame; None before the first pose and the first cameras.

        The frame is valid until the next step.
        """
        pose, cameras = self._next_pose(), self._next_cameras()
        self._poses += pose is not None
        self._pose, self._cameras = pose or self._pose, cameras or self._cameras
        if self._pose is None or self._cameras is None:
            self._empty += 1
        elif pose is None and cameras is None and self._frame is not None:
            self._kept += 1
        else:
            self._frame = self._renderer.render(self._pose, self._cameras)
            self._rendered += 1
        return self._frame


def record(
    loop: LiveLoop,
    output: Output,
    *,
    fps: float,
    pictures: int | None = None,
    now: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """Write what `loop` shows in true time, and yield after each picture how many were written.

    The first picture is written when there is one. Where drawing is slower than `fps`, the last picture is
    written again for each beat that passed: a second stays a second.

    Args:
        loop: gives the frames.
        output: takes the frames; stays the caller's.
        fps: pictures per second of `output`.
        pictures: stop after so many; None goes on until the caller stops.
        now: see `ticks`.
        sleep: see `ticks`.
    """
    written, first, shown = 0, 0, None
    for tick in ticks(fps, now=now, sleep=sleep):
        if shown is None:
            first = tick
        due = tick - first if pictures is None else min(tick - first, pictures)
        while shown is not None and written < due:  # beats that passed while the last frame was drawn
            output.write(shown)
            written += 1
            yield written
        if pictures is not None and written >= pictures:
            return
        shown = loop.step()
        if shown is not None:
            output.write(shown)
            written += 1
            yield written
