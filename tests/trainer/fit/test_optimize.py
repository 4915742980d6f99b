"""Stages: where a fit starts, and that its camera is the runtime's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dinar.runtime.body import forward, rest_vertices
from dinar.runtime.camera import projection_matrix
from dinar.trainer.fit.optimize import HEIGHT_DEVIATION, ORIENTATION, KeypointFit, fit_keypoints, project
from dinar.trainer.fit.photo import fit_camera
from dinar.trainer.fit.unknowns import CAMERA_AXES

from .subjects import DEPTH, Truth, make_truth, open_body, points, space

pytestmark = pytest.mark.usefixtures("one_thread")


def fit_of(truth: Truth) -> KeypointFit:
    return KeypointFit(open_body(), points(), space(), truth.camera, truth.subject.observed)


@pytest.mark.parametrize("yaw", [0.0, np.pi])
def test_the_torso_tells_where_somebody_stands(yaw: float) -> None:
    truth = make_truth(1, yaw)
    pelvis = forward(open_body(), truth.betas, truth.pose).joints[0] @ CAMERA_AXES.T
    starts = fit_of(truth).starts()
    assert len(starts) == 4
    for start in starts:
        assert start.depth == pytest.approx(DEPTH, rel=0.25)
        np.testing.assert_allclose(start.tangent, pelvis[:2] / pelvis[2], atol=0.03)


def test_points_are_projected_as_the_camera_does() -> None:
    camera = fit_camera(500.0, 300, 200)
    places = np.random.default_rng(0).normal(0, 1, (5, 3)) - [0, 0, 4]
    matrix = projection_matrix(camera)
    expected = places @ matrix[:, :3].T + matrix[:, 3]
    tensors = (torch.from_numpy(np.array(a)) for a in (places, CAMERA_AXES, camera.K))
    np.testing.assert_allclose(project(*tensors).numpy(), expected[:, :2] / expected[:, 2:])


def test_a_known_height_decides_how_tall_somebody_is() -> None:
    truth, zeros = make_truth(1), space().zeros()
    height = float(space().height(zeros))
    unknown, known, other = (
        KeypointFit(open_body(), points(), space(), truth.camera, truth.subject.observed, metres)
        for metres in (None, height, height + 2 * HEIGHT_DEVIATION)
    )
    start = unknown.starts()[0]
    energies = [float(fit.energy(zeros, start, ORIENTATION, 0)) for fit in (unknown, known, other)]
    assert energies[0] == pytest.approx(energies[1])
    assert energies[2] - energies[1] == pytest.approx(2.0)


@pytest.mark.parametrize("seed", [1, 3, 8])
def test_proportions_tell_how_tall_somebody_is(seed: int) -> None:
    truth = make_truth(seed)
    height = float(np.ptp(rest_vertices(open_body(), truth.betas)[:, 1]))
    fit = fit_of(truth)
    found = float(space().height(fit_keypoints(fit, lambda _: None).unknowns))
    usual = float(space().height(space().zeros()))
    assert abs(usual - height) > 0.05  # metres
    assert abs(found - height) < abs(usual - height) / 3


def test_orientation_and_place_bring_the_keypoints_nearer() -> None:
    fit = fit_of(make_truth(1, np.pi))
    ends = []
    for start in fit.starts()[1:3]:  # its right side, its back
        before = fit.residual(space().zeros(), start)
        moved, energy = fit.run(space().zeros(), start, ORIENTATION)
        assert fit.residual(moved, start) < before
        ends.append((energy, fit.residual(moved, start)))
    assert min(ends)[1] == pytest.approx(min(residual for _, residual in ends), rel=0.05)
