"""`dinar doctor`: what works on this computer, what does not, and the command that mends it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dinar.runtime.avatar import AvatarError, default_avatar_path, open_avatar
from dinar.runtime.engines import list_engines
from dinar.runtime.files.bodies import (
    SMPLX_VERTEX_COUNT,
    body_files,
    default_places,
    user_folder,
    vertex_count,
)
from dinar.runtime.files.npz import ArrayFileError
from dinar.runtime.files.user_cache import user_cache

State = Literal["ok", "missing-optional", "broken"]

DEFAULT_PORT = 5555
PROBE_SECONDS = 20.0
"""A probe that takes longer hangs; on a usual computer all of them take about three seconds."""

_PYTHONS = ((3, 11), (3, 13))
_LISTED_ENGINES = 3
_MODULES = {"pillow": "PIL", "pyzmq": "zmq"}
_SMPLX_SITE = "https://smpl-x.is.tue.mpg.de"


@dataclass(frozen=True)
class DoctorConfig:
    """What works on this computer, what does not, and the command that mends it.

    Exits 0 when everything that `dinar demo` needs is there (without a display: `dinar demo --headless`),
    else 1.

    Attributes:
        json: print the findings as JSON, for programs.
    """

    json: bool = False


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        name: what was looked at.
        state: `ok`; `missing-optional`: cannot be used, and the base demo does without; `broken`: the base
            demo needs it.
        detail: what was found.
        mend: the command (or, where there is none, the step) that changes the state; empty when there is
            nothing to mend.
    """

    name: str
    state: State
    detail: str
    mend: str = ""


def main(config: DoctorConfig) -> int:
    """Run all checks, print them, and return the exit code."""
    checks = run_checks()
    works = all(check.state != "broken" for check in checks)
    if config.json:
        sys.stdout.write(json.dumps([asdict(check) for check in checks], indent=1) + "\n")
    else:
        _print(checks, works)
    return 0 if works else 1


def run_checks() -> list[Check]:
    """Look at everything, in about two seconds. What may crash or hang runs in processes of its own."""
    looks: tuple[Callable[[], list[Check]], ...] = (
        lambda: [_check_python()],
        check_packages,
        check_kernels,
        lambda: [check_window()],
        lambda: [check_avatar(default_avatar_path()), check_port(DEFAULT_PORT), check_smplx()],
        lambda: [check_gpu(), check_gpu_rendering(), check_engines(), *_check_optional_packages()],
    )
    with ThreadPoolExecutor() as pool:
        return [check for checks in pool.map(lambda look: look(), looks) for check in checks]


# --- Probes -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Answer:
    """What a probe found, or why there is nothing."""

    findings: dict[str, Any]
    failure: str = ""


def _probe(name: str, *arguments: str) -> _Answer:
    """Run one of `dinar.runtime.probes` in a process of its own."""
    command = [sys.executable, "-m", "dinar.runtime.probes", name, *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PROBE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return _Answer({}, f"no answer within {PROBE_SECONDS:.0f} s")
    except OSError as error:
        return _Answer({}, f"{sys.executable} cannot be started ({error.strerror})")
    if done.returncode < 0:
        return _Answer({}, f"crashed ({signal.strsignal(-done.returncode)})")
    if done.returncode > 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return _Answer({}, lines[-1])
    return _Answer(json.loads(done.stdout.splitlines()[-1]))


# --- What the base demo needs -------------------------------------------------------------------------------


def _check_python() -> Check:
    lowest, highest = _PYTHONS
    fits = lowest <= sys.version_info[:2] <= highest
    wanted = f"{lowest[0]}.{lowest[1]} to {highest[0]}.{highest[1]}"
    mend = "" if fits else f"make PYTHON=python{lowest[0]}.{lowest[1]}"
    detail = f"{sys.version.split()[0]} ({sys.executable})" + ("" if fits else f"; expected {wanted}")
    return Check("Python", "ok" if fits else "broken", detail, mend)


def _requirements(extra: str | None) -> list[tuple[str, str]]:
    """Name and requirement (as pip takes it) of what dinar's base, or an extra of it, asks for."""
    found = []
    for line in metadata.requires("dinar") or ():
        requirement, _, marker = (part.strip() for part in line.partition(";"))
        name = re.match(r"[\w.-]+", requirement)
        wanted = f'extra == "{extra}"' if extra else ""
        if name and marker.replace("'", '"') == wanted:
            found.append((name[0].lower(), requirement))
    return found


def _pip_install(requirement: str) -> str:
    return f"{shlex.quote(sys.executable)} -m pip install {shlex.quote(requirement)}"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def check_packages() -> list[Check]:
    """Each package of the base installation: is it there, and does it import?"""
    checks = []
    imports = _probe("imports", *(_MODULES.get(name, name) for name, _ in _requirements(extra=None)))
    errors = imports.findings.get("errors", {})
    for name, requirement in _requirements(extra=None):
        version, mend = _version(name), _pip_install(requirement)
        failure = imports.failure or errors.get(_MODULES.get(name, name))
        if version is None:
            checks.append(Check(name, "broken", "not installed", mend))
        elif failure:
            checks.append(
                Check(
                    name, "broken", f"{version}, cannot be imported: {failure}", f"{mend} --force-reinstall"
                )
            )
        else:
            checks.append(Check(name, "ok", version))
    return checks


def check_kernels() -> list[Check]:
    """Does numba compile and run a kernel, and on what?"""
    answer = _probe("kernels")
    found = answer.findings
    if not found.get("right"):
        detail = answer.failure or "a compiled kernel gave wrong numbers"
        mend = _pip_install(dict(_requirements(extra=None)).get("numba", "numba"))
        return [Check("CPU kernels", "broken", detail, f"{mend} --force-reinstall")]
    vector = " and ".join(found["vector"]) or "no AVX2 (slower)"
    layer = f"threading layer {found['layer']}, {found['threads']} threads"
    return [
        Check("CPU", "ok", f"{found['cpu']}, {os.cpu_count()} cores, {vector}"),
        Check("CPU kernels", "ok", f"compiled and run by numba, {layer}"),
    ]


def _has_display() -> bool:
    """Whether this session claims to have a screen (Windows and macOS always do)."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY"))


def check_window() -> Check:
    """Does a window open, and who draws in it? Fine, too, where there is no display."""
    if not _has_display():
        return Check("window", "ok", "no display (DISPLAY is not set): dinar demo --headless --out demo.mp4")
    answer = _probe("window")
    if answer.failure:
        mend = "dinar demo --headless --out demo.mp4"
        if "NoSuchDisplay" in answer.failure:
            mend = "unset DISPLAY"
        elif sys.platform == "linux":
            mend = "sudo apt-get install libgl1 libgl1-mesa-dri libglu1-mesa"
        return Check("window", "broken", f"no OpenGL window opens: {answer.failure}", mend)
    return Check("window", "ok", f"OpenGL {answer.findings['version']}, {answer.findings['renderer']}")


def check_avatar(path: Path) -> Check:
    """Does the avatar that comes with the package open?"""
    try:
        avatar = open_avatar(path)
    except AvatarError as error:
        mend = f"{shlex.quote(sys.executable)} -m pip install --force-reinstall --no-deps dinar"
        if (Path(__file__).parent.parent / "pyproject.toml").is_file():
            mend = "git restore runtime/assets"
        return Check("default avatar", "broken", str(error), mend)
    return Check("default avatar", "ok", f"{avatar.name}, {avatar.licence}")


def check_port(port: int) -> Check:
    """Is a TCP port free on this computer?"""
    name = f"port {port}"
    with socket.socket() as probe:
        if sys.platform != "win32":  # there the option would let us in beside a program that has the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            mend = f"name another port with --to and --poses, as in dinar run --poses :{port + 1}"
            return Check(
                name, "missing-optional", f"taken on 127.0.0.1 ({error.strerror}), by dinar play?", mend
            )
    return Check(name, "ok", "free on 127.0.0.1")


# --- What the base demo does without ------------------------------------------------------------------------


def check_smplx() -> Check:
    """Look for licensed SMPL-X files by their number of vertices, whatever their names."""
    found = []
    for file in body_files(default_places()):
        try:
            if vertex_count(file) == SMPLX_VERTEX_COUNT:
                found.append(str(file))
        except (ArrayFileError, OSError):
            continue
    if found:
        return Check("licensed SMPL-X", "ok", ", ".join(found))
    mend = f"download SMPLX_NEUTRAL.npz from {_SMPLX_SITE} into {user_folder()}"
    return Check("licensed SMPL-X", "missing-optional", "not found; the open body is used", mend)


def check_gpu() -> Check:
    """Is there an NVIDIA GPU whose driver starts?"""
    answer = _probe("cuda")
    found = answer.findings
    if answer.failure or "error" in found:
        detail = answer.failure or f"the driver is there and does not start (cuInit: error {found['error']})"
        return Check("NVIDIA GPU", "missing-optional", detail, "nvidia-smi")
    if not found["driver"] or not found["devices"]:
        return Check("NVIDIA GPU", "missing-optional", "none, or no driver; the CPU is used")
    return Check("NVIDIA GPU", "ok", f"{'; '.join(found['devices'])}; driver for CUDA {found['driver']}")


def check_gpu_rendering() -> Check:
    """Can a person be drawn on the GPU? Kernels are compiled for it, the first time."""
    name = "drawing on the GPU"
    answer = _probe("gpu_frame")
    found = answer.findings
    wrong = answer.failure or found.get("error") or ("" if found["seen"] else "the picture is empty")
    if wrong:
        sentence, _, mend = wrong.partition(": ")
        return Check(name, "missing-optional", sentence, mend)
    return Check(name, "ok", "; ".join([f"{found['gpu']}: dinar demo --device cuda", *found["told"]]))


def check_engines() -> Check:
    """Which engines were built for the GPU, and for what? They are looked at, not loaded."""
    folder = user_cache("engines")
    engines = [] if folder is None else list_engines(folder)
    if not engines:
        return Check("engines", "ok", "none is kept yet; they are built when they are first needed")
    megabytes = sum(size for _, size in engines) / 1e6
    listed = "; ".join(words for words, _ in engines[:_LISTED_ENGINES])
    return Check("engines", "ok", f"{len(engines)}, {megabytes:.0f} MB in {folder}; used last: {listed}")


def _check_optional_packages() -> list[Check]:
    """Packages that only the GPU or training use; looked up, never imported."""
    wanted = {
        "cuda-python": (
            dict(_requirements(extra="gpu")).get("cuda-python", "cuda-python"),
            "renders on the GPU",
        ),
        "tensorrt": ("tensorrt-cu13", "runs the neural renderer on the GPU"),
        "tensorrt-rtx": ("tensorrt-rtx-cu13", "the same on GeForce and RTX cards"),
        "nvdiffrast": (
            "git+https://github.com/NVlabs/nvdiffrast",
            "differentiable rasterizer for training on the GPU; its licence is non-commercial",
        ),
        "torch": (dict(_requirements(extra="train")).get("torch", "torch"), "training only"),
    }
    checks = []
    for name, (requirement, purpose) in wanted.items():
        version = _version(name) or _version(requirement)
        if version is None:
            checks.append(
                Check(name, "missing-optional", f"not installed; {purpose}", _pip_install(requirement))
            )
        else:
            checks.append(Check(name, "ok", version))
    return checks


# --- Printing -----------------------------------------------------------------------------------------------

_MARKS: dict[State, str] = {
    "ok": "[green]ok[/]",
    "missing-optional": "[yellow]optional[/]",
    "broken": "[red]broken[/]",
}


def _print(checks: list[Check], works: bool) -> None:
    """A table of the findings, the command under each one that can be mended, and the verdict."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        mend = f"\n[cyan]{escape(check.mend)}[/]" if check.mend else ""
        table.add_row(_MARKS[check.state], escape(check.name), escape(check.detail) + mend)
    console = Console()
    console.print(table)
    if works:
        console.print("\nEverything that [bold]dinar demo[/] needs is there.")
    else:
        console.print("\n[red]dinar demo[/] does not work yet: run the commands under what is broken.")
