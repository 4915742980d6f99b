"""Where the edges of tops run: distances on the body's T-pose, positive inside the garment."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import ramp

_CROTCH_GAP = 0.015  # metres above the crotch at which the body is still one tube


def crotch_height(form: DressForm) -> float:
    """Height of the crotch, metres, T-pose."""
    middle = (np.abs(form.rest[:, 0]) < 0.012) & (form.rest[:, 1] < form.joints[0][1] + 0.05)
    return float(form.rest[middle, 1].min())


def hem_field(form: DressForm, length: float, *, tails: float = 0.0) -> np.ndarray:
    """Distance above a top's lower edge: float64 [V], metres.

    Args:
        form: the body.
        length: 0 (at the navel) to 1 (just above the crotch, the lowest there is).
        tails: metres that the edge is lower in front and behind than at the sides.
    """
    lowest, navel = crotch_height(form) + _CROTCH_GAP, form.joints[3][1] + 0.05
    x, y, z = form.rest.T
    side = np.cos(2 * np.arctan2(x, z - form.joints[0][2]))
    edge = navel + (lowest - navel) * length + tails * (1 - side) / 2
    return np.where(np.abs(x) < np.abs(form.joints[18][0]), y - edge, 1.0)


def sleeve_field(form: DressForm, share: float) -> np.ndarray:
    """Distance from a sleeve's end, inwards: float64 [V], metres; `share` of the arm down to the wrist."""
    shoulder, wrist = form.joints[16][0], form.joints[20][0]
    return shoulder + share * (wrist - shoulder) - np.abs(form.rest[:, 0])


def armhole_field(form: DressForm, inset: float) -> np.ndarray:
    """Distance from the armholes of a sleeveless top: float64 [V]; `inset` metres from the shoulder's end."""
    shoulder = form.joints[16]
    half, drop = 0.062 + inset, 0.115
    inwards = np.maximum(shoulder[0] + 0.062 - np.abs(form.rest[:, 0]), 0) / half
    down = (form.rest[:, 1] - (shoulder[1] + 0.005)) / drop
    return (np.hypot(inwards, down) - 1) * half


def neck_field(
    form: DressForm, *, width: float, front: float, back: float = 0.012, pointed: float = 0.0
) -> np.ndarray:
    """Distance from the neck's opening: float64 [V], metres.

    Args:
        form: the body.
        width: metres from the middle to the opening's side, on the shoulder.
        front: metres that it is lower in front than at the side.
        back: metres that it is lower behind.
        pointed: 0 (round) to 1 (a V).
    """
    x, y, z = np.abs(form.rest[:, 0]), form.rest[:, 1], form.rest[:, 2]
    top = shoulder_height(form, width)
    ahead = ramp(z, form.joints[12][2] - 0.045, form.joints[12][2] + 0.035)
    depth = back + (front - back) * ahead
    bend = 2.2 - 1.15 * pointed * ahead
    across, down = x / width, np.maximum(top - y, 0) / depth
    opening = ((across**bend + down**bend) ** (1 / bend) - 1) * np.minimum(width, depth)
    below_head = top + 0.03 - y
    return np.minimum(np.where(down > 0, opening, x - width), below_head)


def shoulder_height(form: DressForm, width: float) -> float:
    """Height of the shoulders `width` metres from the middle, T-pose."""
    neck = form.joints[12]
    near = np.abs(np.abs(form.rest[:, 0]) - width) < 0.012
    near &= (np.abs(form.rest[:, 2] - neck[2]) < 0.05) & (form.rest[:, 1] < neck[1] + 0.05)
    return float(form.rest[near, 1].max())


def front_field(form: DressForm, heights: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """Distance from the edges of an open front: float64 [V], metres; large behind.

    Args:
        form: the body.
        heights: float64 [k], metres, T-pose, ascending.
        halves: float64 [k], metres from the middle to the edge at those heights; below 0 where it is closed.
    """
    x, y, z = form.rest.T
    half = np.interp(y, heights, halves)
    behind = max(form.joints[9][2] + 0.03, form.joints[12][2] + 0.025) - z
    return np.abs(x) - half + 4 * np.maximum(behind, 0)


def neck_width(form: DressForm) -> float:
    """Half of the neck's width, metres."""
    neck = form.rest[form.body.weights[:, 12] > 0.4]
    return float(np.abs(neck[np.abs(neck[:, 1] - form.joints[12][1] - 0.02) < 0.02, 0]).max())
