"""Times of the CPU `rgb` renderer, stage by stage."""

import argparse
import platform
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np

from dinar.runtime.avatar import Avatar, Texture, default_avatar_path, open_avatar
from dinar.runtime.body import forward, load_body, open_body_path
from dinar.runtime.camera import framing
from dinar.runtime.cpu.rgb import CpuRgbRenderer
from dinar.runtime.cpu.threads import let_threads_sleep
from dinar.runtime.motions.builtin_motions import builtin_motion

SIZES = (256, 512, 1024)
WARM_UP = 10


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def bare_avatar() -> Avatar:
    """The open body in a 1024 x 1024 checker texture."""
    rows, columns = np.mgrid[:1024, :1024] // 16
    rgb = np.array([(200, 150, 120), (90, 60, 50)], np.uint8)[(rows + columns) % 2]
    return Avatar(
        "open body", load_body(open_body_path()), np.zeros(0, np.float32), Texture(rgb), None, "", ""
    )


def measure(avatar: Avatar, size: int, antialias: bool, frames: int) -> tuple[list[str], np.ndarray]:
    """Stage names and times, milliseconds [frames, stages], while the avatar walks on the spot."""
    motion = builtin_motion("walk", avatar.body)
    poses = [
        replace(motion.sample(t), translation=np.zeros(3, np.float32))
        for t in np.arange(frames + WARM_UP) / 30
    ]
    corners = [forward(avatar.body, avatar.betas, pose).vertices for pose in poses[::10]]
    lower, upper = np.min(corners, axis=(0, 1)), np.max(corners, axis=(0, 1))
    camera = framing(lower, upper, width=size, height=size, azimuth=0.4, fill=0.95)
    with CpuRgbRenderer(avatar, antialias=antialias) as renderer:
        timed = [renderer.render(pose, [camera]).stages for pose in poses][WARM_UP:]
    return [stage.name for stage in timed[0]], np.array([[stage.ms for stage in stages] for stages in timed])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--threads", type=int, default=numba.get_num_threads())
    arguments = parser.parse_args()
    let_threads_sleep()  # before numba starts them
    numba.set_num_threads(arguments.threads)
    avatars = [bare_avatar()]
    if default_avatar_path().exists():
        avatars.append(open_avatar(default_avatar_path()))
    print(
        f"{cpu_name()}, {arguments.threads} threads, {arguments.frames} frames; milliseconds, p50 / p95 / p99"
    )
    for avatar in avatars:
        for antialias in (True, False):
            for size in SIZES:
                names, times = measure(avatar, size, antialias, arguments.frames)
                columns = [*zip(names, times.T, strict=True), ("total", times.sum(axis=1))]
                cells = "   ".join(
                    f"{name} {' / '.join(f'{q:.2f}' for q in np.percentile(values, (50, 95, 99)))}"
                    for name, values in columns
                )
                print(f"{avatar.name}, {size}, {4 if antialias else 1} samples:   {cells}", flush=True)


if __name__ == "__main__":
    main()
