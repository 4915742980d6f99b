"""One frame's work as one CUDA graph: captured once, launched for every frame that is drawn the same way.

A graph launch costs the host what one kernel does, whatever the frame holds. The recipe: run the work once in
the ordinary way, so that modules are loaded and libraries have set themselves up; wait; capture it. What
changes from frame to frame lies in memory that the captured work reads.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from dinar.runtime.gpu.errors import error_name
from dinar.runtime.gpu.queue import Queue

if TYPE_CHECKING:
    from cuda.core import Stream

    from dinar.runtime.gpu.device import Gpu

Recording = Callable[[Queue], None]
"""Gives a frame's work to a queue."""

Capture = Callable[[Recording], Callable[[], None]]
"""A library's own way to capture work together with its own: returns what launches the graph."""


class Replay(Protocol):
    """A frame's work, ready to be launched again and again."""

    captured: bool
    """Whether it is one graph."""

    def launch(self) -> None:
        """Start the work on the stream; does not wait."""
        ...

    def close(self) -> None:
        """Give back what it holds; a second call does nothing."""
        ...


def make_replay(
    gpu: Gpu,
    record: Recording,
    *,
    capture: Capture | None = None,
    waits: bool = False,
    tell: Callable[[str], None],
) -> Replay:
    """Run a frame's work once, and capture it.

    Args:
        gpu: where it runs, on its stream.
        record: gives the work to a queue; called for the run and for the capture.
        capture: the network's own way to capture, where it has one.
        waits: the work waits for the GPU in between: nothing can capture that.
        tell: takes one sentence if capturing fails, and the work is then given to the stream every time.
    """
    record(Queue(gpu.stream))
    gpu.stream.sync()
    if waits:
        return _Eager(gpu.stream, record)
    try:
        if capture is not None:
            return _Called(capture(record))
        return _Graph(gpu, record)
    except Exception as error:
        name = error_name(error)
        if name is None:
            raise
        tell(
            f"this GPU's driver cannot capture frames as CUDA graphs ({name}): each frame costs the host more"
        )
        return _Eager(gpu.stream, record)


class _Graph:
    """Work captured on a stream made for it: should its capture not end, nothing else waits there."""

    captured = True

    def __init__(self, gpu: Gpu, record: Recording) -> None:
        self._stream = gpu.stream
        builder = gpu.graph_builder()
        try:
            builder.begin_building("thread_local")  # other threads may open networks meanwhile
            try:
                record(Queue(builder, captures=True))
            except BaseException:
                with suppress(Exception):  # what is spoilt must be ended, too
                    builder.end_building()
                raise
            self._graph = builder.end_building().complete()
        finally:
            with suppress(Exception):  # a capture that did not end
                builder.close()
        self._graph.upload(self._stream)

    def launch(self) -> None:
        self._graph.launch(self._stream)

    def close(self) -> None:
        self._graph.close()


class _Called:
    """Work that a library captured."""

    captured = True

    def __init__(self, launch: Callable[[], None]) -> None:
        self._launch: Callable[[], None] | None = launch

    def launch(self) -> None:
        assert self._launch is not None, "open"
        self._launch()

    def close(self) -> None:
        self._launch = None


class _Eager:
    """Work that is given to the stream each time."""

    captured = False

    def __init__(self, stream: Stream, record: Recording) -> None:
        self._queue, self._record = Queue(stream), record

    def launch(self) -> None:
        self._record(self._queue)

    def close(self) -> None:
        """Nothing is held."""
