"""Unknowns: parameters that a body understands, and how likely they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dinar.runtime.body import forward, rest_vertices
from dinar.runtime.rotations import rotation_about
from dinar.trainer.fit.robust import geman_mcclure
from dinar.trainer.fit.unknowns import Start

from .subjects import open_body, random_unknowns, space

FRONT = Start(rotation_about("y", 0.0), np.array([0.1, -0.05]), 3.0)


def test_the_pelvis_stands_where_the_start_says_whatever_the_shape() -> None:
    unknowns = random_unknowns(1)
    still = replace(unknowns, place=torch.zeros(3, dtype=torch.float64))
    parameters = space().parameters(still, FRONT)
    joints = forward(open_body(), parameters.betas.numpy(), parameters.pose()).joints
    np.testing.assert_allclose(joints[0], [0.3, 0.15, -3.0], atol=1e-5)  # y up, the camera looks along -z


def test_height_is_that_of_the_t_pose() -> None:
    unknowns = random_unknowns(1)
    betas = space().parameters(unknowns, FRONT).betas.numpy()
    expected = np.ptp(rest_vertices(open_body(), betas)[:, 1])
    assert float(space().height(unknowns)) == pytest.approx(expected, abs=0.005)  # metres


def test_nothing_known_is_likeliest() -> None:
    zeros = space().zeros()
    least = float(space().energy(zeros, FRONT, 1, 1))
    assert least == pytest.approx(0, abs=0.5)  # the mean pose may touch a joint's limit
    assert float(space().energy(random_unknowns(2, spread=1.0), FRONT, 1, 1)) > least + 10


def test_people_stand_but_may_lie() -> None:
    def leaning(degrees: float) -> float:
        start = Start(rotation_about("x", np.radians(degrees)), FRONT.tangent, FRONT.depth)
        return float(space().energy(space().zeros(), start, 1, 1))

    upright, leant, lying, upside_down = (leaning(d) for d in (0, 15, 90, 180))
    assert upright + 0.5 < leant < lying
    assert upside_down - upright < 0.5 * 3.0**2


def test_turning_about_costs_nothing() -> None:
    back = Start(rotation_about("y", np.pi), FRONT.tangent, FRONT.depth)
    zeros = space().zeros()
    assert float(space().energy(zeros, back, 1, 1)) == pytest.approx(
        float(space().energy(zeros, FRONT, 1, 1))
    )


def test_outliers_cost_no_more_than_a_bound() -> None:
    errors = torch.tensor([0.0, 0.1, 4.0, 1e3])
    cost = geman_mcclure(errors.square(), 4.0)
    np.testing.assert_allclose(cost.numpy(), [0, 0.005, 4.0, 8.0], atol=1e-3)
