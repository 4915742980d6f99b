"""Poses of a stream made steady: real sockets, and a clock that the test holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from dinar.runtime.avatar import Avatar, Texture
from dinar.runtime.body import Pose, load_body, open_body_path
from dinar.runtime.errors import UsageError
from dinar.runtime.live_avatar import AS_THEY_COME, LivePoses, Steadiness
from dinar.runtime.run import RunConfig
from dinar.runtime.smoothing import STRENGTHS
from dinar.runtime.stream import PosePublisher, PoseSubscriber

START_US = 1_700_000_000_000_000
SPEED = 2.0  # rad/s


class Clock:
    """Microseconds since the epoch."""

    def __init__(self) -> None:
        self.us = START_US

    def __call__(self) -> int:
        return self.us


class Stream:
    """A publisher and, at the other end, the poses under test."""

    def __init__(self, publisher: PosePublisher, subscriber: PoseSubscriber, live: LivePoses) -> None:
        self.publisher, self.subscriber, self.live = publisher, subscriber, live

    def pass_on(self, pose: Pose, t_us: int) -> Pose:
        """Send a pose until it arrives: a subscriber that has just connected misses the first messages."""
        for _ in range(200):
            self.publisher.send(pose, t_us=t_us)
            if self.subscriber.wait(0.05) and (shown := self.live.latest()) is not None:
                return shown
        pytest.fail("nothing arrived")


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    texture = Texture(rgb=np.full((16, 16, 3), 200, np.uint8))
    body = load_body(open_body_path())
    return Avatar("plain", body, np.zeros(10, np.float32), texture, None, "test", "CC0-1.0")


@contextmanager
def streaming(avatar: Avatar, steadiness: Steadiness, clock: Clock) -> Iterator[Stream]:
    with (
        PosePublisher("tcp://127.0.0.1:0", bind=True) as publisher,
        PoseSubscriber(publisher.address) as subscriber,
    ):
        live = LivePoses(avatar, subscriber, "pose", accept_betas=False, steadiness=steadiness, now_us=clock)
        yield Stream(publisher, subscriber, live)


def turned(seconds: float) -> Pose:
    rotations = np.zeros((55, 3), np.float32)
    rotations[0, 1] = SPEED * seconds
    return Pose(rotations, np.zeros(3, np.float32), np.zeros(0, np.float32))


def turn(pose: Pose | None) -> float:
    assert pose is not None
    return float(pose.rotations[0, 1])


def test_poses_come_as_they_were_sent_unless_asked_otherwise(avatar: Avatar) -> None:
    with streaming(avatar, AS_THEY_COME, Clock()) as stream:
        assert turn(stream.pass_on(turned(0.25), START_US)) == np.float32(0.5)
        assert turn(stream.pass_on(turned(-1.0), START_US + 10_000)) == np.float32(-2.0)
        assert stream.live.latest() is None
        assert stream.live.status() == "smoothing off   prediction off"


def test_smoothing_is_done_on_the_streams_clock_and_its_latency_told(avatar: Avatar) -> None:
    with streaming(avatar, RunConfig(smooth="medium").steadiness, Clock()) as stream:
        for k in range(60):
            shown = stream.pass_on(turned(k / 60), START_US + k * 16_667)
        behind_s = 59 / 60 - turn(shown) / SPEED
        assert 0.03 < behind_s < 0.08
        told = stream.live.status()
        assert told.startswith("smoothing medium adds up to ")
        assert told.endswith("prediction off")
        assert float(told.split()[5]) == pytest.approx(1e3 * behind_s, rel=0.15)
        assert stream.live.latest() is None, "nothing new, nothing to draw"


def test_prediction_makes_up_for_a_poses_age_and_is_taken_back_in_silence(avatar: Avatar) -> None:
    clock = Clock()
    with streaming(avatar, Steadiness(predict=True), clock) as stream:
        for k in range(60):
            clock.us = START_US + k * 16_667 + 40_000  # each pose takes 40 ms
            shown = stream.pass_on(turned(k / 60), START_US + k * 16_667)
        last = 59 / 60
        assert turn(shown) / SPEED == pytest.approx(last + 0.040, abs=1e-3)
        assert stream.live.status() == "smoothing off   prediction 40 ms ahead"
        assert stream.live.latest() is None, "no time has passed"
        clock.us += 20_000
        assert turn(stream.live.latest()) / SPEED == pytest.approx(last + 0.060, abs=1e-3)
        clock.us += 5_000_000
        assert turn(stream.live.latest()) / SPEED == pytest.approx(last, abs=1e-3)
        assert stream.live.latest() is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"smooth_beta": 1.0}, "add --smooth medium"),
        ({"smooth": "light", "smooth_min_cutoff": 0.0}, "--smooth-min-cutoff must be above 0"),
        ({"smooth": "light", "smooth_min_cutoff": float("nan")}, "--smooth-min-cutoff must be above 0"),
        ({"smooth": "light", "smooth_beta": -1.0}, "--smooth-beta must be from 0"),
    ],
)
def test_numbers_out_of_range_get_one_sentence(options: dict[str, float | str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        RunConfig(**options)  # type: ignore[arg-type]


def test_a_strength_can_be_changed_number_by_number() -> None:
    assert not RunConfig().steadiness.predict
    assert RunConfig().steadiness.smoothing is None
    smoothing = RunConfig(smooth="strong", smooth_beta=0.0, predict=True).steadiness.smoothing
    assert smoothing is not None
    assert (smoothing.min_cutoff, smoothing.beta) == (STRENGTHS["strong"].min_cutoff, 0.0)
