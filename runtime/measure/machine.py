"""The machine that was measured, and how busy others kept it meanwhile."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_PACKAGES = (
    "dinar",
    "numpy",
    "numba",
    "llvmlite",
    "pyzmq",
    "msgspec",
    "openvino",
    "nncf",
    "onnx",
    "onnxruntime",
    "tensorrt",
    "torch",
    "smplx",
)


@dataclass(frozen=True)
class Machine:
    """Where numbers come from.

    Attributes:
        name: the computer's name on its network.
        cpu: the processor's name.
        cores: processors that this process may use.
        threads: threads that the CPU kernels use.
        os: operating system and its version.
        python: implementation and version.
        load_average: processes that wanted to run over the last 1, 5 and 15 minutes; empty on Windows.
    """

    name: str
    cpu: str
    cores: int
    threads: int
    os: str
    python: str
    load_average: tuple[float, ...]


def this_machine() -> Machine:
    """Describe the computer that this runs on."""
    import numba

    return Machine(
        name=platform.node(),
        cpu=cpu_name(),
        cores=usable_cores(),
        threads=int(numba.config.NUMBA_NUM_THREADS),
        os=platform.platform(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        load_average=tuple(round(load, 2) for load in os.getloadavg()) if hasattr(os, "getloadavg") else (),
    )


def versions() -> dict[str, str]:
    """Return the versions of what is installed of the packages that matter for speed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def usable_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    """Return the processor's name as people know it."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "win32":
        return _windows_cpu_name()
    if sys.platform == "darwin":
        return _mac_cpu_name()
    return platform.processor() or platform.machine()


def _windows_cpu_name() -> str:
    import winreg  # type: ignore[import-not-found,unused-ignore]

    path = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:  # type: ignore[attr-defined,unused-ignore]
        return str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()  # type: ignore[attr-defined,unused-ignore]


def _mac_cpu_name() -> str:
    size, name = ctypes.c_size_t(256), ctypes.create_string_buffer(256)
    libc = ctypes.CDLL(None)
    failed = libc.sysctlbyname(
        b"machdep.cpu.brand_string", name, ctypes.byref(size), None, ctypes.c_size_t(0)
    )
    return platform.machine() if failed else name.value.decode(errors="replace")


def resident_mb() -> float | None:
    """Return this process's resident memory now, in MB (10^6 bytes); None where the system does not tell."""
    if sys.platform != "linux":
        return None
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_resident_mb() -> float | None:
    """Return the most resident memory that this process ever had, in MB; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6  # bytes there, KiB elsewhere


def busy_seconds() -> float | None:
    """Return processor seconds that all processes of the computer used since it started; None if unknown.

    Counts what the hypervisor gave to other guests ("steal") as well: it is missing here all the same.
    """
    if sys.platform != "linux":
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def process_seconds(pid: int) -> float | None:
    """Return processor seconds that a running process has used; None if unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime, stime: proc(5)
