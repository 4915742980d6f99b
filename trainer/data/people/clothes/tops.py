"""Tops: t-shirts, shirts, polos, sweaters, hoodies, jackets, blazers; cut from the body and tailored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from dinar.trainer.data.people.clothes.collar_paint import CollarPainter, PatchPainter
from dinar.trainer.data.people.clothes.collars import CollarCut, make_collar
from dinar.trainer.data.people.clothes.folds import TopFolds
from dinar.trainer.data.people.clothes.tailor import Hem, Tailored, tailor
from dinar.trainer.data.people.clothes.top_cut import (
    armhole_field,
    front_field,
    hem_field,
    neck_field,
    neck_width,
    sleeve_field,
)
from dinar.trainer.data.people.clothes.top_paint import TopPainter, TopPlaces
from dinar.trainer.data.people.clothes.top_recipe import TopRecipe
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import bump, ramp
from dinar.trainer.data.people.part import Part

_TUCKED = 0.05  # metres that a tucked top reaches below the belt
_COLLARS = {
    "shirt": CollarCut(0.034, 0.014, 0.044, 0.060, opening=-0.002),
    "polo": CollarCut(0.024, 0.004, 0.038, 0.046, opening=0.014),
    "stand": CollarCut(0.042, 0.032, lean=0.006),
    "turtle": CollarCut(0.048, 0.044, 0.052, 0.058, roll=0.007, spread=0.0, opening=-0.004),
    "hood": CollarCut(
        0.045, 0.008, 0.15, 0.045, lean=0.02, roll=0.02, bag=0.03, opening=0.02, hug=0.3, behind=0.15,
        spread=0.2,
    ),
    "lapel": CollarCut(0.030, 0.0, 0.048, 0.03, opening=0.0, hug=0.55, lean=0.012, roll=0.007),
}  # fmt: skip


@dataclass(frozen=True)
class WornTop:
    """A top as worn.

    Attributes:
        parts: the cloth first, then collar or hood, lapels, pockets.
        cloth: the tailored cloth.
        edge: float64 [V], metres inside the nearest edge of the cloth; negative outside.
    """

    parts: tuple[Part, ...]
    cloth: Tailored
    edge: np.ndarray


def make_top(form: DressForm, recipe: TopRecipe, *, under: np.ndarray | None = None, waist: float) -> WornTop:
    """Tailor and paint a top.

    Args:
        form: whom it is for.
        recipe: what it is like.
        under: float64 [V], metres that clothes below it stand off the skin; None: it is worn on the skin.
        waist: metres, height (T-pose) of the trousers' or skirt's upper edge: where it is tucked in.
    """
    places = _places(form, recipe, waist)
    fields = [places.neck, places.sleeve, places.hem]
    if recipe.gap > 0:
        fields.append(places.front)
    edge = np.minimum.reduce(fields)
    above_belt = np.maximum(form.rest[:, 1] - waist - 0.018, 0)
    cloth = tailor(
        form,
        fields,
        ease=_ease(form, recipe, places, waist),
        clearance=recipe.thickness + 0.002,
        under=under,
        hang=recipe.hang,
        folds=_folds(form, recipe, places, waist),
        hem=Hem(recipe.thickness, 0.05 if recipe.gap > 0 else float(np.clip(2 * recipe.ease, 0.012, 0.03))),
        most=0.0025 + 1.5 * above_belt if recipe.tucked else None,
    )
    parts = [cloth.part(recipe.kind, form, TopPainter(form, recipe, cloth, places))]
    if recipe.collar in _COLLARS:
        shape = _COLLARS[recipe.collar]
        shape = replace(shape, fall_front=shape.fall_front * recipe.collar_size)
        if recipe.layered:
            shape = replace(shape, fall=min(shape.fall, 0.024), roll=0.6 * shape.roll, lean=0.002, hug=1.0)
        name = "hood" if recipe.collar == "hood" else f"{recipe.kind}_collar"
        parts.append(make_collar(form, cloth, places.neck, shape, name, partial(CollarPainter, form, recipe)))
    if recipe.collar == "lapel":
        parts.append(_lapels(form, recipe, places, cloth))
    return WornTop(tuple(parts), cloth, edge)


def _places(form: DressForm, recipe: TopRecipe, waist: float) -> TopPlaces:
    """Distances from the garment's edges, as the painter and the scissors need them."""
    width = neck_width(form) + recipe.neck_spread
    neck = neck_field(
        form, width=width, front=recipe.neck_depth, back=recipe.neck_back, pointed=float(recipe.collar == "v")
    )
    hem = hem_field(form, recipe.length, tails=recipe.tails)
    if recipe.tucked:
        hem = form.rest[:, 1] - (waist - _TUCKED)
    sleeve = sleeve_field(form, recipe.sleeve) if recipe.sleeve > 0 else armhole_field(form, recipe.inset)
    return TopPlaces(neck, sleeve, hem, _front(form, recipe))


def _front(form: DressForm, recipe: TopRecipe) -> np.ndarray:
    """Distance from the front's edges; from the front middle when it is closed."""
    top, bottom = form.joints[12][1], form.joints[0][1] - 0.1
    if recipe.collar == "lapel":
        button = form.joints[6][1] + recipe.lapel_end
        heights = np.array([bottom, button - 0.10, button, top - 0.02])
        low = recipe.gap if recipe.front == "open" else 0.0
        halves = np.array([low + 0.05, low + 0.002, low, max(neck_width(form) + 0.012, low)])
        return front_field(form, heights, halves)
    return front_field(form, np.array([bottom, top]), np.array([recipe.gap * 1.25, recipe.gap]))


def _lapels(form: DressForm, recipe: TopRecipe, places: TopPlaces, cloth: Tailored) -> Part:
    """The front's upper edges folded over: they lie on the chest, rolled where they are folded."""
    y = form.rest[:, 1]
    end, gorge = form.joints[6][1] + recipe.lapel_end, form.joints[12][1] - 0.055
    width = 0.085 * recipe.collar_size * ramp(y, end - 0.01, gorge - 0.02) ** 0.75
    upper = gorge + 0.25 * places.front - y
    fields = [places.front - 0.001, width - places.front, upper, places.neck, y - end + 0.005]
    rolled = bump(places.front, 0.0, 0.02) * ramp(y, end, end + 0.1)
    piece = tailor(
        form,
        fields,
        ease=0.003 + 0.006 * rolled,
        under=cloth.heights,
        smoothing=8,
        hem=Hem(0.002, 0.004),
    )
    edge = np.minimum(width - places.front, upper)
    painter = PatchPainter(form, recipe, piece, edge)
    return piece.part(f"{recipe.kind}_lapel", form, painter, np.zeros(len(y), bool))


def _ease(form: DressForm, recipe: TopRecipe, places: TopPlaces, waist: float) -> np.ndarray:
    """Metres between skin and cloth where it hangs free: close at the neck, at ribs and under the belt."""
    close = recipe.thickness + 0.003
    loose = ramp(places.neck, 0.0, 0.07)
    if recipe.rib > 0:
        loose = loose * ramp(places.sleeve, 0.6 * recipe.rib, 2.2 * recipe.rib)
        loose = loose * (0.35 + 0.65 * ramp(places.hem, 0.5 * recipe.rib, 1.8 * recipe.rib))
    ease = close + loose * max(recipe.ease - close, 0.0)
    if recipe.rib > 0:
        blouse = bump(places.hem, 1.7 * recipe.rib, 0.8 * recipe.rib)
        puff = bump(places.sleeve, 1.8 * recipe.rib, recipe.rib)
        ease = ease + recipe.ease * (0.4 * blouse + 0.2 * puff * float(recipe.sleeve > 0.7))
    if recipe.tucked:
        above = form.rest[:, 1] - waist
        ease = 0.003 + (ease - 0.003) * ramp(above, 0.0, 0.03)
        ease = ease + 0.8 * recipe.ease * bump(above, 0.045, 0.03)
    return ease


def _folds(form: DressForm, recipe: TopRecipe, places: TopPlaces, waist: float) -> TopFolds:
    bottom = float(form.rest[places.hem > 0, 1].min())
    gathered = waist if recipe.tucked else bottom + recipe.rib
    return TopFolds(
        form,
        amount=recipe.folds,
        loose=float(np.clip(recipe.ease / 0.035, 0, 1)),
        gathered=gathered,
        gathering=1.0 if recipe.tucked or recipe.rib > 0 else 0.15,
        sleeve=float(form.joints[16][0] + recipe.sleeve * (form.joints[20][0] - form.joints[16][0]))
        - recipe.rib,
        cuffed=(1.0 if recipe.rib > 0 else 0.5) * float(recipe.sleeve > 0.7),
        seed=recipe.seed,
    )
