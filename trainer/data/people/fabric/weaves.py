"""How a cloth is made: relief and tone of yarns, ribs, cables, pile, hide and padding.

Features finer than about 3 mm are left out or given little contrast: no view and no texture could show them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.fabric.blotches import mottle
from dinar.trainer.data.people.fabric.cloth_frame import ClothPoints
from dinar.trainer.data.people.fabric.fabric import bump
from dinar.trainer.data.people.noise import noise3_gradient


@dataclass(frozen=True)
class Relief:
    """What a weave does to M points.

    Attributes:
        tone: [M], factor on the albedo, about 1.
        slope: [M, 3], to subtract from a unit normal.
        cavity: [M] in [0, 1].
    """

    tone: np.ndarray
    slope: np.ndarray
    cavity: np.ndarray


def relief(weave: str, size: float, points: ClothPoints, seed: int) -> Relief:
    """Relief of a weave.

    Args:
        weave: "smooth", "woven", "twill", "jersey", "fleece", "rib", "cord", "cable", "chunky", "tweed",
            "leather", "padded" or "quilted"; any other is smooth.
        size: metres, of its feature (a rib, a cable, a baffle); fine weaves take no notice.
        points: where.
        seed: of its noise.
    """
    across, up = points.across, points.up
    position = points.position
    if weave in ("rib", "cord"):
        return _grooves(points, size, 0.5 if weave == "rib" else 0.35)
    if weave == "cable":
        return _cables(points, size)
    if weave == "chunky":
        return _stitches(points, size)
    if weave == "padded":
        return _baffles(points, size, seed)
    if weave == "quilted":
        return _diamonds(points, size)
    if weave == "leather":
        return _hide(points, seed)
    if weave == "twill":
        lines = mottle(np.stack([across + up, up, 0 * up], 1), (200.0, 70.0, 1.0), seed)
        return _flat(points, 1 + 0.03 * lines)
    if weave == "woven":
        slub = mottle(np.stack([across, up, points.panel.astype(float)], 1), (200.0, 24.0, 1.0), seed)
        return _flat(points, 1 + 0.045 * slub)
    if weave == "jersey":
        return _flat(points, 1 + 0.03 * mottle(position, (190.0, 190.0, 190.0), seed))
    if weave in ("fleece", "tweed"):
        grain = 190.0 if weave == "fleece" else 150.0
        slope = noise3_gradient(position * grain, seed) * (0.10 if weave == "fleece" else 0.16)
        nap = mottle(position, (200.0, 200.0, 200.0), seed + 1)
        return Relief(1 + (0.06 if weave == "fleece" else 0.16) * nap, slope, np.ones(len(up)))
    return _flat(points, np.ones(len(up)))


def _flat(points: ClothPoints, tone: np.ndarray) -> Relief:
    return Relief(tone, np.zeros_like(points.position), np.ones(len(tone)))


def _raised(points: ClothPoints, sideways: np.ndarray, upward: np.ndarray, cavity: np.ndarray) -> Relief:
    """Relief that rises by `sideways` and `upward` (metres per metre) along the panel's directions."""
    right, top = points.tangents()
    slope = right * sideways[:, None] + top * upward[:, None]
    return Relief(np.ones(len(cavity)), slope, cavity)


def _grooves(points: ClothPoints, size: float, steep: float) -> Relief:
    """Upright ribs, one every `size` metres."""
    phase = points.across * (2 * np.pi / size)
    return _raised(points, -steep * np.sin(phase), 0 * phase, 0.84 + 0.16 * np.cos(phase))


def _cables(points: ClothPoints, size: float) -> Relief:
    """Columns of two strands wound about each other, plain ribs between them."""
    column = np.floor(points.across / (2 * size))
    x = points.across / size - 2 * column - 1  # -1 to 1 over a column and its ribs
    turn = points.up / (1.1 * size) + 0.35 * np.mod(column, 2)
    first = 0.42 * np.sin(np.pi * turn)
    front = np.cos(np.pi * turn) > 0
    offset = x - np.where(front, first, -first)
    other = x + np.where(front, first, -first)
    strand, behind = np.clip(1 - (offset / 0.34) ** 2, 0, 1), np.clip(1 - (other / 0.34) ** 2, 0, 1)
    over = strand > 0
    chosen = np.where(over, offset, other)
    height = np.where(over, strand, 0.7 * behind)
    in_cable = height > 0
    rib = np.cos(points.across * (2 * np.pi / (0.28 * size)))
    side = np.where(
        in_cable, -1.5 * chosen / 0.34, -0.35 * np.sin(points.across * (2 * np.pi / (0.28 * size)))
    )
    twist = np.where(in_cable, 0.5 * chosen / 0.34 * np.cos(np.pi * turn) * np.where(front, 1, -1), 0)
    cavity = np.where(in_cable, 0.72 + 0.28 * np.sqrt(np.clip(height, 0, 1)), 0.74 + 0.10 * rib)
    return _raised(points, 0.6 * side, 0.6 * twist, cavity)


def _stitches(points: ClothPoints, size: float) -> Relief:
    """Large knitted stitches: columns of small Vs."""
    x = np.mod(points.across / size, 1) - 0.5
    slanted = np.mod(points.up / (0.75 * size) + 1.1 * np.abs(x), 1) - 0.5
    steep = np.sin(2 * np.pi * slanted)
    side = -0.30 * np.sin(4 * np.pi * x) - 0.35 * steep * np.sign(x)
    gap = bump(np.abs(x), 0.5, 0.12) + 0.7 * bump(np.abs(slanted), 0.5, 0.14) + 0.4 * bump(x, 0.0, 0.08)
    return _raised(points, side, -0.32 * steep, 1 - 0.30 * np.clip(gap, 0, 1))


def _baffles(points: ClothPoints, size: float, seed: int) -> Relief:
    """A padded coat: level tubes between seams, puckered along them."""
    place = np.mod(points.up / size, 1) - 0.5
    near = np.exp((np.abs(place) - 0.5) / 0.10)  # 1 at a seam
    wrinkles = noise3_gradient(points.position * (40.0, 14.0, 40.0), seed) * (1.0, 0.2, 1.0)
    made = _raised(
        points, 0 * place, -0.75 * np.sin(2 * np.pi * place) * np.abs(2 * place), 1 - 0.42 * near**2
    )
    return Relief(made.tone, made.slope + wrinkles * (0.08 + 0.26 * near)[:, None], made.cavity)


def _diamonds(points: ClothPoints, size: float) -> Relief:
    """Quilting: seams along two slants, padding between them."""
    first, second = (points.across + points.up) / size, (points.across - points.up) / size
    a, b = np.mod(first, 1) - 0.5, np.mod(second, 1) - 0.5
    near = np.minimum(0.5 - np.abs(a), 0.5 - np.abs(b))
    steep_a, steep_b = -1.1 * a * np.abs(2 * a), -1.1 * b * np.abs(2 * b)
    return _raised(points, steep_a + steep_b, steep_a - steep_b, 1 - 0.40 * np.exp(-near / 0.05))


def _hide(points: ClothPoints, seed: int) -> Relief:
    """Leather: a soft grain, worn paler on its ridges, and creases."""
    grain = mottle(points.position, (200.0, 200.0, 200.0), seed)
    worn = mottle(points.position, (14.0, 9.0, 14.0), seed + 1, 3)
    slope = noise3_gradient(points.position * (60.0, 45.0, 60.0), seed + 2) * 0.10
    tone = 1 + 0.30 * np.clip(worn, -0.4, 1) + 0.03 * grain
    return Relief(tone, slope, np.ones(len(tone)))
