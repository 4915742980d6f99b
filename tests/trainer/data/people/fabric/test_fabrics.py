"""Fabrics: every pattern on every weave gives colours that keep their range, their place and their values."""

from dataclasses import fields
from typing import get_args

import numpy as np
import pytest

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.blotches import mottle
from dinar.trainer.data.people.fabric.cloth_frame import LEFT_ARM, TORSO, ClothPoints
from dinar.trainer.data.people.fabric.fabrics import FabricRecipe, Use, paint_fabric, sample_fabric
from dinar.trainer.data.people.fabric.palette import contrast, sample_palette, sample_theme, shade
from dinar.trainer.data.people.fabric.patterns import Pattern
from dinar.trainer.data.people.fabric.stripes import sample_checks, sample_stripes

GREY, RED = (0.4, 0.4, 0.4), (0.5, 0.02, 0.02)
USES = get_args(Use)
WEAVES = (
    "woven",
    "twill",
    "jersey",
    "fleece",
    "rib",
    "cord",
    "cable",
    "chunky",
    "tweed",
    "leather",
    "padded",
    "quilted",
    "lace",
    "denim",
    "smooth",
)


GOLDEN_DRESSES = [
    [0.1137, 0.2014, 0.2559, 1.0],
    [0.0288, 0.0784, 0.0491, 1.0],
    [0.3917, 0.0929, 0.0844, 1.0],
    [0.1428, 0.0853, 0.0498, 1.0],
    [0.2181, 0.1784, 0.1373, 1.0],
    [0.2241, 0.199, 0.2072, 1.0],
]  # mean colour and cavity


def panel(across: np.ndarray, up: np.ndarray, limb: int = TORSO) -> ClothPoints:
    """Points of a flat front panel."""
    count = len(across)
    position = np.stack([across, up, np.full(count, 0.1)], 1)
    normal = np.tile([0.0, 0.0, 1.0], (count, 1))
    hangs = -up if limb == LEFT_ARM else up
    whole = np.ones(count)
    return ClothPoints(
        position, normal, np.full(count, limb, np.int8), across, hangs, whole, across, 0.23 * whole
    )


def part(points: ClothPoints, chosen: slice) -> ClothPoints:
    return ClothPoints(*(getattr(points, field.name)[chosen] for field in fields(points)))


@pytest.fixture(scope="module")
def points() -> ClothPoints:
    rng = np.random.default_rng(7)
    return panel(rng.uniform(-0.2, 0.2, 4000), rng.uniform(-0.4, 0.1, 4000))


@pytest.mark.parametrize("use", USES)
def test_fabrics_of_every_use_keep_their_range_and_depend_on_the_point_alone(points, use):
    for seed in range(25):
        recipe = sample_fabric(Draw(seed, use), use)
        paint = paint_fabric(recipe, points)
        assert paint.albedo.shape == (4000, 3)
        np.testing.assert_array_equal(np.clip(paint.albedo, 0, 1), paint.albedo)
        np.testing.assert_array_equal(np.clip(paint.cavity, 0.3, 1), paint.cavity)
        assert np.abs(paint.slope).max() < 2.5
        some = paint_fabric(recipe, part(points, slice(500, 900)))
        for name in ("albedo", "slope", "cavity"):
            np.testing.assert_array_equal(getattr(some, name), getattr(paint, name)[500:900])


def test_a_draw_gives_one_fabric():
    assert sample_fabric(Draw(5, "cloth"), "dress") == sample_fabric(Draw(5, "cloth"), "dress")
    drawn = {sample_fabric(Draw(seed), "dress").pattern.name for seed in range(80)}
    assert len(drawn) >= 6


def test_fabrics_are_the_same_on_every_machine(points):
    means = []
    for seed in range(6):
        paint = paint_fabric(sample_fabric(Draw(seed), "dress"), points)
        means.append([*paint.albedo.mean(0), paint.cavity.mean()])
    np.testing.assert_allclose(means, GOLDEN_DRESSES, atol=5e-4)


@pytest.mark.parametrize("weave", WEAVES)
def test_weaves_leave_the_mean_colour_and_do_not_tilt_the_cloth(points, weave):
    recipe = FabricRecipe(Pattern("plain", (GREY, GREY), 1.0), weave, 0.03, 0.0, 0.0, 3)
    paint = paint_fabric(recipe, points)
    assert abs(paint.albedo.mean() - 0.4) < 0.09
    assert np.abs(paint.slope.mean(0)).max() < 0.06


@pytest.mark.parametrize("weave", ["rib", "cable", "padded", "quilted"])
def test_relief_lies_in_the_cloth(points, weave):
    recipe = FabricRecipe(Pattern("plain", (GREY,), 1.0), weave, 0.03, 0.0, 0.0, 3)
    slope = paint_fabric(recipe, points).slope
    assert np.abs(slope).max() > 0.2
    if weave != "padded":  # whose wrinkles are noise in all three directions
        np.testing.assert_allclose(slope @ [0, 0, 1], 0, atol=1e-12)


def test_breton_stripes_are_level_and_soft_at_their_edges():
    pattern = sample_stripes(Draw(2), (GREY, RED), "breton")
    recipe = FabricRecipe(pattern, "smooth", 0.01, 0.0, 0.0, 0)
    height = np.arange(0, 4 * pattern.size, 0.0003)
    here, there = (paint_fabric(recipe, panel(np.full(len(height), x), height)) for x in (0.0, 0.13))
    np.testing.assert_allclose(here.albedo, there.albedo)
    green = here.albedo[:, 1]
    edges = np.count_nonzero(np.diff(np.sign(green - 0.21)))
    assert edges == 8
    soft = np.count_nonzero((green > 0.021) & (green < 0.399)) / edges
    assert 5 <= soft <= 9  # about 2 mm


def test_a_check_is_the_same_either_way():
    recipe = FabricRecipe(sample_checks(Draw(3), (GREY, RED, GREY), "tartan"), "smooth", 0.01, 0.0, 0.0, 0)
    x, y = np.random.default_rng(0).uniform(-0.2, 0.2, (2, 500))
    one, other = paint_fabric(recipe, panel(x, y)), paint_fabric(recipe, panel(y, x))
    np.testing.assert_allclose(one.albedo, other.albedo, atol=1e-12)


def test_stripes_run_around_sleeves_as_around_the_chest():
    recipe = FabricRecipe(sample_stripes(Draw(2), (GREY, RED), "rugby"), "smooth", 0.01, 0.0, 0.0, 0)
    x, y = np.random.default_rng(0).uniform(-0.05, 0.05, (2, 300))
    chest, sleeve = paint_fabric(recipe, panel(x, y)), paint_fabric(recipe, panel(x, y, LEFT_ARM))
    np.testing.assert_allclose(chest.albedo, sleeve.albedo)


def test_mottle_is_smooth_and_bounded():
    line = np.linspace(-3, 3, 20001)
    points = np.stack([line, 0.3 + 0 * line, 0.7 + 0 * line], 1)
    values = mottle(points, (5.0, 5.0, 5.0), 4, 2)
    assert np.abs(values).max() <= 1.4
    assert np.ptp(values) > 0.8
    assert np.abs(np.diff(values)).max() < 0.02


def test_palettes_can_be_told_apart_and_are_mostly_muted():
    palettes = [sample_palette(Draw(seed), "top", 3) for seed in range(200)]
    assert np.median([contrast(ground, second) for ground, second, _ in palettes]) > 0.35
    grounds = np.array([palette[0] for palette in palettes])
    assert grounds.min() > 0.001
    assert grounds.max() < 0.9
    chroma = np.ptp(np.cbrt(grounds), axis=1)
    assert np.mean(chroma < 0.12) > 0.35  # black, grey, white
    assert np.mean(chroma > 0.25) > 0.1  # bright
    assert len(sample_theme(Draw(1), "clan")) == 4
    assert shade(GREY, 2.0)[0] > 0.4 > shade(GREY, 0.5)[0]
