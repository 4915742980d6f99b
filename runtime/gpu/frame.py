"""A frame on the GPU: it may still be on its way when the renderer returns it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinar.runtime.gpu.errors import explained
from dinar.runtime.gpu.memory import DeviceArray, PinnedArray
from dinar.runtime.gpu.queue import Queue
from dinar.runtime.trace import Stage

if TYPE_CHECKING:
    from cuda.core import Event, Stream


@dataclass(frozen=True)
class Mark:
    """An event at the end of a stage.

    Attributes:
        stage: its name.
        event: recorded when the GPU has come so far.
    """

    stage: str
    event: Event


class DeviceFrame:
    """N pictures of one pose in the memory of a GPU; see `dinar.runtime.renderer.Frame`.

    Attributes:
        rgba: uint8 [N, H, W, 4].
        stream: what draws it; work given to this stream afterwards finds the pictures complete.
        gpu: name of the GPU.
    """

    def __init__(
        self,
        rgba: DeviceArray,
        host: PinnedArray,
        stream: Stream,
        *,
        gpu: str,
        start: Event,
        end: Event,
        marks: tuple[Mark, ...],
        submit_ms: float,
    ) -> None:
        """Describe work that has been given to `stream`.

        Args:
            rgba: where the pictures will be.
            host: of the same size, for `numpy`.
            stream: does the work.
            gpu: name of the GPU.
            start: recorded before the work.
            end: recorded behind it.
            marks: at the end of each stage, where stages are timed.
            submit_ms: what giving the work to the stream took the host.
        """
        self.rgba, self.stream, self.gpu = rgba, stream, gpu
        self._host = host
        self._start, self._end, self._marks = start, end, marks
        self._submit_ms = submit_ms

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The host's time to give the work, then each stage on the GPU, or all of it; waits for the frame."""
        self.wait()
        times, before = [Stage("submit", self._submit_ms)], self._start
        for mark in self._marks or (Mark("gpu", self._end),):
            times.append(Stage(mark.stage, float(mark.event - before)))
            before = mark.event
        return tuple(times)

    def wait(self) -> None:
        """Return when the pictures are complete. Raises GpuError when the GPU failed meanwhile."""
        with explained(self.gpu):
            self._end.sync()

    def numpy(self) -> np.ndarray:
        """Return the pictures on the host, uint8 [N, H, W, 4]; valid until the next frame but one."""
        with explained(self.gpu):
            Queue(self.stream).copy(self.rgba, self._host)
            self.stream.sync()
        return self._host.values
