"""Lines of age: the gradient belongs to the height, and lines end softly where they should."""

import numpy as np

from dinar.trainer.data.people.skin.grooves import Groove, carve

WIDTH, DEPTH = 0.002, 0.0004
LINE = np.array([[0.0, 0.0], [0.010, 0.001], [0.020, 0.004]])


def _groove() -> Groove:
    return Groove(LINE, WIDTH, DEPTH)


def test_it_is_deepest_on_its_line_and_fades_at_both_ends():
    middle, beside, begin, away = carve(
        np.array([[0.010, 0.001, 0], [0.010, 0.003, 0], [0.0, 0.0, 0], [0.010, 0.02, 0]]), [_groove()]
    )[0]
    assert abs(middle - DEPTH / WIDTH) < 0.02 * DEPTH / WIDTH
    assert 0.2 * middle < beside < 0.6 * middle
    assert begin < 0.05 * middle
    assert away == 0


def test_the_gradient_is_that_of_the_height_across_the_line():
    y = np.linspace(-0.004, 0.006, 2001)
    points = np.stack([np.full_like(y, 0.010), y, np.zeros_like(y)], 1)
    shade, slope = carve(points, [_groove()])
    expected = np.gradient(-shade * WIDTH, y)
    np.testing.assert_allclose(slope[5:-5, 1], expected[5:-5], atol=0.06 * np.abs(expected).max())


def test_lines_add_up():
    points = np.random.default_rng(0).uniform(-0.002, 0.022, (200, 3))
    one, two = _groove(), Groove(LINE + 0.002, WIDTH, 2 * DEPTH)
    for both, first, second in zip(
        carve(points, [one, two]), carve(points, [one]), carve(points, [two]), strict=True
    ):
        np.testing.assert_allclose(both, first + second, atol=1e-15)
