"""Prints: where they are put, that they can be read, that they end softly and repeat."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import DressForm, stand
from dinar.trainer.data.people.fabric.cloth_frame import LEFT_ARM, TORSO, ClothPoints, cloth_points
from dinar.trainer.data.people.fabric.glyphs import Hand, bent, sample_hand, sample_word, write
from dinar.trainer.data.people.fabric.outlines import box, circle, extent, fill, fitted, lay, placed, stroke
from dinar.trainer.data.people.fabric.palette import contrast
from dinar.trainer.data.people.fabric.pictures import PICTURES, compose
from dinar.trainer.data.people.fabric.prints import Where, paint_print, sample_print

CLOTH = (0.03, 0.03, 0.05)
INKS = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
PLAIN = Hand(width=0.6, weight=0.1, slant=0.0, round=False, serif=False, gap=0.2)


@pytest.fixture(scope="module")
def form() -> DressForm:
    return stand(load_body(open_body_path()), np.zeros(10))


def clothed(form: DressForm, cut: str) -> ClothPoints:
    """Points strewn over the body, several on each triangle."""
    rng = np.random.default_rng(3)
    faces = np.repeat(form.body.faces, 4, axis=0)
    share = rng.dirichlet(np.ones(3), len(faces))
    normals = vertex_normals(form.rest, form.body.faces)
    position, normal = ((values[faces] * share[..., None]).sum(1) for values in (form.rest, normals))
    return cloth_points(form, position, normal / np.linalg.norm(normal, axis=1, keepdims=True), cut)


@pytest.fixture(scope="module")
def top(form) -> ClothPoints:
    return clothed(form, "top")


@pytest.fixture(scope="module")
def bottom(form) -> ClothPoints:
    return clothed(form, "bottom")


def printed(where: Where, seed: int, points: ClothPoints) -> np.ndarray:
    """Which points a print changes: bool [M]."""
    albedo = np.tile(CLOTH, (len(points.across), 1))
    return (paint_print(sample_print(Draw(seed), where, CLOTH), points, albedo) != albedo).any(1)


def drawn(picture, unit: float = 0.1, count: int = 160) -> np.ndarray:
    """A picture on a black square of [-1, 1]: float64 [count, count, 3], up first."""
    step = (np.arange(count) + 0.5) / count * 2 - 1
    x, y = (grid.ravel() * unit for grid in np.meshgrid(step, -step))
    albedo = np.zeros((count * count, 3))
    lay(picture, INKS, x, y, unit, albedo, np.ones(count * count))
    return albedo.reshape(count, count, 3)


@pytest.mark.parametrize("where", get_args(Where))
def test_prints_show_on_their_place_and_nowhere_else(top, bottom, where):
    points = bottom if where == "leg" else top
    shown = 0
    for seed in range(40):
        changed = printed(where, seed, points)
        shown += changed.sum() > 10
        motif = sample_print(Draw(seed), where, CLOTH).motif
        if where in ("chest", "back"):
            assert (points.limb[changed] == TORSO).all()
            if motif != "bands":
                assert ((points.facing[changed] > 0) == (where == "chest")).all()
        elif where == "sleeve":
            assert points.on_arm[changed].all()
        assert changed.mean() < 0.4
    assert shown >= 36


def test_the_first_ink_stands_out_from_the_cloth():
    for ground in ((0.02, 0.02, 0.02), (0.75, 0.75, 0.72), (0.3, 0.05, 0.05)):
        for seed in range(40):
            recipe = sample_print(Draw(seed), "chest", ground)
            assert contrast(recipe.colours[0], ground) > 0.15


def test_a_print_depends_on_the_point_alone(top):
    recipe = replace(sample_print(Draw(11), "chest", CLOTH), motif="badge", worn=1.0)
    albedo = np.tile(CLOTH, (len(top.across), 1))
    whole = paint_print(recipe, top, albedo)
    few = np.arange(0, len(albedo), 3)
    some = ClothPoints(*(getattr(top, name)[few] for name in top.__dataclass_fields__))
    np.testing.assert_array_equal(paint_print(recipe, some, albedo[few]), whole[few])


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_fill_their_box_and_repeat(name):
    for seed in range(12):
        picture = compose(name, Draw(seed))
        low, high = extent(picture)
        assert np.isfinite([low, high]).all()
        assert 1.2 < max(high - low) < 3.6
        assert np.abs((low + high) / 2).max() < 0.7
        again = compose(name, Draw(seed))
        for one, other in zip(picture, again, strict=True):
            assert one.ink == other.ink
            np.testing.assert_array_equal(np.concatenate(one.lines), np.concatenate(other.lines))


def test_shapes_are_filled_but_for_their_holes():
    image = drawn((fill(0, circle(0, 0, 0.8), circle(0, 0, 0.4)),))
    assert image[80, 80, 0] == 0
    assert image[80, 80 + 48, 0] == 1
    area = image[..., 0].mean() * 4
    np.testing.assert_allclose(area, np.pi * (0.8**2 - 0.4**2), rtol=0.01)


def test_strokes_have_their_breadth_and_soft_edges():
    image = drawn((stroke(0, 0.4, [(-2, 0), (2, 0)]),))[:, 80, 0]
    np.testing.assert_allclose(image.mean() * 2, 0.4, atol=0.002)
    assert 1 <= np.count_nonzero((image > 0) & (image < 1)) <= 6


def test_later_shapes_lie_over_earlier_ones_and_inks_fade():
    image = drawn((fill(0, box(0, 0, 2, 2), fade_to=1), fill(1, box(0, 0.5, 0.4, 0.4))))
    np.testing.assert_allclose(image[40, 80], INKS[1])
    np.testing.assert_allclose(image[4, 20], INKS[0], atol=0.05)
    np.testing.assert_allclose(image[-4, 20], INKS[1], atol=0.05)


def test_letters_stand_in_a_row_and_look_as_they_should():
    assert extent(write("IM", PLAIN))[1][0] < extent(write("MM", PLAIN))[1][0]
    low, high = extent(write("HOL", PLAIN))
    np.testing.assert_allclose((low[1], high[1]), (0, 1))
    letter = drawn(placed(write("T", PLAIN), -0.3, -0.5))[..., 0] > 0.5
    rows, columns = letter.sum(1), letter.sum(0)
    assert rows.argmax() < 60  # the bar is at the top
    assert abs(columns.argmax() - 80) < 6  # the stem is in the middle
    np.testing.assert_array_equal(letter, letter[:, ::-1])


def test_words_bend_into_an_arch():
    flat = fitted(write("ORBIT", PLAIN))
    arch = bent(flat, 2.0)
    ends = [line[:, 1].min() for line in arch[0].lines]
    assert min(ends) < flat[0].lines[0][:, 1].min() - 0.1
    np.testing.assert_allclose(arch[2].lines[0][:, 1].max(), flat[2].lines[0][:, 1].max(), atol=0.15)


def test_every_word_can_be_written():
    words = {sample_word(Draw(seed)) for seed in range(300)}
    assert len(words) > 80
    for seed, word in enumerate(sorted(words)):
        assert len(write(word, sample_hand(Draw(seed), sporty=seed % 2 == 0))) == len(word)


def test_a_name_on_a_sleeve_reads_downwards(top):
    recipe = replace(
        sample_print(Draw(0), "sleeve", CLOTH), motif="word", side="left", upright=False, size=0.2, y=0.15
    )
    albedo = np.tile(CLOTH, (len(top.across), 1))
    changed = (paint_print(recipe, top, albedo) != albedo).any(1)
    assert (top.limb[changed] == LEFT_ARM).all()
    assert np.ptp(top.along[changed]) > 1.5 * np.ptp(top.across[changed])
