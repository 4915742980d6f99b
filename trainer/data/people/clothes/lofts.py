"""Meshes lofted through rings of vertices: skirts, shoes, boots, belts."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.part import PartUv, SurfacePoints


def grid_faces(rows: int, columns: int, *, closed: bool) -> np.ndarray:
    """Triangles int64 [m, 3] of a grid of vertices, row by row; `closed` joins the last column to the first.

    Facing outwards where rows go down and columns go counter-clockwise seen from above.
    """
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    a = (r * columns + c).ravel()
    b = (r * columns + (c + 1) % columns).ravel()
    below_a, below_b = a + columns, b + columns
    return np.concatenate([np.stack([a, below_a, b], 1), np.stack([b, below_a, below_b], 1)])


def ring_uv(v: np.ndarray, columns: int, size: int) -> PartUv:
    """Texture coordinates of a closed grid: u goes around, row k lies at v[k] in [0, 1]."""
    rows = len(v)
    margin = 0.5 / size
    u = np.linspace(margin, 1 - margin, columns + 1)
    coordinates = np.stack(np.broadcast_arrays(u[None, :], v[:, None]), 2).reshape(-1, 2)
    faces = grid_faces(rows, columns + 1, closed=False)
    return PartUv(np.ascontiguousarray(coordinates), faces.astype(np.int32), size)


def ring_faces(rows: int, columns: int) -> np.ndarray:
    """Triangles int32 [m, 3] of a closed grid, corner by corner in the order of `ring_uv`."""
    faces = grid_faces(rows, columns + 1, closed=False)
    row, column = np.divmod(faces, columns + 1)
    return (row * columns + column % columns).astype(np.int32)


def at_points(faces: np.ndarray, values: np.ndarray, points: SurfacePoints) -> np.ndarray:
    """Interpolate values at a mesh's vertices [n, ...] at points of it: float64 [M, ...]."""
    corners = faces[points.face]
    weight = points.barycentric.reshape(len(corners), 3, *([1] * (values.ndim - 1)))
    return sum(weight[:, k] * values[corners[:, k]] for k in range(3))
