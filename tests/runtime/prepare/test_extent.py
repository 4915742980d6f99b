"""Where the joints say that a person is holds all that is drawn of it."""

import numpy as np
import pytest

from dinar.runtime.body import Pose, load_body, open_body_path
from dinar.runtime.camera import look_at, orbit, projection_matrix
from dinar.runtime.cpu.rasterize import Rasterizer
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.motion import load_motion
from dinar.runtime.prepare.extent import find_extent, joint_boxes
from dinar.runtime.prepare.joints import JointPoser
from dinar.runtime.prepare.mesh import skinned_body

BODY = load_body(open_body_path())
BETAS = np.array([1.0, -1.0, 0.5], np.float32)
MESH = skinned_body(BODY, BETAS)
SIZE = 256


def extent(pose, camera):
    joints = JointPoser(MESH)
    joints(pose)
    return find_extent(
        joint_boxes(MESH), joints.transforms, projection_matrix(camera), camera.width, camera.height
    )


@pytest.mark.parametrize("motion", ["dance", "walk", "wave", "a_pose_turn"])
def test_it_holds_the_drawn_body_and_is_not_much_larger(motion):
    skinner, rasterizer = Skinner(MESH), Rasterizer(BODY.faces, MESH.vertex_count, SIZE, SIZE)
    moves = load_motion(motion, BODY, betas=BETAS)
    for k in range(12):
        pose = moves.sample(0.37 * k)
        camera = orbit(
            np.add(pose.translation, (0, -0.2, 0)), 0.5 * k, 0.1, 3.0, fov_y=0.9, width=SIZE, height=SIZE
        )
        seen = rasterizer.draw(skinner(pose), [camera])
        left, top, right, bottom = seen.bbox[0]
        found = extent(pose, camera)
        assert found.box[0] <= left
        assert found.box[1] <= top
        assert found.box[2] >= right
        assert found.box[3] >= bottom
        assert (found.box[2] - found.box[0]) * (found.box[3] - found.box[1]) < 3 * (right - left) * (
            bottom - top
        )
        assert found.depth == pytest.approx(seen.homogeneous[0, :, 2].mean(), abs=0.2)


def test_a_camera_within_the_person_may_see_it_anywhere():
    camera = look_at((0, 0, 0), (0, 0, 1), (0, 1, 0), 1.0, SIZE, SIZE)
    assert extent(Pose.rest(), camera).box == (0, 0, SIZE, SIZE)


def test_a_person_beside_the_picture_is_outside_and_the_numbers_stay_small():
    camera = look_at((0, 0, 3), (50, 0, 2.9), (0, 1, 0), 0.5, SIZE, SIZE)
    assert extent(Pose.rest(), camera).box == (0, 0, SIZE, SIZE)  # partly behind the camera
    camera = look_at((20, 0, 3), (20, 0, -3), (0, 1, 0), 0.5, SIZE, SIZE)
    left, _, right, _ = extent(Pose.rest(), camera).box
    assert right <= 0
    assert left >= -4 * SIZE


def test_a_pose_that_is_nowhere_may_be_anywhere():
    joints = JointPoser(MESH)
    joints(Pose.rest())
    camera = look_at((0, 0, 3), (0, 0, 0), (0, 1, 0), 1.0, SIZE, SIZE)
    transforms = np.full_like(joints.transforms, np.nan)
    found = find_extent(joint_boxes(MESH), transforms, projection_matrix(camera), SIZE, SIZE)
    assert found.box == (0, 0, SIZE, SIZE)
