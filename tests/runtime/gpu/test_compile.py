"""Every kernel compiles for every kind of GPU that is supported, and needs no compiler or GPU for it."""

from __future__ import annotations

import re

import pytest

from dinar.runtime.gpu import compile as compiling
from dinar.runtime.gpu.compile import (
    FOLDER,
    KERNELS,
    compile_cubin,
    compiler_version,
    kernel_source,
    source_sha256,
)
from dinar.runtime.gpu.errors import GpuError

ARCHITECTURES = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_kernel_compiles(architecture: str) -> None:
    for file, kernels in KERNELS.items():
        cubin = compile_cubin(file, architecture)
        assert cubin.startswith(b"\x7fELF")
        for kernel in kernels:
            assert kernel.encode() in cubin


def test_every_kernel_is_listed() -> None:
    files = {file.name for file in FOLDER.glob("*.cu")}
    assert files == set(KERNELS)
    for file, kernels in KERNELS.items():
        found = re.findall(r"__launch_bounds__\(128\)\s+(\w+)\(", kernel_source(file))
        assert sorted(found) == sorted(kernels)


def test_what_a_cubin_is_made_from_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = source_sha256("compose.cu")
    assert before == source_sha256("compose.cu") != source_sha256("skin.cu")
    monkeypatch.setattr(compiling, "_OPTIONS", ("--std=c++17",))
    assert source_sha256("compose.cu") != before
    assert re.fullmatch(r"\d+\.\d+", compiler_version())


def test_an_architecture_that_is_not_known_is_one_sentence() -> None:
    with pytest.raises(GpuError, match=r"compose\.cu does not compile for sm_1 .*update cuda-python"):
        compile_cubin("compose.cu", "sm_1")


def test_an_error_in_a_kernel_is_told_by_its_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "kernel_source", lambda _: "__device__ int f() { return nothing; }")
    with pytest.raises(GpuError, match='identifier "nothing" is undefined'):
        compile_cubin("compose.cu", "sm_90")
