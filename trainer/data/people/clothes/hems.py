"""Edges of garments: turned in, with a thickness, and closed inside the body: nobody looks through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.runtime.body import Body
from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.patch import Patch, rim_edges

_CORE = 0.006  # metres under the skin where hems are closed


@dataclass(frozen=True)
class Hem:
    """How the edges of a garment are finished.

    Attributes:
        thickness: metres of cloth that show at an edge.
        depth: metres one can look in before it is closed.
    """

    thickness: float = 0.0025
    depth: float = 0.03


@dataclass(frozen=True)
class Edged:
    """A cloth with its turned-in edges: n vertices, m faces.

    Attributes:
        posed: float64 [n, 3], metres, fitting pose; the cloth first.
        faces: int32 [m, 3], the cloth first.
        own: int [n], the cloth vertex that each vertex is, or was turned in from.
        uv: float64 [m, 3, 2], the body's texture coordinates at the corners; edges take those of the rim.
    """

    posed: np.ndarray
    faces: np.ndarray
    own: np.ndarray
    uv: np.ndarray


def turn_in(form: DressForm, patch: Patch, posed: np.ndarray, hem: Hem) -> Edged:
    """Add two strips along every rim of a cloth [n', 3]: one turns the hem in, one closes it in the body."""
    rim = rim_edges(patch.faces)
    on_rim = np.unique(rim)
    normals = vertex_normals(posed, patch.faces)[on_rim]
    inwards = _into_mesh(patch.faces, posed, rim)[on_rim]
    skin, skin_normal = patch.lift(form.posed)[on_rim], patch.lift(form.normals)[on_rim]
    gap = np.einsum("na,na->n", posed[on_rim] - skin, skin_normal)
    thickness = np.clip(0.6 * gap, 0.001, hem.thickness)[:, None]
    turned = posed[on_rim] - normals * thickness + inwards * 0.3 * thickness
    closed = skin - skin_normal * _CORE + inwards * hem.depth
    first = np.searchsorted(on_rim, rim) + len(posed)
    second = first + len(on_rim)
    own = np.concatenate([np.arange(len(posed)), on_rim, on_rim])
    posed = np.concatenate([posed, turned, closed])
    cloth_uv = _corner_uv(form.body, patch)
    rim_uv = _rim_uv(patch.faces, cloth_uv, rim)
    strip_uv = np.concatenate([rim_uv[:, [1, 0, 0]], rim_uv[:, [1, 0, 1]]])
    return Edged(
        posed,
        np.concatenate([patch.faces, _strip(rim, first), _strip(first, second)]).astype(np.int32),
        own,
        np.concatenate([cloth_uv, strip_uv, strip_uv]),
    )


def _strip(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Triangles between two rows of directed edges [R, 2], facing away from the mesh that `outer` bounds."""
    (a, b), (c, d) = outer.T, inner.T
    return np.concatenate([np.stack([b, a, c], 1), np.stack([b, c, d], 1)])


def _into_mesh(faces: np.ndarray, vertices: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Unit direction from each rim vertex into the mesh, across the rim: float64 [n, 3] (0 elsewhere)."""
    direction = np.zeros_like(vertices)
    along = np.zeros_like(vertices)
    tangent = vertices[rim[:, 1]] - vertices[rim[:, 0]]
    normal = vertex_normals(vertices, faces)
    for k in range(2):
        np.add.at(along, rim[:, k], tangent)
    direction = np.cross(normal, along)
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-12)
    return direction


def _corner_uv(body: Body, patch: Patch) -> np.ndarray:
    """The body's texture coordinates at the corners of a patch's faces: float64 [m, 3, 2]."""
    if patch.body_face is None:
        raise ValueError("a patch that was meshed anew has left the body's texture behind: cut it anew")
    corners, of_body = body.faces[patch.body_face], body.uv[body.uv_faces[patch.body_face]]
    uv = np.zeros((len(patch.faces), 3, 2))
    for k in range(3):
        vertex, weight = patch.anchor_vertex[patch.faces[:, k]], patch.anchor_weight[patch.faces[:, k]]
        for corner in range(3):
            share = (weight * (vertex == corners[:, corner, None])).sum(1)
            uv[:, k] += share[:, None] * of_body[:, corner]
    return uv


def _rim_uv(faces: np.ndarray, uv: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Texture coordinates of both ends of directed rim edges [R, 2]: float64 [R, 2, 2]."""
    scale = int(faces.max()) + 1
    keys = np.concatenate([faces[:, k].astype(np.int64) * scale + faces[:, (k + 1) % 3] for k in range(3)])
    order = np.argsort(keys, kind="stable")
    place = order[np.searchsorted(keys[order], rim[:, 0].astype(np.int64) * scale + rim[:, 1])]
    face, corner = place % len(faces), place // len(faces)
    return np.stack([uv[face, corner], uv[face, (corner + 1) % 3]], axis=1)
