"""A motion file becomes poses: right axes, joints and times, no jump, one sentence when it is no motion."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from dinar.runtime import motion as motion_module
from dinar.runtime.body import Body, Pose, forward
from dinar.runtime.motion import BUILTIN_MOTIONS, Motion, MotionError, load_motion, looped, read_motion

BETAS = np.array([0.7, -1.2])
BODY_PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15, 15, 15]
FINGER_PARENTS = [parent for k in range(10) for parent in (20 + k // 5, 25 + 3 * k, 26 + 3 * k)]


@pytest.fixture(scope="module")
def body() -> Body:
    """Eighty vertices that every joint, shape and expression moves; its pelvis is nowhere near the origin."""
    random = np.random.default_rng(0)
    V = 80
    regressor, weights = random.random((55, V)), random.random((V, 55)) ** 4
    return Body(
        v_template=random.normal((0.2, -0.4, 0.1), size=(V, 3)),
        faces=np.zeros((1, 3), np.int32),
        shapedirs=random.normal(size=(V, 3, 2)) * 0.1,
        exprdirs=random.normal(size=(V, 3, 10)) * 0.1,
        posedirs=random.normal(size=(V, 3, 486)) * 0.01,
        J_regressor=regressor / regressor.sum(1, keepdims=True),
        parents=np.array(BODY_PARENTS + FINGER_PARENTS, np.int32),
        weights=weights / weights.sum(1, keepdims=True),
        uv=np.zeros((1, 2), np.float32),
        uv_faces=np.zeros((1, 3), np.int32),
        hash="0" * 64,
    )


def wander(frames: int, columns: int, seed: int = 0, size: float = 0.4) -> np.ndarray:
    """Smooth random curves [frames, columns]."""
    random = np.random.default_rng(seed)
    t = np.arange(frames)[:, None] / 60
    rates, phases = random.uniform(0.5, 2.5, (2, columns)), random.uniform(0, 6, (2, columns))
    return size * (np.sin(rates[0] * t + phases[0]) + np.sin(rates[1] * t + phases[1]))


def upright(frames: int, up: str, seed: int = 9) -> np.ndarray:
    """Root orientations [frames, 3] of someone who stands and turns about, y up or z up."""
    yaw = Rotation.from_rotvec(wander(frames, 1, seed, 1.5) * [0, 1, 0])
    lean = Rotation.from_rotvec(wander(frames, 3, seed + 1, 0.15))
    stand = Rotation.from_rotvec([np.pi / 2, 0, 0]) if up == "z" else Rotation.identity()
    return (stand * yaw * lean).as_rotvec()


def amass(frames: int = 40, width: int = 165, up: str = "z", **more: Any) -> dict[str, Any]:
    poses = wander(frames, width)
    poses[:, :3] = upright(frames, up)
    return {"poses": poses, "trans": wander(frames, 3, 1), "mocap_framerate": np.array(120.0)} | more


def saved(path: Path, arrays: dict[str, Any]) -> Path:
    np.savez(path, **arrays)
    return path


def make_motion(frames: int = 30, *, loops: bool = False, fps: float = 60.0) -> Motion:
    return Motion(
        wander(frames, 165).reshape(-1, 55, 3), wander(frames, 3, 1), wander(frames, 10, 2), fps, "m", loops
    )


def matrices(axis_angle: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(axis_angle.reshape(-1, 3)).as_matrix()


def assert_same_pose(a: Pose, b: Pose, atol: float = 1e-5) -> None:
    np.testing.assert_allclose(matrices(a.rotations), matrices(b.rotations), atol=atol)
    np.testing.assert_allclose(a.translation, b.translation, atol=atol)
    np.testing.assert_allclose(a.expression, b.expression, atol=atol)


# --- The clock ------------------------------------------------------------------------------------


def test_a_frame_is_found_at_its_time() -> None:
    motion = make_motion()
    for frame in (0, 7, 29):
        expected = Pose(motion.rotations[frame], motion.translation[frame], motion.expression[frame])
        assert_same_pose(motion.sample(frame / 60), expected, 1e-4)


def test_between_frames_rotations_follow_the_great_arc_and_the_rest_is_linear() -> None:
    motion = make_motion()
    pose = motion.sample(7.3 / 60)
    for joint in (0, 18, 54):
        arc = Slerp([7, 8], Rotation.from_rotvec(motion.rotations[7:9, joint]))(7.3)
        np.testing.assert_allclose(matrices(pose.rotations[joint])[0], arc.as_matrix(), atol=1e-5)
    np.testing.assert_allclose(pose.translation, motion.translation[7:9].T @ [0.7, 0.3], atol=1e-6)
    np.testing.assert_allclose(pose.expression, motion.expression[7:9].T @ [0.7, 0.3], atol=1e-6)


def test_a_turn_through_the_half_turn_takes_the_short_way() -> None:
    rotations = np.zeros((2, 55, 3))
    rotations[:, 0, 1] = np.pi - 0.1, -np.pi + 0.1  # 0.2 apart, through the back
    motion = Motion(rotations, np.zeros((2, 3)), np.zeros((2, 0)), 1.0, "turn", False)
    np.testing.assert_allclose(np.abs(motion.sample(0.5).rotations[0]), [0, np.pi, 0], atol=1e-5)


def test_a_motion_that_does_not_loop_holds_its_ends() -> None:
    motion = make_motion(30)
    assert motion.duration == pytest.approx(29 / 60)
    assert_same_pose(motion.sample(-3.0), motion.sample(0.0))
    assert_same_pose(motion.sample(99.0), motion.sample(29 / 60))


def test_a_loop_goes_on_for_ever_in_both_directions() -> None:
    motion = make_motion(30, loops=True)
    assert motion.duration == 0.5
    for seconds in (0.013, 0.25, 0.499):
        for away in (-0.5, 0.5, 3.0):
            assert_same_pose(motion.sample(seconds + away), motion.sample(seconds), 1e-4)


def test_the_last_frame_of_a_loop_leads_to_the_first() -> None:
    motion = make_motion(30, loops=True)
    between = motion.sample(29.5 / 60)
    np.testing.assert_allclose(between.translation, motion.translation[[29, 0]].mean(0), atol=1e-6)


def test_a_tiny_negative_time_is_the_beginning() -> None:
    motion = make_motion(30, loops=True)
    assert_same_pose(motion.sample(-1e-20), motion.sample(0.0))


def test_a_single_frame_is_a_motion() -> None:
    for loops in (False, True):
        motion = make_motion(1, loops=loops)
        assert_same_pose(motion.sample(12.3), motion.sample(0.0))


def test_poses_have_the_contracts_types() -> None:
    pose = make_motion().sample(0.1234)
    assert pose.rotations.shape == (55, 3)
    assert pose.translation.shape == (3,)
    assert pose.expression.shape == (10,)
    assert {pose.rotations.dtype, pose.translation.dtype, pose.expression.dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"rotations": np.zeros((30, 52, 3))},
            r"rotations has shape \(30, 52, 3\); expected \(frames, 55, 3\)",
        ),
        ({"rotations": np.zeros((0, 55, 3))}, "one or more"),
        ({"translation": np.zeros((29, 3))}, r"translation has shape \(29, 3\)"),
        ({"expression": np.full((30, 10), np.nan)}, "expression of frame 0 is not a finite number"),
        ({"fps": 0.0}, "more than 0, at most 1000"),
        ({"fps": float("nan")}, "more than 0, at most 1000"),
    ],
)
def test_an_impossible_motion_is_refused(change: dict[str, Any], sentence: str) -> None:
    motion = make_motion()
    fields = {f.name: getattr(motion, f.name) for f in dataclasses.fields(motion) if f.init}
    with pytest.raises(MotionError, match=sentence):
        Motion(**(fields | change))


# --- Files ----------------------------------------------------------------------------------------


def test_165_numbers_are_the_55_joints_in_order(tmp_path: Path, body: Body) -> None:
    arrays = amass(up="y")
    motion = read_motion(saved(tmp_path / "m.npz", arrays), body, up="y", loops=False)
    np.testing.assert_allclose(motion.rotations, arrays["poses"].reshape(-1, 55, 3), rtol=1e-6)
    np.testing.assert_allclose(motion.translation, arrays["trans"], rtol=1e-6)
    assert (motion.fps, motion.name, motion.duration) == (120.0, "m", 39 / 120)


def test_156_numbers_lack_jaw_and_eyes(tmp_path: Path, body: Body) -> None:
    arrays = amass(width=156)
    motion = read_motion(saved(tmp_path / "m.npz", arrays), body, up="y", loops=False)
    flat = motion.rotations.reshape(-1, 165)
    np.testing.assert_allclose(flat[:, :66], arrays["poses"][:, :66], rtol=1e-6)  # root and 21 body joints
    assert not flat[:, 66:75].any()
    np.testing.assert_allclose(flat[:, 75:], arrays["poses"][:, 66:], rtol=1e-6)  # both hands


@pytest.mark.parametrize("parts", [("pose_hand", "pose_jaw", "pose_eye"), ("pose_hand",), ()])
def test_parts_make_a_whole(tmp_path: Path, body: Body, parts: tuple[str, ...]) -> None:
    whole = amass()
    poses = whole.pop("poses")
    columns = {
        "root_orient": slice(0, 3), "pose_body": slice(3, 66), "pose_jaw": slice(66, 69),
        "pose_eye": slice(69, 75), "pose_hand": slice(75, 165),
    }  # fmt: skip
    expected = np.zeros_like(poses)
    for name in ("root_orient", "pose_body", *parts):
        whole[name] = poses[:, columns[name]]
        expected[:, columns[name]] = whole[name]
    motion = read_motion(saved(tmp_path / "m.npz", whole), body, up="y", loops=False)
    np.testing.assert_allclose(motion.rotations, expected.reshape(-1, 55, 3), rtol=1e-6)


def test_both_spellings_and_shapes_of_the_frame_rate_are_read(tmp_path: Path, body: Body) -> None:
    for rate in (np.array(30), np.array([30.0]), np.float32(30)):
        arrays = amass()
        del arrays["mocap_framerate"]
        path = saved(tmp_path / "m.npz", arrays | {"mocap_frame_rate": np.asarray(rate)})
        assert read_motion(path, body).fps == 30.0


def test_pickled_entries_beside_the_motion_are_not_touched(tmp_path: Path, body: Body) -> None:
    more: dict[str, Any] = {
        "gender": np.array("female", object),
        "labels": np.array(["a", None], object),
        "betas": BETAS,
    }
    assert read_motion(saved(tmp_path / "m.npz", amass(**more)), body, loops=False).duration == 39 / 120


def test_expression_is_cut_to_what_the_body_has(tmp_path: Path, body: Body) -> None:
    expression = wander(40, 50)
    motion = read_motion(saved(tmp_path / "m.npz", amass(expression=expression)), body, loops=False)
    np.testing.assert_allclose(motion.expression, expression[:, :10], rtol=1e-6)
    forward(body, BETAS, motion.sample(0.1))


@pytest.mark.parametrize("up", ["auto", "z"])
def test_turning_z_up_to_y_up_turns_every_vertex(
    tmp_path: Path, body: Body, up: motion_module.UpAxis
) -> None:
    arrays = amass(expression=np.zeros((40, 10)))
    path = saved(tmp_path / "m.npz", arrays)
    motion = read_motion(path, body, betas=BETAS, up=up, loops=False)
    for frame in (0, 17, 39):
        in_file = Pose(arrays["poses"][frame].reshape(55, 3), arrays["trans"][frame], np.zeros(0))
        x, y, z = forward(body, BETAS, in_file).vertices.T
        ours = forward(body, BETAS, motion.sample(frame / 120)).vertices
        np.testing.assert_allclose(ours, np.stack([x, z, -y], axis=1), atol=2e-5)


def test_a_file_that_stands_y_up_is_left_alone(tmp_path: Path, body: Body) -> None:
    arrays = amass(up="y")
    motion = read_motion(saved(tmp_path / "m.npz", arrays), body, loops=False)
    np.testing.assert_allclose(motion.translation, arrays["trans"], rtol=1e-6)


def test_who_lies_all_the_time_is_taken_as_z_up_unless_told(tmp_path: Path, body: Body) -> None:
    arrays = amass()
    arrays["poses"][:, :3] = [0, 0, np.pi / 2]  # the pelvis's y axis along -x: neither up
    path = saved(tmp_path / "m.npz", arrays)
    assert not np.allclose(read_motion(path, body, loops=False).translation, arrays["trans"], atol=1e-3)
    assert np.allclose(read_motion(path, body, up="y", loops=False).translation, arrays["trans"], atol=1e-6)


def without(arrays: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: array for name, array in arrays.items() if name not in names}


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (amass(width=72), r"poses has shape \(40, 72\); expected 165 numbers a frame \(SMPL-X\) or 156"),
        (amass() | {"poses": np.zeros(165)}, r"poses has shape \(165,\)"),
        (amass() | {"poses": np.zeros((0, 165)), "trans": np.zeros((0, 3))}, "has 0 frames; expected 1 to"),
        (amass() | {"poses": np.full((40, 165), np.inf)}, "rotations of frame 0 is not a finite number"),
        (amass() | {"poses": np.array([[None] * 165], object)}, "elements of type"),
        (without(amass(), "poses"), "holds neither poses nor root_orient and pose_body"),
        (without(amass(), "trans"), "array trans is missing"),
        (amass() | {"trans": np.zeros((39, 3))}, r"trans has shape \(39, 3\); expected \(40, 3\)"),
        (without(amass(), "mocap_framerate"), "does not say how fast"),
        (amass() | {"mocap_framerate": np.array([30.0, 60.0])}, "expected one number"),
        (amass() | {"mocap_framerate": np.array(-30.0)}, "-30.0 frames per second"),
        (amass() | {"mocap_framerate": np.array("fast")}, "elements of type"),
        (amass() | {"expression": np.zeros((39, 10))}, r"expression has shape \(39, 10\); expected \(40"),
        (amass() | {"expression": np.zeros((40, 500))}, "up to 100"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_motion_gets_one_sentence(
    tmp_path: Path, body: Body, arrays: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(MotionError, match=sentence) as caught:
        read_motion(saved(tmp_path / "m.npz", arrays), body)
    assert "\n" not in str(caught.value)


def test_a_motion_longer_than_the_limit_is_refused_before_it_is_read(
    tmp_path: Path, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(motion_module, "MAX_FRAMES", 39)
    with pytest.raises(MotionError, match="has 40 frames; expected 1 to 39, so cut it"):
        read_motion(saved(tmp_path / "m.npz", amass()), body)


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04 cut"])
def test_other_files_are_refused(tmp_path: Path, body: Body, content: bytes) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(content)
    with pytest.raises(MotionError, match="not a SMPL-X or AMASS motion"):
        read_motion(path, body)


def test_an_unknown_name_gets_the_list_of_names(body: Body) -> None:
    with pytest.raises(MotionError, match=", ".join(BUILTIN_MOTIONS)):
        load_motion("moonwalk", body)


def test_an_unknown_up_axis_gets_the_list_of_axes(tmp_path: Path, body: Body) -> None:
    with pytest.raises(MotionError, match="expected one of auto, y, z"):
        load_motion(saved(tmp_path / "m.npz", amass()), body, up="x")  # type: ignore[arg-type]


def test_a_path_in_any_form_is_a_file(tmp_path: Path, body: Body) -> None:
    path = saved(tmp_path / "m.npz", amass())
    assert load_motion(path, body).name == load_motion(str(path), body, loops=False).name == "m"


# --- Loops from files -----------------------------------------------------------------------------


def steps(motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """Angles [T, 55] and ways [T] from each frame to the next, around the loop."""
    before, after = motion.rotations, np.roll(motion.rotations, -1, axis=0)
    turn = Rotation.from_rotvec(before.reshape(-1, 3)).inv() * Rotation.from_rotvec(after.reshape(-1, 3))
    way = np.linalg.norm(np.roll(motion.translation, -1, axis=0) - motion.translation, axis=1)
    return turn.magnitude().reshape(-1, 55), way


def test_a_loop_closes_without_a_jump_in_position_or_velocity() -> None:
    motion = make_motion(240)
    turns, ways = steps(looped(motion))
    inside_turns, inside_ways = steps(motion)  # its last entry is the jump
    assert inside_turns[-1].max() > 5 * inside_turns[:-1].max()  # there is one to remove
    jump = inside_turns[-1].max()
    # The fade adds no more than a smoothstep over 18 frames has of speed and acceleration.
    assert turns.max() < inside_turns[:-1].max() + 1.5 * jump / 18
    changes = np.abs(turns - np.roll(turns, 1, axis=0)).max()
    assert changes < np.abs(np.diff(inside_turns[:-1], axis=0)).max() + 6 * jump / 18**2
    assert (
        np.abs(ways - np.roll(ways, 1)).max()
        < np.abs(np.diff(inside_ways[:-1])).max() + 6 * inside_ways[-1] / 18**2
    )


def test_a_cross_fade_costs_a_third_of_a_second_and_leaves_the_middle() -> None:
    motion = make_motion(240)
    loop = looped(motion)
    assert loop.loops
    assert loop.duration == pytest.approx((240 - 18) / 60)
    np.testing.assert_array_equal(loop.rotations[18:], motion.rotations[18:222])


def test_a_straight_walk_becomes_a_treadmill() -> None:
    motion = make_motion(240)
    t = np.arange(240)[:, None] / 60
    walk = dataclasses.replace(motion, translation=t * [1.2, 0, -0.5] + [3, 0.9, 1])
    np.testing.assert_allclose(looped(walk).translation, np.tile([3, 0.9, 1], (222, 1)), atol=1e-5)


def test_heights_are_kept_when_the_way_home_is_taken_back() -> None:
    motion = make_motion(240)
    stairs = dataclasses.replace(motion, translation=np.arange(240)[:, None] / 60 * np.array([1.0, 0.2, 0]))
    np.testing.assert_allclose(
        looped(stairs).translation[18:222, 1], stairs.translation[18:222, 1], atol=1e-6
    )


def test_who_ends_turned_away_turns_back_at_a_human_speed() -> None:
    rotations = np.zeros((240, 55, 3))
    rotations[:, 0, 1] = np.linspace(0, 3.0, 240)
    motion = Motion(rotations, np.zeros((240, 3)), np.zeros((240, 0)), 60.0, "turn", False)
    turns, _ = steps(looped(motion))
    assert turns.max() * 60 < np.pi + 1.0


def test_a_single_frame_loops() -> None:
    assert looped(make_motion(1)).duration == pytest.approx(1 / 60)
