"""The software driver fails as it is told, in this process and in others."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .desk import Desk, call, raises
from .handle import SoftwareCuda
from .host_kernels import ROOT


def test_a_function_fails_from_a_call_on(desk: Desk, software_cuda: SoftwareCuda) -> None:
    software_cuda.fail("cuMemAlloc*", 2, after=2)
    buffers = [desk.device.allocate(64, stream=desk.stream) for _ in range(2)]
    for _ in range(2):
        with raises("OUT_OF_MEMORY"):
            desk.device.allocate(64, stream=desk.stream)
    software_cuda.reset()
    buffers.append(desk.device.allocate(64, stream=desk.stream))
    for buffer in buffers:
        buffer.close(desk.stream)


@pytest.mark.parametrize(("error", "name"), [(700, "ILLEGAL_ADDRESS"), (719, "LAUNCH_FAILED")])
def test_a_lost_device_stays_lost(desk: Desk, software_cuda: SoftwareCuda, error: int, name: str) -> None:
    software_cuda.fail("cuLaunchKernel*", error, after=1)
    desk.work(1)
    with raises(name):
        desk.work(1)
    with raises(name):
        desk.stream.sync()
    with raises(name):
        desk.device.allocate(64, stream=desk.stream)


def test_capturing_and_instantiating_may_fail(desk: Desk, software_cuda: SoftwareCuda) -> None:
    software_cuda.fail("cuGraphInstantiate*", 2)
    with raises("OUT_OF_MEMORY"):
        desk.captured(lambda builder: desk.work(1, builder))
    software_cuda.reset()
    software_cuda.fail("cuStreamEndCapture", 901)
    with raises("STREAM_CAPTURE_INVALIDATED"):
        desk.captured(lambda builder: desk.work(1, builder))
    software_cuda.reset()


def test_it_is_not_loaded_beside_another(software_cuda: SoftwareCuda, tmp_path: Path) -> None:
    other = tmp_path / "libcuda.so.1"
    shutil.copy(software_cuda.path, other)
    code = (
        f"import ctypes; ctypes.CDLL({str(other)!r}); import {SoftwareCuda.__module__} as m; m.SoftwareCuda()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert f"need a process without {other}" in done.stderr


def test_the_driver_is_absent_when_told(software_cuda: SoftwareCuda) -> None:
    software_cuda.configure(present=0)
    with raises("NO_DEVICE"):
        call("cuInit", 0)
    with raises("NO_DEVICE"):
        call("cuDeviceGetCount")
    software_cuda.configure(present=1)
    assert call("cuDeviceGetCount") == 1


CHILD = """
from cuda.bindings import driver
for error, *values in (driver.cuInit(0), driver.cuDeviceGetCount(), driver.cuDriverGetVersion()):
    print(error.name, *values)
"""


@pytest.mark.parametrize(
    ("faults", "settings", "said"),
    [
        ((), {"devices": 2}, "CUDA_SUCCESS CUDA_SUCCESS 2 CUDA_SUCCESS 13000"),
        ((), {"devices": 0}, "CUDA_ERROR_NO_DEVICE CUDA_ERROR_NOT_INITIALIZED None CUDA_SUCCESS 13000"),
        (("cuInit:999",), {}, "CUDA_ERROR_UNKNOWN CUDA_ERROR_NOT_INITIALIZED None CUDA_SUCCESS 13000"),
        (("cuDeviceGet*:46:0",), {}, "CUDA_SUCCESS CUDA_ERROR_DEVICE_UNAVAILABLE None CUDA_SUCCESS 13000"),
        ((), {"driver_version": 12040}, "CUDA_SUCCESS CUDA_SUCCESS 1 CUDA_SUCCESS 12040"),
    ],
)
def test_a_child_process_has_faults_of_its_own(
    software_cuda: SoftwareCuda, faults: tuple[str, ...], settings: dict[str, int], said: str
) -> None:
    environment = software_cuda.environment(*faults, **settings)
    done = subprocess.run(
        [sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == said.split(), done.stderr
