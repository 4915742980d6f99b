"""What the driver's own tests work with: two small kernels, arrays on both sides, calls without cuda.core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .host_kernels import compile_host

COUNT = 1000
KERNELS = """
extern "C" __global__ void scale(int count, float factor, const float* in, float* out) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) out[i] = factor * in[i];
}
extern "C" __global__ void __launch_bounds__(128) tally(int count, int* total, unsigned long long* highest) {
  const int i = (blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  atomicAdd(total, 1);
  atomicMax(highest, (unsigned long long)i << 32 | 7u);
}
"""


class Desk:
    """A device, a stream, and arrays on both sides."""

    def __init__(self, folder: Path) -> None:
        from cuda.core import Device, LegacyPinnedMemoryResource, ObjectCode

        self.device = Device(0)
        self.device.set_current()
        self.stream = self.device.create_stream()
        self.source = self.device.allocate(4 * COUNT, stream=self.stream)
        self.result = self.device.allocate(4 * COUNT, stream=self.stream)
        self.pinned = [LegacyPinnedMemoryResource().allocate(4 * COUNT) for _ in range(2)]
        self.given, self.got = (np.from_dlpack(pinned).view(np.float32) for pinned in self.pinned)
        self.given[:] = np.arange(COUNT)
        self.code = ObjectCode.from_cubin(compile_host("tiny", "sm_90", folder=folder))
        self.scale_kernel = self.code.get_kernel("scale")

    def upload(self, stream: Any = None) -> None:
        self.source.copy_from(self.pinned[0], stream=stream or self.stream)

    def download(self, stream: Any = None) -> None:
        self.result.copy_to(self.pinned[1], stream=stream or self.stream)

    def scale(self, factor: float, stream: Any = None, *, block: int = 256) -> None:
        from cuda.core import LaunchConfig, launch

        config = LaunchConfig(grid=-(-COUNT // block), block=block)
        arguments = np.int32(COUNT), np.float32(factor), self.source, self.result
        launch(stream or self.stream, config, self.scale_kernel, *arguments)

    def work(self, factor: float, stream: Any = None) -> None:
        for step in (self.upload, lambda s: self.scale(factor, s), self.download):
            step(stream or self.stream)

    def captured(self, record: Callable[[Any], Any]) -> Any:
        builder = self.stream.create_graph_builder()
        builder.begin_building("thread_local")
        try:
            record(builder)
        finally:
            builder.end_building()
        graph = builder.complete()
        builder.close()
        return graph

    def close(self) -> None:
        del self.given, self.got
        for buffer in (self.source, self.result):
            buffer.close(self.stream)
        for pinned in self.pinned:
            pinned.close()
        self.stream.close()


def raises(name: str) -> Any:
    return pytest.raises(Exception, match=rf"\bCUDA_ERROR_{name}\b")


def call(function: str, *arguments: Any) -> Any:
    """Call the driver without cuda.core between; an error raises its name."""
    from cuda.bindings import driver

    error, *values = getattr(driver, function)(*arguments)
    if error:
        raise RuntimeError(error.name)
    return values[0] if len(values) == 1 else values
