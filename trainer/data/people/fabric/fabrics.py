"""Fabrics of garments: a pattern of colours on a weave, melange and worn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.blotches import mottle, paint_blotches, sample_blotches
from dinar.trainer.data.people.fabric.cloth_frame import ClothPoints
from dinar.trainer.data.people.fabric.motifs import (
    paint_motifs,
    sample_dots,
    sample_flowers,
    sample_geometry,
    sample_leaves,
)
from dinar.trainer.data.people.fabric.palette import Colour, sample_palette, sample_theme, shade
from dinar.trainer.data.people.fabric.patterns import Pattern, plain
from dinar.trainer.data.people.fabric.stripes import (
    paint_broken,
    paint_checks,
    paint_nordic,
    paint_stripes,
    sample_broken,
    sample_checks,
    sample_nordic,
    sample_stripes,
)
from dinar.trainer.data.people.fabric.weaves import relief

Use = Literal["shirt", "tshirt", "knit", "jacket", "trousers", "denim", "dress", "skirt", "shorts", "shoe"]

# The patterns that a garment is cut from, with how often.
_PATTERNS: dict[Use, dict[str, float]] = {
    "shirt": {
        "plain": 40, "pin": 5, "bengal": 7, "gingham": 6, "windowpane": 2, "tattersall": 4,
        "tartan": 13, "buffalo": 3, "dots": 4, "flowers": 6, "leaves": 3, "geometry": 4,
        "camouflage": 1,
    },
    "tshirt": {
        "plain": 56, "breton": 8, "rugby": 5, "many": 5, "slanted": 1, "dots": 2, "flowers": 3,
        "leaves": 2, "geometry": 3, "camouflage": 2, "tie-dye": 3, "marble": 1, "splashes": 2,
        "gradient": 2, "blocks": 6, "leopard": 1, "zebra": 0.6, "chevron": 1, "pixels": 0.5,
    },
    "knit": {
        "plain": 55, "breton": 8, "rugby": 8, "many": 6, "nordic": 9, "argyle": 4, "chevron": 2,
        "blocks": 5, "gradient": 2, "leopard": 1, "houndstooth": 1, "dots": 1,
    },
    "jacket": {
        "plain": 70, "tartan": 6, "houndstooth": 3, "herringbone": 5, "windowpane": 2, "camouflage": 4,
        "blocks": 6, "buffalo": 3, "pin": 1, "leopard": 1,
    },
    "trousers": {
        "plain": 76, "pin": 4, "windowpane": 2, "tartan": 4, "herringbone": 4, "houndstooth": 2,
        "camouflage": 4, "flowers": 1, "leopard": 0.6, "snake": 0.5, "pixels": 0.7,
    },
    "denim": {"plain": 1},
    "dress": {
        "plain": 34, "dots": 9, "flowers": 20, "leaves": 6, "geometry": 7, "breton": 4, "many": 4,
        "gingham": 3, "tartan": 3, "gradient": 3, "tie-dye": 2, "leopard": 3, "zebra": 1, "snake": 1,
        "marble": 2, "chevron": 2, "houndstooth": 2, "blocks": 2,
    },
    "skirt": {
        "plain": 46, "dots": 6, "flowers": 12, "leaves": 4, "geometry": 4, "tartan": 11,
        "houndstooth": 3, "gingham": 2, "many": 2, "gradient": 2, "leopard": 2, "chevron": 1,
        "bengal": 2,
    },
    "shorts": {
        "plain": 64, "leaves": 5, "flowers": 3, "tartan": 4, "camouflage": 6, "geometry": 3,
        "bengal": 2, "blocks": 0, "dots": 1, "tie-dye": 1, "pixels": 1,
    },
    "shoe": {"plain": 1},
}  # fmt: skip

_WEAVES: dict[Use, dict[str, float]] = {
    "shirt": {"woven": 6, "smooth": 3, "twill": 2, "cord": 1},
    "tshirt": {"jersey": 9, "smooth": 1, "woven": 1},
    "knit": {"rib": 3, "cable": 3, "chunky": 3, "fleece": 5, "jersey": 3},
    "jacket": {
        "smooth": 3, "twill": 4, "woven": 2, "tweed": 3, "leather": 4, "padded": 4, "quilted": 2, "fleece": 2,
        "cord": 1,
    },
    "trousers": {"twill": 6, "woven": 4, "smooth": 2, "cord": 2, "tweed": 1, "jersey": 2, "leather": 0.5},
    "denim": {"denim": 1},
    "dress": {"smooth": 4, "woven": 3, "jersey": 3, "lace": 1, "rib": 0.7, "cord": 0.3},
    "skirt": {"smooth": 3, "woven": 3, "twill": 2, "cord": 1, "leather": 0.7, "lace": 0.5, "tweed": 1},
    "shorts": {"twill": 4, "woven": 3, "jersey": 3, "smooth": 1},
    "shoe": {"leather": 3, "smooth": 2, "woven": 2},
}  # fmt: skip

_PALETTES: dict[Use, str] = {
    "shirt": "top", "tshirt": "top", "knit": "top", "jacket": "jacket", "trousers": "bottom",
    "denim": "denim", "dress": "dress", "skirt": "dress", "shorts": "bottom", "shoe": "shoe",
}  # fmt: skip


@dataclass(frozen=True)
class FabricRecipe:
    """One bolt of cloth.

    Attributes:
        pattern: its colours; `pattern.colours[0]` is the ground (linear RGB).
        weave: how it is made, see `weaves.relief`; "denim" and "lace" are painted here.
        size: metres, of the weave's feature.
        melange: how unevenly its yarn is dyed, 0 to 1.
        fade: how much the sun and the wash have taken, 0 to 1.
        seed: of the noise.
    """

    pattern: Pattern
    weave: str
    size: float
    melange: float
    fade: float
    seed: int


@dataclass(frozen=True)
class FabricPaint:
    """What a fabric looks like at M points.

    Attributes:
        albedo: float64 [M, 3], linear RGB in [0, 1].
        slope: float64 [M, 3], to subtract from a unit normal (T-pose) before it is made unit again.
        cavity: float64 [M] in [0, 1], light that reaches into the weave (1 = all).
    """

    albedo: np.ndarray
    slope: np.ndarray
    cavity: np.ndarray


# Palettes by custom, where a pattern has one.
_THEMES = {
    "camouflage": ("woodland", "woodland", "urban", "desert"), "pixels": ("woodland", "urban", "desert"),
    "leopard": ("fur",), "snake": ("fur",), "zebra": ("zebra",), "breton": ("nautical",),
    "buffalo": ("lumber",), "tartan": ("clan",), "nordic": ("winter",), "tattersall": ("business",),
}  # fmt: skip

_SIZES = {
    "rib": (0.008, 0.014), "cord": (0.007, 0.011), "cable": (0.024, 0.045), "chunky": (0.012, 0.020),
    "padded": (0.05, 0.12), "quilted": (0.045, 0.09), "lace": (0.022, 0.045),
}  # fmt: skip


def sample_fabric(draw: Draw, use: Use) -> FabricRecipe:
    """Draw a fabric for a garment."""
    kinds = _PATTERNS[use]
    kind = draw.pick(list(kinds), list(kinds.values()))
    weave = "denim" if use == "denim" else draw.pick(list(_WEAVES[use]), list(_WEAVES[use].values()))
    if kind != "plain" and weave in ("leather", "padded", "quilted", "cable", "lace", "cord", "tweed"):
        weave = "woven" if use in ("shirt", "dress", "skirt", "shorts") else "twill"
    if use == "knit" and kind in ("nordic", "argyle", "chevron", "houndstooth"):
        weave = "jersey"
    colours = _sample_colours(draw.child("colours"), use, kind, weave)
    pattern = _sample_pattern(draw.child("pattern"), kind, colours)
    size = draw.uniform(*_SIZES.get(weave, (0.01, 0.01)))
    heather = kind == "plain" and weave in ("jersey", "fleece", "rib", "chunky", "tweed") and draw.chance(0.4)
    melange = draw.uniform(0.5, 1.0) if heather else draw.uniform(0.0, 0.25)
    faded = use in ("denim", "tshirt", "shorts") and draw.chance(0.5)
    fade = draw.uniform(0.3, 1.0) if faded else draw.uniform(0.0, 0.2)
    return FabricRecipe(pattern, weave, size, melange, fade, draw.seed())


def _sample_colours(draw: Draw, use: Use, kind: str, weave: str) -> tuple[Colour, ...]:
    if weave == "leather":
        return sample_theme(draw, "hide")
    if kind in _THEMES and draw.chance(0.8):
        return sample_theme(draw, draw.pick(_THEMES[kind]))
    if kind in ("bengal", "gingham", "pin") and use == "shirt":
        return sample_theme(draw, "business")
    if kind in ("pin", "windowpane", "herringbone", "houndstooth") and use in ("jacket", "trousers"):
        return sample_theme(draw, "suit")
    colours = sample_palette(draw, _PALETTES[use], 4)
    if kind == "plain" and weave == "denim":
        bleached = np.array(colours[0]) / max(colours[0]) * (0.9, 0.95, 1.0)
        pale = 0.35 * (0.5 * bleached + 0.5)
        return colours[0], (float(pale[0]), float(pale[1]), float(pale[2]))
    return colours


def _sample_pattern(draw: Draw, kind: str, colours: tuple[Colour, ...]) -> Pattern:
    if kind in ("breton", "rugby", "pin", "bengal", "many", "slanted"):
        return sample_stripes(draw, colours, kind)
    if kind in ("gingham", "buffalo", "windowpane", "tattersall", "tartan"):
        return sample_checks(draw, colours, kind)
    if kind in ("houndstooth", "herringbone", "chevron", "argyle"):
        return sample_broken(draw, colours, kind)
    strewn: dict[str, Callable[[Draw, tuple[Colour, ...]], Pattern]] = {
        "dots": sample_dots,
        "flowers": sample_flowers,
        "leaves": sample_leaves,
        "geometry": sample_geometry,
        "nordic": sample_nordic,
    }
    if kind in strewn:
        return strewn[kind](draw, colours)
    return Pattern("plain", colours, 1.0) if kind == "plain" else sample_blotches(draw, colours, kind)


def paint_fabric(recipe: FabricRecipe, points: ClothPoints) -> FabricPaint:
    """Paint a fabric on points of a garment."""
    albedo = _paint_pattern(recipe.pattern, points)
    if recipe.weave == "denim":
        albedo = _denim(recipe, points)
    elif recipe.weave == "lace":
        albedo = _lace(recipe, points, albedo)
    made = relief(recipe.weave, recipe.size, points, recipe.seed)
    tone = made.tone
    if recipe.melange > 0.3:
        heather = mottle(points.position, (210.0, 120.0, 210.0), recipe.seed + 11)
        tone = tone * (1 + 0.17 * recipe.melange * heather)
    if recipe.fade > 0.25 and recipe.weave != "denim":
        washed = 1 + 0.35 * mottle(points.position, (9.0, 6.0, 9.0), recipe.seed + 12)
        albedo = albedo + (0.10 * recipe.fade * washed)[:, None] * (0.5 * albedo + 0.18 - albedo)
    return FabricPaint(np.clip(albedo * tone[:, None], 0.0, 1.0), made.slope, made.cavity)


def _paint_pattern(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    """Colours of a pattern, linear RGB [M, 3]."""
    painters: dict[str, Callable[[Pattern, ClothPoints], np.ndarray]] = {
        "stripes": paint_stripes,
        "checks": paint_checks,
        "nordic": paint_nordic,
        "motifs": paint_motifs,
        "houndstooth": paint_broken,
        "herringbone": paint_broken,
        "chevron": paint_broken,
        "argyle": paint_broken,
    }
    if pattern.name == "plain":
        return plain(pattern.colours, len(points.across))
    return painters.get(pattern.name, paint_blotches)(pattern, points)


def _denim(recipe: FabricRecipe, points: ClothPoints) -> np.ndarray:
    """Indigo on white: uneven yarns up the cloth, paler where it is worn."""
    indigo, pale = (np.array(colour) for colour in recipe.pattern.colours[:2])
    flat = np.stack([points.across, points.up, 0.1 * points.panel], 1)
    slub = mottle(flat, (200.0, 22.0, 10.0), recipe.seed)
    worn = mottle(points.position, (11.0, 7.0, 11.0), recipe.seed + 2, 2)
    share = np.clip(0.04 + recipe.fade * (0.35 + 0.16 * worn), 0, 1)
    return (indigo + (pale - indigo) * share[:, None]) * (1 + 0.13 * slub)[:, None]


def _lace(recipe: FabricRecipe, points: ClothPoints, albedo: np.ndarray) -> np.ndarray:
    """Flowers of thread over a paler or darker lining."""
    ground = recipe.pattern.colours[0]
    lining = shade(ground, 0.45 if float(np.mean(ground)) > 0.2 else 2.2)
    layers = (2.0, recipe.size, 0.52, 0.0, 0.0, 1.0, 3.0, recipe.size * 0.7, 0.34, 0.0, 0.0, 1.0)
    flowers = Pattern("motifs", (lining, ground), recipe.size, layers, recipe.seed)
    return 0.35 * albedo + 0.65 * paint_motifs(flowers, points)
