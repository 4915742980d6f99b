"""What a renderer network on the GPU is to those who draw, whatever engine runs it."""

from __future__ import annotations

from typing import Protocol

from dinar.runtime.gpu.graph import Capture


class CudaNetwork(Protocol):
    """A renderer network opened for N pictures of one size; its memory stays where it is.

    Attributes:
        block: pixels on a side that one cell of the logits stands for.
        stride: channels of the logits as they lie in memory.
        input_address: device pointer to fp16 [N, H, W, 24]: write here before it runs.
        logits_address: device pointer to fp16 [N, H / block, W / block, stride]: read here afterwards.
        capture: captures a frame's work together with the network's own, where the engine must do that
            itself; None: the network can be captured like any kernel.
    """

    block: int
    stride: int
    input_address: int
    logits_address: int
    capture: Capture | None

    def enqueue(self, stream: int) -> None:
        """Run once on a raw CUstream handle; neither waits nor allocates, so that it can be captured."""
        ...

    def close(self) -> None:
        """Give the memory back; a second call does nothing. Nothing of it may be under way."""
        ...


class NetworkOpener(Protocol):
    """Opens one network of an avatar for a number and size of pictures; may be called from another thread.

    Attributes:
        name: of the engine, "tensorrt", "tensorrt-rtx" or "torch".
        eighths: lengths that a crop's side may have, in eighths of the picture's, ascending, the last 8: few
            where it takes long to open another size.
        background: whether another size may be opened while pictures are drawn.
    """

    name: str
    eighths: tuple[int, ...]
    background: bool

    def open(self, views: int, height: int, width: int) -> CudaNetwork:
        """Open for `views` pictures of `height` x `width` pixels, multiples of 32.

        Raises:
            DinarError: the engine cannot be built, or does not run here.
        """
        ...
