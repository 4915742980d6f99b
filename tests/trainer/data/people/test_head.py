"""Distances on which all painting rests: to lines, to outlines, to landmarks."""

import numpy as np
import pytest

from dinar.trainer.data.people.head import bump, polyline_distance, signed_distance, smooth_curve


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("closed", [False, True])
def test_distance_to_a_line_is_that_to_its_nearest_sample(axes, closed):
    rng = np.random.default_rng(axes)
    line, points = rng.uniform(-1, 1, (7, axes)), rng.uniform(-1.5, 1.5, (300, axes))
    ends = np.concatenate([line[1:], line[:1]]) if closed else line[1:]
    t = np.linspace(0, 1, 2001)[:, None, None]
    samples = (line[: len(ends)] * (1 - t) + ends * t).reshape(-1, axes)
    expected = np.array([np.linalg.norm(samples - p, axis=1).min() for p in points])
    np.testing.assert_allclose(polyline_distance(points, line, closed=closed), expected, atol=1e-3)


def test_distance_to_a_square_is_positive_inside():
    square = np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])
    points = np.array([[1.0, 1], [1, 0.25], [-0.5, 1], [3, 3], [0, 1]])
    np.testing.assert_allclose(signed_distance(points, square), [1, 0.25, -0.5, -np.sqrt(2), 0], atol=1e-12)
    reversed_square = square[::-1]
    np.testing.assert_allclose(
        signed_distance(points[:4], reversed_square), [1, 0.25, -0.5, -np.sqrt(2)], atol=1e-12
    )


def test_a_dent_is_outside():
    arrow = np.array([[0.0, 0], [2, 0], [2, 2], [1, 0.5], [0, 2]])
    assert signed_distance(np.array([[1.0, 1.5]]), arrow)[0] < 0
    assert signed_distance(np.array([[0.2, 1.5]]), arrow)[0] > 0


def test_a_bump_is_the_same_left_and_right():
    centre, size = np.array([0.03, 0.1, 0.2]), np.array([0.01, 0.02, 0.03])
    points = np.random.default_rng(0).uniform(0, 0.2, (100, 3))
    expected = np.exp(-0.5 * (((points - centre) / size) ** 2).sum(1))
    np.testing.assert_allclose(bump(points, centre, size), expected, atol=1e-12)
    np.testing.assert_array_equal(bump(points * [-1, 1, 1], centre, size), bump(points, centre, size))
    assert bump(centre[None], centre, 0.01)[0] == 1


def test_smooth_curves_pass_through_their_points():
    points = np.random.default_rng(1).uniform(-1, 1, (5, 3))
    np.testing.assert_allclose(smooth_curve(points, 4)[::4], points, atol=1e-12)
    np.testing.assert_allclose(smooth_curve(points, 4, closed=True)[::4], points, atol=1e-12)
