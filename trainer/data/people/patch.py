"""Pieces of the body's surface that become cloth: cut along smooth lines, refined, and tied to the body.

Every vertex of a patch is a point on one body triangle, so that what the body knows (positions in any pose,
skinning weights, pose correctives) is known to the patch by interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gpytoolbox import remesh_botsch, squared_distance
from scipy import sparse


@dataclass(frozen=True)
class Patch:
    """A triangle mesh on the body's surface: n vertices, m faces.

    Attributes:
        faces: int32 [m, 3].
        anchor_vertex: int32 [n, 3], corners of the body triangle that each vertex lies on.
        anchor_weight: float64 [n, 3], barycentric, rows sum to 1.
    """

    faces: np.ndarray
    anchor_vertex: np.ndarray
    anchor_weight: np.ndarray

    def lift(self, values: np.ndarray) -> np.ndarray:
        """Interpolate values on the body's vertices [V, ...] at the patch's vertices: float64 [n, ...]."""
        weight = self.anchor_weight.reshape(len(self.anchor_vertex), 3, *([1] * (values.ndim - 1)))
        return (values[self.anchor_vertex] * weight).sum(1)


def body_patch(faces: np.ndarray, vertex_count: int) -> Patch:
    """Return the whole body as a patch."""
    anchor = np.repeat(np.arange(vertex_count, dtype=np.int32)[:, None], 3, axis=1)
    weight = np.tile([1.0, 0.0, 0.0], (vertex_count, 1))
    return Patch(faces.astype(np.int32), anchor, weight)


def cut(patch: Patch, field: np.ndarray) -> tuple[Patch, np.ndarray]:
    """Keep the part where `field` [n] is positive, cut exactly along its zero line (marching triangles).

    Returns:
        The part, and for its vertices their values of `field`.
    """
    value = np.where(np.abs(field) < 1e-9, 1e-9, field)
    inside = value > 0
    edges = _crossed_edges(patch.faces, inside)
    t = value[edges[:, 0]] / (value[edges[:, 0]] - value[edges[:, 1]])
    anchors = [_mix(patch, int(a), int(b), s) for (a, b), s in zip(edges, t, strict=True)]
    new_id = {(int(a), int(b)): len(value) + k for k, (a, b) in enumerate(edges)}
    faces: list[tuple[int, int, int]] = []
    for face in patch.faces:
        faces.extend(_clip(face, inside, new_id))
    anchor_vertex = np.concatenate(
        [patch.anchor_vertex, np.array([a for a, _ in anchors], np.int32).reshape(-1, 3)]
    )
    anchor_weight = np.concatenate([patch.anchor_weight, np.array([w for _, w in anchors]).reshape(-1, 3)])
    value = np.concatenate([value, np.zeros(len(edges))])
    used, compact = np.unique(np.array(faces, np.int64), return_inverse=True)
    return (
        Patch(compact.reshape(-1, 3).astype(np.int32), anchor_vertex[used], anchor_weight[used]),
        value[used],
    )


def _crossed_edges(faces: np.ndarray, inside: np.ndarray) -> np.ndarray:
    edges = unique_edges(faces)
    return edges[inside[edges[:, 0]] != inside[edges[:, 1]]]


def unique_edges(faces: np.ndarray) -> np.ndarray:
    """Return each edge once, lower vertex first: int [E, 2]."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    return np.unique(edges, axis=0)


def _clip(
    face: np.ndarray, inside: np.ndarray, new_id: dict[tuple[int, int], int]
) -> list[tuple[int, int, int]]:
    """Clip one triangle, keeping its winding."""
    polygon: list[int] = []
    for k in range(3):
        a, b = int(face[k]), int(face[(k + 1) % 3])
        if inside[a]:
            polygon.append(a)
        if inside[a] != inside[b]:
            polygon.append(new_id[min(a, b), max(a, b)])
    return [(polygon[0], polygon[k], polygon[k + 1]) for k in range(1, len(polygon) - 1)]


def _mix(patch: Patch, a: int, b: int, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Anchor of the point at a + t (b - a): both lie on one body triangle, so three corners are enough."""
    weights: dict[int, float] = {}
    for vertex, share in ((a, 1 - t), (b, t)):
        for corner, weight in zip(patch.anchor_vertex[vertex], patch.anchor_weight[vertex], strict=True):
            if weight > 0:
                weights[int(corner)] = weights.get(int(corner), 0.0) + share * float(weight)
    items = sorted(weights.items(), key=lambda item: -item[1])[:3]
    items += [(items[0][0], 0.0)] * (3 - len(items))
    weight = np.array([w for _, w in items])
    return np.array([v for v, _ in items], np.int32), weight / weight.sum()


def refine(patch: Patch) -> Patch:
    """Split each triangle into four; old vertices come first, face 4 f + k is the k-th child of f.

    Children of (a, b, c) with midpoints (ab, bc, ca): (a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca).
    """
    edges = unique_edges(patch.faces)
    count = len(patch.anchor_vertex)
    midpoints = [_mix(patch, int(a), int(b), 0.5) for a, b in edges]
    key = edges[:, 0].astype(np.int64) * count + edges[:, 1]

    def midpoint(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        low, high = np.minimum(a, b).astype(np.int64), np.maximum(a, b)
        return count + np.searchsorted(key, low * count + high)

    a, b, c = patch.faces.T
    ab, bc, ca = midpoint(a, b), midpoint(b, c), midpoint(c, a)
    children = np.stack(
        [
            np.stack([a, ab, ca], 1),
            np.stack([ab, b, bc], 1),
            np.stack([ca, bc, c], 1),
            np.stack([ab, bc, ca], 1),
        ],
        1,
    )
    return Patch(
        children.reshape(-1, 3).astype(np.int32),
        np.concatenate([patch.anchor_vertex, np.array([v for v, _ in midpoints], np.int32)]),
        np.concatenate([patch.anchor_weight, np.array([w for _, w in midpoints])]),
    )


def refined_location(face: np.ndarray, barycentric: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where points on the faces of a patch lie on those of its `refine`: face [M], barycentric [M, 3]."""
    wa, wb, wc = barycentric.T
    child = np.select([wa >= 0.5, wb >= 0.5, wc >= 0.5], [0, 1, 2], 3)
    # Corner children: the corner's weight is stretched; the middle child is upside down.
    local = np.select(
        [(child == k)[:, None] for k in range(4)],
        [
            np.stack([2 * wa - 1, 2 * wb, 2 * wc], 1),
            np.stack([2 * wa, 2 * wb - 1, 2 * wc], 1),
            np.stack([2 * wa, 2 * wb, 2 * wc - 1], 1),
            np.stack([1 - 2 * wc, 1 - 2 * wa, 1 - 2 * wb], 1),
        ],
    )
    return (face * 4 + child).astype(np.int32), local


def remesh(patch: Patch, body_vertices: np.ndarray, body_faces: np.ndarray, edge_length: float) -> Patch:
    """Mesh a patch anew with nearly equilateral triangles (Botsch and Kobbelt 2004); its rim stays.

    The body's own mesh is dense where anatomy is (cloth would sag there) and coarse elsewhere.

    Args:
        patch: on the body's surface.
        body_vertices: [V, 3], metres, in a pose in which no two parts of the body touch.
        body_faces: int [F, 3].
        edge_length: metres.
    """
    positions = patch.lift(body_vertices)
    faces = _even_rim(patch.faces, positions, 0.7 * edge_length)
    used, faces = np.unique(faces, return_inverse=True)
    faces = faces.reshape(-1, 3).astype(np.int32)
    positions, faces = remesh_botsch(
        positions[used], faces, 20, edge_length, True, np.unique(rim_edges(faces))
    )
    _, face, barycentric = squared_distance(
        positions, body_vertices, F=body_faces, use_cpp=True, use_aabb=True
    )
    return Patch(faces.astype(np.int32), body_faces[face].astype(np.int32), barycentric)


def _even_rim(faces: np.ndarray, positions: np.ndarray, spacing: float) -> np.ndarray:
    """Merge rim vertices closer than `spacing` along the rim into one; faces that vanish are dropped."""
    target = np.arange(len(positions))
    for loop in loops(rim_edges(faces)):
        kept = loop[0]
        for vertex in loop[1:]:
            if np.linalg.norm(positions[vertex] - positions[kept]) < spacing:
                target[vertex] = kept
            else:
                kept = vertex
        if np.linalg.norm(positions[kept] - positions[loop[0]]) < 0.5 * spacing:
            target[target == kept] = loop[0]
    merged = target[faces]
    a, b, c = merged.T
    return merged[(a != b) & (b != c) & (c != a)]


def loops(rim: np.ndarray) -> list[list[int]]:
    """Chain directed rim edges [R, 2] into closed loops of vertices."""
    following = {int(a): int(b) for a, b in rim}
    loops = []
    while following:
        start, vertex = following.popitem()
        loop = [start]
        while vertex != start:
            loop.append(vertex)
            vertex = following.pop(vertex)
        loops.append(loop)
    return loops


def neighbour_average(faces: np.ndarray, vertex_count: int) -> sparse.csr_matrix:
    """Uniform Laplacian smoothing as a matrix: row i averages the neighbours of i; the rim stays."""
    edges = unique_edges(faces)
    rim = np.unique(rim_edges(faces))
    pairs = np.concatenate([edges, edges[:, ::-1]])
    pairs = np.concatenate([pairs[~np.isin(pairs[:, 0], rim)], np.stack([rim, rim], 1)])
    matrix = sparse.csr_matrix(
        (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(vertex_count, vertex_count)
    )
    return sparse.diags(1 / np.maximum(np.asarray(matrix.sum(1)).ravel(), 1)) @ matrix


def rim_edges(faces: np.ndarray) -> np.ndarray:
    """Edges that belong to one face only, directed as in that face: int [R, 2]."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    keys, index, count = np.unique(np.sort(directed, axis=1), axis=0, return_index=True, return_counts=True)
    del keys
    return directed[index[count == 1]]
