"""A network that runs in TensorRT or in TensorRT for RTX: its engine opened, its memory on the GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.errors import GpuError
from dinar.runtime.gpu.graph import Capture
from dinar.runtime.gpu.half_onnx import INPUT, INPUT_CHANNELS, LOGITS, HalfNetwork
from dinar.runtime.gpu.networks.tensorrt_build import Product
from dinar.runtime.gpu.networks.tensorrt_engines import NetworkEngines, Size
from dinar.runtime.gpu.networks.tensorrt_module import messages_of

if TYPE_CHECKING:
    import tensorrt as trt

    from dinar.runtime.gpu.device import Gpu

OpenContext = Callable[["trt.ICudaEngine", Size], "tuple[trt.IExecutionContext | None, Callable[[], None]]"]
"""Opens an engine for pictures of a size: its context or None, and what to call before that is closed."""


class TensorRtNetwork:
    """An engine with its memory; see `CudaNetwork`."""

    capture: Capture | None = None

    def __init__(
        self,
        gpu: Gpu,
        context: trt.IExecutionContext,
        half: HalfNetwork,
        size: Size,
        before_closing: Callable[[], None],
    ) -> None:
        """Take the memory that the engine reads and writes."""
        views, height, width = size
        self.block, self.stride = half.block, half.channels
        self._gpu, self._before_closing = gpu, before_closing
        self._context: trt.IExecutionContext | None = context
        cells = (views, height // half.block, width // half.block, half.channels)
        self._pixels = gpu.empty((views, height, width, INPUT_CHANNELS), np.float16)
        self._logits = gpu.empty(cells, np.float16)
        self.input_address, self.logits_address = self._pixels.address, self._logits.address
        context.set_tensor_address(INPUT, self.input_address)
        context.set_tensor_address(LOGITS, self.logits_address)

    def enqueue(self, stream: int) -> None:
        """See `CudaNetwork`. Raises GpuError when the engine refuses."""
        assert self._context is not None, "open"
        if not self._context.execute_async_v3(stream):
            raise GpuError(
                f"the engine of the renderer network does not run on the GPU {self._gpu.info.name}: "
                "use another --engine, or --device cpu"
            )

    def close(self) -> None:
        """See `CudaNetwork`."""
        if self._context is not None:
            self._before_closing()
            self._context = None
            self._gpu.release(self._pixels, self._logits)


def open_network(
    gpu: Gpu, product: Product, engines: NetworkEngines, size: Size, open_context: OpenContext
) -> TensorRtNetwork:
    """Open the engine for pictures of a size, built anew if the one that was kept does not fit.

    Only bytes that `NetworkEngines` gives are deserialized: native code of this user's own.

    Args:
        gpu: opened: without one, some versions of TensorRT end the process in place of failing.
        product: of the engines.
        engines: of the network.
        size: of its pictures.
        open_context: see `OpenContext`.

    Raises:
        DinarError: no engine can be built, or it does not run here.
    """
    gpu.make_current()
    messages = messages_of(product.module)
    messages.forget()
    runtime = product.module.Runtime(messages.logger)
    engine = _deserialize(runtime, product, engines.take(size), engines.half, size)
    if engine is None:
        engine = _deserialize(runtime, product, engines.build(size), engines.half, size)
    if engine is not None:
        context, before_closing = open_context(engine, size)
        if context is not None:
            return TensorRtNetwork(gpu, context, engines.half, size, before_closing)
    raise DinarError(
        f"the {product.title} engine that was built does not run on the GPU {gpu.info.name} "
        f"({messages.last}): use another --engine"
    )


def _deserialize(
    runtime: trt.Runtime, product: Product, engine: bytes, half: HalfNetwork, size: Size
) -> trt.ICudaEngine | None:
    """Load an engine; None where that fails, or its input and output are not what we write and read."""
    loaded: trt.ICudaEngine | None = runtime.deserialize_cuda_engine(engine)
    if loaded is None:
        return None
    views, height, width = size
    shapes = {
        INPUT: (views, INPUT_CHANNELS, height, width),
        LOGITS: (views, half.channels, height // half.block, width // half.block),
    }
    names = {loaded.get_tensor_name(i) for i in range(loaded.num_io_tensors)}
    fits = names == set(shapes) and all(
        loaded.get_tensor_shape(name) == shape
        and loaded.get_tensor_dtype(name) == product.module.DataType.HALF
        and loaded.get_tensor_format(name) == product.module.TensorFormat.HWC8
        for name, shape in shapes.items()
    )
    return loaded if fits else None
