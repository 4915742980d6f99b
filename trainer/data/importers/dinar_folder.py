"""`dinar data import dinar-folder`: the layout of DINAR's authors: rgb/, segm/, openpose/ and smplx/.

Either in the source folder itself, or in each of its folders, one for a person (such as a video's frames).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dinar.runtime.errors import UsageError
from dinar.trainer.data.importers.fits import FitReader, read_hand_space
from dinar.trainer.data.importers.importer import (
    ImportFailure,
    PersonSource,
    PicturesConfig,
    import_people,
    open_source_body,
)
from dinar.trainer.data.importers.stills import FOCAL, Folders, StillReader
from dinar.trainer.data.importers.vposer import read_vposer

Group = Literal["auto", "folder", "picture", "prefix"]


@dataclass(frozen=True)
class DinarFolderConfig(PicturesConfig):
    """Import pictures in the layout of DINAR's authors: rgb/, segm/, openpose/, smplx/ (SMPLify-X)."""

    group: Group = "auto"
    """Which pictures show one person: all of a folder, each its own, or those alike up to the last "_".
    auto: "folder" where the source holds a folder for each person, else "picture"."""
    every: int = 1
    """Take each n-th picture of a folder."""
    focal: float = FOCAL
    """Focal length in pixels, where the parameter files do not say."""
    gender: Literal["neutral", "male", "female"] | None = None
    """Leave out what was fitted with another model than this."""
    flat_hands: bool = False
    """Hand parameters are relative to the flat hand (flat_hand_mean=True), not to the mean hand."""
    vposer: Path | None = None
    """VPoser's weights (.pt or .ckpt), where body poses are stored as its 32 numbers."""


def import_dinar_folder(config: DinarFolderConfig) -> int:
    """Import; returns the exit status. Raises DinarError naming what is wrong."""
    config.check()
    if config.every < 1:
        raise UsageError("--every must be at least 1")
    body = open_source_body(config.body)
    vposer = read_vposer(config.vposer) if config.vposer else None
    fits = FitReader(read_hand_space(config.body), config.flat_hands, vposer)
    people: list[PersonSource] = []
    for folder in _folders(config.source):
        folders = Folders(folder / "rgb", folder / "segm", folder / "openpose", folder / "smplx")
        reader = StillReader(folders, body, fits, config.gender, config.focal)
        group = config.group
        if group == "auto":
            group = "picture" if folder == config.source else "folder"
        people += _people(folder, folders.names()[:: config.every], group, reader)
    return import_people(
        config,
        body,
        people,
        about=f"pictures with SMPLify-X fits, imported from {config.source.resolve().name}",
        licence="see the pictures' owner",
    )


def _folders(source: Path) -> list[Path]:
    """The folders that hold rgb/, segm/ and smplx/. Raises ImportFailure: there is none."""
    if (source / "rgb").is_dir():
        return [source]
    try:
        found = sorted(folder for folder in source.iterdir() if (folder / "rgb").is_dir())
    except OSError as error:
        raise ImportFailure(f"{source} cannot be listed ({error.strerror})") from error
    if not found:
        raise ImportFailure(f"{source} holds no folder rgb, nor do its folders: expected rgb, segm and smplx")
    return found


def _people(folder: Path, names: list[str], group: Group, reader: StillReader) -> list[PersonSource]:
    groups: dict[str, list[str]] = {} if names else {folder.resolve().name: []}
    for name in names:
        alike = {"folder": folder.resolve().name, "prefix": name.rpartition("_")[0] or name}
        groups.setdefault(alike.get(group, name), []).append(name)
    return [person_of(person, members, reader) for person, members in groups.items()]


def person_of(person: str, names: list[str], reader: StillReader) -> PersonSource:
    """Somebody shown by these pictures."""
    return PersonSource(person, lambda: [reader.source(name) for name in names])
