"""Views of bodies for tests: no pictures, but poses, shapes and cameras."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dinar.runtime.body import Body, Pose, forward
from dinar.runtime.camera import Camera, framing
from dinar.trainer.data.dataset.batch import ViewBatch, collate_views
from dinar.trainer.data.dataset.layout import View


def random_pose(seed: int) -> Pose:
    random = np.random.default_rng(seed)
    rotations = random.normal(0, 0.15, (55, 3)).astype(np.float32)
    rotations[0] = (0, random.uniform(-2, 2), 0)
    return Pose(
        rotations,
        random.normal(0, 1, 3).astype(np.float32),
        random.normal(0, 0.5, 10).astype(np.float32),
    )


def body_view(body: Body, seed: int, size: int, fill: float = 0.9) -> View:
    """Somebody in some pose, from some side, in an empty picture of size x (size + 8) pixels."""
    random = np.random.default_rng((seed, 1))
    betas, pose = random.normal(0, 1, 10).astype(np.float32), random_pose(seed)
    camera = camera_around(forward(body, betas, pose).vertices, random.uniform(-3, 3), size, size + 8, fill)
    nothing = np.zeros((size, size + 8), np.uint8)
    return View("somebody", seed, np.repeat(nothing[..., None], 3, 2), nothing, pose, betas, camera)


def camera_around(vertices: np.ndarray, azimuth: float, height: int, width: int, fill: float) -> Camera:
    low, high = vertices.min(0), vertices.max(0)
    return framing(low, high, width=width, height=height, azimuth=azimuth, fill=fill)


def body_views(body: Body, seeds: Sequence[int], size: int) -> ViewBatch:
    return collate_views([body_view(body, seed, size) for seed in seeds])
