"""The CUDA kernels as host C++: the same `.cu` files compiled by g++, for the driver here or called directly.

`compile_host` has the signature of `dinar.runtime.gpu.compile.compile_cubin` and returns what the software
driver (`driver.cpp`) takes for a cubin: a shared library, with a launcher for each kernel (`cuda_on_host.h`).
`open_host` loads the same library for tests that call kernels on NumPy arrays without any driver.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[4]
KERNELS = ROOT / "runtime" / "gpu" / "kernels"
HERE = Path(__file__).parent
BUILD = ROOT / "build" / "software_cuda"
"""Compiled files are kept here, in folders named by the hash of all that went into them."""

FLAGS = ("-std=c++17", "-O2", "-shared", "-fPIC", "-ffp-contract=off", "-fno-strict-aliasing", "-pthread")
WARNINGS = ("-Wall", "-Wextra", "-Wno-unknown-pragmas", "-Wno-unused-function", "-Wno-unused-variable")

MAX_THREADS = 1024
"""Threads of a block where a kernel sets itself no narrower bound."""

_BOUND = r"(?:__launch_bounds__\(([^,)]*)[^)]*\)\s*)?"
KERNEL = re.compile(rf'extern\s+"C"\s+__global__\s+{_BOUND}void\s+{_BOUND}(\w+)\s*\(')

Argument = np.ndarray | int | float | None


def kernel_bounds(source: str) -> dict[str, str]:
    """Names of the kernels that a file's text defines, and the threads that each takes in a block (C++)."""
    return {name: before or after or str(MAX_THREADS) for before, after, name in KERNEL.findall(source)}


def compile_host(name: str, arch: str, *, folder: Path = KERNELS) -> bytes:  # noqa: ARG001 (all are one here)
    """A kernel file (`raster` or `raster.cu`) as the bytes of a host library.

    Raises:
        RuntimeError: the file does not compile; the compiler's messages.
    """
    return compiled(name, folder).read_bytes()


def compiled(name: str, folder: Path = KERNELS) -> Path:
    """The host library of a kernel file, built unless the same is there already."""
    file = (folder / name).with_suffix(".cu")
    bounds = kernel_bounds(file.read_text())
    if not bounds:
        raise RuntimeError(f'{file} defines no kernel: `extern "C" __global__ void NAME(...)`')
    wrapper = "".join(
        [
            f'#include "{HERE / "cuda_on_host.h"}"\n#include "{file}"\n',
            *(f"DINAR_LAUNCHER({kernel}, ({bound}))\n" for kernel, bound in bounds.items()),
        ]
    )
    inputs = [file, *sorted(folder.glob("*.cuh")), HERE / "cuda_on_host.h"]
    return build(f"{file.stem}.so", wrapper, inputs, [*FLAGS, *WARNINGS, f"-I{folder}"])


def build(name: str, source: str, inputs: list[Path], flags: list[str]) -> Path:
    """A library made by g++ from C++ text that includes `inputs`; the one made before if nothing changed."""
    recipe = [compiler_version(), source, *flags, *(file.read_text() for file in inputs)]
    library = BUILD / hashlib.sha256("\0".join(recipe).encode()).hexdigest()[:20] / name
    if not library.is_file():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
            made = Path(scratch) / name
            command = ["g++", "-x", "c++", "-", *flags, "-o", str(made)]
            done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"g++ does not compile {name}:\n{done.stderr}")
            os.replace(made, library)
    return library


@cache
def compiler_version() -> str:
    """What g++ says of itself: objects of another one are not taken for this one's."""
    if shutil.which("g++") is None:
        raise RuntimeError("tests of the GPU path need g++ with C++17: apt-get install g++")
    return subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout


class HostKernels:
    """The kernels of one file, called on arrays in host memory."""

    def __init__(self, library: Path) -> None:
        self.library = ctypes.CDLL(str(library))

    def parameters(self, kernel: str) -> str:
        """One letter for each parameter: p pointer, i and l integers of 32 and 64 bits, f float, d double."""
        function = getattr(self.library, f"dinar_parameters_{kernel}")
        function.restype = ctypes.c_char_p
        return function().decode()

    def launch(
        self, kernel: str, grid: tuple[int, ...], block: tuple[int, ...], *arguments: Argument
    ) -> None:
        """Run a kernel to its end.

        Args:
            kernel: Its name.
            grid: Blocks along x, y, z; what is left out is 1.
            block: Threads of a block along x, y, z; likewise.
            arguments: For each parameter a C-contiguous array or None (pointer), or a number (scalar).
        """
        letters = self.parameters(kernel)
        assert len(arguments) == len(letters), f"{kernel}: {len(letters)} arguments, not {len(arguments)}"
        values = [argument(letter, value) for letter, value in zip(letters, arguments, strict=True)]
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        getattr(self.library, f"dinar_launch_{kernel}")(extent(grid), extent(block), pointers)


def argument(letter: str, value: Argument) -> ctypes._SimpleCData:  # type: ignore[type-arg]
    """A kernel's argument in C."""
    if letter == "p":
        if value is None:
            return ctypes.c_void_p(None)
        assert isinstance(value, np.ndarray), f"a pointer wants an array, not {value!r}"
        assert value.flags.c_contiguous, "a kernel takes arrays without gaps"
        return ctypes.c_void_p(value.ctypes.data)
    kinds = {"i": ctypes.c_int, "l": ctypes.c_longlong, "f": ctypes.c_float, "d": ctypes.c_double}
    assert isinstance(value, (int, float, np.number)), f"a scalar wants a number, not {type(value)}"
    return kinds[letter](value.item() if isinstance(value, np.number) else value)


def extent(sizes: tuple[int, ...]) -> ctypes.Array[ctypes.c_uint]:
    """Grid or block as three numbers."""
    assert 1 <= len(sizes) <= 3
    return (ctypes.c_uint * 3)(*sizes, *[1] * (3 - len(sizes)))


@cache
def open_host(name: str, folder: Path = KERNELS) -> HostKernels:
    """The kernels of a file, compiled and loaded.

    Example:
        open_host("project").launch("project_vertices", (blocks, views), (256,), count, vertices, ...)
    """
    return HostKernels(compiled(name, folder))
