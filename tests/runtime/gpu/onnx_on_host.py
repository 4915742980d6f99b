"""A network for the software CUDA driver: the half-precision ONNX file itself, run by ONNX Runtime.

The driver's device memory is the host's, and work that a stream does on the host is captured like any other,
so a whole frame can run, network and all, without a GPU.
"""

from __future__ import annotations

import ctypes

import numpy as np
import onnxruntime

from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.gpu.device import Gpu
from dinar.runtime.gpu.graph import Capture
from dinar.runtime.gpu.half_onnx import INPUT_CHANNELS, fix_size, to_half

_HOST_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class OnnxOnHost:
    """See `CudaNetwork`."""

    capture: Capture | None = None

    def __init__(self, gpu: Gpu, network: RendererNetwork, views: int, height: int, width: int) -> None:
        half = to_half(network.onnx)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            fix_size(half, views, height, width), options, providers=["CPUExecutionProvider"]
        )
        self._gpu, self.block, self.stride = gpu, half.block, half.channels
        self._input = gpu.empty((views, height, width, INPUT_CHANNELS), np.float16)
        cells = (views, height // half.block, width // half.block, half.channels)
        self._logits = gpu.empty(cells, np.float16)
        self.input_address, self.logits_address = self._input.address, self._logits.address
        self._function = _HOST_FUNCTION(self._run)

    def enqueue(self, stream: int) -> None:
        # Not by cuda.bindings: what it hands to the driver is gone after one call; a graph calls it often.
        driver = ctypes.CDLL("libcuda.so.1")
        assert driver.cuLaunchHostFunc(ctypes.c_void_p(stream), self._function, None) == 0

    def close(self) -> None:
        if self._session is not None:
            self._session = None
            self._gpu.release(self._input, self._logits)

    def _run(self, _: object) -> None:
        pixels = _view(self._input)
        raster = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        (logits,) = self._session.run(None, {self._session.get_inputs()[0].name: raster})
        _view(self._logits)[...] = logits.transpose(0, 2, 3, 1)


class OnnxOnHostOpener:
    """See `NetworkOpener`."""

    name = "onnx-on-host"

    def __init__(
        self,
        gpu: Gpu,
        network: RendererNetwork,
        eighths: tuple[int, ...] = (4, 6, 8),
        background: bool = False,
    ) -> None:
        self._gpu, self._network = gpu, network
        self.eighths, self.background = eighths, background
        self.opened: list[tuple[int, int, int]] = []

    def open(self, views: int, height: int, width: int) -> OnnxOnHost:
        self.opened.append((views, height, width))
        return OnnxOnHost(self._gpu, self._network, views, height, width)


def _view(array) -> np.ndarray:
    size = int(np.prod(array.shape)) * array.dtype.itemsize
    memory = (ctypes.c_char * size).from_address(array.address)
    return np.frombuffer(memory, array.dtype).reshape(array.shape)
