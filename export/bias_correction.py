"""The constant errors that int8 leaves in a renderer's logits, taken out: bias correction.

As the empirical one of Nagel et al. 2019 ("Data-Free Quantization Through Weight Equalization and Bias
Correction", Sec. 4.2), for the last convolution alone. Each of its channels is a colour, or the mask, of one
pixel of a block; rounded weights leave each with an error of its own, the same in every block: a grid over
the picture. What nncf corrects, it corrects in the mean over whole pictures, of which people are a twentieth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from dinar.export.network_file import logits_maker, network_input
from dinar.export.parity import RGBA_CHANNELS
from dinar.runtime.cpu.network import import_openvino


def correct_bias(
    quantized: onnx.ModelProto, reference: onnx.ModelProto, rasters: Sequence[np.ndarray]
) -> None:
    """Change a quantized renderer's last bias so that its logits are right in the mean where people are.

    Args:
        quantized: int8; it is changed.
        reference: the float32 network that it was made of.
        rasters: uint8 [H, W, 22] each, all of one size. If the reference draws nobody, nothing changes.
    """
    errors = np.concatenate(
        [
            (ours - right)[:, _person(right)]
            for ours, right in zip(_logits(quantized, rasters), _logits(reference, rasters), strict=True)
        ],
        axis=1,
    )
    if errors.size:
        bias = _last_bias(quantized)
        corrected = numpy_helper.to_array(bias) - errors.mean(1)
        bias.CopyFrom(numpy_helper.from_array(corrected, bias.name))


def _person(logits: np.ndarray) -> np.ndarray:
    """Which blocks are of a person, each pixel of them: bool [h, w]."""
    masks = logits[-len(logits) // RGBA_CHANNELS :]
    return np.asarray((masks > 0).all(0))


def _logits(model: onnx.ModelProto, rasters: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """What a renderer makes before it becomes pictures, as the CPU computes it: float32 [C, h, w] each."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    made = logits_maker(bare).output[0]
    shape = (1, None, None, None)
    bare.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info(made, onnx.TensorProto.FLOAT, shape))
    core = import_openvino().Core()
    properties = {"INFERENCE_PRECISION_HINT": "f32"}
    network = core.compile_model(core.read_model(bare.SerializeToString()), "CPU", properties)
    for raster in rasters:
        yield network(network_input(raster))[0][0]


def _last_bias(model: onnx.ModelProto) -> onnx.TensorProto:
    """Return the bias of the last convolution; raises ValueError for a network without one."""
    maker = logits_maker(model)
    terms = maker.input if maker.op_type == "Add" else maker.output
    last = [node for node in model.graph.node if node.op_type == "Conv" and node.output[0] in terms]
    biases = [name for node in last for name in node.input[2:]]
    found = [tensor for tensor in model.graph.initializer if tensor.name in biases]
    if not found:
        raise ValueError("expected a network whose last convolution has a bias")
    return found[0]
