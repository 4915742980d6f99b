"""Files that appear under their names only when they are complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dinar.runtime.errors import DinarError, UsageError


def make_folder(folder: Path) -> None:
    """Make a folder, unless it is there, and see that files can be written into it; raises DinarError."""
    probe = folder / f".{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise DinarError(f"the folder {folder} cannot be written ({error.strerror or error})") from error


def check_file(flag: str, path: Path | None, *endings: str) -> None:
    """Raise UsageError, before long work, if a flag names a file that cannot be written after it.

    Args:
        flag: without its dashes.
        path: None when the flag is not given.
        endings: of its name, as ".json"; any will do when there are none.
    """
    if path is None:
        return
    if endings and path.suffix not in endings:
        raise UsageError(f"--{flag} must name a {' or '.join(endings)} file, not {path}")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise UsageError(f"--{flag} {path} cannot be written: give a file in a folder that is there")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write what is to stand at `path`: moved there at the end, removed where the block raises.

    Raises OSError: it cannot be moved, or was not written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def write_file(path: Path, data: bytes) -> None:
    """Write a file, all or nothing, in place of one that is there; raises DinarError."""
    try:
        with whole_file(path) as part:
            part.write_bytes(data)
    except OSError as error:
        raise DinarError(f"{path} cannot be written ({error.strerror or error})") from error
