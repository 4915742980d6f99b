"""Experiments that may crash or hang, each for a process of its own: `python -m dinar.runtime.probes NAME`.

Each prints one JSON object. A driver that takes the process down, or never answers, then costs `dinar doctor`
one line of its table and nothing else.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

Findings = dict[str, Any]


def imports() -> Findings:
    """Import the modules named on the command line; the error of each that fails."""
    errors = {}
    for module in sys.argv[2:]:
        try:
            importlib.import_module(module)
        except Exception as error:  # whatever a broken installation throws is the finding
            errors[module] = f"{type(error).__name__}: {error}"
    return {"errors": errors}


def kernels() -> Findings:
    """Compile and run a parallel kernel; threading layer, threads and vector units."""
    import llvmlite.binding as llvm  # type: ignore[import-untyped]
    import numba
    import numpy as np

    @numba.njit(parallel=True)
    def double(values: np.ndarray) -> np.ndarray:
        for i in numba.prange(len(values)):
            values[i] *= 2
        return values

    right = bool((double(np.ones(1000)) == 2).all())
    features = llvm.get_host_cpu_features()
    vector = [
        name
        for key, name in (("avx2", "AVX2"), ("avx512f", "AVX-512"), ("neon", "NEON"))
        if features.get(key)
    ]
    return {
        "right": right,
        "layer": numba.threading_layer(),
        "threads": numba.get_num_threads(),
        "cpu": llvm.get_host_cpu_name(),
        "vector": vector,
    }


def window() -> Findings:
    """Open an invisible window and ask its OpenGL context who draws."""
    import pyglet

    opened = pyglet.window.Window(64, 64, visible=False)
    info = opened.context.get_info()
    found = {"renderer": info.get_renderer(), "version": info.get_version_string()}
    opened.close()
    return found


def cuda() -> Findings:
    """Initialise the CUDA driver; its version, and name, memory and compute capability of each GPU."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return {"driver": None}
    error = driver.cuInit(0)
    if error:
        return {"driver": "found", "error": error}
    number = ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(number))
    version = f"{number.value // 1000}.{number.value % 1000 // 10}"
    driver.cuDeviceGetCount(ctypes.byref(number))
    return {"driver": version, "devices": [_cuda_device(driver, index) for index in range(number.value)]}


def _cuda_device(driver: ctypes.CDLL, index: int) -> str:
    """One GPU in words. The attributes 75 and 76 are the two parts of its compute capability (cuda.h)."""
    device, major, minor, memory = ctypes.c_int(), ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    name = ctypes.create_string_buffer(128)
    driver.cuDeviceGet(ctypes.byref(device), index)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    driver.cuDeviceGetAttribute(ctypes.byref(major), 75, device)
    driver.cuDeviceGetAttribute(ctypes.byref(minor), 76, device)
    capability = f"compute capability {major.value}.{minor.value}"
    return f"{name.value.decode(errors='replace')}, {memory.value / 1e9:.0f} GB, {capability}"


def gpu_frame() -> Findings:
    """Draw the default avatar on the first GPU, once kernels are compiled; what is seen and said."""
    from dinar.runtime.avatar import default_avatar_path, open_avatar
    from dinar.runtime.body import Pose
    from dinar.runtime.camera import orbit
    from dinar.runtime.errors import DinarError
    from dinar.runtime.gpu.open import open_gpu_renderer

    camera = orbit((0, 0, 0), 0, 0, 3.0, fov_y=0.7, width=64, height=64)
    told: list[str] = []
    try:
        with open_gpu_renderer(
            open_avatar(default_avatar_path()),
            0,
            mode="rgb",
            live=False,
            network=None,
            engine="auto",
            trace=False,
            tell=told.append,
        ) as renderer:
            seen = bool(renderer.render(Pose.rest(), [camera]).numpy()[..., 3].any())
            return {"seen": seen, "gpu": renderer.gpu_name, "told": told}
    except DinarError as error:
        return {"error": str(error)}


PROBES: dict[str, Callable[[], Findings]] = {
    f.__name__: f for f in (imports, kernels, window, cuda, gpu_frame)
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(PROBES[sys.argv[1]]()) + "\n")
