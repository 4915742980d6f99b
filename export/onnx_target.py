"""`dinar export --target onnx`: the network as it is, and in half precision for each rectangle."""

from __future__ import annotations

from collections.abc import Iterator

from dinar.export.job import Job, Size
from dinar.export.parity import Parity, draw_half, import_onnxruntime
from dinar.export.records import Built
from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.gpu.half_onnx import HalfNetwork, fix_size, to_half
from dinar.runtime.measure.networks import mode_name


def build(job: Job, network: RendererNetwork) -> Iterator[Built]:
    """Write PRESET_fp32.onnx for all sizes and PRESET_fp16_HxW.onnx for each. Raises DinarError."""
    name = mode_name(network)
    path = job.write(f"{name}.onnx", network.onnx)
    yield Built("onnx", name, network.precision, None, (path,), len(network.onnx), note="the avatar's own")
    source = job.network_for_gpus(network)
    half = to_half(source.onnx)
    views = job.options.views
    for height, width in job.options.crops:
        data = fix_size(half, views, height, width)
        precision = "fp16" if source.precision == "fp32" else source.precision
        many = f"{views}x" if views > 1 else ""
        path = job.write(f"{network.preset}_{precision}_{many}{height}x{width}.onnx", data)
        parity, note = _compare(job, source, half, data, (height, width))
        yield Built("onnx", name, precision, (views, height, width), (path,), len(data), parity, note)


def _compare(
    job: Job, source: RendererNetwork, half: HalfNetwork, data: bytes, size: Size
) -> tuple[Parity | None, str]:
    """Compare with the float32 network; None and the reason where that is not possible."""
    reference, onnxruntime = job.reference_of(source), import_onnxruntime()
    if reference is None:
        return None, "not compared: the avatar has no float32 network of this preset"
    if onnxruntime is None:
        return None, "not compared: onnxruntime is not installed (pip install onnxruntime)"
    return job.parity(reference, size, draw_half(onnxruntime, data, half.block, job.compared(size))), ""
