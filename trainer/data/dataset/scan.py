"""Looks through a dataset before it is used: which views are whole. Reads every byte, decodes no picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dinar.trainer.data.dataset.layout import (
    DatasetError,
    Views,
    check_size,
    mask_file_of,
    one_line,
    person_folder,
    picture_file,
    read_picture,
    read_views,
)

T = TypeVar("T")
_MAX_THREADS = 16


@dataclass(frozen=True)
class PersonScan:
    """What is usable of a person.

    Attributes:
        person: the id.
        views: numbers of the whole views.
        problems: one sentence for each bad file.
    """

    person: str
    views: tuple[int, ...]
    problems: tuple[str, ...]


def scan_person(root: Path, person: str) -> PersonScan:
    """Find out which views of a person are whole: parameters, camera, picture and mask."""
    try:
        views = read_views(root, person)
    except DatasetError as error:
        return PersonScan(person, (), (str(error),))
    problems = [view_problems(root, person, number, views) for number in range(len(views))]
    whole = tuple(number for number, found in enumerate(problems) if not found)
    return PersonScan(person, whole, tuple(p for found in problems for p in found))


def view_problems(root: Path, person: str, view: int, views: Views) -> list[str]:
    """What is wrong with the camera and the files of a view, one sentence each."""
    problems = []
    try:
        views.camera(view)
    except ValueError as error:
        problems.append(f"{person_folder(root, person) / 'views.npz'}: view {view}: {one_line(error)}")
    for file in (picture_file(root, person, view), mask_file_of(root, person, view)):
        try:
            check_size(file, read_picture(file)[1], views, view)
        except DatasetError as error:
            problems.append(str(error))
    return problems


def for_everybody(
    look: Callable[[str], T], people: Sequence[str], progress: Callable[[int, int], None] | None = None
) -> Iterator[T]:
    """Yield `look(person)` for each person, in order, several at a time.

    Args:
        look: thread-safe.
        people: ids.
        progress: told how many are done, and of how many.
    """
    pool = ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1))
    try:
        for done, result in enumerate(pool.map(look, people), 1):
            yield result
            if progress:
                progress(done, len(people))
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for everybody
