"""`dinar export`: an avatar's networks to files and engines for other programs, processors and GPUs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal
from zipfile import ZipFile

import msgspec
import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from dinar.export.job import Job, Options
from dinar.export.records import Built, NotBuilt, Report
from dinar.export.report import print_report, report_network
from dinar.runtime.avatar import Avatar, RendererNetwork, default_avatar_path, open_avatar, save_avatar
from dinar.runtime.errors import DinarError, UsageError
from dinar.runtime.files.whole_file import check_file, make_folder, write_file
from dinar.runtime.measure.machine import versions
from dinar.runtime.measure.networks import mode_name, with_networks
from dinar.runtime.network_input import MULTIPLE
from dinar.runtime.show import MAX_SIZE

Target = Literal["onnx", "openvino", "tensorrt", "tensorrt-rtx"]
Build = Callable[[Job, RendererNetwork], Iterator[Built]]

MAX_VIEWS = 16

_BUILDERS: dict[Target, tuple[str, str]] = {
    "onnx": ("dinar.export.onnx_target", "build"),
    "openvino": ("dinar.export.openvino_target", "build"),
    "tensorrt": ("dinar.export.tensorrt_target", "build_tensorrt"),
    "tensorrt-rtx": ("dinar.export.tensorrt_target", "build_tensorrt_rtx"),
}
"""Module and function of each target; imported when it is asked for: they bring what not everybody has."""


@dataclass(frozen=True)
class ExportConfig:
    """Write an avatar's networks as files for other programs, and build engines of them for this computer."""

    avatar: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[AVATAR]")] = None
    """The .dinar file; the avatar that comes with dinar when left out."""
    target: tuple[Target | Literal["all"], ...] = ("all",)
    """What to make; all: what this computer can, and why not the rest."""
    network: tuple[str, ...] = ()
    """Which networks, for example live_fp32; all float32 networks of the avatar when left out."""
    network_file: tuple[Path, ...] = ()
    """Networks beside the avatar's own: files with names such as live_fp32.onnx."""
    crop: tuple[tuple[int, int], ...] = ((512, 512),)
    """Heights and widths of the rectangles that networks are fixed to, multiples of 32."""
    views: int = 1
    """Pictures in one run of them; 2 for stereo."""
    precision: Literal["fp16", "int8"] | None = None
    """Of the fixed ONNX files and of engines for GPUs; fp16 for a float32 network when left out."""
    out: Path = Path("exported")
    """Folder for the files; made if it is not there."""
    into: Path | None = None
    """Write the avatar to this .dinar file, with networks of files and newly calibrated ones in it."""
    calibrate: bool = False
    """Calibrate int8 networks anew where the avatar has them."""
    compatible: bool = False
    """Build engines that run on other GPUs as well (TensorRT: Ampere and newer), a little slower."""
    json: Path | None = None
    """Write the report to this file."""

    def __post_init__(self) -> None:
        """Raise UsageError for a number out of range or a file that cannot be written."""
        if not self.target or not self.crop:
            raise UsageError("--target and --crop expect one value or more")
        for height, width in self.crop:
            if not all(MULTIPLE <= n <= MAX_SIZE and n % MULTIPLE == 0 for n in (height, width)):
                raise UsageError(
                    f"--crop expects heights and widths in multiples of {MULTIPLE} up to {MAX_SIZE}, "
                    f"not {height} {width}"
                )
        if not 1 <= self.views <= MAX_VIEWS:
            raise UsageError(f"--views must be from 1 to {MAX_VIEWS}, not {self.views}")
        if self.out.exists() and not self.out.is_dir():
            raise UsageError(f"--out {self.out} is a file; give a folder")
        check_file("json", self.json)
        check_file("into", self.into)

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets that are asked for, each once."""
        named = tuple(_BUILDERS) if "all" in self.target else self.target
        return tuple(target for target in _BUILDERS if target in named)


def export(config: ExportConfig) -> int:
    """Make what `config` asks for, and print what it is; returns the status. Raises DinarError."""
    own = open_avatar(config.avatar or default_avatar_path())
    missing = tuple(name for name in ("gen", "smp", "fill") if getattr(own.texture, name) is None)
    avatar = with_networks(own, [str(path) for path in config.network_file], flag="--network-file")
    networks = choose_networks(config.network, avatar)
    if missing and config.into is not None:
        raise DinarError(
            f"--into {config.into} expects an avatar that was made with its network: the texture of "
            f"{own.name!r} has no {' and no '.join(missing)}"
        )
    counted = tuple(report_network(network, config.crop, config.views) for network in networks)
    make_folder(config.out)
    with _progress(Console(stderr=True)) as progress:
        job = Job(avatar, _options(config), progress, missing=missing)
        built, not_built = _build_all(config.targets, job, networks)
    if config.into is not None:
        with _embedded_body(config.avatar or default_avatar_path()) as body:
            save_avatar(config.into, _with_made(avatar, job), body_file=body)
    report = Report(avatar.name, versions(), counted, built, not_built, _warnings(missing, built))
    print_report(report, Console())
    if config.json is not None:
        write_file(config.json, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    return status(config, report)


def choose_networks(names: Sequence[str], avatar: Avatar) -> tuple[RendererNetwork, ...]:
    """Return the networks to export: those named, else the float32 ones, else all; raises DinarError."""
    if not avatar.networks:
        raise DinarError(
            f"the avatar {avatar.name!r} has no network to export: give it one with --network-file "
            "live_fp32.onnx, or name an avatar that carries one"
        )
    known = {mode_name(network): network for network in avatar.networks}
    for name in names:
        if name not in known:
            raise UsageError(f"the avatar {avatar.name!r} has no network {name!r}, but {', '.join(known)}")
    float32 = tuple(network for network in avatar.networks if network.precision == "fp32")
    return tuple(known[name] for name in dict.fromkeys(names)) or float32 or avatar.networks


def status(config: ExportConfig, report: Report) -> int:
    """Return 1 where nothing was built, or a target that was named could not be built; else 0."""
    failed = {missing.target for missing in report.not_built}
    return int(not report.built or not failed.isdisjoint(config.target))


def _build_all(
    targets: Sequence[Target], job: Job, networks: Sequence[RendererNetwork]
) -> tuple[tuple[Built, ...], tuple[NotBuilt, ...]]:
    """Make every target of every network, and find why not."""
    built: list[Built] = []
    not_built: list[NotBuilt] = []
    for target in targets:
        module, function = _BUILDERS[target]
        build: Build = getattr(importlib.import_module(module), function)
        for network in networks:
            try:
                built.extend(build(job, network))
            except DinarError as error:
                not_built.append(NotBuilt(target, mode_name(network), str(error)))
    return tuple(built), tuple(not_built)


def _options(config: ExportConfig) -> Options:
    return Options(
        crops=config.crop,
        views=config.views,
        precision=config.precision,
        out=config.out,
        compatible=config.compatible,
        calibrate=config.calibrate,
    )


def _with_made(avatar: Avatar, job: Job) -> Avatar:
    """Return the avatar with the int8 networks that were calibrated, in place of those it had."""
    made = job.made.values()
    names = {mode_name(network) for network in made}
    return replace(avatar, networks=(*(n for n in avatar.networks if mode_name(n) not in names), *made))


@contextmanager
def _embedded_body(avatar: Path) -> Iterator[Path | None]:
    """Give a copy of the body within an avatar file, or None where it holds none."""
    with ZipFile(avatar) as archive, TemporaryDirectory() as folder:
        yield Path(archive.extract("body.npz", folder)) if "body.npz" in archive.namelist() else None


def _warnings(missing: Sequence[str], built: Sequence[Built]) -> tuple[str, ...]:
    """What a reader of the numbers must know."""
    if missing and any(one.parity for one in built):
        return (
            f"the avatar's texture has no {' and no '.join(missing)}: pictures were compared with nothing "
            "there, which no network is trained for",
        )
    return ()


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
