"""`dinar synth`: synthetic people to train on, and a sheet of them to look at."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    track,
)

from dinar.runtime.errors import UsageError
from dinar.runtime.files.png import write_png
from dinar.runtime.files.whole_file import check_file, write_file
from dinar.trainer.data.synth.generate import Order, generate, missing, open_workshop, start_dataset
from dinar.trainer.data.synth.sheet import draw_pairs, lay_out

_LAST = 999_999  # ids have six digits


@dataclass(frozen=True)
class SynthConfig:
    """Make synthetic people: pictures with masks, body parameters, cameras, keypoints and true textures.

    One integer is one person: --seed S --people N makes persons S to S + N - 1, the same on every computer.
    Persons 900000 to 900099 are for evaluation only. The same command goes on where it was stopped.
    """

    people: int = 24
    """How many."""
    seed: int = 0
    """Number of the first person."""
    out: Path | None = None
    """Folder of the dataset; docs/data.md says what is in it."""
    views: int = 8
    """Cameras around each pose."""
    poses: int = 1
    """Poses of each person, each at a place of its own."""
    size: int = 512
    """Width and height of the pictures, pixels."""
    poses_from: Path | None = None
    """Recorded poses to draw from (`dinar data import amass`); poses are made up when left out."""
    format: Literal["png", "jpg"] = "png"
    """Of the pictures: lossless, or a quarter of the size."""
    processes: int | None = None
    """People made at the same time; as many as there are processors when left out."""
    sheet: Path | None = None
    """PNG to write: front and back of these people, to look at."""

    def __post_init__(self) -> None:
        """Raise UsageError for values that cannot be."""
        if self.out is None and self.sheet is None:
            raise UsageError(
                "synth makes a dataset (--out DIR) or a contact sheet (--sheet FILE.png): name one"
            )
        if self.people < 1 or self.seed < 0 or self.seed + self.people - 1 > _LAST:
            raise UsageError(f"--seed and --people must name persons between 0 and {_LAST}")
        if self.views < 1 or self.poses < 1 or not 1 <= self.views * self.poses <= 9999:
            raise UsageError("--views and --poses must be at least 1, and their product at most 9999")
        if not 64 <= self.size <= 2048:
            raise UsageError(f"--size must lie between 64 and 2048 pixels, not {self.size}")
        if self.processes is not None and self.processes < 1:
            raise UsageError("--processes must be at least 1")
        check_file("sheet", self.sheet, ".png")

    @property
    def numbers(self) -> range:
        """The people to make."""
        return range(self.seed, self.seed + self.people)


def synth(config: SynthConfig) -> int:
    """Make what was asked for; returns the exit status."""
    console = Console(stderr=True)
    if config.sheet is not None:
        _draw_sheet(config, config.sheet, console)
    return _make_dataset(config, config.out, console) if config.out is not None else 0


def _draw_sheet(config: SynthConfig, path: Path, console: Console) -> None:
    pairs = list(
        track(
            draw_pairs(open_workshop(), config.numbers, config.size),
            f"drawing {config.people} people",
            total=config.people,
            console=console,
        )
    )
    columns = max(1, round((config.people * 1.2) ** 0.5))
    write_file(path, write_png(lay_out(pairs, columns)))
    console.print(f"wrote {path}")


def _make_dataset(config: SynthConfig, root: Path, console: Console) -> int:
    order = Order(config.views, config.poses, config.size, "." + config.format, config.poses_from)
    start_dataset(root, order)
    todo = missing(root, config.numbers)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    failed = []
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("making people", total=config.people, completed=config.people - len(todo))
        for made in generate(root, todo, order, config.processes or os.cpu_count() or 1) if todo else ():
            bar.advance(task)
            if made.error is not None:
                failed.append(made)
                bar.console.print(f"[red]person {made.number} could not be made: {made.error}")
    pictures = config.views * config.poses * (config.people - len(failed))
    console.print(f"{root}: {config.people - len(failed)} people, {pictures} pictures")
    return 1 if failed else 0
