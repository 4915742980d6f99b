"""Draw what is worn over a top: bombers, jackets, blazers."""

from __future__ import annotations

from dataclasses import replace

from dinar.trainer.data.people.clothes.top_fits import HORN, METAL, fit, sample_prints
from dinar.trainer.data.people.clothes.top_recipe import TopRecipe
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.fabrics import sample_fabric
from dinar.trainer.data.people.fabric.palette import sample_colour, shade


def sample_bomber(draw: Draw, woman: bool) -> TopRecipe:
    """A bomber: ribbed, with a zip, closed or open."""
    fabric = sample_fabric(draw.child("fabric"), "jacket")
    ground = fabric.pattern.colours[0]
    opened = draw.chance(0.55)
    ease, hang = fit(draw, (0, 3, 4, 1))
    del woman
    return TopRecipe(
        "jacket",
        "stand",
        fabric,
        buttons=draw.pick(METAL),
        neck_depth=0.06,
        neck_back=0.024,
        neck_spread=0.020,
        sleeve=draw.uniform(1.0, 1.04),
        length=draw.uniform(0.55, 0.8),
        ease=ease + 0.006,
        hang=max(hang, 0.6),
        thickness=0.004,
        folds=draw.uniform(1.0, 1.35),
        front="open" if opened else "zip",
        gap=draw.uniform(0.035, 0.085) if opened else 0.0,
        rib=draw.uniform(0.05, 0.07),
        pockets="hips",
        trim=shade(ground, draw.uniform(0.6, 1.3)) if draw.chance(0.6) else None,
        sleeves=sample_colour(draw.child("raglan"), "jacket") if draw.chance(0.12) else None,
        prints=sample_prints(draw.child("prints"), 0.3, ground, 0.06) if not opened else (),
        seed=draw.seed(),
    )


def sample_jacket(draw: Draw, woman: bool) -> TopRecipe:
    """A shirt-collared jacket: denim, worker's, overshirt."""
    recipe = sample_bomber(draw.child("as bomber"), woman)
    denim = draw.chance(0.3)
    fabric = sample_fabric(draw.child("denim"), "denim") if denim else recipe.fabric
    opened = recipe.gap > 0
    return replace(
        recipe,
        collar="shirt",
        fabric=fabric,
        neck_depth=0.07,
        collar_size=draw.uniform(1.0, 1.3),
        sleeve=draw.uniform(0.98, 1.03),
        length=draw.uniform(0.6, 0.95),
        front="open" if opened else "buttons",
        rib=0.0,
        trim=None,
        sleeves=None,
        pockets=draw.pick(("chest", "hips", "flaps")),
        buttons=draw.pick((*METAL, *HORN)),
        prints=(),
    )


def sample_blazer(draw: Draw, woman: bool) -> TopRecipe:
    """A blazer with lapels, buttoned or open."""
    fabric = sample_fabric(draw.child("fabric"), "trousers")
    opened = draw.chance(0.4)
    return TopRecipe(
        "blazer",
        "lapel",
        fabric,
        buttons=draw.pick((shade(fabric.pattern.colours[0], 0.5), *HORN)),
        neck_depth=0.06,
        neck_back=0.026,
        neck_spread=0.020,
        collar_size=draw.uniform(0.85, 1.15),
        sleeve=draw.uniform(0.97, 1.01),
        length=draw.uniform(0.85, 1.0),
        ease=0.016 if woman else 0.019,
        hang=0.45 if woman else 0.65,
        thickness=0.004,
        folds=draw.uniform(0.55, 0.85),
        front="open",
        gap=draw.uniform(0.03, 0.075) if opened else 0.001,
        lapel_end=draw.uniform(-0.06, 0.05),
        pockets="flaps",
        seed=draw.seed(),
    )
