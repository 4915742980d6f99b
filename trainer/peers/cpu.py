"""Other software that does a part of the runtime's work on a processor, timed beside it.

`dinar bench --peers` calls `python -m dinar.trainer.peers.cpu` in a process of its own, since torch stays out
of the runtime. It prints a JSON list of `Peer`. Each pair takes turns of a few runs, so that whatever else
the computer does hits both.

    smplx           one forward pass of the body, beside skinning
    ONNX Runtime    each network on the whole picture, beside the same network in OpenVINO on its rectangle
    torch, eager    the `paper` network on the whole picture, beside the fastest of the avatar's networks
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import sys
import time
from collections.abc import Callable

import msgspec
import numpy as np
import torch

from dinar.runtime.avatar import Avatar, RendererNetwork, default_avatar_path, open_avatar
from dinar.runtime.cpu.network import CpuNetwork
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.errors import DinarError
from dinar.runtime.measure.networks import mode_name, with_networks
from dinar.runtime.measure.records import Peer
from dinar.runtime.motion import load_motion
from dinar.runtime.network_input import CHANNELS, MULTIPLE
from dinar.runtime.prepare.mesh import skinned_body
from dinar.trainer.models.renderer import PAPER, NeuralRenderer
from dinar.trainer.peers.smplx_body import SmplxBody

SECONDS = 6.0
"""Longest time for one pair, warm-up aside."""
MAX_RUNS = 100
SKINNED_POSES = 60
TURN_RUNS, TURN_SECONDS = 10, 0.5


def main() -> None:
    """Measure what is installed and print it as JSON."""
    parser = argparse.ArgumentParser(description="Time other software beside dinar's runtime.")
    parser.add_argument("--avatar", default=str(default_avatar_path()), help="the .dinar file")
    parser.add_argument("--network", nargs="*", default=[], help="ONNX files of further networks")
    parser.add_argument("--size", type=int, default=512, help="width and height of the picture")
    parser.add_argument("--crop", type=int, nargs=2, help="width and height of our rectangle, default whole")
    options = parser.parse_args()
    avatar = with_networks(open_avatar(options.avatar), options.network)
    side = -(-options.size // MULTIPLE) * MULTIPLE
    crop = tuple(options.crop or (side, side))
    peers = [smplx_forward(avatar)]
    peers += [onnx_runtime(network, side, crop) for network in avatar.networks]
    peers.append(eager_paper(avatar, side, crop))
    sys.stdout.write(msgspec.json.encode(peers).decode() + "\n")


def smplx_forward(avatar: Avatar) -> Peer:
    """Pose the open body with `smplx`, and with the runtime's skinning."""
    name = "smplx forward"
    try:
        body = SmplxBody(avatar)
    except DinarError as error:
        return Peer(name, missing=str(error))
    skinner = Skinner(skinned_body(avatar.body, avatar.betas))
    motion = load_motion("dance", avatar.body, betas=avatar.betas)
    poses = [motion.sample(0.1 * k) for k in range(SKINNED_POSES)]
    to_smplx, to_ours = itertools.cycle(poses), itertools.cycle(poses)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as our skinning; two were six times slower than one, on two shared cores
    try:
        return _compared(
            name,
            "skinning",
            lambda: body.vertices(next(to_smplx)),
            lambda: skinner(next(to_ours)),
        )
    finally:
        torch.set_num_threads(threads)


def onnx_runtime(network: RendererNetwork, side: int, crop: tuple[int, int]) -> Peer:
    """Run a network in ONNX Runtime on the whole picture, and in OpenVINO on the rectangle."""
    name = f"{mode_name(network)} in ONNX Runtime, whole picture"
    try:
        onnxruntime = importlib.import_module("onnxruntime")  # no extra brings it: it is only a peer
    except ImportError:
        return Peer(name, missing="onnxruntime is not installed")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _cores()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(network.onnx, options, providers=["CPUExecutionProvider"])
    raster = {session.get_inputs()[0].name: _raster(side).numpy()}
    with CpuNetwork(network.onnx, crop[1], crop[0]) as ours:
        return _compared(name, _ours(network, crop), lambda: session.run(None, raster), ours.run)


def eager_paper(avatar: Avatar, side: int, crop: tuple[int, int]) -> Peer:
    """Run the `paper` network in torch on the whole picture, and a network of ours on the rectangle."""
    name = "paper in eager torch, whole picture"
    if not avatar.networks:
        return Peer(name, missing="there is no network of ours beside it: name one with --network")
    network = next((n for n in avatar.networks if mode_name(n) == "live_int8"), avatar.networks[0])
    torch.manual_seed(0)
    paper, raster = NeuralRenderer(PAPER).eval(), _raster(side)

    def theirs() -> None:
        with torch.no_grad():
            paper(raster)

    with CpuNetwork(network.onnx, crop[1], crop[0]) as ours:
        return _compared(name, _ours(network, crop), theirs, ours.run)


def _ours(network: RendererNetwork, crop: tuple[int, int]) -> str:
    return f"{mode_name(network)} on {crop[0]} x {crop[1]}"


def _raster(side: int) -> torch.Tensor:
    """A picture for a network, float32 [1, 22, side, side] in [0, 1]."""
    return torch.rand(1, CHANNELS, side, side, generator=torch.Generator().manual_seed(0))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _compared(name: str, ours_name: str, theirs: Callable[[], object], ours: Callable[[], object]) -> Peer:
    """Let both take turns and compare their medians."""
    times: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + SECONDS
    while not times[0] or (len(times[0]) < MAX_RUNS and time.perf_counter() < end):
        for run, found in zip((theirs, ours), times, strict=True):
            found += _turn(run)
    p50, ours_p50 = (float(np.median(found)) for found in times)
    return Peer(name, ours_name, p50, ours_p50, p50 / ours_p50)


def _turn(run: Callable[[], object]) -> list[float]:
    """Milliseconds of a few runs in a row; one before them lets threads of the other come to rest."""
    run()
    times: list[float] = []
    end = time.perf_counter() + TURN_SECONDS
    while not times or (len(times) < TURN_RUNS and time.perf_counter() < end):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return times


if __name__ == "__main__":
    main()
