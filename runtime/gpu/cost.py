"""What a network takes for a picture, counted from its ONNX: parameters, operations, bytes through memory.

Operations are those of the convolutions; a multiply-add counts as two. Bytes are what an engine must at least
read and write when nothing stays in the processor between two convolutions and everything else is done on the
way: a convolution reads its input and its weights and writes its output, an addition reads its other operand,
upsampling and pixel shuffle read and write. ReLU, sigmoid, quantization and concatenation cost nothing, as
engines do them where the numbers are written. Channels are counted as they are, without an engine's padding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import onnx

from dinar.runtime.errors import DinarError
from dinar.runtime.network_input import CHANNELS

NumberType = Literal["fp32", "fp16", "int8"]
NUMBER_BYTES: dict[NumberType, int] = {"fp32": 4, "fp16": 2, "int8": 1}

_FREE = frozenset({"Relu", "Sigmoid", "Concat", "QuantizeLinear", "DequantizeLinear", "Constant"})


@dataclass(frozen=True)
class Cost:
    """What one run of a network takes.

    Attributes:
        views: pictures in one run.
        height: rows of each.
        width: columns of each.
        parameters: weights and biases of the convolutions, each read once.
        flops: operations of all convolutions; a multiply-add is two.
        activations: numbers read and written between the convolutions, see this module's text.
    """

    views: int
    height: int
    width: int
    parameters: int
    flops: int
    activations: int

    def moved_bytes(self, numbers: NumberType) -> int:
        """Return the bytes that go through memory when weights and pixels are numbers of this type."""
        return NUMBER_BYTES[numbers] * (self.parameters + self.activations)


def count_cost(network: bytes, views: int, height: int, width: int) -> Cost:
    """Count what a renderer takes for `views` pictures of a size.

    Args:
        network: ONNX of open size, as `to_onnx` and `quantize` write it.
        views: pictures in one run.
        height: rows, a multiple of 32.
        width: columns, a multiple of 32.

    Raises:
        DinarError: `network` is no renderer.
    """
    model = _of_size(network, views, height, width)
    shapes = _shapes(model)
    parameters = flops = activations = 0
    for node in model.graph.node:
        read, written = math.prod(shapes[node.input[0]]), math.prod(shapes[node.output[0]])
        if node.op_type == "Conv":
            weights, *bias = (shapes[name] for name in node.input[1:])
            parameters += math.prod(weights) + sum(math.prod(shape) for shape in bias)
            flops += 2 * math.prod(weights) * (written // weights[0])  # weights: [out, in, rows, columns]
            activations += read + written
        elif node.op_type == "Add":
            activations += read
        elif node.op_type not in _FREE:
            activations += read + written
    return Cost(views, height, width, parameters, flops, activations)


def _of_size(network: bytes, views: int, height: int, width: int) -> onnx.ModelProto:
    """Read a network, fix the size of its pictures and find that of everything between."""
    try:
        model = onnx.load_from_string(network)
        (raster,) = model.graph.input
        for dimension, length in zip(
            raster.type.tensor_type.shape.dim, (views, CHANNELS, height, width), strict=True
        ):
            dimension.dim_value = length
        model.graph.output[0].type.tensor_type.ClearField("shape")  # all others follow from the input's
        del model.graph.value_info[:]
        return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception as error:  # what damaged files raise in protobuf and onnx has no common class
        raise DinarError(
            f"the network cannot be read; expected an ONNX renderer with one input of {CHANNELS} channels: "
            "export it again"
        ) from error


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Return the shape of every array in a network by its name."""
    graph = model.graph
    values = [*graph.input, *graph.value_info, *graph.output]
    shapes = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in values}
    return shapes | {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
