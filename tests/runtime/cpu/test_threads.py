"""Threads sleep between kernels, unless the user wants something else."""

import os
import subprocess
import sys

import pytest

# The first kernel runs in a rasterizer; what OpenMP then goes by is what the process's environment says.
DRAW = """
import os
import numpy as np
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.rasterize import Rasterizer
before = os.environ.get("OMP_WAIT_POLICY")
faces = np.array([[0, 1, 2]], np.int32)
Rasterizer(faces, 3, 8, 8)
print(before, os.environ["OMP_WAIT_POLICY"])
"""


@pytest.mark.parametrize(("chosen", "expected"), [(None, "None PASSIVE"), ("ACTIVE", "ACTIVE ACTIVE")])
def test_a_rasterizer_lets_threads_sleep_and_keeps_to_the_users_choice(chosen, expected):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if chosen is not None:
        environment["OMP_WAIT_POLICY"] = chosen
    result = subprocess.run(
        [sys.executable, "-c", DRAW], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == expected


# Which processors may the threads use, and on which is their caller?
APART = """
import ctypes, os, threading
import numpy as np
from dinar.runtime.cpu.threads import KernelThreads, let_threads_sleep
let_threads_sleep()
everywhere, own = os.sched_getaffinity(0), threading.get_native_id()
threads = KernelThreads()
while True:
    before = ctypes.CDLL(None).sched_getcpu()
    threads.keep_apart()
    if ctypes.CDLL(None).sched_getcpu() == before:
        break
workers = {int(t) for t in os.listdir("/proc/self/task")} - {own}
kept = [mask for mask in map(os.sched_getaffinity, workers) if mask != everywhere]
print(len(kept), all(mask == everywhere - {before} for mask in kept), os.sched_getaffinity(0) == everywhere)
"""

several_processors = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and two processors"
)


def run_apart(**variables):
    environment = {name: value for name, value in os.environ.items() if "AFFINITY" not in name}
    for name in ("OMP_PROC_BIND", "OMP_PLACES", "NUMBA_NUM_THREADS"):
        environment.pop(name, None)
    result = subprocess.run(
        [sys.executable, "-c", APART],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return result.stdout.split()


@several_processors
def test_kernels_threads_are_kept_off_their_callers_processor():
    assert run_apart(NUMBA_NUM_THREADS="2") == ["1", "True", "True"]


@several_processors
def test_threads_that_the_user_has_bound_are_left_alone():
    kept, _, own = run_apart(KMP_AFFINITY="none")
    assert (kept, own) == ("0", "True")
