"""The foot as a shoemaker measures it, and the surfaces lofted over it: upper, sole, shaft, straps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from dinar.trainer.data.people.clothes.girth import bilinear, hull_radius, slice_at, smooth_rings
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import ramp

SECTIONS = 30  # from heel to toe
_WALL = 8  # columns from the sole to the top line
_INNER = 6  # columns between the top lines
_FLOOR = 0.112  # metres above the ground: what is lower is foot


@dataclass(frozen=True)
class Last:
    """The shape of a shoe; metres.

    Attributes:
        collar: height of the top line at the heel.
        throat: share of the length, from the heel, that is open; 0.4 (laced) to 0.75 (pump).
        topline: height of the top line beside the open part.
        toe: 0 (round) to 1 (pointed).
        toe_room: length before the toes.
        toe_height: of the toe box above the sole.
        ease: between skin and shoe at the sides.
        sole_heel, sole_toe: thickness of the sole.
        spring: how far the toe is lifted off the ground.
        heel: height of a heel block under the sole, 0 for none.
        welt: how far the sole stands out.
        shaft: height of the shaft above the ground, 0 for none.
        shaft_ease: between leg and shaft.
    """

    collar: float
    throat: float
    topline: float
    toe: float
    toe_room: float
    toe_height: float
    ease: float
    sole_heel: float
    sole_toe: float
    spring: float
    heel: float
    welt: float
    shaft: float
    shaft_ease: float


@dataclass(frozen=True)
class Foot:
    """One foot in its own frame: along (heel to toe), side (outwards), up; metres, T-pose.

    Attributes:
        origin: [3], on the ground at the back of the shoe.
        axes: [3, 3], rows along, side, up; their determinant is 1 for one foot, -1 for the other.
        length: of the shoe.
        t: [S] in [0, 1], sections from heel to toe.
        left, right: [S], smallest and largest side of the shoe at the sole.
        top: [S], height of the closed upper.
        ball: t of the toe joint.
        ankle: [3], ankle joint in this frame.
    """

    origin: np.ndarray
    axes: np.ndarray
    length: float
    t: np.ndarray
    left: np.ndarray
    right: np.ndarray
    top: np.ndarray
    ball: float
    ankle: np.ndarray

    def world(self, local: np.ndarray) -> np.ndarray:
        """Points [n, 3] of this frame in the T-pose's."""
        return self.origin + local @ self.axes

    @property
    def mirrored(self) -> bool:
        """Whether triangles must be turned round to face outwards."""
        return bool(np.linalg.det(self.axes) > 0)


def measure_foot(form: DressForm, last: Last, *, right: bool) -> Foot:
    """Measure one foot for a shoe."""
    ankle, toe = (form.joints[8], form.joints[11]) if right else (form.joints[7], form.joints[10])
    own = form.body.weights[:, [8, 11] if right else [7, 10]].sum(1) > 0.5
    along = (toe - ankle) * np.array([1.0, 0.0, 1.0])
    along /= np.linalg.norm(along)
    side = np.cross([0.0, 1.0, 0.0], along) * (-1 if right else 1)
    axes = np.stack([along, side, [0.0, 1.0, 0.0]])
    origin = np.array([ankle[0], form.rest[:, 1].min(), ankle[2]])
    local = (form.rest[own] - origin) @ axes.T
    back = local[:, 0].min() - 0.004 - 0.5 * last.ease
    origin = origin + axes[0] * back
    local[:, 0] -= back
    length = local[:, 0].max() + last.toe_room
    t = 0.5 - 0.5 * np.cos(np.pi * np.linspace(0, 1, SECTIONS))
    left, right_, top = _outline(local, t, length, last)
    ball = float((toe - origin) @ axes[0] / length)
    return Foot(origin, axes, length, t, left, right_, top, ball, (ankle - origin) @ axes.T)


def _outline(local: np.ndarray, t: np.ndarray, length: float, last: Last) -> tuple[np.ndarray, ...]:
    """Left and right edge and top [S] of the shoe, with its rounded ends."""
    grid = np.linspace(0, 1, 60)
    low, high, top = np.empty(60), np.empty(60), np.empty(60)
    foot = local[local[:, 2] < _FLOOR]
    ends_at = local[:, 0].max()
    for k, s in enumerate(grid):
        slab = foot[np.abs(foot[:, 0] - np.clip(s * length, 0.012, ends_at - 0.010)) < 0.010]
        low[k], high[k], top[k] = slab[:, 1].min(), slab[:, 1].max(), slab[:, 2].max()
    low, high, top = (gaussian_filter1d(v, 3, mode="nearest") for v in (low, high, top))
    middle, half = (low + high) / 2, (high - low) / 2 + last.ease
    toe_start = 0.74 - 0.14 * last.toe
    heel_end = 1 - np.clip((0.16 - grid) / 0.16, 0, 1) ** 2.6
    toe_end = 1 - np.clip((grid - toe_start) / (1 - toe_start), 0, 1) ** (2.8 - 1.3 * last.toe)
    half = half * np.sqrt(np.maximum(heel_end, 0)) * np.maximum(toe_end, 0) ** (0.5 + 0.25 * last.toe)
    top = gaussian_filter1d(top + 0.006, 2, mode="nearest")
    base = sole_top(last, grid)
    box = np.maximum(top, base + last.toe_height * ramp(grid, 0.55, 0.80))
    nose = np.sqrt(np.maximum(1 - (np.clip(grid - 0.86, 0, None) / 0.145) ** 2, 0.05))
    top = base + (box - base) * nose
    return tuple(np.interp(t, grid, v) for v in (middle - half, middle + half, top))


def sole_top(last: Last, t: np.ndarray) -> np.ndarray:
    """Height of the upper edge of the sole [S]: feet stand on the ground, soles reach below it."""
    rise = last.spring * np.clip((t - 0.75) / 0.25, 0, 1) ** 2
    visible = last.sole_heel + (last.sole_toe - last.sole_heel) * np.clip(t / 0.7, 0, 1)
    return rise + 0.35 * visible


def top_line(last: Last, t: np.ndarray) -> np.ndarray:
    """Height of the top line beside the open part [S], metres."""
    return last.topline + (last.collar - last.topline) * (1 - ramp(t, 0.10, 0.42))


def upper(form: DressForm, foot: Foot, last: Last) -> np.ndarray:
    """Loft the upper: vertices [S, C, 3] in the foot's frame.

    Each section runs from the sole's one edge up to the top line, crosses inside the foot where the shoe is
    open and over it where it is closed, and down to the sole's other edge.
    """
    t = foot.t
    base = sole_top(last, t) - 0.004
    top = np.maximum(foot.top, base + 0.012)
    line = last.topline + (last.collar - last.topline) * (1 - ramp(t, 0.10, 0.42))
    line = np.minimum(
        line + np.maximum(top - line, 0) * ramp(t, last.throat - 0.10, last.throat + 0.02) ** 2, top
    )
    opened = 1 - ramp(t, last.throat - 0.02, last.throat + 0.02)
    rows = [_section(foot, k, base[k], top[k], line[k], opened[k]) for k in range(SECTIONS)]
    columns = rows[0].shape[0]
    points = np.stack(rows)
    wall = np.r_[0:_WALL, columns - _WALL : columns]
    points[:, wall] = _outside(form, foot, points[:, wall], 0.8 * last.ease)
    return points


def _outside(form: DressForm, foot: Foot, points: np.ndarray, ease: float) -> np.ndarray:
    """Push points [..., 3] around the heel level outwards until they clear the skin by `ease`."""
    heights = np.arange(0.004, 0.105, 0.012)
    angle = np.arange(48) * (2 * np.pi / 48) - np.pi
    local = (form.rest - foot.origin) @ foot.axes.T
    near = (np.abs(local[:, 1]) < 0.09) & (local[:, 2] < 0.16) & (local[:, 0] > -0.05)
    faces = form.body.faces[near[form.body.faces].all(1)]
    centre = np.array([foot.ankle[1], 0.24 * foot.length])  # side, along
    turned = local[:, [1, 2, 0]]
    radius = np.stack([hull_radius(slice_at(turned, faces, h) - centre, angle) for h in heights]) + ease
    side, up, along = points[..., 1] - centre[0], points[..., 2], points[..., 0] - centre[1]
    own, turn = np.hypot(side, along), (np.arctan2(side, along) + np.pi) / (2 * np.pi) * len(angle)
    row = np.clip((up - heights[0]) / 0.012, 0, len(heights) - 1.001)
    least = bilinear(radius, row, turn)
    at_heel = 1 - ramp(points[..., 0] / foot.length, 0.32, 0.46)
    grown = 1 + at_heel * np.maximum(least / np.maximum(own, 1e-6) - 1, 0)
    return np.stack([centre[1] + along * grown, centre[0] + side * grown, up], -1)


def _section(foot: Foot, k: int, base: float, top: float, line: float, opened: float) -> np.ndarray:
    """One section [C, 3] of the upper: an arch as high as the foot, open above the top line."""
    t, left, right = foot.t[k], foot.left[k], foot.right[k]
    middle, half = (left + right) / 2, (right - left) / 2
    power = 0.80 - 0.15 * (1 - t)
    edge = min(np.arcsin(min((line - base) / (top - base), 1.0) ** (1 / power)), 0.42 * np.pi)
    wall = np.linspace(0, edge, _WALL)
    across = np.linspace(edge, np.pi - edge, _INNER + 2)[1:-1]
    angle = np.concatenate([wall, across, np.pi - wall[::-1]])
    up = base + (top - base) * np.sin(angle) ** power
    # Ankles are narrower than heels: the walls lean in.
    narrow = 1 - 0.15 * np.clip(up / 0.066, 0, 1) * np.clip(1 - t / 0.5, 0, 1)
    spread = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.80
    side = middle - half * narrow * spread
    inner = slice(_WALL, _WALL + _INNER)
    deep = np.minimum(np.arange(1, _INNER + 1), np.arange(_INNER, 0, -1)) / (_INNER // 2)
    inside_up = np.maximum(line - 0.002 - 0.022 * deep, base)
    inside_side = middle - half * 0.66 * np.linspace(1, -1, _INNER)
    side[inner] += (inside_side - side[inner]) * opened
    up[inner] += (inside_up - up[inner]) * opened
    lean = 0.006 * np.clip(1 - t / 0.15, 0, 1) * np.clip(up / 0.06, 0, 1) ** 2
    return np.stack([t * foot.length + lean, side, up], 1)


def sole(foot: Foot, last: Last) -> np.ndarray:
    """Loft the sole's wall: vertices [R, 2 S, 3] around the outline, R rows downwards."""
    along = np.concatenate([foot.t, foot.t[::-1]])
    side = np.concatenate([foot.left, foot.right[::-1]])
    middle = np.tile((foot.left + foot.right) / 2, 2).reshape(2, -1)
    middle = np.concatenate([middle[0], middle[1][::-1]])
    direction = np.stack([np.gradient(side), -np.gradient(along * foot.length)], 1)
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    outward = np.stack([along - 0.5, side - middle], 1)
    direction *= np.sign(np.einsum("na,na->n", direction, outward) + 1e-12)[:, None]
    top = sole_top(last, along)
    thickness = last.sole_heel + (last.sole_toe - last.sole_heel) * np.clip(along / 0.7, 0, 1)
    bottom = top - thickness
    if last.heel > 0:  # a block under the heel; before it the sole rises to the arch
        block = 1 - ramp(along, 0.27, 0.30)
        bottom = (
            bottom
            - last.heel * block
            + 0.35 * last.heel * ramp(along, 0.30, 0.36) * (1 - ramp(along, 0.4, 0.7))
        )
    bottom = bottom + 0.6 * last.spring * np.clip((along - 0.75) / 0.25, 0, 1) ** 2
    rows = []
    for share, flare in ((-0.12, 0.3), (0.0, 0.9), (0.5, 1.0), (0.9, 0.9), (1.0, 0.4)):
        height = top + (bottom - top) * share
        out = direction * (0.001 + last.welt * flare)
        rows.append(np.stack([along * foot.length + out[:, 0], side + out[:, 1], height], 1))
    return np.stack(rows)


def shaft(form: DressForm, last: Last, *, right: bool, columns: int = 36) -> tuple[np.ndarray, np.ndarray]:
    """Loft a shaft around ankle and shin: T-pose points [R, columns, 3] downwards from its upper edge, which
    is turned in, and joint weights [R, columns, 55]."""
    ground, sign = form.rest[:, 1].min(), -1 if right else 1
    knee, ankle = (form.joints[5], form.joints[8]) if right else (form.joints[4], form.joints[7])
    heights = ground + np.linspace(last.shaft, 0.045, max(6, round((last.shaft - 0.045) / 0.013)))
    near = (form.rest[:, 1] < heights[0] + 0.12) & (form.rest[:, 0] * sign > 0)
    faces = form.body.faces[near[form.body.faces].all(1)]
    angle = np.arange(columns) * (2 * np.pi / columns) - np.pi
    axis = np.stack([np.interp(heights, [ankle[1], knee[1]], [ankle[k], knee[k]]) for k in (0, 2)], 1)
    radius = np.stack(
        [hull_radius(slice_at(form.rest, faces, y) - at, angle) for y, at in zip(heights, axis, strict=True)]
    )
    least = radius + last.shaft_ease * (0.1 + 0.9 * ramp(heights - ground, 0.05, 0.085))[:, None]
    radius = np.maximum(smooth_rings(least, 1.0, 2.0), least - 0.5 * last.shaft_ease)
    heights, axis = (np.concatenate([v[:1], v]) for v in (heights, axis))
    heights[0] -= 0.012
    radius = np.concatenate([radius[:1] - last.shaft_ease - 0.004, radius])
    x = axis[:, :1] + radius * np.sin(angle)
    z = axis[:, 1:] + radius * np.cos(angle)
    points = np.stack([x, np.broadcast_to(heights[:, None], x.shape), z], 2)
    skin = cKDTree(form.rest[near]).query(points.reshape(-1, 3))[1]
    weights = form.body.weights[near][skin].reshape(*x.shape, 55)
    weights = smooth_rings(weights, 3.0, 1.5)
    return points, weights / weights.sum(2, keepdims=True)


def strap(
    form: DressForm, foot: Foot, at: float, width: float, slant: float, columns: int = 15
) -> np.ndarray:
    """Loft a strap over the foot: vertices [4, columns, 3] in the foot's frame, rear edge first.

    Args:
        form: whose foot.
        foot: its measures.
        at: share of the length at its middle.
        width: metres.
        slant: metres that it runs further back on the outside.
    """
    own = form.rest[:, 1] - foot.origin[1] < 0.16
    faces = form.body.faces[own[form.body.faces].all(1)]
    local = (form.rest - foot.origin) @ foot.axes.T
    faces = faces[(np.abs(local[faces][:, :, 1]) < 0.09).all(1)]
    angle = np.linspace(-0.58 * np.pi, 0.58 * np.pi, columns)
    turned = local[:, [1, 0, 2]]  # cut where `along` is constant
    shifts = np.linspace(-0.5, 0.5, 2 + int(np.ceil(width / 0.008)))
    lifts = [-0.003, *[0.004] * len(shifts), -0.003]
    rows = []
    for shift, lift in zip([-0.5, *shifts, 0.5], lifts, strict=True):
        along = at * foot.length + shift * width
        section = slice_at(turned, faces, along)
        centre = np.array([(section[:, 0].min() + section[:, 0].max()) / 2, 0.35 * section[:, 1].max()])
        radius = hull_radius(section - centre, angle) + lift
        side, up = centre[0] + radius * np.sin(angle), np.maximum(centre[1] + radius * np.cos(angle), -0.004)
        rows.append(np.stack([along - slant * np.sin(angle), side, up], 1))
    return np.stack(rows)
