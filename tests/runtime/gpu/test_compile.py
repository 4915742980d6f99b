"""Every kernel compiles for every GPU, on a computer without one."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from dinar.runtime.errors import DinarError
from dinar.runtime.gpu import compile as compiling
from dinar.runtime.gpu.compile import (
    KERNELS,
    compile_cubin,
    compiler_version,
    kernel_source,
    source_sha256,
)
from dinar.runtime.gpu.raster import PIECE_BYTES
from dinar.runtime.gpu.upload import VIEW
from dinar.runtime.prepare.neural_texture import CORNERS
from dinar.runtime.prepare.surface import FACE

from .software_cuda.host_kernels import FLAGS, HERE, build, kernel_bounds

ARCHITECTURES = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")
EM_CUDA = 190  # the machine of an ELF file that is a cubin


@pytest.fixture
def own_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the kernel files that a test may change."""
    folder = tmp_path / "kernels"
    shutil.copytree(compiling.FOLDER, folder)
    monkeypatch.setattr(compiling, "FOLDER", folder)
    return folder


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_kernels_compile(architecture: str) -> None:
    for file, kernels in KERNELS.items():
        cubin = compile_cubin(file, architecture)
        assert cubin[:4] == b"\x7fELF"
        assert int.from_bytes(cubin[18:20], "little") == EM_CUDA
        for kernel in kernels:
            assert b".text." + kernel.encode() + b"\0" in cubin


def test_all_files_and_all_kernels_in_them_are_listed() -> None:
    assert {file.name for file in compiling.FOLDER.glob("*.cu")} == set(KERNELS)
    for file, kernels in KERNELS.items():
        assert tuple(kernel_bounds(kernel_source(file))) == kernels


def test_the_hash_of_a_file_is_that_of_all_it_is_made_from(
    own_kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [source_sha256("skin.cu")]
    assert source_sha256("skin.cu") == found[0]
    found.append(source_sha256("project.cu"))
    for file in ("skin.cu", "view.cuh"):
        path = own_kernels / file
        path.write_text(path.read_text() + "\n// changed\n")
        found.append(source_sha256("skin.cu"))
    monkeypatch.setattr(compiling, "_OPTIONS", (*compiling._OPTIONS, "--use_fast_math"))
    found.append(source_sha256("skin.cu"))
    assert len(set(found)) == len(found)


def test_an_error_in_a_kernel_is_told_in_one_sentence(own_kernels: Path) -> None:
    first, second = (f"__device__ int {name}() {{ return {name}_; }}\n" for name in ("one", "two"))
    (own_kernels / "skin.cu").write_text('#include "view.cuh"\n' + first + second)
    with pytest.raises(DinarError, match=r"skin\.cu does not compile for sm_90 .*one_") as told:
        compile_cubin("skin.cu", "sm_90")
    assert "\n" not in str(told.value)
    assert "two_" not in str(told.value)


def test_an_architecture_that_the_compiler_does_not_know_is_told() -> None:
    with pytest.raises(DinarError, match=r"does not compile for sm_1 .*update cuda-python"):
        compile_cubin("skin.cu", "sm_1")


def test_without_the_compiler_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings.nvrtc", None)
    for asked in (lambda: compile_cubin("skin.cu", "sm_90"), compiler_version):
        with pytest.raises(DinarError, match=r"pip install 'dinar\[gpu\]'"):
            asked()


def test_the_compilers_version_is_told() -> None:
    major, minor = compiler_version().split(".")
    assert int(major) >= 13
    assert minor.isdigit()


@pytest.mark.parametrize(
    ("file", "struct", "dtype"),
    [
        ("project.cu", "View", VIEW),
        ("channels.cu", "Corners", CORNERS),
        ("shade.cu", "Face", FACE),
        ("raster.cu", "Piece", np.dtype((np.void, PIECE_BYTES))),
    ],
)
def test_structs_of_kernels_lie_in_memory_as_those_of_numpy(file: str, struct: str, dtype: np.dtype) -> None:
    path = compiling.FOLDER / file
    lines = [f'#include "{HERE / "cuda_on_host.h"}"', f'#include "{path}"']
    lines.append(f'static_assert(sizeof({struct}) == {dtype.itemsize}, "size");')
    for name, (field, offset, *_) in (dtype.fields or {}).items():
        lines.append(f'static_assert(offsetof({struct}, {name}) == {offset}, "{name}");')
        lines.append(f'static_assert(sizeof({struct}::{name}) == {field.itemsize}, "{name}");')
    inputs = [path, *compiling.FOLDER.glob("*.cuh"), HERE / "cuda_on_host.h"]
    build("layout.so", "\n".join(lines), inputs, [*FLAGS, "-O0", f"-I{compiling.FOLDER}"])
