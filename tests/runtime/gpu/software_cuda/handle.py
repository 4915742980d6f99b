"""The software CUDA driver in this process: built, loaded in place of NVIDIA's, steered and read by tests.

Its library bears the name libcuda.so.1. Once it is loaded, whoever opens a library of that name gets it, for
as long as the process lives; so it can be told to be absent, as it is between the tests that use it.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from .host_kernels import HERE, build

PARTS = (
    "driver",
    "control",
    "memory",
    "pools",
    "copies",
    "streams",
    "events",
    "capture",
    "graphs",
    "modules",
    "graphics",
)
NAME = "libcuda.so.1"
FLAGS = ("-std=c++17", "-O0", "-shared", "-fPIC", "-fvisibility=hidden", f"-Wl,-soname,{NAME}", "-ldl")
MAX_DEVICES = 4
WARNINGS = ("-Wall", "-Wextra", "-Wno-missing-field-initializers")


def build_driver() -> Path:
    """The driver's library, in a folder of its own."""
    source = "".join(f'#include "{HERE / part}.cpp"\n' for part in PARTS)
    inputs = [HERE / f"{part}.cpp" for part in PARTS] + [HERE / "driver.h", HERE / "error_names.h"]
    return build(NAME, source, inputs, [*FLAGS, *WARNINGS])


def loaded_drivers() -> set[str]:
    """Files that are in this process's memory as libcuda."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {path for *_, path in (line.split(maxsplit=5) for line in lines) if "/libcuda.so" in path}


class SoftwareCuda:
    """The driver, as tests see it. One per process."""

    def __init__(self) -> None:
        """Build and load it; RuntimeError where NVIDIA's own is loaded already."""
        self.path = build_driver()
        if others := loaded_drivers() - {str(self.path)}:
            raise RuntimeError(
                f"tests of the software CUDA driver need a process without {', '.join(others)}"
            )
        self._library = ctypes.CDLL(str(self.path), ctypes.RTLD_GLOBAL)
        for function, result in (
            ("log", ctypes.c_char_p),
            ("violations", ctypes.c_char_p),
            ("launches", ctypes.c_longlong),
            ("live_bytes", ctypes.c_longlong),
            ("live", ctypes.c_longlong),
            ("lost", ctypes.c_int),
            ("configure", ctypes.c_int),
        ):
            getattr(self._library, f"software_cuda_{function}").restype = result
        self._library.software_cuda_configure.argtypes = [ctypes.c_char_p, ctypes.c_longlong]

    def fail(self, function: str, error: int, *, after: int = 0) -> None:
        """Let a driver function fail with `error` from a call on; the first `after` calls still succeed.

        Functions are named as in the documentation (`cuMemAlloc`); `cuMemAlloc*` is all that begin so.
        """
        self._library.software_cuda_fail(function.encode(), error, after)

    def configure(self, **settings: int) -> None:
        """Change settings until the next reset.

        Settings: devices (0 to 4; 1 unless set), driver_version (13000), capability (90), memory (bytes of
        each device), deferred (1: work waits until somebody waits for it), present (0: as if there were no
        device; a reset leaves it).
        """
        for name, value in settings.items():
            assert self._library.software_cuda_configure(name.encode(), value), f"no setting {name}={value}"

    def reset(self) -> None:
        """Forget faults, settings, the log, violations and a lost context. What is allocated stays."""
        self._library.software_cuda_reset()

    def finish(self) -> None:
        """Do all work that waits, see the setting `deferred`."""
        self._library.software_cuda_finish()

    @property
    def log(self) -> list[str]:
        """What was executed since the reset: "kernel NAME", "copy BYTES", "fill BYTES", "host", "event"."""
        return self._library.software_cuda_log().decode().splitlines()

    @property
    def kernels(self) -> list[str]:
        """Names of the kernels that were executed since the reset, in order."""
        return [line.removeprefix("kernel ") for line in self.log if line.startswith("kernel ")]

    @property
    def launches(self) -> int:
        """Kernels that were executed since the reset."""
        return self._library.software_cuda_launches()

    @property
    def live_bytes(self) -> int:
        """Device memory in use, of all devices together."""
        return self._library.software_cuda_live_bytes()

    def live(self, kind: str) -> int:
        """Live pinned (bytes), streams, events, graphs, executables, libraries or resources."""
        count = self._library.software_cuda_live(kind.encode())
        assert count >= 0, f"nothing is called {kind}"
        return count

    @property
    def violations(self) -> list[str]:
        """Writes past the end of device or pinned memory that were seen since the reset."""
        return self._library.software_cuda_violations().decode().splitlines()

    @property
    def lost(self) -> bool:
        """Whether the context is broken, as after an illegal address."""
        return bool(self._library.software_cuda_lost())

    def environment(self, *faults: str, **settings: int) -> dict[str, str]:
        """Environment of a child process that has this driver.

        Args:
            faults: each "FUNCTION:ERROR" or "FUNCTION:ERROR:AFTER".
            settings: see `configure`.
        """
        words = [f"fail={fault}" for fault in faults] + [
            f"{name}={value}" for name, value in settings.items()
        ]
        folders = [str(self.path.parent), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders), "SOFTWARE_CUDA": " ".join(words)}
