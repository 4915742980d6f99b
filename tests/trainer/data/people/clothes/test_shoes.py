"""Shoes of every kind: a pair, closed below, around the foot; socks that end inside of them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.clothes.shoe_recipe import ShoeRecipe, sample_shoes
from dinar.trainer.data.people.clothes.shoes import make_shoes
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import DressForm, stand
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.part import Part, SurfacePoints

KINDS = ("sneakers", "leather", "boots", "flats", "sandals")
SHAPES = {
    "man": np.array([1.29, -0.56, -1.79, -0.79, -1.62, 0.21, 0.07, -1.27, -0.11, -0.95]),
    "woman": np.array([-0.95, 0.57, 1.54, 1.39, 1.62, -0.23, -0.24, 0.85, 0.33, 0.77]),
}
WOMAN = Individual(1.0, 30.0, (0.0, 0.0, 1.0), SHAPES["woman"], np.zeros((1, 3)))


@pytest.fixture(scope="module", params=list(SHAPES))
def form(request) -> DressForm:
    return stand(load_body(open_body_path()), SHAPES[request.param])


def recipe(kind: str) -> ShoeRecipe:
    for seed in range(400):
        drawn = sample_shoes(Draw("shoe test", seed), WOMAN, "skirt")
        if drawn.kind == kind:
            return drawn
    raise AssertionError(f"400 draws gave no {kind}")


def shoes(form: DressForm, kind: str) -> dict[str, Part]:
    return {part.name: part for part in make_shoes(form, recipe(kind))}


@pytest.mark.parametrize("kind", KINDS)
def test_the_shoes_are_a_pair(form, kind):
    made = shoes(form, kind)
    left, right = made["left shoe"], made["right shoe"]
    away = cKDTree(right.vertices).query(left.vertices * [-1, 1, 1])[0]
    assert away.max() < 2e-3
    for part in (left, right):
        np.testing.assert_allclose(part.joint_weights.sum(1), 1)
        assert part.uv is not None
        assert len(part.uv.faces) == len(part.faces)
        assert part.uv.coordinates.min() >= 0
        assert part.uv.coordinates.max() <= 1


@pytest.mark.parametrize("kind", ["sneakers", "leather", "boots", "flats"])
def test_a_shoe_faces_outwards(form, kind):
    shoe = shoes(form, kind)["left shoe"]
    corners = (shoe.vertices - shoe.vertices.mean(0))[shoe.faces]
    volume = np.einsum("fa,fa->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert 0.0003 < volume < 0.006


@pytest.mark.parametrize("kind", ["sneakers", "leather", "flats"])
def test_heel_and_sides_stay_inside_of_the_shoe(form, kind):
    """At each height below the top line, the shoe reaches further back and further out than the skin."""
    drawn = recipe(kind)
    shoe = shoes(form, kind)["left shoe"]
    ground = form.rest[:, 1].min()
    foot = form.rest[(form.body.weights[:, [7, 10]].sum(1) > 0.5) & (form.rest[:, 0] > 0)]
    for height in np.arange(0.012, drawn.last.topline - 0.006, 0.01):
        skin = foot[np.abs(foot[:, 1] - ground - height) < 0.006]
        near = shoe.vertices[np.abs(shoe.vertices[:, 1] - ground - height) < 0.012]
        assert near[:, 2].min() < skin[:, 2].min() + 0.001
        assert near[:, 0].max() > skin[:, 0].max() - 0.001


def test_hidden_skin_is_below_the_top_of_the_shoe(form):
    for kind in ("sneakers", "boots", "flats"):
        shoe = shoes(form, kind)["left shoe"]
        assert shoe.hides.sum() > 100
        assert form.rest[shoe.hides, 1].max() < shoe.vertices[:, 1].max()


def test_bare_feet_need_no_shoes(form):
    assert make_shoes(form, replace(recipe("flats"), kind="barefoot")) == []


def test_socks_reach_from_inside_of_the_shoe_to_their_height(form):
    drawn = replace(recipe("sneakers"), sock=0.18)
    drawn = replace(drawn, last=replace(drawn.last, shaft=0.0))
    socks = make_shoes(form, drawn)[0]
    assert socks.name == "socks"
    height = socks.vertices[:, 1] - form.rest[:, 1].min()
    assert abs(height.max() - 0.18) < 0.012
    assert height.min() < drawn.last.topline


@pytest.mark.parametrize("kind", KINDS)
def test_the_painter_paints_each_point_by_itself(form, kind):
    for part in shoes(form, kind).values():
        rng = np.random.default_rng(1)
        face, weight = rng.integers(0, len(part.faces), 200), rng.dirichlet([1, 1, 1], 200)
        normals = vertex_normals(part.vertices, part.faces)
        corners = part.faces[face]
        normal = (normals[corners] * weight[..., None]).sum(1) + 1e-9
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        where = (part.vertices[corners] * weight[..., None]).sum(1)
        together = part.painter(SurfacePoints(where, normal, face, weight))
        half = part.painter(SurfacePoints(where[:50], normal[:50], face[:50], weight[:50]))
        np.testing.assert_allclose(together.albedo[:50], half.albedo)
        assert 0 <= together.albedo.min() <= together.albedo.max() <= 1
        np.testing.assert_allclose(np.linalg.norm(together.normal, axis=1), 1)
