"""Datasets for torch: the views of a split, and pairs of views of one person (Sec. 3.1).

    people = PeopleDataset(Path("people-2000"), "train", on_bad="skip")
    pairs = PairDataset(people, seed=0)
    loader = DataLoader(pairs, 4, sampler=range(4 * step, 400_000), num_workers=4, collate_fn=collate_pairs)

An index says which pair it is, for ever: a sampler that goes on where a run stopped goes on with the pairs
that come next, whatever the number of workers; `range(rank, end, ranks)` deals them out to several GPUs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from torch.utils.data import Dataset, get_worker_info

from dinar.trainer.data.dataset.layout import DatasetError, View, Views, people_of, read_view, read_views
from dinar.trainer.data.dataset.scan import for_everybody, scan_person
from dinar.trainer.data.dataset.splits import RESERVED_FROM, Split, read_splits
from dinar.trainer.data.people.draw import Draw

OnBad = Literal["refuse", "skip"]
T = TypeVar("T")

_NAMED = 10  # bad files in one sentence
_ATTEMPTS = 100  # bad samples in a row after which the disk is gone rather than a file
_COUNTERS = 256

_log = logging.getLogger(__name__)


class PeopleDataset(Dataset[View]):
    """The views of one split, person after person; each is read when it is asked for.

    All files are looked through at the start (every byte, no picture is decoded). With `on_bad="refuse"` a
    bad one ends it there. With `"skip"` bad views are left out and counted; a file that becomes bad later is
    replaced by another view of the split, counted and logged: a long training does not die of it.

    Attributes:
        root: the dataset's folder.
        split: which side.
        people: ids of those who have a whole view, P of them.
        problems: one sentence for each bad file found at the start.
    """

    def __init__(
        self,
        root: Path,
        split: Split,
        *,
        on_bad: OnBad = "refuse",
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Look through the files of a split.

        Args:
            root: the dataset's folder.
            split: train, val or test.
            on_bad: see above.
            progress: told how many people are done, and of how many.

        Raises:
            DatasetError: no dataset; people kept for evaluation in it; nobody in the split; bad files.
        """
        everybody = people_of(root)
        splits = read_splits(root, everybody)
        if splits.reserved:
            raise DatasetError(
                f"{root} holds person {splits.reserved[0]}: synthetic people from {RESERVED_FROM} on are for "
                "evaluation only, name a dataset without them"
            )
        if not splits.of(split):
            raise DatasetError(
                f"{root}: none of the {len(everybody)} people is in split {split!r}: "
                "list some under `splits` in dataset.json (see docs/data.md)"
            )
        self.root, self.split, self._on_bad = root, split, on_bad
        scans = list(for_everybody(lambda p: scan_person(root, p), splits.of(split), progress))
        self.problems = tuple(problem for scan in scans for problem in scan.problems)
        if self.problems and on_bad == "refuse":
            raise DatasetError(_refusal(root, self.problems))
        whole = [scan for scan in scans if scan.views]
        if not whole:
            raise DatasetError(f"{root}: no view of split {split!r} is whole; the first: {self.problems[0]}")
        self.people = tuple(scan.person for scan in whole)
        self._first = np.cumsum([0, *(len(scan.views) for scan in whole)], dtype=np.int64)  # [P + 1]
        self._view = np.concatenate([np.array(scan.views, np.int32) for scan in whole])
        self._parameters: tuple[int, Views] | None = None  # of the person read last
        # One counter for each worker, in memory that all of them share: none waits for another.
        self._replaced = torch.zeros(_COUNTERS, dtype=torch.int64).share_memory_()
        self._told: set[str] = set()

    def __len__(self) -> int:
        """How many whole views there are."""
        return len(self._view)

    def __getitem__(self, index: int) -> View:
        """Read a view; with `on_bad="skip"` another one in its place if it has become bad."""
        if not 0 <= index < len(self):
            raise IndexError(f"there are {len(self)} views, there is no view {index}")
        return self.first_whole(lambda attempt: self.read(self._stand_in(index, attempt)))

    @property
    def replaced(self) -> int:
        """How many samples were replaced so far because a file had become bad, in all workers."""
        return int(self._replaced.sum())

    def describe(self) -> str:
        """One line for a log: what there is, what was left out, what was replaced since."""
        return (
            f"{self.split}: {len(self.people):,} people, {len(self):,} views; {len(self.problems):,} bad "
            f"files left out, {self.replaced:,} samples replaced since"
        )

    def views_of(self, place: int) -> range:
        """Indices of the views of one of `people`."""
        return range(int(self._first[place]), int(self._first[place + 1]))

    def read(self, index: int) -> View:
        """Read a view. Raises DatasetError: it has become bad."""
        place = int(np.searchsorted(self._first, index, side="right")) - 1
        person = self.people[place]
        if self._parameters is None or self._parameters[0] != place:
            self._parameters = place, read_views(self.root, person)
        return read_view(self.root, person, int(self._view[index]), self._parameters[1])

    def first_whole(self, draw: Callable[[int], T]) -> T:
        """Return `draw(attempt)` of the first attempt (0, 1, ...) that meets no bad file.

        Raises DatasetError: at once with `on_bad="refuse"`, else when a hundred in a row are bad.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return draw(attempt)
            except DatasetError as error:
                if self._on_bad == "refuse":
                    raise
                self._count(str(error))
                last = error
        raise DatasetError(
            f"{_ATTEMPTS} samples in a row are bad, is {self.root} still there? The last: {last}"
        )

    def _stand_in(self, index: int, attempt: int) -> int:
        return Draw("view", index, attempt).integer(0, len(self) - 1) if attempt else index

    def _count(self, problem: str) -> None:
        worker = get_worker_info()
        self._replaced[0 if worker is None else 1 + worker.id % (_COUNTERS - 1)] += 1
        self._parameters = None
        if problem not in self._told:
            self._told.add(problem)
            _log.warning("%s; another sample stands in for it", problem)


def _refusal(root: Path, problems: tuple[str, ...]) -> str:
    named = "; ".join(problems[:_NAMED])
    more = f"; and {len(problems) - _NAMED:,} more" if len(problems) > _NAMED else ""
    return (
        f"{root} has {len(problems):,} bad files: {named}{more}. `dinar data check {root}` lists them all; "
        "mend or remove them, or train without them (on_bad='skip')"
    )


@dataclass(frozen=True)
class Pair:
    """Two different views of one person (Sec. 3.1).

    Attributes:
        input: I_rgb, what the texture is made from.
        target: I_GT, what the avatar should look like in another pose or from another side.
    """

    input: View
    target: View


class PairDataset(Dataset[Pair]):
    """Pairs of views: one of every person an epoch, in an order of its own.

    People count alike, however many pictures there are of them: a texture's generator has to learn many
    people (13,000 in Sec. 4.2), and one long video must not outvote a hundred short ones. Input and target
    are any two different views of the person.

    The pair of an index follows from (seed, epoch, place in the epoch) alone, where index = epoch * people +
    place; any index from 0 on is one. So `len` is an epoch, and a sampler may go on for ever.
    """

    def __init__(self, people: PeopleDataset, seed: int) -> None:
        """Draw from the people with at least two whole views. Raises DatasetError: there is none."""
        self.people, self.seed = people, seed
        places = [p for p in range(len(people.people)) if len(people.views_of(p)) >= 2]
        if not places:
            raise DatasetError(
                f"{people.root}: nobody in split {people.split!r} has two whole views: no pairs"
            )
        self._places = np.array(places, np.int32)
        self._order: tuple[int, np.ndarray] | None = None  # of one epoch

    def __len__(self) -> int:
        """How many pairs an epoch has: one of every person with two views."""
        return len(self._places)

    def __getitem__(self, index: int) -> Pair:
        """Read a pair; with `on_bad="skip"` one of somebody else if a file of it has become bad."""
        return self.people.first_whole(lambda attempt: self._read(index, attempt))

    def _read(self, index: int, attempt: int) -> Pair:
        first, second, *_ = self.views_in_turn(index, attempt)
        return Pair(self.people.read(first), self.people.read(second))

    def views_in_turn(self, index: int, attempt: int) -> list[int]:
        """Choose the views of pair `index`, and name all others of the same person.

        Args:
            index: of the pair.
            attempt: of `PeopleDataset.first_whole`; from 1 on it is somebody else.

        Returns:
            Indices for `PeopleDataset.read`: of the input, of the target, then of the others, in any order.
        """
        epoch, place = divmod(index, len(self))
        if epoch < 0:
            raise IndexError(f"pairs are numbered from 0, there is no pair {index}")
        draw = Draw(self.seed, "pair", epoch, place, attempt)
        at = draw.integer(0, len(self) - 1) if attempt else int(self._order_of(epoch)[place])
        views = self.people.views_of(int(self._places[at]))
        first, second = draw.integer(0, len(views) - 1), draw.integer(0, len(views) - 2)
        second += second >= first
        others = [n for n in range(len(views)) if n not in (first, second)]
        shuffled = np.argsort(draw.uniforms(0, 1, len(others)), kind="stable")
        return [views[first], views[second], *(views[others[n]] for n in shuffled)]

    def _order_of(self, epoch: int) -> np.ndarray:
        """The people of an epoch, shuffled: int [len]."""
        if self._order is None or self._order[0] != epoch:
            keys = Draw(self.seed, "order", epoch).uniforms(0, 1, len(self))
            self._order = epoch, np.argsort(keys, kind="stable")
        return self._order[1]
