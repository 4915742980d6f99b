"""From a piece of the body's surface to a garment: blown up, draped, its hems turned in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.clothes.drape import Cloth, drape
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.part import Painter, Part, SurfacePoints
from dinar.trainer.data.people.patch import (
    Patch,
    loops,
    neighbour_average,
    refine,
    refined_location,
    rim_edges,
)

_SETTLING = 1.0  # m/s^2: cloth shakes into folds; the full weight would sag, for want of sweeps
_HEM_TURN = 0.007  # metres of cloth turned in at a hem
_CLOSING_SHARE = 0.25  # how wide a rim's opening is left inside the body by the strip that closes it
_HEM_DEPTH = 0.007  # metres between a hem and its turned-in edge


@dataclass(frozen=True)
class Sewn:
    """A draped garment before it is painted.

    Attributes:
        vertices: float64 [n, 3], metres, T-pose; the coarse cloth first, then the turned-in hem edges.
        faces: int32 [m, 3], the coarse cloth first.
        cloth: the coarse cloth on the body's surface.
        cloth_for_vertex: int [n], the cloth vertex that each vertex is, or was turned in from.
        fine_normals: float64 [nf, 3], T-pose normals of the cloth refined once, as draped.
        fine_faces: int32 [4 * mc, 3].
    """

    vertices: np.ndarray
    faces: np.ndarray
    cloth: Patch
    cloth_for_vertex: np.ndarray
    fine_normals: np.ndarray
    fine_faces: np.ndarray

    def on_body(self, points: SurfacePoints, values: np.ndarray) -> np.ndarray:
        """Interpolate values on the body's vertices [V, ...] at points of the garment: float64 [M, ...]."""
        at_vertices = self.cloth.lift(values)[self.cloth_for_vertex]
        corners = self.faces[points.face]
        weight = points.barycentric.reshape(len(corners), 3, *([1] * (values.ndim - 1)))
        return (at_vertices[corners] * weight).sum(1)

    def draped_normals(self, points: SurfacePoints) -> np.ndarray:
        """Normals of the draped cloth at points, float64 [M, 3]; the mesh's own on the turned-in edges."""
        normals = points.normal.copy()
        outer = points.face < len(self.cloth.faces)
        face, local = refined_location(points.face[outer], points.barycentric[outer])
        fine = (self.fine_normals[self.fine_faces[face]] * local[..., None]).sum(1)
        # Where the draped cloth folded over itself, the drawn mesh has the say.
        folded = np.einsum("ma,ma->m", fine, normals[outer]) <= 0
        fine[folded] = normals[outer][folded]
        normals[outer] = fine / np.linalg.norm(fine, axis=1, keepdims=True)
        return normals

    def part(self, name: str, form: DressForm, painter: Painter, hides: np.ndarray) -> Part:
        """Tie the garment to the body as it will be drawn; `hides` [V] says which body vertices it covers."""
        own = self.cloth_for_vertex
        return Part(
            name,
            self.vertices,
            self.faces,
            self.cloth.lift(form.body.weights)[own],
            self.cloth.anchor_vertex[own],
            self.cloth.anchor_weight[own],
            painter,
            hides=hides,
        )

    def is_turned_in(self, points: SurfacePoints) -> np.ndarray:
        """Whether points lie on a turned-in hem edge: bool [M]."""
        return points.face >= len(self.cloth.faces)


def sew(
    form: DressForm,
    cloth: Patch,
    *,
    ease: np.ndarray,
    drop: np.ndarray,
    stretch: np.ndarray,
    clearance: np.ndarray,
    pinned: np.ndarray,
    bend: float,
    smoothing: int,
    steps: int,
    progress: Callable[[float], None] = lambda _: None,
) -> Sewn:
    """Blow a patch up by its ease, let it fall on the body, and turn its hems in.

    Args:
        form: whom it is for.
        cloth: where on the body, n vertices.
        ease: float64 [n], metres between body and cloth at the start.
        drop: float64 [n], metres that the cloth hangs lower than the skin it was cut from.
        stretch: float64 [n], see `Cloth`.
        clearance: float64 [n], metres the cloth keeps from the skin at least.
        pinned: bool [n].
        bend: see `Cloth`.
        smoothing: rounds of smoothing before the fall: takes the body's relief out of the cloth.
        steps: steps of the simulation.
        progress: called with the fraction done.
    """
    fine = refine(cloth)
    count = len(cloth.anchor_vertex)
    average = neighbour_average(fine.faces, len(fine.anchor_vertex))
    ease, drop, stretch, clearance = (_on_fine(cloth, fine, v) for v in (ease, drop, stretch, clearance))
    fine_pinned = np.zeros(len(fine.anchor_vertex), bool)
    fine_pinned[:count] = pinned
    skin, outwards = fine.lift(form.posed), fine.lift(form.normals)
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    start = _smooth_outside(skin + outwards * ease[:, None], average, smoothing, skin, outwards, ease)
    start[:, 1] -= drop
    fallen = drape(
        Cloth(start, fine.faces, stretch, clearance, fine_pinned, bend),
        form.posed,
        form.normals,
        steps=steps,
        iterations=30,
        gravity=_SETTLING,
        progress=progress,
    )
    fallen = _smooth_outside(fallen, average, 2, skin, outwards, np.where(drop > 0, -1.0, clearance * 0.8))
    fine_rest = form.unpose(fallen, fine)
    return _turn_hems_in(cloth, fine_rest[:count], vertex_normals(fine_rest, fine.faces), fine.faces, form)


def _on_fine(cloth: Patch, fine: Patch, values: np.ndarray) -> np.ndarray:
    """Carry values at a patch's vertices [n] to its refinement's: midpoints average their edge."""
    count = len(cloth.anchor_vertex)
    total = np.zeros(len(fine.anchor_vertex))
    weight = np.zeros(len(fine.anchor_vertex))
    for k in range(3):
        children = fine.faces.reshape(-1, 4, 3)
        ends = (cloth.faces[:, k], cloth.faces[:, (k + 1) % 3])
        middle = children[:, 3, k]
        np.add.at(total, middle, (values[ends[0]] + values[ends[1]]) / 2)
        np.add.at(weight, middle, 1.0)
    total[:count], weight[:count] = values, 1.0
    return total / weight


def _smooth_outside(positions, average, rounds, skin, outwards, clearance):  # type: ignore[no-untyped-def]
    """Smooth, but keep the clearance from the patch's own place on the skin: hollows are spanned."""
    for _ in range(rounds):
        positions = average @ positions
        gap = np.einsum("na,na->n", positions - skin, outwards)
        positions = positions + outwards * np.maximum(clearance - gap, 0)[:, None]
    return positions


def _turn_hems_in(
    cloth: Patch, rest: np.ndarray, fine_normals: np.ndarray, fine_faces: np.ndarray, form: DressForm
) -> Sewn:
    """Add two strips along every rim: one turns the hem in, one closes the garment inside the body.

    Hems get a thickness, and nobody sees through a sleeve or a trouser leg from below.
    """
    rim = rim_edges(cloth.faces)
    on_rim = np.unique(rim)
    normals = vertex_normals(rest, cloth.faces)[on_rim]
    skin = cloth.lift(form.rest)[on_rim]
    into_cloth = neighbour_inside(cloth.faces, rest)[on_rim]
    inwards = into_cloth * np.einsum("na,na->n", normals, into_cloth)[:, None] - normals
    gap = np.einsum("na,na->n", rest[on_rim] - skin, normals)
    depth = np.clip(gap - 0.001, 0.003, _HEM_DEPTH)[:, None]
    turned = rest[on_rim] + _along_rim(inwards * depth + into_cloth * _HEM_TURN, on_rim, rim)
    closed = turned.copy()
    for loop in loops(rim):
        own = np.searchsorted(on_rim, loop)
        centre = turned[own].mean(0)
        closed[own] = centre + (turned[own] - centre) * _CLOSING_SHARE
    first = np.searchsorted(on_rim, rim) + len(rest)
    second = first + len(on_rim)
    return Sewn(
        np.concatenate([rest, turned, closed]),
        np.concatenate([cloth.faces, _strip(rim, first), _strip(first, second)]).astype(np.int32),
        cloth,
        np.concatenate([np.arange(len(rest)), on_rim, on_rim]),
        fine_normals,
        fine_faces,
    )


def _strip(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Triangles between two rows of directed edges [R, 2], facing away from the mesh that `outer` bounds."""
    (a, b), (c, d) = outer.T, inner.T
    return np.concatenate([np.stack([b, a, c], 1), np.stack([b, c, d], 1)])


def _along_rim(values: np.ndarray, on_rim: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Smooth values [R, 3] at the rim's vertices along it."""
    place = np.searchsorted(on_rim, rim)
    for _ in range(4):
        total, count = values.copy(), np.ones(len(values))
        for a, b in (place.T, place[:, ::-1].T):
            np.add.at(total, a, values[b])
            np.add.at(count, a, 1.0)
        values = total / count[:, None]
    return values


def neighbour_inside(faces: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Unit direction from each rim vertex into the mesh, across the rim: float64 [n, 3] (0 elsewhere)."""
    direction = np.zeros_like(vertices)
    rim = rim_edges(faces)
    directed = {(int(a), int(b)) for a, b in rim}
    for face in faces:
        for k in range(3):
            a, b, c = (int(face[(k + i) % 3]) for i in range(3))
            if (a, b) in directed:
                edge = vertices[b] - vertices[a]
                inside = vertices[c] - vertices[a]
                inside = inside - edge * (inside @ edge) / max(edge @ edge, 1e-18)
                inside /= max(np.linalg.norm(inside), 1e-9)
                direction[a] += inside
                direction[b] += inside
    return direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
