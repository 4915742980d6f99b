"""Smoothing and prediction of poses: what rests comes to rest, what turns is followed, no seam is felt."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from dinar.runtime.body import JOINT_COUNT, Pose
from dinar.runtime.rotations import (
    axis_angle_from_matrix,
    axis_angle_from_quaternion,
    matrix_from_axis_angle,
    quaternion_from_axis_angle,
    quaternion_multiply,
)
from dinar.runtime.smoothing import (
    MAX_AHEAD_SECONDS,
    MAX_GAP_SECONDS,
    MAX_PREDICTED_TURN,
    MAX_PREDICTED_WAY,
    PASS_THROUGH,
    STRENGTHS,
    OneEuro,
    PoseFilter,
    ahead_seconds,
)

HZ = 60
AXIS = np.array([2.0, -1.0, 2.0]) / 3
MEDIUM = STRENGTHS["medium"]
all_strengths = pytest.mark.parametrize("parameters", STRENGTHS.values(), ids=STRENGTHS.keys())


def a_pose(vector: Sequence[float] | np.ndarray, x: float = 0.0, smile: float = 0.0) -> Pose:
    """All joints turned by one rotation vector, radians; x metres to the side."""
    rotations = np.tile(np.asarray(vector, np.float32), (JOINT_COUNT, 1))
    return Pose(rotations, np.array([x, 0, 0], np.float32), np.array([smile], np.float32))


def microseconds(seconds: float) -> int:
    return round(1e6 * seconds)


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Radians [...] between axis-angle rotations [..., 3]."""
    difference = matrix_from_axis_angle(np.float64(a)) @ np.swapaxes(
        matrix_from_axis_angle(np.float64(b)), -1, -2
    )
    return np.linalg.norm(axis_angle_from_matrix(difference), axis=-1)


def run(parameters: OneEuro, poses: Sequence[Pose], hz: float = HZ) -> tuple[PoseFilter, list[Pose]]:
    smoothing = PoseFilter(parameters)
    return smoothing, [smoothing.update(pose, microseconds(k / hz)) for k, pose in enumerate(poses)]


def noisy_still(degrees: float, count: int, seed: int = 1) -> list[Pose]:
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, math.radians(degrees), (count, JOINT_COUNT, 3))
    base = quaternion_from_axis_angle(0.8 * AXIS)
    turned = axis_angle_from_quaternion(quaternion_multiply(quaternion_from_axis_angle(noise), base))
    ways = rng.normal(0, 0.01, (count, 3))
    return [
        Pose(np.float32(r), np.float32(way), np.zeros(0, np.float32))
        for r, way in zip(turned, ways, strict=True)
    ]


# --- Rest ---------------------------------------------------------------------------------------------------


@all_strengths
def test_a_pose_that_is_held_is_reached_without_overshoot(parameters: OneEuro) -> None:
    held = a_pose(1.2 * AXIS, x=0.5, smile=2.0)
    _, out = run(parameters, [a_pose(0 * AXIS)] + [held] * (5 * HZ))
    left = np.array([angle_between(pose.rotations, held.rotations).max() for pose in out])
    assert np.all(np.diff(left[1:]) <= 1e-5), "each step comes nearer"
    assert left[-1] < 1e-3
    for name, end in (("translation", 0.5), ("expression", 2.0)):
        way = np.array([getattr(pose, name)[0] for pose in out])
        assert np.all(np.diff(way) >= -1e-6)
        assert way.max() <= end + 1e-6
        assert way[-1] == pytest.approx(end, rel=1e-3)


@all_strengths
def test_what_does_not_move_stays_to_the_digit(parameters: OneEuro) -> None:
    still = a_pose(2.0 * AXIS, x=1.5)
    _, out = run(parameters, [still] * 30)
    assert max(angle_between(pose.rotations, still.rotations).max() for pose in out) < 1e-6
    assert {float(pose.translation[0]) for pose in out} == {1.5}


@pytest.mark.parametrize("hz", [30, 60])
@pytest.mark.parametrize("degrees", [1.0, 3.0])
@all_strengths
def test_trembling_at_rest_is_halved_at_least(parameters: OneEuro, degrees: float, hz: int) -> None:
    poses = noisy_still(degrees, 4 * hz)
    _, out = run(parameters, poses, hz)

    def jitter(shown: Sequence[Pose]) -> tuple[float, float]:
        later = shown[hz:]
        turns = [angle_between(a.rotations, b.rotations) for a, b in itertools.pairwise(later)]
        ways = np.diff([pose.translation for pose in later], axis=0)
        return float(np.sqrt(np.mean(np.square(turns)))), float(np.sqrt(np.mean(np.square(ways))))

    assert np.all(np.array(jitter(out)) <= 0.5 * np.array(jitter(poses)))


def test_stronger_is_calmer_and_later() -> None:
    def calm_and_lag(parameters: OneEuro) -> tuple[float, float]:
        smoothing, out = run(parameters, noisy_still(2.0, 4 * HZ))
        return float(np.std([pose.translation for pose in out[HZ:]])), smoothing.lag_s

    light, medium, strong = (calm_and_lag(STRENGTHS[name]) for name in ("light", "medium", "strong"))
    assert light[0] > medium[0] > strong[0]
    assert light[1] < medium[1] < strong[1]


# --- Movement -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [0.5, 3.0])
def test_the_added_latency_is_the_delay_of_a_steady_turn(speed: float) -> None:
    seconds = np.arange(4 * HZ) / HZ
    smoothing, out = run(MEDIUM, [a_pose(speed * at * AXIS) for at in seconds])
    behind = angle_between(out[-1].rotations[0], speed * seconds[-1] * AXIS) / speed
    assert smoothing.lag_s == pytest.approx(behind, rel=0.02)
    assert behind == pytest.approx(1 / (2 * math.pi * (MEDIUM.min_cutoff + MEDIUM.beta * speed)), rel=0.02)


@pytest.mark.parametrize("cycles_per_second", [0.5, 1.0])
def test_the_added_latency_is_near_that_of_a_swing(cycles_per_second: float) -> None:
    """Measured by correlation: the shift of the clean swing that fits best."""
    seconds = np.arange(8 * HZ) / HZ

    def swing(at: np.ndarray) -> np.ndarray:
        return 0.5 * np.sin(2 * np.pi * cycles_per_second * at)

    smoothing, out = run(MEDIUM, [a_pose([0, 0, angle]) for angle in swing(seconds)])
    shown = np.array([pose.rotations[0, 2] for pose in out])[2 * HZ :]
    shifts = np.arange(0, 0.2, 0.001)
    fits = [np.corrcoef(shown, swing(seconds[2 * HZ :] - shift))[0, 1] for shift in shifts]
    assert smoothing.lag_s == pytest.approx(shifts[int(np.argmax(fits))], rel=0.35)


def test_fast_movement_is_delayed_less_than_slow_movement() -> None:
    lags = [run(MEDIUM, [a_pose(w * k / HZ * AXIS) for k in range(2 * HZ)])[0].lag_s for w in (0.2, 1, 5)]
    assert lags[0] > 1.2 * lags[1] > 2 * lags[2]


def test_the_rate_of_the_stream_matters_little() -> None:
    def angle_after_a_second(times: np.ndarray) -> float:
        smoothing = PoseFilter(MEDIUM)
        for at in times:
            shown = smoothing.update(a_pose([0, 0, math.sin(4 * at)]), microseconds(at))
        return float(shown.rotations[0, 2])

    steady = angle_after_a_second(np.linspace(0, 1, 121))
    uneven = np.sort(np.concatenate([[0, 1], np.random.default_rng(2).uniform(0, 1, 90)]))
    assert angle_after_a_second(np.linspace(0, 1, 61)) == pytest.approx(steady, abs=0.02)
    assert angle_after_a_second(uneven) == pytest.approx(steady, abs=0.03)


# --- Seams --------------------------------------------------------------------------------------------------


def test_a_turn_through_pi_has_no_seam() -> None:
    """Three whole turns; vectors come as people send them, wrapped to at most pi, so their sign flips."""
    angles = 3.0 * np.arange(6 * HZ) / HZ
    wrapped = [a_pose(axis_angle_from_quaternion(quaternion_from_axis_angle(a * AXIS))) for a in angles]
    _, out = run(MEDIUM, wrapped)
    steps = [angle_between(a.rotations[0], b.rotations[0]) for a, b in itertools.pairwise(out)]
    np.testing.assert_allclose(steps[HZ:], 3.0 / HZ, rtol=1e-3)


def test_the_sign_of_a_half_turn_does_not_matter() -> None:
    half_turns = [a_pose((math.pi - 1e-3) * (-1) ** k * AXIS) for k in range(2 * HZ)]
    _, out = run(MEDIUM, half_turns)
    assert max(angle_between(pose.rotations[0], math.pi * AXIS) for pose in out) < 2e-3


def test_an_angle_and_the_same_one_turn_more_are_one_rotation() -> None:
    poses = [a_pose((1.0 + 2 * math.pi * (k % 2)) * AXIS) for k in range(HZ)]
    _, out = run(MEDIUM, poses)
    assert max(angle_between(pose.rotations[0], 1.0 * AXIS) for pose in out) < 1e-5


@pytest.mark.parametrize(
    ("seconds", "session", "why"),
    [
        (1.0, 8, "a new publisher"),
        (1.0 + MAX_GAP_SECONDS, 7, "a long silence"),
        (0.5, 7, "a clock that was set back"),
        (1.0 - 1 / HZ, 7, "a clock that stands still"),
    ],
)
def test_starts_anew(seconds: float, session: int, why: str) -> None:
    smoothing = PoseFilter(MEDIUM)
    for k in range(HZ):
        smoothing.update(a_pose(k / HZ * AXIS), microseconds(k / HZ), session=7)
    jump = a_pose(-2.0 * AXIS, x=3.0)
    assert smoothing.update(jump, microseconds(seconds), session) is jump, why
    assert smoothing.lag_s == 0
    np.testing.assert_allclose(smoothing.predict(0.1).translation, jump.translation, atol=1e-6)


def test_an_expression_may_come_and_go() -> None:
    smoothing = PoseFilter(MEDIUM)
    counts = [0, 3, 3, 0, 10]
    poses = [Pose(np.zeros((55, 3)), np.zeros(3), np.ones(count)) for count in counts]
    out = [smoothing.update(pose, microseconds(k / HZ)) for k, pose in enumerate(poses)]
    assert [len(pose.expression) for pose in out] == counts


# --- Prediction ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [0.0, 0.02, 0.05, MAX_AHEAD_SECONDS])
def test_a_constant_velocity_is_predicted_exactly(ahead: float) -> None:
    seconds = np.arange(3 * HZ) / HZ
    smoothing, _ = run(PASS_THROUGH, [a_pose(3.0 * at * AXIS, x=1.2 * at) for at in seconds])
    shown = smoothing.predict(ahead)
    there = seconds[-1] + ahead
    assert angle_between(shown.rotations, np.tile(3.0 * there * AXIS, (55, 1))).max() < 1e-5
    assert shown.translation[0] == pytest.approx(1.2 * there, abs=1e-5)


def test_prediction_by_the_added_latency_catches_up_with_a_steady_turn() -> None:
    seconds = np.arange(3 * HZ) / HZ
    smoothing, _ = run(MEDIUM, [a_pose(3.0 * at * AXIS) for at in seconds])
    shown = smoothing.predict(smoothing.lag_s)
    assert angle_between(shown.rotations[0], 3.0 * seconds[-1] * AXIS) < 0.01


def test_what_rests_is_predicted_to_rest() -> None:
    smoothing, out = run(MEDIUM, [a_pose(AXIS)] * HZ)
    assert angle_between(smoothing.predict(0.1).rotations, out[-1].rotations).max() < 1e-6


def test_prediction_keeps_within_what_people_can_do() -> None:
    seconds = np.arange(HZ) / HZ
    smoothing, out = run(PASS_THROUGH, [a_pose(20.0 * at * AXIS, x=50 * at, smile=9 * at) for at in seconds])
    far = smoothing.predict(10.0)
    np.testing.assert_array_equal(far.rotations, smoothing.predict(MAX_AHEAD_SECONDS).rotations)
    turn = angle_between(far.rotations, out[-1].rotations)
    np.testing.assert_allclose(turn, MAX_PREDICTED_TURN, atol=1e-4)
    assert far.translation[0] - out[-1].translation[0] == pytest.approx(MAX_PREDICTED_WAY, abs=1e-4)
    np.testing.assert_array_equal(far.expression, out[-1].expression)


def test_passing_through_changes_no_bit() -> None:
    poses = noisy_still(3.0, 20)
    _, out = run(PASS_THROUGH, poses)
    assert all(shown is pose for shown, pose in zip(out, poses, strict=True))


def test_prediction_needs_a_pose() -> None:
    with pytest.raises(ValueError, match="no pose to predict from"):
        PoseFilter(MEDIUM).predict(0.1)


def test_the_guess_grows_with_age_and_is_taken_back_in_silence() -> None:
    assert ahead_seconds(0.02, 0.0) == pytest.approx(0.02)
    assert ahead_seconds(0.02, 0.03) == pytest.approx(0.05)
    assert ahead_seconds(5.0, 0.0) == MAX_AHEAD_SECONDS
    assert ahead_seconds(-0.05, 0.0) == 0, "clocks that differ"
    assert ahead_seconds(0.02, MAX_AHEAD_SECONDS) == MAX_AHEAD_SECONDS
    assert 0 < ahead_seconds(0.02, 1.5 * MAX_AHEAD_SECONDS) < MAX_AHEAD_SECONDS
    assert ahead_seconds(0.02, 2 * MAX_AHEAD_SECONDS) == 0
