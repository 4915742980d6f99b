"""Built-in motions on the open body: feet stay put, arms clear the body, loops close, joints bend as ours."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from dinar.runtime.body import Body, PosedBody, forward, load_body, open_body_path
from dinar.runtime.motion import BUILTIN_MOTIONS, Motion, load_motion

STANDING = [name for name in BUILTIN_MOTIONS if name != "a_pose_turn"]  # the soles of that one turn with it
AVERAGE: tuple[float, ...] = ()
HEAVY_WOMAN = (-0.85, 0.50, 1.35, 1.05, 1.70, -1.63, 0.33, 0.76, 0.25, 0.74)
YOUNG_MAN = (1.29, -0.56, -1.79, -0.79, -1.62, 0.21, 0.07, -1.27, -0.11, -0.95)

BLINK = 6
STRIDE_SECONDS = 1.1
LEFT_FOOT, RIGHT_FOOT = (7, 10), (8, 11)
KNEES, ELBOWS, ANKLES = [4, 5], [18, 19], [7, 8]
ARMS = [18, 19, 20, 21, *range(25, 55)]
TRUNK = [0, 1, 2, 3, 4, 5, 6, 9, 12, 15]


@cache
def body() -> Body:
    return load_body(open_body_path())


@cache
def motion(name: str, betas: tuple[float, ...] = AVERAGE) -> Motion:
    return load_motion(name, body(), betas=np.array(betas))


def part_of(whole: Body, vertices: np.ndarray) -> Body:
    """A body of these vertices only, after 55 that are the joints: poses like the whole, but faster."""
    regress = whole.J_regressor

    def cut(array: np.ndarray) -> np.ndarray:
        return np.concatenate([np.tensordot(regress, array, 1), array[vertices]])

    return dataclasses.replace(
        whole,
        v_template=cut(whole.v_template),
        shapedirs=cut(whole.shapedirs),
        exprdirs=cut(whole.exprdirs),
        posedirs=np.concatenate([np.zeros((55, 3, 486)), whole.posedirs[vertices]]),
        weights=np.concatenate([np.eye(55), whole.weights[vertices]]),
        J_regressor=np.concatenate([np.eye(55), np.zeros((55, len(vertices)))], axis=1),
    )


@cache
def feet() -> tuple[Body, np.ndarray]:
    """A third of the soles' vertices (up to 3 cm), and for each [N] the joint that moves it most."""
    weights, heights = body().weights, body().v_template[:, 1]
    of_feet = weights[:, [*LEFT_FOOT, *RIGHT_FOOT]].sum(axis=1) > 0.98
    vertices = np.flatnonzero(of_feet & (heights < heights.min() + 0.03))[::3]
    return part_of(body(), vertices), weights[vertices].argmax(axis=1)


@cache
def foot_paths(name: str, betas: tuple[float, ...] = AVERAGE) -> np.ndarray:
    """Vertices of the soles [T, N, 3], 15 per second; two strides of the walk, 60 per second."""
    m, part = motion(name, betas), feet()[0]
    seconds, rate = (2 * STRIDE_SECONDS, 60) if name == "walk" else (m.duration, 15)
    times = np.arange(round(seconds * rate)) / rate
    return np.stack([forward(part, np.array(betas), m.sample(t)).vertices[55:] for t in times])


def joint_paths(name: str, times: np.ndarray) -> np.ndarray:
    """Joints [T, 55, 3], metres."""
    skeleton = part_of(body(), np.zeros(0, int))
    return np.stack([forward(skeleton, np.zeros(0), motion(name).sample(t)).joints for t in times])


def belt_speed(paths: np.ndarray) -> float:
    """Speed along z of what touches the ground, metres per second."""
    touching = (paths[1:, :, 1] < 2e-3) & (paths[:-1, :, 1] < 2e-3)
    return float(np.median((paths[1:] - paths[:-1])[touching][:, 2]) * 60)


def angles(name: str, joints: list[int]) -> np.ndarray:
    """Axis-angles [T, J, 3] of these joints, degrees."""
    return np.degrees(motion(name).rotations[:, joints])


# --- All ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILTIN_MOTIONS)
def test_loops_go_on_without_a_jump_of_place_or_speed(name: str) -> None:
    m = motion(name)
    assert m.loops
    rotations = Rotation.from_rotvec(m.rotations.reshape(-1, 3)).as_matrix().reshape(-1, 55, 3, 3)
    to_next = np.swapaxes(rotations, -1, -2) @ np.roll(rotations, -1, axis=0)  # the last leads to the first
    velocity = Rotation.from_matrix(to_next.reshape(-1, 3, 3)).as_rotvec().reshape(-1, 55, 3) * m.fps
    acceleration = np.linalg.norm(velocity - np.roll(velocity, 1, axis=0), axis=-1) * m.fps  # [T, 55]
    # A joint that skips by 10 degrees in one frame would show 600 rad/s^2; a heel strike shows about 300.
    assert acceleration.max() < 550
    assert acceleration[[0, -1]].max() <= acceleration[1:-1].max() + 1e-3
    root = m.translation.astype(float)
    jerks = (np.roll(root, -1, axis=0) - 2 * root + np.roll(root, 1, axis=0)) * m.fps**2
    assert np.linalg.norm(jerks, axis=1).max() < 9.81


@pytest.mark.parametrize("name", BUILTIN_MOTIONS)
def test_the_person_stays_upright_on_the_spot_and_looks_ahead(name: str) -> None:
    joints = joint_paths(name, np.linspace(0, motion(name).duration, 40, endpoint=False))
    assert np.abs(joints[:, 0, [0, 2]]).max() < 0.2
    assert (joints[:, 15, 1] - joints[:, 0, 1]).min() > 0.55
    if name != "a_pose_turn":
        eyes = joints[:, 23:25].mean(axis=1) - joints[:, 15]
        assert (eyes[:, 2] / np.hypot(eyes[:, 0], eyes[:, 2])).min() > 0.85


@pytest.mark.parametrize("betas", [AVERAGE, HEAVY_WOMAN, YOUNG_MAN])
@pytest.mark.parametrize("name", ["idle", "walk", "dance"])
def test_soles_are_on_the_ground_whatever_the_shape(name: str, betas: tuple[float, ...]) -> None:
    lowest = foot_paths(name, betas)[..., 1].min(axis=1)  # [T], of the lower foot
    assert lowest.min() > -3e-3  # pose correctives move the skin by up to 2 mm
    assert lowest.max() < 3e-3


@pytest.mark.parametrize("name", STANDING)
def test_feet_do_not_slide(name: str) -> None:
    paths = foot_paths(name)
    speed = belt_speed(paths) if name == "walk" else 0.0
    ground = paths[..., [0, 2]].copy()  # [T, N, 2]
    ground[..., 1] -= (speed * np.arange(len(paths)) / 60)[:, None]  # on the belt
    touching = paths[..., 1] < 2e-3  # [T, N]
    worst = 0.0
    for vertex in np.flatnonzero(touching.any(axis=0)):
        frames = np.flatnonzero(touching[:, vertex])
        for contact in np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1):
            place = ground[contact, vertex]
            worst = max(worst, float(np.linalg.norm(place - place.mean(axis=0), axis=1).max()))
    assert worst < 5e-3


@pytest.mark.parametrize("name", BUILTIN_MOTIONS)
def test_knees_and_elbows_are_hinges_that_bend_one_way(name: str) -> None:
    knees, elbows = angles(name, KNEES), angles(name, ELBOWS)
    assert knees[..., 0].min() >= 0
    assert knees[..., 0].max() < 80
    assert np.abs(knees[..., 1:]).max() < 6
    bend = elbows[..., 1] * [-1, 1]  # the left one bends about -y
    assert bend.min() >= 0
    assert bend.max() < 150


@pytest.mark.parametrize("name", BUILTIN_MOTIONS)
def test_joints_stay_within_everyday_limits(name: str) -> None:
    magnitude = np.degrees(np.linalg.norm(motion(name).rotations, axis=-1)).max(axis=0)  # [55]
    limits = {"hips": ([1, 2], 60), "spine": ([3, 6, 9], 20), "ankles": (ANKLES, 35), "toes": ([10, 11], 70),
              "neck": ([12, 15], 30), "collars": ([13, 14], 30), "wrists": ([20, 21], 35),
              "fingers": (list(range(25, 55)), 80)}  # fmt: skip
    for part, (joints, limit) in limits.items():
        assert magnitude[joints].max() < limit, part


@cache
def quick_body() -> Body:
    """The body in float32, which `forward` then need not convert for each pose."""
    names = ("v_template", "shapedirs", "exprdirs", "posedirs", "J_regressor", "weights")
    return dataclasses.replace(body(), **{name: getattr(body(), name).astype(np.float32) for name in names})


def clearance(posed: PosedBody) -> float:
    """Least distance from forearms and hands to trunk, thighs and head, metres; negative inside."""
    v, weights = posed.vertices, body().weights
    arms = np.flatnonzero(weights[:, ARMS].sum(axis=1) > 0.95)[::2]
    trunk = np.flatnonzero(weights[:, TRUNK].sum(axis=1) > 0.8)
    corners = v[body().faces]  # [F, 3, 3]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(v)
    for corner in range(3):
        np.add.at(normals, body().faces[:, corner], across)
    distance, nearest = cKDTree(v[trunk]).query(v[arms])
    outside = ((v[arms] - v[trunk[nearest]]) * normals[trunk[nearest]]).sum(axis=1) > 0
    return float(np.where(outside, distance, -distance).min())


@pytest.mark.parametrize("betas", [AVERAGE, HEAVY_WOMAN])
@pytest.mark.parametrize("name", BUILTIN_MOTIONS)
def test_arms_do_not_pass_through_the_body(name: str, betas: tuple[float, ...]) -> None:
    m = motion(name, betas)
    seconds = STRIDE_SECONDS if name == "walk" else m.duration
    for t in np.linspace(0, seconds, 14, endpoint=False):
        posed = forward(quick_body(), np.array(betas, np.float32), m.sample(t), dtype=np.float32)
        assert clearance(posed) > 5e-3, f"at {t:.2f} s"


@pytest.mark.parametrize("name", STANDING)
def test_people_blink(name: str) -> None:
    blink = motion(name).expression[:, BLINK]
    assert blink.max() > 0.5
    assert (blink < 0.1).mean() > 0.5  # eyes are open most of the time


def test_faces_without_named_expressions_stay_neutral() -> None:
    bare = dataclasses.replace(body(), exprdirs=body().exprdirs[:, :, :0])
    assert load_motion("idle", bare).expression.shape[1] == 0


# --- Each -----------------------------------------------------------------------------------------


def test_idle_breathes_and_shifts_its_weight() -> None:
    m = motion("idle")
    chest = m.rotations[:, [3, 6, 9], 0].sum(axis=1)
    spectrum = np.abs(np.fft.rfft(chest - chest.mean()))
    assert spectrum.argmax() / m.duration == pytest.approx(0.25)  # breaths per second
    assert np.ptp(m.translation[:, 0]) > 0.05
    assert np.ptp(m.translation, axis=0).max() < 0.1


def test_walking_feet_land_on_the_heel_leave_from_the_toes_and_clear_the_belt() -> None:
    paths, joint = foot_paths("walk"), feet()[1]
    for ankle, foot in (LEFT_FOOT, RIGHT_FOOT):
        heel, toes = (paths[:, joint == j, 1].min(axis=1) for j in (ankle, foot))  # [T]
        ground = np.minimum(heel, toes) < 2e-3
        landing = np.flatnonzero(ground & ~np.roll(ground, 1))
        leaving = np.flatnonzero(~ground & np.roll(ground, 1))
        assert len(landing) == len(leaving) == 2  # strides
        assert (heel[landing] < toes[landing] - 0.03).all()
        assert (toes[leaving] < heel[leaving] - 0.005).all()
        assert ground.mean() == pytest.approx(0.62, abs=0.04)
        swing = np.flatnonzero(~ground)
        middle = [t for t in swing if not ground[[(t - 6) % len(ground), (t + 6) % len(ground)]].any()]
        assert np.minimum(heel, toes)[middle].min() > 0.01


def test_walking_is_at_a_humans_speed_and_the_belt_never_changes_it() -> None:
    paths = foot_paths("walk")
    speed = belt_speed(paths)
    assert -1.4 < speed < -0.9
    flat = (paths[1:, :, 1] < 1e-3) & (paths[:-1, :, 1] < 1e-3)
    velocity = (paths[1:, :, 2] - paths[:-1, :, 2]) * 60
    share_on_belt = (np.abs(velocity[flat] - speed) < 0.01).mean()
    assert share_on_belt > 0.9


def test_walking_arms_swing_against_the_legs() -> None:
    joints = joint_paths("walk", np.linspace(0, STRIDE_SECONDS, 44, endpoint=False))
    for wrist, ankle in ((20, 7), (21, 8)):
        hand, foot = joints[:, wrist, 2], joints[:, ankle, 2]
        assert np.corrcoef(hand, foot)[0, 1] < -0.8
        assert np.ptp(hand) > 0.25


def test_a_wave_lifts_the_right_hand_beside_the_head_and_moves_it_to_and_fro() -> None:
    times = np.arange(0, 6, 1 / 60)
    joints = joint_paths("wave", times)
    high = joints[:, 45, 1] > joints[:, [23, 24], 1].max(axis=1)  # the middle finger above the eyes
    assert 2 < high.sum() / 60 < 4
    assert not high[:30].any()
    assert not high[-30:].any()
    across = joints[high, 21, 0]
    turns = np.flatnonzero(np.diff(np.sign(np.diff(across))))
    assert len(turns) >= 8
    assert joints[:, 20, 1].max() < joints[:, 9, 1].min()  # the left arm hangs


def test_the_dance_keeps_time_and_moves_the_whole_body() -> None:
    m = motion("dance")
    assert m.duration == 8.0
    height = m.translation[:, 1] - m.translation[:, 1].mean()
    beat = np.abs(np.fft.rfft(height))[16]  # 16 beats in the loop: 120 per minute
    assert beat > 0.01 * len(height) / 2  # a bounce of 1 cm and more
    joints = joint_paths("dance", np.arange(0, 8, 1 / 30))
    reach = np.ptp(joints, axis=0).max(axis=1)
    assert reach[[20, 21]].min() > 0.6  # hands
    assert reach[[7, 8]].min() > 0.15  # feet
    assert reach[0] > 0.12  # hips
    assert np.ptp(m.rotations[:, [28, 43], 2], axis=0).min() > 0.2  # fingers


def test_the_a_pose_turns_once_to_the_left_at_constant_speed() -> None:
    m = motion("a_pose_turn")
    times = np.array([0.0, 2.0, 4.0, 6.0])
    joints = joint_paths("a_pose_turn", times)
    left = joints[:, 16] - joints[:, 17]
    heading = np.unwrap(np.arctan2(-left[:, 2], left[:, 0]))
    np.testing.assert_allclose(heading, times / m.duration * 2 * np.pi, atol=1e-3)
    upper_arm = joints[0, 18] - joints[0, 16]
    assert np.degrees(np.arctan2(-upper_arm[1], upper_arm[0])) == pytest.approx(45, abs=2)
