"""The segmentation loss through nvdiffrast on a real GPU: the processor's loss, pushing the same way."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("nvdiffrast.torch")

from dinar.runtime.body import forward  # noqa: E402
from dinar.trainer.fit.silhouette import CpuSilhouette, SilhouetteLoss, make_target  # noqa: E402
from dinar.trainer.fit.silhouette_cuda import CudaSilhouette  # noqa: E402

from ..trainer.fit.subjects import make_truth, open_body  # noqa: E402

MOVED = np.array([0.03, -0.02, 0.0])  # metres


def loss_and_pushes(loss: SilhouetteLoss, vertices: np.ndarray) -> tuple[float, np.ndarray]:
    free = torch.from_numpy(vertices).requires_grad_()
    value = loss(free)
    value.backward()
    return float(value), free.grad.numpy()


def test_both_ways_agree() -> None:
    truth, body = make_truth(7), open_body()
    target = make_target(truth.camera, truth.mask)
    vertices = forward(body, truth.betas, truth.pose).vertices + MOVED
    own, pushes = loss_and_pushes(CpuSilhouette(body.faces, len(vertices), target), vertices)
    other, antialiased = loss_and_pushes(CudaSilhouette(body.faces, target, torch.device("cuda")), vertices)
    assert own == pytest.approx(other, abs=0.005)
    for way in (np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), vertices - vertices.mean(0)):
        mine, theirs = (pushes * way).sum(), (antialiased * way).sum()
        assert mine == pytest.approx(theirs, abs=0.1 * np.abs(pushes * way).sum())
