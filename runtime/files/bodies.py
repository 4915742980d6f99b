"""Finding a body model on this computer by its hash.

Avatar files name the body they were made with and do not carry it when its licence forbids copies. It is
looked for in the places a caller names, then in those of `default_places`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dinar.runtime.body import MAX_BODY_BYTES, Body, BodyError, load_body, open_body_path
from dinar.runtime.errors import DinarError
from dinar.runtime.files.npz import ArrayFileError, open_arrays

PATH_VARIABLE = "DINAR_BODY_PATH"
"""Environment variable: files and folders to search for bodies, separated as in PATH."""

SMPLX_VERTEX_COUNT = 10_475
"""Vertices of the licensed SMPL-X, whatever its sex; no other body may have so many."""


class BodyNotFoundError(DinarError):
    """No file with the wanted body is on this computer; the message says which one to put where."""


def user_folder() -> Path:
    """Folder for a user's own bodies, by the customs of the operating system. It need not exist."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "dinar" / "bodies"


def default_places() -> tuple[Path, ...]:
    """Where bodies are looked for: the open body of the package, $DINAR_BODY_PATH, the user's own folder."""
    named = [Path(p).expanduser() for p in os.environ.get(PATH_VARIABLE, "").split(os.pathsep) if p]
    return (open_body_path(), *named, user_folder())


def body_files(places: Iterable[Path]) -> Iterator[Path]:
    """Yield the .npz files among `places` and directly inside those that are folders, in order, each once."""
    seen = set()
    for place in places:
        try:
            files = sorted(place.glob("*.npz")) if place.is_dir() else [place]
        except OSError:  # a folder without permission holds nothing for us
            continue
        for file in files:
            if file not in seen and file.is_file():
                seen.add(file)
                yield file


def find_body(sha256: str, vertices: int, *, places: Sequence[Path] = ()) -> Body:
    """Find and load the body whose `Body.hash` is `sha256`.

    Args:
        sha256: the wanted hash.
        vertices: how many it has; files with another number are passed over unread.
        places: files and folders to search before the default ones.

    Raises:
        BodyNotFoundError: it is in none of the places.
    """
    searched = (*places, *default_places())
    unreadable = []
    for file in body_files(searched):
        try:
            if vertex_count(file) != vertices:
                continue
            body = load_body(file)
        except (ArrayFileError, BodyError, OSError) as error:
            unreadable.append(str(error))
            continue
        if body.hash == sha256:
            return body
    raise BodyNotFoundError(_not_found(sha256, vertices, searched, unreadable))


def _not_found(sha256: str, vertices: int, searched: Sequence[Path], unreadable: Sequence[str]) -> str:
    kind = "body model"
    if vertices == SMPLX_VERTEX_COUNT:
        kind = "licensed SMPL-X model (SMPLX_NEUTRAL.npz, SMPLX_MALE.npz or SMPLX_FEMALE.npz)"
    failures = f"; could not read {'; '.join(unreadable)}" if unreadable else ""
    return (
        f"the {kind} with {vertices:,} vertices and hash {sha256} is not on this computer: put its .npz "
        f"file into {user_folder()}, or name its folder in {PATH_VARIABLE} "
        f"(searched {', '.join(map(str, searched))}{failures})"
    )


def vertex_count(file: Path) -> int:
    """Vertices of a body file, from a header alone. Raises ArrayFileError or OSError if it is unreadable."""
    with open_arrays(file, MAX_BODY_BYTES) as arrays:
        return arrays.header("v_template").shape[0]
