"""The user's own cache of native code: engines and kernels, compiled for one GPU and one version.

Native code runs with all that its user may do, so it is loaded only if this user's computer made it. Each
file begins with what it is (JSON) and the SHA-256 of what follows, signed (HMAC) with a secret that was
made at random once and lies beside the files, for the user's eyes alone. A file that was damaged, changed,
renamed or brought from elsewhere does not pass, nor does a folder or file that others may write: then it is
as if nothing were kept. Reading and writing never fails for its caller; what cannot be kept is made again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
import struct
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MAX_CACHE_BYTES = 1024**3
"""Kept of one kind; an engine takes 1 (`live`) to 40 MB (`paper`), a kernel file less than 1 MB."""

_MAGIC = b"dinar native code 1\n"
_LENGTH = struct.Struct("<I")
_MAX_DESCRIPTION_BYTES = 64 * 1024
_SECRET, _SECRET_BYTES = "secret", 32
_SUFFIX = ".native"
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class EngineKey:
    """What native code was made from and for; all of it must be the same for it to be used again.

    Attributes:
        kind: of code: "kernels", "tensorrt", ...
        source_sha256: hex hash of what it was compiled from: a network's ONNX, a kernel's source; empty where
            it serves whatever is compiled.
        device: what it runs on, in the compiler's words.
        version: of the compiler.
        settings: (name, value) of what else it depends on: shapes, precision.
    """

    kind: str
    source_sha256: str
    device: str
    version: str
    settings: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        about = [f"{name} {value}" for name, value in self.settings]
        if self.source_sha256:
            about.append(f"source {self.source_sha256[:12]}")
        return ": ".join(
            (f"{self.kind} {self.version} for {self.device}", *([", ".join(about)] if about else []))
        )


class EngineCache:
    """Keeps native code in a folder; several processes may use it at once."""

    def __init__(self, folder: Path | None, *, max_bytes: int = MAX_CACHE_BYTES) -> None:
        """Use a folder, see `user_cache`, made when there is something to keep.

        Args:
            folder: for one kind of code; None: nothing is kept.
            max_bytes: beyond, what was not used for longest is deleted.
        """
        self._folder, self._max_bytes = folder, max_bytes

    def load(self, key: EngineKey) -> bytes | None:
        """Return what was saved under a key, if it is sure to be that; else None."""
        if self._folder is None:
            return None
        path = self._path(self._folder, key)
        with suppress(OSError, ValueError):
            if not _belongs_to_us(os.lstat(self._folder), directory=True):
                return None
            signed = _open_signed(_read(path))
            if signed.key == _plain(key) and signed.is_by(_read(self._folder / _SECRET)):
                os.utime(path)  # used now
                return signed.payload
        return None

    def save(self, key: EngineKey, data: bytes) -> None:
        """Keep native code under a key, all or nothing, in place of what was there."""
        if self._folder is None:
            return
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _belongs_to_us(os.lstat(self._folder), directory=True):
                return
            secret = _secret(self._folder)
            if len(data) <= self._max_bytes:
                _write(self._path(self._folder, key), _sign(key, data, secret))
                self._make_room(self._folder)

    def _path(self, folder: Path, key: EngineKey) -> Path:
        name = hashlib.sha256(json.dumps(_plain(key), sort_keys=True).encode()).hexdigest()
        return folder / f"{name[:40]}{_SUFFIX}"

    def _make_room(self, folder: Path) -> None:
        kept = 0
        for _, size, file in sorted(_kept(folder), reverse=True):  # used last first
            kept += size
            if kept > self._max_bytes:
                with suppress(OSError):  # another process deletes it at this moment, or has it open
                    file.unlink()


def list_engines(folder: Path) -> list[tuple[str, int]]:
    """Return what lies in a cache's folder, in words, and its bytes, used last first; for people only.

    The words are what files say of themselves: nothing is checked, and nothing is loaded.
    """
    found = []
    for _, size, file in sorted(_kept(folder), reverse=True):
        with suppress(OSError, ValueError, TypeError, KeyError):
            with open(file, "rb") as opened:
                key, _ = _open_description(opened.read(_MAX_DESCRIPTION_BYTES))
            settings = tuple((name, value) for name, value in key["key"].pop("settings"))
            found.append((str(EngineKey(**key["key"], settings=settings)), size))
    return found


def _kept(folder: Path) -> list[tuple[int, int, Path]]:
    """When each file was used last, its bytes, and its path."""
    found = []
    with suppress(OSError):
        for file in folder.glob(f"*{_SUFFIX}"):
            with suppress(OSError):  # deleted by another process meanwhile
                about = file.lstat()
                found.append((about.st_mtime_ns, about.st_size, file))
    return found


@dataclass(frozen=True)
class _Signed:
    """A file of a cache, taken apart; nothing of it is sure until `is_by` is."""

    key: dict[str, Any]
    payload: bytes
    described: bytes
    payload_sha256: str
    signature: bytes

    def is_by(self, secret: bytes) -> bool:
        """Whether description and payload are what was signed with a secret."""
        if len(secret) != _SECRET_BYTES:
            return False
        signature = hmac.new(secret, self.described, "sha256").digest()
        payload = hashlib.sha256(self.payload).hexdigest()
        return hmac.compare_digest(signature, self.signature) and payload == self.payload_sha256


def _plain(key: EngineKey) -> dict[str, Any]:
    """A key as JSON gives it back."""
    return asdict(key) | {"settings": [list(setting) for setting in key.settings]}


def _sign(key: EngineKey, data: bytes, secret: bytes) -> bytes:
    """magic, length of the description, description, its HMAC (32 bytes), data."""
    description = {"key": _plain(key), "sha256": hashlib.sha256(data).hexdigest()}
    described = json.dumps(description, sort_keys=True).encode()
    signature = hmac.new(secret, described, "sha256").digest()
    return b"".join((_MAGIC, _LENGTH.pack(len(described)), described, signature, data))


def _open_signed(file: bytes) -> _Signed:
    """Take a file apart; raises ValueError for one that is not of a cache."""
    description, end = _open_description(file)
    start = end + hashlib.sha256().digest_size
    if not isinstance(description.get("key"), dict) or not isinstance(description.get("sha256"), str):
        raise ValueError("the description is not ours")
    described = file[len(_MAGIC) + _LENGTH.size : end]
    return _Signed(description["key"], file[start:], described, description["sha256"], file[end:start])


def _open_description(file: bytes) -> tuple[dict[str, Any], int]:
    """What a file says of itself, and where that ends; raises ValueError for one that is not of a cache."""
    start = len(_MAGIC) + _LENGTH.size
    if not file.startswith(_MAGIC) or len(file) < start:
        raise ValueError("not a file of a cache")
    (length,) = _LENGTH.unpack_from(file, len(_MAGIC))
    if length > _MAX_DESCRIPTION_BYTES - start or len(file) < start + length:
        raise ValueError("the description is cut")
    description = json.loads(file[start : start + length])
    if not isinstance(description, dict):
        raise ValueError("the description is not ours")
    return description, start + length


def _belongs_to_us(about: os.stat_result, *, directory: bool) -> bool:
    """Whether a folder or plain file is the user's own, and nobody else may write it."""
    if not (stat.S_ISDIR if directory else stat.S_ISREG)(about.st_mode):
        return False
    if not hasattr(os, "getuid"):  # Windows: the folder's own rights, inherited from the user's profile
        return True
    return about.st_uid == os.getuid() and not about.st_mode & _OTHERS_MAY_WRITE


def _read(path: Path) -> bytes:
    """Read a file of the user's own; raises OSError for a link, or for one that others may write."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(file, "rb") as opened:
        if not _belongs_to_us(os.fstat(file), directory=False):
            raise PermissionError(f"{path} is not this user's alone")
        return opened.read()


def _write(path: Path, data: bytes) -> None:
    """Write a file for the user alone, beside its place, then move it there: nobody ever sees half of it."""
    file, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")  # 0600
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(data)
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise


def _secret(folder: Path) -> bytes:
    """The secret of a folder, made if there is none; the first of several processes decides."""
    path = folder / _SECRET
    with suppress(OSError):
        found = _read(path)
        if len(found) == _SECRET_BYTES:
            return found
        path.unlink()  # damaged: what was signed with it is lost
    made = folder / f".{secrets.token_hex(8)}.part"
    _write(made, secrets.token_bytes(_SECRET_BYTES))
    try:
        with suppress(FileExistsError):
            os.link(made, path)
    finally:
        made.unlink()
    return _read(path)
