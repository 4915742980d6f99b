"""A body measured slice by slice in the T-pose: how wide and deep torso and limbs are, and how far around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.dress_form import DressForm

STEP = 0.02  # metres between slices
ARMPIT = 0.09  # metres below the shoulder joints
ARMHOLE = 0.005  # metres outside the shoulder joints
ARM_START = 4  # slices nearer to the shoulder joint reach into the torso

_ARC_STEPS = 64  # of a half turn


@dataclass(frozen=True)
class BodySlices:
    """A body's slices: rows (x middle, half width, z middle, half depth) per `STEP`, and their arcs.

    Attributes:
        torso: [K, 4], from marks.bottom upwards. Narrowed to the armholes above the armpits.
        leg: [K, 4], of the left leg, from marks.bottom upwards.
        arm: [K, 4], of the left arm, from the shoulder outwards: (y middle, half height, z ...).
        torso_arc, leg_arc: [K, 65], metres around a slice from its front middle, per 64th of a half turn.
        marks: shoulder x, shoulder y, shoulder z, neck z, hip y, crotch y, bottom y.
    """

    torso: np.ndarray
    leg: np.ndarray
    arm: np.ndarray
    torso_arc: np.ndarray
    leg_arc: np.ndarray
    marks: np.ndarray


def slice_body(form: DressForm) -> BodySlices:
    """Measure a body."""
    weights = form.body.weights
    x, y, z = np.abs(form.rest[:, 0]), form.rest[:, 1], form.rest[:, 2]
    shoulder, hip = (form.joints[16] + form.joints[17] * (-1, 1, 1)) / 2, form.joints[1]
    arm = weights[:, [16, 17, 18, 19, 20, 21]].sum(1) + weights[:, 25:55].sum(1)
    crotch = float(y[(x < 0.015) & (arm < 0.1)].min())
    bottom = float(y.min())
    trunk = (arm < 0.5) & (x < 2 * shoulder[0]) & (y < shoulder[1] + 0.06)
    armpit = shoulder[1] - ARMPIT
    torso = _slices(y[trunk] - bottom, -x[trunk], x[trunk], z[trunk])
    heights = bottom + STEP * np.arange(len(torso))
    level = [int((edge - bottom) / STEP) for edge in (crotch, armpit)]
    torso = torso[np.clip(np.arange(len(torso)), level[0], level[1])]
    torso[heights > armpit, 1] = shoulder[0] + ARMHOLE
    low = (y < crotch - 0.02) & (arm < 0.5)
    leg = _slices(y[low] - bottom, x[low], x[low], z[low])
    reach = (arm > 0.5) & (x > shoulder[0])
    sleeve = _slices(x[reach] - shoulder[0], y[reach], y[reach], z[reach])
    leg = _straight(leg, int((form.joints[7, 1] - bottom) / STEP), len(leg) - 1)
    sleeve = _straight(sleeve, ARM_START, int((form.joints[20, 0] - shoulder[0]) / STEP))
    marks = np.array([*shoulder, form.joints[12][2], hip[1], crotch, bottom])
    torso = _smooth(torso)
    return BodySlices(torso, leg, sleeve, _arcs(torso), _arcs(leg), marks)


def _slices(place: np.ndarray, low_side: np.ndarray, high_side: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Bound the points of each slice: [K, 4] rows (middle, half width, middle depth, half depth); gaps are
    filled from their neighbours."""
    index = (place / STEP + 0.5).astype(np.int64)
    bounds = np.full((int(index.max()) + 1, 4), -np.inf)
    for column, values in enumerate((-low_side, high_side, -depth, depth)):
        np.maximum.at(bounds[:, column], index, values)
    rows = np.arange(len(bounds))
    known = np.isfinite(bounds[:, 0])
    low, high, back, front = (np.interp(rows, rows[known], bounds[known, k]) for k in range(4))
    return np.stack([(high - low) / 2, (high + low) / 2, (front - back) / 2, (front + back) / 2], 1)


def _smooth(slices: np.ndarray) -> np.ndarray:
    """Even out slices that caught fewer vertices: a mean of each with its two neighbours either side."""
    padded = np.pad(slices, ((2, 2), (0, 0)), "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 5, axis=0)
    return windows @ np.array([0.1, 0.2, 0.4, 0.2, 0.1])


def _straight(slices: np.ndarray, first: int, last: int) -> np.ndarray:
    """A limb as a sleeve or a trouser leg takes it: a straight axis, a plain taper from `first` to `last`."""
    rows = np.arange(len(slices))
    inner = slice(first, last + 1)
    at = np.clip((rows - first) / (last - first), 0, 1) * 2 - 1
    fits = [
        np.polynomial.Polynomial.fit(at[inner], slices[inner, k], 1 if k in (0, 2) else 3) for k in range(4)
    ]
    return np.stack([fit(at) for fit in fits], 1)


def _arcs(slices: np.ndarray) -> np.ndarray:
    """Length around the ellipse of each slice from its front middle: [K, 65], metres."""
    middle = (np.arange(_ARC_STEPS) + 0.5) * np.pi / _ARC_STEPS
    step = np.hypot(slices[:, 1:2] * np.cos(middle), slices[:, 3:4] * np.sin(middle)) * np.pi / _ARC_STEPS
    return np.concatenate([np.zeros((len(slices), 1)), np.cumsum(step, 1)], 1)
