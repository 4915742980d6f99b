"""Cloth in a moment: a piece of the body's surface lifted, smoothed, hung and folded, without a simulation.

Everything is plain arithmetic on the body's own mesh, in the fitting pose, so that the same body and the same
numbers give the same garment on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.clothes.hang import hang_from_chest, trunk_below_armpit
from dinar.trainer.data.people.clothes.hems import Hem as Hem
from dinar.trainer.data.people.clothes.hems import turn_in
from dinar.trainer.data.people.clothes.relief import relief_filter
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import ramp
from dinar.trainer.data.people.part import Painter, Part, PartUv, SurfacePoints
from dinar.trainer.data.people.patch import (
    Patch,
    body_patch,
    cut,
    neighbour_average,
    refine,
    refined_location,
)

_BEYOND = 0.07  # metres of surface beyond the cuts that are shaped too, so that hems lie as the cloth does
_ROUNDNESS = 0.75  # of curved triangles, 0 (flat) to 1
_RELIEF = 0.11  # metres, waves of the skin shorter than this do not show
_SINKING = 0.006  # metres that cloth gives way for the sake of smoothness
_TURNING = 14  # rounds of smoothing for the direction in which cloth is let out
_LEAST = 0.002  # metres between cloth and what is seen beside it
_TRIANGLE = 0.03  # metres, about the longest edge of the body's triangles
_LIMBS = ((16, 18, 20), (17, 19, 21), (1, 4, 7), (2, 5, 8))  # joints along arms and legs

Folds = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Tailored:
    """A garment before it is painted: n vertices, m faces; n' and m' of them are the cloth, the rest hems.

    Attributes:
        vertices: float64 [n, 3], metres, T-pose; the cloth first.
        posed: float64 [n, 3], metres, fitting pose.
        faces: int32 [m, 3], the cloth first.
        patch: the cloth on the body's surface, n' vertices, m' faces.
        own: int [n], the cloth vertex that each vertex is, or was turned in from.
        uv: float64 [m, 3, 2], the body's texture coordinates at the corners of the faces.
        fine_normals: float64 [f, 3], T-pose normals of the cloth refined once more, for finer folds.
        fine_faces: int32 [4 m', 3].
        heights: float64 [V], metres that the cloth stands off the skin in the fitting pose; 0 where there is
            none.
        covers: bool [V], what of the body lies under the cloth far enough from its edges not to be seen.
    """

    vertices: np.ndarray
    posed: np.ndarray
    faces: np.ndarray
    patch: Patch
    own: np.ndarray
    uv: np.ndarray
    fine_normals: np.ndarray
    fine_faces: np.ndarray
    heights: np.ndarray
    covers: np.ndarray

    def on_body(self, points: SurfacePoints, values: np.ndarray) -> np.ndarray:
        """Interpolate values on the body's vertices [V, ...] at points of the garment: float64 [M, ...]."""
        at_vertices = self.patch.lift(values)[self.own]
        corners = self.faces[points.face]
        weight = points.barycentric.reshape(len(corners), 3, *([1] * (values.ndim - 1)))
        return sum(weight[:, k] * at_vertices[corners[:, k]] for k in range(3))

    def folded_normals(self, points: SurfacePoints) -> np.ndarray:
        """Normals with folds finer than those drawn, float64 [M, 3], unit; points lie on the outer cloth."""
        face, local = refined_location(points.face, points.barycentric)
        corners = self.fine_faces[face]
        fine = sum(local[:, k, None] * self.fine_normals[corners[:, k]] for k in range(3))
        return fine / np.maximum(np.linalg.norm(fine, axis=1, keepdims=True), 1e-12)

    def part(
        self, name: str, form: DressForm, painter: Painter, hides: np.ndarray | None = None, size: int = 1024
    ) -> Part:
        """Tie the garment to the body; its texture (`size` texels a side) lies over the body's own.

        `hides` [V] says which body vertices are not drawn; None: those that it covers.
        """
        corners = np.arange(3 * len(self.faces), dtype=np.int32).reshape(-1, 3)
        return Part(
            name,
            self.vertices,
            self.faces,
            self.patch.lift(form.body.weights)[self.own],
            self.patch.anchor_vertex[self.own],
            self.patch.anchor_weight[self.own],
            painter,
            hides=self.covers if hides is None else hides,
            uv=PartUv(self.uv.reshape(-1, 2), corners, size, of_body=True),
        )


def tailor(
    form: DressForm,
    fields: Sequence[np.ndarray],
    *,
    ease: np.ndarray | float,
    clearance: np.ndarray | float = 0.004,
    under: np.ndarray | None = None,
    smoothing: int = 50,
    hang: np.ndarray | float = 0.0,
    folds: Folds | None = None,
    refinements: int = 1,
    hem: Hem | None = None,
    most: np.ndarray | None = None,
) -> Tailored:
    """Cut a piece of the body's surface and make it stand off the skin as cloth does.

    Args:
        form: whom it is for.
        fields: float64 [V] each, metres; the garment is where all are positive, its edges are their
            zero lines.
        ease: [V] metres between skin and cloth where it hangs free; it lies closer where it rests on
            shoulders and on the upper sides of arms.
        clearance: [V] metres that it keeps at least.
        under: float64 [V], metres that another garment stands off the skin below (`Tailored.heights`).
        smoothing: rounds in which hollows are spanned (about 2 cm each way a round, falling off).
        hang: [V] 0 (follows the trunk) to 1 (hangs straight down from the chest, shoulder blades and belly).
        folds: metres that the cloth is raised, [k], at points of the T-pose skin [k, 3].
        refinements: how often the body's triangles are split (edges of 2 cm, halved each time).
        hem: how the edges are finished.
        most: float64 [V], metres that it may stand off at most, where something is worn over it.
    """
    count = len(form.rest)
    worn = np.zeros(count) if under is None else under
    lifts = _Lifts(*(np.broadcast_to(value, count) for value in (ease, clearance)))
    edge = np.minimum.reduce(list(fields))
    surface = _shape(form, edge > -_BEYOND, lifts, worn, np.broadcast_to(hang, count), smoothing)
    patch = body_patch(form.body.faces, count)
    for field in fields:
        patch, _ = cut(patch, patch.lift(field))
    for _ in range(refinements):
        patch = refine(patch)
    fine = refine(patch)
    posed, outwards = _curved(surface, form.body.faces, fine)
    if folds is not None:
        posed = posed + outwards * folds(fine.lift(form.rest))[:, None]
    hem = Hem() if hem is None else hem
    covered = hem.depth + 0.012
    seen = np.maximum(1 - ramp(edge, covered + _TRIANGLE, covered + 2 * _TRIANGLE), ramp(worn, 0.0, 0.002))
    posed = _keep_outside(form, fine, posed, outwards, worn, seen)
    if most is not None:
        gap, up = _gap(form, fine, posed)
        posed = posed - up * np.maximum(gap - fine.lift(most), 0)[:, None]
    normals = vertex_normals(_unpose(form, fine, np.arange(len(posed)), posed), fine.faces)
    return _finish(form, patch, fine, posed, normals, hem, edge > covered)


@dataclass(frozen=True)
class _Lifts:
    """Metres above the skin, float64 [V]: where cloth would like to be, and where it must be at least."""

    free: np.ndarray
    least: np.ndarray


def _shape(
    form: DressForm, wanted: np.ndarray, lifts: _Lifts, worn: np.ndarray, hang: np.ndarray, smoothing: int
) -> np.ndarray:
    """The cloth's surface at the body's vertices, fitting pose: float64 [V, 3]; the skin where not wanted."""
    faces = form.body.faces[wanted[form.body.faces].all(1)]
    used, compact = np.unique(faces, return_inverse=True)
    compact = compact.reshape(-1, 3)
    average = neighbour_average(compact, len(used))
    smooth = relief_filter(form.posed[used], compact, _RELIEF)
    skin = smooth(form.posed[used])
    # What hangs is let out level, away from the trunk's axis; the rest along the skin's normals, which are
    # smoothed: in hollows they would cross.
    outwards = vertex_normals(skin, compact)
    for _ in range(_TURNING):
        outwards = smooth(outwards)
    outwards *= 1 - np.outer(0.8 * np.minimum(hang[used], 1), [0, 1, 0])
    outwards /= np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), 1e-12)
    # In hollows that cloth spans, how far it stands off along the hollow's sides says nothing.
    aligned = ramp(np.einsum("na,na->n", form.normals[used], outwards), 0.4, 0.8)
    below = smooth(np.stack([worn[used] * aligned, aligned], 1))
    below = np.clip(below[:, 0], 0, None) / np.maximum(below[:, 1], 0.2)
    # Cloth lies on what faces up and hangs away from what faces down.
    lying = ramp(outwards[:, 1], 0.15, 0.75)
    free, least = lifts.free[used] + below, lifts.least[used] + below
    lift = np.maximum(least, free + lying * (least - free))
    surface = skin + outwards * lift[:, None]
    start = hang_from_chest(form, used, compact, surface, hang[used])
    surface = _smooth_outside(start, average, smoothing, start, outwards, np.zeros(len(used)))
    sunk = np.minimum(0.4 * (lift - least), _SINKING)
    surface = _smooth_outside(surface, average, smoothing // 5, start, outwards, -sunk)
    surface = _without_drift(form, used, skin, surface, hang[used])
    result = form.posed.copy()
    result[used] = surface
    return result


def _without_drift(
    form: DressForm, vertex: np.ndarray, skin: np.ndarray, surface: np.ndarray, hang: np.ndarray
) -> np.ndarray:
    """Take back what a surface has moved along the limb below it: level hems stay level; [n, 3] each."""
    posed = np.einsum("jab,jb->ja", form.transforms[:, :3, :3], form.joints) + form.transforms[:, :3, 3]
    weights = form.body.weights[vertex]
    moved = surface - skin
    for chain in _LIMBS:
        bones = posed[list(chain[1:])] - posed[list(chain[:-1])]
        own = weights[:, chain[:-1]]
        axis = own @ bones
        axis /= np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-9)
        along = (surface - posed[chain[0]]) @ bones[0] / (bones[0] @ bones[0])
        amount = ramp(own.sum(1), 0.3, 0.9) * ramp(along, 0.15, 0.5) * np.einsum("na,na->n", moved, axis)
        moved = moved - amount[:, None] * axis
    moved[:, 1] *= 1 - ramp(hang, 0.0, 0.25) * trunk_below_armpit(form, vertex, surface)
    return skin + moved


def _smooth_outside(
    positions: np.ndarray,
    average: sparse.csr_matrix,
    rounds: int,
    start: np.ndarray,
    outwards: np.ndarray,
    least: np.ndarray,
) -> np.ndarray:
    """Smooth, but move along `outwards` alone and stay `least` [n] above `start`: hollows are spanned."""
    for _ in range(rounds):
        gap = np.einsum("na,na->n", average @ positions - start, outwards)
        positions = start + outwards * np.maximum(gap, least)[:, None]
    return positions


def _keep_outside(
    form: DressForm,
    patch: Patch,
    posed: np.ndarray,
    outwards: np.ndarray,
    worn: np.ndarray,
    seen: np.ndarray,
) -> np.ndarray:
    """Lift the cloth off what may be seen beside it (`seen` [V], 0 to 1): skin at edges, garments below."""
    gap, up = _gap(form, patch, posed)
    aligned = ramp(np.einsum("na,na->n", up, outwards), 0.25, 0.5)
    short = patch.lift(worn) + _LEAST - gap
    return posed + up * (np.maximum(short, 0) * patch.lift(seen) * aligned)[:, None]


def _gap(form: DressForm, patch: Patch, posed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far cloth [n, 3] stands off the skin it was cut from, metres [n], and the skin's normals [n, 3]."""
    outwards = patch.lift(form.normals)
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    return np.einsum("na,na->n", posed - patch.lift(form.posed), outwards), outwards


def _curved(surface: np.ndarray, faces: np.ndarray, patch: Patch) -> tuple[np.ndarray, np.ndarray]:
    """Points of a patch on the curved surface over the body's triangles, and unit normals: [n, 3] each.

    Boubekeur and Alexa, "Phong Tessellation" (SIGGRAPH Asia 2008), equation 4.
    """
    normals = vertex_normals(surface, faces)
    corner, corner_normal = surface[patch.anchor_vertex], normals[patch.anchor_vertex]
    weight = patch.anchor_weight
    flat = np.einsum("nk,nka->na", weight, corner)
    above = np.einsum("nka,nka->nk", corner - flat[:, None], corner_normal)
    bulge = np.einsum("nk,nk,nka->na", weight, above, corner_normal)
    outwards = np.einsum("nk,nka->na", weight, corner_normal)
    outwards /= np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), 1e-12)
    return flat + _ROUNDNESS * bulge, outwards


def _finish(
    form: DressForm,
    patch: Patch,
    fine: Patch,
    fine_posed: np.ndarray,
    fine_normals: np.ndarray,
    hem: Hem,
    covers: np.ndarray,
) -> Tailored:
    """Turn the edges in and close them inside the body; bring all to the T-pose."""
    edged = turn_in(form, patch, fine_posed[: len(patch.anchor_vertex)], hem)
    return Tailored(
        vertices=_unpose(form, patch, edged.own, edged.posed),
        posed=edged.posed,
        faces=edged.faces,
        patch=patch,
        own=edged.own,
        uv=edged.uv,
        fine_normals=fine_normals,
        fine_faces=fine.faces,
        heights=_heights(form, fine, fine_posed),
        covers=covers,
    )


def _heights(form: DressForm, patch: Patch, posed: np.ndarray) -> np.ndarray:
    """How far a cloth [n, 3] stands off the body's vertices at most, metres: float64 [V]."""
    gap, _ = _gap(form, patch, posed)
    heights = np.zeros(len(form.posed))
    for k in range(3):
        near = patch.anchor_weight[:, k] > 0.2
        np.maximum.at(heights, patch.anchor_vertex[near, k], gap[near])
    return heights


def _unpose(form: DressForm, patch: Patch, own: np.ndarray, posed: np.ndarray) -> np.ndarray:
    """From the fitting pose to the T-pose: float64 [n, 3]."""
    of_body = (form.body.weights @ form.transforms[:, :3].reshape(-1, 12)).reshape(-1, 3, 4)
    blend = patch.lift(of_body)[own]
    local = np.linalg.solve(blend[:, :, :3], (posed - blend[:, :, 3])[..., None])[..., 0]
    return local - patch.lift(form.correctives)[own]
