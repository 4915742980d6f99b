"""Priors: the poses and shapes of this project's people; knees and elbows do not bend the wrong way."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dinar.runtime.body import Body
from dinar.runtime.motions.builtin_motions import builtin_motion
from dinar.runtime.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from dinar.trainer.data.importers.vposer import VPoser
from dinar.trainer.fit.build_priors import mirrored
from dinar.trainer.fit.priors import (
    MIRRORED,
    GaussianPosePrior,
    Priors,
    VPoserPosePrior,
    gaussian,
    joint_limits,
    load_priors,
    save_priors,
    shape_prior,
)

from .subjects import open_body

LEFT_KNEE, RIGHT_KNEE, LEFT_ELBOW, RIGHT_ELBOW = 4, 5, 18, 19


@pytest.fixture(scope="module")
def priors() -> Priors:
    return load_priors()


def energy_of(priors: Priors, angles: np.ndarray) -> float:
    code = np.linalg.solve(priors.body.spread, angles[1:22].ravel() - priors.body.mean)
    return float(GaussianPosePrior(priors.body).energy(torch.from_numpy(code)))


def test_a_normal_distribution_is_that_of_its_samples() -> None:
    samples = np.random.default_rng(0).normal(0, 1, (5000, 3)) * [1.0, 2.0, 0.0] + [3.0, 0.0, 1.0]
    found = gaussian(samples, 0.5)
    np.testing.assert_allclose(found.mean, samples.mean(0))
    expected = np.diag([1.0, 4.0, 0.0]) + 0.25 * np.eye(3)
    np.testing.assert_allclose(found.spread @ found.spread.T, expected, atol=0.2)
    assert gaussian(samples, 0.0, 2).spread.shape == (3, 2)


def test_natural_poses_are_likelier_than_others(priors: Priors) -> None:
    walk = builtin_motion("walk", open_body()).sample(0.4).rotations.astype(np.float64)
    twisted = walk.copy()
    twisted[[LEFT_KNEE, 3, 9, 12]] += [[0.0, 0.9, 0.0], [0.8, 0, 0], [-0.8, 0, 0], [0, 1.0, 0]]
    assert energy_of(priors, walk) < 63 / 2  # less than a usual draw
    assert energy_of(priors, twisted) > 3 * energy_of(priors, walk)


@pytest.mark.parametrize(
    ("joint", "bent", "broken"),
    [
        (LEFT_KNEE, [1.2, 0, 0], [-0.8, 0, 0]),
        (RIGHT_KNEE, [1.2, 0, 0], [-0.8, 0, 0]),
        (LEFT_ELBOW, [0, -1.2, 0], [0, 0.8, 0]),
        (RIGHT_ELBOW, [0, 1.2, 0], [0, -0.8, 0]),
    ],
)
def test_hinges_bend_one_way(joint: int, bent: list[float], broken: list[float]) -> None:
    low, high = joint_limits()
    assert (low[joint - 1] <= bent).all()
    assert (bent <= high[joint - 1]).all()
    assert (broken < low[joint - 1]).any() or (broken > high[joint - 1]).any()


def test_left_and_right_are_alike(priors: Priors) -> None:
    assert (MIRRORED[MIRRORED] == np.arange(55)).all()
    angles = np.zeros((1, 55, 3))
    angles[0, 1:22] = priors.body.mean.reshape(21, 3)
    np.testing.assert_allclose(mirrored(angles), angles, atol=1e-5)
    low, high = joint_limits()
    other = MIRRORED[1:22] - 1
    np.testing.assert_allclose(low[other, 0], low[:, 0])
    np.testing.assert_allclose(low[other, 1:], -high[:, 1:])


def test_the_file_keeps_them(priors: Priors, tmp_path) -> None:
    copy = tmp_path / "priors.npz"
    save_priors(copy, priors)
    with np.load(copy, allow_pickle=False) as arrays:
        np.testing.assert_allclose(arrays["body_spread"], priors.body.spread, atol=1e-6)
        assert arrays["shape_of"].tobytes().decode() == open_body().hash == priors.shape_of


def test_other_bodies_have_unit_shapes(priors: Priors) -> None:
    body = open_body()
    other = Body(**{**vars(body), "hash": "of another"})
    assert shape_prior(priors, body) is priors.shape
    np.testing.assert_array_equal(shape_prior(priors, other).spread, np.eye(10))


def test_a_users_vposer_poses_as_its_decoder_does() -> None:
    rng = np.random.default_rng(1)
    sizes = ((16, 32), (16, 16), (126, 16))
    weights = tuple(rng.normal(0, 0.5, size) for size in sizes)
    vposer = VPoser(weights, tuple(rng.normal(0, 0.5, size[0]) for size in sizes), 0.2)
    code = rng.normal(0, 1, 32)
    found = VPoserPosePrior(vposer).rotations(torch.from_numpy(code)).numpy()
    np.testing.assert_allclose(found, matrix_from_axis_angle(vposer.decode(code).reshape(21, 3)), atol=1e-6)
    assert np.abs(axis_angle_from_matrix(found)).max() > 0.1
