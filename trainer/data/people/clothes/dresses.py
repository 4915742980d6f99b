"""Dresses: a bodice and a skirt of one cloth, joined under the bust, at the waist or on the hips."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dinar.trainer.data.people.clothes.bodices import BodiceRecipe, make_bodice
from dinar.trainer.data.people.clothes.skirts import SkirtRecipe, make_skirt, sample_skirt, skirt_top
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabrics import FabricRecipe, sample_fabric
from dinar.trainer.data.people.fabric.palette import sample_colour
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.part import Part

_TUCK = 0.022  # metres that the bodice reaches down under the skirt's edge


@dataclass(frozen=True)
class DressRecipe:
    """One dress.

    Attributes:
        bodice: its upper part.
        skirt: its lower part; where its band is, a seam or a belt.
    """

    bodice: BodiceRecipe
    skirt: SkirtRecipe


def sample_dress(draw: Draw, individual: Individual) -> DressRecipe:
    """Draw a dress that suits a person."""
    style = draw.pick(("summer", "sheath", "shirt", "knit", "evening"), (0.34, 0.20, 0.18, 0.16, 0.12))
    fabric = sample_fabric(draw.child("fabric"), "dress")
    cuts = {
        "summer": ("a-line", "circle", "tiered", "gathered"),
        "sheath": ("pencil", "straight"),
        "shirt": ("a-line", "straight"),
        "knit": ("straight", "a-line", "pencil"),
        "evening": ("circle", "a-line", "pleated", "pencil"),
    }[style]
    skirt = sample_skirt(draw.child("skirt"), individual, cut=draw.pick(cuts))
    belted = draw.chance(0.4)
    flared = skirt.fall.flare > 0.1  # a seam under the bust needs a skirt that widens from there
    skirt = replace(
        skirt,
        rise=draw.pick(
            (draw.uniform(0.15, 0.19), draw.uniform(0.31, 0.34), 0.06), (0.75, 0.13 * flared, 0.10)
        ),
        ease=draw.uniform(0.004, 0.006),
        band=draw.uniform(0.025, 0.05) if belted else draw.pick((0.0, 0.03)),
        buckle=belted and draw.chance(0.5),
        buttons=style == "shirt",
        pockets=False,
        fabric=fabric,
        band_fabric=sample_fabric(draw.child("belt"), "shoe") if belted else fabric,
        length=max(skirt.length, draw.uniform(0.34, 0.5)) if style != "evening" else draw.uniform(0.5, 0.94),
    )
    return DressRecipe(_bodice(draw.child("bodice"), style, fabric), skirt)


def _bodice(draw: Draw, style: str, fabric: FabricRecipe) -> BodiceRecipe:
    """Draw the upper part of a dress."""
    sleeve = {
        "summer": (0.0, 0.0, 0.12),
        "sheath": (0.0, 0.15, 0.55),
        "shirt": (0.18, 0.30, 0.97),
        "knit": (0.55, 0.97, 0.97),
        "evening": (0.0, 0.0, 0.97),
    }[style]
    length = draw.pick(sleeve)
    neckline = draw.pick(("round", "v", "square", "boat"), (0.4, 0.3, 0.15, 0.15))
    if style == "shirt":
        neckline = "v"
    shallow = neckline == "boat"
    straps = length == 0 and draw.chance(0.55)
    return BodiceRecipe(
        neckline=neckline,
        depth=draw.uniform(0.005, 0.02) if shallow else draw.uniform(0.03, 0.10),
        back_depth=draw.uniform(0.0, 0.02) if length > 0 or shallow else draw.uniform(0.0, 0.12),
        width=draw.uniform(0.095, 0.115) if shallow else draw.uniform(0.070, 0.095),
        sleeve=length,
        strap=draw.uniform(0.018, 0.045) if straps and not shallow else 0.0,
        ease=draw.uniform(0.007, 0.011),
        sleeve_ease=draw.uniform(0.007, 0.012) if style in ("sheath", "knit") else draw.uniform(0.010, 0.024),
        buttons=style == "shirt",
        piping=sample_colour(draw.child("piping"), "dress") if draw.chance(0.2) else None,
        fabric=fabric,
        seed=draw.seed(),
    )


def make_dress(form: DressForm, recipe: DressRecipe) -> list[Part]:
    """Cut, loft and paint both parts of a dress for a body."""
    bodice = make_bodice(form, recipe.bodice, skirt_top(form, recipe.skirt) - _TUCK)
    return [bodice, make_skirt(form, recipe.skirt, bodice)]
