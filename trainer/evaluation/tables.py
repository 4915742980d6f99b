"""What the tables have for columns, and how they are printed: ours, with the paper's rows beneath."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dinar.trainer.evaluation.bootstrap import Interval
from dinar.trainer.evaluation.cases import PhotoCase, front_cases, half_front_cases
from dinar.trainer.evaluation.measures import (
    BEST_PSNR,
    MASK_IOU,
    MS_SSIM,
    PATCHES,
    PERSON_PSNR,
    PSNR,
    AnyMeasure,
    MissingMeasure,
)
from dinar.trainer.evaluation.paper import TABLE_1, TABLE_2, PaperTable
from dinar.trainer.evaluation.perceptual import Perceptual
from dinar.trainer.evaluation.results import Column, Results

WIDTH = 160  # characters that a table of ten columns takes
_LABEL_WIDTH, _NUMBER_WIDTH = 32, 8


@dataclass(frozen=True)
class TableSpec:
    """A table of the paper, and what we measure beside it.

    Attributes:
        number: the paper's.
        paper: its rows.
        cases: a dataset, and how many people (None: all) => who is judged.
        columns: the paper's first, then ours.
    """

    number: int
    paper: PaperTable
    cases: Callable[[Path, int | None], tuple[PhotoCase, ...]]
    columns: tuple[Column, ...]


def table_1(perceptual: Perceptual) -> TableSpec:
    """Front photo; that very view, and the back."""
    same: tuple[AnyMeasure, ...] = (MS_SSIM, PSNR, perceptual.lpips, perceptual.dists)
    back: tuple[AnyMeasure, ...] = (perceptual.dists, perceptual.reid, perceptual.kid)
    ours: tuple[AnyMeasure, ...] = (MS_SSIM, PERSON_PSNR, PATCHES)
    columns = (
        *(Column("same view", measure) for measure in same),
        *(Column("back view", measure) for measure in (*back, *ours)),
    )
    return TableSpec(1, TABLE_1, front_cases, columns)


def table_2(perceptual: Perceptual) -> TableSpec:
    """Photos from both sides; other views, and the side that was not seen."""
    others: tuple[AnyMeasure, ...] = (MS_SSIM, PSNR, perceptual.lpips, PERSON_PSNR, MASK_IOU)
    unseen: tuple[AnyMeasure, ...] = (MS_SSIM, PATCHES, BEST_PSNR)
    columns = (
        *(Column("other views", measure) for measure in others),
        *(Column("unseen side", measure) for measure in unseen),
    )
    return TableSpec(2, TABLE_2, half_front_cases, columns)


def print_means(
    spec: TableSpec, dataset: str, ways: Sequence[str], results: Results, console: Console
) -> None:
    """Print our means, and the paper's rows beneath them; "-" for what was not measured.

    Args:
        spec: the table.
        dataset: what ours was measured on.
        ways: names of the rows.
        results: of the ways.
        console: to print to.
    """
    table = _table(f"Table {spec.number}", spec.columns)
    table.add_row(f"[b]{dataset}")
    for way in ways:
        values = (results.mean(way, column) for column in spec.columns)
        table.add_row(way, *map(_number, values, (c.measure.digits for c in spec.columns)))
    table.add_section()
    table.add_row(f"[b]{spec.paper.source}")
    for row in spec.paper.rows:
        known = dict(zip(spec.paper.columns, row.values, strict=True))
        values = (known.get((column.views, column.measure.name)) for column in spec.columns)
        table.add_row(row.method, *map(_number, values, (c.measure.digits for c in spec.columns)))
    console.print(table)


def print_gains(spec: TableSpec, ways: Sequence[str], results: Results, console: Console) -> None:
    """Print what each row gains over the one above it, with 95% intervals over the same people."""
    if len(ways) < 2:
        return
    columns = [column for column in spec.columns if not isinstance(column.measure, MissingMeasure)]
    table = _table("Differences [95% of draws of so many people]", columns)
    for other, way in compared(ways):
        gains = (results.gain(way, other, column) for column in columns)
        table.add_row(f"{way} - {other}", *map(_interval, gains, (c.measure.digits for c in columns)))
    console.print(table)


def compared(ways: Sequence[str]) -> list[tuple[str, str]]:
    """Which rows are compared: each with the one above it, and the last one with all others."""
    pairs = [*pairwise(ways), *((other, ways[-1]) for other in ways[:-1])]
    return list(dict.fromkeys(pairs))


def print_missing(columns: Sequence[Column], console: Console) -> None:
    """Say why columns stay empty."""
    missing = {c.measure.name: c.measure for c in columns if isinstance(c.measure, MissingMeasure)}
    for name, measure in missing.items():
        console.print(f"{name}: not measured: {measure.sentence}", soft_wrap=True, highlight=False)


def _table(title: str, columns: Sequence[Column]) -> Table:
    """An empty table: labels and numbers are never cut off, in narrow windows lines wrap."""
    table = Table(title=title, title_justify="left")
    table.add_column("", max_width=_LABEL_WIDTH)
    for column in columns:
        arrow = "↑" if column.measure.higher else "↓"
        header = f"{column.views}\n{column.measure.name} {arrow}"
        table.add_column(header, justify="right", min_width=_NUMBER_WIDTH)
    return table


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _interval(interval: Interval | None, digits: int) -> str:
    if interval is None:
        return "-"
    mean, low, high = (f"{value:+.{digits}f}" for value in (interval.mean, interval.low, interval.high))
    return f"{mean}\n[{low},\n{high}]"
