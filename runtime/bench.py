"""`dinar bench`: how long a pose takes to become a picture, stage by stage, as it happens live."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import tyro
from rich.console import Console

from dinar.runtime.avatar import default_avatar_path, open_avatar
from dinar.runtime.errors import DinarError, UsageError
from dinar.runtime.files.whole_file import check_file, write_file
from dinar.runtime.measure.machine import this_machine, versions
from dinar.runtime.measure.networks import check_modes, with_networks
from dinar.runtime.measure.page import page
from dinar.runtime.measure.publisher import BenchError
from dinar.runtime.measure.records import (
    Event,
    Noise,
    NoisyStream,
    Peer,
    Report,
    Result,
    Settings,
    Spec,
    Startup,
    SteadinessResult,
)
from dinar.runtime.measure.report import print_report
from dinar.runtime.measure.steadiness import check_moves, measure_steadiness
from dinar.runtime.motion import load_motion
from dinar.runtime.play import MAX_FPS
from dinar.runtime.renderer import Engine, check_device
from dinar.runtime.show import MAX_SECONDS, MAX_SIZE

STARTS = 5
BUSY_SHARE = 0.1
"""Where other processes take more than this of the processors, the numbers are called into question."""
_WORKER = (sys.executable, "-m", "dinar.runtime.measure.worker")
_PEERS = (sys.executable, "-m", "dinar.trainer.peers.cpu")
_GPU_PEERS = (sys.executable, "-m", "dinar.trainer.peers.gpu")


@dataclass(frozen=True)
class BenchConfig:
    """Measure from the pose received to the picture shown: poses come over ZeroMQ from another process."""

    avatar: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[AVATAR]")] = None
    """The .dinar file; the avatar that comes with dinar when left out."""
    modes: tuple[str, ...] = ()
    """What to measure, for example rgb live_int8; all that the avatar supports when left out."""
    network: tuple[Path, ...] = ()
    """Networks to measure beside the avatar's own: files with names such as live_int8.onnx."""
    motion: str = "dance"
    """What the publisher plays: a built-in motion or a SMPL-X / AMASS .npz file."""
    size: int = 512
    """Width and height of the picture, in pixels."""
    rate: float = 30.0
    """Poses per second."""
    warm_up: int = 30
    """Frames before measuring."""
    window: int = 90
    """Frames of a window; windows are repeated until three in a row agree."""
    tolerance: float = 0.1
    """Share by which the medians of three windows may differ and still agree."""
    seconds: float = 30.0
    """Longest time to measure a mode."""
    device: str = "cpu"
    """Where to render: cpu; cuda (or cuda:1 ...) for an NVIDIA GPU."""
    engine: Engine = "auto"
    """What runs networks on a GPU: tensorrt, tensorrt-rtx, torch, or the first that works."""
    json: Path | None = None
    """Write all numbers to this file."""
    html: Path | None = None
    """Write a report with plots to this file."""
    steadiness: bool = False
    """Measure, too, what each strength of `dinar run --smooth` and --predict do to a stream that trembles."""
    startup: bool = False
    """Measure, too, how long a start takes to the first frame, with kernels compiled before and without."""
    peers: bool = False
    """Measure, too, what else does a part of the work, where it is installed: smplx, ONNX Runtime, torch."""

    def __post_init__(self) -> None:
        """Raise UsageError for a number out of range or a file that cannot be written."""
        for name, value, low, high in (
            ("size", self.size, 16, MAX_SIZE),
            ("warm-up", self.warm_up, 0, 10_000),
            ("window", self.window, 1, 10_000),
        ):
            if not low <= value <= high:
                raise UsageError(f"--{name} must be from {low} to {high}, not {value}")
        for name, number, most in (
            ("rate", self.rate, MAX_FPS),
            ("seconds", self.seconds, MAX_SECONDS),
            ("tolerance", self.tolerance, 1.0),
        ):
            if not (math.isfinite(number) and 0 < number <= most):
                raise UsageError(f"--{name} must be above 0 and at most {most:g}, not {number}")
        try:
            check_device(self.device)
        except DinarError as error:
            raise UsageError(f"--device: {error}") from error
        if self.device == "auto":
            raise UsageError("--device auto says nothing about what is measured: name cpu or cuda")
        check_file("json", self.json)
        check_file("html", self.html)


def bench(config: BenchConfig) -> int:
    """Measure, print, and write the files that `config` names; returns the status. Raises DinarError."""
    console = Console(stderr=True)
    settings = _settings(config)
    avatar = with_networks(open_avatar(settings.avatar), settings.networks)
    motion = load_motion(config.motion, avatar.body, betas=avatar.betas)  # a wrong name is told at once
    if config.steadiness:
        check_moves(motion)
    modes = check_modes(config.modes, avatar)
    machine = this_machine()
    console.print(f"{machine.name}: {machine.cpu}, {machine.cores} cores, {machine.os}", highlight=False)
    if machine.load_average:
        console.print(f"load average {' '.join(map(str, machine.load_average))}", highlight=False)
    results = {mode: _measure(Spec(mode, settings), console) for mode in modes}
    steadiness, noisy_stream = (
        _measure_steadiness(settings, results[modes[0]], console) if config.steadiness else ({}, None)
    )
    startup = _measure_startup(Spec(modes[0], settings), console) if config.startup else None
    peers = _measure_peers(settings, results, console) if config.peers else ()
    report = Report(
        machine=machine,
        versions=versions(),
        settings=settings,
        results={mode: result.stages for mode, result in results.items()},
        details={mode: result.details for mode, result in results.items()},
        startup=startup,
        peers=peers,
        steadiness=steadiness,
        steadiness_stream=noisy_stream,
        warnings=_warnings(results),
    )
    print_report(report, Console())
    if config.json is not None:
        write_file(config.json, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    if config.html is not None:
        write_file(config.html, page(report).encode())
    return 0


def _settings(config: BenchConfig) -> Settings:
    return Settings(
        avatar=str((config.avatar or default_avatar_path()).absolute()),
        networks=tuple(str(path.absolute()) for path in config.network),
        motion=config.motion,
        size=config.size,
        rate=config.rate,
        warm_up=config.warm_up,
        window=config.window,
        seconds=config.seconds,
        tolerance=config.tolerance,
        device=config.device,
        engine=config.engine,
    )


def _measure(spec: Spec, console: Console) -> Result:
    """Measure one mode in a process of its own, and say how far it is; raises BenchError."""
    with console.status(f"{spec.mode}: starting") as status, _events(spec) as events:
        for event in events:
            if event.notice:
                console.print(f"{spec.mode}: {event.notice}", highlight=False, soft_wrap=True)
            if event.doing:
                status.update(f"{spec.mode}: {event.doing}")
            if event.result is not None:
                return event.result
    raise BenchError(f"measuring {spec.mode} ended early")


@contextmanager
def _events(spec: Spec, environment: Mapping[str, str] | None = None) -> Iterator[Iterator[Event]]:
    """Run the worker and give its events; raises BenchError with what went wrong there."""
    command = [*_WORKER, msgspec.json.encode(spec).decode()]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert worker.stdout is not None
    lines = worker.stdout

    def read() -> Iterator[Event]:
        for line in lines:
            event = msgspec.json.decode(line, type=Event)
            if event.error:
                raise BenchError(event.error)
            yield event
        if worker.wait():
            raise BenchError(f"measuring {spec.mode} failed with status {worker.returncode}")

    try:
        yield read()
    except BaseException:  # Ctrl-C as well: nothing that was started outlives the command
        worker.terminate()
        raise
    finally:
        worker.wait()  # it ends by itself once it has told its result
        worker.stdout.close()


def _measure_steadiness(
    settings: Settings, drawn: Result, console: Console
) -> tuple[dict[str, SteadinessResult], NoisyStream]:
    """Measure smoothing and prediction for poses that are drawn as in `drawn`; raises DinarError."""
    drawing_ms = sum(
        times.mean_ms for stage, times in drawn.stages.items() if stage not in ("wait", "decode", "total")
    )
    with console.status("steadiness: starting") as status:
        return measure_steadiness(
            settings, Noise(), drawing_ms, lambda doing: status.update(f"steadiness: {doing}")
        )


def _measure_startup(spec: Spec, console: Console) -> Startup:
    """Time starts, from creating the process to having its first frame; raises BenchError."""
    starting = replace(spec, first_frame_only=True)
    with console.status("start with an empty cache of kernels"), tempfile.TemporaryDirectory() as empty:
        cold = _time_start(starting, {**os.environ, "NUMBA_CACHE_DIR": empty, "DINAR_CACHE": empty})
    with console.status(f"{STARTS} starts with warm caches"):
        warm = [_time_start(starting, os.environ) for _ in range(STARTS)]
    return Startup(first_frame_s=float(np.median(warm)), warm_s=warm, cold_s=cold)


def _time_start(spec: Spec, environment: Mapping[str, str]) -> float:
    start = time.perf_counter()
    with _events(spec, environment) as events:
        for event in events:
            if event.first_frame:
                return time.perf_counter() - start
    raise BenchError("the first frame never came")


def _measure_peers(settings: Settings, results: Mapping[str, Result], console: Console) -> tuple[Peer, ...]:
    """Let the trainer's peers measure in a process of their own: torch never enters this one."""
    networks = [result.details.network for result in results.values() if result.details.network is not None]
    command = [*(_PEERS if settings.device == "cpu" else _GPU_PEERS)]
    command += ["--size", str(settings.size), "--avatar", settings.avatar, "--network", *settings.networks]
    if settings.device != "cpu":
        command += ["--device", settings.device, "--engine", settings.engine]
    elif networks:
        command += ["--crop", str(networks[0].crop_width), str(networks[0].crop_height)]
    with console.status("peers: what others take for the same"):
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        return (Peer("peers", missing=f"not measured: {reason}"),)
    return msgspec.json.decode(done.stdout, type=tuple[Peer, ...])


def _warnings(results: Mapping[str, Result]) -> tuple[str, ...]:
    """What a reader of the numbers must know."""
    found = []
    for mode, result in results.items():
        details = result.details
        if details.others_cpu_share is not None and details.others_cpu_share > BUSY_SHARE:
            share = f"{100 * details.others_cpu_share:.0f}%"
            found.append(f"{mode}: other processes took {share} of the processors; times are too long")
        if not details.stable:
            found.append(f"{mode}: the windows never agreed; use a quiet machine or more --seconds")
        if details.figure.height_share < 0.9:
            share = f"{100 * details.figure.height_share:.0f}%"
            found.append(f"{mode}: the person fills {share} of the height in some poses, less than 90%")
    return tuple(found)
