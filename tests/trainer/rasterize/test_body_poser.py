"""Posing bodies of many shapes."""

import numpy as np
import pytest

from dinar.runtime.body import Pose, forward, load_body, open_body_path
from dinar.trainer.rasterize.body_poser import BodyPoser

from .body_views import random_pose


def test_each_shape_is_posed_as_the_plain_forward_pass_does():
    body = load_body(open_body_path())
    poser, random = BodyPoser(body), np.random.default_rng(0)
    for seed, count in ((0, 10), (1, 3), (2, 0)):
        betas, pose = random.normal(0, 1.5, count).astype(np.float32), random_pose(seed)
        np.testing.assert_allclose(poser(betas, pose), forward(body, betas, pose).vertices, atol=1e-4)


def test_a_shape_that_does_not_fit_is_refused():
    poser = BodyPoser(load_body(open_body_path()))
    with pytest.raises(ValueError, match="at most 10 finite numbers"):
        poser(np.zeros(11), Pose.rest())
