"""Work given to a GPU in order: to a stream, which does it, or to a capture, which writes it into a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuda.core import Event, Kernel, Stream
    from cuda.core.graph import GraphBuilder

    from dinar.runtime.gpu.memory import DeviceArray, PinnedArray

BLOCK = 128
"""Threads of a block, but for kernels that cover pictures."""

TILE = (16, 8)
"""Columns and rows of pixels that a block draws."""


class Queue:
    """What kernels and copies are given to, one after the other; nothing here waits."""

    def __init__(self, target: Stream | GraphBuilder, *, captures: bool = False) -> None:
        """Give work to `target`; with `captures` it is being written into a graph."""
        self._target, self._captures = target, captures

    @property
    def handle(self) -> int:
        """The raw CUstream, for libraries that enqueue by themselves."""
        stream = self._target.stream if hasattr(self._target, "stream") else self._target
        return int(stream.handle)

    def over_items(self, kernel: Kernel, count: int, views: int, *arguments: Any) -> None:
        """Launch one thread for each of `count` items, in each of `views` views."""
        self._launch(kernel, (-(-max(count, 1) // BLOCK), views, 1), (BLOCK, 1, 1), arguments)

    def over_blocks(self, kernel: Kernel, blocks: int, views: int, *arguments: Any) -> None:
        """Launch so many blocks in each of `views` views; they share the work out among themselves."""
        self._launch(kernel, (blocks, views, 1), (BLOCK, 1, 1), arguments)

    def over_pixels(self, kernel: Kernel, height: int, width: int, views: int, *arguments: Any) -> None:
        """Launch one thread for each pixel of each of `views` pictures."""
        grid = (-(-width // TILE[0]), -(-height // TILE[1]), views)
        self._launch(kernel, grid, (*TILE, 1), arguments)

    def copy(self, source: DeviceArray | PinnedArray, target: DeviceArray | PinnedArray) -> None:
        """Copy an array to another of the same size."""
        target.buffer.copy_from(source.buffer, stream=self._target)

    def clear(self, array: DeviceArray) -> None:
        """Fill an array with zeros."""
        array.buffer.fill(0, stream=self._target)

    def mark(self, event: Event) -> None:
        """Record `event` here; in a graph, at each of its runs."""
        if not self._captures:
            self._target.record(event)
            return
        from cuda.bindings import driver

        flag = driver.CUevent_record_flags.CU_EVENT_RECORD_EXTERNAL
        (error,) = driver.cuEventRecordWithFlags(event.handle, self.handle, flag)
        if error != driver.CUresult.CUDA_SUCCESS:
            raise RuntimeError(f"{error.name}: recording an event in a graph")

    def _launch(
        self,
        kernel: Kernel,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        arguments: tuple[Any, ...],
    ) -> None:
        from cuda.core import LaunchConfig, launch

        launch(self._target, LaunchConfig(grid=grid, block=block), kernel, *arguments)
