"""World vertices to homogeneous pixels and to fixed-point window coordinates (formulas: `rasterize`)."""

from __future__ import annotations

import numpy as np
from numba import njit

NEAR = 0.01
"""Nearest depth that is drawn, metres."""

GUARD = 65536.0
"""Window coordinates beyond this many pixels are clipped, so that edge functions fit in 64 bits with room."""

# Why a vertex cannot be used as it is: one bit for each clipping plane, and one for NaN or infinity.
OUT_NEAR, OUT_LEFT, OUT_RIGHT, OUT_TOP, OUT_BOTTOM, NOT_FINITE = 1, 2, 4, 8, 16, 32


@njit(cache=True, nogil=True)
def snap(pixel: float) -> np.int64:
    """Round a window coordinate in pixels to 24.8 fixed point, halves up."""
    return np.int64(np.floor(pixel * 256.0 + 0.5))


@njit(cache=True, nogil=True)
def _outside(hx: float, hy: float, z: float) -> int:
    if not (np.isfinite(hx) and np.isfinite(hy) and np.isfinite(z)):
        return NOT_FINITE
    out = 0
    if z < NEAR:
        out |= OUT_NEAR
    if hx < -GUARD * z:
        out |= OUT_LEFT
    if hx > GUARD * z:
        out |= OUT_RIGHT
    if hy < -GUARD * z:
        out |= OUT_TOP
    if hy > GUARD * z:
        out |= OUT_BOTTOM
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def project(
    vertices: np.ndarray,
    matrix: np.ndarray,
    homogeneous: np.ndarray,
    window: np.ndarray,
    inverse_depth: np.ndarray,
    outside: np.ndarray,
) -> None:
    """Project vertices.

    Args:
        vertices: float32 [V, 3], world metres.
        matrix: float64 [3, 4], see `camera.projection_matrix`.
        homogeneous: float32 [V, 3], out: (column * depth, row * depth, depth).
        window: int32 [V, 2], out: 24.8 fixed-point column and row; unset where `outside`.
        inverse_depth: float32 [V], out: 1 / metre; unset where `outside`.
        outside: uint8 [V], out: OUT_* bits, 0 for a vertex that can be used as it is.
    """
    for v in range(vertices.shape[0]):
        x, y, z = np.float64(vertices[v, 0]), np.float64(vertices[v, 1]), np.float64(vertices[v, 2])
        for row in range(3):
            m = matrix[row]
            homogeneous[v, row] = np.float32(((m[0] * x + m[1] * y) + m[2] * z) + m[3])
        hx, hy = np.float64(homogeneous[v, 0]), np.float64(homogeneous[v, 1])
        depth = np.float64(homogeneous[v, 2])
        outside[v] = _outside(hx, hy, depth)
        if outside[v] == 0:
            window[v, 0] = snap(hx / depth)
            window[v, 1] = snap(hy / depth)
            inverse_depth[v] = np.float32(1.0 / depth)
