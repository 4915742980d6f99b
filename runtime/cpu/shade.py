"""Samples to pixels: filtered texture colours, averaged over each pixel's samples, with coverage as alpha."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange

from dinar.runtime.cpu.attributes import barycentric_at
from dinar.runtime.cpu.mipmap import Atlas
from dinar.runtime.cpu.sample import texel_pair

FULL_WEIGHT = 8192
"""Sum that the weights of a pixel's texels do not exceed, so that 21 bits hold a weighted channel."""

FACE = np.dtype(
    [
        *((name, np.int32) for name in ("i", "j", "k", "texture")),
        *((name, np.float32) for name in ("texel_area", "u0", "v0", "u1", "v1", "u2", "v2")),
    ]
)
"""A face: its vertices, the texture that it shows, its doubled area in that texture's texels, its uv."""


class Surface(NamedTuple):
    """A textured mesh, apart from where its vertices are.

    Attributes:
        faces: FACE [F].
        texels: uint32 [T], see `Atlas`.
        levels: int32 [textures, levels, 3], see `Atlas`.
    """

    faces: np.ndarray
    texels: np.ndarray
    levels: np.ndarray


def make_surface(faces: np.ndarray, corner_uv: np.ndarray, texture: np.ndarray, atlas: Atlas) -> Surface:
    """Put what `shade` needs of each face side by side.

    Args:
        faces: int32 [F, 3], vertex ids.
        corner_uv: float32 [F, 3, 2], texture coordinates corner by corner.
        texture: int [F], the atlas's texture that each face shows.
        atlas: the textures.
    """
    packed = np.zeros(len(faces), FACE)
    packed["i"], packed["j"], packed["k"] = faces.T
    packed["texture"] = texture
    for corner in range(3):
        packed[f"u{corner}"], packed[f"v{corner}"] = corner_uv[:, corner].T
    edge = (corner_uv[:, 1:] - corner_uv[:, :1]) * atlas.levels[texture, 0, 1:][:, None]  # [F, 2, 2], texels
    packed["texel_area"] = np.abs(edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0])
    return Surface(packed, atlas.texels, atlas.levels)


@njit(inline="always")
def _spread(texel: np.uint32) -> np.int64:
    """Return a texel with its channels 21 bits apart, so that one multiplication weighs all three."""
    c = np.int64(texel)
    return c & 0xFF | (c & 0xFF00) << 13 | (c & 0xFF0000) << 26


@njit(inline="always")
def _bilinear(
    surface: Surface, texture: int, level: int, u: np.float32, v: np.float32, weight: np.float32
) -> tuple[int, int]:
    """Return the texels around (u, v), weighted and packed, and the sum of the weights, at most `weight`."""
    texels = surface.texels
    first, width = surface.levels[texture, level, 0], surface.levels[texture, level, 1]
    left, right, across = texel_pair(u, width)
    top, bottom, down = texel_pair(v, surface.levels[texture, level, 2])
    one = np.float32(1.0)
    upper, lower = (one - down) * weight, down * weight
    w00, w01 = np.int64((one - across) * upper), np.int64(across * upper)
    w10, w11 = np.int64((one - across) * lower), np.int64(across * lower)
    row0, row1 = first + top * width, first + bottom * width
    packed = _spread(texels[row0 + left]) * w00 + _spread(texels[row0 + right]) * w01
    packed += _spread(texels[row1 + left]) * w10 + _spread(texels[row1 + right]) * w11
    return packed, int(w00 + w01 + w10 + w11)


@njit(inline="always", error_model="numpy")
def _filtered(
    surface: Surface, texture: int, u: np.float32, v: np.float32, area: np.float32, weight: np.float32
) -> tuple[int, int]:
    """Return the colour around (u, v), filtered over an area of so many texels, as `_bilinear` does."""
    last = surface.levels.shape[1] - 1
    lod = np.float32(0.5) * np.log2(max(area, np.float32(1.0)))
    level = min(np.int64(lod), last)
    mix = lod - np.float32(level) if level < last else np.float32(0.0)
    fine, fine_weight = _bilinear(surface, texture, level, u, v, weight * (np.float32(1.0) - mix))
    coarse, coarse_weight = _bilinear(surface, texture, min(level + 1, last), u, v, weight * mix)
    return fine + coarse, fine_weight + coarse_weight


@njit(inline="always", error_model="numpy")
def _look_up(
    surface: Surface, homogeneous: np.ndarray, t: int, column: np.float32, row: np.float32
) -> tuple[np.float32, np.float32, np.float32]:
    """Return what a point of the picture sees of triangle `t`: u, v, and texels for each squared sample."""
    f = surface.faces[t]
    b0, b1, b2, total = barycentric_at(homogeneous, f.i, f.j, f.k, column, row)
    u = b0 * f.u0 + b1 * f.u1 + b2 * f.u2
    v = b0 * f.v0 + b1 * f.v1 + b2 * f.v2
    depth = b0 * homogeneous[f.i, 2] + b1 * homogeneous[f.j, 2] + b2 * homogeneous[f.k, 2]
    # From samples to texels, areas grow by texel_area depth^3 / |det|; total is |det| / depth.
    area = f.texel_area * depth * depth / max(total, np.float32(1e-30))
    return u, v, min(area, np.float32(1e9))


@njit(inline="always")
def _mean_position(triangle: np.ndarray, x: int, y: int, t: int) -> tuple[int, np.float32, np.float32]:
    """Return how many of a pixel's four samples see `t`, and their mean column and row, in samples."""
    count, column, row = 0, np.float32(0.0), np.float32(0.0)
    for i in range(4):
        right, down = i & 1, i >> 1
        if triangle[2 * y + down, 2 * x + right] == t:  # on the rotated grid, see `rasterize`
            column += np.float32(0.75) + np.float32(right) - np.float32(0.5) * np.float32(down)
            row += np.float32(0.25) + np.float32(down) + np.float32(0.5) * np.float32(right)
            count += 1
    share = np.float32(1.0) / np.float32(count)
    return count, np.float32(2 * x) + column * share, np.float32(2 * y) + row * share


@njit(inline="always", error_model="numpy")
def _four_samples(
    surface: Surface, homogeneous: np.ndarray, triangle: np.ndarray, x: int, y: int
) -> tuple[int, int, int]:
    """Return a pixel's colour over its four samples as `_bilinear` does, and how many samples are covered."""
    per_sample = np.float32(FULL_WEIGHT / 4)
    group_u = group_v = group_area = group_count = np.float32(0.0)
    group_texture, packed, weights, covered = -1, 0, 0, 0
    s0, s1 = triangle[2 * y, 2 * x], triangle[2 * y, 2 * x + 1]
    s2, s3 = triangle[2 * y + 1, 2 * x], triangle[2 * y + 1, 2 * x + 1]
    for i in range(4):
        t = s0 if i == 0 else s1 if i == 1 else s2 if i == 2 else s3
        if t < 0 or (i > 0 and s0 == t) or (i > 1 and s1 == t) or (i > 2 and s2 == t):
            continue
        same, column, row = _mean_position(triangle, x, y, t)
        u, v, area = _look_up(surface, homogeneous, t, column, row)
        texture, area, count = surface.faces[t].texture, np.float32(4.0) * area, np.float32(same)
        covered += same
        across = (u - group_u) * np.float32(surface.levels[texture, 0, 1])
        down = (v - group_v) * np.float32(surface.levels[texture, 0, 2])
        if group_texture < 0:
            group_texture, group_u, group_v, group_area, group_count = texture, u, v, area, count
        elif texture == group_texture and across * across + down * down <= np.float32(2.0) * group_area:
            group_count += count
            share = count / group_count
            group_u, group_v = group_u + (u - group_u) * share, group_v + (v - group_v) * share
            group_area += (area - group_area) * share
        else:
            more, more_weight = _filtered(surface, texture, u, v, area, count * per_sample)
            packed, weights = packed + more, weights + more_weight
        if same == 4:
            break
    weight = group_count * per_sample
    more, more_weight = _filtered(surface, group_texture, group_u, group_v, group_area, weight)
    return packed + more, weights + more_weight, covered


@njit(inline="always")
def _covered(triangle: np.ndarray, samples: int, x: int, y: int) -> bool:
    """Return whether a triangle is seen at any sample of a pixel."""
    if samples == 1:
        return triangle[y, x] >= 0
    upper = triangle[2 * y, 2 * x] & triangle[2 * y, 2 * x + 1]
    return (upper & triangle[2 * y + 1, 2 * x] & triangle[2 * y + 1, 2 * x + 1]) >= 0


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def shade(
    surface: Surface,
    homogeneous: np.ndarray,
    triangle: np.ndarray,
    samples: int,
    box: np.ndarray,
    workers: int,
    rgba: np.ndarray,
) -> None:
    """Draw the pixels of a rectangle.

    Samples of a pixel that lie close together on the texture, next to the pixel's size there, share one look
    at it. Colours are averaged over the covered samples as sRGB values, as they are in training.

    Args:
        surface: what is seen.
        homogeneous: float32 [V, 3], homogeneous samples, see `Visibility`.
        triangle: int32 [H, W], or [2 H, 2 W] with 4 samples, see `Visibility`.
        samples: 1 or 4 for each pixel.
        box: int [4], first column, first row, end column, end row, pixels.
        workers: rows are dealt out to so many threads in turn.
        rgba: uint32 [H, W], out: sRGB and straight alpha, red in the lowest byte; 0 where nothing is seen.
    """
    half, full = np.float32(0.5), np.float32(FULL_WEIGHT)
    for worker in prange(workers):
        for y in range(box[1] + worker, box[3], workers):
            for x in range(box[0], box[2]):
                if not _covered(triangle, samples, x, y):
                    rgba[y, x] = 0
                    continue
                count = 1
                if samples == 4:
                    packed, weights, count = _four_samples(surface, homogeneous, triangle, x, y)
                else:
                    t, column, row = triangle[y, x], np.float32(x) + half, np.float32(y) + half
                    u, v, area = _look_up(surface, homogeneous, t, column, row)
                    packed, weights = _filtered(surface, surface.faces[t].texture, u, v, area, full)
                share = np.float32(1.0) / np.float32(weights)
                red = np.uint32(np.float32(packed & 0x1FFFFF) * share + half)
                green = np.uint32(np.float32(packed >> 21 & 0x1FFFFF) * share + half)
                blue = np.uint32(np.float32(packed >> 42) * share + half)
                alpha = np.uint32((255 * count + samples // 2) // samples)
                rgba[y, x] = red | green << np.uint32(8) | blue << np.uint32(16) | alpha << np.uint32(24)
