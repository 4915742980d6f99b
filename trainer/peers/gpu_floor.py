"""The least time that a renderer network can take on a GPU: its operations and bytes over measured rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from dinar.runtime.network_input import CHANNELS
from dinar.trainer.models.renderer import NeuralRenderer, RendererConfig, count_flops

MATRIX_SIDE = 8192
COPY_BYTES = 1 << 30
_RUNS = 20
_HALF_BYTES = 2


@dataclass(frozen=True)
class Rates:
    """What a GPU was measured to do at its best.

    Attributes:
        flops: operations a second of a large product of float16 matrices; a multiply-add is two.
        bytes: read and written a second by a large copy within its memory.
    """

    flops: float
    bytes: float


@dataclass(frozen=True)
class Work:
    """What a network does for one picture in half precision.

    Attributes:
        flops: operations of its convolutions; a multiply-add is two.
        bytes: that its convolutions read and write, each weight and pixel once.
    """

    flops: int
    bytes: int


def count_work(config: RendererConfig, height: int, width: int) -> Work:
    """Count what a network does for a picture of `height` x `width`, multiples of `config.multiple`."""
    numbers = 0

    def add(convolution: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal numbers
        weights = sum(parameter.numel() for parameter in convolution.parameters())
        numbers += inputs[0].numel() + output.numel() + weights

    with torch.device("meta"), torch.no_grad():
        network = NeuralRenderer(config).eval()
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(add)
        network(torch.empty(1, CHANNELS, height, width))
    return Work(count_flops(config, height, width), _HALF_BYTES * numbers)


def floor_ms(work: Work, rates: Rates) -> float:
    """Return the milliseconds below which it cannot be done: computing or moving, whichever takes longer."""
    return 1e3 * max(work.flops / rates.flops, work.bytes / rates.bytes)


def measure_floor(device: torch.device) -> Rates:
    """Measure a CUDA device's rates; takes a second."""
    rates = Rates(_measure_flops(device), _measure_bytes(device))
    torch.cuda.empty_cache()  # others here take memory that is not torch's
    return rates


def _measure_flops(device: torch.device) -> float:
    side = MATRIX_SIDE
    a, b = (torch.randn(side, side, device=device, dtype=torch.float16) for _ in range(2))
    product = torch.empty_like(a)
    return 2 * side**3 / _best_seconds(lambda: torch.mm(a, b, out=product))


def _measure_bytes(device: torch.device) -> float:
    source = torch.empty(COPY_BYTES, device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    return 2 * COPY_BYTES / _best_seconds(lambda: target.copy_(source))


def _best_seconds(run: Callable[[], object]) -> float:
    """Seconds of the fastest of several runs, by the GPU's clock."""
    times = []
    for _ in range(_RUNS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        end.synchronize()
        times.append(1e-3 * start.elapsed_time(end))
    return min(times)
