"""Time one forward pass of the body: `smplx` (torch), the NumPy reference and fast skinning, side by side.

    python -m tests.bench.bench_skin

from the root of the repository. The three take turns pose by pose, so that whatever else the computer does
hits all of them (and each finds the caches cold). Every pose sets 10 expression coefficients; "all" turns
all 55 joints, "body" the 22 of body and head.
"""

import argparse
import dataclasses
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from dinar.runtime.body import Pose, forward, load_body, open_body_path
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.prepare.mesh import skinned_body

from ..runtime.synthetic_smplx import licensed_arrays, open_smplx, random_pose, smplx_forward


def main() -> None:
    parser = argparse.ArgumentParser(description="Time smplx, the NumPy reference and fast skinning.")
    parser.add_argument("--poses", type=int, default=100, help="poses per body (default: 100)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads for smplx")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"CPU: {cpu_name()}")
    print(f"threads: smplx {torch.get_num_threads()}, NumPy as its BLAS likes, fast skinning 1")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "licensed.npz"
        np.savez(path, **licensed_arrays(np.random.default_rng(1)))
        compare("random model of the licensed size (pose correctives all dense)", path, options.poses)
    compare("open body", open_body_path(), options.poses)


def compare(title: str, path: Path, count: int) -> None:
    """Time the three on one body and print a table."""
    body = load_body(path)
    betas = np.random.default_rng(2).standard_normal(10)
    model = open_smplx(path, dtype=torch.float32)
    skinner = Skinner(skinned_body(body, betas))
    print(f"\n{title}: {len(body.v_template)} vertices, {count} poses, ms")
    print(f"{'joints':8}{'forward':18}{'p50':>9}{'p95':>9}{'smplx p50 / p50':>18}")
    for joints in ("all", "body"):
        times = take_turns(
            {
                "smplx": lambda pose: smplx_forward(model, betas, pose),
                "NumPy reference": lambda pose: forward(body, betas, pose, dtype=np.float32),
                "fast": skinner,
            },
            poses(joints, count),
        )
        oracle = np.median(times["smplx"])
        for name, ms in times.items():
            p50, p95 = np.percentile(ms, [50, 95])
            print(f"{joints:8}{name:18}{p50:9.3f}{p95:9.3f}{oracle / p50:17.1f}x")


def poses(joints: str, count: int) -> list[Pose]:
    """Random poses that turn all joints, or those of body and head only."""
    rng = np.random.default_rng(3)
    made = [random_pose(rng, expressions=10) for _ in range(count)]
    turning = np.arange(55)[:, None] < (55 if joints == "all" else 22)
    return [dataclasses.replace(pose, rotations=pose.rotations * turning) for pose in made]


def take_turns(methods: dict[str, Callable[[Pose], object]], poses: list[Pose]) -> dict[str, np.ndarray]:
    """Milliseconds of each method for each pose, after three rounds to warm up."""
    times = {name: np.empty(len(poses)) for name in methods}
    for i, pose in enumerate(poses[:3] + poses):
        for name, method in methods.items():
            start = time.perf_counter()
            method(pose)
            times[name][max(0, i - 3)] = 1e3 * (time.perf_counter() - start)
    return times


def cpu_name() -> str:
    """The processor's name as the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]} ({len(names)} cores)" if names else platform.processor()


if __name__ == "__main__":
    main()
