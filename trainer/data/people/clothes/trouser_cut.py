"""How far trousers stand off the legs: tubes that hang from hips, seat and knees and never cross between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.clothes.girth import bilinear, hull_radius, slice_at, smooth_rings
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import bump, ramp

_ANGLES = 48
_ROW = 0.02  # metres between the rings that are measured
_APART = 0.004  # metres from the cloth of one leg to the plane between the legs
_ABOVE_ANKLE = 0.015  # metres from the ankle joints to the lowest cut: below, the feet begin
_HAND = 0.30  # metres from the middle beyond which a T-pose's vertex is no leg's


@dataclass(frozen=True)
class Legs:
    """Places on the body's vertices, metres, T-pose: float64 [V] each.

    Attributes:
        hem: height above the lower edge; negative outside of the garment.
        waist: distance below the upper edge.
        leg_x: side, from the leg's own axis, positive outwards.
        leg_z: front, from the leg's own axis.
        crotch: height above the crotch.
        knee: height above the knees.
        drop: metres (one number) that the lower edge is to fall below where it is cut, over the shoe.
    """

    hem: np.ndarray
    waist: np.ndarray
    leg_x: np.ndarray
    leg_z: np.ndarray
    crotch: np.ndarray
    knee: np.ndarray
    drop: float


@dataclass(frozen=True)
class Tube:
    """The shape of a trouser leg, metres.

    Attributes:
        hip, thigh, calf: least ease between skin and cloth there.
        knee_radius, hem_radius: radius of the leg at the knee and at the ankle, at least.
        taper: metres that the radius may shrink with each metre of fall.
        crease: metres that pressed creases stand out, 0 for none.
    """

    hip: float
    thigh: float
    calf: float
    knee_radius: float
    hem_radius: float
    taper: float
    crease: float


def measure_legs(form: DressForm, rise: float, length: float) -> Legs:
    """Measure a body for trousers.

    Args:
        form: whom they are for.
        rise: metres of the upper edge above the pelvis joint.
        length: share of the way from hip joint to floor that is covered.
    """
    x, y, z = np.abs(form.rest[:, 0]), form.rest[:, 1], form.rest[:, 2]
    ground, hip, knee, ankle = y.min(), form.joints[1], form.joints[4], form.joints[7]
    axis_x, axis_z = _axis(form, y)
    wanted = hip[1] - length * (hip[1] - ground)
    lowest = ankle[1] + _ABOVE_ANKLE
    hem = y - max(wanted, lowest)
    near_middle = (x < 0.015) & (form.body.weights[:, [0, 1, 2]].sum(1) > 0.5)
    crotch = y[near_middle].min()
    return Legs(
        hem=np.where(x > _HAND, -1.0, hem),
        waist=form.joints[0, 1] + rise - y,
        leg_x=x - axis_x,
        leg_z=z - axis_z,
        crotch=y - crotch,
        knee=y - knee[1],
        drop=max(lowest - wanted, 0.0),
    )


def fit_legs(form: DressForm, legs: Legs, tube: Tube) -> tuple[np.ndarray, np.ndarray]:
    """Where the cloth of the legs is wanted, over the body's vertices.

    Returns:
        Metres between skin and cloth, float64 [V]; and points of the T-pose [V, 3], metres, level with the
        vertices: the tube that the cloth makes around the shins.
    """
    top = float((form.rest[:, 1] - legs.crotch)[0]) - 0.015
    bottom = form.joints[7, 1] - 0.02
    heights = np.arange(top, bottom, -_ROW)
    angle = np.arange(_ANGLES) * (2 * np.pi / _ANGLES) - np.pi
    radius = _rings(form, heights, angle, tube)
    own = np.hypot(legs.leg_x, legs.leg_z)
    row = np.clip((top - form.rest[:, 1]) / _ROW, 0, len(heights) - 1.001)
    turn = (np.arctan2(legs.leg_x, legs.leg_z) + np.pi) / (2 * np.pi) * _ANGLES
    wanted = bilinear(radius, row, turn)
    below = np.maximum(wanted - own, 0.0015)
    around = form.rest.copy()
    grown = (wanted / np.maximum(own, 1e-6) - 1)[:, None]
    around[:, [0, 2]] += grown * np.stack([np.sign(form.rest[:, 0]) * legs.leg_x, legs.leg_z], 1)
    return tube.hip + (below - tube.hip) * ramp(-legs.crotch, -0.02, 0.05), around


def _axis(form: DressForm, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and z of the left leg's axis at heights y."""
    hip, knee, ankle = form.joints[1], form.joints[4], form.joints[7]
    at, joints = [ankle[1], knee[1], hip[1]], np.stack([ankle, knee, hip])
    return np.interp(y, at, joints[:, 0]), np.interp(y, at, joints[:, 2])


def _rings(form: DressForm, heights: np.ndarray, angle: np.ndarray, tube: Tube) -> np.ndarray:
    """Radii [K, A] of the cloth around the left leg's axis."""
    foot = form.body.weights[:, [7, 8, 10, 11]].sum(1) > 0.5
    faces = form.body.faces
    low = (form.rest[:, 1] < heights[0] + 0.1) & (form.rest[:, 0] > 0)
    faces = faces[low[faces].all(1) & ~foot[faces].all(1)]
    shin = form.rest[foot, 1].max() + 0.005
    axis = np.stack(_axis(form, heights), 1)
    skin = np.stack(
        [
            hull_radius(slice_at(form.rest, faces, max(y, shin)) - at, angle)
            for y, at in zip(heights, axis, strict=True)
        ]
    )
    knee, ankle = form.joints[4, 1], form.joints[7, 1]
    at = [ankle, knee, knee + 0.12, heights[0]]
    ease = np.interp(heights, at, [tube.calf, 0.5 * (tube.calf + tube.thigh), tube.thigh, tube.thigh])
    straight = np.interp(heights, at[:3], [tube.hem_radius, tube.knee_radius, 0.0])
    pressed = bump(angle, 0.0, 0.22) + np.maximum(bump(angle, -np.pi, 0.22), bump(angle, np.pi, 0.22))
    radius = np.maximum(skin + ease[:, None], straight[:, None])
    for k in range(1, len(radius)):
        radius[k] = np.maximum(radius[k], radius[k - 1] - tube.taper * _ROW)
    radius += tube.crease * pressed * ramp(heights[0] - heights, 0.0, 0.15)[:, None]
    inwards = np.maximum(-np.sin(angle), 1e-3)
    limit = (axis[:, :1] - _APART) / inwards
    return np.minimum(smooth_rings(radius, 1.0, 1.5), limit)
