"""What all importers share: people with views that are loaded one by one, checked, counted and written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import tyro
from rich.console import Console
from rich.progress import Progress

from dinar.runtime.body import Body, load_body
from dinar.runtime.camera import Camera
from dinar.runtime.errors import DinarError, UsageError
from dinar.trainer.data.dataset.layout import (
    DatasetInfo,
    create_dataset,
    person_folder,
    write_person,
)
from dinar.trainer.data.dataset.plausibility import JointModel, joint_model
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.data.importers.shot import Shot, check_shot, cropped, views_of

MAX_PERSON_BYTES = 3 << 30  # pictures and masks of a person, in memory until they are written


class ImportFailure(DinarError):
    """Something in the source that cannot be imported; the text is one sentence that names it."""


@dataclass(frozen=True)
class ImportConfig:
    """Options of every importer that makes a dataset."""

    source: tyro.conf.Positional[Path]
    """The folder to read."""
    out: Path
    """Folder of the dataset; docs/data.md says what is in it. People who are there already are left."""
    body: Path
    """The SMPL-X model (.npz) that the parameters were fitted with."""
    name: str = ""
    """Of the dataset; the source folder's when left out."""
    licence: str = ""
    """Who may use the pictures."""
    format: Literal["png", "jpg"] = "png"
    """Of the pictures: lossless, or a quarter of the size."""
    strict: bool = False
    """Stop at the first bad file, instead of leaving it out and counting it."""


@dataclass(frozen=True)
class PicturesConfig(ImportConfig):
    """Options of importers whose pictures come from cameras."""

    size: int = 512
    """Cut squares around the person and scale them to so many pixels a side; 0: pictures as they are."""

    def check(self) -> None:
        """Raise UsageError for values that cannot be."""
        if self.size != 0 and not 64 <= self.size <= 4096:
            raise UsageError(f"--size must lie between 64 and 4096 pixels, or be 0, not {self.size}")


@dataclass(frozen=True)
class ShotSource:
    """A picture that can be loaded.

    Attributes:
        origin: the file, or what else it is called in messages.
        load: raises DinarError with one sentence if it is bad.
    """

    origin: str
    load: Callable[[], Shot]


@dataclass(frozen=True)
class PersonSource:
    """Somebody in a source.

    Attributes:
        person: a name; other characters than an id may hold become `_`.
        shots: opens the pictures, loaded in this order; raises DinarError if the person cannot be read.
    """

    person: str
    shots: Callable[[], Sequence[ShotSource]]


@dataclass(frozen=True)
class SourceBody:
    """The body that a source's parameters belong to.

    Attributes:
        body: the model.
        joints: its joints alone.
    """

    body: Body
    joints: JointModel


def open_source_body(path: Path) -> SourceBody:
    """Load the body of `--body`. Raises BodyError."""
    body = load_body(path)
    return SourceBody(body, joint_model(body))


def import_people(
    config: ImportConfig, source: SourceBody, people: Sequence[PersonSource], *, about: str, licence: str
) -> int:
    """Write people into a dataset, with a progress bar; what is bad is left out and counted, or refused.

    Args:
        config: the options.
        source: the body.
        people: whom to import.
        about: where the data come from, for `dataset.json`.
        licence: used when the options name none.

    Returns:
        The exit status: 1 when something was left out.

    Raises:
        DinarError: nobody there, two people of one name, another dataset in the folder, or the first bad
            file with `strict`.
    """
    if not people:
        raise ImportFailure(f"{config.source} holds nobody to import: docs/data.md shows the layout it needs")
    ids = _ids(people)
    body = source.body
    name = config.name or config.source.resolve().name
    licence = config.licence or licence
    create_dataset(config.out, DatasetInfo(name, about, licence, body.hash, len(body.v_template)))
    console, ledger = Console(stderr=True, soft_wrap=True, highlight=False, markup=False), _Ledger()
    with progress_bar(console) as bar:
        task, run = bar.add_task("importing people", total=len(ids)), _Run(config, source, ledger, bar)
        for person, who in zip(ids, people, strict=True):
            run.bring(person, who)
            bar.advance(task)
    console.print(ledger.line(config.out))
    return 1 if ledger.bad else 0


@dataclass
class _Ledger:
    """Counts."""

    people: int = 0
    pictures: int = 0
    there: int = 0
    bad: int = 0

    def line(self, out: Path) -> str:
        there = f", {self.there:,} were there already" if self.there else ""
        bad = f", {self.bad:,} left out, each in a line above" if self.bad else ""
        return f"{out}: {self.people:,} people with {self.pictures:,} pictures imported{there}{bad}"


@dataclass(frozen=True)
class _Run:
    """An import under way."""

    config: ImportConfig
    source: SourceBody
    ledger: _Ledger
    bar: Progress

    def bring(self, person: str, who: PersonSource) -> None:
        """Import somebody who is not there yet."""
        if person_folder(self.config.out, person).exists():
            self.ledger.there += 1
            return
        try:
            shots = who.shots()
        except DinarError as error:
            self._bad(who.person, error)
            return
        if not shots:
            self._bad(who.person, ImportFailure("there is no picture"))
        loaded = self._load(person, shots)
        if not loaded:  # why not has been said
            return
        more = {
            f"{n:04d}.keypoints.json": shot.keypoints.to_openpose()
            for n, shot in enumerate(loaded)
            if shot.keypoints is not None
        }
        ending = f".{self.config.format}"
        write_person(self.config.out, person, views_of(person, loaded), ending=ending, more=more)
        self.ledger.people += 1
        self.ledger.pictures += len(loaded)

    def _load(self, person: str, shots: Sequence[ShotSource]) -> list[Shot]:
        """Load the pictures that are good."""
        loaded: list[Shot] = []
        task, size = self.bar.add_task(person, total=len(shots)), 0
        for shot in shots:
            try:
                loaded.append(self._one(shot))
                size += loaded[-1].image.nbytes + loaded[-1].mask.nbytes
            except DinarError as error:
                self._bad(shot.origin, error)
            if size > MAX_PERSON_BYTES:
                raise ImportFailure(
                    f"{person}: more than {MAX_PERSON_BYTES >> 30} GB of pictures of one person: take fewer"
                )
            self.bar.advance(task)
        self.bar.remove_task(task)
        return loaded

    def _one(self, source: ShotSource) -> Shot:
        shot = source.load()
        check_shot(shot, self.source.joints)
        size = self.config.size if isinstance(self.config, PicturesConfig) else 0
        return cropped(shot, size) if size else shot

    def _bad(self, origin: str, error: DinarError) -> None:
        """Count and tell something bad, or raise it with `strict`."""
        sentence = str(error) if origin in str(error) else f"{origin}: {error}"
        if self.config.strict:
            raise ImportFailure(sentence) from error
        self.ledger.bad += 1
        self.bar.console.print(sentence)


def _ids(people: Iterable[PersonSource]) -> list[str]:
    """Ids of people: names with only the characters that an id may hold."""
    ids: dict[str, str] = {}
    for who in people:
        person = re.sub(r"[^A-Za-z0-9_.-]", "_", who.person)[:100]
        person = person if person[:1].isalnum() else f"p{person}"[:100]
        if person in ids:
            raise ImportFailure(
                f"two people would be called {person} ({ids[person]} and {who.person}): rename one"
            )
        ids[person] = who.person
    return list(ids)


def read_camera(T: np.ndarray, K: np.ndarray, width: int, height: int) -> Camera:
    """Make a camera of a source's numbers. Raises ImportFailure when they are no camera's."""
    try:
        return Camera(T, K, width, height)
    except ValueError as error:
        raise ImportFailure(str(error)) from error
