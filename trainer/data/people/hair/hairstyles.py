"""Who wears which haircut."""

from __future__ import annotations

from dataclasses import replace

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.hair.hair_recipe import HairRecipe
from dinar.trainer.data.people.hair.haircuts import haircut
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.skin.complexion import Complexion

__all__ = ["HairRecipe", "sample_hair"]

# How often men and women wear each, with straight or wavy hair and with tightly curled hair.
_MEN = {
    "straight": dict.fromkeys(("crew", "side part", "crop", "swept"), 3.0)
    | dict.fromkeys(("quiff", "undercut", "slick", "buzz"), 1.6)
    | {"spiky": 1.4, "bald": 0.8, "curly top": 1.4, "long": 0.6, "lob": 0.6, "bun": 0.5, "ponytail": 0.3},
    "coiled": {"short curls": 5.0, "buzz": 3.0, "afro": 1.6, "bald": 1.6, "dreadlocks": 1.6, "curly top": 0.6}
    | {"crew": 0.4, "bun": 0.2},
}
_WOMEN = {
    "straight": {"long": 7.0, "bob": 2.4, "page": 1.3, "lob": 3.0, "ponytail": 2.2, "bun": 1.4, "pixie": 1.4}
    | {"plait": 0.9, "plaits": 0.6, "ringlets": 1.4, "swept": 0.5, "curly top": 0.3, "buzz": 0.1},
    "coiled": {"afro": 3.0, "ringlets": 2.6, "short curls": 1.8, "dreadlocks": 1.6, "bun": 2.0, "plaits": 1.0}
    | {"long": 1.2, "bob": 0.8, "lob": 0.8, "ponytail": 1.0, "buzz": 0.5, "bald": 0.2, "plait": 0.5},
}


def sample_hair(draw: Draw, individual: Individual, complexion: Complexion) -> HairRecipe:
    """Draw a haircut that fits sex, age, ancestry and what hair is left.

    Args:
        draw: where chance comes from.
        individual: who wears it.
        complexion: tells how much hair has fallen out.
    """
    woman = individual.femininity > 0.5
    coiled = draw.child("kind").chance(0.85 * individual.ancestry[0])
    shares = (_WOMEN if woman else _MEN)["coiled" if coiled else "straight"]
    style = _by_age(draw.child("style"), shares, individual.age)
    lost = max(complexion.crown, 0.9 * complexion.recession)
    if lost > 0.55 and not woman:
        style = draw.child("loss").pick(("balding", "bald", "buzz"), (4.0, 2.0, 2.0))
    recipe = haircut(style, draw)
    look = draw.child("look")
    scalp = replace(recipe.scalp, recession=complexion.recession, crown=0.0 if woman else complexion.crown)
    streaked = woman and complexion.hair.grey < 0.2 and look.chance(0.25)
    return replace(
        recipe,
        scalp=scalp,
        highlights=look.uniform(0.15, 0.4) if streaked else 0.0,
        roots=look.uniform(1.2, 1.8) if streaked and look.chance(0.5) else look.uniform(0.35, 0.8),
        shine=recipe.shine * look.uniform(0.6, 1.3),
    )


def _by_age(draw: Draw, shares: dict[str, float], age: float) -> str:
    """Old people wear their hair shorter and plainer."""
    old = min(max((age - 45) / 25, 0.0), 1.0)
    plain = ("side part", "crew", "swept", "pixie", "bob", "buzz", "bun", "short curls", "lob")
    daring = ("spiky", "undercut", "plaits", "quiff", "dreadlocks", "long", "ponytail")
    weights = [
        share * (1 + old if style in plain else 1 - 0.75 * old if style in daring else 1.0)
        for style, share in shares.items()
    ]
    return draw.pick(tuple(shares), weights)
