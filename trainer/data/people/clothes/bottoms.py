"""What is worn below the waist: trousers, shorts and skirts by one name."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.spatial import cKDTree

from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.clothes.shoe_recipe import Below
from dinar.trainer.data.people.clothes.skirts import SkirtRecipe, make_skirt, sample_skirt, skirt_top
from dinar.trainer.data.people.clothes.trouser_recipe import TrouserRecipe, sample_trousers
from dinar.trainer.data.people.clothes.trousers import make_trousers
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.part import Part

_OVERLAP = 0.30  # metres below the waist to which tops reach
_MOST = 0.06  # metres
_NEAR = 24  # vertices of a bottom around a place that are looked at: from a valley to the next fold
_TRUNK = (0, 1, 2, 3, 6)  # joints
BottomKind = Literal["trousers", "shorts", "skirt"]
BottomRecipe = TrouserRecipe | SkirtRecipe


def sample_bottom(draw: Draw, individual: Individual, kind: BottomKind) -> BottomRecipe:
    """Draw trousers, shorts or a skirt that suit a person."""
    if kind == "skirt":
        return sample_skirt(draw, individual)
    return sample_trousers(draw, individual, short=kind == "shorts")


def make_bottom(form: DressForm, recipe: BottomRecipe) -> list[Part]:
    """Make what a recipe tells for a body."""
    return [make_skirt(form, recipe) if isinstance(recipe, SkirtRecipe) else make_trousers(form, recipe)]


def waist_height(form: DressForm, recipe: BottomRecipe) -> float:
    """Height of the upper edge, metres, T-pose."""
    if isinstance(recipe, SkirtRecipe):
        return skirt_top(form, recipe)
    return float(form.joints[0, 1] + recipe.rise)


def stand_off(form: DressForm, parts: list[Part]) -> np.ndarray:
    """How far bottoms stand off the skin around the hips, where tops lie over them: float64 [V], metres."""
    normals = vertex_normals(form.rest, form.body.faces)
    heights = np.zeros(len(form.rest))
    for part in parts:
        top = part.vertices[:, 1].max()
        below = (form.rest[:, 1] < top) & (form.rest[:, 1] > top - _OVERLAP)
        below &= form.body.weights[:, _TRUNK].sum(1) > 0.5
        near = cKDTree(part.vertices).query(form.rest[below], k=_NEAR)[1]
        gap = np.einsum("nka,na->nk", part.vertices[near] - form.rest[below][:, None], normals[below])
        heights[below] = np.maximum(heights[below], np.clip(gap.max(1), 0, _MOST))
    return heights


def shoes_below(recipe: BottomRecipe) -> Below:
    """What `sample_shoes` should know of it: "trousers", "tight", "shorts" or "skirt"."""
    if isinstance(recipe, SkirtRecipe):
        return "skirt"
    if recipe.length < 0.8:
        return "shorts"
    return "tight" if recipe.kind == "leggings" else "trousers"
