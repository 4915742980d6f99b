"""Kernels as host C++: called on arrays, without any driver."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .desk import COUNT, KERNELS
from .host_kernels import compile_host, kernel_bounds, open_host


def test_kernels_run_on_arrays_without_a_driver(folder: Path) -> None:
    kernels = open_host("tiny", folder)
    assert kernels.parameters("scale") == "ifpp"
    given, got = np.arange(COUNT, dtype=np.float32), np.zeros(COUNT, np.float32)
    kernels.launch("scale", (8,), (128,), COUNT, 0.5, given, got)
    np.testing.assert_array_equal(got, given * np.float32(0.5))


def test_atomics_count_every_thread_of_a_large_grid(folder: Path) -> None:
    total, highest = np.zeros(1, np.int32), np.zeros(1, np.uint64)
    open_host("tiny", folder).launch("tally", (300, 3), (128,), 100_000, total, highest)
    assert total[0] == 100_000
    assert highest[0] == 99_999 << 32 | 7


def test_arrays_with_gaps_and_missing_arguments_are_refused(folder: Path) -> None:
    kernels, whole = open_host("tiny", folder), np.zeros(2 * COUNT, np.float32)
    with pytest.raises(AssertionError, match="without gaps"):
        kernels.launch("scale", (8,), (128,), COUNT, 0.5, whole[::2], whole)
    with pytest.raises(AssertionError, match="4 arguments, not 2"):
        kernels.launch("scale", (8,), (128,), COUNT, 0.5)


def test_kernels_and_their_bounds_are_found_in_the_source() -> None:
    assert kernel_bounds(KERNELS) == {"scale": "1024", "tally": "128"}
    assert kernel_bounds('extern "C" __global__ __launch_bounds__(N, 2)\nvoid f(int a) {}') == {"f": "N"}


def test_a_file_that_does_not_compile_says_where(tmp_path: Path) -> None:
    (tmp_path / "bad.cu").write_text('extern "C" __global__ void f(int* a) { __syncthreads(); }')
    with pytest.raises(RuntimeError, match="__syncthreads"):
        compile_host("bad", "sm_90", folder=tmp_path)
