"""Trousers: outside of the skin, never across the middle between the legs, as long and as wide as told."""

from dataclasses import replace

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.clothes.bottoms import (
    make_bottom,
    sample_bottom,
    shoes_below,
    stand_off,
    waist_height,
)
from dinar.trainer.data.people.clothes.trouser_cut import Tube, measure_legs
from dinar.trainer.data.people.clothes.trouser_recipe import TrouserRecipe, sample_trousers
from dinar.trainer.data.people.clothes.trousers import cut_trousers, make_trousers
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import DressForm, stand
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.part import SurfacePoints

MAN = np.array([1.29, -0.56, -1.79, -0.79, -1.62, 0.21, 0.07, -1.27, -0.11, -0.95])
INDIVIDUAL = Individual(0.0, 30.0, (0.0, 0.0, 1.0), MAN, np.zeros((1, 3)))
KINDS = ("jeans", "suit", "joggers", "cargo", "wide", "leggings")


@pytest.fixture(scope="module")
def form() -> DressForm:
    return stand(load_body(open_body_path()), MAN)


def recipe(kind: str, *, short: bool = False) -> TrouserRecipe:
    for seed in range(400):
        drawn = sample_trousers(Draw("trouser test", seed), INDIVIDUAL, short=short)
        if drawn.kind == kind:
            return drawn
    raise AssertionError(f"400 draws gave no {kind}")


@pytest.mark.parametrize("kind", KINDS)
def test_the_cloth_is_outside_of_the_skin(form, kind):
    drawn = recipe(kind)
    legs = measure_legs(form, drawn.rise, drawn.length)
    sewn = cut_trousers(form, drawn, legs)
    cloth = np.arange(len(sewn.patch.anchor_vertex))
    gap = sewn.posed[cloth] - sewn.patch.lift(form.posed)
    outwards = sewn.patch.lift(form.normals)
    height = np.einsum("na,na->n", gap, outwards)
    shin = sewn.patch.lift(legs.drop - legs.hem) < 0  # what falls over the shoe left its skin behind
    assert np.percentile(height[shin], 5) > 0
    assert np.percentile(height, 99) < 0.12


@pytest.mark.parametrize("kind", ["jeans", "wide", "joggers"])
def test_no_leg_crosses_the_middle(form, kind):
    drawn = recipe(kind)
    legs = measure_legs(form, drawn.rise, drawn.length)
    sewn = cut_trousers(form, drawn, legs)
    count = len(sewn.patch.anchor_vertex)
    below = sewn.patch.lift(legs.crotch) < -0.03
    side = sewn.patch.lift(form.rest)[:, 0]
    assert (sewn.vertices[:count][below, 0] * np.sign(side[below]) > 0).all()


def test_wide_legs_hang_straight(form):
    """Below the knee a wide leg is wider than a slim one, and no narrower at the hem than at the calf."""
    wide = replace(
        recipe("wide"), tube=Tube(0.006, 0.014, 0.014, 0.10, 0.13, 0.02, 0.0), folds=0.0, length=0.9
    )
    part = make_trousers(form, wide)
    knee, hem = form.joints[4, 1], part.vertices[:, 1].min()

    def width(y: float) -> float:
        near = (np.abs(part.vertices[:, 1] - y) < 0.02) & (part.vertices[:, 0] > 0)
        return float(np.ptp(part.vertices[near, 0]))

    assert width(hem + 0.02) > 0.20
    assert width(hem + 0.02) >= width(knee - 0.10) - 0.01


def test_the_hem_is_where_the_length_says(form):
    hip, ground = form.joints[1, 1], form.rest[:, 1].min()
    for length in (0.40, 0.75, 0.93):
        part = make_trousers(form, replace(recipe("jeans"), length=length, cuff=0.0))
        assert abs(part.vertices[:, 1].min() - (hip - length * (hip - ground))) < 0.015


def test_the_waist_is_level(form):
    part = make_trousers(form, recipe("chinos"))
    top = waist_height(form, recipe("chinos"))
    rim = part.vertices[np.abs(part.vertices[:, 1] - top) < 0.03]
    assert abs(rim[:, 1].max() - top) < 0.004


def test_legs_follow_the_shins_not_the_feet_unless_tight(form):
    assert make_trousers(form, recipe("wide")).joint_weights[:, [7, 8, 10, 11]].max() == 0
    assert make_trousers(form, recipe("leggings")).joint_weights[:, [7, 8]].max() > 0


def test_bottoms_by_one_name(form):
    for kind, shoes in (("trousers", "trousers"), ("shorts", "shorts"), ("skirt", "skirt")):
        drawn = sample_bottom(Draw("bottoms", 5), INDIVIDUAL, kind)
        (part,) = make_bottom(form, drawn)
        assert shoes_below(drawn) in (shoes, "tight")
        assert abs(part.vertices[:, 1].max() - waist_height(form, drawn)) < 0.02
        heights = stand_off(form, [part])
        hips = (heights > 0) & (np.abs(form.rest[:, 0]) > 0.05)
        assert hips.sum() > 100
        assert heights[form.rest[:, 1] > waist_height(form, drawn) + 0.03].max() == 0


def test_the_painter_paints_each_point_by_itself(form):
    drawn = replace(recipe("jeans"), belt=(0.05, 0.03, 0.02), cargo=True, stripe=(0.5, 0.1, 0.1))
    part = make_trousers(form, drawn)
    rng = np.random.default_rng(1)
    face, weight = rng.integers(0, len(part.faces), 300), rng.dirichlet([1, 1, 1], 300)
    normals = vertex_normals(part.vertices, part.faces)

    def points(chosen: np.ndarray) -> SurfacePoints:
        corners, share = part.faces[face[chosen]], weight[chosen][..., None]
        normal = (normals[corners] * share).sum(1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        return SurfacePoints((part.vertices[corners] * share).sum(1), normal, face[chosen], weight[chosen])

    together, alone = part.painter(points(np.arange(300))), part.painter(points(np.arange(120, 180)))
    np.testing.assert_allclose(together.albedo[120:180], alone.albedo)
    np.testing.assert_allclose(together.normal[120:180], alone.normal)
    np.testing.assert_allclose(np.linalg.norm(together.normal, axis=1), 1)
    assert 0 <= together.albedo.min() <= together.albedo.max() <= 1
    assert np.ptp(together.albedo.mean(1)) > 0.02
