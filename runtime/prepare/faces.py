"""Faces and their texture coordinates, checked once before kernels trust them."""

from __future__ import annotations

import numpy as np


def gather_corner_uv(uv: np.ndarray, uv_faces: np.ndarray, face_count: int) -> np.ndarray:
    """Return float32 [F, 3, 2]: texture coordinates `uv` [T, 2] corner by corner of `uv_faces` [F, 3]."""
    ids = checked_faces(uv_faces, len(uv))
    if len(ids) != face_count:
        raise ValueError(f"rasterizing expects uv_faces for {face_count} faces, not {len(ids)}")
    if not np.isfinite(uv).all():
        raise ValueError("rasterizing expects finite texture coordinates")
    return np.ascontiguousarray(np.asarray(uv, np.float32)[ids])


def checked_faces(faces: np.ndarray, count: int) -> np.ndarray:
    """Return faces as contiguous int32 [F, 3] that name `count` vertices; raises ValueError."""
    faces = np.ascontiguousarray(faces, np.int32)
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f"rasterizing expects faces as [F, 3], not {faces.shape}")
    if faces.size and not (faces.min() >= 0 and faces.max() < count):
        raise ValueError(f"rasterizing expects faces that name vertices 0 to {count - 1}")
    return faces
