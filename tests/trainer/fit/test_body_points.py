"""Where keypoints lie on a body: the same places as `dinar synth` puts them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dinar.runtime.body import forward
from dinar.trainer.data.synth.keypoints import find_keypoints, load_landmarks
from dinar.trainer.fit.keypoints import FACE

from .subjects import HEIGHT, WIDTH, make_truth, open_body

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("yaw", [0.0, 0.5])
def test_they_are_those_of_synthetic_people(yaw: float) -> None:
    truth, body = make_truth(1, yaw), open_body()
    posed = forward(body, truth.betas, truth.pose)
    head = posed.transforms[15, :3, :3]
    nothing = np.zeros((2 * HEIGHT, 2 * WIDTH), np.float32)  # nothing hides anything
    expected = find_keypoints(
        load_landmarks(), body.faces, posed.vertices, posed.joints, head, truth.camera, nothing
    )
    for name, points in vars(expected).items():
        np.testing.assert_allclose(getattr(truth.keypoints, name), points, atol=2e-3, err_msg=name)
    assert len(truth.keypoints.face) == FACE.stop - FACE.start
    assert torch.get_num_threads() == 1
