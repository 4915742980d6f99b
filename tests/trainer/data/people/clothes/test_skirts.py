"""Skirts hang outside of both legs, follow them, and are painted row by row."""

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.clothes.girth import measure_girth
from dinar.trainer.data.people.clothes.skirts import ANGLES, make_skirt, sample_skirt
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import DressForm, stand
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.part import SurfacePoints

WOMAN = np.array([-0.95, 0.57, 1.54, 1.39, 1.62, -0.23, -0.24, 0.85, 0.33, 0.77])
CUTS = ("pencil", "a-line", "circle", "pleated", "tiered")


@pytest.fixture(scope="module")
def form() -> DressForm:
    return stand(load_body(open_body_path()), WOMAN)


def individual(age: float = 30.0) -> Individual:
    return Individual(1.0, age, (0.0, 0.0, 1.0), WOMAN, np.zeros((1, 3)))


def recipe(cut: str, seed: int = 0):
    return sample_skirt(Draw("skirt test", seed), individual(), cut=cut)


def test_a_girth_holds_the_whole_body_at_its_heights(form):
    heights = np.array([-0.25, -0.45, -0.70])
    girth = measure_girth(form, heights, 72)
    for k, y in enumerate(heights):
        near = form.rest[np.abs(form.rest[:, 1] - y) < 0.004][:, [0, 2]] - girth.centre[k]
        turn = (np.arctan2(near[:, 0], near[:, 1]) + np.pi) / (2 * np.pi) * 72
        radius = np.interp(turn, np.arange(73), np.append(girth.radius[k], girth.radius[k, 0]))
        assert (np.hypot(*near.T) < radius + 0.006).all()


@pytest.mark.parametrize("cut", CUTS)
def test_the_cloth_is_outside_of_the_legs(form, cut):
    part = make_skirt(form, recipe(cut))
    rows = part.vertices.reshape(-1, ANGLES, 3)[1:-8]  # without the edge turned in and the lining
    rows = rows[: np.argmin(rows[:, 0, 1]) + 1]
    girth = measure_girth(form, rows[:, :, 1].mean(1), ANGLES)
    radius = np.hypot(rows[:, :, 0] - girth.centre[:, :1], rows[:, :, 2] - girth.centre[:, 1:])
    assert (radius > girth.radius + 0.001).all()


@pytest.mark.parametrize("cut", CUTS)
def test_faces_look_outwards_and_weights_add_up(form, cut):
    part = make_skirt(form, recipe(cut))
    np.testing.assert_allclose(part.joint_weights.sum(1), 1)
    normals = vertex_normals(part.vertices, part.faces).reshape(-1, ANGLES, 3)[4]
    row = part.vertices.reshape(-1, ANGLES, 3)[4]
    outwards = row - row.mean(0)
    assert (np.einsum("na,na->n", normals, outwards) > 0).all()


def test_each_side_follows_its_leg_more_than_the_other(form):
    part = make_skirt(form, recipe("a-line"))
    low = part.vertices[:, 1] < form.joints[4, 1] + 0.2
    weights = part.joint_weights[low]
    x = part.vertices[low, 0]
    left, right = weights[:, [1, 4]].sum(1), weights[:, [2, 5]].sum(1)
    assert (left[x > 0.03] > right[x > 0.03]).all()
    assert (right[x < -0.03] > left[x < -0.03]).all()


def test_wider_cuts_are_wider_at_the_hem(form):
    widths = [np.ptp(make_skirt(form, recipe(cut)).vertices[:, 0]) for cut in ("pencil", "a-line", "circle")]
    assert widths[0] < widths[1] < widths[2]


def test_the_same_recipe_gives_the_same_skirt(form):
    first, again = make_skirt(form, recipe("circle")), make_skirt(form, recipe("circle"))
    np.testing.assert_array_equal(first.vertices, again.vertices)
    assert recipe("circle") == recipe("circle")
    assert recipe("circle", 1) != recipe("circle", 2)


def test_it_hides_the_thighs_but_neither_waist_nor_shins(form):
    part = make_skirt(form, recipe("a-line", 3))
    top, hem = part.vertices[:, 1].max(), part.vertices[:, 1].min()
    hidden = form.rest[part.hides, 1]
    assert part.hides.sum() > 300
    assert hidden.max() < top
    assert hidden.min() > hem + 0.05


def test_paint_does_not_tear_at_the_seam_behind(form):
    """Points on both sides of the back's middle have nearly the same distance from the front."""
    part = make_skirt(form, recipe("straight"))
    surface = part.painter.surface
    np.testing.assert_allclose(surface.around[:, 0], -surface.around[:, -1], rtol=0.05)
    assert part.uv is not None
    assert part.uv.coordinates.min() >= 0
    assert part.uv.coordinates.max() <= 1
    assert len(part.uv.faces) == len(part.faces)


@pytest.mark.parametrize("cut", ["straight", "pleated"])
def test_the_painter_paints_each_point_by_itself(form, cut):
    part = make_skirt(form, recipe(cut))
    rng = np.random.default_rng(1)
    face, weight = rng.integers(0, len(part.faces), 200), rng.dirichlet([1, 1, 1], 200)
    normals = vertex_normals(part.vertices, part.faces)

    def points(chosen: np.ndarray) -> SurfacePoints:
        corners, share = part.faces[face[chosen]], weight[chosen][..., None]
        normal = (normals[corners] * share).sum(1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        return SurfacePoints((part.vertices[corners] * share).sum(1), normal, face[chosen], weight[chosen])

    together, alone = part.painter(points(np.arange(200))), part.painter(points(np.arange(50, 90)))
    np.testing.assert_allclose(together.albedo[50:90], alone.albedo)
    np.testing.assert_allclose(together.normal[50:90], alone.normal)
    np.testing.assert_allclose(np.linalg.norm(together.normal, axis=1), 1)
    assert 0 <= together.albedo.min() <= together.albedo.max() <= 1
    assert 0 <= together.cavity.min() <= together.cavity.max() <= 1
