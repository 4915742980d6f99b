"""Times of the CPU `neural` renderer, stage by stage, and of its network alone, with weights made by chance.

    python -m tests.bench.bench_neural --int8

from the root of the repository. The network alone, on the same rectangles and nothing around it, is what
the whole is measured against.
"""

import argparse
from collections import Counter
from dataclasses import dataclass, replace
from time import perf_counter

import numba
import numpy as np
import torch

from dinar.export.to_onnx import to_onnx
from dinar.export.to_openvino import quantize
from dinar.runtime.avatar import Avatar, RendererNetwork, Texture, default_avatar_path, open_avatar
from dinar.runtime.body import forward
from dinar.runtime.camera import framing
from dinar.runtime.cpu.network import CpuNetwork
from dinar.runtime.cpu.neural import CpuNeuralRenderer
from dinar.runtime.motions.builtin_motions import builtin_motion
from dinar.runtime.network_input import CHANNELS
from dinar.trainer.models.renderer import PRESETS, NeuralRenderer

from .bench_render import cpu_name

WARM_UP = 90
TEXELS = 256
FPS = 30


@dataclass(frozen=True)
class Timed:
    """Milliseconds [frames] for each stage and "total", and how many frames had which (height, width)."""

    ms: dict[str, np.ndarray]
    crops: Counter


def networked_avatar(preset: str, int8: bool) -> Avatar:
    """The default avatar with a network and a neural texture of chance: as much work as a trained one."""
    torch.manual_seed(0)
    onnx = to_onnx(NeuralRenderer(PRESETS[preset]))
    rng = np.random.default_rng(0)
    if int8:
        onnx = quantize(onnx, [rng.integers(0, 256, (128, 128, CHANNELS), dtype=np.uint8) for _ in range(8)])
    mask = np.ones((TEXELS, TEXELS), np.uint8)
    texture = Texture(
        rgb=rng.integers(0, 256, (TEXELS, TEXELS, 3), dtype=np.uint8),
        gen=rng.uniform(-1, 1, (TEXELS, TEXELS, 16)).astype(np.float16),
        smp=mask,
        fill=mask,
    )
    networks = (RendererNetwork(preset, "int8" if int8 else "fp32", onnx),)
    return replace(open_avatar(default_avatar_path()), texture=texture, networks=networks)


def measure(avatar: Avatar, size: int, frames: int, threads: int) -> Timed:
    """Draw `dance`, seen by a camera that shows all of it."""
    motion = builtin_motion("dance", avatar.body)
    poses = [motion.sample(t) for t in np.arange(frames + WARM_UP) / FPS]
    corners = [forward(avatar.body, avatar.betas, pose).vertices for pose in poses[::10]]
    lower, upper = np.min(corners, axis=(0, 1)), np.max(corners, axis=(0, 1))
    camera = framing(lower, upper, width=size, height=size, fill=0.95)
    rows, crops = [], []
    with CpuNeuralRenderer(avatar, threads=threads) as renderer:
        for pose in poses:
            start = perf_counter()
            stages = renderer.render(pose, [camera]).stages
            total = 1e3 * (perf_counter() - start)
            rows.append([*(stage.ms for stage in stages), total])
            crops += [(crop.height, crop.width) for crop in renderer.crops if crop is not None]
    names = [*(stage.name for stage in stages), "total"]
    ms = dict(zip(names, np.array(rows)[WARM_UP:].T, strict=True))
    return Timed(ms, Counter(crops[WARM_UP:]))


def network_alone(onnx: bytes, height: int, width: int, frames: int, threads: int) -> float:
    """Median time of the network on one rectangle, milliseconds."""
    times = []
    with CpuNetwork(onnx, height, width, threads=threads) as network:
        for _ in range(frames):
            start = perf_counter()
            network.run()
            times.append(1e3 * (perf_counter() - start))
    return float(np.median(times[frames // 4 :]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=180)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--preset", choices=list(PRESETS), default="live")
    parser.add_argument("--int8", action="store_true", help="calibrate the network to int8 first")
    parser.add_argument("--threads", type=int, default=numba.get_num_threads())
    arguments = parser.parse_args()
    size, frames, threads = arguments.size, arguments.frames, arguments.threads
    numba.set_num_threads(threads)
    avatar = networked_avatar(arguments.preset, arguments.int8)
    timed = measure(avatar, size, frames, threads)
    print(f"{cpu_name()}, {threads} threads, {frames} frames of {size} x {size}; ms")
    for name, values in timed.ms.items():
        quantiles = " / ".join(f"{q:6.2f}" for q in np.percentile(values, (10, 50, 95, 99)))
        print(f"{name:8} p10 / p50 / p95 / p99  {quantiles}")
    alone = 0.0
    for (height, width), count in timed.crops.items():
        ms = network_alone(avatar.networks[0].onnx, height, width, 40, threads)
        alone += ms * count / timed.crops.total()
        print(f"network alone, {width} x {height} ({count} frames): {ms:.2f}")
    print(f"total / network alone: {np.median(timed.ms['total']) / alone:.2f}")


if __name__ == "__main__":
    main()
