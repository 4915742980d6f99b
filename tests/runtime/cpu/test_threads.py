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
