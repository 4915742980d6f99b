"""These tests need a real GPU: without one they are skipped, or, where one is required, they fail.

`DINAR_REQUIRE_GPU=1` requires one: `run.sh` sets it, so that nothing passes by being skipped.
"""

from __future__ import annotations

import ctypes
import os
import sys

import pytest


def gpu_count() -> int:
    """How many GPUs the NVIDIA driver of this computer shows; 0 without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int()
    return 0 if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) else count.value


@pytest.fixture(autouse=True, scope="session")
def a_real_gpu() -> None:
    """Skip, or fail, where there is none."""
    if gpu_count():
        return
    if os.environ.get("DINAR_REQUIRE_GPU"):
        pytest.fail("DINAR_REQUIRE_GPU is set, and there is no NVIDIA GPU that CUDA can use")
    pytest.skip("needs an NVIDIA GPU")
