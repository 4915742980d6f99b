"""`dinar export --target tensorrt` and `tensorrt-rtx`: engines for this computer, into the user's cache."""

from __future__ import annotations

from collections.abc import Iterator

from dinar.export.job import Job
from dinar.export.records import Built
from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.engines import EngineCache
from dinar.runtime.errors import DinarError
from dinar.runtime.files.user_cache import CACHE_VARIABLE, user_cache
from dinar.runtime.gpu.device import find_gpu
from dinar.runtime.gpu.errors import GpuError
from dinar.runtime.gpu.networks.tensorrt import import_tensorrt, tensorrt_products
from dinar.runtime.gpu.networks.tensorrt_build import Product
from dinar.runtime.gpu.networks.tensorrt_engines import NetworkEngines
from dinar.runtime.gpu.networks.tensorrt_rtx import import_tensorrt_rtx, portable_product, rtx_products
from dinar.runtime.measure.networks import mode_name


def build_tensorrt(job: Job, network: RendererNetwork) -> Iterator[Built]:
    """Build TensorRT engines for the GPU of this computer, one for each rectangle. Raises DinarError."""
    module = import_tensorrt()
    yield from _build(job, network, tensorrt_products(module, find_gpu(0), compatible=job.options.compatible))


def build_tensorrt_rtx(job: Job, network: RendererNetwork) -> Iterator[Built]:
    """Build engines of TensorRT for RTX likewise, for all its GPUs where there is none. Raises DinarError."""
    module = import_tensorrt_rtx()
    try:
        gpu = find_gpu(0)
    except GpuError:
        products: tuple[Product, ...] = (portable_product(module),)
    else:
        own, shared = rtx_products(module, gpu.architecture, gpu.name)
        products = (shared,) if job.options.compatible else (own, shared)
    yield from _build(job, network, products)


def _build(job: Job, network: RendererNetwork, products: tuple[Product, ...]) -> Iterator[Built]:
    """Build with the first product what none of them has in the cache."""
    folder = user_cache("engines")
    if folder is None:
        raise DinarError(
            f"engines are built into the cache, and there is none: set {CACHE_VARIABLE} to a folder"
        )
    source = job.network_for_gpus(network)
    engines = NetworkEngines(products, source, EngineCache(folder), job.tell)
    sizes = [(job.options.views, height, width) for height, width in job.options.crops]
    for size in job.follow(sizes, len(sizes), f"{products[0].title}: building engines"):
        engine = engines.take(size)
        if not any(engines.cache.load(engines.key(product, size)) for product in products):
            raise DinarError(f"the cache {folder} cannot be written: set {CACHE_VARIABLE} to another folder")
        yield Built(
            target=products[0].name,
            network=mode_name(network),
            precision=engines.half.precision,
            size=size,
            files=(str(folder),),
            file_bytes=len(engine),
            note=f"for {products[0].device}",
        )
