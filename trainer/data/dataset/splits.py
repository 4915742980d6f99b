"""Who is trained on and who is not: train, val, test, and the synthetic people kept for the benchmark.

Each person is in one of them, whole. Without lists of its own a dataset is split by a hash of the id: the
same person is on the same side on every computer, and stays there when others are added.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dinar.trainer.data.dataset.layout import DatasetError, DatasetInfo, read_entries, read_info

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

TRAIN_SHARE, VAL_SHARE = 0.90, 0.05
RESERVED_FROM = 900_000
"""Synthetic people from this number on are never trained on; the first hundred are the benchmark."""
BENCHMARK_NUMBERS = range(RESERVED_FROM, RESERVED_FROM + 100)


@dataclass(frozen=True)
class Splits:
    """Ids of the people on each side, sorted; nobody is in two.

    Attributes:
        train: to learn from.
        val: to watch the training by.
        test: for the last figures.
        reserved: synthetic people for evaluation only, see `RESERVED_FROM`.
    """

    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]
    reserved: tuple[str, ...]

    def of(self, split: Split) -> tuple[str, ...]:
        """The people of one split."""
        people: tuple[str, ...] = getattr(self, split)
        return people


def split_by_hash(person: str) -> Split:
    """90% train, 5% val, 5% test, by the first 8 bytes of the id's SHA-256."""
    share = int.from_bytes(hashlib.sha256(person.encode()).digest()[:8], "big") / 2**64
    if share < TRAIN_SHARE:
        return "train"
    return "val" if share < TRAIN_SHARE + VAL_SHARE else "test"


def synthetic_number(info: DatasetInfo, person: str) -> int | None:
    """The number of a synthetic person, None for a real one.

    Synthetic datasets say so in their source ("dinar synth ..."); their ids are the number as six digits.
    """
    if "synth" not in info.source.lower() or not re.fullmatch(r"[0-9]{6}", person):
        return None
    return int(person)


def is_reserved(info: DatasetInfo, person: str) -> bool:
    """Whether somebody is kept for evaluation."""
    return (synthetic_number(info, person) or 0) >= RESERVED_FROM


def read_splits(root: Path, people: Sequence[str]) -> Splits:
    """Sort a dataset's people into its splits.

    `dataset.json` may list them: `"splits": {"train": [...], "val": [...], "test": [...]}`. Whoever is in no
    list is in train; if there is a list `train`, in none.

    Args:
        root: the dataset's folder.
        people: everybody in it, see `people_of`.

    Raises:
        DatasetError: lists that are no lists, that share somebody, or name somebody who is not there or is
            kept for evaluation.
    """
    info = read_info(root)
    reserved = tuple(p for p in people if is_reserved(info, p))
    others = [p for p in people if p not in set(reserved)]
    lists = read_entries(root).get("splits")
    side = {p: split_by_hash(p) for p in others} if lists is None else _listed(root, lists, others)
    train, val, test = (tuple(p for p in sorted(others) if side.get(p) == split) for split in SPLITS)
    return Splits(train, val, test, reserved)


def _listed(root: Path, lists: object, people: Sequence[str]) -> dict[str, Split]:
    """The split of everybody who is in one by a dataset's own lists."""
    file = root / "dataset.json"
    if not isinstance(lists, dict) or not set(lists) <= set(SPLITS):
        raise DatasetError(f"{file}: splits must be a map of lists called train, val and test")
    known, side = set(people), dict[str, Split]()
    for split in SPLITS:
        names = lists.get(split, [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DatasetError(f"{file}: splits: {split} must be a list of people's ids")
        for name in names:
            if name not in known:
                raise DatasetError(
                    f"{file}: splits: {split} lists {name!r}, who is not in the dataset, "
                    "or is kept for evaluation"
                )
            if name in side and side[name] != split:
                raise DatasetError(
                    f"{file}: splits: {name!r} is in both {side[name]} and {split}: choose one"
                )
            side[name] = split
    if "train" not in lists:
        side.update({p: "train" for p in people if p not in side})
    return side
