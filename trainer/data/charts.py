"""Cut a body in the SMPL-X schema into charts that flatten well, with the seams where a photo rarely looks.

The torso and legs are one chart, cut along the front midline and the inseams, so that the back is whole; the arms are
cut underneath, the head behind; hands and feet fall into an upper and a lower half; ears, eyeballs and the cavities of
mouth and eye sockets are charts of their own. Everything is found from the joints, the skinning weights and the mesh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components, dijkstra, maximum_flow

PELVIS, SPINE1, SPINE2, SPINE3, NECK, HEAD, JAW = 0, 3, 6, 9, 12, 15, 22
HIPS, KNEES, ANKLES, FEET = (1, 2), (4, 5), (7, 8), (10, 11)
COLLARS, SHOULDERS, ELBOWS, WRISTS, EYES = (13, 14), (16, 17), (18, 19), (20, 21), (23, 24)
EAR_VERTICES = (6, 616)  # fixed by the schema: left, right
SIDES = ("left", "right")

CHARTS = (
    "body",
    "head",
    "left_arm",
    "right_arm",
    "left_hand_back",
    "right_hand_back",
    "left_palm",
    "right_palm",
    "left_foot",
    "right_foot",
    "left_sole",
    "right_sole",
    "left_ear",
    "right_ear",
    "left_eye_front",
    "right_eye_front",
    "left_eye_back",
    "right_eye_back",
    "cavity",
)


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
        scattered: the label that may have several pieces, of `smallest` triangles or more; others keep their largest.
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


@njit(cache=True, nogil=True)
def _draw(points, faces, depth, owner):  # type: ignore[no-untyped-def]
    """Orthographic z-buffer: `owner` [H, W] gets the triangle with the greatest z; points in pixels."""
    for f in range(faces.shape[0]):
        a, b, c = points[faces[f, 0]], points[faces[f, 1]], points[faces[f, 2]]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if area == 0:
            continue
        for j in range(int(min(a[1], b[1], c[1])), int(max(a[1], b[1], c[1])) + 1):
            for i in range(int(min(a[0], b[0], c[0])), int(max(a[0], b[0], c[0])) + 1):
                x, y = i + 0.5, j + 0.5
                u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area
                w = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area
                if u >= 0 and w >= 0 and u + w <= 1:
                    z = u * a[2] + w * b[2] + (1 - u - w) * c[2]
                    if z > depth[j, i]:
                        depth[j, i] = z
                        owner[j, i] = f


def visibility(v: np.ndarray, faces: np.ndarray, directions: np.ndarray, resolution: int = 400) -> np.ndarray:
    """The share [F] of viewing directions from which at least a pixel of a triangle is seen.

    Args:
        v: [V, 3].
        faces: int [F, 3], all that is drawn.
        directions: [D, 3], unit vectors towards the viewers.
        resolution: pixels along the picture's side, which the mesh fills.
    """
    seen = np.zeros(len(faces))
    for toward in directions:
        side = np.cross(toward, [0.0, 1.0, 0.0] if abs(toward[1]) < 0.9 else [1.0, 0.0, 0.0])
        side /= np.linalg.norm(side)
        p = v @ np.stack([side, np.cross(toward, side), toward], axis=1)
        p = (p - p.min(0)) * (resolution - 1) / np.ptp(p[:, :2], axis=0).max()
        owner = np.full((resolution, resolution), -1)
        _draw(p, faces.astype(np.int64), np.full((resolution, resolution), -np.inf), owner)
        seen[np.unique(owner[owner >= 0])] += 1
    return seen / len(directions)


def sphere_directions(count: int) -> np.ndarray:
    """Evenly spread unit vectors [count, 3] (Fibonacci sphere)."""
    k = np.arange(count) + 0.5
    polar, azimuth = np.arccos(1 - 2 * k / count), np.pi * (1 + 5**0.5) * k
    return np.stack([np.cos(azimuth) * np.sin(polar), np.cos(polar), np.sin(azimuth) * np.sin(polar)], axis=1)


@dataclass(frozen=True)
class Split:
    """One step of the cutting: triangles of chart `parent` that surely belong to chart `child`, or surely do not."""

    child: str
    parent: str
    inside: np.ndarray
    outside: np.ndarray


def label_triangles(mesh: BodyMesh, dual: Dual) -> np.ndarray:
    """The chart, as an index into `CHARTS`, of each triangle [F]; borders are as short as the anatomy allows."""
    labels = np.full(len(mesh.faces), CHARTS.index("body"))
    for seeds in (eye_splits, head_splits, limb_splits, cavity_splits):
        for split in seeds(mesh):
            own = labels == CHARTS.index(split.parent)
            if (split.inside & own).any() and (split.outside & own).any():
                # Triangles of other charts count as outside, or the border could run through them for free.
                border = shortest_border(dual, split.inside & own, split.outside | ~own)
                labels[border & own] = CHARTS.index(split.child)
            elif (split.inside & own).any():
                labels[split.inside & own] = CHARTS.index(split.child)
    return absorb_islands(labels, dual, scattered=CHARTS.index("cavity"))


def eye_splits(mesh: BodyMesh) -> list[Split]:
    """Eyeballs (pieces of the mesh that move with the eyes alone), each into a front and a back half."""
    splits = []
    normals = face_normals(mesh)
    for k, side in enumerate(SIDES):
        eye = (mesh.weights[mesh.faces][:, :, EYES[k]] > 0.99).all(1)
        splits.append(Split(f"{side}_eye_front", "body", eye, ~eye))
        back = normals[:, 2] < 0
        splits.append(Split(f"{side}_eye_back", f"{side}_eye_front", eye & back, eye & ~back))
    return splits


def face_normals(mesh: BodyMesh) -> np.ndarray:
    """Unit normals of the triangles [F, 3]."""
    p = mesh.v[mesh.faces]
    n = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    return n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-20)


def head_splits(mesh: BodyMesh) -> list[Split]:
    """Head with neck, cut off at the collar line; the ears, where they stand off the skull."""
    centres = mesh.centres
    neck, head = mesh.joints[NECK], mesh.joints[HEAD]
    along = (
        (centres - neck) @ (head - neck) / ((head - neck) @ (head - neck))
    )  # 0 at the neck joint, 1 at the head's
    splits = [Split("head", "body", along > 0.05, along < -0.3)]
    moves_with_head = mesh.face_weights[:, [HEAD, JAW, *EYES]].sum(1) > 0.5
    for k, side in enumerate(SIDES):
        ear = mesh.v[EAR_VERTICES[k]]
        distance = np.linalg.norm(centres - ear, axis=1)
        above = moves_with_head & (centres[:, 1] > ear[1] + 0.03)
        half_width = np.percentile(np.abs(centres[above, 0]), 99) if above.any() else np.inf
        stands_off = (distance < 0.07) & (np.abs(centres[:, 0]) > half_width + 0.003)
        splits.append(
            Split(f"{side}_ear", "head", stands_off, (distance > 0.075) | (np.abs(centres[:, 0]) < 0.058))
        )
    return splits


def limb_splits(mesh: BodyMesh) -> list[Split]:
    """Arms, hands (back and palm) and feet (upper and sole)."""
    centres, normals, weights = mesh.centres, face_normals(mesh), mesh.face_weights
    splits = []
    for k, (side, s) in enumerate(zip(SIDES, (1, -1), strict=True)):
        x = s * (centres[:, 0] - mesh.joints[SHOULDERS[k], 0])
        fingers = slice(25 + 15 * k, 40 + 15 * k)
        arm = weights[:, [SHOULDERS[k], ELBOWS[k], WRISTS[k]]].sum(1) + weights[:, fingers].sum(1)
        splits.append(Split(f"{side}_arm", "body", (x > 0.05) & (arm > 0.5), (x < -0.005) | (arm < 0.05)))
        x = s * (centres[:, 0] - mesh.joints[WRISTS[k], 0])
        splits.append(Split(f"{side}_hand_back", f"{side}_arm", x > 0.015, x < -0.02))
        splits.append(Split(f"{side}_palm", f"{side}_hand_back", normals[:, 1] < -0.45, normals[:, 1] > 0.35))
        leg = weights[:, [KNEES[k], ANKLES[k], FEET[k]]].sum(1) > 0.5
        height = centres[:, 1] - mesh.joints[ANKLES[k], 1]
        splits.append(Split(f"{side}_foot", "body", leg & (height < 0.015), ~leg | (height > 0.05)))
        floor = centres[leg, 1].min()
        low = centres[:, 1] < floor + 0.03
        splits.append(
            Split(f"{side}_sole", f"{side}_foot", low & (normals[:, 1] < -0.3), ~low | (normals[:, 1] > 0.4))
        )
    return splits


def cavity_splits(mesh: BodyMesh, views: int = 96) -> list[Split]:
    """The insides of mouth, nostrils and eye sockets: skin of the head that nobody sees from outside."""
    of_head = mesh.face_weights[:, [HEAD, JAW, NECK, *EYES]].sum(1) > 0.5
    used, drawn = np.unique(mesh.faces[of_head], return_inverse=True)
    seen = np.ones(len(mesh.faces))
    seen[of_head] = visibility(mesh.v[used], drawn.reshape(-1, 3), sphere_directions(views))
    return [Split("cavity", "head", seen == 0, seen > 0.06)]


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


def seam_edges(mesh: BodyMesh, labels: np.ndarray, dual: Dual) -> np.ndarray:
    """Bool [E] over the dual graph's edges: where the surface is cut, between charts and along the seams within them."""
    size = len(mesh.v)
    cut = labels[dual.pairs[:, 0]] != labels[dual.pairs[:, 1]]
    keys = dual.edges[:, 0] * size + dual.edges[:, 1]
    for chart, path in seam_paths(mesh, labels, dual, cut):
        steps = np.sort(np.stack([path[:-1], path[1:]], axis=1), axis=1)
        cut |= np.isin(keys, steps[:, 0] * size + steps[:, 1]) & (
            labels[dual.pairs[:, 0]] == CHARTS.index(chart)
        )
    return cut


def seam_paths(
    mesh: BodyMesh, labels: np.ndarray, dual: Dual, cut: np.ndarray
) -> list[tuple[str, np.ndarray]]:
    """The seams inside charts, as (chart, vertex path): front midline, inseams, under the arms, heels, back of the head.

    Args:
        mesh: the body.
        labels: int [F], from `label_triangles`.
        dual: neighbourhoods of the triangles.
        cut: bool [E], the borders between charts.
    """
    v, joints = mesh.v, mesh.joints
    border = np.zeros(len(v), bool)
    border[dual.edges[cut]] = True

    def inside(chart: str) -> np.ndarray:
        """Edges of the chart that do not run along its border."""
        own = (labels[dual.pairs] == CHARTS.index(chart)).all(1)
        return dual.edges[own]

    def touching(first: str, second: str) -> np.ndarray:
        """Vertices on the border between two charts."""
        a, b = labels[dual.pairs].T
        one, other = CHARTS.index(first), CHARTS.index(second)
        return np.unique(dual.edges[((a == one) & (b == other)) | ((a == other) & (b == one))])

    def off_line(direction: np.ndarray, *knots: np.ndarray) -> np.ndarray:
        """Price per metre: 1 on the side `direction` of a broken line through `knots`, high on the other sides."""
        price = np.full(len(v), np.inf)
        away = np.full(len(v), np.inf)
        for a, b in zip(knots[:-1], knots[1:], strict=True):
            t = np.clip((v - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
            d = v - (a + t[:, None] * (b - a))
            d -= np.outer(d @ (b - a) / ((b - a) @ (b - a)), b - a)
            r = np.linalg.norm(d, axis=1)
            off = 1 - d @ direction / np.maximum(r, 1e-9)
            price = np.where(r < away, 1 + 30 * off, price)
            away = np.minimum(away, r)
        return price + 20 * border

    x, y, z = np.eye(3)
    middle = 1 + (np.abs(v[:, 0]) / 0.004) ** 2 + 20 * border
    paths = []

    collar = touching("body", "head")
    back = collar[np.argmin(v[collar, 2] + 3 * np.abs(v[collar, 0]))]
    front = collar[np.argmax(v[collar, 2] - 3 * np.abs(v[collar, 0]))]
    body = np.unique(inside("body"))
    between = body[(np.abs(v[body, 0]) < 0.008) & (v[body, 1] > joints[list(KNEES), 1].max())]
    crotch = between[np.argmin(v[between, 1])]
    paths.append(
        (
            "body",
            cheapest_path(
                v, inside("body"), middle + 50 * (v[:, 2] < v[crotch, 2]), front, np.array([crotch])
            ),
        )
    )

    head = np.unique(inside("head"))
    above = head[np.abs(v[head, 0]) < 0.008]
    crown = above[np.argmax(v[above, 1])]
    paths.append(("head", cheapest_path(v, inside("head"), middle, back, np.array([crown]))))

    for k, (side, s) in enumerate(zip(SIDES, (1, -1), strict=True)):
        hip, knee, ankle = (joints[group[k]] for group in (HIPS, KNEES, ANKLES))
        price = off_line(-s * x, hip, knee, ankle)
        paths.append(
            ("body", cheapest_path(v, inside("body"), price, crotch, touching("body", f"{side}_foot")))
        )
        shoulder, elbow, wrist = (joints[group[k]] for group in (SHOULDERS, ELBOWS, WRISTS))
        price = off_line(-y, shoulder, elbow, wrist)
        ring = touching("body", f"{side}_arm")
        end = np.concatenate(
            [touching(f"{side}_arm", f"{side}_hand_back"), touching(f"{side}_arm", f"{side}_palm")]
        )
        paths.append(
            (f"{side}_arm", cheapest_path(v, inside(f"{side}_arm"), price, ring[np.argmin(v[ring, 1])], end))
        )
        ring = touching("body", f"{side}_foot")
        price = off_line(-z, ankle, ankle - 0.2 * y)
        heel = ring[np.argmin(v[ring, 2])]
        sole = touching(f"{side}_foot", f"{side}_sole")
        paths.append((f"{side}_foot", cheapest_path(v, inside(f"{side}_foot"), price, heel, sole)))
    return paths


@dataclass(frozen=True)
class Chart:
    """One piece of the cut surface, with vertices of its own.

    Attributes:
        name: one of `CHARTS`.
        triangles: int [K], the mesh's triangles it consists of.
        faces: int [K, 3], the same triangles over the chart's vertices.
        vertices: int [N], the mesh's vertex of each of the chart's.
    """

    name: str
    triangles: np.ndarray
    faces: np.ndarray
    vertices: np.ndarray


def cut_open(faces: np.ndarray, labels: np.ndarray, dual: Dual, cut: np.ndarray) -> list[Chart]:
    """Separate the surface along the cut edges.

    Args:
        faces: int [F, 3].
        labels: int [F], indices into `CHARTS`.
        dual: neighbourhoods of the triangles.
        cut: bool [E], edges to cut.

    Returns:
        the connected pieces.
    """
    whole = ~cut
    pairs, edges = dual.pairs[whole], dual.edges[whole]
    _, piece = connected_components(
        sparse.coo_matrix((np.ones(len(pairs)), pairs.T), shape=(len(faces), len(faces))), directed=False
    )
    # Corners that meet at an uncut edge are one vertex.
    links = []
    for end in (0, 1):
        corner = [(faces[pairs[:, k]] == edges[:, end, None]).argmax(1) + 3 * pairs[:, k] for k in (0, 1)]
        links.append(np.stack(corner))
    ends = np.concatenate(links, axis=1)
    _, vertex = connected_components(
        sparse.coo_matrix((np.ones(ends.shape[1]), ends), shape=(faces.size, faces.size)), directed=False
    )
    vertex = vertex.reshape(-1, 3)
    charts = []
    for p in range(piece.max() + 1):
        triangles = np.flatnonzero(piece == p)
        used, first, local = np.unique(vertex[triangles].ravel(), return_index=True, return_inverse=True)
        charts.append(
            Chart(
                name=CHARTS[labels[triangles[0]]],
                triangles=triangles,
                faces=local.reshape(-1, 3),
                vertices=faces[triangles].ravel()[first],
            )
        )
    return charts
