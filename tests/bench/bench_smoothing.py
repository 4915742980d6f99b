"""Measure what smoothing and prediction do to a noisy stream: jitter taken away, latency added, and left.

    python -m tests.bench.bench_smoothing

from the root of the repository. Clean motions are sampled at 30 and 60 Hz and every joint is turned by noise
(normal, 1 to 3 degrees about each axis, new in each pose). Of what comes out:

jitter    degrees: how far a joint is off once the latency is taken out, RMS over joints and time; only what
          changes from pose to pose counts (differences / sqrt 2, so that white noise keeps its size).
error     degrees: how far a joint is off the clean motion at the moment it is shown, RMS: jitter and latency.
latency   ms: the shift of the clean motion that fits best (least angle, all joints). Poses are shown `--age`
          late: so much it is with everything off.
HUD       ms: what the window says that smoothing adds at most.
cost      microseconds per pose, filter and prediction.
"""

import argparse
import math
import time
from dataclasses import dataclass

import numpy as np

from dinar.runtime.body import Pose, load_body, open_body_path
from dinar.runtime.motion import Motion, load_motion
from dinar.runtime.rotations import (
    axis_angle_from_quaternion,
    quaternion_from_axis_angle,
    quaternion_multiply,
)
from dinar.runtime.smoothing import PASS_THROUGH, STRENGTHS, OneEuro, PoseFilter

INVERSE = np.array([1.0, -1.0, -1.0, -1.0])
SHIFTS = np.arange(-0.06, 0.2001, 0.005)  # seconds
BODY = 22  # joints that the motions move: body and head
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Measured:
    """One row of the table: degrees, milliseconds, microseconds."""

    jitter_deg: float
    error_deg: float
    latency_ms: float
    hud_ms: float
    cost_us: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure smoothing and prediction on a noisy stream.")
    parser.add_argument("--seconds", type=float, default=12, help="length of each run (default: 12)")
    parser.add_argument("--age", type=float, default=50, help="age of poses when shown, ms (default: 50)")
    options = parser.parse_args()
    body = load_body(open_body_path())
    settings = {"off": PASS_THROUGH, **STRENGTHS}
    for name in ("walk", "dance", "rest"):
        motion = load_motion("dance" if name == "rest" else name, body)
        if name == "rest":
            motion = Motion(
                motion.rotations[:1], motion.translation[:1], motion.expression[:1], 30, name, True
            )
        for noise in (1.0, 3.0):
            for rate in (30, 60):
                print(f"\n{name}, noise {noise:g} degrees, {rate} Hz, age {options.age:g} ms")
                print(
                    f"{'smoothing':10}{'predicted':>10}{'jitter':>9}{'error':>9}{'latency':>9}{'HUD':>7}{'cost':>7}"
                )
                for label, parameters in settings.items():
                    for predicted in (False, True):
                        row = measure(
                            motion,
                            parameters,
                            rate,
                            noise,
                            options.seconds,
                            age=options.age / 1e3,
                            predicted=predicted,
                        )
                        late = "-" if name == "rest" else f"{row.latency_ms:.0f}"
                        yes = "yes" if predicted else "no"
                        print(
                            f"{label:10}{yes:>10}{row.jitter_deg:9.2f}{row.error_deg:9.2f}{late:>9}{row.hud_ms:7.0f}{row.cost_us:7.0f}"
                        )


def measure(
    motion: Motion,
    parameters: OneEuro,
    rate: int,
    noise_deg: float,
    seconds: float,
    *,
    age: float,
    predicted: bool,
) -> Measured:
    """Filter a noisy sampling of `motion` and compare with the clean one; poses are shown `age` s late."""
    times = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(1)
    clean = [motion.sample(at) for at in times]
    noise = quaternion_from_axis_angle(rng.normal(0, math.radians(noise_deg), (len(times), 55, 3)))
    noisy = quaternion_multiply(noise, quaternion_from_axis_angle(np.stack([p.rotations for p in clean])))
    poses = [
        Pose(rotations, pose.translation, pose.expression)
        for rotations, pose in zip(axis_angle_from_quaternion(noisy), clean, strict=True)
    ]
    smoothing = PoseFilter(parameters)
    out, lags = [], []
    start = time.perf_counter()
    for pose, at in zip(poses, times, strict=True):
        shown = smoothing.update(pose, round(1e6 * at))
        out.append(smoothing.predict(age) if predicted else shown)
        lags.append(smoothing.lag_s)
    cost = (time.perf_counter() - start) / len(poses)
    used = times >= WARM_UP_SECONDS
    rotations = np.stack([pose.rotations for pose in out])[used]
    shown_at, quaternions = times[used] + age, quaternion_from_axis_angle(rotations)
    latency, errors = best_shift(motion, shown_at, quaternions)
    jitter = np.diff(errors, axis=0) / math.sqrt(2)  # [T - 1, J, 3]
    return Measured(
        jitter_deg=math.degrees(math.sqrt((jitter**2).sum(-1).mean())),
        error_deg=math.degrees(math.sqrt((errors_at(motion, shown_at, quaternions) ** 2).sum(-1).mean())),
        latency_ms=1e3 * latency,
        hud_ms=1e3 * float(np.mean(np.array(lags)[used])),
        cost_us=1e6 * cost,
    )


def best_shift(motion: Motion, times: np.ndarray, shown: np.ndarray) -> tuple[float, np.ndarray]:
    """Find the latency, seconds, at which the clean motion fits `shown` [T, 55, 4] best.

    Returns it with what is left, rotation vectors [T, J, 3] in radians.
    """
    costs = [float((errors_at(motion, times - shift, shown) ** 2).sum()) for shift in SHIFTS]
    k = min(max(int(np.argmin(costs)), 1), len(SHIFTS) - 2)
    before, here, after = costs[k - 1 : k + 2]  # the minimum of the parabola through three points
    curvature = before - 2 * here + after
    bend = 0.5 * (before - after) / curvature if curvature > 0 else 0.0
    shift = float(SHIFTS[k] + bend * (SHIFTS[1] - SHIFTS[0]))
    return shift, errors_at(motion, times - shift, shown)


def errors_at(motion: Motion, times: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Rotation vectors [T, J, 3] from the clean motion at `times` to what was shown."""
    clean = quaternion_from_axis_angle(np.stack([motion.sample(float(at)).rotations for at in times]))
    return axis_angle_from_quaternion(quaternion_multiply(shown, clean * INVERSE))[:, :BODY]


if __name__ == "__main__":
    main()
