"""Delta mush: smooth a skinned mesh, then put its rest-pose detail back (Mancewicz et al. 2014)."""

from __future__ import annotations

import numpy as np
from scipy import sparse

SMOOTHING_STEP = 0.5  # share of the way to the neighbours' mean, per iteration


def vertex_normals(v: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals [V, 3] of a triangle mesh."""
    across = np.cross(v[faces[:, 1]] - v[faces[:, 0]], v[faces[:, 2]] - v[faces[:, 0]])
    normals = np.stack(
        [np.bincount(faces.ravel(), np.repeat(across[:, k], 3), len(v)) for k in range(3)], axis=1
    )
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)


def neighbour_means(edges: np.ndarray, count: int) -> sparse.csr_matrix:
    """Sparse [count, count] whose rows average each vertex's neighbours; `edges` int [E, 2]."""
    both = np.concatenate([edges, edges[:, ::-1]])
    adjacency = sparse.csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(count, count))
    adjacency.data[:] = 1.0
    return (sparse.diags(1 / np.maximum(adjacency.sum(1).A1, 1)) @ adjacency).tocsr()


class DeltaMush:
    """Corrects poses of one mesh; its topology is prepared once, the rest shape is given per call."""

    def __init__(self, edges: np.ndarray, faces: np.ndarray, iterations: int) -> None:
        """Prepare the mesh.

        Args:
            edges: int [E, 2], the edges along which to smooth (those of the quads, where there are quads).
            faces: int [F, 3].
            iterations: smoothing iterations.
        """
        count = int(faces.max()) + 1
        self._faces = faces
        self._means = neighbour_means(edges, count)
        step = (1 - SMOOTHING_STEP) * sparse.identity(count) + SMOOTHING_STEP * self._means
        self._step = step.tocsr()
        self._iterations = iterations

    def smooth(self, v: np.ndarray) -> np.ndarray:
        """`v` [V, K] after all smoothing iterations."""
        for _ in range(self._iterations):
            v = self._step @ v
        return v

    def rotations(self, source: np.ndarray, target: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """The rotations [K, 3, 3] that best take the neighbourhoods of `ids` [K] in `source` to `target`."""
        rows = self._means[ids].tocoo()
        a = source[rows.col] - source[ids[rows.row]]
        b = target[rows.col] - target[ids[rows.row]]
        products = (rows.data[:, None, None] * b[:, :, None] * a[:, None, :]).reshape(-1, 9)
        covariance = np.stack([np.bincount(rows.row, p, len(ids)) for p in products.T], axis=1).reshape(
            -1, 3, 3
        )
        scale = np.bincount(rows.row, rows.data * (a * a).sum(1), len(ids))[:, None, None]
        # One-rings are nearly flat: the normals settle the third direction.
        n, m = vertex_normals(source, self._faces)[ids], vertex_normals(target, self._faces)[ids]
        u, _, vt = np.linalg.svd(covariance + scale * m[:, :, None] * n[:, None, :])
        flip = np.linalg.det(u @ vt) < 0
        u[flip, :, 2] *= -1
        return u @ vt

    def reach(self, moved: np.ndarray) -> np.ndarray:
        """Ids of the vertices that the correction can change when LBS is not rigid at `moved` (bool [V])."""
        near = moved.astype(float)
        for _ in range(self._iterations + 1):
            near = near + self._means @ near
        return np.flatnonzero(near > 0)

    def __call__(self, rest: np.ndarray, posed: np.ndarray, ids: np.ndarray | None = None) -> np.ndarray:
        """The corrected pose [V, 3].

        Args:
            rest: float64 [V, 3], the undeformed mesh.
            posed: float64 [V, 3], the same mesh skinned.
            ids: the vertices to correct (all by default); the others stay as posed.
        """
        ids = np.arange(len(rest)) if ids is None else ids
        smooth_rest, smooth_posed = self.smooth(rest), self.smooth(posed)
        detail = (rest - smooth_rest)[ids]
        corrected = posed.copy()
        turned = np.einsum("vij,vj->vi", self.rotations(smooth_rest, smooth_posed, ids), detail)
        corrected[ids] = smooth_posed[ids] + turned
        return corrected
