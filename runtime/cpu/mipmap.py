"""Mip maps of textures (Williams 1983): coarser levels, mixed only from texels that a triangle uses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dinar.runtime.camera import Camera
from dinar.runtime.cpu.rasterize import Rasterizer


class Atlas(NamedTuple):
    """One or more textures with all their levels, packed for `shade`.

    Attributes:
        texels: uint32 [T], sRGB, red in the lowest byte; by row, by level, by texture.
        levels: int32 [textures, levels, 3], for each level its first texel, width and height; a texture
            with fewer levels repeats its last.
    """

    texels: np.ndarray
    levels: np.ndarray


def used_texels(corner_uv: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return bool [height, width]: texels centred in a triangle of `corner_uv` float32 [F, 3, 2]."""
    corners = np.ones((3 * len(corner_uv), 3), np.float32)
    corners[:, :2] = corner_uv.reshape(-1, 2) * (width, height)
    faces = np.arange(len(corners), dtype=np.int32).reshape(-1, 3)
    camera = Camera(np.eye(4), np.eye(3), width, height)  # a corner's x and y are its column and row
    seen = Rasterizer(faces, len(corners), width, height).draw(corners, [camera], cull_back_faces=False)
    return seen.triangle[0] >= 0


def build_mipmaps(rgb: np.ndarray, used: np.ndarray) -> list[np.ndarray]:
    """Return all levels down to 1 x 1, each uint8 [h, w, 3].

    A texel of a coarser level is the mean of the used texels beneath it. Texels that nothing uses, in the
    gutters between charts, take the colour of the coarser level over them (pull-push, Gortler et al. 1996):
    filtering across a chart's border finds the chart's own colours, whatever the texture holds there.

    Args:
        rgb: uint8 [H, W, 3], sRGB; mixed as it is, as the renderers mix it.
        used: bool [H, W], see `used_texels`; when no texel is used, all count.
    """
    weight: np.ndarray = np.where(used.any(), used, True).astype(np.float32)[..., None]
    colour: np.ndarray = rgb.astype(np.float32) * weight
    levels = [(colour, weight)]
    while colour.shape[:2] != (1, 1):
        weighted, weight = _halve(_halve(colour * weight, 0), 1), _halve(_halve(weight, 0), 1)
        colour = weighted / np.maximum(weight, np.float32(1e-12))
        levels.append((colour, weight))
    filled = [levels[-1][0]]
    for colour, weight in reversed(levels[:-1]):
        height, width = colour.shape[:2]
        coarse = filled[0]
        rows = np.minimum(np.arange(height) // 2, coarse.shape[0] - 1)
        columns = np.minimum(np.arange(width) // 2, coarse.shape[1] - 1)
        filled.insert(0, np.where(weight > 0, colour, coarse[rows[:, None], columns]))
    return [np.rint(level).astype(np.uint8) for level in filled]


def pack_atlas(textures: list[list[np.ndarray]]) -> Atlas:
    """Pack textures, each a list of levels uint8 [h, w, 3] from fine to coarse, for `shade`."""
    level_count = max(len(levels) for levels in textures)
    table = np.zeros((len(textures), level_count, 3), np.int32)
    runs, start = [], 0
    for texture, levels in enumerate(textures):
        for k, level in enumerate(levels):
            height, width = level.shape[:2]
            table[texture, k:] = start, width, height
            runs.append(level.reshape(-1, 3))
            start += height * width
    channels = np.concatenate(runs).astype(np.uint32)
    return Atlas(channels[:, 0] | channels[:, 1] << 8 | channels[:, 2] << 16, table)


def _halve(a: np.ndarray, axis: int) -> np.ndarray:
    """Return the means of the cells of half as many (2n + 1: n) equal intervals along `axis`; 1 stays 1."""
    a = np.moveaxis(a, axis, 0)
    count = len(a)
    if count == 1:
        half = a
    elif count % 2 == 0:
        half = (a[0::2] + a[1::2]) / 2
    else:  # each interval holds 2 + 1 / n texels, parts of three
        n = count // 2
        i = np.arange(n, dtype=np.float32).reshape(-1, *[1] * (a.ndim - 1))
        half = ((n - i) * a[0:-2:2] + n * a[1:-1:2] + (i + 1) * a[2::2]) / count
    return np.moveaxis(half, 0, axis)
