"""A known motion, sent as trackers send: `python -m dinar.runtime.measure.noisy_stream SPEC`.

SPEC is a `NoisySpec` as JSON. The pose of the time t_us is the motion at (t_us - start_us) / 10^6 seconds,
trembling; so whoever has the motion and the spec knows where the person truly is at any moment.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np

from dinar.runtime.avatar import open_avatar
from dinar.runtime.body import Pose
from dinar.runtime.errors import DinarError
from dinar.runtime.measure.records import Noise, NoisySpec
from dinar.runtime.motion import Motion, load_motion
from dinar.runtime.rotations import (
    axis_angle_from_quaternion,
    quaternion_from_axis_angle,
    quaternion_multiply,
)
from dinar.runtime.stream import PosePublisher
from dinar.runtime.wire import MAX_EXPRESSIONS

MOST_BEHIND_SECONDS = 0.25
"""Poses that are overdue by more are left out: the processor is too slow for the rate."""


def main(text: str) -> int:
    """Send what `text` says; returns the exit status."""
    spec = msgspec.json.decode(text, type=NoisySpec)
    try:
        avatar = open_avatar(spec.avatar)
        motion = load_motion(spec.motion, avatar.body, betas=avatar.betas)
        with PosePublisher(spec.address, bind=False) as publisher:
            publish_noisy(motion, publisher, spec)
    except DinarError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def publish_noisy(
    motion: Motion,
    publisher: PosePublisher,
    spec: NoisySpec,
    *,
    now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send `motion` with noise until the spec's end.

    Poses are taken on a steady beat and sent in order, each after the delay and a jitter of its own.

    Args:
        motion: what is true.
        publisher: takes the poses.
        spec: the noise, the beat, and when it started.
        now_us: microseconds since the epoch.
        sleep: waits so many seconds on the same clock.
    """
    rng, noise = np.random.default_rng(spec.noise.seed), spec.noise

    def elapsed() -> float:
        return (now_us() - spec.start_us) / 1e6

    beat = math.ceil(elapsed() * spec.rate)
    while True:
        at = beat / spec.rate
        pose = with_noise(motion.sample(at), noise, rng)
        due = at + 1e-3 * (noise.delay_ms + rng.exponential(noise.jitter_ms))
        if due > spec.seconds:
            return
        sleep(max(0.0, due - elapsed()))
        publisher.send(pose, t_us=spec.start_us + round(1e6 * at))
        behind = elapsed() - noise.delay_ms / 1e3 - MOST_BEHIND_SECONDS
        beat = max(beat + 1, int(behind * spec.rate))


def with_noise(pose: Pose, noise: Noise, rng: np.random.Generator) -> Pose:
    """Turn every joint and move the person by normal noise; expression stays."""
    turns = rng.normal(0, math.radians(noise.rotation_deg), pose.rotations.shape)  # [55, 3]
    turned = quaternion_multiply(
        quaternion_from_axis_angle(turns), quaternion_from_axis_angle(pose.rotations.astype(np.float64))
    )
    moved = pose.translation + rng.normal(0, noise.translation_mm / 1e3, 3)
    return replace(
        pose,
        rotations=axis_angle_from_quaternion(turned).astype(np.float32),
        translation=moved.astype(np.float32),
        expression=pose.expression[:MAX_EXPRESSIONS],
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
