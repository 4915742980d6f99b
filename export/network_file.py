"""What a renderer's ONNX file says of itself: the names of its input and output, and its metadata."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx

INPUT, OUTPUT = "raster", "rgba"
METADATA_PREFIX = "dinar."
_AFTER_LOGITS = ("Sigmoid", "DepthToSpace", "QuantizeLinear", "DequantizeLinear")


def read_metadata(model: onnx.ModelProto) -> dict[str, str]:
    """Return what `to_onnx` says about a network: name => value."""
    return {
        entry.key.removeprefix(METADATA_PREFIX): entry.value
        for entry in model.metadata_props
        if entry.key.startswith(METADATA_PREFIX)
    }


def write_metadata(model: onnx.ModelProto, metadata: Mapping[str, str]) -> None:
    """Say something about a network in its file; other metadata stays."""
    kept = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, kept | {METADATA_PREFIX + key: metadata[key] for key in metadata})


def network_input(raster: np.ndarray) -> np.ndarray:
    """Give a raster, uint8 [H, W, 22], as networks take it: float32 [1, 22, H, W] in [0, 1]."""
    return np.ascontiguousarray(raster.transpose(2, 0, 1)[None], np.float32) / np.float32(255)


def logits_maker(model: onnx.ModelProto) -> onnx.NodeProto:
    """Return the node that makes the logits of pictures: a convolution, or the sum of two."""
    makers = {output: node for node in model.graph.node for output in node.output}
    node = makers[model.graph.output[0].name]
    while node.op_type in _AFTER_LOGITS:
        node = makers[node.input[0]]
    return node
