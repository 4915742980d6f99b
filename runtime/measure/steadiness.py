"""What smoothing and prediction do to a trembling stream: delay, jitter, and how far the person is off.

A known motion with noise is received over ZeroMQ from another process (`noisy_stream`). Then every setting
gets the very same poses at the very same times, as `dinar run` would have given them, and what comes out is
compared with the motion. Positions are those of the pelvis and the 21 body joints.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec
import numpy as np

from dinar.runtime.avatar import open_avatar
from dinar.runtime.body import Body, Pose, joint_transforms, rest_vertices
from dinar.runtime.errors import UsageError
from dinar.runtime.live_avatar import AS_THEY_COME, Steadiness
from dinar.runtime.measure.publisher import (
    LOOPBACK,
    arrived_since,
    running,
    wait_for_first_pose,
    wait_for_pose,
)
from dinar.runtime.measure.records import Noise, NoisySpec, NoisyStream, Settings, SteadinessResult
from dinar.runtime.measure.statistics import percentiles
from dinar.runtime.motion import Motion, load_motion
from dinar.runtime.rotations import matrix_from_axis_angle
from dinar.runtime.smoothing import PASS_THROUGH, STRENGTHS, PoseFilter, ahead_seconds
from dinar.runtime.stream import PoseSubscriber
from dinar.runtime.wire import PoseFrame

STREAM_SECONDS = 20.0
"""Longest stream; settling comes on top."""
SETTLING_SECONDS = 1.0
"""The filters run for so long before anything counts."""
BODY_JOINTS = 22
_FEWEST_POSES = 10
_PUBLISHER_SECONDS = 600.0  # the publisher's end, should nobody be left to end it
_TABLE_HZ = 240.0  # a joint that gains 5 g is off by 0.1 mm halfway between two entries
_SHIFTS_S = np.arange(-0.1, 0.6, 0.005)
_STILL = 1e-3  # radians, metres
_NOISY_STREAM = (sys.executable, "-m", "dinar.runtime.measure.noisy_stream")

_SMOOTHING = {
    "off": AS_THEY_COME,
    **{name: Steadiness(parameters, name) for name, parameters in STRENGTHS.items()},
}
STEADINESS: Mapping[str, Steadiness] = MappingProxyType(
    _SMOOTHING
    | {
        f"{name}_predict": Steadiness(setting.smoothing, name, predict=True)
        for name, setting in _SMOOTHING.items()
    }
)
"""What is measured: each strength of `--smooth`, without and with `--predict`."""


@dataclass(frozen=True)
class Recording:
    """A stream as it came.

    Attributes:
        frames: T frames, in order.
        taken_us: int64 [T], when each was taken, microseconds since the epoch.
        start_us: when the motion began, microseconds since the epoch.
    """

    frames: tuple[PoseFrame, ...]
    taken_us: np.ndarray
    start_us: int

    @property
    def taken_s(self) -> np.ndarray:
        """Float64 [T], when each was taken, seconds since the motion began."""
        return (self.taken_us - self.start_us) / 1e6

    @property
    def ages_s(self) -> np.ndarray:
        """Float64 [T], from the pose's time at its source until it was taken, seconds."""
        return (self.taken_us - np.array([frame.t_us for frame in self.frames], np.int64)) / 1e6


class Skeleton:
    """Where the joints of a body of one shape are; `betas` [S']."""

    def __init__(self, body: Body, betas: np.ndarray) -> None:
        rest = body.J_regressor @ rest_vertices(body, betas)
        self._rest, self._parents = rest[:BODY_JOINTS], body.parents[:BODY_JOINTS]

    def positions(self, pose: Pose) -> np.ndarray:
        """Return the joints of a pose, world metres, float64 [22, 3]."""
        rotations = matrix_from_axis_angle(pose.rotations[:BODY_JOINTS].astype(np.float64))
        transforms = joint_transforms(rotations, self._rest, self._parents)
        posed = (transforms[:, :3, :3] @ self._rest[:, :, None])[:, :, 0] + transforms[:, :3, 3]
        return np.asarray(posed + pose.translation)


class Truth:
    """Where the joints truly are between two moments: a table of `motion`, linear between its entries."""

    def __init__(self, motion: Motion, skeleton: Skeleton, first_s: float, last_s: float) -> None:
        self._first = first_s
        count = math.ceil((last_s - first_s) * _TABLE_HZ) + 2
        self._table = np.stack(
            [skeleton.positions(motion.sample(first_s + k / _TABLE_HZ)) for k in range(count)]
        )

    def at(self, seconds: np.ndarray) -> np.ndarray:
        """Return the joints at times [T], metres [T, 22, 3]."""
        position = (seconds - self._first) * _TABLE_HZ
        here = np.clip(position.astype(np.int64), 0, len(self._table) - 2)
        share = (position - here)[:, None, None]
        return (1 - share) * self._table[here] + share * self._table[here + 1]


def check_moves(motion: Motion) -> None:
    """Raise UsageError for a motion that stands still: what rests has no delay."""
    if max(np.ptp(motion.rotations, axis=0).max(), np.ptp(motion.translation, axis=0).max()) < _STILL:
        raise UsageError(f"--steadiness needs a motion that moves, and {motion.name} does not: try dance")


def measure_steadiness(
    settings: Settings, noise: Noise, drawing_ms: float, tell: Callable[[str], None]
) -> tuple[dict[str, SteadinessResult], NoisyStream]:
    """Receive a noisy stream and measure all of `STEADINESS` on it; raises DinarError.

    Args:
        settings: avatar, motion, rate, and the longest time to measure.
        noise: what is done to the stream.
        drawing_ms: from a pose taken to its presentation.
        tell: says to a person what is going on.
    """
    avatar = open_avatar(settings.avatar)
    motion = load_motion(settings.motion, avatar.body, betas=avatar.betas)
    check_moves(motion)
    tell("waiting for the noisy publisher")
    recording, stream = _record(settings, noise, drawing_ms, tell)
    tell("comparing with the true motion")
    skeleton = Skeleton(avatar.body, avatar.betas)
    return compare(recording, motion, skeleton, drawing_ms), stream


def _record(
    settings: Settings, noise: Noise, drawing_ms: float, tell: Callable[[str], None]
) -> tuple[Recording, NoisyStream]:
    """Take poses as they come, each at once; raises DinarError."""
    seconds = min(settings.seconds, STREAM_SECONDS)
    fewest = math.ceil(SETTLING_SECONDS * settings.rate) + _FEWEST_POSES
    with PoseSubscriber(LOOPBACK, bind=True, topics=("pose",)) as subscriber:
        start_us = _now_us()
        spec = NoisySpec(
            address=subscriber.address,
            avatar=settings.avatar,
            motion=settings.motion,
            rate=settings.rate,
            start_us=start_us,
            seconds=_PUBLISHER_SECONDS,
            noise=noise,
        )
        with running([*_NOISY_STREAM, msgspec.json.encode(spec).decode()]) as publisher:
            wait_for_first_pose(subscriber, publisher)
            tell(f"receiving for {seconds + SETTLING_SECONDS:.0f} s")
            before = subscriber.stats()
            frames: list[PoseFrame] = []
            taken_us: list[int] = []
            end = time.monotonic() + seconds + SETTLING_SECONDS
            while len(frames) < fewest or time.monotonic() < end:
                wait_for_pose(subscriber)
                frame = subscriber.latest()
                if frame is not None:
                    frames.append(frame)
                    taken_us.append(_now_us())
            arrived = arrived_since(before, subscriber, publisher)
    recording = Recording(tuple(frames), np.array(taken_us, np.int64), start_us)
    ages = percentiles((1e3 * recording.ages_s).tolist())
    return recording, NoisyStream(noise, len(frames), ages, drawing_ms, arrived)


def compare(
    recording: Recording, motion: Motion, skeleton: Skeleton, drawing_ms: float
) -> dict[str, SteadinessResult]:
    """Replay a recording with each of `STEADINESS` and compare what comes out with `motion`.

    The delay is the shift of the true motion that fits what was shown best: least squares over all joints and
    frames. What is left of the error at that shift is jitter, and what smoothing took away from the motion.

    Args:
        recording: of two frames or more after `SETTLING_SECONDS`.
        motion: the true one, on the clock of `recording.taken_s`.
        skeleton: of whoever moves.
        drawing_ms: from a pose taken to its presentation.
    """
    taken = recording.taken_s
    used = taken >= taken[0] + SETTLING_SECONDS
    drawing_s = drawing_ms / 1e3
    truth = Truth(motion, skeleton, taken[0] - _SHIFTS_S[-1] - 0.01, taken[-1] + max(drawing_s, 0.1) + 0.01)
    found: dict[str, SteadinessResult] = {}
    for name, steadiness in STEADINESS.items():
        replayed = replay(recording, steadiness)
        shown = np.stack([skeleton.positions(replayed.poses[k]) for k in np.flatnonzero(used)])
        shift = best_shift(truth, taken[used], shown)
        left = shown - truth.at(taken[used] - shift)  # [T, 22, 3]
        off = shown - truth.at(taken[used] + drawing_s)
        delay_ms = 1e3 * (shift + drawing_s)
        found[name] = SteadinessResult(
            delay_ms=delay_ms,
            added_delay_ms=delay_ms - (found["off"].delay_ms if found else delay_ms),
            told_delay_ms=1e3 * float(replayed.lags_s[used].mean()),
            aligned_error_mm=_mean_length_mm(left),
            jitter_mm=_mean_length_mm(np.diff(left, axis=0)),
            shown_error_mm=_mean_length_mm(off),
            cpu_us=replayed.cpu_us,
        )
    return found


@dataclass(frozen=True)
class Replayed:
    """What a setting made of a recording.

    Attributes:
        poses: T poses, as they would have been drawn.
        lags_s: float64 [T], the delay that the window would have told.
        cpu_us: processor time, microseconds per pose.
    """

    poses: tuple[Pose, ...]
    lags_s: np.ndarray
    cpu_us: float


def replay(recording: Recording, steadiness: Steadiness) -> Replayed:
    """Give the frames of a recording to a filter, predicting by their age, as `LivePoses` does."""
    frames = recording.frames
    if steadiness == AS_THEY_COME:
        return Replayed(tuple(frame.pose for frame in frames), np.zeros(len(frames)), 0.0)
    smoothing = PoseFilter(steadiness.smoothing or PASS_THROUGH)
    poses, lags = [], []
    start = time.process_time()
    for frame, age in zip(frames, recording.ages_s.tolist(), strict=True):
        pose = smoothing.update(frame.pose, frame.t_us, frame.session)
        poses.append(smoothing.predict(ahead_seconds(age, 0.0)) if steadiness.predict else pose)
        lags.append(smoothing.lag_s)
    cpu_us = 1e6 * (time.process_time() - start) / len(frames)
    return Replayed(tuple(poses), np.array(lags), cpu_us)


def best_shift(truth: Truth, taken_s: np.ndarray, shown: np.ndarray) -> float:
    """Find how many seconds before `taken_s` [T] the true motion fits `shown`, metres [T, 22, 3], best.

    Least squares over shifts from -0.1 to 0.6 s, refined by the parabola through the three best ones.
    """
    costs = [float(((shown - truth.at(taken_s - shift)) ** 2).sum()) for shift in _SHIFTS_S]
    k = min(max(int(np.argmin(costs)), 1), len(_SHIFTS_S) - 2)
    before, here, after = costs[k - 1 : k + 2]
    curvature = before - 2 * here + after
    bend = 0.5 * (before - after) / curvature if curvature > 0 else 0.0
    return float(_SHIFTS_S[k] + bend * (_SHIFTS_S[1] - _SHIFTS_S[0]))


def _mean_length_mm(vectors: np.ndarray) -> float:
    """Metres [T, J, 3] => mean length, mm."""
    return 1e3 * float(np.linalg.norm(vectors, axis=-1).mean())


def _now_us() -> int:
    return time.time_ns() // 1000
