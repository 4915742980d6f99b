"""How wide the trunk and the legs are at each height: what hangs around both legs is measured here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from dinar.trainer.data.people.dress_form import DressForm

_FEET = (7, 8, 10, 11)  # joints


@dataclass(frozen=True)
class Girth:
    """Convex outlines of the body below the arms, K heights, A angles; T-pose.

    Attributes:
        height: float64 [K], metres, world's y.
        centre: float64 [K, 2], metres, x and z of the line from which radii are measured.
        angle: float64 [A], radians in [-pi, pi): 0 in front (+z), rising towards the body's left (+x).
        radius: float64 [K, A], metres: the hull of both legs together, or of the trunk.
    """

    height: np.ndarray
    centre: np.ndarray
    angle: np.ndarray
    radius: np.ndarray

    def points(self, radius: np.ndarray) -> np.ndarray:
        """Points [K, A, 3] at radii [K, A] around the centre line, metres, T-pose."""
        x = self.centre[:, :1] + radius * np.sin(self.angle)
        z = self.centre[:, 1:] + radius * np.cos(self.angle)
        return np.stack([x, np.broadcast_to(self.height[:, None], x.shape), z], 2)


def measure_girth(
    form: DressForm, height: np.ndarray, angles: int, worn: tuple[np.ndarray, np.ndarray] | None = None
) -> Girth:
    """Measure trunk and legs at heights [K] below the arms (metres, T-pose); feet are left out.

    `worn`: vertices [n, 3] and faces [m, 3] of a garment below, which is measured too.
    """
    foot = form.body.weights[:, _FEET].sum(1) > 0.5
    shin = form.rest[foot, 1].max() + 0.005
    faces = form.body.faces[(form.rest[form.body.faces, 1] < height.max() + 0.1).all(1)]
    faces = faces[~foot[faces].all(1)]
    angle = np.arange(angles) * (2 * np.pi / angles) - np.pi
    middle = _centre_line(form, height)
    radius = np.empty((len(height), angles))
    cuts = [slice_at(form.rest, faces, max(y, shin)) for y in height]
    if worn is not None:
        vertices, of_worn = worn
        of_worn = of_worn[(np.abs(vertices[of_worn, 0]) < form.joints[16, 0]).all(1)]
        cuts = [
            np.concatenate([cut, slice_at(vertices, of_worn, y)]) for cut, y in zip(cuts, height, strict=True)
        ]
    for k, cut in enumerate(cuts):
        radius[k] = hull_radius(cut - middle[k], angle)
    return Girth(height, middle, angle, radius)


def _centre_line(form: DressForm, height: np.ndarray) -> np.ndarray:
    """x and z [K, 2] of a line from the middle of the waist to between the ankles."""
    pelvis, knee, ankle = form.joints[0], form.joints[4], form.joints[7]
    z = np.interp(height, [ankle[1], knee[1], pelvis[1]], [ankle[2], knee[2], pelvis[2]])
    return np.stack([np.full(len(height), pelvis[0]), z], 1)


def slice_at(vertices: np.ndarray, faces: np.ndarray, y: float) -> np.ndarray:
    """x and z [P, 2] of where the plane at height y crosses the edges of a mesh."""
    above = vertices[:, 1] > y
    crossed = faces[above[faces].any(1) & ~above[faces].all(1)]
    ends = np.concatenate([crossed[:, [0, 1]], crossed[:, [1, 2]], crossed[:, [2, 0]]])
    ends = ends[above[ends[:, 0]] != above[ends[:, 1]]]
    a, b = vertices[ends[:, 0]], vertices[ends[:, 1]]
    t = ((y - a[:, 1]) / (b[:, 1] - a[:, 1]))[:, None]
    return (a + t * (b - a))[:, [0, 2]]


def hull_radius(points: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Radius [A] of the convex hull of points [P, 2] (x, z) around the origin, which lies inside."""
    directions = np.stack([np.sin(angle), np.cos(angle)], 1)
    support = (points @ directions.T).max(0)
    turn = np.cos(angle[:, None] - angle[None, :])
    reach = np.where(turn > 0.1, support[None, :] / np.maximum(turn, 0.1), np.inf)
    return reach.min(1)


def smooth_rings(values: np.ndarray, across: float, along: float) -> np.ndarray:
    """Smooth values [K, A, ...] around the rings and from ring to ring (deviations in steps)."""
    if across > 0:
        values = gaussian_filter1d(values, across, axis=1, mode="wrap")
    return gaussian_filter1d(values, along, axis=0, mode="nearest") if along > 0 else values


def bilinear(table: np.ndarray, row: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Look up a table [K, A] at rows [...] (within it) and angles [...] in steps, which go round."""
    r, a = row.astype(int), np.floor(turn).astype(int)
    u, v = row - r, turn - a
    a0, a1 = a % table.shape[1], (a + 1) % table.shape[1]
    upper = table[r, a0] * (1 - v) + table[r, a1] * v
    return upper * (1 - u) + (table[r + 1, a0] * (1 - v) + table[r + 1, a1] * v) * u
