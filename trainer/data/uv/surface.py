"""A body's surface as a graph: neighbouring triangles, shortest borders of regions, cheapest edge paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components, dijkstra, maximum_flow


@dataclass(frozen=True)
class BodyMesh:
    """A body in its T-pose: y up, facing +z, the left at +x, metres.

    Attributes:
        v: float64 [V, 3].
        faces: int [F, 3], counter-clockwise seen from outside.
        joints: float64 [55, 3], SMPL-X order.
        weights: float64 [V, 55], skinning weights.
    """

    v: np.ndarray
    faces: np.ndarray
    joints: np.ndarray
    weights: np.ndarray

    @property
    def centres(self) -> np.ndarray:
        """Triangle centres [F, 3]."""
        return self.v[self.faces].mean(1)

    @property
    def face_weights(self) -> np.ndarray:
        """Mean skinning weights of each triangle [F, 55]."""
        return self.weights[self.faces].mean(1)

    @property
    def face_normals(self) -> np.ndarray:
        """Unit normals of the triangles [F, 3]."""
        p = self.v[self.faces]
        n = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
        return n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-20)


@dataclass(frozen=True)
class Dual:
    """Triangles sharing an edge.

    Attributes:
        pairs: int [E, 2], neighbouring triangles.
        edges: int [E, 2], the vertices they share.
        lengths: float64 [E], metres.
    """

    pairs: np.ndarray
    edges: np.ndarray
    lengths: np.ndarray


def dual_graph(v: np.ndarray, faces: np.ndarray) -> Dual:
    """The triangles' neighbourhoods over shared edges (boundary edges have none)."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort((owner, edges[:, 1], edges[:, 0]))
    edges, owner = edges[order], owner[order]
    same = (edges[1:] == edges[:-1]).all(1)
    shared = edges[:-1][same]
    return Dual(
        pairs=np.stack([owner[:-1][same], owner[1:][same]], axis=1),
        edges=shared,
        lengths=np.linalg.norm(v[shared[:, 0]] - v[shared[:, 1]], axis=1),
    )


def shortest_border(dual: Dual, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Split the triangles along the shortest border between two sets (a minimum cut of the dual graph).

    Args:
        dual: neighbourhoods of F triangles.
        inside: bool [F], triangles that are surely inside.
        outside: bool [F], triangles that are surely not.

    Returns:
        bool [F]: inside.
    """
    count = len(inside)
    source, sink, solid = count, count + 1, 2**30
    a, b = dual.pairs.T
    capacity = np.maximum((dual.lengths * 1e6).astype(np.int64), 1)  # micrometres
    inner, outer = np.flatnonzero(inside), np.flatnonzero(outside & ~inside)
    rows = np.concatenate([a, b, np.full(len(inner), source), outer])
    columns = np.concatenate([b, a, inner, np.full(len(outer), sink)])
    values = np.concatenate([capacity, capacity, np.full(len(inner) + len(outer), solid)]).astype(np.int32)
    graph = sparse.csr_matrix((values, (rows, columns)), shape=(count + 2, count + 2))
    residual = graph - maximum_flow(graph, source, sink).flow
    residual.data[residual.data <= 0] = 0
    residual.eliminate_zeros()
    reached = np.zeros(count + 2, bool)
    reached[breadth_first_order(residual, source, return_predecessors=False)] = True
    return reached[:count]


def absorb_islands(labels: np.ndarray, dual: Dual, scattered: int, smallest: int = 24) -> np.ndarray:
    """Give stray connected pieces to the neighbour with which they share the longest border.

    Args:
        labels: int [F].
        dual: neighbourhoods of the triangles.
        scattered: the label that may have several pieces, of `smallest` triangles or more;
            other labels keep their largest piece.
        smallest: see `scattered`.

    Returns:
        int [F].
    """
    labels = labels.copy()
    while True:
        same = labels[dual.pairs[:, 0]] == labels[dual.pairs[:, 1]]
        links = sparse.coo_matrix((np.ones(same.sum()), dual.pairs[same].T), shape=(len(labels), len(labels)))
        _, piece = connected_components(links, directed=False)
        size = np.bincount(piece)
        largest = {label: size[piece[labels == label]].max() for label in np.unique(labels)}
        enough = {label: smallest if label == scattered else largest[label] for label in largest}
        loose = [p for p in range(len(size)) if size[p] < enough[labels[np.argmax(piece == p)]]]
        moved = False
        for p in loose:
            border = ~same & ((piece[dual.pairs] == p).sum(1) == 1)
            if not border.any():
                continue
            pairs = dual.pairs[border]
            other = labels[np.where(piece[pairs[:, 0]] == p, pairs[:, 1], pairs[:, 0])]
            labels[piece == p] = np.bincount(other, dual.lengths[border]).argmax()
            moved = True
            break
        if not moved:
            return labels


def cheapest_path(
    v: np.ndarray, edges: np.ndarray, cost: np.ndarray, start: int, goals: np.ndarray
) -> np.ndarray:
    """Vertices of the cheapest path along `edges` from `start` to the nearest of `goals`.

    Args:
        v: [V, 3].
        edges: int [E, 2], usable edges.
        cost: [V], price per metre at each vertex, at least 1.
        start: vertex.
        goals: vertices.

    Raises:
        ValueError: when no goal can be reached.
    """
    price = np.linalg.norm(v[edges[:, 0]] - v[edges[:, 1]], axis=1) * cost[edges].mean(1)
    graph = sparse.csr_matrix((np.maximum(price, 1e-9), (edges[:, 0], edges[:, 1])), shape=(len(v), len(v)))
    distance, previous = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
    goal = int(goals[np.argmin(distance[goals])])
    if not np.isfinite(distance[goal]):
        raise ValueError(
            f"no path from vertex {start} to its goal inside the chart: is the body's mesh in one piece?"
        )
    path = [goal]
    while path[-1] != start:
        path.append(int(previous[path[-1]]))
    return np.array(path[::-1])
