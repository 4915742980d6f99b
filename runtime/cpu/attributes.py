"""Perspective-correct barycentrics and texture coordinates of visible samples (formulas: `rasterize`)."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(inline="always", error_model="numpy")
def convex_barycentric(
    x0: np.float32, y0: np.float32, x1: np.float32, y1: np.float32, x2: np.float32, y2: np.float32
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Return where the ray through a point of the picture meets a triangle (Olano and Greer 1997).

    Works for corners behind the camera too. The barycentrics are convex even where the ray just misses.
    Without branches: loops over it become vector instructions.

    Args:
        x0: column * depth of the first corner, of the picture moved so that the point lies at its origin.
        y0: row * depth of the first corner, likewise.
        x1: as x0, of the second corner.
        y1: as y0, of the second corner.
        x2: as x0, of the third corner.
        y2: as y0, of the third corner.

    Returns:
        Three barycentrics, and the sum they were scaled by: |det| of the homogeneous pixels / depth.
    """
    zero, one = np.float32(0.0), np.float32(1.0)
    b0 = x1 * y2 - x2 * y1
    b1 = x2 * y0 - x0 * y2
    b2 = x0 * y1 - x1 * y0
    sign = -one if b0 + b1 + b2 < zero else one
    b0, b1, b2 = sign * b0, sign * b1, sign * b2
    b0, b1, b2 = b0 if b0 > zero else zero, b1 if b1 > zero else zero, b2 if b2 > zero else zero
    total = b0 + b1 + b2
    some = total > zero
    per_total, rest = one / (total if some else one), zero if some else one / np.float32(3.0)
    return b0 * per_total + rest, b1 * per_total + rest, b2 * per_total + rest, total


@njit(inline="always", error_model="numpy")
def barycentric_at(
    homogeneous: np.ndarray, i: int, j: int, k: int, column: np.float32, row: np.float32
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Return `convex_barycentric` of a triangle at a point of the picture.

    Args:
        homogeneous: float32 [V, 3], see `project`.
        i: vertex of the first corner.
        j: vertex of the second corner.
        k: vertex of the third corner.
        column: pixels.
        row: pixels.
    """
    z0, z1, z2 = homogeneous[i, 2], homogeneous[j, 2], homogeneous[k, 2]
    return convex_barycentric(
        homogeneous[i, 0] - column * z0,
        homogeneous[i, 1] - row * z0,
        homogeneous[j, 0] - column * z1,
        homogeneous[j, 1] - row * z1,
        homogeneous[k, 0] - column * z2,
        homogeneous[k, 1] - row * z2,
    )


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def interpolate(
    triangle: np.ndarray,
    bbox: np.ndarray,
    faces: np.ndarray,
    homogeneous: np.ndarray,
    corner_uv: np.ndarray,
    barycentric: np.ndarray,
    uv: np.ndarray,
) -> None:
    """Compute the attributes of every covered pixel; the others are left alone.

    Args:
        triangle: int32 [H, W], nearest triangle, -1 for none.
        bbox: int32 [4], first column, first row, end column, end row of what is covered.
        faces: int32 [F, 3], vertex ids.
        homogeneous: float32 [V, 3], see `project`.
        corner_uv: float32 [F, 3, 2], texture coordinates corner by corner.
        barycentric: float32 [H, W, 3], out.
        uv: float32 [H, W, 2], out.
    """
    half = np.float32(0.5)
    for row in prange(bbox[1], bbox[3]):
        for column in range(bbox[0], bbox[2]):
            t = triangle[row, column]
            if t < 0:
                continue
            at_column, at_row = np.float32(column) + half, np.float32(row) + half
            i, j, k = faces[t, 0], faces[t, 1], faces[t, 2]
            b0, b1, b2, _ = barycentric_at(homogeneous, i, j, k, at_column, at_row)
            barycentric[row, column, 0], barycentric[row, column, 1], barycentric[row, column, 2] = b0, b1, b2
            for k in range(2):
                uv[row, column, k] = (b0 * corner_uv[t, 0, k] + b1 * corner_uv[t, 1, k]) + b2 * corner_uv[
                    t, 2, k
                ]
