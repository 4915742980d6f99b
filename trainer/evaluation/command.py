"""`dinar evaluate`: the paper's Tables 1 and 2, on any dataset of people (docs/evaluation.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from io import BytesIO

from rich.console import Console

from dinar.runtime.files.whole_file import write_file
from dinar.trainer.data.dataset.layout import DatasetInfo, people_of
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.evaluation.cases import PhotoCase
from dinar.trainer.evaluation.config import EvaluateConfig
from dinar.trainer.evaluation.judging import Judged, Shown, results_of
from dinar.trainer.evaluation.jury import judge_everybody
from dinar.trainer.evaluation.panel import Panel, open_panel
from dinar.trainer.evaluation.results import Results
from dinar.trainer.evaluation.sheet import draw_sheet
from dinar.trainer.evaluation.tables import WIDTH, TableSpec, print_gains, print_means, print_missing

_SHOWN = 10  # people on the sheet


def evaluate(config: EvaluateConfig) -> int:
    """Measure, print the tables; returns the status. Raises DinarError."""
    console, out = Console(stderr=True), Console()
    out.width = max(out.width, WIDTH)
    panel = open_panel(config, console)
    names = [way.name for way in panel.ways]
    shown: list[Shown] = []
    measured: list[tuple[TableSpec, Results]] = []
    people = [spec.cases(config.data, config.people) for spec in panel.specs]  # all, before the work begins
    for table, cases in enumerate(people):
        judged = _keep_first(_judged(panel, table, cases, console), shown)
        measured.append((panel.specs[table], results_of(judged, panel.specs[table].columns)))
    for spec, results in measured:
        print_means(spec, _dataset(panel.info, config), names, results, out)
        print_gains(spec, names, results, out)
    print_missing([column for spec, _ in measured for column in spec.columns], out)
    _write(config, panel.info, names, measured, shown)
    return 0


def _judged(panel: Panel, table: int, cases: tuple[PhotoCase, ...], console: Console) -> Iterator[Judged]:
    """One person after the other, with a bar that shows how far it is."""
    with progress_bar(console) as bar:
        task = bar.add_task(f"table {panel.specs[table].number}", total=len(cases))
        for judged in judge_everybody(panel, table, cases):
            bar.advance(task)
            yield judged


def _keep_first(judged: Iterator[Judged], shown: list[Shown]) -> Iterator[Judged]:
    """Add a table's first people to what the sheet shows; pictures of all would fill the memory."""
    for number, person in enumerate(judged):
        if number < _SHOWN:
            shown.append(person.shown)
        yield person


def _dataset(info: DatasetInfo, config: EvaluateConfig) -> str:
    count = config.people or len(people_of(config.data))
    return f"{info.name} in {config.data} ({count} people)"


def _write(
    config: EvaluateConfig,
    info: DatasetInfo,
    ways: list[str],
    measured: list[tuple[TableSpec, Results]],
    shown: list[Shown],
) -> None:
    """Write what was asked for, each file whole. Raises DinarError."""
    if config.json is not None:
        content = {
            "dataset": asdict(info),
            "rows": ways,
            "tables": {
                str(spec.number): [asdict(score) for score in results.scores] for spec, results in measured
            },
        }
        write_file(config.json, (json.dumps(content, indent=1) + "\n").encode())
    if config.sheet is not None:
        with BytesIO() as picture:
            draw_sheet(shown, ways).save(picture, "PNG" if config.sheet.suffix == ".png" else "JPEG")
            write_file(config.sheet, picture.getvalue())
