"""A puppet's handles put the body where they say, measured on the posed body."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

from dinar.runtime.body import Body, Pose, PosedBody, forward, load_body, open_body_path
from dinar.runtime.motions.puppet import SIDES, FootPath, Puppet, Side, Skeleton
from dinar.runtime.rotations import axis_angle_from_matrix, rotation_about

BETAS = np.array([0.8, -0.5, 1.0])


@cache
def body() -> Body:
    """The open body without pose correctives, which move the skin by millimetres off the bones."""
    whole = load_body(open_body_path())
    return dataclasses.replace(whole, posedirs=np.zeros_like(whole.posedirs))


@cache
def skeleton() -> Skeleton:
    return Skeleton.of(body(), BETAS)


def posed(puppet: Puppet, frame: int = 0) -> PosedBody:
    rotations = axis_angle_from_matrix(puppet.rotations[frame])
    translation = puppet.pelvis[frame] - puppet.skeleton.joints[0]
    return forward(body(), BETAS, Pose(rotations, translation, np.zeros(0)))


def test_a_puppet_starts_in_t_pose_on_the_ground() -> None:
    vertices = posed(Puppet(skeleton(), 0.1)).vertices
    assert vertices[:, 1].min() == pytest.approx(0, abs=2e-3)
    assert np.abs(vertices[:, 0]).max() > 0.75 * vertices[:, 1].max() / 2


def random_feet(puppet: Puppet) -> dict[Side, FootPath]:
    """Feet anywhere within reach: near the ground, turned and tipped."""
    random = np.random.default_rng(3)
    frames = len(puppet.pelvis)
    paths: dict[Side, FootPath] = {}
    for i, side in enumerate(SIDES):
        s = 1 - 2 * i
        ankle = random.uniform((0.1 * s - 0.15, 0.08, -0.2), (0.1 * s + 0.15, 0.3, 0.2), (frames, 3))
        heading = random.uniform(-0.3, 0.3, frames)
        tipped = rotation_about("y", heading) @ rotation_about("x", random.uniform(-0.4, 0.4, frames))
        paths[side] = FootPath(ankle, tipped, heading)
    return paths


def test_legs_bring_ankles_to_their_places_with_the_feet_turned_as_asked() -> None:
    puppet = Puppet(skeleton(), 0.2)
    turned = rotation_about("y", np.linspace(-0.3, 0.3, len(puppet.pelvis))) @ rotation_about("z", 0.1)
    puppet.trunk(turned, turned)
    paths = random_feet(puppet)
    puppet.settle(paths["left"], paths["right"], 0.99)
    puppet.legs(paths["left"], paths["right"])
    for frame in range(len(puppet.pelvis)):
        result = posed(puppet, frame)
        for side, ankle in zip(SIDES, (7, 8), strict=True):
            np.testing.assert_allclose(result.joints[ankle], paths[side].ankle[frame], atol=1e-6)
            np.testing.assert_allclose(
                result.transforms[ankle, :3, :3], paths[side].rotation[frame], atol=1e-6
            )


def test_knees_point_where_the_feet_head() -> None:
    puppet = Puppet(skeleton(), 0.2)
    paths = random_feet(puppet)
    puppet.settle(paths["left"], paths["right"], 0.95)
    puppet.legs(paths["left"], paths["right"])
    for frame in range(len(puppet.pelvis)):
        joints = posed(puppet, frame).joints
        for side, (hip, knee, ankle) in zip(SIDES, ((1, 4, 7), (2, 5, 8)), strict=True):
            line = joints[ankle] - joints[hip]
            off = joints[knee] - joints[hip]
            off = off - line * (off @ line) / (line @ line)  # from the line hip - ankle to the knee
            heading = np.asarray(paths[side].heading)[frame]
            ahead = np.array([np.sin(heading), 0, np.cos(heading)])
            ahead = ahead - line * (ahead @ line) / (line @ line)
            assert off @ ahead / (np.linalg.norm(off) * np.linalg.norm(ahead)) > 0.999


def test_settling_stretches_the_longest_leg_as_far_as_asked() -> None:
    puppet = Puppet(skeleton(), 0.2)
    paths = random_feet(puppet)
    puppet.settle(paths["left"], paths["right"], 0.95)
    puppet.legs(paths["left"], paths["right"])
    stretch = [
        np.linalg.norm(joints[ankle] - joints[hip]) / skeleton().leg_length
        for joints in (posed(puppet, frame).joints for frame in range(len(puppet.pelvis)))
        for hip, ankle in ((1, 7), (2, 8))
    ]
    assert max(stretch) == pytest.approx(0.95, abs=1e-6)


@pytest.mark.parametrize("side", SIDES)
def test_lifting_the_heel_leaves_the_toes_where_they_are(side: Side) -> None:
    ball = 10 + SIDES.index(side)
    toes = []
    for heel in (0.0, 0.6):
        puppet = Puppet(skeleton(), 0.1)
        left = puppet.standing_foot("left", np.array([0.1, 0.0]), heel=heel)
        right = puppet.standing_foot("right", np.array([-0.1, 0.0]), heel=heel)
        puppet.settle(left, right, 0.97)
        puppet.legs(left, right)
        toes.append(posed(puppet).vertices[body().weights[:, ball] > 0.99])
    np.testing.assert_allclose(toes[0], toes[1], atol=1e-3)


@pytest.mark.parametrize(("side", "wrist", "elbow"), [("left", 20, 18), ("right", 21, 19)])
def test_arm_handles_mean_the_same_on_both_sides(side: Side, wrist: int, elbow: int) -> None:
    s = 1 if side == "left" else -1

    def arm(**handles: float) -> tuple[np.ndarray, np.ndarray]:
        """Directions of upper arm and forearm, x outwards."""
        puppet = Puppet(skeleton(), 0.1)
        puppet.arm(side, **handles)
        joints = posed(puppet).joints
        upper, fore = joints[elbow] - joints[elbow - 2], joints[wrist] - joints[elbow]
        return tuple(v / np.linalg.norm(v) * [s, 1, 1] for v in (upper, fore))

    np.testing.assert_allclose(arm(lift=0.0)[0], [0, -1, 0], atol=0.05)  # hangs
    np.testing.assert_allclose(arm(lift=np.pi / 2)[0], [1, 0, 0], atol=0.05)  # T-pose
    assert arm(lift=0.0, swing=0.5)[0][2] > 0.4  # forwards
    assert arm(lift=np.pi / 2, forward=0.5)[0][2] > 0.4
    assert arm(lift=0.0, elbow=1.5)[1][2] > 0.9  # the forearm points ahead
    assert arm(lift=0.0, elbow=1.5, turn=0.5)[1][0] < -0.4  # inwards
    assert arm(lift=np.pi / 2, elbow=1.5, turn=-1.5)[1][1] > 0.9  # up
    np.testing.assert_allclose(arm(lift=0.3, shrug=0.2)[0], arm(lift=0.3)[0], atol=1e-6)


@pytest.mark.parametrize(("side", "wrist", "first"), [("left", 20, 25), ("right", 21, 40)])
def test_a_closing_hand_brings_the_finger_tips_to_the_palm(side: Side, wrist: int, first: int) -> None:
    below, length = [], []
    for curl in (0.0, 0.25, 0.6):
        puppet = Puppet(skeleton(), 0.1)
        puppet.hand(side, curl)
        joints = posed(puppet).joints
        tips = joints[[first + 2, first + 5, first + 8, first + 11]]
        below.append((joints[wrist, 1] - tips[:, 1]).min())  # palms look down
        length.append(np.linalg.norm(tips - joints[wrist], axis=1).max())
    assert below[0] < below[1] < below[2]
    assert length[0] > length[1] > length[2]


def test_the_head_looks_where_it_is_told_whatever_the_trunk_does() -> None:
    puppet = Puppet(skeleton(), 0.1)
    puppet.trunk(rotation_about("y", np.full(len(puppet.pelvis), 0.4)), rotation_about("z", 0.3)[None])
    look = rotation_about("x", np.full(len(puppet.pelvis), 0.2))
    puppet.head(look)
    np.testing.assert_allclose(posed(puppet).transforms[15, :3, :3], look[0], atol=1e-6)
