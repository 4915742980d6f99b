"""Draw tops of every kind: what people wear above the waist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dinar.trainer.data.people.clothes.jacket_samples import sample_blazer, sample_bomber, sample_jacket
from dinar.trainer.data.people.clothes.top_fits import HORN, METAL, fit, sample_prints
from dinar.trainer.data.people.clothes.top_recipe import TopRecipe
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.fabrics import sample_fabric
from dinar.trainer.data.people.fabric.palette import sample_colour, shade
from dinar.trainer.data.people.individual import Individual


def sample_top(draw: Draw, individual: Individual, kind: str) -> TopRecipe:
    """Draw a top of a kind: "tshirt", "tank", "longsleeve", "shirt", "polo", "sweater", "turtleneck",
    "sweatshirt", "hoodie", "bomber", "jacket", "blazer" or "cardigan"."""
    return _KINDS[kind](draw, individual.femininity > 0.5)


def _tshirt(draw: Draw, woman: bool) -> TopRecipe:
    fabric = sample_fabric(draw.child("fabric"), "tshirt")
    ground, plain = fabric.pattern.colours[0], fabric.pattern.name == "plain"
    ease, hang = fit(draw, (3, 4, 2.5, 0.8) if woman else (0.6, 4, 3, 1.2))
    collar = draw.pick(("crew", "v", "scoop"), (5, 2, 3) if woman else (8, 1.6, 0.3))
    depth = {"crew": 0.055, "v": 0.125, "scoop": 0.10}[collar] * draw.uniform(0.85, 1.15)
    short = (0.16, 0.30) if woman and ease < 0.008 else (0.27, 0.44)
    return TopRecipe(
        "tshirt",
        collar,
        fabric,
        buttons=shade(ground, 0.6),
        neck_depth=depth,
        neck_back=draw.uniform(0.012, 0.03),
        neck_spread=draw.uniform(0.008, 0.02) + (0.022 if collar == "scoop" else 0.0),
        sleeve=draw.uniform(*short),
        length=draw.uniform(0.62, 0.98),
        ease=ease,
        hang=hang,
        thickness=draw.uniform(0.0015, 0.003),
        folds=draw.uniform(0.75, 1.2),
        neck_rib=draw.uniform(0.014, 0.022),
        trim=sample_colour(draw.child("trim"), "top") if plain and draw.chance(0.14) else None,
        sleeves=sample_colour(draw.child("raglan"), "top") if plain and draw.chance(0.10) else None,
        prints=sample_prints(draw.child("prints"), 0.66 if plain else 0.12, ground, depth),
        seed=draw.seed(),
    )


def _longsleeve(draw: Draw, woman: bool) -> TopRecipe:
    recipe = _tshirt(draw.child("as tshirt"), woman)
    share = draw.uniform(0.72, 0.8) if draw.chance(0.15) else draw.uniform(0.96, 1.0)
    return replace(recipe, sleeve=share, kind="top", ease=min(recipe.ease, 0.02))


def _tank(draw: Draw, woman: bool) -> TopRecipe:
    recipe = _tshirt(draw.child("as tshirt"), woman)
    ease, hang = fit(draw, (5, 3, 2, 0) if woman else (1, 3, 2, 0.5))
    return replace(
        recipe,
        kind="tank",
        collar="scoop",
        neck_depth=draw.uniform(0.09, 0.125),
        neck_spread=draw.uniform(0.022, 0.036),
        sleeve=0.0,
        inset=draw.uniform(0.010, 0.036),
        ease=ease,
        hang=hang,
        sleeves=None,
        prints=tuple(mark for mark in recipe.prints if mark.where != "sleeve"),
    )


def _shirt(draw: Draw, woman: bool) -> TopRecipe:
    fabric = sample_fabric(draw.child("fabric"), "shirt")
    ground = fabric.pattern.colours[0]
    ease, hang = fit(draw, (2, 4, 2, 0.5) if woman else (0.5, 4, 2, 0.5))
    short = draw.chance(0.22)
    return TopRecipe(
        "shirt",
        "shirt",
        fabric,
        buttons=draw.pick((shade(ground, 1.8), shade(ground, 0.5), *HORN)),
        neck_depth=draw.pick((0.062, 0.085, 0.105), (5, 2, 1.5)),
        neck_back=0.022,
        neck_spread=0.011,
        collar_size=draw.uniform(0.8, 1.2),
        sleeve=draw.uniform(0.36, 0.46) if short else draw.uniform(0.98, 1.01),
        length=draw.uniform(0.75, 0.98),
        tails=draw.uniform(0.01, 0.05),
        ease=ease,
        hang=hang,
        thickness=0.0018,
        folds=draw.uniform(1.0, 1.45),
        front="buttons",
        pockets="chest" if draw.chance(0.35) else "none",
        trim=(0.72, 0.71, 0.68) if not short and draw.chance(0.05) else None,
        seed=draw.seed(),
    )


def _polo(draw: Draw, woman: bool) -> TopRecipe:
    fabric = sample_fabric(draw.child("fabric"), "tshirt")
    ground, plain = fabric.pattern.colours[0], fabric.pattern.name == "plain"
    ease, hang = fit(draw, (2, 4, 1, 0) if woman else (0.7, 4, 2, 0.3))
    trim = sample_colour(draw.child("trim"), "top") if draw.chance(0.3) else None
    return TopRecipe(
        "polo",
        "polo",
        fabric,
        buttons=draw.pick((shade(ground, 1.8), *HORN)),
        neck_depth=draw.uniform(0.065, 0.09),
        neck_back=0.022,
        neck_spread=0.012,
        collar_size=draw.uniform(0.85, 1.15),
        sleeve=draw.uniform(0.28, 0.42),
        length=draw.uniform(0.65, 0.9),
        ease=ease,
        hang=hang,
        folds=draw.uniform(0.8, 1.1),
        front="placket",
        trim=trim,
        prints=sample_prints(draw.child("prints"), 0.25 if plain else 0.1, ground, 0.09),
        seed=draw.seed(),
    )


def _sweater(draw: Draw, woman: bool) -> TopRecipe:
    fabric = sample_fabric(draw.child("fabric"), "knit")
    ground = fabric.pattern.colours[0]
    ease, hang = fit(draw, (1, 3, 3, 1.6) if woman else (0.3, 4, 3, 1))
    collar = draw.pick(("crew", "v"), (3, 1))
    return TopRecipe(
        "sweater",
        collar,
        fabric,
        buttons=shade(ground, 0.6),
        neck_depth=draw.uniform(0.05, 0.075) if collar == "crew" else draw.uniform(0.12, 0.16),
        neck_back=draw.uniform(0.012, 0.025),
        neck_spread=draw.uniform(0.010, 0.022),
        sleeve=draw.uniform(0.98, 1.03),
        length=draw.uniform(0.6, 0.9),
        ease=max(ease, 0.008),
        hang=hang,
        thickness=0.004,
        folds=draw.uniform(0.7, 1.0),
        rib=draw.uniform(0.04, 0.075),
        neck_rib=draw.uniform(0.020, 0.032),
        seed=draw.seed(),
    )


def _turtleneck(draw: Draw, woman: bool) -> TopRecipe:
    recipe = _sweater(draw.child("as sweater"), woman)
    room, hang = fit(draw, (4, 3, 1, 0) if woman else (2, 3, 1, 0))
    return replace(
        recipe,
        collar="turtle",
        neck_depth=0.045,
        neck_spread=0.010,
        neck_back=0.020,
        neck_rib=0.0,
        ease=room,
        hang=hang,
        thickness=0.003,
    )


def _sweatshirt(draw: Draw, woman: bool) -> TopRecipe:
    recipe = _sweater(draw.child("as sweater"), woman)
    fabric = sample_fabric(draw.child("fabric"), "tshirt")
    ground, plain = fabric.pattern.colours[0], fabric.pattern.name == "plain"
    return replace(
        recipe,
        kind="sweatshirt",
        collar="crew",
        neck_depth=draw.uniform(0.05, 0.065),
        fabric=fabric,
        ease=max(recipe.ease, 0.014),
        folds=draw.uniform(0.9, 1.25),
        rib=draw.uniform(0.045, 0.07),
        neck_rib=draw.uniform(0.020, 0.026),
        trim=shade(ground, 0.85) if plain and draw.chance(0.5) else None,
        sleeves=sample_colour(draw.child("raglan"), "top") if plain and draw.chance(0.12) else None,
        prints=sample_prints(draw.child("prints"), 0.72 if plain else 0.2, ground, 0.06),
    )


def _hoodie(draw: Draw, woman: bool) -> TopRecipe:
    recipe = _sweatshirt(draw.child("as sweatshirt"), woman)
    ground = recipe.fabric.pattern.colours[0]
    zipped = draw.chance(0.35)
    prints = tuple(mark for mark in recipe.prints if not (zipped and mark.where == "chest"))
    return replace(
        recipe,
        kind="hoodie",
        collar="hood",
        neck_depth=draw.uniform(0.065, 0.085),
        neck_back=0.028,
        neck_spread=0.018,
        neck_rib=0.0,
        thickness=0.0045,
        front="zip" if zipped else "plain",
        pockets="kangaroo",
        trim=None,
        buttons=draw.pick((*METAL, shade(ground, 1.8)))
        if zipped
        else draw.pick((shade(ground, 2.2), *HORN[:2])),
        prints=prints,
    )


def _cardigan(draw: Draw, woman: bool) -> TopRecipe:
    recipe = _sweater(draw.child("as sweater"), woman)
    return replace(
        recipe,
        kind="cardigan",
        collar="v",
        neck_depth=draw.uniform(0.14, 0.2),
        neck_spread=0.018,
        ease=max(recipe.ease, 0.014),
        front="open",
        gap=draw.uniform(0.03, 0.07),
        prints=(),
    )


_KINDS: dict[str, Callable[[Draw, bool], TopRecipe]] = {
    "tshirt": _tshirt,
    "longsleeve": _longsleeve,
    "tank": _tank,
    "shirt": _shirt,
    "polo": _polo,
    "sweater": _sweater,
    "turtleneck": _turtleneck,
    "sweatshirt": _sweatshirt,
    "hoodie": _hoodie,
    "bomber": sample_bomber,
    "jacket": sample_jacket,
    "blazer": sample_blazer,
    "cardigan": _cardigan,
}
