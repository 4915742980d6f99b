"""Poses: people stand on the floor, their arms clear of the body; every draw another."""

import numpy as np
import pytest

from dinar.runtime.body import forward
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.poses import measure, sample_pose


@pytest.fixture(scope="module")
def build(person):
    return measure(person.form.body, person.individual.betas, person.form.rest)


@pytest.fixture(scope="module")
def poses(build):
    return [sample_pose(Draw(3, k), build) for k in range(40)]


def test_feet_stand_on_the_floor(person, poses):
    for pose in poses[::4]:
        posed = forward(person.form.body, person.individual.betas, pose)
        assert -0.02 < posed.vertices[:, 1].min() < 0.03


def test_people_look_about_to_the_front_and_stand_upright(person, poses):
    for pose in poses:
        posed = forward(person.form.body, person.individual.betas, pose)
        up = posed.joints[12] - posed.joints[0]
        assert up[1] > 0.8 * np.linalg.norm(up)
        forward_of_pelvis = posed.transforms[0, :3, 2]
        assert forward_of_pelvis[2] > 0.5


def test_forearms_keep_out_of_the_trunk(person, poses, build):
    body, rest = person.form.body, person.form.rest
    trunk = body.weights[:, [0, 3, 6, 9]].sum(1) > 0.9
    middle = rest[trunk].mean(0)
    for pose in poses:
        posed = forward(body, person.individual.betas, pose)
        for elbow, wrist in ((18, 20), (19, 21)):
            for share in (0.4, 0.7):
                point = posed.joints[elbow] + share * (posed.joints[wrist] - posed.joints[elbow])
                nearest = np.linalg.norm(posed.vertices[trunk] - point, axis=1).min()
                to_middle = np.linalg.norm(point - (posed.vertices[trunk].mean(0)))
                assert nearest > 0.02
                assert to_middle > 0.08
    assert middle[1] > build.height[0]


def test_the_same_draw_gives_the_same_pose_and_others_differ(build, poses):
    again = sample_pose(Draw(3, 5), build)
    np.testing.assert_array_equal(again.rotations, poses[5].rotations)
    np.testing.assert_array_equal(again.translation, poses[5].translation)
    turns = np.stack([pose.rotations for pose in poses]).reshape(len(poses), -1)
    apart = np.linalg.norm(turns[:, None] - turns[None], axis=2) + np.eye(len(poses))
    assert apart.min() > 0.1
    assert turns.std(0).max() > 0.3


def test_faces_vary_and_stay_within_what_the_body_can_do(poses):
    expressions = np.stack([pose.expression for pose in poses])
    assert expressions.shape == (len(poses), 10)
    assert np.abs(expressions).max() <= 1.0
    assert expressions.std(0).max() > 0.1
    assert all(0 <= pose.rotations[22, 0] <= 0.2 for pose in poses)
