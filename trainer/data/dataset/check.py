"""`dinar data check`: everything that can be wrong with a dataset, file by file."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from dinar.runtime.files.bodies import BodyNotFoundError, find_body
from dinar.trainer.data.dataset.layout import (
    PICTURE_ENDINGS,
    DatasetError,
    DatasetInfo,
    View,
    one_line,
    people_of,
    person_folder,
    read_info,
    read_view,
    read_views,
)
from dinar.trainer.data.dataset.plausibility import JointModel, joint_model, mask_problem, meeting_problem
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.data.dataset.scan import for_everybody, view_problems
from dinar.trainer.data.dataset.splits import SPLITS, Splits, read_splits
from dinar.trainer.data.dataset.truth import truth_problems

_PICTURE = re.compile(r"([0-9]{4,})(\.mask)?(\.png|\.jpg)")


@dataclass(frozen=True)
class CheckConfig:
    """Check a dataset: every file is read and decoded, what is bad is listed, one line each.

    Exits 0 when all is well, else 1.
    """

    folder: tyro.conf.Positional[Path]
    """The dataset: the folder with dataset.json."""


@dataclass(frozen=True)
class PersonCheck:
    """What was found out about a person.

    Attributes:
        person: the id.
        views: how many there should be.
        problems: one sentence for each thing that is wrong.
    """

    person: str
    views: int
    problems: tuple[str, ...]


def check_person(root: Path, person: str, body: JointModel | None) -> PersonCheck:
    """Read and decode everything of a person, and compare it with the body if that is at hand."""
    folder = person_folder(root, person)
    if not any(folder.iterdir()):
        return PersonCheck(person, 0, (f"{folder} is an empty folder",))
    try:
        views = read_views(root, person)
    except DatasetError as error:
        return PersonCheck(person, 0, (str(error),))
    problems = _strays(folder, len(views))
    for number in range(len(views)):
        found = view_problems(root, person, number, views)
        if not found:
            try:
                found = _implausible(folder, read_view(root, person, number, views), body)
            except DatasetError as error:
                found = [str(error)]
        problems += found
    problems += truth_problems(root, person, views.size)
    return PersonCheck(person, len(views), tuple(problems))


def _strays(folder: Path, views: int) -> list[str]:
    """Pictures without parameters, and views with two pictures."""
    names = sorted(os.listdir(folder))
    numbered = [(int(match[1]), name) for name in names if (match := _PICTURE.fullmatch(name))]
    problems = [
        f"{folder / name} has no parameters: views.npz holds {views} views, numbered from 0"
        for number, name in numbered
        if number >= views
    ]
    pictures = Counter(number for number, name in numbered if ".mask" not in name)
    kinds = " and a ".join(PICTURE_ENDINGS)
    twice = [number for number, count in pictures.items() if count > 1]
    return problems + [f"{folder}: view {number} has both a {kinds} picture: remove one" for number in twice]


def _implausible(folder: Path, view: View, body: JointModel | None) -> list[str]:
    """What is wrong with a view whose files can be read."""
    problem = mask_problem(view.mask)
    if problem:
        return [f"{folder / f'{view.view:04d}.mask.png'}: {problem}"]
    if body is None:
        return []
    try:
        joints = body.joints(view.betas, view.pose)
        problem = meeting_problem(body, joints, view.camera, view.mask)
    except ValueError as error:
        problem = one_line(error)
    return [f"{folder}: view {view.view}: {problem}"] if problem else []


def check_people(
    root: Path, body: JointModel | None, progress: Callable[[int, int], None] | None = None
) -> Iterator[PersonCheck]:
    """Check everybody in a dataset, in order; nothing is kept. Raises DatasetError: there is nobody."""
    return for_everybody(lambda person: check_person(root, person, body), people_of(root), progress)


def check(config: CheckConfig) -> int:
    """Print what is wrong with a dataset and what is in it; returns the exit status."""
    root, out = config.folder, Console(soft_wrap=True, highlight=False, markup=False)
    info = read_info(root)
    splits = read_splits(root, people_of(root))
    body, about = _find_body(info)
    out.print(f"{info.name} ({info.licence}): {info.source}")
    out.print(about)
    bad, views, single = 0, {}, 0
    console = Console(stderr=True)
    with progress_bar(console) as bar:
        task = bar.add_task("checking")
        for found in check_people(
            root, body, lambda done, total: bar.update(task, completed=done, total=total)
        ):
            views[found.person] = found.views
            single += found.views == 1
            bad += len(found.problems)
            for problem in found.problems:
                out.print(problem)
    for problem in _of_the_whole(root, splits):
        out.print(problem)
        bad += 1
    for line in _summary(splits, views, single):
        out.print(line)
    out.print(f"{bad:,} bad, each in a line above" if bad else "everything is well")
    return 1 if bad else 0


def _find_body(info: DatasetInfo) -> tuple[JointModel | None, str]:
    """The joints of the dataset's body, and a line that says which it is."""
    name = f"body {info.body[:12]} with {info.body_vertices:,} vertices"
    try:
        return joint_model(find_body(info.body, info.body_vertices)), name
    except BodyNotFoundError:
        return None, f"{name} is not on this computer: masks are not compared with it"


def _of_the_whole(root: Path, splits: Splits) -> Iterator[str]:
    if splits.reserved and any(splits.of(split) for split in SPLITS):
        yield (
            f"{root} holds people to train on beside {len(splits.reserved)} for evaluation only "
            f"({splits.reserved[0]} ...): keep them in folders of their own"
        )
    strange = set(os.listdir(root / "people")) - set(people_of(root))
    for name in sorted(name for name in strange if not name.startswith(".")):
        yield f"{root / 'people' / name} is no person's folder"


def _summary(splits: Splits, views: dict[str, int], single: int) -> Iterator[str]:
    sides = {split: splits.of(split) for split in SPLITS} | {"evaluation only": splits.reserved}
    sides["in no split"] = tuple(set(views).difference(*sides.values()))
    yield f"{len(views):,} people, {sum(views.values()):,} views"
    for side, people in sides.items():
        if people or side in SPLITS:
            yield f"  {side}: {len(people):,} people, {sum(views.get(p, 0) for p in people):,} views"
    if single:
        yield f"  {single:,} people have a single view: they give no pairs"
