"""One integer is one person: everything about it is drawn from that integer and the generator's version."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dinar.runtime.body import Body
from dinar.trainer.data.people.clothes.outfit import OutfitRecipe, make_outfit, sample_outfit
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import stand
from dinar.trainer.data.people.hair.beards import make_beard
from dinar.trainer.data.people.hair.hairdresser import make_hair
from dinar.trainer.data.people.hair.hairstyles import HairRecipe, sample_hair
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.skin.complexion import Complexion, sample_complexion
from dinar.trainer.data.people.skin.skin import paint_skin
from dinar.trainer.data.synth.individuals import Population, sample_individual
from dinar.trainer.data.synth.person import DressedPerson, skin_part

GENERATOR_VERSION = 1
"""Raised whenever the same integer gives another person or other pictures."""

HEAD_TEXEL = 0.0011
"""Metres that a texel of the body's texture shows on the head."""


@dataclass(frozen=True)
class PersonRecipe:
    """Everything about a person, as numbers.

    Attributes:
        number: the integer that it was drawn from.
        individual: body and face.
        complexion: skin, eyes, hair colour, beard.
        hair: the haircut.
        outfit: the clothes.
    """

    number: int
    individual: Individual
    complexion: Complexion
    hair: HairRecipe
    outfit: OutfitRecipe

    def to_json(self) -> dict[str, Any]:
        """What a file says of it; the face's offsets follow from the number."""
        entries = asdict(self)
        individual = entries["individual"]
        individual.pop("face")
        individual["betas"] = [float(b) for b in self.individual.betas]
        return {"generator": GENERATOR_VERSION, **entries}


def sample_person(number: int, population: Population) -> PersonRecipe:
    """Draw person `number` (0 or more)."""
    draw = Draw(GENERATOR_VERSION, number)
    individual = sample_individual(draw.child("individual"), population)
    complexion = sample_complexion(draw.child("complexion"), individual)
    outfit = sample_outfit(draw.child("outfit"), individual)
    hair = sample_hair(draw.child("hair"), individual, complexion)
    attempt = 0
    while _has_hood(outfit) and _hangs(hair):  # it would stick through the hood
        attempt += 1
        hair = sample_hair(draw.child("hair", attempt), individual, complexion)
    return PersonRecipe(number, individual, complexion, hair, outfit)


def _has_hood(outfit: OutfitRecipe) -> bool:
    return any(top is not None and top.collar == "hood" for top in (outfit.top, outfit.over))


def _hangs(hair: HairRecipe) -> bool:
    return hair.lengths.end > 0 or hair.tied not in ("none", "bun")


def make_person(recipe: PersonRecipe, body: Body) -> DressedPerson:
    """Make what a recipe says on the open body."""
    individual = recipe.individual
    form = stand(body, np.asarray(individual.betas), individual.face)
    painter = paint_skin(body, form.rest, recipe.complexion, recipe.hair.scalp, detail=HEAD_TEXEL)
    parts = (
        skin_part(form, painter),
        *make_outfit(form, recipe.outfit),
        *make_beard(form, recipe.complexion),
        *make_hair(form, recipe.hair, recipe.complexion),
    )
    return DressedPerson(individual, form, parts)
