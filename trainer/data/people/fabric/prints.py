"""Prints on one place of a garment: pictures, words and stripes on the chest, the back, a sleeve, a leg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.blotches import mottle
from dinar.trainer.data.people.fabric.cloth_frame import (
    LEFT_ARM,
    LEFT_LEG,
    RIGHT_ARM,
    RIGHT_LEG,
    TORSO,
    ClothPoints,
)
from dinar.trainer.data.people.fabric.fabric import blend, ramp
from dinar.trainer.data.people.fabric.outlines import extent, lay
from dinar.trainer.data.people.fabric.palette import Colour, contrast, sample_colour
from dinar.trainer.data.people.fabric.patterns import soft
from dinar.trainer.data.people.fabric.pictures import compose

Where = Literal["chest", "back", "sleeve", "leg"]
Side = Literal["left", "right", "both"]


@dataclass(frozen=True)
class PrintRecipe:
    """One print.

    Attributes:
        where: the panel it is on.
        motif: a key of `pictures.PICTURES`; or "bands" (around the limb), "lines" (along it), "panel" (from
            the side seam), "patch" (at elbows or knees).
        colours: linear RGB of the inks.
        side: the wearer's side, of sleeves and legs.
        size: metres: the breadth of a picture, of all bands or of a panel.
        x: metres from the panel's middle, to the right for who looks at it.
        y: metres above the armpits of a picture's upper edge; below the shoulder or hip joint of a middle.
        upright: whether a picture on a limb stands upright; else it reads downwards.
        worn: how cracked the ink is, 0 to 1.
        seed: of the picture's chance.
    """

    where: Where
    motif: str
    colours: tuple[Colour, ...]
    side: Side
    size: float
    x: float
    y: float
    upright: bool
    worn: float
    seed: int


_ON_TORSO = {
    "word": 16, "words": 8, "college": 10, "number": 5, "badge": 12, "labelled": 11, "emblem": 8, "animal": 7,
    "scene": 9, "abstract": 6, "line art": 4, "bouquet": 4, "bands": 9,
}  # fmt: skip
_ON_LIMBS = {
    "sleeve": {"bands": 6, "lines": 6, "emblem": 5, "badge": 2, "word": 4, "patch": 1.5},
    "leg": {"lines": 8, "panel": 3, "emblem": 4, "word": 3, "badge": 1, "patch": 1.5},
}


def sample_print(draw: Draw, where: Where, ground: Colour | None = None) -> PrintRecipe:
    """Draw a print for a place of a garment.

    Args:
        draw: chance.
        where: the place. "back" and "chest" differ: draw each with a child of its own.
        ground: linear RGB of the cloth, from which the inks stand out; None: any.
    """
    inks = _sample_inks(draw.child("inks"), ground or (0.2, 0.2, 0.2))
    worn = draw.uniform(0.3, 1.0) if draw.chance(0.2) else 0.0
    if where in ("sleeve", "leg"):
        return _sample_on_limb(draw, where, inks, worn)
    weights = dict(_ON_TORSO)
    if where == "back":
        weights |= {"number": 16, "words": 12}
    motif = draw.pick(list(weights), list(weights.values()))
    x, top, size = 0.0, draw.uniform(0.0, 0.045), draw.uniform(0.16, 0.31)
    small = 0.3 if where == "chest" else 0.1
    if motif == "bands":
        top, size = draw.uniform(-0.06, 0.06), draw.uniform(0.03, 0.16)
    elif motif in ("emblem", "animal", "badge", "word") and draw.chance(small):
        # On the heart's side, or under the nape.
        size = draw.uniform(0.08, 0.11) if motif == "word" else draw.uniform(0.045, 0.09)
        x, top = (0.085, 0.02) if where == "chest" else (0.0, 0.09)
    return PrintRecipe(where, motif, inks, "both", size, x, top, True, worn, draw.seed())


def _sample_on_limb(draw: Draw, where: Where, inks: tuple[Colour, ...], worn: float) -> PrintRecipe:
    weights = _ON_LIMBS[where]
    motif = draw.pick(list(weights), list(weights.values()))
    breadths = {"bands": (0.02, 0.10), "lines": (0.012, 0.06), "panel": (0.03, 0.07), "patch": (0.09, 0.13)}
    if motif in breadths:
        size, joint = draw.uniform(*breadths[motif]), 0.25 if where == "sleeve" else 0.42
        y = draw.uniform(0.06, 0.20) if motif == "bands" else joint
        return PrintRecipe(where, motif, inks, "both", size, 0, y, True, worn, draw.seed())
    side: Side = draw.pick(("left", "right", "both"), (2, 2, 3))
    upright = motif != "word"
    size = draw.uniform(0.04, 0.075) if upright else draw.uniform(0.12, 0.30)
    y = draw.uniform(0.05, 0.10) if where == "sleeve" else draw.uniform(0.08, 0.22)
    return PrintRecipe(
        where, motif, inks, side, size, 0, y if upright else y + size / 2, upright, worn, draw.seed()
    )


def _sample_inks(draw: Draw, ground: Colour) -> tuple[Colour, ...]:
    """Seven inks: one ink alone, two, or many; the first stands out from the ground, the second from it."""
    pale, dark = (0.80, 0.80, 0.77), (0.012, 0.012, 0.014)
    bright = [
        sample_colour(draw, draw.pick(("bright", "bright", "top", "pastel", "earthy"))) for _ in range(9)
    ]
    first = max((pale, dark), key=lambda ink: contrast(ink, ground))
    if draw.chance(0.45):
        first = max(bright[:3], key=lambda ink: contrast(ink, ground))
    kind = draw.pick(("one", "two", "many"), (4, 3, 6))
    if kind == "one":
        return first, ground, first, ground, first, ground, first
    accent = max(bright[3:6], key=lambda ink: min(contrast(ink, ground), contrast(ink, first)))
    if kind == "two":
        return first, ground, accent, first, accent, ground, first
    second = max((pale, dark), key=lambda ink: contrast(ink, first))
    return first, second, accent, bright[6], bright[7], bright[8], dark


def paint_print(recipe: PrintRecipe, points: ClothPoints, albedo: np.ndarray) -> np.ndarray:
    """Lay a print over a fabric's albedo [M, 3] (linear RGB): [M, 3]."""
    x, y, shown = _place(recipe, points)
    printed = albedo.copy()
    if recipe.motif in ("bands", "lines", "panel", "patch"):
        chosen = np.nonzero(shown)[0]
        printed[chosen] = _geometry(recipe, x[chosen], y[chosen], albedo[chosen])
        return printed
    picture = compose(recipe.motif, Draw(recipe.seed))
    low, high = extent(picture)
    unit = recipe.size / 2
    if recipe.where in ("chest", "back"):
        y = y + float(high[1]) * unit
    reach = (float(np.abs((low, high)).max()) + 0.15) * unit
    chosen = np.nonzero(shown & (np.abs(x) < reach) & (np.abs(y) < reach))[0]
    if len(chosen) == 0:
        return printed
    near = printed[chosen]
    held = np.ones(len(chosen))
    if recipe.worn > 0:
        cracks = mottle(points.position[chosen], (240.0, 240.0, 240.0), recipe.seed, 2)
        held -= 0.8 * recipe.worn * ramp(cracks, 0.3, 0.7)
    lay(picture, np.array(recipe.colours), x[chosen], y[chosen], unit, near, held)
    printed[chosen] = near
    return printed


def _place(recipe: PrintRecipe, points: ClothPoints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Metres to the right and upwards of the print's place, and where its panel is: [M] each."""
    if recipe.where in ("chest", "back"):
        shown = points.limb == TORSO
        if recipe.motif != "bands":
            shown = shown & ((points.facing > 0) == (recipe.where == "chest"))
        return points.across - recipe.x, points.along - recipe.y, shown
    left, right = (LEFT_ARM, RIGHT_ARM) if recipe.where == "sleeve" else (LEFT_LEG, RIGHT_LEG)
    on_left, on_right = points.limb == left, points.limb == right
    shown = {"left": on_left, "right": on_right, "both": on_left | on_right}[recipe.side]
    x, down = points.across, points.along - recipe.y
    outward = np.where(on_left, 1.0, -1.0)
    if recipe.where == "leg" and (recipe.motif in ("lines", "panel") or not recipe.upright):
        # From the outer side seam.
        x = x - outward * np.where(points.facing >= 0, points.quarter, -points.quarter)
    elif recipe.where == "leg":
        shown = shown & (points.facing > 0)
    elif recipe.motif == "patch":
        # Behind, on the elbow.
        x = outward * x - points.quarter
        shown = shown & (points.facing < 0)
    return (x, -down, shown) if recipe.upright else (down, x, shown)


def _geometry(recipe: PrintRecipe, x: np.ndarray, y: np.ndarray, albedo: np.ndarray) -> np.ndarray:
    """Bands, lines, panels and patches over an albedo [K, 3]."""
    first, second = (np.array(recipe.colours[k]) for k in (0, 2))
    half = recipe.size / 2
    if recipe.motif == "panel":
        return blend(albedo, first, soft(half - np.abs(x)))
    if recipe.motif == "patch":
        oval = 1 - np.hypot(x / (0.36 * recipe.size), y / (0.55 * recipe.size))
        return blend(albedo, first, soft(oval * 0.4 * recipe.size))
    place = y if recipe.motif == "bands" else x
    count = 1 + recipe.seed % 3
    width = 2 * half / (2 * count - 1)
    for k in range(count):
        middle = -half + (2 * k + 0.5) * width
        ink = second if k == 1 else first
        albedo = blend(albedo, ink, soft(width / 2 - np.abs(place - middle)))
    return albedo
