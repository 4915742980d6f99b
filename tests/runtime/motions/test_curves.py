"""Splines are scipy's; an ease starts and ends at rest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from dinar.runtime.motions.curves import clamped_spline, cyclic_spline, ease

KNOTS = np.array([0.2, 1.0, 1.5, 3.0, 3.2, 4.5])


@pytest.mark.parametrize("axes", [(), (3,), (2, 2)])
def test_a_cyclic_spline_is_scipys_periodic_one(axes: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=(len(KNOTS), *axes))
    expected = CubicSpline(np.append(KNOTS, 5.2), np.concatenate([values, values[:1]]), bc_type="periodic")
    x = np.linspace(-6, 12, 301)
    np.testing.assert_allclose(cyclic_spline(KNOTS, values, 5.0, x), expected(x), atol=1e-12)


def test_a_clamped_spline_is_scipys() -> None:
    values = np.random.default_rng(1).normal(size=len(KNOTS))
    expected = CubicSpline(KNOTS, values, bc_type=((1, 0.7), (1, -2.0)))
    x = np.linspace(0.2, 4.5, 200)
    np.testing.assert_allclose(clamped_spline(KNOTS, values, 0.7, -2.0, x), expected(x), atol=1e-12)


def test_an_ease_goes_from_rest_to_rest() -> None:
    x = np.linspace(-1, 6, 7001)
    y = ease(x, 1.0, 3.0)
    assert (y[x <= 1] == 0).all()
    assert (y[x >= 3] == 1).all()
    assert (np.diff(y) >= 0).all()
    velocity, acceleration = np.gradient(y, x), np.gradient(np.gradient(y, x), x)
    for at in (1.0, 3.0):
        near = np.abs(x - at) < 0.005
        assert np.abs(velocity[near]).max() < 1e-3
        assert np.abs(acceleration[near]).max() < 0.1
