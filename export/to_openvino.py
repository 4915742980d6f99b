"""A renderer in ONNX to what OpenVINO runs fastest: int8 by calibration, and OpenVINO's own files.

The int8 network stays ONNX, with QuantizeLinear and DequantizeLinear nodes, so that every engine can open it:
symmetric weights with a scale for each output channel, bytes between layers. OpenVINO runs all its
convolutions in int8 and takes the same time for it as for a network quantized in OpenVINO's own format (ratio
0.99 to 1.00), a quarter to a third of what float32 takes with AVX-512 VNNI.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import onnx

from dinar.export.bias_correction import correct_bias
from dinar.export.network_file import INPUT, logits_maker, network_input, write_metadata
from dinar.export.parity import Parity, compare_pictures
from dinar.runtime.cpu.network import CpuNetwork, import_openvino, without_telemetry
from dinar.runtime.errors import DinarError
from dinar.runtime.network_input import CHANNELS

Precision = Literal["fp32", "fp16"]


@dataclass(frozen=True)
class OpenVinoFiles:
    """A network in OpenVINO's own format.

    Attributes:
        xml: its structure, UTF-8.
        weights: its numbers, the .bin file beside it.
    """

    xml: bytes
    weights: bytes


def to_openvino(network: bytes, precision: Precision) -> OpenVinoFiles:
    """Convert a renderer in ONNX, fp32 or int8; weights that are not int8 are stored in `precision`."""
    openvino = import_openvino()
    model = openvino.Core().read_model(network)
    with tempfile.TemporaryDirectory() as folder:
        xml = Path(folder) / "renderer.xml"
        openvino.save_model(model, xml, compress_to_fp16=precision == "fp16")
        return OpenVinoFiles(xml.read_bytes(), xml.with_suffix(".bin").read_bytes())


def quantize(network: bytes, rasters: Sequence[np.ndarray]) -> bytes:
    """Make the int8 network of a float32 one, by post-training calibration.

    Args:
        network: ONNX, as `to_onnx` writes it.
        rasters: uint8 [H, W, 22] each, as `CpuNetwork` takes them, all of one size: what the network will
            see, rendered from different poses and sides. A few dozen do.

    Returns:
        ONNX with the same input, output and metadata; `precision` says int8.

    Raises:
        DinarError: nncf or openvino is not installed.
    """
    if not rasters:
        raise ValueError("quantize expects one raster or more to calibrate with")
    for raster in rasters:
        if raster.dtype != np.uint8 or raster.ndim != 3 or raster.shape[2] != CHANNELS:
            raise ValueError(
                f"quantize expects rasters as uint8 [H, W, {CHANNELS}], not {raster.dtype} {raster.shape}"
            )
    nncf = _import_nncf()
    model = onnx.load_from_string(network)
    quantized = nncf.quantize(
        model,
        nncf.Dataset(rasters, lambda raster: {INPUT: network_input(raster)}),
        preset=nncf.QuantizationPreset.PERFORMANCE,  # symmetric, weights and activations
        target_device=nncf.TargetDevice.CPU,
        subset_size=len(rasters),
        ignored_scope=nncf.IgnoredScope(names=_last_sums(model)),
    )
    correct_bias(quantized, model, rasters)
    write_metadata(quantized, {"precision": "int8"})
    onnx.checker.check_model(quantized, full_check=True)
    return bytes(quantized.SerializeToString())


def _last_sums(model: onnx.ModelProto) -> list[str]:
    """Names of additions after the last convolutions: in bytes, logits would lose 6 dB and save no time."""
    last = logits_maker(model)
    return [last.name] if last.op_type == "Add" else []


def compare(network: bytes, reference: bytes, rasters: Sequence[np.ndarray]) -> Parity:
    """Return how near one network's pictures are to another's, both as the CPU draws them.

    Args:
        network: ONNX, for example int8.
        reference: ONNX, for example the float32 network it was made from.
        rasters: uint8 [H, W, 22] each, all of one size with sides that are multiples of 32.
    """
    return compare_pictures(_draw(network, rasters), _draw(reference, rasters))


def _draw(network: bytes, rasters: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Give float32 [4, H, W] in [0, 1] for each raster."""
    with CpuNetwork(network, *rasters[0].shape[:2]) as opened:
        for raster in rasters:
            opened.inputs[0] = raster
            yield opened.run()[0].transpose(2, 0, 1) / np.float32(255)


def _import_nncf() -> ModuleType:
    """Import what calibrates, which takes seconds. Raises DinarError when it is not installed."""
    try:
        with without_telemetry():
            import nncf
    except ImportError as error:
        raise DinarError(
            "an int8 network is made with nncf, which is not installed: pip install 'dinar[export]'"
        ) from error
    nncf.set_log_level(logging.ERROR)
    return nncf
