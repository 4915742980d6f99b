"""Clipping at the near plane and at the guard band, in homogeneous pixels (formulas: `rasterize`)."""

from __future__ import annotations

import numpy as np
from numba import njit

from dinar.runtime.cpu.pieces import Grid, add_piece
from dinar.runtime.cpu.project import GUARD, NEAR, snap

PLANES = 5
MAX_PIECES = PLANES + 1
"""Pieces that one clipped triangle can fall into: each plane adds at most one corner to three."""


@njit(cache=True, nogil=True)
def plane_distance(corner: np.ndarray, plane: int) -> float:
    """Return how far inside a plane a homogeneous pixel lies; 0 and above is inside.

    Args:
        corner: float64 [3], (column * depth, row * depth, depth).
        plane: 0 near, 1 left, 2 right, 3 top, 4 bottom.
    """
    if plane == 0:
        return corner[2] - NEAR
    if plane == 1:
        return corner[0] + GUARD * corner[2]
    if plane == 2:
        return GUARD * corner[2] - corner[0]
    if plane == 3:
        return corner[1] + GUARD * corner[2]
    return GUARD * corner[2] - corner[1]


@njit(cache=True, nogil=True, error_model="numpy")
def clip_triangle(polygon: np.ndarray, spare: np.ndarray) -> int:
    """Clip a triangle (Sutherland and Hodgman 1974) and return how many corners are left, 0 or 3 to 8.

    A cut is always computed from the corner inside towards the corner outside, so that two triangles that
    share an edge get the same point on it.

    Args:
        polygon: float64 [8, 3], in: three corners in its first rows; out: the corners that are left.
        spare: float64 [8, 3], work space.
    """
    count = 3
    for plane in range(PLANES):
        kept = 0
        for i in range(count):
            here, there = polygon[i], polygon[(i + 1) % count]
            d_here, d_there = plane_distance(here, plane), plane_distance(there, plane)
            if d_here >= 0:
                spare[kept] = here
                kept += 1
            if d_here >= 0 and d_there < 0:
                spare[kept] = here + (d_here / (d_here - d_there)) * (there - here)
                kept += 1
            elif d_here < 0 and d_there >= 0:
                spare[kept] = there + (d_there / (d_there - d_here)) * (here - there)
                kept += 1
        polygon[:kept] = spare[:kept]
        count = kept
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def clip(
    faces: np.ndarray,
    homogeneous: np.ndarray,
    to_clip: np.ndarray,
    cull: np.ndarray,
    grid: Grid,
    pieces: np.ndarray,
    rows: np.ndarray,
    first: int,
) -> int:
    """Clip faces, write their pieces from slot `first` on, and return the slot after the last.

    Args:
        faces: int32 [F, 3], vertex ids.
        homogeneous: float32 [V, 3], see `project`.
        to_clip: int32 [C], the faces to clip.
        cull: bool [F] or [1], see `set_up`.
        grid: the samples.
        pieces: PIECE [P], out, P >= first + MAX_PIECES * C.
        rows: int32 [P, 2], out, see `set_up`.
        first: slot of the first piece.
    """
    polygon, spare = np.empty((PLANES + 3, 3)), np.empty((PLANES + 3, 3))
    x, y = np.empty(PLANES + 3, np.int64), np.empty(PLANES + 3, np.int64)
    w = np.empty(PLANES + 3, np.float32)
    slot, cull_all = first, len(cull) == 1
    for face in to_clip:
        for corner in range(3):
            polygon[corner] = homogeneous[faces[face, corner]]
        count = clip_triangle(polygon, spare)
        for i in range(count):
            x[i], y[i] = snap(polygon[i, 0] / polygon[i, 2]), snap(polygon[i, 1] / polygon[i, 2])
            w[i] = np.float32(1.0 / polygon[i, 2])
        for i in range(1, count - 1):
            triangle_x, triangle_y = (x[0], x[i], x[i + 1]), (y[0], y[i], y[i + 1])
            triangle_w = (w[0], w[i], w[i + 1])
            culled = cull[0 if cull_all else face]
            if add_piece(pieces, rows, slot, face, triangle_x, triangle_y, triangle_w, culled, grid):
                slot += 1
    return slot
