"""The CUDA kernels: their files, and compiling them with NVRTC for one kind of GPU.

NVRTC needs neither a GPU nor a driver nor a compiler on the computer. Cubins are asked for rather than PTX: a
driver rejects the PTX of an NVRTC newer than itself. No operation is fused with another (`--fmad=false`), so
that GPUs see the very triangles that the CPU sees.
"""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from dinar.runtime.gpu.errors import GpuError

FOLDER = Path(__file__).parent / "kernels"

KERNELS: dict[str, tuple[str, ...]] = {
    "skin.cu": ("skin_vertices",),
    "project.cu": ("project_vertices",),
    "raster.cu": ("fill_triangles", "fill_large"),
    "shade.cu": ("shade",),
    "channels.cu": ("sample_channels",),
    "compose.cu": ("compose",),
    "debug.cu": ("normal_colours", "paint"),
}
"""Kernel files, and the kernels in each."""

_OPTIONS = ("--std=c++17", "--fmad=false")


def kernel_source(name: str) -> str:
    """Return the text of a kernel file."""
    return (FOLDER / name).read_text(encoding="utf-8")


def source_sha256(name: str) -> str:
    """Return the hex SHA-256 over all that a kernel file is compiled from, options included."""
    parts = [kernel_source(name), *(text for _, text in _headers()), *_OPTIONS]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def compiler_version() -> str:
    """Return NVRTC's version, for example 13.4; raises GpuError where it is not installed."""
    nvrtc = _nvrtc()
    _, major, minor = nvrtc.nvrtcVersion()
    return f"{major}.{minor}"


def compile_cubin(name: str, arch: str) -> bytes:
    """Compile a kernel file.

    Args:
        name: one of `KERNELS`.
        arch: for example sm_90.

    Raises:
        GpuError: NVRTC is not installed, or does not compile for `arch`.
    """
    nvrtc = _nvrtc()
    headers = _headers()
    error, program = nvrtc.nvrtcCreateProgram(
        kernel_source(name).encode(),
        name.encode(),
        len(headers),
        [text.encode() for _, text in headers],
        [header.encode() for header, _ in headers],
    )
    _check(nvrtc, error, name, arch, "")
    try:
        options = [option.encode() for option in (*_OPTIONS, f"--gpu-architecture={arch}")]
        (error,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
        _check(nvrtc, error, name, arch, _log(nvrtc, program))
        _, size = nvrtc.nvrtcGetCUBINSize(program)
        cubin = bytearray(size)
        (error,) = nvrtc.nvrtcGetCUBIN(program, cubin)
        _check(nvrtc, error, name, arch, "")
        return bytes(cubin)
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _headers() -> list[tuple[str, str]]:
    """Names and texts of what kernel files include."""
    return [(file.name, file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.cuh"))]


def _nvrtc() -> ModuleType:
    try:
        nvrtc = importlib.import_module("cuda.bindings.nvrtc")
        nvrtc.nvrtcVersion()
    except (ImportError, RuntimeError) as error:
        raise GpuError(
            "compiling for the GPU needs nvidia-cuda-nvrtc, which is not installed: pip install 'dinar[gpu]'"
        ) from error
    return nvrtc


def _log(nvrtc: ModuleType, program: Any) -> str:
    _, size = nvrtc.nvrtcGetProgramLogSize(program)
    log = bytearray(size)
    nvrtc.nvrtcGetProgramLog(program, log)
    return log.rstrip(b"\0").decode(errors="replace").strip()


def _check(nvrtc: ModuleType, error: Any, name: str, arch: str, log: str) -> None:
    if error == nvrtc.nvrtcResult.NVRTC_SUCCESS:
        return
    first = next((line for line in log.splitlines() if "error" in line), log or error.name)
    raise GpuError(f"{name} does not compile for {arch} ({first}): update cuda-python, or use --device cpu")
