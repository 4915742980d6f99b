"""Cut a body's charts open: front midline, inseams, under the arms, heels, back of the head."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from dinar.trainer.data.uv.charts import ANKLES, CHARTS, ELBOWS, KNEES, SHOULDERS, SIDES, WRISTS
from dinar.trainer.data.uv.surface import BodyMesh, Dual, cheapest_path

HIPS = (1, 2)  # left, right
BORDER_PRICE = 20.0  # per metre, added along chart borders: seams should leave them at once
X, Y, Z = np.eye(3)


@dataclass(frozen=True)
class Borders:
    """A labelled surface, asked for its charts' edges and borders.

    Attributes:
        mesh: the body.
        labels: int [F], indices into `CHARTS`.
        dual: neighbourhoods of the triangles.
    """

    mesh: BodyMesh
    labels: np.ndarray
    dual: Dual

    @property
    def cut(self) -> np.ndarray:
        """Bool [E]: the dual graph's edges between different charts."""
        return self.labels[self.dual.pairs[:, 0]] != self.labels[self.dual.pairs[:, 1]]

    @property
    def price(self) -> np.ndarray:
        """Float64 [V]: `BORDER_PRICE` on the borders of charts, 0 elsewhere."""
        price = np.zeros(len(self.mesh.v))
        price[self.dual.edges[self.cut]] = BORDER_PRICE
        return price

    def inside(self, chart: str) -> np.ndarray:
        """Edges [K, 2] between two triangles of the chart."""
        return self.dual.edges[(self.labels[self.dual.pairs] == CHARTS.index(chart)).all(1)]

    def between(self, first: str, *others: str) -> np.ndarray:
        """Vertices on the border between a chart and any of the others."""
        pairs = self.labels[self.dual.pairs]
        one = pairs == CHARTS.index(first)
        other = np.isin(pairs, [CHARTS.index(o) for o in others])
        return np.unique(self.dual.edges[one.any(1) & other.any(1)])


def seam_edges(mesh: BodyMesh, labels: np.ndarray, dual: Dual) -> np.ndarray:
    """Bool [E] over the dual graph's edges: where to cut, between charts and along the seams within them."""
    borders = Borders(mesh, labels, dual)
    cut, size = borders.cut, len(mesh.v)
    keys = dual.edges[:, 0] * size + dual.edges[:, 1]
    for chart, path in [*middle_seams(borders), *leg_seams(borders), *arm_seams(borders)]:
        steps = np.sort(np.stack([path[:-1], path[1:]], axis=1), axis=1)
        within = labels[dual.pairs[:, 0]] == CHARTS.index(chart)
        cut |= np.isin(keys, steps[:, 0] * size + steps[:, 1]) & within
    return cut


def middle_seams(borders: Borders) -> list[tuple[str, np.ndarray]]:
    """The front midline from collar to crotch; the back of the head from collar to crown: (chart, path)."""
    v = borders.mesh.v
    middle = 1 + (np.abs(v[:, 0]) / 0.004) ** 2 + borders.price
    collar = borders.between("body", "head")
    front = collar[np.argmax(v[collar, 2] - 3 * np.abs(v[collar, 0]))]
    back = collar[np.argmin(v[collar, 2] + 3 * np.abs(v[collar, 0]))]
    crotch = crotch_vertex(borders)
    crown = extreme(v, borders.inside("head"), v[:, 1])
    in_front = middle + 50 * (v[:, 2] < v[crotch, 2])
    return [
        ("body", cheapest_path(v, borders.inside("body"), in_front, front, np.array([crotch]))),
        ("head", cheapest_path(v, borders.inside("head"), middle, back, np.array([crown]))),
    ]


def crotch_vertex(borders: Borders) -> int:
    """The lowest vertex of the trunk in the plane x = 0."""
    v = borders.mesh.v
    edges = borders.inside("body")
    above_knees = edges[(v[edges, 1] > borders.mesh.joints[list(KNEES), 1].max()).all(1)]
    return extreme(v, above_knees, -v[:, 1])


def extreme(v: np.ndarray, edges: np.ndarray, value: np.ndarray) -> int:
    """Among the edges' vertices within 8 mm of x = 0, the one of greatest value; `value` [V]."""
    candidates = np.unique(edges)
    candidates = candidates[np.abs(v[candidates, 0]) < 0.008]
    return int(candidates[np.argmax(value[candidates])])


def leg_seams(borders: Borders) -> list[tuple[str, np.ndarray]]:
    """The inseams from the crotch to the feet, and the heels from ankle to sole: (chart, path)."""
    v, joints = borders.mesh.v, borders.mesh.joints
    seams = []
    for k, (side, s) in enumerate(zip(SIDES, (1, -1), strict=True)):
        hip, knee, ankle = (joints[group[k]] for group in (HIPS, KNEES, ANKLES))
        foot = f"{side}_foot"
        ring = borders.between("body", foot)
        price = off_line(v, -s * X, hip, knee, ankle) + borders.price
        seams.append(("body", cheapest_path(v, borders.inside("body"), price, crotch_vertex(borders), ring)))
        price = off_line(v, -Z, ankle, ankle - 0.2 * Y) + borders.price
        sole = borders.between(foot, f"{side}_sole")
        seams.append((foot, cheapest_path(v, borders.inside(foot), price, ring[np.argmin(v[ring, 2])], sole)))
    return seams


def arm_seams(borders: Borders) -> list[tuple[str, np.ndarray]]:
    """Under the arms from shoulder to wrist: (chart, path)."""
    v, joints = borders.mesh.v, borders.mesh.joints
    seams = []
    for k, side in enumerate(SIDES):
        arm = f"{side}_arm"
        price = off_line(v, -Y, *(joints[group[k]] for group in (SHOULDERS, ELBOWS, WRISTS))) + borders.price
        ring = borders.between("body", arm)
        wrist = borders.between(arm, f"{side}_hand_back", f"{side}_palm")
        seams.append((arm, cheapest_path(v, borders.inside(arm), price, ring[np.argmin(v[ring, 1])], wrist)))
    return seams


def off_line(v: np.ndarray, direction: np.ndarray, *knots: np.ndarray) -> np.ndarray:
    """Price per metre [V]: 1 on the side `direction` [3] of a line through `knots`, up to 61 opposite."""
    price, nearest = np.full(len(v), np.inf), np.full(len(v), np.inf)
    for a, b in itertools.pairwise(knots):
        bone = b - a
        from_bone = v - a - np.outer((v - a) @ bone / (bone @ bone), bone)
        beyond = v - a - np.outer(np.clip((v - a) @ bone / (bone @ bone), 0, 1), bone)
        distance = np.linalg.norm(beyond, axis=1)
        turned = 1 - from_bone @ direction / np.maximum(np.linalg.norm(from_bone, axis=1), 1e-9)
        price = np.where(distance < nearest, 1 + 30 * turned, price)
        nearest = np.minimum(nearest, distance)
    return price


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
        _, first, local = np.unique(vertex[triangles].ravel(), return_index=True, return_inverse=True)
        charts.append(
            Chart(
                name=CHARTS[labels[triangles[0]]],
                triangles=triangles,
                faces=local.reshape(-1, 3),
                vertices=faces[triangles].ravel()[first],
            )
        )
    return charts
