"""An avatar's renderer in ONNX to what GPUs run fast: half precision, channels in eights, logits out.

The float32 network becomes one of float16 throughout. An int8 one keeps its int8 weights, and int8 between
its layers, with float16 around them. TensorRT is strongly typed: the file alone decides what it computes in.

    input   raster  float16 [views, 24, height, width]: the 22 channels of `network_input`, and two that count
                    for nothing (their weights are 0)
    output  logits  float16 [views, C, height / block, width / block], C a multiple of 8

Whoever draws makes the picture of the logits: channel c of pixel (y, x) within a block is logit
(c * block + y) * block + x, and its value is the sigmoid of that. Those two last operators of the avatar's
network are cut off: on the way to bytes they cost nothing.

Nothing unknown passes: a network with other operators than the renderer's, or with a weight that float16
cannot hold, is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dinar.runtime.errors import DinarError
from dinar.runtime.network_input import CHANNELS, MULTIPLE

try:
    import onnx
    from onnx import numpy_helper
except ImportError as error:
    raise DinarError(
        "a network is made ready for the GPU with onnx, which is not installed: pip install 'dinar[gpu]'"
    ) from error

INPUT, LOGITS = "raster", "logits"
INPUT_CHANNELS = 24
"""Channels of the input in memory: those of `network_input`, filled up to a multiple of 8."""

OPSET = 21
_EIGHT = 8
_RGBA_CHANNELS = 4
_QUANTIZING = ("QuantizeLinear", "DequantizeLinear")
_KNOWN = frozenset({"Conv", "Relu", "Add", "Concat", "Resize", *_QUANTIZING})
_INT8_MAX = 127
_LEAST_SCALE = float(np.finfo(np.float16).smallest_normal)
_METADATA = "dinar."

Precision = Literal["fp16", "int8"]


@dataclass(frozen=True)
class HalfNetwork:
    """A renderer for GPUs, of open size.

    Attributes:
        onnx: the ONNX file, see this module's text.
        block: pixels on a side that one cell of the logits stands for.
        channels: of the logits; the first 4 block^2 count.
        source_sha256: hex hash of the ONNX file that it was made from.
        precision: of its convolutions.
    """

    onnx: bytes
    block: int
    channels: int
    source_sha256: str
    precision: Precision


def to_half(network: bytes) -> HalfNetwork:
    """Make the half-precision network of an avatar's renderer.

    Args:
        network: ONNX, float32 or int8, as `dinar.export` writes it.

    Raises:
        DinarError: `network` is no such file, or does not fit into half precision.
    """
    model = _read(network)
    graph = model.graph
    block = _cut_picture(graph)
    _refuse_unknown(graph)
    int8 = any(node.op_type in _QUANTIZING for node in graph.node)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    _pad_raster(graph, arrays)
    channels = _pad_logits(graph, arrays, _RGBA_CHANNELS * block**2)
    _use_int8_symmetric(graph, arrays)
    _halve(graph, arrays)
    _declare(graph, block, channels, ("views", "height", "width"))
    precision: Precision = "int8" if int8 else "fp16"
    _describe(model, precision, block)
    return HalfNetwork(_checked(model), block, channels, hashlib.sha256(network).hexdigest(), precision)


def fix_size(half: HalfNetwork, views: int, height: int, width: int) -> bytes:
    """Return the ONNX file of a network for `views` pictures of `height` x `width`, multiples of 32."""
    if views < 1 or min(height, width) < 1 or height % MULTIPLE or width % MULTIPLE:
        raise ValueError(
            f"a network expects one view or more and sides that are multiples of {MULTIPLE}, "
            f"not {views} of {width} x {height}"
        )
    model = onnx.load_from_string(half.onnx)
    _declare(model.graph, half.block, half.channels, (views, height, width))
    return _checked(model)


def _no_renderer(found: str) -> DinarError:
    return DinarError(
        "the avatar's network is not one that GPUs can run; expected a renderer as dinar writes it, but "
        f"{found}: export it again"
    )


def _read(network: bytes) -> onnx.ModelProto:
    """Parse an ONNX file, and see that input, output and operator set are a renderer's."""
    try:
        model = onnx.load_from_string(network)
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # what damaged bytes raise in protobuf and in onnx has no common class
        raise _no_renderer("it is no valid ONNX file") from error
    graph = model.graph
    found = [(entry.domain, entry.version) for entry in model.opset_import]
    if found != [("", OPSET)]:
        raise _no_renderer(f"it uses the operator sets {found} in place of {OPSET}")
    layouts = [[_layout(value) for value in values] for values in (graph.input, graph.output)]
    if layouts != [[(onnx.TensorProto.FLOAT, n)] for n in (CHANNELS, _RGBA_CHANNELS)]:
        raise _no_renderer(
            f"it does not make one picture of {_RGBA_CHANNELS} channels of one of {CHANNELS}, in float32"
        )
    return model


def _layout(value: onnx.ValueInfoProto) -> tuple[int, int]:
    """Number type and channels of an input or output; 0 channels where it is no picture."""
    tensor = value.type.tensor_type
    dimensions = tensor.shape.dim
    return tensor.elem_type, dimensions[1].dim_value if len(dimensions) == 4 else 0


def _refuse_unknown(graph: onnx.GraphProto) -> None:
    unknown = sorted({node.op_type for node in graph.node} - _KNOWN)
    if unknown:
        raise _no_renderer(f"it holds the operators {', '.join(unknown)}")


def _cut_picture(graph: onnx.GraphProto) -> int:
    """Take off the sigmoid and the pixel shuffle at the end; returns the block that the latter spreads."""
    sigmoid = _maker(graph, graph.output[0].name)
    if sigmoid is None or sigmoid.op_type != "Sigmoid":
        raise _no_renderer("it does not end with a sigmoid")
    graph.node.remove(sigmoid)
    last, block = _maker(graph, sigmoid.input[0]), 1
    if last is not None and last.op_type == "DepthToSpace":
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in last.attribute}
        if attributes.get("mode") != b"CRD":
            raise _no_renderer("its pixel shuffle is not that of torch")
        block = attributes["blocksize"]
        graph.node.remove(last)
        last = _maker(graph, last.input[0])
    if last is None:
        raise _no_renderer("nothing makes its picture")
    last.output[0] = LOGITS
    return block


def _heads(graph: onnx.GraphProto, value: str) -> Iterator[onnx.NodeProto]:
    """The convolutions whose sum is a value, quantized in between or not."""
    node = _maker(graph, value)
    if node is not None and node.op_type == "Conv":
        yield node
    elif node is not None and node.op_type == "Add":
        for term in node.input:
            yield from _heads(graph, term)
    elif node is not None and node.op_type in _QUANTIZING:
        yield from _heads(graph, node.input[0])
    else:
        raise _no_renderer("no convolution makes its picture, nor a sum of them")


def _maker(graph: onnx.GraphProto, name: str) -> onnx.NodeProto | None:
    """The node that gives a value; None for an input or a constant."""
    return next((node for node in graph.node if name in node.output), None)


def _readers(graph: onnx.GraphProto, name: str) -> Iterator[onnx.NodeProto]:
    """The nodes that read a value, quantized in between or not."""
    for node in graph.node:
        if name in node.input:
            if node.op_type in _QUANTIZING:
                yield from _readers(graph, node.output[0])
            else:
                yield node


def _pad_raster(graph: onnx.GraphProto, arrays: dict[str, np.ndarray]) -> None:
    """Give the first convolution weights of 0 for the channels that are not there."""
    for node in _readers(graph, graph.input[0].name):
        if node.op_type != "Conv":
            raise _no_renderer(f"its input goes to the operator {node.op_type}")
        weight, _ = _weight(graph, node)
        shape = arrays[weight].shape  # [out, in, rows, columns]
        if shape[1] != CHANNELS:
            raise _no_renderer("its first convolution has groups")
        arrays[weight] = _grown(arrays[weight], 1, INPUT_CHANNELS)


def _pad_logits(graph: onnx.GraphProto, arrays: dict[str, np.ndarray], real: int) -> int:
    """Give the last convolutions outputs of 0 up to a multiple of 8; returns how many there are then."""
    channels = -(-real // _EIGHT) * _EIGHT
    for head in _heads(graph, LOGITS):
        weight, dequantize = _weight(graph, head)
        found = len(arrays[weight])
        if found != real:
            raise _no_renderer(f"its last convolution has {found} channels in place of {real}")
        for name in (weight, *head.input[2:]):
            arrays[name] = _grown(arrays[name], 0, channels)
        if dequantize is not None:
            for name, filling in zip(dequantize.input[1:], (1, 0), strict=False):  # scale, zero point
                if arrays[name].ndim:
                    arrays[name] = _grown(arrays[name], 0, channels, filling)
    return channels


def _weight(graph: onnx.GraphProto, conv: onnx.NodeProto) -> tuple[str, onnx.NodeProto | None]:
    """The name of a convolution's weights, and what dequantizes them."""
    maker = _maker(graph, conv.input[1])
    name = conv.input[1] if maker is None else maker.input[0]
    if all(tensor.name != name for tensor in graph.initializer):
        raise _no_renderer(f"the weights {name} are not in it")
    return name, maker


def _grown(values: np.ndarray, axis: int, length: int, filling: int = 0) -> np.ndarray:
    """An array with `filling` behind its values along an axis."""
    margins = [(0, length - size if i == axis else 0) for i, size in enumerate(values.shape)]
    return np.pad(values, margins, constant_values=filling)


def _use_int8_symmetric(graph: onnx.GraphProto, arrays: dict[str, np.ndarray]) -> None:
    """Quantize to -127...127 around 0, the only way that TensorRT knows.

    Pixels as unsigned bytes (0 to 255 after a ReLU) lose a bit that way. A scale that float16 would hold with
    few digits or none, as those of channels that are all but 0, becomes the least that it holds well.
    """
    done: set[str] = set()
    for node in graph.node:
        if node.op_type not in _QUANTIZING or node.input[1] in done:
            continue
        if len(node.input) != 3:
            raise _no_renderer("it is quantized without zero points")
        values, scale, zero = node.input
        if values in arrays:  # weights
            if arrays[zero].any() or arrays[values].dtype != np.int8:
                raise _no_renderer("its weights are not quantized around 0")
            arrays[values], arrays[scale] = _with_half_scale(arrays[values], arrays[scale], _axis(node))
        else:
            limits = np.iinfo(arrays[zero].dtype)
            middle = arrays[zero].astype(np.float64)
            reach = np.maximum(middle - limits.min, limits.max - middle)
            same = limits.max == _INT8_MAX and not middle.any()
            wide = arrays[scale] if same else arrays[scale] * (reach / _INT8_MAX)
            arrays[scale] = np.maximum(wide, _LEAST_SCALE).astype(np.float32)
            arrays[zero] = np.zeros_like(arrays[zero], np.int8)
        done.add(scale)


def _with_half_scale(weights: np.ndarray, scale: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Quantize int8 weights anew where float16 holds their scale with few digits or none."""
    least = np.maximum(scale, _LEAST_SCALE).astype(np.float32)
    shape = [-1 if i == axis else 1 for i in range(weights.ndim)] if scale.ndim else [1] * weights.ndim
    return np.rint(weights * (scale / least).reshape(shape)).astype(np.int8), least


def _axis(node: onnx.NodeProto) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == "axis"), 1)


def _halve(graph: onnx.GraphProto, arrays: dict[str, np.ndarray]) -> None:
    """Write the numbers back, float32 as float16; the factors of upsampling stay, as ONNX wants them."""
    factors = {node.input[2] for node in graph.node if node.op_type == "Resize" and len(node.input) > 2}
    for tensor in graph.initializer:
        values = arrays[tensor.name]
        if values.dtype == np.float32 and tensor.name not in factors:
            with np.errstate(over="ignore"):
                values = values.astype(np.float16)
            if not np.isfinite(values).all():
                raise DinarError(
                    f"the avatar's network does not fit into half precision: {tensor.name} has numbers "
                    "beyond 65504; train it anew, or use --device cpu"
                )
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))


def _declare(
    graph: onnx.GraphProto,
    block: int,
    channels: int,
    size: tuple[str, str, str] | tuple[int, int, int],
) -> None:
    """Say what goes in and out; a size in words is open."""
    views, height, width = size
    cells = [n // block if isinstance(n, int) else f"{n}/{block}" for n in (height, width)]
    (raster,), (picture,) = graph.input, graph.output
    for value, name, shape in (
        (raster, raster.name, [views, INPUT_CHANNELS, height, width]),
        (picture, LOGITS, [views, channels, *cells]),
    ):
        value.CopyFrom(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT16, shape))
    del graph.value_info[:]


def _describe(model: onnx.ModelProto, precision: Precision, block: int) -> None:
    """Say in the file what became of the network; what the avatar's said of itself stays."""
    said = {entry.key: entry.value for entry in model.metadata_props}
    ours = {f"{_METADATA}precision": precision, f"{_METADATA}block": str(block)}
    onnx.helper.set_model_props(model, said | ours)


def _checked(model: onnx.ModelProto) -> bytes:
    """Serialize a file that is sure to be valid."""
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
