"""A renderer's half-precision ONNX as a module of torch, of the few operators that renderers have.

torch is imported when a module is made, never before (see `torch_network`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.half_onnx import INPUT, LOGITS, HalfNetwork

if TYPE_CHECKING:
    import onnx
    import torch
    from torch import fx


def to_module(half: HalfNetwork) -> torch.fx.GraphModule:
    """Make a module that draws what `half` does.

    Called with `raster`, float16 [views, 24, height, width], and `logits`, float16 [views, C, height / block,
    width / block], it writes the latter and returns None: what it writes to may stay in one place.

    Raises:
        DinarError: the network is an int8 one, or holds what no renderer does.
    """
    import onnx
    import torch
    from onnx import numpy_helper
    from torch import fx

    if half.precision == "int8":
        raise DinarError(
            "torch runs the renderer network in half precision, and this one is int8, which TensorRT runs: "
            "use the avatar's float32 network, or --engine tensorrt"
        )
    source = onnx.load_from_string(half.onnx).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in source.initializer}
    root, graph = torch.nn.Module(), fx.Graph()
    values = {INPUT: graph.placeholder("raster")}
    logits = graph.placeholder("logits")
    for index, node in enumerate(source.node):
        values[node.output[0]] = _translate(node, f"layer{index}", values, arrays, root, graph)
    graph.call_method("copy_", (logits, values[LOGITS]))
    graph.output(None)
    return fx.GraphModule(root, graph).eval().requires_grad_(False)


def _translate(
    node: onnx.NodeProto,
    name: str,
    values: Mapping[str, fx.Node],
    arrays: Mapping[str, np.ndarray],
    root: torch.nn.Module,
    graph: fx.Graph,
) -> fx.Node:
    """Add what a node of ONNX does to `graph`, under a name of ours: those in the file may be anything."""
    import onnx
    import torch

    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    pixels = [values[i] for i in node.input if i in values]
    if node.op_type == "Conv" and len(pixels) == 1:
        root.add_module(name, _convolution(node, attributes, arrays))
        return graph.call_module(name, (pixels[0],))
    if node.op_type == "Relu" and len(pixels) == 1:
        return graph.call_function(torch.relu, (pixels[0],))
    if node.op_type == "Add" and len(pixels) == 2:
        return graph.call_function(torch.add, (pixels[0], pixels[1]))
    if node.op_type == "Concat" and attributes["axis"] == 1 and len(pixels) == len(node.input):
        return graph.call_function(torch.cat, (pixels,), {"dim": 1})
    if node.op_type == "Resize" and _doubles(node, attributes, arrays):
        upsample = torch.nn.functional.interpolate
        return graph.call_function(upsample, (pixels[0],), {"scale_factor": 2.0, "mode": "nearest"})
    raise _unknown(node.op_type)


def _convolution(
    node: onnx.NodeProto, attributes: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> torch.nn.Conv2d:
    import torch

    weight, *bias = (torch.from_numpy(np.array(arrays[name])) for name in node.input[1:])
    strides, pads = attributes.get("strides", [1, 1]), attributes.get("pads", [0, 0, 0, 0])
    plain = attributes.get("group", 1) == 1 and set(attributes.get("dilations", [1])) == {1}
    if not plain or pads[:2] != pads[2:] or attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise _unknown("Conv, grouped, dilated or padded on one side")
    outputs, inputs, *kernel = weight.shape
    convolution = torch.nn.Conv2d(
        inputs, outputs, kernel, stride=strides, padding=pads[:2], bias=bool(bias), device="meta"
    )
    convolution.weight = torch.nn.Parameter(weight, requires_grad=False)
    if bias:
        convolution.bias = torch.nn.Parameter(bias[0], requires_grad=False)
    return convolution


def _doubles(node: onnx.NodeProto, attributes: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether a Resize gives each pixel two columns and two rows."""
    factors = arrays.get(node.input[2]) if len(node.input) == 3 else None
    how = [attributes.get(name) for name in ("mode", "nearest_mode", "coordinate_transformation_mode")]
    same = how == [b"nearest", b"floor", b"asymmetric"]
    return same and factors is not None and factors.tolist() == [1.0, 1.0, 2.0, 2.0]


def _unknown(operator: str) -> DinarError:
    return DinarError(
        f"torch cannot run the avatar's network: expected a renderer's operators, but it holds {operator}: "
        "export it again, or use another --engine"
    )
