"""Where on the body each texel lies: points and normals of the mean body in its T-pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree

from dinar.runtime.body import Body
from dinar.trainer.data.people.bake import find_texels, vertex_normals
from dinar.trainer.texture.photo_texture import covered_texels

_NEIGHBOURS = 8  # texels that a texel is linked with
_SAME_SIDE = 0.3  # cosine between the normals of linked texels: thighs touch, fingers do, a hem has two sides


@dataclass(frozen=True, eq=False)
class TexelSurface:
    """The N texels of a body's texture.

    Attributes:
        covered: bool [side, side], texels that belong to the body (`covered_texels`), N of them.
        points: float64 [N, 3], metres, in the order of `covered`; y up, the body looks along z.
        normals: float64 [N, 3], unit.
    """

    covered: np.ndarray
    points: np.ndarray
    normals: np.ndarray

    def nearest_over_surface(self, known: np.ndarray) -> np.ndarray:
        """For each texel the known one that is nearest along the surface, across the seams of the UV map.

        Args:
            known: bool [N], one or more.

        Returns:
            int [N], indices of known texels; a known texel's own index. A part of the surface that holds no
            known texel takes the one that is nearest in space.
        """
        sources = np.flatnonzero(known)
        _, _, found = dijkstra(
            self._links(), directed=False, indices=sources, return_predecessors=True, min_only=True
        )
        cut_off = found < 0
        if cut_off.any():
            found[cut_off] = sources[KDTree(self.points[sources]).query(self.points[cut_off])[1]]
        return np.asarray(found, np.int64)

    def _links(self) -> sparse.csr_matrix:
        """Distances in metres between neighbouring texels that look to the same side: [N, N]."""
        distance, other = KDTree(self.points).query(self.points, _NEIGHBOURS + 1)
        one = np.repeat(np.arange(len(self.points)), _NEIGHBOURS)
        other, distance = other[:, 1:].ravel(), distance[:, 1:].ravel()
        alike = np.einsum("na,na->n", self.normals[one], self.normals[other]) > _SAME_SIDE
        length = np.maximum(distance[alike], 1e-9)  # two texels of a seam may lie at one point
        return sparse.csr_matrix((length, (one[alike], other[alike])), shape=(len(self.points),) * 2)


def texel_surface(body: Body, side: int) -> TexelSurface:
    """Find the texels of a body's texture, side x side, on its mean shape."""
    covered = covered_texels(body, side)
    texels = find_texels(body.uv, body.uv_faces, height=side, width=side, reach=1.0)
    vertices = np.asarray(body.v_template, np.float64)
    values = np.zeros((side, side, 6))
    attributes = np.concatenate([vertices, vertex_normals(vertices, body.faces)], 1)
    values[texels.row, texels.column] = texels.interpolate(body.faces, attributes)
    found = np.zeros((side, side), bool)
    found[texels.row, texels.column] = True
    nearest = ndimage.distance_transform_edt(~found, return_distances=False, return_indices=True)
    points, normals = np.split(values[tuple(nearest)][covered], 2, axis=1)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return TexelSurface(covered, points, normals / np.maximum(length, 1e-12))
