"""What a person wears from neck to sole: what goes together, worn one over the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dinar.trainer.data.people.clothes.bottoms import (
    BottomKind,
    BottomRecipe,
    make_bottom,
    sample_bottom,
    shoes_below,
    stand_off,
    waist_height,
)
from dinar.trainer.data.people.clothes.dresses import DressRecipe, make_dress, sample_dress
from dinar.trainer.data.people.clothes.layers import heights_of, without_covered
from dinar.trainer.data.people.clothes.shoe_recipe import ShoeRecipe, sample_shoes
from dinar.trainer.data.people.clothes.shoes import make_shoes
from dinar.trainer.data.people.clothes.skirts import SkirtRecipe
from dinar.trainer.data.people.clothes.top_recipe import TopRecipe
from dinar.trainer.data.people.clothes.top_samples import sample_top
from dinar.trainer.data.people.clothes.tops import WornTop, make_top
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.part import Part

_OVERLAP = 0.050  # metres that stay of what disappears under an edge
_OPEN_OVERLAP = 0.075  # under an open front
_TRIES = 4  # draws of a garment until its pattern goes with the others

_STYLES = {"casual": 0.56, "smart": 0.16, "business": 0.12, "sport": 0.11, "evening": 0.05}
_TOPS: dict[str, dict[str, float]] = {
    "casual": {
        "tshirt": 30, "longsleeve": 8, "tank": 5, "shirt": 12, "polo": 6, "sweater": 9, "turtleneck": 3,
        "sweatshirt": 11, "hoodie": 16,
    },
    "smart": {"shirt": 8, "polo": 4, "sweater": 5, "turtleneck": 3, "tshirt": 3, "longsleeve": 2},
    "business": {"shirt": 10, "turtleneck": 1.5, "tshirt": 1},
    "sport": {"tshirt": 8, "tank": 4, "hoodie": 5, "sweatshirt": 3, "longsleeve": 2},
    "evening": {"shirt": 6, "turtleneck": 1, "tank": 1},
}  # fmt: skip
_OVER: dict[str, dict[str, float]] = {
    "casual": {"none": 70, "bomber": 11, "jacket": 13, "cardigan": 4, "blazer": 3},
    "smart": {"none": 50, "blazer": 25, "cardigan": 10, "jacket": 12},
    "business": {"none": 32, "blazer": 68},
    "sport": {"none": 80, "bomber": 20},
    "evening": {"none": 40, "blazer": 60},
}
_UNDER_JACKET = ("tshirt", "longsleeve", "shirt", "turtleneck", "polo", "tank")


@dataclass(frozen=True)
class OutfitRecipe:
    """Everything one person wears.

    Attributes:
        style: "casual", "smart", "business", "sport" or "evening".
        dress: a dress, or None; then there are a top and a bottom.
        bottom: trousers, shorts or a skirt, or None under a dress.
        top: what is worn on the skin above the waist, or None under a dress.
        over: a jacket over it, or None.
        shoes: shoes and socks.
    """

    style: str
    dress: DressRecipe | None
    bottom: BottomRecipe | None
    top: TopRecipe | None
    over: TopRecipe | None
    shoes: ShoeRecipe


def sample_outfit(draw: Draw, individual: Individual) -> OutfitRecipe:
    """Draw what a person wears: by sex and age, for an occasion, in patterns that go together."""
    woman = individual.femininity > 0.5
    shares = dict(_STYLES)
    shares["sport"] *= 0.4 if individual.age > 55 else 1.0
    style = draw.pick(list(shares), list(shares.values()))
    dressed = {"casual": 0.16, "smart": 0.2, "business": 0.12, "sport": 0.0, "evening": 0.6}[style]
    if woman and draw.chance(dressed):
        return _in_a_dress(draw, individual, style)
    over = _sample_over(draw.child("over"), individual, style)
    top = _sample_inner(draw.child("top"), individual, style, over)
    bottom = _sample_bottom(draw.child("bottom"), individual, style, (top, over))
    if (
        over is not None
        and over.kind == "blazer"
        and not isinstance(bottom, SkirtRecipe)
        and draw.chance(0.5)
    ):
        bottom = replace(bottom, fabric=over.fabric) if bottom.kind in ("suit", "chinos", "wide") else bottom
    tucked = {"casual": 0.22, "smart": 0.6, "business": 0.95, "sport": 0.05, "evening": 0.9}[style]
    if isinstance(bottom, SkirtRecipe):
        tucked = 0.75
    if top.rib == 0 and draw.chance(tucked):
        top = replace(top, tucked=True, ease=min(top.ease, 0.022))
    elif over is not None:
        top = replace(top, length=max(min(top.length, over.length - 0.15), 0.35), tails=0.0)
    dressy = style in ("business", "evening") and over is not None
    shoes = sample_shoes(draw.child("shoes"), individual, shoes_below(bottom), dressy=dressy)
    return OutfitRecipe(style, None, bottom, top, over, shoes)


def _in_a_dress(draw: Draw, individual: Individual, style: str) -> OutfitRecipe:
    """A dress, sometimes with an open jacket over it."""
    dress = sample_dress(draw.child("dress"), individual)
    over = None
    if draw.chance(0.22):
        over = sample_top(draw.child("over"), individual, draw.pick(("cardigan", "blazer", "jacket")))
        over = replace(over, front="open", gap=max(over.gap, 0.045), length=min(over.length, 0.75))
    shoes = sample_shoes(draw.child("shoes"), individual, "skirt", dressy=style == "evening")
    return OutfitRecipe(style, dress, None, None, over, shoes)


def _sample_over(draw: Draw, individual: Individual, style: str) -> TopRecipe | None:
    kind = draw.pick(list(_OVER[style]), list(_OVER[style].values()))
    return None if kind == "none" else sample_top(draw.child(kind), individual, kind)


def _sample_inner(draw: Draw, individual: Individual, style: str, over: TopRecipe | None) -> TopRecipe:
    """The top on the skin; close and plain enough when a jacket is worn over it."""
    shares = dict(_TOPS[style])
    if individual.femininity < 0.5:
        shares["tank"] = shares.get("tank", 0) * 0.4
    if over is not None:
        shares = {kind: share for kind, share in shares.items() if kind in _UNDER_JACKET}
    for attempt in range(_TRIES):
        child = draw.child("try", attempt)
        kind = child.pick(list(shares), list(shares.values()))
        top = sample_top(child.child(kind), individual, kind)
        if over is None or _patterned(top) + _patterned(over) < 2:
            break
    if over is None:
        return top
    return replace(
        top, layered=True, ease=min(top.ease, 0.011), hang=min(top.hang, 0.5), folds=0.8 * top.folds
    )


def _sample_bottom(
    draw: Draw, individual: Individual, style: str, above: tuple[TopRecipe | None, ...]
) -> BottomRecipe:
    """Trousers, shorts or a skirt; not too many patterns at once."""
    woman = individual.femininity > 0.5
    skirt = {"casual": 0.2, "smart": 0.3, "business": 0.35, "sport": 0.04, "evening": 0.5}[style] * woman
    short = {"casual": 0.18, "smart": 0.04, "business": 0.0, "sport": 0.42, "evening": 0.0}[style]
    if any(top is not None and top.kind in ("blazer", "jacket") for top in above):
        short *= 0.3
    kinds: tuple[BottomKind, ...] = ("skirt", "shorts", "trousers")
    kind = draw.pick(kinds, (skirt, short, 1 - skirt - short))
    wanted = {
        "business": ("suit", "chinos", "wide"),
        "evening": ("suit", "wide"),
        "sport": ("joggers", "leggings"),
    }
    for attempt in range(2 * _TRIES):
        bottom = sample_bottom(draw.child("try", attempt), individual, kind)
        busy = bottom.fabric.pattern.name != "plain" and any(_patterned(top) for top in above)
        fits = isinstance(bottom, SkirtRecipe) or bottom.kind in wanted.get(style, (bottom.kind,))
        if fits and not busy:
            break
    return bottom


def _patterned(top: TopRecipe | None) -> bool:
    return top is not None and top.fabric.pattern.name != "plain"


def make_outfit(form: DressForm, recipe: OutfitRecipe) -> list[Part]:
    """Make all clothes and shoes, inner to outer; each hides what lies safely under it."""
    shoes = make_shoes(form, recipe.shoes)
    if recipe.dress is not None:
        dress = make_dress(form, recipe.dress)
        return [*_over(form, recipe.over, dress, float(form.joints[0][1])), *shoes]
    if recipe.bottom is None or recipe.top is None:
        raise ValueError("an outfit without a dress needs a top and a bottom")
    bottom, waist = make_bottom(form, recipe.bottom), waist_height(form, recipe.bottom)
    below = stand_off(form, bottom)
    if recipe.top.tucked:
        top = make_top(form, recipe.top, waist=waist)
        under_band = form.rest[:, 1] < waist - 0.005
        worn = [*(without_covered(part, under_band) for part in top.parts), *bottom]
    else:
        top = make_top(form, recipe.top, under=below, waist=waist)
        worn = [*_covered_by(top, bottom, _OVERLAP), *top.parts]
    return [*_over(form, recipe.over, worn, waist), *shoes]


def _over(form: DressForm, recipe: TopRecipe | None, worn: list[Part], waist: float) -> list[Part]:
    """Put a jacket over what is worn."""
    if recipe is None:
        return worn
    heights = np.maximum.reduce([heights_of(form, part) for part in worn if "collar" not in part.name])
    over = make_top(form, recipe, under=heights, waist=waist)
    return [*_covered_by(over, worn, _OPEN_OVERLAP if recipe.gap > 0 else _OVERLAP), *over.parts]


def _covered_by(top: WornTop, parts: list[Part], overlap: float) -> list[Part]:
    """What is left to see of parts under a top."""
    return [without_covered(part, top.edge > overlap) for part in parts]
