from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dinar.runtime.body import Pose, forward, load_body, open_body_path
from dinar.runtime.rotations import matrix_from_axis_angle
from dinar.trainer.data.people.bake import find_texels, vertex_normals
from dinar.trainer.data.people.clothes.top_samples import sample_top
from dinar.trainer.data.people.clothes.tops import WornTop, make_top
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import DressForm, stand
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.part import Part, SurfacePoints

MAN = np.array([1.29, -0.56, -1.79, -0.79, -1.62, 0.21, 0.07, -1.27, -0.11, -0.95])
KINDS = (
    "tshirt", "longsleeve", "tank", "shirt", "polo", "sweater", "turtleneck", "sweatshirt", "hoodie",
    "bomber", "jacket", "blazer", "cardigan",
)  # fmt: skip
POSES = {
    "T": {},
    "arms up": {13: (0, 0, 0.25), 14: (0, 0, -0.25), 16: (0, 0, 0.9), 17: (0, 0, -0.9)},
    "walking": {1: (-0.5, 0, 0), 2: (0.4, 0, 0), 16: (0, 0.3, -1.1), 17: (0, 0.5, 1.1), 18: (0, -0.5, 0)},
    "sitting": {1: (-1.4, 0, 0.1), 2: (-1.4, 0, -0.1), 3: (0.25, 0, 0), 16: (0.2, -0.5, -0.9)},
}


@pytest.fixture(scope="module")
def form() -> DressForm:
    return stand(load_body(open_body_path()), MAN)


@pytest.fixture(scope="module")
def man(form: DressForm) -> Individual:
    return Individual(0.0, 30.0, (0.0, 0.0, 1.0), MAN, np.zeros_like(form.rest))


def waist(form: DressForm) -> float:
    return float(form.joints[0, 1]) + 0.06


def texel_points(part: Part, size: int) -> SurfacePoints:
    assert part.uv is not None
    texels = find_texels(part.uv.coordinates, part.uv.faces, height=size, width=size)
    normals = texels.interpolate(part.faces, vertex_normals(part.vertices, part.faces))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return SurfacePoints(
        texels.interpolate(part.faces, part.vertices), normals, texels.face, texels.barycentric
    )


def in_pose(form: DressForm, turns: dict[int, tuple[float, float, float]]) -> DressForm:
    rotations = np.zeros((55, 3), np.float32)
    for joint, turn in turns.items():
        rotations[joint] = turn
    posed = forward(form.body, MAN, Pose(rotations, np.zeros(3, np.float32), np.zeros(0, np.float32)))
    feature = (matrix_from_axis_angle(rotations[1:].astype(np.float64)) - np.eye(3)).reshape(-1)
    return replace(
        form,
        posed=posed.vertices,
        normals=vertex_normals(posed.vertices, form.body.faces),
        transforms=posed.transforms,
        correctives=np.einsum("vkp,p->vk", form.body.posedirs, feature),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_made_and_painted(form: DressForm, man: Individual, kind: str) -> None:
    top = make_top(form, sample_top(Draw(7, kind), man, kind), waist=waist(form))
    for part in top.parts:
        assert np.isfinite(part.vertices).all()
        np.testing.assert_allclose(part.joint_weights.sum(1), 1, atol=1e-6)
        paint = part.painter(texel_points(part, 192))
        assert paint.albedo.min() >= 0
        assert paint.albedo.max() <= 1
        assert paint.cavity.min() >= 0
        assert paint.cavity.max() <= 1
        np.testing.assert_allclose(np.linalg.norm(paint.normal, axis=1), 1, atol=1e-6)


def test_the_same_recipe_gives_the_same_top(form: DressForm, man: Individual) -> None:
    recipes = [sample_top(Draw(3), man, "shirt") for _ in range(2)]
    assert recipes[0] == recipes[1]
    one, other = (make_top(form, recipe, waist=waist(form)) for recipe in recipes)
    for a, b in zip(one.parts, other.parts, strict=True):
        np.testing.assert_array_equal(a.vertices, b.vertices)


@pytest.fixture(scope="module", params=["tshirt", "hoodie"])
def moved(form: DressForm, man: Individual, request: pytest.FixtureRequest) -> WornTop:
    """A top that is looked at in several poses."""
    return make_top(form, sample_top(Draw(2, request.param), man, request.param), waist=waist(form))


@pytest.mark.parametrize("pose", POSES)
def test_no_skin_comes_through_at_the_edges(form: DressForm, moved: WornTop, pose: str) -> None:
    bent = in_pose(form, POSES[pose])
    cloth, patch = moved.cloth, moved.cloth.patch
    own = np.arange(len(patch.anchor_vertex))
    part = moved.parts[0]
    posed = bent.pose(part.vertices, part.joint_weights, part.anchor_vertex, part.anchor_weight)[own]
    gap = np.einsum("na,na->n", posed - patch.lift(bent.posed), patch.lift(bent.normals))
    above_trousers = patch.lift(form.rest[:, 1]) > waist(form)
    seen = above_trousers & ~patch.lift(cloth.covers.astype(float)).astype(bool)
    assert (gap[seen] < -0.001).mean() < 0.01


def test_a_collar_goes_around_the_neck(form: DressForm, man: Individual) -> None:
    for kind in ("shirt", "polo", "turtleneck", "hoodie", "blazer"):
        top = make_top(form, sample_top(Draw(5, kind), man, kind), waist=waist(form))
        collar = top.parts[1]
        neck = form.joints[12]
        turn = np.degrees(np.arctan2(collar.vertices[:, 0], collar.vertices[:, 2] - neck[2]))
        assert np.diff(np.sort(turn)).max() < (130 if kind == "blazer" else 40)  # the gap in front
        assert np.abs(collar.vertices[:, 1] - neck[1]).max() < 0.3
        assert collar.vertices[:, 1].max() > neck[1]


def test_a_tucked_top_lies_flat_under_the_belt(form: DressForm, man: Individual) -> None:
    recipe = replace(sample_top(Draw(1), man, "shirt"), tucked=True)
    cloth = make_top(form, recipe, waist=waist(form)).cloth
    patch = cloth.patch
    posed = cloth.posed[: len(patch.anchor_vertex)]
    gap = np.einsum("na,na->n", posed - patch.lift(form.posed), patch.lift(form.normals))
    under_belt = patch.lift(form.rest[:, 1]) < waist(form)
    assert under_belt.sum() > 200
    assert gap[under_belt].max() < 0.004


def test_an_open_jacket_is_open_in_front_only(form: DressForm, man: Individual) -> None:
    recipe = replace(sample_top(Draw(4), man, "bomber"), front="open", gap=0.05)
    cloth = make_top(form, recipe, waist=waist(form)).cloth
    skin = cloth.patch.lift(form.rest)
    level = np.abs(skin[:, 1] - form.joints[6, 1]) < 0.05
    middle = level & (np.abs(skin[:, 0]) < 0.03)
    assert (skin[middle, 2] < form.joints[6, 2]).all()
    assert middle.sum() > 5
