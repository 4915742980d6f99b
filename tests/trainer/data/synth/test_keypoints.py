"""Keypoints: on the right parts of the person, found where they can be seen, in OpenPose's format."""

import json

import numpy as np
import pytest

from dinar.runtime.body import Pose
from dinar.trainer.data.synth.draw_view import open_rasterizer
from dinar.trainer.data.synth.keypoints import GUESSED, find_keypoints
from dinar.trainer.data.synth.pose_person import pose_person
from dinar.trainer.data.synth.scene import frame

SIZE = 256
NOSE, NECK, R_SHOULDER, R_WRIST, L_SHOULDER, L_WRIST, MID_HIP, R_EYE, L_EYE, L_EAR = (
    0,
    1,
    2,
    4,
    5,
    7,
    8,
    15,
    16,
    18,
)
L_BIG_TOE, R_BIG_TOE = 19, 22


@pytest.fixture(scope="module")
def seen_from(person, painted, studio):
    """Return a function: azimuth => keypoints and the posed person, standing in the T-pose."""
    posed = pose_person(painted.mesh, studio.space, person.form.joints, Pose.rest())
    rasterizer = open_rasterizer(painted.mesh, SIZE, SIZE, 1)

    def look(azimuth):
        camera = frame(posed.vertices, azimuth, 0.0, fov_y=0.4, fill=0.9, size=SIZE)
        seen = rasterizer.draw(posed.vertices, [camera], cull_back_faces=False)
        found = find_keypoints(
            studio.landmarks,
            studio.body.faces,
            posed.vertices[: len(person.form.rest)],
            posed.joints,
            posed.head_turn,
            camera,
            seen.inverse_depth[0],
        )
        return found, seen.triangle[0].copy()

    return look


def test_from_the_front_everything_is_seen_and_the_left_is_on_the_right(seen_from):
    found, _ = seen_from(0.0)
    body = found.body
    assert (body[[NOSE, NECK, R_SHOULDER, L_SHOULDER, R_WRIST, L_WRIST, R_EYE, L_EYE], 2] == 1).all()
    for left, right in ((L_SHOULDER, R_SHOULDER), (L_WRIST, R_WRIST), (L_EYE, R_EYE), (L_BIG_TOE, R_BIG_TOE)):
        assert body[left, 0] > body[right, 0] + 2
    assert body[NOSE, 1] < body[NECK, 1] < body[MID_HIP, 1] < body[L_BIG_TOE, 1]
    assert (found.face[17:, 2] == 1).all()
    assert found.left_hand[:, 0].min() > found.right_hand[:, 0].max()


def test_keypoints_lie_on_the_person(seen_from):
    for azimuth in (0.0, 0.7, np.pi):
        found, triangle = seen_from(azimuth)
        for points in (found.body, found.left_hand, found.right_hand, found.face[17:]):
            some = points[points[:, 2] > 0]
            place = (some[:, :2] * 2).astype(int)
            near = [(triangle[r - 2 : r + 3, c - 2 : c + 3] >= 0).any() for c, r in place]
            assert all(near)


def test_a_face_turned_away_is_not_found_and_a_hidden_joint_is_guessed(seen_from):
    behind, _ = seen_from(np.pi)
    assert (behind.body[[NOSE, R_EYE, L_EYE]] == 0).all()
    assert (behind.face[27:] == 0).all()
    assert behind.body[L_SHOULDER, 0] < behind.body[R_SHOULDER, 0]
    side, _ = seen_from(-np.pi / 2)  # sees the right side
    assert side.body[R_WRIST, 2] == 1
    assert side.body[L_WRIST, 2] == GUESSED
    assert side.body[L_EAR, 2] == 0


def test_the_contour_follows_the_camera(seen_from):
    def contour(azimuth):
        found, _ = seen_from(azimuth)
        chin = found.face[8, :2]
        return found.face[0, :2] - chin, found.face[16, :2] - chin

    (front_right, front_left), (turned_right, turned_left) = contour(0.0), contour(0.6)
    assert abs(front_right[0] + front_left[0]) < 1.5  # symmetric
    assert abs(turned_left[0]) > abs(front_left[0])  # the person's left cheek faces the camera
    assert abs(turned_right[0]) < abs(front_right[0])


def test_openpose_format(seen_from):
    found, _ = seen_from(0.3)
    person = json.loads(found.to_openpose())["people"][0]
    lengths = {"pose": 25, "face": 70, "hand_left": 21, "hand_right": 21}
    for name, count in lengths.items():
        flat = person[f"{name}_keypoints_2d"]
        assert len(flat) == 3 * count
    np.testing.assert_allclose(np.reshape(person["pose_keypoints_2d"], (25, 3)), found.body, atol=1e-3)
