"""The outline against a mask: gradients are those of finite differences; clothes do not blow people up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from dinar.runtime.body import forward
from dinar.trainer.fit.silhouette import (
    OUTSIDE,
    UNCOVERED,
    CpuSilhouette,
    Target,
    make_target,
    silhouette_iou,
    tversky_loss,
)

from .subjects import HEIGHT, WIDTH, make_truth, open_body

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = 192  # pixels
PIXEL = 4.0 / 600 * HEIGHT / SIDE  # metres at the person's distance, about


@pytest.fixture(scope="module")
def vertices() -> np.ndarray:
    truth = make_truth(7)
    return forward(open_body(), truth.betas, truth.pose).vertices


@pytest.fixture(scope="module")
def target() -> Target:
    truth = make_truth(7)
    return make_target(truth.camera, truth.mask, SIDE)


@pytest.fixture(scope="module")
def loss(target: Target) -> CpuSilhouette:
    body = open_body()
    return CpuSilhouette(body.faces, len(body.v_template), target)


def sideways(vertices: np.ndarray) -> np.ndarray:
    return np.array([1.0, 0.0, 0.0]) * np.ones_like(vertices)


def upwards(vertices: np.ndarray) -> np.ndarray:
    return np.array([0.0, 1.0, 0.0]) * np.ones_like(vertices)


def larger(vertices: np.ndarray) -> np.ndarray:
    return vertices - vertices.mean(0)


def left_half_down(vertices: np.ndarray) -> np.ndarray:
    return (vertices[:, :1] > vertices[:, :1].mean()) * np.array([0.0, -1.0, 0.0])


@pytest.mark.parametrize("direction", [sideways, upwards, larger, left_half_down])
def test_gradients_are_those_of_finite_differences(
    loss: CpuSilhouette, vertices: np.ndarray, direction: Callable[[np.ndarray], np.ndarray]
) -> None:
    moved = vertices + np.array([3 * PIXEL, -2 * PIXEL, 0.0])  # off the mask, so that every side counts
    way = direction(moved)
    step = PIXEL / np.abs(way).max()
    ahead, behind = (float(loss(torch.from_numpy(moved + sign * step * way))) for sign in (1, -1))
    free = torch.from_numpy(moved).requires_grad_()
    loss(free).backward()
    assert free.grad is not None
    pushes = free.grad.numpy() * way
    expected = (ahead - behind) / (2 * step)
    assert pushes.sum() == pytest.approx(expected, rel=0.1, abs=0.03 * np.abs(pushes).sum())


def test_a_body_on_its_mask_has_no_loss_but_at_the_border(loss: CpuSilhouette, vertices: np.ndarray) -> None:
    assert float(loss(torch.from_numpy(vertices))) < 0.04
    assert float(loss(torch.from_numpy(vertices + np.array([10 * PIXEL, 0, 0])))) > 0.2


def test_body_beyond_the_mask_costs_more_than_cloth_beyond_the_body() -> None:
    small, large = torch.zeros(20, 20), torch.zeros(20, 20)
    small[8:12, 8:12], large[6:14, 6:14] = 1, 1
    too_small, too_large = tversky_loss(small, large), tversky_loss(large, small)
    assert too_small < 0.5 * too_large
    assert float(tversky_loss(large, large)) == 0
    assert OUTSIDE + UNCOVERED == 1


def test_the_mask_is_cut_out_and_scaled(target: Target) -> None:
    truth = make_truth(7)
    assert max(target.mask.shape) == SIDE
    metres = forward(open_body(), truth.betas, truth.pose).joints
    for camera, mask in ((truth.camera, truth.mask / 255), (target.camera, target.mask)):
        seen = (metres @ camera.T_camera_world[:3, :3].T + camera.T_camera_world[:3, 3]) @ camera.K.T
        column, row = (seen[:22, :2] / seen[:22, 2:]).astype(int).T
        assert (mask[row, column] > 0.5).mean() > 0.9
    whole = target.mask.sum() * (truth.camera.K[0, 0] / target.camera.K[0, 0]) ** 2
    assert whole == pytest.approx((truth.mask > 0).sum(), rel=0.02)


def test_what_the_photo_does_not_show_does_not_count(vertices: np.ndarray) -> None:
    """Feet that are cut off: the body may go on below the photo."""
    truth, body = make_truth(7), open_body()
    rows = np.flatnonzero(truth.mask.any(1))
    cut = int(rows[0] + 0.7 * np.ptp(rows))
    camera = type(truth.camera)(truth.camera.T_camera_world, truth.camera.K, WIDTH, cut)
    half = make_target(camera, truth.mask[:cut], SIDE)
    assert float(CpuSilhouette(body.faces, len(vertices), half)(torch.from_numpy(vertices))) < 0.04


def test_intersection_over_union() -> None:
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    a[:2], b[1:3] = True, True
    assert silhouette_iou(a, b) == pytest.approx(1 / 3)
