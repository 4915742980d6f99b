"""`dinar export --target tensorrt` and `tensorrt-rtx`: engines for this computer, into the user's cache."""

from __future__ import annotations

from collections.abc import Iterator

from dinar.export.job import Job
from dinar.export.records import Built
from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.gpu.device import open_gpu
from dinar.runtime.gpu.networks.select import choose_opener
from dinar.runtime.measure.networks import mode_name
from dinar.runtime.renderer import Engine


def build_tensorrt(job: Job, network: RendererNetwork) -> Iterator[Built]:
    """Build TensorRT engines, one for each rectangle. Raises DinarError."""
    return _build("tensorrt", job, network)


def build_tensorrt_rtx(job: Job, network: RendererNetwork) -> Iterator[Built]:
    """Build engines of TensorRT for RTX likewise. Raises DinarError."""
    return _build("tensorrt-rtx", job, network)


def _build(engine: Engine, job: Job, network: RendererNetwork) -> Iterator[Built]:
    with open_gpu(0) as gpu:
        source = job.network_for_gpus(network)
        opener = choose_opener(engine, gpu, source, job.progress.console.print)
        for height, width in job.options.crops:
            size = job.options.views, height, width
            opener.open(*size).close()
            precision = "fp16" if source.precision == "fp32" else source.precision
            yield Built(engine, mode_name(network), precision, size, (), 0, note="in the cache of this user")
