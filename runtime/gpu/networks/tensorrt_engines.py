"""Engines of one avatar's network: from the user's cache, or built and kept there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.engines import EngineCache, EngineKey
from dinar.runtime.gpu.half_onnx import fix_size, to_half
from dinar.runtime.gpu.networks.tensorrt_build import Product, build_engine

Size = tuple[int, int, int]
"""Pictures in one run, and their height and width."""

_TOLD_PARTS = (0.25, 0.5, 0.75)


class NetworkEngines:
    """Gives the engine of a network for each number and size of pictures.

    Attributes:
        half: the network in half precision.
        cache: where engines are kept.
    """

    def __init__(
        self,
        products: tuple[Product, ...],
        network: RendererNetwork,
        cache: EngineCache,
        tell: Callable[[str], None],
    ) -> None:
        """Prepare the network.

        Args:
            products: whose engines run here; the first is what engines are built with.
            network: float32 or int8, as the avatar has it.
            cache: where engines are kept; nothing but what it returns or what was just built is given out.
            tell: takes one sentence when an engine is built, and as that goes on.

        Raises:
            DinarError: the network is no renderer.
        """
        self.half, self.cache = to_half(network.onnx), cache
        self._onnx_sha256 = hashlib.sha256(self.half.onnx).hexdigest()[:16]
        self._products, self._preset, self._tell = products, network.preset, tell

    def take(self, size: Size) -> bytes:
        """Return an engine for pictures of a size, built where none is kept; raises DinarError."""
        for product in self._products:
            found = self.cache.load(self.key(product, size))
            if found is not None:
                return found
        return self.build(size)

    def build(self, size: Size) -> bytes:
        """Build an engine and keep it, in place of one that was kept; raises DinarError."""
        product, views, height, width = self._products[0], *size
        what = (
            f"a {product.title} engine of {self._preset} in {self.half.precision} for {product.device}, "
            f"{views} x {height} x {width}"
        )
        self._tell(f"building {what} (first run only)")
        parts = list(_TOLD_PARTS) if product.times_kernels else []  # without, it takes about a second

        def progress(done: float) -> None:
            while parts and done >= parts[0]:
                self._tell(f"building {what}: {100 * parts.pop(0):.0f} %")

        timings = EngineKey(f"{product.name}-timings", "", product.device, product.module.__version__, ())
        known = self.cache.load(timings) if product.times_kernels else None
        network = fix_size(self.half, *size)
        built = build_engine(product, network, timings=known or b"", progress=progress)
        if built.timings:
            self.cache.save(timings, built.timings)
        self.cache.save(self.key(product, size), built.engine)
        return built.engine

    def key(self, product: Product, size: Size) -> EngineKey:
        """Return what an engine is kept under."""
        views, height, width = (str(n) for n in size)
        return EngineKey(
            product.name,
            self.half.source_sha256,
            product.device,
            product.module.__version__,
            (
                ("views", views),
                ("height", height),
                ("width", width),
                ("precision", self.half.precision),
                ("onnx", self._onnx_sha256),  # what this version of dinar makes of the source
            ),
        )
