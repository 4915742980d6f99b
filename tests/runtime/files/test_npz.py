"""NumPy files without trust: what NumPy wrote comes back, anything else is refused before it takes memory."""

import contextlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from dinar.runtime.files.npz import ArrayFileError, Arrays, open_arrays

NUMBERS = st.sampled_from(["?", "u1", "i1", "<u2", "<i4", "<i8", "<f2", "<f4", "<f8"]).map(np.dtype)


def npz(**arrays: Any) -> io.BytesIO:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file


def npz_of_bytes(member: bytes, name: str = "a.npy") -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, member)
    return file


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    width = 2 if version == b"\x01\x00" else 4
    text = header.encode("latin1") + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(width, "little") + text + data


def opened(file: io.BytesIO, limit_bytes: int = 1 << 20) -> Arrays:
    return open_arrays(file, limit_bytes, name="some.npz")


def read_a(file: io.BytesIO, limit_bytes: int) -> None:
    with opened(file, limit_bytes) as arrays:
        arrays.read("a")


def refusal(file: io.BytesIO, limit_bytes: int = 1 << 20) -> str:
    """The sentence with which reading the array `a` ends."""
    with pytest.raises(ArrayFileError) as caught:
        read_a(file, limit_bytes)
    text = str(caught.value)
    assert text.startswith("some.npz: ")
    assert "\n" not in text
    return text


@settings(max_examples=100, deadline=None)
@given(arrays_of.arrays(NUMBERS, arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0)), st.booleans())
def test_arrays_come_back_as_numpy_wrote_them(array: np.ndarray, fortran: bool) -> None:
    with opened(npz(a=array.copy(order="F" if fortran else "C"))) as arrays:
        header, values = arrays.header("a"), arrays.read("a")
    assert (header.shape, header.dtype) == (array.shape, array.dtype)
    assert (values.shape, values.dtype) == (array.shape, array.dtype)
    assert values.flags.c_contiguous
    np.testing.assert_array_equal(values, array)


def test_headers_are_known_without_reading() -> None:
    file = npz(a=np.zeros((2, 3), np.float32), words=np.array(["x"]), things=np.array([{}], object))
    with opened(file) as arrays:
        assert arrays.names == ("a", "words", "things")
        assert arrays.header("a").shape == (2, 3)
        assert arrays.header("things").dtype == object


def test_headers_of_version_2_and_of_python_2_are_read() -> None:
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1L, 2L)}"
    with opened(npz_of_bytes(npy(header, np.array([5, 6], np.float32).tobytes(), b"\x02\x00"))) as arrays:
        assert arrays.read("a").tolist() == [[5, 6]]


def test_booleans_are_0_or_1_whatever_the_bytes() -> None:
    header = "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }"
    with opened(npz_of_bytes(npy(header, b"\x00\x01\x07"))) as arrays:
        assert arrays.read("a").view(np.uint8).tolist() == [0, 1, 1]


def test_a_missing_array_is_named_with_those_that_are_there() -> None:
    assert "array a is missing (the file holds: b, c)" in refusal(npz(b=1, c=2))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array([None, {}], object), "elements of type '|O'"),
        (np.array(["text"]), "elements of type '<U4'"),
        (np.zeros(3, ">f4"), "elements of type '>f4'; expected little-endian"),
        (np.zeros(3, np.complex64), "elements of type '<c8'"),
        (np.zeros(3, "datetime64[s]"), "elements of type '<M8[s]'"),
        (np.zeros(3, [("x", "f4")]), "does not describe a plain array"),
    ],
)
def test_arrays_of_anything_but_little_endian_numbers_are_refused(values: np.ndarray, reason: str) -> None:
    assert reason in refusal(npz(a=values))


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (b"", "does not start as a .npy file"),
        (b"\x80\x04pickle", "does not start as a .npy file"),
        (npy("{}", version=b"\x03\x00"), "does not start as a .npy file of version 1 or 2"),
        (npy("{}"), "does not describe a plain array"),
        (npy("__import__('os').abort()"), "does not describe a plain array"),
        (npy("(" * 3000), "does not describe a plain array"),
        (npy(" " * 5000), "header of 5,001 bytes, at most 4,096"),
        (npy("{'descr': 'what', 'fortran_order': False, 'shape': (1,), }"), "cannot be read"),
        (npy("{'descr': '<f9', 'fortran_order': False, 'shape': (1,), }"), "cannot be read"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1 2,), }"), "cannot be read"),
        (
            npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }"),
            "does not describe a plain array",
        ),
        (
            npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", bytes(4)),
            "needs 8 bytes, the file holds 4",
        ),
        (
            npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", bytes(9)),
            "needs 4 bytes, the file holds 9",
        ),
        (
            npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**300},), }}"),
            "a shape beyond all bounds",
        ),
        (
            npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**11}, 9), }}"),
            "needs 3,600,000,000,000 bytes",
        ),
        (
            npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({'1, ' * 9}), }}", b"1"),
            "a shape beyond all bounds",
        ),
    ],
    ids=range(16),
)
def test_a_bad_header_is_refused(member: bytes, reason: str) -> None:
    assert reason in refusal(npz_of_bytes(member))


def test_an_array_beyond_the_limit_is_refused() -> None:
    assert "a.npy would take 8,000 bytes of memory; 2,000 are left" in refusal(
        npz(a=np.zeros(1000)), limit_bytes=2000
    )


def test_fortran_order_counts_twice_because_it_is_copied() -> None:
    file = npz(a=np.zeros((20, 30), order="F"))
    assert "a.npy would take 9,600 bytes of memory" in refusal(file, limit_bytes=9000)


def test_what_is_not_a_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.save(path.open("wb"), np.zeros(3))
    with pytest.raises(ArrayFileError, match=r"x\.npz: expected a zip archive"):
        open_arrays(path)


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damaged_bytes_give_nothing_but_array_file_errors(data: st.DataObject) -> None:
    good = npz(a=np.arange(60, dtype=np.float32).reshape(5, 12), b=np.eye(3, dtype=np.uint8)).getvalue()
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.one_of(st.just(len(good)), st.integers(0, len(good)))) :]
    with contextlib.suppress(ArrayFileError), opened(io.BytesIO(damaged)) as arrays:
        for name in arrays.names:
            arrays.read(name)


BOMB = """
import io, resource, struct, sys, zipfile
import numpy as np
from dinar.runtime.files.npz import ArrayFileError, open_arrays

header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (4000000000,), }" + b" " * 51 + b"\\n"
file = io.BytesIO()
with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as member:
    member.write(b"\\x93NUMPY\\x01\\x00" + struct.pack("<H", len(header)) + header + bytes(300 << 20))
data = bytearray(file.getvalue())
at = data.index(b"PK\\x01\\x02") + 24
data[at : at + 4] = struct.pack("<I", 4000000000 + 10 + len(header))  # what the directory claims

resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    with open_arrays(io.BytesIO(data)) as arrays:
        arrays.read("a")
except ArrayFileError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, file=sys.stderr)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module measures memory on POSIX only")
def test_a_bomb_takes_no_memory() -> None:
    done = subprocess.run([sys.executable, "-c", BOMB], capture_output=True, text=True, timeout=60)
    assert "would take 4,000,000,000 bytes of memory" in done.stdout, done.stderr
    assert int(done.stderr) < 100  # MB more than before
