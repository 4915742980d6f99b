"""A small dataset to train on: four people to learn from, one to look at, seen from four sides each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from dinar.trainer.data.dataset.splits import split_by_hash

from ..data.dataset.small_people import make_dataset

SIDE = 96  # pixels


def people_in(split: str) -> Iterator[str]:
    return (name for name in (f"p{n}" for n in count()) if split_by_hash(name) == split)


def make_people(root: Path) -> Path:
    """Write the dataset; four views each, 96 x 96."""
    return make_dataset(root, [*islice(people_in("train"), 4), *islice(people_in("val"), 1)], size=SIDE)
