"""Pieces of the body's surface that become cloth: cut along smooth lines, refined, and tied to the body.

Every vertex of a patch is a point on one body triangle, so that what the body knows (positions in any pose,
skinning weights, pose correctives) is known to the patch by interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Patch:
    """A triangle mesh on the body's surface: n vertices, m faces.

    Attributes:
        faces: int32 [m, 3].
        anchor_vertex: int32 [n, 3], corners of the body triangle that each vertex lies on.
        anchor_weight: float64 [n, 3], barycentric, rows sum to 1.
        body_face: int32 [m], the body's triangle that each face is a piece of; None once it is meshed anew.
    """

    faces: np.ndarray
    anchor_vertex: np.ndarray
    anchor_weight: np.ndarray
    body_face: np.ndarray | None = None

    def lift(self, values: np.ndarray) -> np.ndarray:
        """Interpolate values on the body's vertices [V, ...] at the patch's vertices: float64 [n, ...]."""
        weight = self.anchor_weight.reshape(len(self.anchor_vertex), 3, *([1] * (values.ndim - 1)))
        first, second, third = (values[self.anchor_vertex[:, k]] * weight[:, k] for k in range(3))
        lifted: np.ndarray = first + second + third
        return lifted


def body_patch(faces: np.ndarray, vertex_count: int) -> Patch:
    """Return the whole body as a patch."""
    anchor = np.repeat(np.arange(vertex_count, dtype=np.int32)[:, None], 3, axis=1)
    weight = np.tile([1.0, 0.0, 0.0], (vertex_count, 1))
    return Patch(faces.astype(np.int32), anchor, weight, np.arange(len(faces), dtype=np.int32))


def cut(patch: Patch, field: np.ndarray) -> tuple[Patch, np.ndarray]:
    """Keep the part where `field` [n] is positive, cut exactly along its zero line (marching triangles).

    Returns:
        The part, and for its vertices their values of `field`.
    """
    value = np.where(np.abs(field) < 1e-9, 1e-9, field)
    inside = value > 0
    edges = _crossed_edges(patch.faces, inside)
    t = value[edges[:, 0]] / (value[edges[:, 0]] - value[edges[:, 1]])
    anchor_vertex, anchor_weight = _mix(patch, edges, t)
    faces, parent = _clip(patch.faces, inside, edges)
    value = np.concatenate([value, np.zeros(len(edges))])
    used, compact = np.unique(faces, return_inverse=True)
    return (
        Patch(
            compact.reshape(-1, 3).astype(np.int32),
            np.concatenate([patch.anchor_vertex, anchor_vertex])[used],
            np.concatenate([patch.anchor_weight, anchor_weight])[used],
            None if patch.body_face is None else patch.body_face[parent],
        ),
        value[used],
    )


def _crossed_edges(faces: np.ndarray, inside: np.ndarray) -> np.ndarray:
    within = inside[faces]
    edges = unique_edges(faces[within.any(1) & ~within.all(1)])
    return edges[inside[edges[:, 0]] != inside[edges[:, 1]]]


def unique_edges(faces: np.ndarray) -> np.ndarray:
    """Return each edge once, lower vertex first: int [E, 2]."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    keys = np.unique(_edge_keys(edges))
    return np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1).astype(faces.dtype)


def _edge_keys(edges: np.ndarray) -> np.ndarray:
    """One number for each edge [E, 2], in the order of its vertices."""
    return (edges[:, 0].astype(np.int64) << 32) | edges[:, 1].astype(np.int64)


def _clip(faces: np.ndarray, inside: np.ndarray, crossed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clip triangles, keeping their winding; the point on crossed edge k gets the number len(inside) + k.

    Returns:
        faces int64 [m, 3], and the triangle that each is a piece of, int [m].
    """
    near = inside[faces].any(1).nonzero()[0]
    a, b = faces[near], faces[near][:, [1, 2, 0]]
    keys = _edge_keys(np.stack([np.minimum(a, b), np.maximum(a, b)], axis=2).reshape(-1, 2))
    point = len(inside) + np.searchsorted(_edge_keys(crossed), keys).reshape(-1, 3)
    corners = np.stack([a, point], axis=2).reshape(-1, 6)
    kept = np.stack([inside[a], inside[a] != inside[b]], axis=2).reshape(-1, 6)
    order = np.argsort(~kept, axis=1, kind="stable")
    polygon = np.take_along_axis(corners, order, axis=1)
    fan = np.stack([polygon[:, [0, 1, 2]], polygon[:, [0, 2, 3]]], axis=1)
    exists = np.stack([np.full(len(near), True), kept.sum(1) == 4], axis=1)
    return fan[exists], np.repeat(near, exists.sum(1))


def _mix(patch: Patch, edges: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Anchors of the points at a + t (b - a) on edges [E, 2]: both ends lie on one body triangle, so three
    corners are enough."""
    a, b = edges.T
    vertex = np.concatenate([patch.anchor_vertex[a], patch.anchor_vertex[b]], axis=1)
    weight = np.concatenate(
        [(1 - t)[:, None] * patch.anchor_weight[a], t[:, None] * patch.anchor_weight[b]], axis=1
    )
    for second in range(1, 6):
        for first in range(second):
            same = (vertex[:, first] == vertex[:, second]) & (weight[:, first] > 0)
            weight[same, first] += weight[same, second]
            weight[same, second] = 0.0
    order = np.argsort(-weight, axis=1, kind="stable")[:, :3]
    vertex, weight = np.take_along_axis(vertex, order, axis=1), np.take_along_axis(weight, order, axis=1)
    vertex = np.where(weight > 0, vertex, vertex[:, :1])
    return vertex.astype(np.int32), weight / weight.sum(1, keepdims=True)


def refine(patch: Patch) -> Patch:
    """Split each triangle into four; old vertices come first, face 4 f + k is the k-th child of f.

    Children of (a, b, c) with midpoints (ab, bc, ca): (a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca).
    """
    edges = unique_edges(patch.faces)
    count = len(patch.anchor_vertex)
    middle_vertex, middle_weight = _mix(patch, edges, np.full(len(edges), 0.5))
    key = _edge_keys(edges)

    def midpoint(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return count + np.searchsorted(key, _edge_keys(np.stack([np.minimum(a, b), np.maximum(a, b)], 1)))

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
        np.concatenate([patch.anchor_vertex, middle_vertex]),
        np.concatenate([patch.anchor_weight, middle_weight]),
        None if patch.body_face is None else np.repeat(patch.body_face, 4),
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
    from gpytoolbox import remesh_botsch, squared_distance  # half a second to import

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
    keys = _edge_keys(np.sort(directed, axis=1))
    _, index, count = np.unique(keys, return_index=True, return_counts=True)
    return directed[index[count == 1]]
