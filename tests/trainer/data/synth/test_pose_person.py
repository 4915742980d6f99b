"""Posing all parts: as the body's own forward pass does it, and clothes with it."""

from dataclasses import replace

import numpy as np
import pytest

from dinar.runtime.body import Pose, forward
from dinar.trainer.data.synth.mesh import join_parts, strongest
from dinar.trainer.data.synth.pose_person import pose_person


def some_pose() -> Pose:
    rng = np.random.RandomState(4)
    rotations = rng.standard_normal((55, 3)).astype(np.float32) * 0.25
    expression = rng.standard_normal(10).astype(np.float32) * 0.4
    return Pose(rotations, np.array([0.1, 0.9, -0.3], np.float32), expression)


def test_the_skin_is_where_the_body_model_puts_it(person, painted, studio):
    pose = some_pose()
    posed = pose_person(painted.mesh, studio.space, person.form.joints, pose)
    wanted = forward(person.form.body, person.individual.betas, pose)
    np.testing.assert_allclose(posed.vertices[: len(wanted.vertices)], wanted.vertices, atol=2e-6)
    np.testing.assert_allclose(posed.joints, wanted.joints, atol=1e-9)
    np.testing.assert_allclose(posed.head_turn, wanted.transforms[15, :3, :3], atol=1e-9)


def test_the_t_pose_leaves_everything_in_place(person, painted, studio):
    posed = pose_person(painted.mesh, studio.space, person.form.joints, Pose.rest())
    np.testing.assert_allclose(posed.vertices, painted.mesh.vertices, atol=1e-6)
    np.testing.assert_allclose(posed.turns, np.broadcast_to(np.eye(3), posed.turns.shape), atol=1e-3)


def test_a_turn_of_the_root_turns_every_face_and_normal(person, painted, studio):
    rotations = np.zeros((55, 3), np.float32)
    rotations[0] = (0, np.pi / 2, 0)
    pose = Pose(rotations, np.zeros(3, np.float32), np.zeros(0, np.float32))
    posed = pose_person(painted.mesh, studio.space, person.form.joints, pose)
    quarter = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], float)
    np.testing.assert_allclose(posed.turns, np.broadcast_to(quarter, posed.turns.shape), atol=2e-3)
    used = np.unique(painted.mesh.faces)
    still = pose_person(painted.mesh, studio.space, person.form.joints, Pose.rest())
    np.testing.assert_allclose(posed.normals[used], still.normals[used] @ quarter.T, atol=2e-3)


def test_cloth_inherits_what_the_skin_does(person, painted, studio):
    rest = pose_person(painted.mesh, studio.space, person.form.joints, Pose.rest())
    smile = replace(Pose.rest(), expression=np.eye(10, dtype=np.float32)[0])
    smiling = pose_person(painted.mesh, studio.space, person.form.joints, smile)
    count = len(person.form.rest)
    moved = smiling.vertices - rest.vertices
    # The shirt has a vertex over each of the skin's.
    np.testing.assert_allclose(moved[count : 2 * count], moved[:count], atol=1e-6)
    assert np.abs(moved[:count]).max() > 0.003


def test_the_strongest_joints_are_kept_and_sum_to_one():
    weights = np.zeros((2, 55))
    weights[0, [3, 9, 50]] = 0.2, 0.7, 0.1
    weights[1, :10] = np.arange(1, 11) / 55
    index, weight = strongest(weights)
    assert index[0, :3].tolist() == [9, 3, 50]
    np.testing.assert_allclose(weight[0, :4], [0.7, 0.2, 0.1, 0])
    assert index[1].tolist() == [9, 8, 7, 6, 5, 4, 3, 2]
    np.testing.assert_allclose(weight.sum(1), 1)


def test_a_part_without_uv_is_refused(person):
    parts = (person.parts[0], replace(person.parts[1], uv=None))
    with pytest.raises(ValueError, match="shirt"):
        join_parts(parts)


def test_hidden_skin_is_left_out(person):
    hides = np.zeros(len(person.form.rest), bool)
    hides[person.parts[1].faces] = True
    mesh = join_parts((person.parts[0], replace(person.parts[1], hides=hides)))
    own = mesh.faces[mesh.part == 0]
    assert not hides[own].all(1).any()
    assert (mesh.part_face[mesh.part == 0] < len(person.form.body.faces)).all()
