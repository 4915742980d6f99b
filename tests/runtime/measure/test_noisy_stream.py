"""The noisy publisher: noise of the size it says on a motion that the receiver knows, late and in order."""

from __future__ import annotations

import sys
import time

import msgspec
import numpy as np
import pytest

from dinar.runtime.avatar import default_avatar_path, open_avatar
from dinar.runtime.body import Pose
from dinar.runtime.measure.noisy_stream import publish_noisy, with_noise
from dinar.runtime.measure.publisher import BenchError, running, wait_for_first_pose, wait_for_pose
from dinar.runtime.measure.records import Noise, NoisySpec
from dinar.runtime.motion import Motion, load_motion
from dinar.runtime.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from dinar.runtime.stream import PosePublisher, PoseSubscriber
from dinar.runtime.wire import PoseFrame


def spec(address: str, *, seconds: float, noise: Noise, rate: float = 50.0) -> NoisySpec:
    start_us = time.time_ns() // 1000
    return NoisySpec(address, str(default_avatar_path()), "dance", rate, start_us, seconds, noise)


@pytest.fixture(scope="module")
def dance() -> Motion:
    avatar = open_avatar(default_avatar_path())
    return load_motion("dance", avatar.body, betas=avatar.betas)


def test_noise_has_the_size_it_says_about_every_axis(dance: Motion) -> None:
    rng, pose = np.random.default_rng(0), dance.sample(1.7)
    noise = Noise(rotation_deg=2, translation_mm=8)
    noisy = [with_noise(pose, noise, rng) for _ in range(400)]
    true = matrix_from_axis_angle(pose.rotations.astype(np.float64))
    shown = matrix_from_axis_angle(np.stack([p.rotations for p in noisy]).astype(np.float64))
    turns = np.degrees(axis_angle_from_matrix(shown @ np.swapaxes(true, -1, -2)))  # [400, 55, 3]
    np.testing.assert_allclose(turns.std(axis=(0, 1)), 2, rtol=0.03)
    np.testing.assert_allclose(turns.mean(axis=(0, 1)), 0, atol=0.05)
    ways = 1e3 * (np.stack([p.translation for p in noisy]) - pose.translation)
    np.testing.assert_allclose(ways.std(axis=0), 8, rtol=0.15)


def test_no_noise_leaves_the_pose(dance: Motion) -> None:
    pose = dance.sample(0.4)
    same = with_noise(pose, Noise(rotation_deg=0, translation_mm=0), np.random.default_rng(0))
    np.testing.assert_allclose(same.rotations, pose.rotations, atol=1e-6)
    np.testing.assert_array_equal(same.translation, pose.translation)


def test_a_seed_gives_the_same_noise_again() -> None:
    first, again, other = (
        with_noise(Pose.rest(), Noise(), np.random.default_rng(seed)).rotations for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_a_process_sends_the_true_motion_on_a_steady_beat_late_and_in_order(dance: Motion) -> None:
    noise = Noise(rotation_deg=0, translation_mm=0, delay_ms=30, jitter_ms=10)
    with PoseSubscriber("tcp://127.0.0.1:0", bind=True, topics=("pose",)) as subscriber:
        said = spec(subscriber.address, seconds=60, noise=noise)
        text = msgspec.json.encode(said).decode()
        frames: list[PoseFrame] = []
        with running([sys.executable, "-m", "dinar.runtime.measure.noisy_stream", text]) as publisher:
            wait_for_first_pose(subscriber, publisher)
            while len(frames) < 15:
                wait_for_pose(subscriber)
                frame = subscriber.latest()
                if frame is not None:
                    age_ms = subscriber.stats().age_ms
                    assert age_ms is not None
                    assert age_ms >= noise.delay_ms
                    frames.append(frame)
        assert publisher.returncode is not None
    seconds = np.array([frame.t_us - said.start_us for frame in frames]) / 1e6
    beats = seconds * said.rate
    np.testing.assert_allclose(beats, np.rint(beats), atol=1e-3)
    assert (np.diff(seconds) > 0).all()
    for frame, at in zip(frames, seconds.tolist(), strict=True):
        np.testing.assert_allclose(frame.pose.rotations, dance.sample(at).rotations, atol=1e-4)
        np.testing.assert_allclose(frame.pose.translation, dance.sample(at).translation, atol=1e-5)


class Clock:
    """A clock that moves on when somebody sleeps, and then by `oversleep` seconds too far, once."""

    def __init__(self, start_us: int, oversleep: float = 0.0) -> None:
        self.us, self._oversleep = start_us, oversleep
        self.sleeps = 0

    def now_us(self) -> int:
        return self.us

    def sleep(self, seconds: float) -> None:
        self.us += round(1e6 * (seconds + self._oversleep))
        self._oversleep = 0.0
        self.sleeps += 1  # one for each pose


def test_publishing_ends_when_the_spec_says(dance: Motion) -> None:
    with PosePublisher("tcp://127.0.0.1:0") as publisher:
        said = spec(publisher.address, seconds=2, noise=Noise(delay_ms=10, jitter_ms=0))
        clock = Clock(said.start_us)
        publish_noisy(dance, publisher, said, now_us=clock.now_us, sleep=clock.sleep)
    assert clock.sleeps == 100
    assert clock.us == said.start_us + 1_990_000


def test_poses_that_are_long_overdue_are_left_out(dance: Motion) -> None:
    with PosePublisher("tcp://127.0.0.1:0") as publisher:
        said = spec(publisher.address, seconds=2, noise=Noise(delay_ms=10, jitter_ms=0))
        clock = Clock(said.start_us, oversleep=1.25)
        publish_noisy(dance, publisher, said, now_us=clock.now_us, sleep=clock.sleep)
    assert clock.sleeps == 51  # the first, and those from 1 second on


def test_a_publisher_that_ends_before_it_sends_is_told() -> None:
    with (
        PoseSubscriber("tcp://127.0.0.1:0", bind=True) as subscriber,
        running([sys.executable, "-c", "pass"]) as publisher,
        pytest.raises(BenchError, match="no pose came to tcp://127"),
    ):
        wait_for_first_pose(subscriber, publisher)
