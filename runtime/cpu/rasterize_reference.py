"""The plain twin of `rasterize`: the same formulas in NumPy, triangle by triangle; tests compare the two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dinar.runtime.camera import Camera, projection_matrix
from dinar.runtime.cpu.project import GUARD, NEAR
from dinar.runtime.cpu.rasterize import ROTATION, Raster

Corners = list[np.ndarray]  # homogeneous pixels, each [3]


def rasterize_reference(
    vertices: np.ndarray,
    faces: np.ndarray,
    uv: np.ndarray,
    uv_faces: np.ndarray,
    cameras: Sequence[Camera],
    *,
    cull_back_faces: bool = True,
) -> Raster:
    """Return what `rasterize` returns, except that `bbox` is tight. Arguments as there."""
    pictures = []
    for camera in cameras:
        homogeneous = project_reference(vertices, camera)
        triangle, _ = visibility_reference(
            homogeneous, faces, camera.width, camera.height, cull_back_faces=cull_back_faces
        )
        barycentric = np.zeros((*triangle.shape, 3), np.float32)
        picture_uv = np.zeros((*triangle.shape, 2), np.float32)
        for t in np.unique(triangle[triangle >= 0]):
            rows, columns = np.nonzero(triangle == t)
            b = barycentric_reference(homogeneous[faces[t]], columns, rows)
            corner = np.asarray(uv, np.float32)[uv_faces[t]]
            barycentric[rows, columns] = b
            picture_uv[rows, columns] = (b[:, :1] * corner[0] + b[:, 1:2] * corner[1]) + b[:, 2:] * corner[2]
        pictures.append(
            (triangle, barycentric, picture_uv, (triangle >= 0).astype(np.uint8), _bbox(triangle))
        )
    return Raster(*(np.stack(arrays) for arrays in zip(*pictures, strict=True)))


def project_reference(vertices: np.ndarray, camera: Camera) -> np.ndarray:
    """Return float32 [V, 3], homogeneous pixels of world `vertices` float32 [V, 3]."""
    M, (x, y, z) = projection_matrix(camera), np.asarray(vertices, np.float64).T
    return np.stack([((m[0] * x + m[1] * y) + m[2] * z) + m[3] for m in M], axis=1).astype(np.float32)


def visibility_reference(
    homogeneous: np.ndarray,
    faces: np.ndarray,
    width: int,
    height: int,
    *,
    cull_back_faces: bool = True,
    rotated_grid: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest triangle, int32 [H, W], and its inverse depth, float32 [H, W], at every sample.

    Args:
        homogeneous: float32 [V, 3], homogeneous pixels.
        faces: int32 [F, 3], vertex ids.
        width: columns of samples.
        height: rows of samples.
        cull_back_faces: do not draw triangles that show their back.
        rotated_grid: use the displaced samples.
    """
    triangle = np.full((height, width), -1, np.int32)
    inverse_depth = np.zeros((height, width), np.float32)
    r, c = np.mgrid[:height, :width]
    rotation = ROTATION if rotated_grid else 0
    sample_x = 256 * c + 128 + rotation * np.where(r % 2 == 0, 1, -1)
    sample_y = 256 * r + 128 - rotation * np.where(c % 2 == 0, 1, -1)
    for t, face in enumerate(faces):
        for x, y, w in _pieces(list(homogeneous[face].astype(np.float64))):
            covered, depth = _fill(x, y, w, sample_x, sample_y, cull_back_faces)
            nearer = covered & (depth > inverse_depth)  # equal depths stay with the lower id
            triangle[nearer], inverse_depth[nearer] = t, depth[nearer]
    return triangle, inverse_depth


def barycentric_reference(corners: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return float32 [P, 3] at pixel centres; `corners` float32 [3, 3], `columns` and `rows` int [P]."""
    column, row = (np.asarray(a, np.float32) + np.float32(0.5) for a in (columns, rows))
    q = [corner[0] - column * corner[2] for corner in corners]
    r = [corner[1] - row * corner[2] for corner in corners]
    b = np.stack([q[i - 2] * r[i - 1] - q[i - 1] * r[i - 2] for i in range(3)], axis=1)
    negative = (b[:, 0] + b[:, 1]) + b[:, 2] < 0
    b = np.maximum(np.where(negative[:, None], -b, b), np.float32(0))
    total = (b[:, 0] + b[:, 1]) + b[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = b * (np.float32(1) / total)[:, None]
    return np.where((total > 0)[:, None], scaled, np.float32(1) / np.float32(3))


def _planes(h: np.ndarray) -> tuple[float, ...]:
    """Return how far inside each plane a homogeneous pixel lies: near, left, right, top, bottom."""
    x, y, z = (float(a) for a in h)
    return z - NEAR, x + GUARD * z, GUARD * z - x, y + GUARD * z, GUARD * z - y


def _pieces(polygon: Corners) -> Iterator[tuple[list[int], list[int], list[np.float32]]]:
    """Yield the triangles that a triangle is clipped to: fixed-point columns and rows, inverse depths."""
    if not np.isfinite(polygon).all():
        return
    for plane in range(5):
        clipped: Corners = []
        for here, there in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            d_here, d_there = _planes(here)[plane], _planes(there)[plane]
            if d_here >= 0:
                clipped.append(here)
            if d_here >= 0 > d_there:
                clipped.append(here + (d_here / (d_here - d_there)) * (there - here))
            elif d_there >= 0 > d_here:
                clipped.append(there + (d_there / (d_there - d_here)) * (here - there))
        polygon = clipped
    x, y = ([int(np.floor(h[axis] / h[2] * 256.0 + 0.5)) for h in polygon] for axis in (0, 1))
    w = [np.float32(1.0 / h[2]) for h in polygon]
    for i in range(1, len(polygon) - 1):
        yield [x[0], x[i], x[i + 1]], [y[0], y[i], y[i + 1]], [w[0], w[i], w[i + 1]]


def _fill(
    x: list[int], y: list[int], w: list[np.float32], sample_x: np.ndarray, sample_y: np.ndarray, cull: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return which samples a piece covers, bool [H, W], and its inverse depth there, float32 [H, W]."""
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    if area == 0 or (area > 0 and cull):
        return np.zeros(sample_x.shape, bool), np.zeros(sample_x.shape, np.float32)
    if area < 0:
        area = -area
        x, y, w = [x[0], x[2], x[1]], [y[0], y[2], y[1]], [w[0], w[2], w[1]]
    covered = np.ones(sample_x.shape, bool)
    terms = []
    for corner, i, j in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        edge = (x[j] - x[i]) * (sample_y - y[i]) - (y[j] - y[i]) * (sample_x - x[i])
        owns_samples_on_it = y[j] < y[i] or (y[j] == y[i] and x[j] > x[i])  # left or top
        covered &= (edge >= 0) if owns_samples_on_it else (edge > 0)
        terms.append(edge.astype(np.float32) * (w[corner] * (np.float32(1) / np.float32(area))))
    return covered, (terms[0] + terms[1]) + terms[2]


def _bbox(triangle: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(triangle >= 0)
    if len(rows) == 0:
        return np.zeros(4, np.int32)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.int32)
