"""NumPy .npz without trust: types, shapes and sizes are checked before memory is taken. Never pickle."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from dinar.runtime.files.archive import Archive, ArrayFileError

__all__ = ["ArrayFileError", "ArrayHeader", "Arrays", "open_arrays"]

DEFAULT_LIMIT_BYTES = 512 * 1024**2

# The .npy header as NumPy writes it: a Python dict literal with these three keys (`10475L` is Python 2's).
_HEADER = re.compile(
    rb"\{\s*'descr':\s*'(?P<descr>[^']{1,16})',\s*'fortran_order':\s*(?P<order>True|False),"
    rb"\s*'shape':\s*\((?P<shape>[0-9L, ]*)\)\s*,?\s*\}\s*"
)
_MAX_HEADER_BYTES = 4096
_MAX_DIMENSIONS = 8


@dataclass(frozen=True)
class ArrayHeader:
    """What a .npy member says it holds.

    Attributes:
        shape: sizes of the axes.
        dtype: element type; may be one that `Arrays.read` refuses (objects, strings).
        fortran_order: True when the first axis varies fastest.
        data_offset: bytes before the first element.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran_order: bool
    data_offset: int


class Arrays:
    """The arrays of an open .npz file; close it when done, or use it as a context manager."""

    def __init__(self, archive: Archive):
        self._archive = archive
        self._members = {m.removesuffix(".npy"): m for m in archive.members if m.endswith(".npy")}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays, in the file's order."""
        return tuple(self._members)

    def header(self, name: str) -> ArrayHeader:
        """Shape and type of an array, without reading it. Raises ArrayFileError: missing or damaged."""
        member = self._member(name)
        with self._archive.open(member) as stream:
            return _read_header(stream, f"{self._archive.name}: array {name}")

    def read(self, name: str) -> np.ndarray:
        """Read an array of booleans, integers or floats, C-contiguous.

        Raises ArrayFileError when it is missing or damaged, when its elements are of another kind or
        big-endian, or when it goes beyond the limit of the file. The caller checks the values.
        """
        member, what = self._member(name), f"{self._archive.name}: array {name}"
        with self._archive.open(member) as stream:
            header = _read_header(stream, what)
            if header.dtype.kind not in "biuf" or header.dtype.byteorder == ">":
                raise ArrayFileError(
                    f"{what} has elements of type {header.dtype.str!r}; "
                    "expected little-endian numbers or booleans"
                )
            declared = self._archive.size(member) - header.data_offset
            needed = math.prod(header.shape) * header.dtype.itemsize
            if needed != declared:
                raise ArrayFileError(
                    f"{what} of shape {header.shape} and type {header.dtype} needs {needed:,} bytes, "
                    f"the file holds {declared:,}"
                )
            self._archive.reserve(member, needed * (2 if header.fortran_order else 1))
            flat = np.empty(needed, np.uint8)
            self._archive.fill(stream, flat.data, member)
        # A file may hold any byte for a boolean; NumPy's own are 0 and 1.
        values = flat != 0 if header.dtype.kind == "b" else flat.view(header.dtype)
        if header.fortran_order:
            return np.ascontiguousarray(values.reshape(header.shape[::-1]).T)
        return values.reshape(header.shape)

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def __enter__(self) -> Arrays:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _member(self, name: str) -> str:
        if name not in self._members:
            held = ", ".join(list(self._members)[:40]) or "none"
            raise ArrayFileError(f"{self._archive.name}: array {name} is missing (the file holds: {held})")
        return self._members[name]


def open_arrays(
    source: str | os.PathLike[str] | BinaryIO,
    limit_bytes: int = DEFAULT_LIMIT_BYTES,
    *,
    name: str | None = None,
) -> Arrays:
    """Open a .npz file for reading.

    Args:
        source: a path, or a seekable binary file (which stays open when the arrays are closed).
        limit_bytes: most bytes that all arrays read from it may take together.
        name: how messages call the file; the path when left out.

    Raises:
        ArrayFileError: not a .npz file, or one that is damaged.
        OSError: the path cannot be opened (not there, no permission).
    """
    return Arrays(Archive(source, limit_bytes=limit_bytes, name=name))


def _read_header(stream: BinaryIO, what: str) -> ArrayHeader:
    """Read a .npy header (format 1 or 2) and leave the stream at the first element."""
    start = stream.read(8)
    width = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}.get(start)
    if width is None:
        raise ArrayFileError(f"{what} does not start as a .npy file of version 1 or 2")
    length = int.from_bytes(stream.read(width), "little")
    if length > _MAX_HEADER_BYTES:
        raise ArrayFileError(
            f"{what} has a header of {length:,} bytes, at most {_MAX_HEADER_BYTES:,} are allowed"
        )
    match = _HEADER.fullmatch(stream.read(length))
    if match is None:
        raise ArrayFileError(f"{what} has a header that does not describe a plain array")
    try:
        dtype = np.dtype(match["descr"].decode("ascii"))
        shape = tuple(int(n.rstrip(b"L ")) for n in match["shape"].split(b",") if n.strip())
    except (TypeError, ValueError) as error:  # UnicodeDecodeError is a ValueError
        raise ArrayFileError(f"{what} has a header that cannot be read ({error})") from error
    if len(shape) > _MAX_DIMENSIONS or any(n >= 2**40 for n in shape):
        raise ArrayFileError(
            f"{what} has a shape beyond all bounds ({len(shape)} axes, up to {max(shape):,} long)"
        )
    return ArrayHeader(shape, dtype, match["order"] == b"True", 8 + width + length)
