"""Take small relief out of a surface and keep its large shape: what cloth does to the body below."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu


def relief_filter(
    vertices: np.ndarray, faces: np.ndarray, width: float
) -> Callable[[np.ndarray], np.ndarray]:
    """Make a filter that smooths away what is narrower than about `width`, however dense the mesh is.

    It solves (M + w^4 L M^-1 L) x = M x0 with the cotangent Laplacian L and vertex areas M: a low-pass filter
    with a flat pass band (Desbrun et al., "Implicit Fairing of Irregular Meshes", SIGGRAPH 1999, section 3).

    Args:
        vertices: float64 [n, 3], metres.
        faces: int [m, 3].
        width: metres.

    Returns:
        From values at the vertices, float64 [n, k], to smooth values [n, k].
    """
    laplacian, area = cotangent_laplacian(vertices, faces)
    wave = width / (2 * np.pi)
    filtered = sparse.diags(area) + wave**4 * laplacian @ sparse.diags(1 / area) @ laplacian
    factors = splu(filtered.tocsc(), permc_spec="MMD_AT_PLUS_A")

    def smooth(values: np.ndarray) -> np.ndarray:
        smoothed: np.ndarray = factors.solve(area[:, None] * values)
        return smoothed

    return smooth


def cotangent_laplacian(vertices: np.ndarray, faces: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Positive semidefinite Laplacian [n, n] and the vertices' areas [n], square metres."""
    count = len(vertices)
    rows, columns, values = [], [], []
    corners = vertices[faces]
    doubled = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    doubled = np.maximum(doubled, 1e-12)
    for k in range(3):
        a, b, c = corners[:, k], corners[:, (k + 1) % 3], corners[:, (k + 2) % 3]
        cotangent = np.einsum("ma,ma->m", b - a, c - a) / doubled
        rows.append(faces[:, (k + 1) % 3])
        columns.append(faces[:, (k + 2) % 3])
        values.append(np.clip(cotangent, 0.02, 20.0) / 2)
    row, column, value = (np.concatenate(part) for part in (rows, columns, values))
    weight = sparse.csr_matrix((value, (row, column)), shape=(count, count))
    weight = weight + weight.T
    area = np.bincount(faces.ravel(), np.repeat(doubled / 6, 3), minlength=count)
    return sparse.diags(np.asarray(weight.sum(1)).ravel()) - weight, np.maximum(area, 1e-9)
