"""Loose cloth hangs from the chest, the shoulder blades and the belly; it does not follow the waist in."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import ramp
from dinar.trainer.data.people.patch import unique_edges

_ROW = 0.012  # metres between the sections that are measured
_DIRECTIONS = 72
_RETURN = 0.12  # metres that hanging cloth comes back in, a metre further down
_ARM_JOINTS = (16, 17, 18, 19, 20, 21, *range(25, 55))


def hang_from_chest(
    form: DressForm, vertex: np.ndarray, faces: np.ndarray, surface: np.ndarray, hang: np.ndarray
) -> np.ndarray:
    """Move the trunk of a garment out to where it hangs.

    Args:
        form: whom it is for.
        vertex: int [n], the body's vertex that each vertex of the garment lies over.
        faces: int [m, 3].
        surface: float64 [n, 3], metres, fitting pose.
        hang: float64 [n], 0 (stays) to 1 (hangs freely).

    Returns:
        float64 [n, 3].
    """
    if not hang.any():
        return surface
    trunk = _arm(form, vertex) < 0.35
    armpit = _armpit(form)
    bottom = surface[trunk, 1].min()
    rows = np.arange(armpit + 0.03, bottom - _ROW, -_ROW)
    axis = form.joints[6][2]
    angles = np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS)
    outline = _sections(surface, unique_edges(faces[trunk[faces].all(1)]), rows, axis, angles)
    for row in range(1, len(rows)):
        outline[row] = np.maximum(outline[row], outline[row - 1] - _RETURN * _ROW)
    outline = gaussian_filter1d(outline, 2.0, axis=0, mode="nearest")
    outline = gaussian_filter1d(outline, 1.0, axis=1, mode="wrap")
    reach, direction = _polar(surface, axis)
    hung = _reach(outline, rows, angles, surface[:, 1], direction)
    out = np.maximum(hung - reach, 0) * hang * trunk_below_armpit(form, vertex, surface)
    return surface + np.stack([np.sin(direction) * out, np.zeros_like(out), np.cos(direction) * out], 1)


def trunk_below_armpit(form: DressForm, vertex: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """1 on the trunk of a garment [n, 3] (fitting pose), 0 at the armpits and on the arms: float64 [n]."""
    armpit = _armpit(form)
    return (1 - ramp(_arm(form, vertex), 0.05, 0.35)) * ramp(-surface[:, 1], -armpit - 0.05, -armpit + 0.11)


def _arm(form: DressForm, vertex: np.ndarray) -> np.ndarray:
    """Share of the arms in the skinning weights of body vertices: float64 [n]."""
    return form.body.weights[vertex][:, _ARM_JOINTS].sum(1)


def _armpit(form: DressForm) -> float:
    """Height of the armpits in the fitting pose, metres."""
    return float(form.transforms[16][1] @ np.append(form.joints[16], 1.0)) - 0.065


def _polar(points: np.ndarray, axis: float) -> tuple[np.ndarray, np.ndarray]:
    """Distance from the trunk's upright axis and direction (0 = front, towards the left side): [n] each."""
    x, z = points[:, 0], points[:, 2] - axis
    return np.hypot(x, z), np.arctan2(x, z)


def _sections(
    points: np.ndarray, edges: np.ndarray, rows: np.ndarray, axis: float, angles: np.ndarray
) -> np.ndarray:
    """How far level sections reach in each direction (their support function): float64 [rows, directions]."""
    a, b = points[edges[:, 0]], points[edges[:, 1]]
    low, high = np.minimum(a[:, 1], b[:, 1]), np.maximum(a[:, 1], b[:, 1])
    normals = np.stack([np.sin(angles), np.cos(angles)])
    reach = np.zeros((len(rows), len(angles)))
    for row, y in enumerate(rows):
        crossed = (low <= y) & (high > y)
        if crossed.any():
            start, end = a[crossed], b[crossed]
            point = start + (end - start) * ((y - start[:, 1]) / (end[:, 1] - start[:, 1]))[:, None]
            reach[row] = ((point[:, [0, 2]] - (0.0, axis)) @ normals).max(0)
    return reach


def _reach(
    outline: np.ndarray, rows: np.ndarray, angles: np.ndarray, y: np.ndarray, direction: np.ndarray
) -> np.ndarray:
    """Distance from the axis of the convex outline at height y, in a direction: float64 [n]."""
    place = np.clip((rows[0] - y) / _ROW, 0, len(rows) - 1.001)
    row = place.astype(int)
    share = (place - row)[:, None]
    support = outline[row] * (1 - share) + outline[row + 1] * share
    cosine = np.cos(angles - direction[:, None])
    return np.where(cosine > 0.2, support / np.maximum(cosine, 0.2), np.inf).min(1)
