"""TensorRT for RTX runs the renderer network: engines are built anywhere, and finished on the user's GPU.

An engine holds what all GPUs of a generation share, and is built in about a second. The rest is compiled for
the one GPU when it first runs, which takes longer, and is kept like an engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.engines import EngineCache
from dinar.runtime.errors import DinarError
from dinar.runtime.files.user_cache import user_cache
from dinar.runtime.gpu.networks.tensorrt_build import Product
from dinar.runtime.gpu.networks.tensorrt_engines import NetworkEngines, Size
from dinar.runtime.gpu.networks.tensorrt_module import TensorRt
from dinar.runtime.gpu.networks.tensorrt_run import TensorRtNetwork, open_network

if TYPE_CHECKING:
    import tensorrt_rtx_bindings as rtx

    from dinar.runtime.gpu.device import Gpu


class TensorRtRtx(TensorRt, Protocol):
    """What is used of the module `tensorrt_rtx_bindings` beyond what TensorRT has."""

    ComputeCapability: type[rtx.ComputeCapability]


class TensorRtRtxOpener:
    """See `NetworkOpener`."""

    name = "tensorrt-rtx"
    eighths: tuple[int, ...] = (4, 6, 8)
    background = True

    def __init__(
        self, gpu: Gpu, network: RendererNetwork, tell: Callable[[str], None], *, compatible: bool = False
    ) -> None:
        """Prepare a network for a GPU.

        Args:
            gpu: runs it.
            network: float32 or int8.
            tell: takes one sentence when an engine is built.
            compatible: build engines for all GPUs that TensorRT for RTX knows.

        Raises:
            DinarError: TensorRT for RTX is not installed or does not know the GPU, or the network is no
                renderer.
        """
        own, shared = rtx_products(import_tensorrt_rtx(), gpu.info.architecture, gpu.info.name)
        products = (shared,) if compatible else (own, shared)
        self._gpu, self._product = gpu, products[0]
        self._engines = NetworkEngines(products, network, EngineCache(user_cache("engines")), tell)

    def open(self, views: int, height: int, width: int) -> TensorRtNetwork:
        """See `NetworkOpener`."""
        return open_network(
            self._gpu, self._product, self._engines, (views, height, width), self._open_context
        )

    def _open_context(
        self, engine: rtx.ICudaEngine, size: Size
    ) -> tuple[rtx.IExecutionContext | None, Callable[[], None]]:
        """Open an engine with what was compiled for this GPU before; what is new is kept at the end."""
        info, cache = self._gpu.info, self._engines.cache
        key = replace(
            self._engines.key(self._product, size),
            kind="tensorrt-rtx-compiled",
            device=f"{info.name} {info.architecture}",
        )
        config = engine.create_runtime_config()
        compiled = config.create_runtime_cache()
        known = cache.load(key)
        if known is not None:
            compiled.deserialize(known)  # or not, after an update of the driver: then all is compiled again
        config.set_runtime_cache(compiled)

        def keep() -> None:
            now = bytes(cast(Any, compiled.serialize()))
            if now != known:
                cache.save(key, now)

        return engine.create_execution_context(config), keep


def import_tensorrt_rtx() -> TensorRtRtx:
    """Import TensorRT for RTX; raises DinarError when it is not installed."""
    try:
        import tensorrt_rtx_bindings
    except (ImportError, OSError) as error:
        raise DinarError(
            "TensorRT for RTX is not installed, or its libraries are missing: pip install tensorrt-rtx-cu13"
        ) from error
    return tensorrt_rtx_bindings


def rtx_products(module: TensorRtRtx, architecture: str, gpu: str) -> tuple[Product, Product]:
    """Return what builds engines for one GPU, and for all that TensorRT for RTX knows.

    Args:
        module: of TensorRT for RTX.
        architecture: of the GPU, for example sm_89.
        gpu: its name.

    Raises:
        DinarError: it is not among them.
    """
    known = supported_architectures(module)
    if architecture not in known:
        raise DinarError(
            f"TensorRT for RTX does not know the GPU {gpu} ({architecture}), but {', '.join(known)}: "
            "use --engine tensorrt, or torch"
        )
    return _product(module, [architecture]), portable_product(module)


def portable_product(module: TensorRtRtx) -> Product:
    """Return what builds engines for all GPUs that TensorRT for RTX knows; needs none of them."""
    return _product(module, supported_architectures(module))


def supported_architectures(module: TensorRtRtx) -> list[str]:
    """Return the GPU architectures that engines can be built for, for example sm_89."""
    names = (name for name in module.ComputeCapability.__members__ if name.startswith("SM"))
    return sorted((f"sm_{name[2:]}" for name in names), key=lambda name: int(name[3:]))


def _product(module: TensorRtRtx, architectures: Sequence[str]) -> Product:
    def configure(config: rtx.IBuilderConfig) -> None:
        config.num_compute_capabilities = len(architectures)
        for index, architecture in enumerate(architectures):
            capability = module.ComputeCapability.__members__[f"SM{architecture[3:]}"]
            config.set_compute_capability(capability, index)

    return Product(
        "tensorrt-rtx",
        "TensorRT for RTX",
        module,
        ", ".join(architectures),
        times_kernels=False,
        configure=configure,
    )
