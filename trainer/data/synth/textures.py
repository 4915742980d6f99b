"""The textures of a person's parts: painted once, packed with their coarser levels, fetched by any view.

A texel is eight bytes: the square root of the linear albedo (three), what the paint adds to the mesh's normal
in the T-pose (three, -1 to 1 as 1 to 255), how much light reaches into creases, and one that is unused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from dinar.trainer.data.people.bake import Texels, find_texels
from dinar.trainer.data.people.part import Part, SurfacePoints
from dinar.trainer.data.synth.mesh import PersonMesh

LEVELS = 6
"""Levels of each texture, each half as large as the one before."""

TEXEL_BYTES = 8
_NO_OFFSET = 128
_REACH = 1.5  # texels around a chart that are painted as well


@dataclass(frozen=True, eq=False)
class Textures:
    """All textures of a person.

    Attributes:
        texels: uint8 [N, 8], by row, by level, by part.
        levels: int32 [parts, 6, 3], first texel, width and height of each level.
    """

    texels: np.ndarray
    levels: np.ndarray


def bake(parts: tuple[Part, ...], mesh: PersonMesh) -> Textures:
    """Paint every part's texture where the mesh shows it.

    Args:
        parts: each with its own uv.
        mesh: of the same parts.
    """
    sizes = [part.uv.size for part in parts if part.uv is not None]
    table = np.zeros((len(parts), LEVELS, 3), np.int32)
    first = 0
    for p, size in enumerate(sizes):
        for level in range(LEVELS):
            side = max(size >> level, 1)
            table[p, level] = first, side, side
            first += side * side
    texels = np.zeros((first, TEXEL_BYTES), np.uint8)
    starts = np.searchsorted(mesh.part, np.arange(len(parts) + 1))
    for p, part in enumerate(parts):
        _paint_part(part, mesh, slice(starts[p], starts[p + 1]), texels, table[p])
    return Textures(texels, table)


def _paint_part(part: Part, mesh: PersonMesh, own: slice, texels: np.ndarray, levels: np.ndarray) -> None:
    """Paint one part's texels and make its coarser levels."""
    found, points = texel_points(mesh, own, int(levels[0, 1]))
    paint = part.painter(points)
    side = int(levels[0, 1])
    weight = np.zeros((side, side), np.uint8)
    image = texels[levels[0, 0] : levels[0, 0] + side * side].reshape(side, side, TEXEL_BYTES)
    _encode(
        found.row,
        found.column,
        np.ascontiguousarray(paint.albedo, np.float64),
        np.ascontiguousarray(paint.normal, np.float64),
        points.normal,
        np.ascontiguousarray(paint.cavity, np.float64),
        image,
        weight,
    )
    pyramid, weights = [image], [weight]
    for level in range(1, LEVELS):
        side = int(levels[level, 1])
        pyramid.append(
            texels[levels[level, 0] : levels[level, 0] + side * side].reshape(side, side, TEXEL_BYTES)
        )
        weights.append(np.zeros((side, side), np.uint8))
        _coarsen(pyramid[-2], weights[-2], pyramid[-1], weights[-1])
    for level in range(LEVELS - 1, 0, -1):
        _fill_gutters(pyramid[level - 1], weights[level - 1], pyramid[level])


def texel_points(mesh: PersonMesh, own: slice, size: int) -> tuple[Texels, SurfacePoints]:
    """Return the texels that a part's faces `own` cover in a texture of `size` a side, and where they lie."""
    corner_uv = mesh.corner_uv[own].astype(np.float64)
    count = len(corner_uv)
    corners = np.arange(3 * count, dtype=np.int32).reshape(-1, 3)
    found = find_texels(corner_uv.reshape(-1, 2), corners, height=size, width=size, reach=_REACH)
    position, normal = np.empty((len(found.face), 3)), np.empty((len(found.face), 3))
    _interpolate(
        found.face, found.barycentric, mesh.faces[own], mesh.vertices, mesh.normals, position, normal
    )
    return found, SurfacePoints(position, normal, mesh.part_face[own][found.face], found.barycentric)


@njit(cache=True, nogil=True, error_model="numpy")
def _interpolate(face, barycentric, faces, vertices, normals, position, normal):  # type: ignore[no-untyped-def]
    """Fill positions and unit normals [M, 3] of points on faces."""
    for m in range(len(face)):
        i, j, k = faces[face[m], 0], faces[face[m], 1], faces[face[m], 2]
        a, b, c = barycentric[m, 0], barycentric[m, 1], barycentric[m, 2]
        length = 0.0
        for d in range(3):
            position[m, d] = a * vertices[i, d] + b * vertices[j, d] + c * vertices[k, d]
            normal[m, d] = a * normals[i, d] + b * normals[j, d] + c * normals[k, d]
            length += normal[m, d] * normal[m, d]
        length = np.sqrt(length) if length > 1e-24 else 1.0
        for d in range(3):
            normal[m, d] /= length


@njit(cache=True, nogil=True)
def _encode(row, column, albedo, normal, mesh_normal, cavity, image, weight):  # type: ignore[no-untyped-def]
    """Write paint [M] as texels of image uint8 [H, W, 8] and mark them in weight uint8 [H, W]."""
    for m in range(len(row)):
        texel = image[row[m], column[m]]
        for c in range(3):
            texel[c] = np.uint8(np.sqrt(min(max(albedo[m, c], 0.0), 1.0)) * 255.0 + 0.5)
            offset = min(max(normal[m, c] - mesh_normal[m, c], -1.0), 1.0)
            texel[3 + c] = np.uint8(np.floor(offset * 127.0 + 0.5) + _NO_OFFSET)
        texel[6] = np.uint8(min(max(cavity[m], 0.0), 1.0) * 255.0 + 0.5)
        weight[row[m], column[m]] = 1


@njit(cache=True, nogil=True)
def _coarsen(image, weight, coarse, coarse_weight):  # type: ignore[no-untyped-def]
    """Mix the painted ones of each 2 x 2 texels (albedo as linear light) into one of the next level."""
    for y in range(coarse.shape[0]):
        for x in range(coarse.shape[1]):
            count = 0
            sums = (0, 0, 0, 0, 0, 0, 0)
            for dy in range(2):
                for dx in range(2):
                    if weight[2 * y + dy, 2 * x + dx] > 0:
                        t = image[2 * y + dy, 2 * x + dx]
                        a, b, c = int(t[0]), int(t[1]), int(t[2])
                        sums = (
                            sums[0] + a * a,
                            sums[1] + b * b,
                            sums[2] + c * c,
                            sums[3] + int(t[3]),
                            sums[4] + int(t[4]),
                            sums[5] + int(t[5]),
                            sums[6] + int(t[6]),
                        )
                        count += 1
            if count == 0:
                continue
            out = coarse[y, x]
            out[0] = np.uint8(np.sqrt(sums[0] / count) + 0.5)
            out[1] = np.uint8(np.sqrt(sums[1] / count) + 0.5)
            out[2] = np.uint8(np.sqrt(sums[2] / count) + 0.5)
            out[3] = np.uint8((2 * sums[3] + count) // (2 * count))
            out[4] = np.uint8((2 * sums[4] + count) // (2 * count))
            out[5] = np.uint8((2 * sums[5] + count) // (2 * count))
            out[6] = np.uint8((2 * sums[6] + count) // (2 * count))
            coarse_weight[y, x] = 1


@njit(cache=True, nogil=True)
def _fill_gutters(image, weight, coarse):  # type: ignore[no-untyped-def]
    """Give texels that nothing painted what lies over them in the coarser level."""
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            if weight[y, x] == 0:
                over = coarse[min(y // 2, coarse.shape[0] - 1), min(x // 2, coarse.shape[1] - 1)]
                for c in range(7):
                    image[y, x, c] = over[c]
