"""`dinar export --target openvino`: the int8 network for CPUs, as ONNX and in OpenVINO's own format."""

from __future__ import annotations

from collections.abc import Iterator

from dinar.export.job import Job
from dinar.export.records import Built
from dinar.export.to_openvino import compare, to_openvino
from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.measure.networks import mode_name


def build(job: Job, network: RendererNetwork) -> Iterator[Built]:
    """Write PRESET_int8.onnx, .xml and .bin, and compare with the float32 network. Raises DinarError."""
    int8 = job.int8_of(network)
    name = mode_name(int8)
    files = to_openvino(int8.onnx, "fp32")
    members = {".onnx": int8.onnx, ".bin": files.weights, ".xml": files.xml}
    paths = tuple(job.write(name + suffix, data) for suffix, data in members.items())
    reference = job.reference_of(int8)
    yield Built(
        target="openvino",
        network=mode_name(network),
        precision="int8",
        size=None,
        files=paths,
        file_bytes=sum(map(len, members.values())),
        parity=compare(int8.onnx, reference.onnx, job.compared(job.options.crops[0])) if reference else None,
        note="" if reference else "not compared: the avatar has no float32 network of this preset",
    )
