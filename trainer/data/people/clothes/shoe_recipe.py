"""Which shoes and socks somebody wears: drawn by chance, to go with the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from dinar.trainer.data.people.clothes.shoe_last import Last
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.palette import sample_colour
from dinar.trainer.data.people.individual import Individual

Colour = tuple[float, float, float]
Below = Literal["trousers", "tight", "shorts", "skirt"]

_LEATHERS = (
    (0.012, 0.011, 0.010),
    (0.014, 0.012, 0.011),
    (0.055, 0.026, 0.014),
    (0.150, 0.066, 0.028),
    (0.280, 0.150, 0.070),
    (0.075, 0.018, 0.018),
    (0.035, 0.045, 0.075),
)  # linear RGB
_WHITES = ((0.78, 0.77, 0.74), (0.70, 0.67, 0.60), (0.85, 0.85, 0.84))


@dataclass(frozen=True)
class ShoeRecipe:
    """One pair of shoes, or bare feet; and the socks in them.

    Attributes:
        kind: "sneakers", "leather", "boots", "flats", "sandals" or "barefoot".
        last: their shape.
        colour, sole_colour, accent, lace: linear RGB.
        laces: share of the length over which they are laced, from the throat; 0 for none.
        toe_cap: whether a seam crosses the toes.
        stripes: how many slanted stripes on the side.
        gusset: whether elastic is set in at the ankles (Chelsea boots).
        straps: of sandals: places along the foot (shares of its length), widths (metres) and slants (metres).
        sock: height of the socks above the ground, metres; 0 for none.
        sock_colour, sock_stripe: linear RGB; stripes around the top where they differ.
        ribs: whether the socks are ribbed.
        seed: of the leather's grain.
    """

    kind: str
    last: Last
    colour: Colour
    sole_colour: Colour
    accent: Colour
    lace: Colour
    laces: float
    toe_cap: bool
    stripes: int
    gusset: bool
    straps: tuple[tuple[float, float, float], ...]
    sock: float
    sock_colour: Colour
    sock_stripe: Colour
    ribs: bool
    seed: int


def sample_shoes(
    draw: Draw, individual: Individual, bottom: Below = "trousers", *, dressy: bool = False
) -> ShoeRecipe:
    """Draw shoes that suit a person.

    Args:
        draw: chance.
        individual: who wears them.
        bottom: "trousers" (long legs over the shoes), "tight" (leggings, slim jeans), "shorts" or "skirt".
        dressy: whether the rest is a suit or a fine dress.
    """
    woman = individual.femininity > 0.5
    feminine = 1.0 if woman else 0.0
    bare = bottom in ("skirt", "shorts")
    kind = draw.pick(
        ("sneakers", "leather", "boots", "flats", "sandals", "barefoot"),
        (
            0.1 if dressy else 0.52 if bottom != "skirt" else 0.25,
            0.8 if dressy and not woman else 0.20 if not (woman and bare) else 0.05,
            0.10 + 0.12 * feminine * (bottom in ("skirt", "tight")),
            feminine * (0.8 if dressy else 0.35 if bottom == "skirt" else 0.15),
            0.12 if bare else 0.03,
            0.02 if dressy else 0.04,
        ),
    )
    recipe = _make(draw.child(kind), kind, woman)
    if kind == "boots" and bottom == "trousers":
        recipe = replace(recipe, last=replace(recipe.last, shaft=0.11))
    if kind == "boots" and bottom == "shorts":
        recipe = replace(recipe, last=replace(recipe.last, shaft=min(recipe.last.shaft, 0.20)))
    return _with_socks(draw.child("socks"), recipe, bottom, woman)


_SNEAKER = Last(0.068, 0.42, 0.058, 0.0, 0.013, 0.040, 0.006, 0.030, 0.024, 0.012, 0.0, 0.004, 0.0, 0.005)
_LEATHER = Last(0.062, 0.42, 0.050, 0.35, 0.020, 0.028, 0.005, 0.012, 0.010, 0.008, 0.014, 0.004, 0.0, 0.005)
_BOOT = Last(0.080, 0.36, 0.080, 0.15, 0.015, 0.033, 0.006, 0.018, 0.014, 0.010, 0.016, 0.004, 0.15, 0.006)
_FLAT = Last(0.050, 0.74, 0.026, 0.10, 0.009, 0.026, 0.0045, 0.007, 0.006, 0.004, 0.0, 0.001, 0.0, 0.005)
_SANDAL = Last(0.046, 0.76, 0.022, 0.0, 0.010, 0.030, 0.006, 0.022, 0.016, 0.004, 0.0, 0.002, 0.0, 0.005)


def _make(draw: Draw, kind: str, woman: bool) -> ShoeRecipe:
    """Draw one kind of shoes, without socks."""
    leather = draw.pick(_LEATHERS)
    recipe = ShoeRecipe(
        kind=kind,
        last=_FLAT,
        colour=leather,
        sole_colour=(0.020, 0.017, 0.014),
        accent=leather,
        lace=leather,
        laces=0.0,
        toe_cap=draw.chance(0.4),
        stripes=0,
        gusset=False,
        straps=(),
        sock=0.0,
        sock_colour=leather,
        sock_stripe=leather,
        ribs=draw.chance(0.6),
        seed=draw.seed(),
    )
    if kind == "sneakers":
        return _sneakers(draw, recipe)
    if kind == "leather":
        slip_on = draw.chance(0.3)
        last = replace(
            _LEATHER,
            toe=draw.uniform(0.1, 0.6),
            throat=0.52 if slip_on else 0.42,
            heel=draw.uniform(0.010, 0.018),
        )
        brown = leather[0] > 0.1 and draw.chance(0.5)
        return replace(
            recipe,
            last=last,
            laces=0.0 if slip_on else 0.2,
            sole_colour=(0.10, 0.05, 0.025) if brown else recipe.sole_colour,
        )
    if kind == "boots":
        high = (draw.uniform(0.34, 0.42), draw.uniform(0.22, 0.28)) if woman else (0.20, 0.24)
        height = draw.pick((draw.uniform(0.13, 0.17), *high), (0.6, 0.25, 0.15))
        style = draw.pick(("laced", "chelsea", "plain"))
        last = replace(_BOOT, toe=draw.uniform(0.0, 0.5), shaft=height, heel=draw.uniform(0.012, 0.026))
        return replace(
            recipe,
            last=last,
            laces=0.2 if style == "laced" else 0.0,
            gusset=style == "chelsea" and height < 0.18,
        )
    if kind == "flats":
        colour = draw.pick((leather, sample_colour(draw.child("colour"), "shoe")), (0.6, 0.4))
        last = replace(
            _FLAT,
            toe=draw.uniform(0.0, 0.8),
            toe_room=0.008 + 0.014 * draw.uniform(0, 1),
            heel=draw.pick((0.0, 0.022)),
        )
        return replace(recipe, last=last, colour=colour, accent=colour)
    if kind == "sandals":
        places = draw.pick(
            (
                ((0.66, 0.085, 0.0),),
                ((0.74, 0.030, 0.004), (0.50, 0.026, 0.006)),
                ((0.76, 0.022, 0.0), (0.62, 0.022, 0.0), (0.46, 0.022, 0.004)),
            )
        )
        return replace(
            recipe,
            last=_SANDAL,
            straps=places,
            sole_colour=draw.pick(((0.05, 0.035, 0.025), (0.25, 0.16, 0.09))),
        )
    return recipe


def _sneakers(draw: Draw, recipe: ShoeRecipe) -> ShoeRecipe:
    """Draw the colours and the height of sneakers."""
    colour = draw.pick(
        (draw.pick(_WHITES), (0.015, 0.015, 0.017), sample_colour(draw.child("colour"), "shoe")),
        (0.42, 0.2, 0.38),
    )
    rubber = draw.pick((draw.pick(_WHITES), (0.02, 0.02, 0.02), (0.30, 0.17, 0.08)), (0.75, 0.17, 0.08))
    high = draw.chance(0.18)
    last = replace(
        _SNEAKER,
        shaft=draw.uniform(0.115, 0.14) if high else 0.0,
        sole_heel=draw.uniform(0.024, 0.044),
        sole_toe=draw.uniform(0.018, 0.028),
        toe_height=draw.uniform(0.033, 0.041),
    )
    return replace(
        recipe,
        last=last,
        colour=colour,
        sole_colour=rubber,
        accent=sample_colour(draw.child("accent"), "shoe"),
        lace=draw.pick((draw.pick(_WHITES), colour)),
        laces=0.26,
        stripes=draw.pick((0, 1, 2, 3), (0.4, 0.3, 0.1, 0.2)),
    )


def _with_socks(draw: Draw, recipe: ShoeRecipe, bottom: Below, woman: bool) -> ShoeRecipe:
    """Draw socks for the shoes."""
    if recipe.kind in ("flats", "sandals", "barefoot"):
        return recipe
    if bottom == "skirt" or (bottom == "shorts" and woman):
        height = draw.pick((0.0, 0.105, draw.uniform(0.13, 0.18), 0.36), (0.3, 0.3, 0.3, 0.1))
    else:
        height = draw.pick((0.105, draw.uniform(0.15, 0.22)), (0.3, 0.7))
    if recipe.kind == "boots":
        height = min(height, recipe.last.shaft - 0.03)
    colour = draw.pick(((0.75, 0.75, 0.74), (0.02, 0.02, 0.022), sample_colour(draw.child("colour"), "top")))
    stripe = sample_colour(draw.child("stripe"), "top") if draw.chance(0.25) else colour
    return replace(recipe, sock=height, sock_colour=colour, sock_stripe=stripe)
