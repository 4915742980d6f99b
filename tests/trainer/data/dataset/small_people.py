"""Small datasets of the open body's people: coarse pictures, masks that really meet the projected joints."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from dinar.runtime.body import Body, Pose, load_body, open_body_path
from dinar.runtime.camera import framing
from dinar.trainer.data.dataset.layout import DatasetInfo, View, create_dataset, write_person
from dinar.trainer.data.dataset.plausibility import joint_model


@cache
def open_body() -> Body:
    return load_body(open_body_path())


def info_of(body: Body, *, synthetic: bool = False) -> DatasetInfo:
    source = "dinar synth, in a test" if synthetic else "made by a test"
    return DatasetInfo("small people", source, "CC0-1.0", body.hash, len(body.v_template))


def make_dataset(
    root: Path,
    people: list[str],
    *,
    views: int = 4,
    synthetic: bool = False,
    ending: str = ".png",
    size: int = 48,
) -> Path:
    """Write a dataset whose cameras go round each person; view 0 sees the front."""
    body = open_body()
    model = joint_model(body)
    create_dataset(root, info_of(body, synthetic=synthetic))
    for person in people:
        rng = np.random.default_rng(list(person.encode()))
        write_person(
            root, person, [make_view(model, person, n, views, size, rng) for n in range(views)], ending=ending
        )
    return root


def make_view(model, person: str, number: int, views: int, size: int, rng: np.random.Generator) -> View:
    rotations = rng.normal(0, 0.1, (55, 3)).astype(np.float32)
    rotations[0] = (0, rng.uniform(-2, 2), 0)  # stands upright, faces anywhere
    pose = Pose(rotations, rng.normal(0, 1, 3).astype(np.float32), np.zeros(10, np.float32))
    betas = rng.normal(0, 1, 10).astype(np.float32)
    joints = model.joints(betas, pose)
    azimuth = float(rotations[0, 1]) + 2 * math.pi * number / views
    camera = framing(joints.min(0) - 0.1, joints.max(0) + 0.1, width=size, height=size, azimuth=azimuth)
    seen = joints[:23] @ camera.T_camera_world[:3, :3].T + camera.T_camera_world[:3, 3]
    pixel = (seen @ camera.K.T)[:, :2] / seen[:, 2:]
    mask = np.zeros((size, size), np.uint8)
    mask[tuple(pixel[:, ::-1].astype(int).T)] = 255
    mask = cv2.dilate(mask, np.ones((5, 5), np.uint8))
    image = np.full((size, size, 3), rng.integers(0, 256, 3), np.uint8)
    image[mask > 0] = (number, 100, 200)
    return View(person, number, image, mask, pose, betas, camera)
