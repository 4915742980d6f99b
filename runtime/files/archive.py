"""Zip archives without trust: everything is checked before memory is taken, nothing is written to the disk.

A well-meant archive of ours is small, plain and unencrypted. Whatever else comes along (a bomb, a cut file, a
name that climbs out of its folder) ends in one `ArrayFileError` that names the file and what is wrong.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from dinar.runtime.errors import DinarError

# Above these, an archive is not one of ours: an avatar has about ten members, a licensed body about thirty.
_MAX_MEMBERS = 1024
_MAX_DIRECTORY_BYTES = 256 * 1024
_CHUNK_BYTES = 1 << 20

# What the zip and inflate layers raise for damaged bytes.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class ArrayFileError(DinarError):
    """A zip or .npz file that is not what it should be. The message is one sentence that names the file."""


class Archive:
    """A zip archive opened for reading; close it when done, or use it as a context manager.

    Args:
        source: a path, or a seekable binary file (which stays open when the archive is closed).
        limit_bytes: most unpacked bytes that all reads together may take; a larger file is refused, too.
        name: how messages call the file; the path when left out.

    Raises:
        ArrayFileError: not a plain zip file, or one that breaks the limits.
        OSError: the path cannot be opened (not there, no permission).
    """

    def __init__(
        self, source: str | os.PathLike[str] | BinaryIO, *, limit_bytes: int, name: str | None = None
    ):
        self._opened: BinaryIO | None = None
        if isinstance(source, str | os.PathLike):
            file = self._opened = cast(BinaryIO, open(source, "rb"))  # noqa: SIM115  # closed by `close`
            self.name = name or os.fspath(source)
        else:
            file, self.name = source, name or "the file"
        self._left = limit_bytes
        try:
            _check_end_record(file, limit_bytes, self.name)
            try:
                self._zip = zipfile.ZipFile(file)
            except _DAMAGE as error:
                raise ArrayFileError(f"{self.name}: the zip directory is damaged ({error})") from error
            self._members = _checked_members(self._zip.infolist(), self.name)
        except BaseException:
            if self._opened is not None:
                self._opened.close()
            raise

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the members in the archive's order, folders left out."""
        return tuple(self._members)

    def size(self, member: str) -> int:
        """Unpacked size of `member` in bytes, as the archive's directory declares it."""
        return self._info(member).file_size

    def read(self, member: str) -> bytes:
        """Read a whole member. Raises ArrayFileError when it is missing, damaged or beyond the limit."""
        data = bytearray(self.reserve(member, self.size(member)))
        with self.open(member) as stream:
            self.fill(stream, memoryview(data), member)
        return bytes(data)

    def reserve(self, member: str, size: int) -> int:
        """Take `size` bytes from the limit before they are allocated, and return `size`.

        Raises ArrayFileError when less than that is left.
        """
        if size > self._left:
            raise ArrayFileError(
                f"{self.name}: {member} would take {size:,} bytes of memory; "
                f"{self._left:,} are left of what the file may take"
            )
        self._left -= size
        return size

    @contextmanager
    def open(self, member: str) -> Iterator[BinaryIO]:
        """Open a member as a stream. Damage met while the stream is read is raised as ArrayFileError."""
        info = self._info(member)
        try:
            with self._zip.open(info) as stream:
                yield stream  # type: ignore[misc]  # typeshed: IO[bytes] with all that BinaryIO has
        except ArrayFileError:
            raise
        except _DAMAGE as error:
            raise ArrayFileError(f"{self.name}: {member} is damaged ({error})") from error

    def fill(self, stream: BinaryIO, target: memoryview, member: str) -> None:
        """Fill `target` (contiguous bytes) from a stream of `open`, and check that the member ends there."""
        done = 0
        while done < len(target):
            chunk = stream.read(min(_CHUNK_BYTES, len(target) - done))
            if not chunk:
                raise ArrayFileError(f"{self.name}: {member} ends after {done:,} of {len(target):,} bytes")
            target[done : done + len(chunk)] = chunk
            done += len(chunk)
        if stream.read(1):  # the read that meets the end also compares the checksum
            raise ArrayFileError(f"{self.name}: {member} goes on after its {len(target):,} bytes")

    def close(self) -> None:
        """Close the archive, and the file if it was opened here."""
        self._zip.close()
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _info(self, member: str) -> zipfile.ZipInfo:
        if member not in self._members:
            raise ArrayFileError(f"{self.name}: {member} is missing")
        return self._members[member]


def _check_end_record(file: BinaryIO, limit_bytes: int, name: str) -> None:
    """Check the 22 bytes that end a zip file: `zipfile` reads the directory they announce whatever its size.

    An archive comment and zip64 are refused: neither is needed below the limits, and without them nobody can
    disagree about where the directory is.
    """
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        raise ArrayFileError(f"{name}: the file is empty")
    if size > limit_bytes:
        raise ArrayFileError(f"{name}: the file has {size:,} bytes, at most {limit_bytes:,} are allowed")
    file.seek(max(0, size - 42))
    tail = file.read(42)
    if len(tail) < 22 or tail[-22:-18] != b"PK\x05\x06" or tail[-2:] != b"\0\0":
        raise ArrayFileError(
            f"{name}: expected a zip archive; this is another kind of file, or it is cut off"
        )
    entries, directory_bytes = struct.unpack("<HL", tail[-12:-6])
    if tail[-42:-38] == b"PK\x06\x07" or entries > _MAX_MEMBERS or directory_bytes > _MAX_DIRECTORY_BYTES:
        raise ArrayFileError(f"{name}: the zip directory is larger than {_MAX_MEMBERS} members need")


def _checked_members(infos: list[zipfile.ZipInfo], name: str) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name; ArrayFileError for any that a well-meant archive would not have."""
    if len(infos) > _MAX_MEMBERS:
        raise ArrayFileError(f"{name}: {len(infos):,} members, at most {_MAX_MEMBERS:,} are allowed")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        problem = _problem(info)
        if problem is None and info.filename in members:
            problem = "is there twice"
        if problem is not None:
            raise ArrayFileError(f"{name}: member {info.orig_filename[:80]!r} {problem}")
        if not info.is_dir():
            members[info.filename] = info
    return members


def _problem(info: zipfile.ZipInfo) -> str | None:
    """What is wrong with one entry of the zip directory, or None."""
    path = info.orig_filename
    if (
        not path.isprintable()
        or any(c in path for c in "\\:")
        or path.startswith("/")
        or path != info.filename
    ):
        return "has a name that is not a plain relative path"
    if ".." in PurePosixPath(path).parts:
        return "has a name that leaves the archive"
    if info.flag_bits & 0x41:
        return "is encrypted"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a symbolic link"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"uses compression method {info.compress_type}; expected stored or deflate"
    return None
