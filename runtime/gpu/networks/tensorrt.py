"""TensorRT runs the renderer network. Engines are built on the GPU that they are for, by trying."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.engines import EngineCache
from dinar.runtime.errors import DinarError
from dinar.runtime.files.user_cache import user_cache
from dinar.runtime.gpu.networks.tensorrt_build import Product
from dinar.runtime.gpu.networks.tensorrt_engines import NetworkEngines, Size
from dinar.runtime.gpu.networks.tensorrt_module import TensorRt
from dinar.runtime.gpu.networks.tensorrt_run import TensorRtNetwork, open_network

if TYPE_CHECKING:
    import tensorrt as trt

    from dinar.runtime.gpu.device import Gpu, GpuInfo

OLDEST_VERSION = 11
"""Older ones choose the precision themselves; from here on it is the network's."""

COMPATIBLE_FROM = (8, 0)
"""Compute capability from which on GPUs can share an engine: Ampere."""


class TensorRtOpener:
    """See `NetworkOpener`. An engine takes seconds to minutes to build: sides of crops have few lengths."""

    name = "tensorrt"
    eighths: tuple[int, ...] = (4, 6, 8)
    background = True

    def __init__(
        self, gpu: Gpu, network: RendererNetwork, tell: Callable[[str], None], *, compatible: bool = False
    ) -> None:
        """Prepare a network for a GPU.

        Args:
            gpu: runs it, and tries kernels out for it.
            network: float32 or int8.
            tell: takes one sentence when an engine is built.
            compatible: build engines that all GPUs from Ampere on can run, a little slower.

        Raises:
            DinarError: TensorRT is not installed or too old, or the network is no renderer.
        """
        products = tensorrt_products(import_tensorrt(), gpu.info, compatible=compatible)
        self._gpu, self._product = gpu, products[0]
        self._engines = NetworkEngines(products, network, EngineCache(user_cache("engines")), tell)

    def open(self, views: int, height: int, width: int) -> TensorRtNetwork:
        """See `NetworkOpener`."""
        return open_network(self._gpu, self._product, self._engines, (views, height, width), _open_context)


def import_tensorrt() -> TensorRt:
    """Import TensorRT; raises DinarError when it is not installed or too old."""
    try:
        import tensorrt
    except (ImportError, OSError) as error:
        raise DinarError(
            "TensorRT is not installed, or its libraries are missing: pip install tensorrt-cu13"
        ) from error
    if int(tensorrt.__version__.partition(".")[0]) < OLDEST_VERSION:
        raise DinarError(
            f"TensorRT {tensorrt.__version__} is too old, {OLDEST_VERSION} or newer is needed: "
            "pip install --upgrade tensorrt-cu13"
        )
    return tensorrt


def tensorrt_products(module: TensorRt, gpu: GpuInfo, *, compatible: bool) -> tuple[Product, ...]:
    """Return what builds engines for a GPU, first, and what else has built engines that run on it.

    Raises:
        DinarError: `compatible` engines do not run on it.
    """

    def for_many(config: trt.IBuilderConfig) -> None:
        config.hardware_compatibility_level = module.HardwareCompatibilityLevel.AMPERE_PLUS

    device = f"{gpu.name} {gpu.architecture}"
    own = Product("tensorrt", "TensorRT", module, device, times_kernels=True, configure=lambda _: None)
    shared = replace(own, device="Ampere and newer", configure=for_many)
    if gpu.capability < COMPATIBLE_FROM:
        if compatible:
            raise DinarError(
                f"engines that several GPUs run need one from Ampere on, and {gpu.name} is older: "
                "leave --compatible out"
            )
        return (own,)
    return (shared,) if compatible else (own, shared)


def _open_context(
    engine: trt.ICudaEngine, _: Size
) -> tuple[trt.IExecutionContext | None, Callable[[], None]]:
    return engine.create_execution_context(), lambda: None
