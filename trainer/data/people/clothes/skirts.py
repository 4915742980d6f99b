"""Skirts: rings lofted around both legs, from the waist down; they flare, fold, and follow the thighs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from dinar.trainer.data.people.clothes.girth import Girth, measure_girth, smooth_rings
from dinar.trainer.data.people.clothes.lofts import ring_faces, ring_uv
from dinar.trainer.data.people.clothes.skirt_paint import SkirtPainter, Surface
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import ramp
from dinar.trainer.data.people.fabric.fabrics import FabricRecipe, sample_fabric
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.part import Part

ANGLES = 144  # vertices around a ring: six for each of 24 pleats
_OVER_WORN = 0.0025  # metres between a skirt's upper edge and what is tucked into it
_ROW = 0.022  # metres between rings
_LINING = 0.10  # metres that the inside reaches up from the hem
_THICKNESS = 0.006  # metres between cloth and lining
_SIZE = 704  # texels a side
_CUTS = {
    "pencil": 0.18,
    "straight": 0.12,
    "a-line": 0.27,
    "circle": 0.14,
    "pleated": 0.14,
    "gathered": 0.08,
    "tiered": 0.07,
}  # how common
_LENGTHS = ((0.30, 0.42), (0.45, 0.58), (0.62, 0.80), (0.85, 0.94))  # mini, knee, midi, maxi
_TRUNK = (0, 1, 2, 3, 6, 9)  # joints that move the waist


@dataclass(frozen=True)
class Fall:
    """How a skirt falls.

    Attributes:
        flare: metres that the radius grows with each metre of fall; negative: it follows the thighs in.
        folds: how many folds around.
        depth: metres from valley to ridge of a fold at the hem.
        yoke: share of the length that fits closely before flare and folds begin.
        crispness: 0 (soft waves) to 1 (pressed pleats).
        tiers: how many gathered tiers, 0 for none.
    """

    flare: float
    folds: int
    depth: float
    yoke: float = 0.0
    crispness: float = 0.0
    tiers: int = 0


@dataclass(frozen=True)
class SkirtRecipe:
    """One skirt; lengths in metres for a leg of average length (they grow with the leg).

    Attributes:
        cut: "pencil", "straight", "a-line", "circle", "pleated", "gathered", "tiered": names the look.
        rise: height of the upper edge above the hip joints, 0.03 (hips) to 0.16 (waist).
        length: share of the way from hip joint to floor that it covers: 0.25 (mini) to 0.95 (floor).
        fall: how it falls.
        ease: metres between skin and cloth at the hips.
        band: height of the waistband, 0 for none.
        slant: metres that the hem is lower behind than in front.
        fabric: of the skirt.
        band_fabric: of the waistband or belt.
        buckle: whether a buckle sits on the band.
        buttons: whether a row of buttons runs down the front.
        pockets: whether slanted pockets are sewn in.
        seed: of the folds' irregularity.
    """

    cut: str
    rise: float
    length: float
    fall: Fall
    ease: float
    band: float
    slant: float
    fabric: FabricRecipe
    band_fabric: FabricRecipe
    buckle: bool
    buttons: bool
    pockets: bool
    seed: int


def sample_skirt(draw: Draw, individual: Individual, *, cut: str | None = None) -> SkirtRecipe:
    """Draw a skirt that suits a person, of a given cut or of any."""
    young = individual.age < 45
    cut = cut or draw.pick(tuple(_CUTS), tuple(_CUTS.values()))
    fabric = sample_fabric(draw.child("fabric"), "skirt")
    length = draw.uniform(*draw.pick(_LENGTHS, (0.30 if young else 0.06, 0.38, 0.22, 0.10)))
    return SkirtRecipe(
        cut=cut,
        rise=draw.uniform(0.06, 0.15),
        length=max(0.42 if cut == "pencil" else 0.0, length),
        fall=_fall(draw.child("fall"), cut),
        ease=draw.uniform(0.006, 0.012),
        band=draw.pick((0.0, draw.uniform(0.025, 0.045)), (0.3, 0.7)),
        slant=draw.uniform(-0.005, 0.012),
        fabric=fabric,
        band_fabric=sample_fabric(draw.child("band"), "skirt") if draw.chance(0.3) else fabric,
        buckle=draw.chance(0.2),
        buttons=cut in ("straight", "a-line") and draw.chance(0.25),
        pockets=cut in ("straight", "a-line") and draw.chance(0.4),
        seed=draw.seed(),
    )


def _fall(draw: Draw, cut: str) -> Fall:
    """Draw the numbers that make a cut what it is."""
    if cut == "pencil":
        return Fall(draw.uniform(-0.16, -0.05), 5, 0.002)
    if cut == "straight":
        return Fall(draw.uniform(0.0, 0.05), draw.integer(6, 9), draw.uniform(0.002, 0.006))
    if cut == "a-line":
        flare, yoke = draw.uniform(0.14, 0.32), draw.uniform(0.1, 0.3)
        return Fall(flare, draw.integer(6, 10), draw.uniform(0.015, 0.045), yoke)
    if cut == "circle":
        flare, yoke = draw.uniform(0.35, 0.60), draw.uniform(0.0, 0.12)
        return Fall(flare, draw.integer(9, 14), draw.uniform(0.055, 0.095), yoke)
    if cut == "pleated":
        flare, yoke = draw.uniform(0.08, 0.22), draw.uniform(0.0, 0.25)
        return Fall(flare, draw.pick((18, 24, 36)), draw.uniform(0.016, 0.028), yoke, crispness=1.0)
    if cut == "gathered":
        return Fall(draw.uniform(0.18, 0.30), draw.integer(15, 22), draw.uniform(0.022, 0.038))
    flare, folds = draw.uniform(0.15, 0.28), draw.integer(15, 24)
    return Fall(flare, folds, draw.uniform(0.022, 0.036), tiers=draw.integer(2, 4))


def make_skirt(form: DressForm, recipe: SkirtRecipe, worn: Part | None = None) -> Part:
    """Loft and paint a skirt for a body, over what is `worn` below its upper edge."""
    height = _heights(form, recipe)
    under = None if worn is None else (worn.vertices, worn.faces)
    girth = measure_girth(form, height, ANGLES, under)
    if worn is not None:
        tucked = (height > height[0] - 0.035)[:, None]
        girth = replace(girth, radius=girth.radius + _OVER_WORN * tucked)
    fallen = (height[0] - height) / (height[0] - height[-1])  # 0 at the upper edge to 1 at the hem
    fold, depth = _folds(recipe, girth.angle, fallen)
    radius = _hang(girth, recipe, fallen) + depth * fold
    outer = girth.points(radius)
    outer[:, :, 1] += 0.30 * depth * (fold - 0.5) - recipe.slant * fallen[:, None] * (
        0.5 - 0.5 * np.cos(girth.angle)
    )
    weights = _weights(form, girth, outer)
    rows = _closed_rows(len(height))
    surface = Surface.measure(form, outer, girth.angle, (1 - fold) * np.clip(depth / 0.025, 0, 1))
    uv = ring_uv(_rows_v(_with_lining(outer, girth)), ANGLES, _SIZE)
    vertices = _with_lining(outer, girth)
    faces = ring_faces(len(rows), ANGLES)
    untied = np.zeros((len(rows) * ANGLES, 3))
    joint_weights = weights[rows].reshape(-1, 55)
    joint_weights[-ANGLES:] = joint_weights[-ANGLES:].mean(0)  # the middle between the legs is one point
    return Part(
        "skirt",
        vertices.reshape(-1, 3),
        faces,
        joint_weights,
        untied.astype(np.int32),
        untied,
        SkirtPainter(uv.faces, surface.rows(rows, _inside(len(height))), recipe),
        hides=_covered(form, height),
        uv=uv,
    )


def skirt_top(form: DressForm, recipe: SkirtRecipe) -> float:
    """Height of the upper edge, metres, T-pose."""
    hip = float(form.joints[1, 1])
    return hip + recipe.rise * (hip - float(form.rest[:, 1].min())) / 0.90


def _heights(form: DressForm, recipe: SkirtRecipe) -> np.ndarray:
    """Heights [K] of the rings, from the upper edge to the hem."""
    hip, ground = form.joints[1, 1], form.rest[:, 1].min()
    leg = hip - ground
    top = skirt_top(form, recipe)
    hem = max(hip - recipe.length * leg, ground + 0.025)
    return np.linspace(top, hem, int(np.clip(round((top - hem) / _ROW), 16, 52)))


def _hang(girth: Girth, recipe: SkirtRecipe, fallen: np.ndarray) -> np.ndarray:
    """Radii [K, A] of the cloth without its folds: it falls from where the body holds it."""
    least = girth.radius + np.where(fallen < 0.06, 0.5, 1.0)[:, None] * recipe.ease
    step = girth.height[0] - girth.height[1]
    fall = recipe.fall
    opening = ramp(fallen, fall.yoke - 0.05, fall.yoke + 0.20) if fall.flare > 0 else np.ones(len(fallen))
    radius = least.copy()
    for k in range(1, len(radius)):
        radius[k] = np.maximum(least[k], radius[k - 1] + fall.flare * opening[k] * step)
    smooth = smooth_rings(radius, 3.0, 1.5)
    return np.maximum(smooth, girth.radius + 0.6 * recipe.ease)


def _folds(recipe: SkirtRecipe, angle: np.ndarray, fallen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Folds [K, A] from 0 (valley) to 1 (ridge), and how deep they are in each row [K, 1], metres."""
    draw = Draw("skirt folds", recipe.seed)
    soft = 1 - recipe.fall.crispness
    phase = recipe.fall.folds * angle[None, :] + draw.uniform(0, 6.28)
    for harmonic in (1, 2, 3):
        swing = draw.uniform(0.3, 1.0) * soft / harmonic * min(1.0, recipe.fall.folds / 10)
        drift = draw.uniform(-1.0, 1.0) * fallen[:, None]
        phase = phase + swing * np.sin(harmonic * angle[None, :] + draw.uniform(0, 6.28) + drift)
    turn = np.mod(phase / (2 * np.pi), 1)
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * turn)
    pleat = np.minimum(turn / 0.78, (1 - turn) / 0.22)
    uneven = 1 - soft * 0.35 * (
        1 + np.sin(2 * angle + draw.uniform(0, 6.28)) * np.sin(3 * angle + draw.uniform(0, 6.28))
    )
    fold = (soft * wave + recipe.fall.crispness * pleat) * uneven
    return fold, (recipe.fall.depth * _growth(recipe, fallen))[:, None]


def _growth(recipe: SkirtRecipe, fallen: np.ndarray) -> np.ndarray:
    """How open the folds are in each row, 0 to 1."""
    if recipe.fall.tiers:
        within = np.mod(fallen * recipe.fall.tiers * 0.9999, 1)
        return 0.25 + 0.75 * ramp(within, 0.0, 0.9)
    start = 0.35 if recipe.cut in ("gathered", "pleated") else 0.0
    return start * ramp(fallen, 0.03, 0.08) + (1 - start) * ramp(fallen, recipe.fall.yoke, 1.15) ** 0.8


def _weights(form: DressForm, girth: Girth, outer: np.ndarray) -> np.ndarray:
    """Joint weights [K, A, 55]: the skin's around the waist, below it both legs', merging at the middle."""
    skin = form.body.weights[:, _TRUNK] + 1e-12
    near = (form.rest[:, 1] < girth.height[0] + 0.1) & (skin.sum(1) > 0.9)
    index = cKDTree(form.rest[near]).query(girth.points(girth.radius).reshape(-1, 3))[1]
    upper = (skin / skin.sum(1, keepdims=True))[near][index]
    upper = smooth_rings(upper.reshape(*outer.shape[:2], len(_TRUNK)), 6.0, 2.0)
    hip, knee = form.joints[1], form.joints[4]
    # A leg takes its side along; in the middle they share.
    side = outer[:, :, 0] / hip[0]
    left = ramp(side, -1.05, 1.05)
    along = (hip[1] - girth.height) / (hip[1] - knee[1])  # 0 at the hips, 1 at the knees
    # A bent knee takes close cloth along, most of it behind; wide cloth hangs.
    slack = np.hypot(outer[..., 0] - girth.centre[:, :1], outer[..., 2] - girth.centre[:, 1:]) - girth.radius
    behind = 1.0 - 2.2 * np.clip(slack - 0.06, 0.0, 0.24)
    front = ramp(np.cos(girth.angle), -0.6, 1.0)
    shin = ramp(along, 0.80, 1.08)[:, None] * (behind + (0.65 - behind) * front)
    legs = np.zeros((*outer.shape[:2], 55))
    for share, thigh, shank in ((left, 1, 4), (1 - left, 2, 5)):
        legs[..., thigh] += share * (1 - shin)
        legs[..., shank] += share * shin
    trunk = np.zeros_like(legs)
    trunk[..., _TRUNK] = upper
    down = ramp(along, 0.0, 0.32)[:, None, None]
    total = trunk * (1 - down) + legs * down
    return total / total.sum(2, keepdims=True)


def _closed_rows(count: int) -> list[int]:
    """Which ring each row of the closed mesh belongs to: turned in above, the cloth, then the lining."""
    lining = _lining_rows(count)
    return [0, *range(count), *range(count - 1, count - 1 - lining, -1), count - lining]


def _lining_rows(count: int) -> int:
    return min(6, count // 3)


def _inside(count: int) -> np.ndarray:
    """Whether rows of the closed mesh are the skirt's inside: float64 [R]."""
    return np.array([1.0] + [0.0] * count + [1.0] * (len(_closed_rows(count)) - count - 1))


def _with_lining(outer: np.ndarray, girth: Girth) -> np.ndarray:
    """Rows [R, A, 3]: the upper edge turned in to the skin, the cloth, its lining, closed to the legs."""
    count = len(outer)
    axis = np.zeros_like(outer)
    axis[:, :, 0], axis[:, :, 2] = girth.centre[:, :1], girth.centre[:, 1:]
    axis[:, :, 1] = outer[:, :, 1]
    inwards = (axis - outer) / np.maximum(np.linalg.norm(axis - outer, axis=2, keepdims=True), 1e-9)
    tucked = outer[:1] + inwards[:1] * 0.016 - np.array([0.0, 0.008, 0.0])
    rows = [count - 1 - k for k in range(_lining_rows(count))]
    lining = np.stack([outer[r] + inwards[r] * _THICKNESS for r in rows])
    last = rows[-1]
    closed = axis[last] + np.array([0.0, _LINING, 0.0])
    return np.concatenate([tucked, outer, lining, closed[None]])


def _rows_v(vertices: np.ndarray) -> np.ndarray:
    """Where each row lies in the texture, by how far apart the rows are."""
    steps = np.linalg.norm(np.diff(vertices, axis=0), axis=2).max(1)
    along = np.concatenate([[0.0], np.cumsum(np.minimum(steps, 0.05))])
    return 0.5 / _SIZE + along / along[-1] * (1 - 1 / _SIZE)


def _covered(form: DressForm, height: np.ndarray) -> np.ndarray:
    """Body vertices [V] between the upper edge and the lining's end."""
    lining = height[len(height) - _lining_rows(len(height))] + 0.01
    return (form.rest[:, 1] < height[0] - 0.015) & (form.rest[:, 1] > lining)
