"""What smoothing and prediction do, measured on recordings whose delay and noise are known."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.runtime.errors import UsageError
from dinar.runtime.live_avatar import AS_THEY_COME, Steadiness
from dinar.runtime.measure.noisy_stream import with_noise
from dinar.runtime.measure.records import Noise, SteadinessResult
from dinar.runtime.measure.steadiness import (
    STEADINESS,
    Recording,
    Skeleton,
    Truth,
    best_shift,
    check_moves,
    compare,
    replay,
)
from dinar.runtime.motion import Motion, load_motion
from dinar.runtime.smoothing import STRENGTHS
from dinar.runtime.wire import PoseFrame

BODY = load_body(open_body_path())
BETAS = np.zeros(10)
START_US = 1_700_000_000_000_000
AGE_MS, DRAWING_MS = 45.0, 10.0
NONE = Noise(rotation_deg=0, translation_mm=0)


@pytest.fixture(scope="module")
def dance() -> Motion:
    return load_motion("dance", BODY)


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton(BODY, BETAS)


def recorded(motion: Motion, noise: Noise, *, seconds: float = 5, rate: int = 30) -> Recording:
    """Poses on a steady beat, each taken `AGE_MS` after its time."""
    rng = np.random.default_rng(noise.seed)
    beats = range(round(seconds * rate))
    times = [START_US + round(1e6 * k / rate) for k in beats]
    frames = [
        PoseFrame(1, k, times[k], with_noise(motion.sample((times[k] - START_US) / 1e6), noise, rng))
        for k in beats
    ]
    return Recording(tuple(frames), np.array(times) + round(1e3 * AGE_MS), START_US)


@pytest.fixture(scope="module")
def noisy(dance: Motion, skeleton: Skeleton) -> dict[str, SteadinessResult]:
    return compare(recorded(dance, Noise()), dance, skeleton, DRAWING_MS)


@pytest.fixture(scope="module")
def clean(dance: Motion, skeleton: Skeleton) -> dict[str, SteadinessResult]:
    return compare(recorded(dance, NONE), dance, skeleton, DRAWING_MS)


def test_each_strength_is_measured_with_prediction_and_without(noisy: dict[str, SteadinessResult]) -> None:
    strengths = ["off", *STRENGTHS]
    assert list(noisy) == list(STEADINESS) == [*strengths, *(f"{name}_predict" for name in strengths)]


def test_the_delay_of_clean_poses_is_their_age_and_the_drawing(clean: dict[str, SteadinessResult]) -> None:
    off = clean["off"]
    assert off.delay_ms == pytest.approx(AGE_MS + DRAWING_MS, abs=0.3)
    assert off.added_delay_ms == 0
    assert off.told_delay_ms == 0
    assert off.aligned_error_mm < 0.5
    assert off.jitter_mm < 0.5
    assert off.shown_error_mm > 10 * off.aligned_error_mm


def test_the_delay_is_found_under_noise(noisy: dict[str, SteadinessResult]) -> None:
    assert noisy["off"].delay_ms == pytest.approx(AGE_MS + DRAWING_MS, abs=4)


def test_the_error_of_noise_is_its_own_size(dance: Motion, skeleton: Skeleton) -> None:
    """Of the translation alone: the mean length of a normal vector is sqrt(8 / pi) standard deviations."""
    moved = compare(recorded(dance, Noise(rotation_deg=0, translation_mm=20)), dance, skeleton, DRAWING_MS)
    size = 20 * np.sqrt(8 / np.pi)
    assert moved["off"].aligned_error_mm == pytest.approx(size, rel=0.15)
    assert moved["off"].jitter_mm == pytest.approx(np.sqrt(2) * size, rel=0.15)


def test_stronger_smoothing_delays_more_and_less_than_told(noisy: dict[str, SteadinessResult]) -> None:
    added = [noisy[name].added_delay_ms for name in ("off", "light", "medium", "strong")]
    assert added == sorted(added)
    assert added[1] > 5
    for name in STRENGTHS:
        assert 0 < noisy[name].added_delay_ms < 1.15 * noisy[name].told_delay_ms


def test_smoothing_calms_and_prediction_trembles(noisy: dict[str, SteadinessResult]) -> None:
    assert noisy["light"].jitter_mm < 0.6 * noisy["off"].jitter_mm
    assert noisy["off_predict"].jitter_mm > 1.3 * noisy["off"].jitter_mm


def test_prediction_takes_delay_back(
    clean: dict[str, SteadinessResult], noisy: dict[str, SteadinessResult]
) -> None:
    for name in ("off", *STRENGTHS):
        assert noisy[f"{name}_predict"].delay_ms < noisy[name].delay_ms - 10
    assert clean["off_predict"].shown_error_mm < 0.7 * clean["off"].shown_error_mm


def test_drawing_is_a_delay_for_all_and_changes_nothing_else(dance: Motion, skeleton: Skeleton) -> None:
    recording = recorded(dance, NONE, seconds=3)
    at_once = compare(recording, dance, skeleton, 0.0)
    later = compare(recording, dance, skeleton, 2000.0)
    for name in STEADINESS:
        assert later[name].delay_ms == pytest.approx(at_once[name].delay_ms + 2000, abs=1e-6)
        assert later[name].added_delay_ms == pytest.approx(at_once[name].added_delay_ms, abs=1e-6)
        assert later[name].jitter_mm == pytest.approx(at_once[name].jitter_mm, abs=1e-6)


def test_poses_as_they_come_are_untouched_and_filters_take_time(dance: Motion) -> None:
    recording = recorded(dance, Noise(), seconds=2)
    as_they_come = replay(recording, AS_THEY_COME)
    assert all(shown is f.pose for shown, f in zip(as_they_come.poses, recording.frames, strict=True))
    assert as_they_come.cpu_us == 0
    smoothed = replay(recording, Steadiness(STRENGTHS["light"], "light"))
    assert smoothed.cpu_us > 0
    assert smoothed.lags_s[-1] > 0


def test_the_truth_is_the_motion_at_any_time(dance: Motion, skeleton: Skeleton) -> None:
    truth = Truth(dance, skeleton, -0.5, 1.5)
    times = np.array([-0.5, -0.1234, 0.0, 0.777, 1.5])
    exact = np.stack([skeleton.positions(dance.sample(at)) for at in times.tolist()])
    np.testing.assert_allclose(truth.at(times), exact, atol=2e-4)


@pytest.mark.parametrize("shift", [-0.0512, 0.0, 0.0333, 0.2])
def test_a_known_shift_is_found(dance: Motion, skeleton: Skeleton, shift: float) -> None:
    times = np.arange(60) / 30
    shown = np.stack([skeleton.positions(dance.sample(at - shift)) for at in times.tolist()])
    truth = Truth(dance, skeleton, times[0] - 0.7, times[-1] + 0.2)
    assert best_shift(truth, times, shown) == pytest.approx(shift, abs=3e-4)


def test_a_motion_that_stands_still_is_refused(dance: Motion) -> None:
    check_moves(dance)
    still = Motion(dance.rotations[:1], dance.translation[:1], dance.expression[:1], 30, "statue", True)
    with pytest.raises(UsageError, match=r"statue does not: try dance"):
        check_moves(still)
