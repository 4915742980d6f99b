"""The camera that follows: whoever dances fills the picture and stays in it."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar
from dinar.runtime.body import Pose, forward
from dinar.runtime.camera import Camera
from dinar.runtime.measure.view import FollowingView
from dinar.runtime.motion import Motion, load_motion

SIZE = 512


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(default_avatar_path())


@pytest.fixture(scope="module")
def dance(avatar: Avatar) -> Motion:
    return load_motion("dance", avatar.body, betas=avatar.betas)


@pytest.fixture(scope="module")
def view(avatar: Avatar, dance: Motion) -> FollowingView:
    return FollowingView(avatar, dance, SIZE)


def rows(avatar: Avatar, pose: Pose, camera: Camera) -> np.ndarray:
    """The picture's rows [V] on which the vertices of the skin lie, pixels from the top."""
    vertices = forward(avatar.body, avatar.betas, pose).vertices
    p_camera = vertices @ camera.T_camera_world[:3, :3].T + camera.T_camera_world[:3, 3]
    assert (p_camera[:, 2] > 0).all()
    return camera.K[1, 1] * p_camera[:, 1] / p_camera[:, 2] + camera.K[1, 2]


@pytest.mark.parametrize("seconds", [0.0, 1.3, 4.7, 9.9])
def test_the_skin_fills_nine_tenths_of_the_height_and_is_not_cut(
    avatar: Avatar, dance: Motion, view: FollowingView, seconds: float
) -> None:
    pose = dance.sample(seconds)
    found = rows(avatar, pose, view.camera(pose))
    assert found.min() >= 0
    assert found.max() <= SIZE
    assert found.max() - found.min() >= 0.9 * SIZE


def test_a_pose_is_seen_by_the_camera_made_for_it(view: FollowingView) -> None:
    cameras = [view.camera(pose) for pose in view.poses[:40]]
    assert len({id(camera) for camera in cameras}) == 40
    assert view.camera(view.poses[7]) is cameras[7]
