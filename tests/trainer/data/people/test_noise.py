"""Noise: the same on every machine, smooth, bounded, and with the gradient it claims."""

import numpy as np
import pytest

from dinar.trainer.data.people.noise import cells3, fbm, fbm_gradient, hash01, noise3, noise3_gradient

GOLDEN_NOISE = [0.4282597780227661, -0.36510673521552234]
GOLDEN_CELLS = [[0.7073717509247508, 0.39127631248257405], [0.09549286728724837, 0.6797583778388798]]
GOLDEN_HASH = [0.6289928590413183, 0.13148628757335246, 0.14310405519790947]


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return np.random.default_rng(4).uniform(-40, 40, (20000, 3))


def test_values_are_the_same_on_every_machine():
    at = np.array([[0.25, 1.5, -3.75], [1e6 + 0.5, -2e6 + 0.125, 7.875]])
    np.testing.assert_allclose(noise3(at, 7), GOLDEN_NOISE, atol=1e-12)
    np.testing.assert_allclose(np.stack(cells3(at, 7)), GOLDEN_CELLS, atol=1e-12)
    np.testing.assert_allclose(hash01(np.array([0, 1, 12345]), 3), GOLDEN_HASH, atol=1e-15)


def test_a_value_depends_on_its_point_alone(points):
    np.testing.assert_array_equal(noise3(points, 1)[100:200], noise3(points[100:200], 1))
    np.testing.assert_array_equal(cells3(points, 1)[0][100:200], cells3(points[100:200], 1)[0])


def test_noise_is_zero_at_lattice_points_and_bounded(points):
    np.testing.assert_allclose(noise3(np.round(points), 3), 0, atol=1e-12)
    values = noise3(points, 3)
    assert np.abs(values).max() < 1.25
    assert abs(values.mean()) < 0.02
    assert 0.25 < values.std() < 0.4


def test_seeds_give_unrelated_noise(points):
    assert abs(np.corrcoef(noise3(points, 1), noise3(points, 2))[0, 1]) < 0.03


@pytest.mark.parametrize(
    ("function", "gradient"),
    [
        (lambda p: noise3(p, 5), lambda p: noise3_gradient(p, 5)),
        (lambda p: fbm(p, 4, 5), lambda p: fbm_gradient(p, 4, 5)),
    ],
    ids=["noise3", "fbm"],
)
def test_gradients_agree_with_differences(points, function, gradient):
    some, step = points[:500], 1e-5
    for axis in range(3):
        offset = step * np.eye(3)[axis]
        difference = (function(some + offset) - function(some - offset)) / (2 * step)
        np.testing.assert_allclose(gradient(some)[:, axis], difference, atol=1e-6)


def test_noise_has_no_jump_across_cells():
    below, above = np.array([[3 - 1e-9, 0.3, 0.6]]), np.array([[3 + 1e-9, 0.3, 0.6]])
    assert abs(noise3(below, 9) - noise3(above, 9)) < 1e-7


def test_more_octaves_add_finer_detail(points):
    start, near = points[:2000], points[:2000] + 0.03
    rough = np.abs(fbm(near, 5, 1) - fbm(start, 5, 1)).mean() / fbm(start, 5, 1).std()
    smooth = np.abs(fbm(near, 1, 1) - fbm(start, 1, 1)).mean() / fbm(start, 1, 1).std()
    assert rough > 1.5 * smooth


def test_cells_are_nearest_points_with_one_number_each(points):
    distance, value = cells3(points, 2)
    assert distance.min() >= 0
    assert distance.max() < np.sqrt(3)
    # A cell's number does not change within the cell.
    moved = cells3(points + 1e-7, 2)[1]
    assert (moved == value).mean() > 0.999
    assert value.min() >= 0
    assert value.max() < 1
    assert abs(value.mean() - 0.5) < 0.02


def test_distance_to_the_nearest_point_changes_no_faster_than_one_walks(points):
    step = np.array([0.02, -0.01, 0.015])
    change = np.abs(cells3(points + step, 2)[0] - cells3(points, 2)[0])
    assert change.max() <= np.linalg.norm(step) + 1e-12
