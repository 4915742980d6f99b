"""What a renderer's ONNX file says of itself: the names of its input and output, and its metadata."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

INPUT, OUTPUT = "raster", "rgba"
METADATA_PREFIX = "dinar."


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
