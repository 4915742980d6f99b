"""Which triangles of a mesh can be seen from outside."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _draw(points, faces, depth, owner):  # type: ignore[no-untyped-def]
    """Orthographic z-buffer: `owner` [H, W] gets the triangle with the greatest z; points in pixels."""
    for f in range(faces.shape[0]):
        a, b, c = points[faces[f, 0]], points[faces[f, 1]], points[faces[f, 2]]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if area == 0:
            continue
        for j in range(int(min(a[1], b[1], c[1])), int(max(a[1], b[1], c[1])) + 1):
            for i in range(int(min(a[0], b[0], c[0])), int(max(a[0], b[0], c[0])) + 1):
                x, y = i + 0.5, j + 0.5
                u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area
                w = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area
                if u >= 0 and w >= 0 and u + w <= 1:
                    z = u * a[2] + w * b[2] + (1 - u - w) * c[2]
                    if z > depth[j, i]:
                        depth[j, i] = z
                        owner[j, i] = f


def visibility(v: np.ndarray, faces: np.ndarray, directions: np.ndarray, resolution: int = 400) -> np.ndarray:
    """The share [F] of viewing directions from which at least a pixel of a triangle is seen.

    Args:
        v: [V, 3].
        faces: int [F, 3], all that is drawn.
        directions: [D, 3], unit vectors towards the viewers.
        resolution: pixels along the picture's side, which the mesh fills.
    """
    seen = np.zeros(len(faces))
    for toward in directions:
        side = np.cross(toward, [0.0, 1.0, 0.0] if abs(toward[1]) < 0.9 else [1.0, 0.0, 0.0])
        side /= np.linalg.norm(side)
        p = v @ np.stack([side, np.cross(toward, side), toward], axis=1)
        p = (p - p.min(0)) * (resolution - 1) / np.ptp(p[:, :2], axis=0).max()
        owner = np.full((resolution, resolution), -1)
        _draw(p, faces.astype(np.int64), np.full((resolution, resolution), -np.inf), owner)
        seen[np.unique(owner[owner >= 0])] += 1
    return seen / len(directions)


def sphere_directions(count: int) -> np.ndarray:
    """Evenly spread unit vectors [count, 3] (Fibonacci sphere)."""
    k = np.arange(count) + 0.5
    polar, azimuth = np.arccos(1 - 2 * k / count), np.pi * (1 + 5**0.5) * k
    return np.stack([np.cos(azimuth) * np.sin(polar), np.cos(polar), np.sin(azimuth) * np.sin(polar)], axis=1)
