"""A GPU's frames done the usual way, timed beside ours: `python -m dinar.trainer.peers.gpu`.

`dinar bench --device cuda --peers` calls this in a process of its own, since torch stays out of the runtime.
It prints a JSON list of `Peer`. For `rgb` and for each float32 network of the avatar, from a pose on the host
to RGBA in the GPU's memory:

    usual way, eager     smplx, nvdiffrast, the network in eager torch in half precision, see `usual_frame`
    usual way, compiled  the same, and torch.compile for what follows sampling
    without rasterizing  where nvdiffrast is not installed: either of them less rasterizing and sampling
    floor                no frame: the least that the network can take on this GPU, see `gpu_floor`

Each pair takes turns of some frames, with the same poses and cameras. A network of the usual way has fresh
weights: they do not change the time.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
import torch

from dinar.runtime.avatar import Avatar, RendererNetwork, default_avatar_path, open_avatar
from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.networks.torch_network import torch_device
from dinar.runtime.gpu.nvdiffrast_rasterizer import import_nvdiffrast
from dinar.runtime.measure.networks import mode_name, with_networks
from dinar.runtime.measure.records import Peer
from dinar.runtime.measure.view import FollowingView
from dinar.runtime.motion import load_motion
from dinar.runtime.renderer import Renderer, check_device, open_renderer
from dinar.trainer.models.renderer import PRESETS, NeuralRenderer
from dinar.trainer.peers.gpu_floor import Rates, count_work, floor_ms, measure_floor
from dinar.trainer.peers.usual_frame import PartialFrame, UsualFrame

SIZES = (512, 1024)
SECONDS = 2.0
"""Longest time for one pair, warm-up aside."""
MAX_RUNS = 400
TURN_RUNS = 20
POSES = 60
_RGB = "rgb"


@dataclass(frozen=True)
class View:
    """A pose and who sees it."""

    pose: Pose
    camera: Camera


@dataclass(frozen=True)
class Time:
    """What a frame took.

    Attributes:
        wall_ms: from the pose to RGBA, for whoever waits.
        gpu_ms: by the GPU's clock.
    """

    wall_ms: float
    gpu_ms: float


Draw = Callable[[View], Time]


@dataclass(frozen=True)
class Subject:
    """What is drawn: an avatar in one mode, and where.

    Attributes:
        avatar: who.
        network: draws it; None in `rgb` mode.
        size: width and height of the pictures.
        device: "cuda" or "cuda:1" and so on.
        engine: runs our network.
    """

    avatar: Avatar
    network: RendererNetwork | None
    size: int
    device: str
    engine: str

    @property
    def name(self) -> str:
        """For people, for example "live_fp32 at 512"."""
        return f"{_RGB if self.network is None else mode_name(self.network)} at {self.size}"


def main() -> None:
    """Measure what can be and print it as JSON."""
    parser = argparse.ArgumentParser(description="Time frames done the usual way on a GPU beside dinar's.")
    parser.add_argument("--avatar", default=str(default_avatar_path()), help="the .dinar file")
    parser.add_argument("--network", nargs="*", default=[], help="ONNX files of further networks")
    parser.add_argument(
        "--size", type=int, nargs="+", default=list(SIZES), help="width and height of pictures"
    )
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 and so on")
    parser.add_argument("--engine", default="auto", help="what runs our networks")
    options = parser.parse_args()
    avatar = with_networks(open_avatar(options.avatar), options.network)
    networks = [None, *(network for network in avatar.networks if network.precision == "fp32")]
    subjects = [
        Subject(avatar, network, size, options.device, options.engine)
        for size in options.size
        for network in networks
    ]
    sys.stdout.write(msgspec.json.encode(measure(subjects)).decode() + "\n")


def measure(subjects: list[Subject]) -> list[Peer]:
    """Measure all peers of some subjects on one device; what cannot be is named as missing."""
    try:
        device = torch_device(check_device(subjects[0].device) or 0)
    except DinarError as error:
        return [Peer(name, missing=str(error)) for subject in subjects for name in peer_names(subject)]
    torch.cuda.set_device(device)
    rates = measure_floor(device)
    return [peer for subject in subjects for peer in measure_subject(subject, device, rates)]


def peer_names(subject: Subject) -> tuple[str, ...]:
    """Return what is measured beside a subject: eager, compiled and, for a network, its floor."""
    usual = (f"usual way, eager: {subject.name}", f"usual way, compiled: {subject.name}")
    return usual if subject.network is None else (*usual, f"floor: {subject.name}")


def measure_subject(subject: Subject, device: torch.device, rates: Rates) -> list[Peer]:
    """Measure all peers of one subject."""
    eager, compiled, *floor = peer_names(subject)
    try:
        ours = open_ours(subject)
    except DinarError as error:
        return [Peer(name, missing=f"ours beside it: {error}") for name in (eager, compiled, *floor)]
    with ours:
        views = make_views(subject)
        ours_name = f"{subject.name}, {getattr(ours, 'engine', '') or 'no network'}"

        def draw(view: View) -> Time:
            return draw_ours(ours, view)

        for view in views:  # it opens networks for their sizes and captures frames, both once
            draw(view)
        peers: list[Peer] = []
        for name in (eager, compiled):
            how = name == compiled
            peers.append(usual_peer(name, ours_name, UsualFrame, subject, device, draw, views, compiled=how))
            if not has_nvdiffrast():
                less = name.replace(":", " without rasterizing:")
                peers.append(
                    usual_peer(less, ours_name, PartialFrame, subject, device, draw, views, compiled=how)
                )
        return peers + [floor_peer(name, ours_name, subject, rates, draw, views) for name in floor]


def has_nvdiffrast() -> bool:
    """Whether it is installed."""
    try:
        import_nvdiffrast()
    except DinarError:
        return False
    return True


def open_ours(subject: Subject) -> Renderer:
    """Open our renderer; raises DinarError."""
    return open_renderer(
        subject.avatar,
        device=subject.device,
        mode="rgb" if subject.network is None else "neural",
        network=subject.network,
        engine=subject.engine,  # type: ignore[arg-type]  # it raises for others
        tell=lambda sentence: print(sentence, file=sys.stderr),  # noqa: T201
    )


def make_views(subject: Subject) -> list[View]:
    """Return poses spread over a dance, and the cameras that follow it, as in the bench."""
    motion = load_motion("dance", subject.avatar.body, betas=subject.avatar.betas)
    following = FollowingView(subject.avatar, motion, subject.size)
    poses = following.poses[:: max(1, len(following.poses) // POSES)]
    return [View(pose, following.camera(pose)) for pose in poses]


def draw_ours(renderer: Renderer, view: View) -> Time:
    """Draw one of our frames."""
    start = time.perf_counter()
    frame = renderer.render(view.pose, [view.camera])
    frame.wait()
    wall_ms = 1e3 * (time.perf_counter() - start)
    return Time(wall_ms, sum(stage.ms for stage in frame.stages if stage.name == "gpu"))


def usual_peer(
    name: str,
    ours_name: str,
    kind: type[UsualFrame | PartialFrame],
    subject: Subject,
    device: torch.device,
    ours: Draw,
    views: list[View],
    *,
    compiled: bool,
) -> Peer:
    """Measure the usual way beside ours; what does not run here is missing, with the reason."""
    try:
        network = fresh_network(subject.network)
        frame = kind(subject.avatar, network, subject.size, device, compiled=compiled)
        return compare(name, ours_name, lambda view: draw_usual(frame, view), ours, views)
    except Exception as error:  # what torch, its compiler and nvdiffrast raise has no common class
        return Peer(name, missing=(str(error).strip().splitlines() or [type(error).__name__])[0])


def fresh_network(network: RendererNetwork | None) -> NeuralRenderer | None:
    """Return an untrained network of the same preset; raises DinarError for a preset of somebody else's."""
    if network is None:
        return None
    if network.preset not in PRESETS:
        raise DinarError(f"there is no preset {network.preset} to make a network of")
    torch.manual_seed(0)
    return NeuralRenderer(PRESETS[network.preset])


def draw_usual(frame: UsualFrame | PartialFrame, view: View) -> Time:
    """Draw one frame the usual way."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start = time.perf_counter()
    begin.record()
    frame.render(view.pose, view.camera)
    end.record()
    end.synchronize()
    return Time(1e3 * (time.perf_counter() - start), begin.elapsed_time(end))


def floor_peer(
    name: str, ours_name: str, subject: Subject, rates: Rates, ours: Draw, views: list[View]
) -> Peer:
    """Put the least that the network can take beside what our whole frames take by the GPU's clock."""
    assert subject.network is not None, "rgb has no floor"
    if subject.network.preset not in PRESETS:
        return Peer(name, missing=f"there is no preset {subject.network.preset} to count")
    work = count_work(PRESETS[subject.network.preset], subject.size, subject.size)
    floor = floor_ms(work, rates)
    times = [time.gpu_ms for time in take_turn(ours, itertools.cycle(views), MAX_RUNS)]
    ours_ms = float(np.median(times))
    told = (
        f"{name} ({work.flops / 1e9:.1f} GFLOP at {rates.flops / 1e12:.0f} TFLOP/s, "
        f"{work.bytes / 1e6:.0f} MB at {rates.bytes / 1e12:.2f} TB/s)"
    )
    return Peer(told, ours_name, floor, ours_ms, floor / ours_ms, gpu_ms=floor, ours_gpu_ms=ours_ms)


def compare(name: str, ours_name: str, theirs: Draw, ours: Draw, views: list[View]) -> Peer:
    """Let both take turns over the same views and compare their medians."""
    for view in views[:TURN_RUNS]:  # compiles, tries kernels out, finds memory
        theirs(view)
    found: tuple[list[Time], list[Time]] = ([], [])
    cycles = itertools.cycle(views), itertools.cycle(views)
    end = time.perf_counter() + SECONDS
    while not found[0] or (len(found[0]) < MAX_RUNS and time.perf_counter() < end):
        for draw, cycle, times in zip((theirs, ours), cycles, found, strict=True):
            times += take_turn(draw, cycle, TURN_RUNS)
    wall, ours_wall = (np.array([time.wall_ms for time in times]) for times in found)
    gpu, ours_gpu = (float(np.median([time.gpu_ms for time in times])) for times in found)
    p50, ours_p50 = float(np.median(wall)), float(np.median(ours_wall))
    return Peer(
        name,
        ours_name,
        p50,
        ours_p50,
        p50 / ours_p50,
        p99_ms=float(np.percentile(wall, 99)),
        ours_p99_ms=float(np.percentile(ours_wall, 99)),
        gpu_ms=gpu,
        ours_gpu_ms=ours_gpu,
    )


def take_turn(draw: Draw, views: Iterator[View], runs: int) -> list[Time]:
    """Draw some frames in a row; two before them let the GPU come back from the other's work."""
    for _ in range(2):
        draw(next(views))
    return [draw(next(views)) for _ in range(runs)]


if __name__ == "__main__":
    main()
