"""How near the pictures of one network are to those of another."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dinar.export.network_file import INPUT, network_input

RGBA_CHANNELS = 4


@dataclass(frozen=True)
class Parity:
    """How near pictures are to those of a reference, over masks, and over colours where masks show them.

    Attributes:
        max_error: largest difference of a number, of numbers in [0, 1].
        psnr: decibels; inf where all are the same.
        views: pictures that were compared.
    """

    max_error: float
    psnr: float
    views: int


def compare_pictures(ours: Iterable[np.ndarray], theirs: Iterable[np.ndarray]) -> Parity:
    """Compare pictures one by one; float [4, H, W] in [0, 1] each, all of one size."""
    errors, squares = [], []
    for mine, other in zip(ours, theirs, strict=True):
        difference = _as_seen(mine) - _as_seen(other)
        errors.append(float(np.abs(difference).max()))
        squares.append(float(np.mean(difference**2)))
    mean = float(np.mean(squares))
    return Parity(max(errors), math.inf if mean == 0 else -10 * math.log10(mean), len(errors))


def _as_seen(picture: np.ndarray) -> np.ndarray:
    """Colours before black, and the mask: float64 [4, H, W]; what a mask hides has any colour."""
    rgba = picture.astype(np.float64)
    rgba[:3] *= rgba[3:]
    return rgba


def import_onnxruntime() -> Any | None:
    """Import what runs ONNX as it is written, number types included; None where it is not installed."""
    try:
        return importlib.import_module("onnxruntime")  # no extra brings it: it only compares
    except ModuleNotFoundError:
        return None


def draw(onnxruntime: Any, network: bytes, rasters: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Draw with a renderer in ONNX: float32 [4, H, W] in [0, 1] for each raster, uint8 [H, W, 22]."""
    session = _session(onnxruntime, network)
    for raster in rasters:
        (rgba,) = session.run(None, {INPUT: network_input(raster)})
        yield rgba[0]


def draw_half(
    onnxruntime: Any, network: bytes, block: int, rasters: Sequence[np.ndarray]
) -> Iterator[np.ndarray]:
    """Draw likewise with a half-precision network, each of its numbers rounded as it says.

    Args:
        onnxruntime: see `import_onnxruntime`.
        network: its ONNX, for so many views of the rasters' size; the last run is filled up with the last
            raster.
        block: see `pictures`.
        rasters: uint8 [H, W, 22] each.
    """
    session = _session(onnxruntime, network, as_written=True)
    views, channels = session.get_inputs()[0].shape[:2]
    for first in range(0, len(rasters), views):
        batch = [rasters[min(first + i, len(rasters) - 1)] for i in range(views)]
        (logits,) = session.run(None, {INPUT: _half_pixels(np.stack(batch), channels)})
        yield from pictures(logits, block)[: len(rasters) - first]


def pictures(logits: np.ndarray, block: int) -> np.ndarray:
    """Make pictures of what a half-precision network gives, as the GPU's `compose` does.

    Args:
        logits: float16 [N, C, h, w]; the first 4 block^2 channels count.
        block: pixels on a side that one of h x w stands for.

    Returns:
        float32 [N, 4, h * block, w * block] in [0, 1].
    """
    count, _, rows, columns = logits.shape
    cells = logits[:, : RGBA_CHANNELS * block**2].astype(np.float32)
    cells = cells.reshape(count, RGBA_CHANNELS, block, block, rows, columns)
    spread = cells.transpose(0, 1, 4, 2, 5, 3).reshape(count, RGBA_CHANNELS, rows * block, columns * block)
    return 1 / (1 + np.exp(-spread))


def _session(onnxruntime: Any, network: bytes, *, as_written: bool = False) -> Any:
    """Open a network; as it is written where ONNX Runtime's own changes would spoil int8 between float16."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    if as_written:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])


def _half_pixels(rasters: np.ndarray, channels: int) -> np.ndarray:
    """uint8 [N, H, W, 22] to float16 [N, channels, H, W] in [0, 1]; channels beyond those drawn are 0."""
    count, height, width, drawn = rasters.shape
    pixels = np.zeros((count, channels, height, width), np.float16)
    pixels[:, :drawn] = rasters.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    return pixels
