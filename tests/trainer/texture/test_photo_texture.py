"""Colours carried from a photo to the texture: the body is painted with a texture we chose."""

import numpy as np
import pytest

from dinar.runtime.body import Pose, load_body, open_body_path
from dinar.runtime.camera import framing
from dinar.trainer.data.uv.pack import texel_triangles
from dinar.trainer.texture.body_view import BodyView, view_body
from dinar.trainer.texture.photo_texture import covered_texels, fill_gaps, photo_texture

SIDE = 256


@pytest.fixture(scope="module")
def body():
    return load_body(open_body_path())


@pytest.fixture(scope="module")
def view(body) -> BodyView:
    low, high = body.v_template.min(0), body.v_template.max(0)
    camera = framing(low, high, width=512, height=512, fill=0.95)
    return view_body(body, np.zeros(10), Pose.rest(), camera)


@pytest.fixture(scope="module")
def covered(body):
    return covered_texels(body, SIDE)


def true_colour(uv: np.ndarray) -> np.ndarray:
    """A smooth texture: sRGB in [0, 1] at texture coordinates [..., 2]."""
    u, v = uv[..., 0], uv[..., 1]
    return np.stack([0.5 + 0.4 * np.sin(9 * u), 0.5 + 0.4 * np.cos(11 * v), 0.3 + 0.4 * u * v], -1)


def photograph(view: BodyView) -> np.ndarray:
    picture = np.where(view.coverage[..., None], true_colour(view.uv), 1.0)
    return np.round(255 * picture).astype(np.uint8)


def centres() -> np.ndarray:
    middle = (np.arange(SIDE) + 0.5) / SIDE
    return np.stack(np.meshgrid(middle, middle), -1)


def test_texels_get_the_colour_that_the_photo_shows_there(view, covered):
    texture = photo_texture(photograph(view), view.coverage, view, covered)
    error = np.abs(texture.rgb - true_colour(centres()))
    assert error[texture.sampled].max() < 0.03
    assert error[texture.filled].max() < 0.06
    assert texture.sampled.sum() > 7000


def test_small_gaps_are_filled_and_nothing_else_is(view, covered):
    texture = photo_texture(photograph(view), view.coverage, view, covered)
    assert (texture.filled | ~texture.sampled).all()  # what is sampled is filled
    assert texture.filled.sum() > 1.1 * texture.sampled.sum()
    assert not (texture.filled & ~covered).any()
    assert (texture.rgb[~texture.filled] == 0).all()


def test_what_may_not_be_used_is_not(view, covered):
    keep = view.coverage.copy()
    keep[:, :256] = False  # the person's right half
    texture = photo_texture(photograph(view), keep, view, covered)
    whole = photo_texture(photograph(view), view.coverage, view, covered)
    assert 0.4 < texture.sampled.sum() / whole.sampled.sum() < 0.6
    allowed = view.uv[keep]
    cells = np.zeros((SIDE, SIDE), bool)
    cells[(allowed[:, 1] * SIDE).astype(int), (allowed[:, 0] * SIDE).astype(int)] = True
    assert not (texture.sampled & ~cells).any()


def test_facing_is_one_towards_the_camera_and_falls_to_the_outline(view, covered):
    texture = photo_texture(photograph(view), view.coverage, view, covered)
    assert texture.facing[texture.filled].max() > 0.99
    assert texture.facing.min() >= 0
    assert (texture.facing[~texture.filled] == 0).all()
    chest = view.facing()[170:200, 250:262]
    assert chest.mean() > 0.8
    outline = view.coverage & ~np.roll(view.coverage, 2, axis=1)
    assert view.facing()[outline].mean() < 0.45


def test_pictures_of_another_size_are_refused(view, covered):
    with pytest.raises(ValueError, match=r"expects image and keep of \(512, 512\)"):
        photo_texture(np.zeros((256, 512, 3), np.uint8), view.coverage, view, covered)


def test_covered_texels_hold_every_texel_centre_on_a_triangle(body, covered):
    owners, _ = texel_triangles(body.uv.astype(float) * SIDE, body.uv_faces, SIDE, SIDE)
    assert not ((owners >= 0) & ~covered).any()
    assert covered.sum() < 1.25 * (owners >= 0).sum()


# --- Gaps ---


def square(hole: int) -> tuple[np.ndarray, np.ndarray]:
    """A known square of 20 x 20 with a hole in its middle; values rise to the right."""
    known = np.zeros((40, 40), bool)
    known[10:30, 10:30] = True
    known[20 - hole // 2 : 20 + (hole + 1) // 2, 20 - hole // 2 : 20 + (hole + 1) // 2] = False
    values = np.where(known, np.arange(40), 0).astype(np.float32)[..., None]
    return values, known


@pytest.mark.parametrize(("hole", "closes"), [(1, True), (3, True), (5, True), (10, False)])
def test_a_hole_closes_when_it_is_small(hole, closes):
    values, known = square(hole)
    filled, now = fill_gaps(values, known, np.ones_like(known), 3)
    inside = np.zeros_like(known)
    inside[10:30, 10:30] = True
    assert now[20, 20] == closes
    assert not (now & ~inside).any()  # the outline stays where it is
    np.testing.assert_array_equal(filled[known], values[known])
    if closes:
        assert np.abs(filled[..., 0] - np.arange(40))[now].max() <= hole / 2


def test_gaps_at_the_border_of_a_chart_close_too_but_nothing_leaves_it():
    values, known = square(1)
    covered = np.zeros_like(known)
    covered[10:30, 10:30] = True
    known[10:12, 15:17] = False
    values[~known] = 0
    filled, now = fill_gaps(values, known, covered, 3)
    np.testing.assert_array_equal(now, covered)
    assert (filled[~covered] == 0).all()


def test_reach_zero_fills_nothing():
    values, known = square(1)
    filled, now = fill_gaps(values, known, np.ones_like(known), 0)
    np.testing.assert_array_equal(now, known)
    np.testing.assert_array_equal(filled, values)
