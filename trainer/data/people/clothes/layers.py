"""Clothes over clothes: how far a part stands off the skin, and what of it another one covers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.part import Paint, Painter, Part, SurfacePoints

_MOST = 0.12  # metres; what stands off further (a skirt's hem) does not lift what is worn over it


def heights_of(form: DressForm, part: Part) -> np.ndarray:
    """Metres that a part stands off the body's vertices in the fitting pose: float64 [V]; 0 where it is not.

    Vertices that are tied to the body count where they are tied; others at the nearest vertex of the body.
    """
    posed = form.pose(part.vertices, part.joint_weights, part.anchor_vertex, part.anchor_weight)
    heights = np.zeros(len(form.rest))
    tied = part.anchor_weight.sum(1) > 0.5
    for k in range(3):
        near = tied & (part.anchor_weight[:, k] > 0.2)
        vertex = part.anchor_vertex[near, k]
        gap = np.einsum("na,na->n", posed[near] - form.posed[vertex], form.normals[vertex])
        np.maximum.at(heights, vertex, np.where(gap < _MOST, gap, 0))
    if not tied.all():
        loose = posed[~tied]
        vertex = cKDTree(loose).query(form.posed, distance_upper_bound=_MOST)[1]
        reached = vertex < len(loose)
        nearest = loose[np.minimum(vertex, len(loose) - 1)]
        gap = np.einsum("va,va->v", nearest - form.posed, form.normals)
        sideways = np.linalg.norm(nearest - form.posed - gap[:, None] * form.normals, axis=1)
        heights = np.maximum(heights, np.where(reached & (sideways < 0.03), gap, 0))
    return heights


def without_covered(part: Part, covered: np.ndarray) -> Part:
    """Leave out the faces of a part whose corners all lie over covered vertices of the body (bool [V])."""
    tied = part.anchor_weight.sum(1) > 0.5
    under = (covered[part.anchor_vertex] | (part.anchor_weight <= 0)).all(1) & tied
    kept = (~under[part.faces].all(1)).nonzero()[0].astype(np.int32)
    if len(kept) == len(part.faces):
        return part
    uv = part.uv
    if uv is not None:
        uv = replace(uv, faces=uv.faces[kept])
    return replace(part, faces=part.faces[kept], uv=uv, painter=_Rest(part.painter, kept))


@dataclass(frozen=True)
class _Rest:
    """Paints what is left of a part's faces with the painter of the whole; `kept` int32 [m]."""

    whole: Painter
    kept: np.ndarray

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint points of the faces that were kept."""
        return self.whole(replace(points, face=self.kept[points.face]))
