"""Mip maps of textures (Williams 1983): coarser levels, mixed only from texels that a triangle uses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from dinar.runtime.camera import Camera


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
    from dinar.runtime.cpu.rasterize import Rasterizer  # whatever renders: it is there, and done once

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
    if not used.any():
        used = np.ones_like(used)
    finest: tuple[np.ndarray, np.ndarray] = rgb.copy(), used
    levels = [finest]
    while levels[-1][1].shape != (1, 1):
        colour, weight = levels[-1]
        height, width = (max(length // 2, 1) for length in weight.shape)
        coarse = np.empty((height, width, 3), np.float32), np.empty((height, width), np.float32)
        _coarsen(colour, weight, *coarse)
        levels.append(coarse)
    for (colour, weight), (coarse_colour, _) in zip(levels[-2::-1], levels[:0:-1], strict=True):
        _fill_gutters(colour, weight, coarse_colour)
    return [finest[0], *(np.rint(colour).astype(np.uint8) for colour, _ in levels[1:])]


def pack_atlas(textures: list[list[np.ndarray]]) -> Atlas:
    """Pack textures, each a list of levels uint8 [h, w, 3] from fine to coarse, for `shade`."""
    level_count = max(len(levels) for levels in textures)
    table = np.zeros((len(textures), level_count, 3), np.int32)
    total = sum(level.shape[0] * level.shape[1] for levels in textures for level in levels)
    texels, start = np.zeros((total, 4), np.uint8), 0
    for texture, levels in enumerate(textures):
        for k, level in enumerate(levels):
            height, width = level.shape[:2]
            table[texture, k:] = start, width, height
            texels[start : start + height * width, :3] = level.reshape(-1, 3)
            start += height * width
    return Atlas(texels.view("<u4")[:, 0], table)


@njit(inline="always")
def _interval(i: int, count: int) -> tuple[int, np.float32, np.float32, np.float32, np.float32]:
    """Return which texels lie in interval `i` of half as many (2n + 1: n) equal ones; 1 texel stays 1.

    How many there are from 2 i on, the parts of the three there, and the sum of the parts.
    """
    n = count // 2
    if count == 1:
        return 1, np.float32(1), np.float32(0), np.float32(0), np.float32(1)
    if count % 2 == 0:
        return 2, np.float32(1), np.float32(1), np.float32(0), np.float32(2)
    # each interval holds 2 + 1 / n texels, parts of three
    return 3, np.float32(n - i), np.float32(n), np.float32(i + 1), np.float32(count)


@njit(cache=True, nogil=True, error_model="numpy")
def _coarsen(colour: np.ndarray, weight: np.ndarray, coarse: np.ndarray, coarse_weight: np.ndarray) -> None:
    """Mix colours [h, w, 3] by their weights [h, w] into those of the next level, float32."""
    height, width = weight.shape
    for i in range(coarse.shape[0]):
        rows, top, middle, bottom, row_sum = _interval(i, height)
        for j in range(coarse.shape[1]):
            columns, left, centre, right, column_sum = _interval(j, width)
            red = green = blue = total = np.float32(0.0)
            for c in range(columns):
                r = g = b = t = np.float32(0.0)
                for k in range(rows):
                    part = top if k == 0 else middle if k == 1 else bottom
                    w = np.float32(weight[2 * i + k, 2 * j + c])
                    r += part * (np.float32(colour[2 * i + k, 2 * j + c, 0]) * w)
                    g += part * (np.float32(colour[2 * i + k, 2 * j + c, 1]) * w)
                    b += part * (np.float32(colour[2 * i + k, 2 * j + c, 2]) * w)
                    t += part * w
                part = left if c == 0 else centre if c == 1 else right
                red, green = red + part * (r / row_sum), green + part * (g / row_sum)
                blue, total = blue + part * (b / row_sum), total + part * (t / row_sum)
            total = total / column_sum
            per_weight = max(total, np.float32(1e-12))
            coarse[i, j, 0] = red / column_sum / per_weight
            coarse[i, j, 1] = green / column_sum / per_weight
            coarse[i, j, 2] = blue / column_sum / per_weight
            coarse_weight[i, j] = total


@njit(cache=True, nogil=True)
def _fill_gutters(colour: np.ndarray, weight: np.ndarray, coarse: np.ndarray) -> None:
    """Give texels without weight the colour over them: uint8 (rounded) or float32 [h, w, 3], in place."""
    rounded = colour.itemsize == 1
    for i in range(colour.shape[0]):
        for j in range(colour.shape[1]):
            if weight[i, j] > 0:
                continue
            row, column = min(i // 2, coarse.shape[0] - 1), min(j // 2, coarse.shape[1] - 1)
            for c in range(3):
                over = coarse[row, column, c]
                colour[i, j, c] = np.rint(over) if rounded else over
