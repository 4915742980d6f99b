"""Where a point of cloth lies on its panel: the coordinates in which cloth is woven and printed.

Everything is measured in the T-pose on the body's surface, so that front and back belong together. A panel
ends where a real garment has a seam: at the sides, the armholes, under the arms, on the inside of the legs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numba as nb
import numpy as np

from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.body_slices import ARM_START, ARMHOLE, ARMPIT, STEP, slice_body

TORSO, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG, FREE = range(6)

Cut = Literal["top", "bottom"]


@dataclass(frozen=True)
class ClothPoints:
    """M points of cloth.

    Attributes:
        position: float64 [M, 3], metres, T-pose: on the body's skin under the cloth, or on a skirt itself.
        normal: float64 [M, 3], unit, of the cloth.
        limb: int8 [M]: TORSO, LEFT_ARM (at x > 0), RIGHT_ARM, LEFT_LEG, RIGHT_LEG or FREE (a skirt).
        around: float64 [M], metres around the limb from its front middle (an arm: from its top), positive to
            the right for who looks at it from outside; it jumps at the back middle (an arm: underneath).
        along: float64 [M], metres: torso and skirt, upwards from the armpits (over the shoulders the cloth's
            own length counts on); arm, from the shoulder joint outwards; leg, from the hip joint downwards.
        facing: float64 [M], 1 in front, 0 at the side seams, -1 behind.
        across: float64 [M], metres from the middle of the panel, positive to the right for who looks at it
            from outside. As `around`, but on back panels from the back middle: it jumps at the side seams.
        quarter: float64 [M], metres around the limb from the front middle to the outer side seam.
    """

    position: np.ndarray
    normal: np.ndarray
    limb: np.ndarray
    around: np.ndarray
    along: np.ndarray
    facing: np.ndarray
    across: np.ndarray
    quarter: np.ndarray

    @property
    def on_arm(self) -> np.ndarray:
        """Where the cloth is a sleeve: bool [M]."""
        return (self.limb == LEFT_ARM) | (self.limb == RIGHT_ARM)

    @property
    def up(self) -> np.ndarray:
        """`along` of every limb counted upwards (as it hangs): float64 [M], metres."""
        hangs = (self.limb != TORSO) & (self.limb != FREE)
        return np.where(hangs, -self.along, self.along)

    @property
    def panel(self) -> np.ndarray:
        """Number of the panel, int64 [M] in [0, 12): twice the limb, and 1 behind (sleeves are one panel)."""
        return self.limb.astype(np.int64) * 2 + ((self.facing < 0) & ~self.on_arm)

    def tangents(self) -> tuple[np.ndarray, np.ndarray]:
        """Directions in which `across` and `up` grow on the cloth: float64 [M, 3] each, unit."""
        upward = np.zeros_like(self.position)
        upward[:, 1] = ~self.on_arm
        upward[:, 0] = np.where(self.limb == RIGHT_ARM, 1.0, 0.0) - np.where(self.limb == LEFT_ARM, 1.0, 0.0)
        upward -= self.normal * np.einsum("na,na->n", self.normal, upward)[:, None]
        upward /= np.maximum(np.sqrt(np.einsum("na,na->n", upward, upward)), 1e-6)[:, None]
        return np.cross(upward, self.normal), upward


def cloth_points(form: DressForm, position: np.ndarray, normal: np.ndarray, cut: Cut = "top") -> ClothPoints:
    """Find where points of a garment lie on its panels. Continuous within each panel.

    Args:
        form: the body that wears it.
        position: [M, 3], metres, T-pose, on the skin under the cloth.
        normal: [M, 3], unit, of the cloth.
        cut: "top": torso and arms. "bottom": legs, up to the waist, with seams in the middle of front and
            back.
    """
    position = np.ascontiguousarray(position, np.float64)
    body = slice_body(form)
    limb = np.empty(len(position), np.int8)
    values = np.empty((len(position), 5))
    if cut == "top":
        _place_top(position, body.torso, body.torso_arc, body.arm, body.marks, limb, values)
    else:
        _place_bottom(position, body.torso, body.torso_arc, body.leg, body.leg_arc, body.marks, limb, values)
    around, along, facing, across, quarter = np.ascontiguousarray(values.T)
    return ClothPoints(position, np.asarray(normal, np.float64), limb, around, along, facing, across, quarter)


@nb.njit(cache=True, inline="always")
def _row(table, place, column):  # type: ignore[no-untyped-def]
    """Interpolate a column of a table at a place in rows, clamped to its ends."""
    place = min(max(place, 0.0), table.shape[0] - 1.000001)
    i = int(place)
    return table[i, column] + (place - i) * (table[i + 1, column] - table[i, column])


@nb.njit(cache=True, inline="always")
def _arc(arcs, place, angle):  # type: ignore[no-untyped-def]
    """Length from the front middle to an angle in [0, pi] around the slice at a place in rows."""
    steps = arcs.shape[1] - 1
    turn = min(angle / np.pi * steps, steps - 1e-6)
    k = int(turn)
    low, high = _row(arcs, place, k), _row(arcs, place, k + 1)
    return low + (turn - k) * (high - low)


@nb.njit(cache=True, inline="always")
def _ramp(value, low, high):  # type: ignore[no-untyped-def]
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@nb.njit(cache=True, inline="always")
def _turn(side, depth):  # type: ignore[no-untyped-def]
    """Angle in [0, pi] from the front of an ellipse to a point (in half axes, side >= 0): in front and behind
    by its side alone, so that what hangs straight stays straight; by its direction at the sides."""
    by_direction = np.arctan2(side, depth)
    by_side = np.arcsin(min(side, 1.0))
    if depth < 0.0:
        by_side = np.pi - by_side
    w = _ramp(side, 0.6, 0.95)
    return by_side + w * (by_direction - by_side)


@nb.njit(cache=True, inline="always")
def _fill(values, i, sign, length, quarter, along, angle):  # type: ignore[no-untyped-def]
    """Write a point of a panel: `length` >= 0 from the front middle, towards `sign`."""
    values[i, 0], values[i, 1], values[i, 2] = sign * length, along, np.cos(angle)
    values[i, 3] = sign * length if angle <= np.pi / 2 else sign * (length - 2.0 * quarter)
    values[i, 4] = quarter


@nb.njit(cache=True)
def _place_top(position, torso, torso_arc, arm, marks, limb, values):  # type: ignore[no-untyped-def]
    """Torso and sleeves: around, along, facing, across, quarter [M, 5]."""
    shoulder_x, shoulder_y, shoulder_z, neck_z, bottom = marks[0], marks[1], marks[2], marks[3], marks[6]
    armpit = shoulder_y - ARMPIT
    for i in range(position.shape[0]):
        x, y, z = position[i]
        sign, side = (1.0 if x >= 0 else -1.0), abs(x)
        if side - shoulder_x > ARMHOLE + 1.5 * max(0.0, armpit - y):
            limb[i] = LEFT_ARM if x > 0 else RIGHT_ARM
            place = (side - shoulder_x) / STEP
            start = max(place, ARM_START)
            up, depth = y - _row(arm, start, 0), z - _row(arm, start, 2)
            angle = np.arctan2(-sign * depth, up)
            radius = 0.5 * (_row(arm, start, 1) + _row(arm, start, 3))
            values[i, 0], values[i, 1] = angle * radius, side - shoulder_x
            values[i, 2] = depth / max(np.hypot(up, depth), 1e-9)
            values[i, 3], values[i, 4] = angle * radius, 0.5 * np.pi * radius
            continue
        limb[i] = TORSO
        place = (y - bottom) / STEP
        raised = _ramp(y, armpit + 0.02, shoulder_y + 0.03)
        middle = _row(torso, place, 2)
        middle += raised * (shoulder_z - middle)
        depth = (z - middle) / _row(torso, place, 3)
        half = _row(torso, place, 1)
        angle = _turn(side / half, depth)
        quarter = _arc(torso_arc, place, np.pi / 2)
        inward = _arc(torso_arc, place, angle)
        if angle > np.pi / 2:
            inward = 2.0 * quarter - inward
        # Above the armpits a panel ends at the armhole and does not turn to the side any more.
        inward += raised * (side - inward)
        quarter += raised * (half - quarter)
        length = inward if angle <= np.pi / 2 else 2.0 * quarter - inward
        along = y - armpit
        if y > shoulder_y:
            # Over the shoulder it is the cloth's length that counts on, as around a circle.
            away = abs(z - shoulder_z)
            steep = np.arctan2(away, y - shoulder_y)
            flat = min(np.hypot(away, y - shoulder_y), 0.09) * _ramp(np.hypot(x, z - neck_z), 0.05, 0.10)
            along += flat * (np.pi / 2 - steep - np.cos(steep))
        _fill(values, i, sign, length, quarter, along, angle)


@nb.njit(cache=True)
def _place_bottom(position, torso, torso_arc, leg, leg_arc, marks, limb, values):  # type: ignore[no-untyped-def]
    """Trousers: around, along, facing, across, quarter [M, 5]; the legs' panels widen into the hips'."""
    hip, crotch, bottom = marks[4], marks[5], marks[6]
    edge = (crotch - 0.03 - bottom) / STEP
    middle_x = _row(leg, edge, 0)
    for i in range(position.shape[0]):
        x, y, z = position[i]
        limb[i] = LEFT_LEG if x >= 0 else RIGHT_LEG
        sign, side = (1.0 if x >= 0 else -1.0), abs(x)
        place = min((y - bottom) / STEP, edge)
        offset = (side - _row(leg, place, 0)) / _row(leg, place, 1)
        angle = _turn(abs(offset), (z - _row(leg, place, 2)) / _row(leg, place, 3))
        quarter = _arc(leg_arc, place, np.pi / 2)
        outward = sign if offset >= 0 else -sign
        _fill(values, i, outward, _arc(leg_arc, place, angle), quarter, hip - y, angle)
        raised = _ramp(y, crotch - 0.01, crotch + 0.10)
        if raised <= 0.0:
            continue
        place = max((y - bottom) / STEP, edge)
        hips = _turn(side / _row(torso, place, 1), (z - _row(torso, place, 2)) / _row(torso, place, 3))
        half = _arc(torso_arc, place, np.pi / 2)
        across = _arc(torso_arc, place, hips) - middle_x
        if hips > np.pi / 2:
            across -= 2.0 * (half - middle_x)
        across = values[i, 3] + raised * (sign * across - values[i, 3])
        facing = values[i, 2] + raised * (np.cos(hips) - values[i, 2])
        quarter += raised * (half - middle_x - quarter)
        values[i, 2], values[i, 3], values[i, 4] = facing, across, quarter
        values[i, 0] = across
        if facing < 0.0:
            values[i, 0] += 2.0 * quarter if across < 0.0 else -2.0 * quarter
