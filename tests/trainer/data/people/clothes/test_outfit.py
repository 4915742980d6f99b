from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.people.clothes.outfit import OutfitRecipe, make_outfit, sample_outfit
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import DressForm, stand
from dinar.trainer.data.people.individual import Individual

DRAWS = 200


def person(number: int) -> Individual:
    draw = Draw(number, "person")
    femininity = float(draw.chance(0.5))
    return Individual(femininity, draw.uniform(18, 80), (0.0, 0.0, 1.0), np.zeros(10), np.zeros((1, 3)))


@pytest.fixture(scope="module")
def outfits() -> list[OutfitRecipe]:
    return [sample_outfit(Draw(number), person(number)) for number in range(DRAWS)]


@pytest.fixture(scope="module")
def form() -> DressForm:
    return stand(load_body(open_body_path()), np.zeros(10))


def front_differs(outfit: OutfitRecipe) -> bool:
    tops = [top for top in (outfit.top, outfit.over) if top is not None]
    return any(
        top.front != "plain" or top.collar == "hood" or any(mark.where != "sleeve" for mark in top.prints)
        for top in tops
    )


def test_most_fronts_differ_from_their_backs(outfits: list[OutfitRecipe]) -> None:
    assert sum(map(front_differs, outfits)) > 0.55 * DRAWS


def test_outfits_are_many_kinds(outfits: list[OutfitRecipe]) -> None:
    kinds = {top.kind for outfit in outfits for top in (outfit.top, outfit.over) if top is not None}
    assert {"tshirt", "shirt", "hoodie", "sweater", "blazer", "jacket"} <= kinds
    assert 0.1 * DRAWS < sum(outfit.over is not None for outfit in outfits) < 0.5 * DRAWS
    assert any(outfit.dress is not None for outfit in outfits)


def test_men_wear_no_dresses(outfits: list[OutfitRecipe]) -> None:
    men = [outfit for number, outfit in enumerate(outfits) if person(number).femininity < 0.5]
    assert all(outfit.dress is None for outfit in men)


def test_the_same_draw_gives_the_same_outfit() -> None:
    assert sample_outfit(Draw(5), person(5)) == sample_outfit(Draw(5), person(5))


def test_parts_have_textures_and_finite_shapes(form: DressForm, outfits: list[OutfitRecipe]) -> None:
    chosen = [
        next(outfit for outfit in outfits if outfit.dress is not None),
        next(outfit for outfit in outfits if outfit.over is not None and outfit.top is not None),
        next(outfit for outfit in outfits if outfit.top is not None and outfit.top.tucked),
    ]
    for outfit in chosen:
        for part in make_outfit(form, outfit):
            assert part.uv is not None
            assert np.isfinite(part.vertices).all()
            assert len(part.uv.faces) == len(part.faces)
            assert part.faces.max() < len(part.vertices)


def test_what_a_jacket_covers_is_left_out(form: DressForm, outfits: list[OutfitRecipe]) -> None:
    layered = next(
        outfit
        for outfit in outfits
        if outfit.over is not None and outfit.top is not None and outfit.over.gap == 0
    )
    assert layered.top is not None
    inner = next(part for part in make_outfit(form, layered) if part.name == layered.top.kind)
    assert len(inner.faces) < 15000
    corners = inner.anchor_vertex[inner.faces[:, 0], 0]
    elbow = np.abs(np.abs(form.rest[corners, 0]) - form.joints[18, 0]) < 0.03
    assert not elbow.any()
