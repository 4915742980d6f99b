"""How far long work is: a bar on a terminal, a line now and then in a file."""

from __future__ import annotations

import io

from rich.console import Console

from dinar.trainer.data.dataset.progress import LINE_EVERY, progress_bar


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def said(clock: Clock, seconds: float) -> list[str]:
    """What is written of ten things that take so many seconds each."""
    file = io.StringIO()
    with progress_bar(Console(file=file, get_time=clock, width=200)) as bar:
        task = bar.add_task("people", total=10)
        for _ in range(10):
            clock.now += seconds
            bar.advance(task)
    return file.getvalue().splitlines()


def test_short_work_says_nothing_in_a_file() -> None:
    assert said(Clock(), LINE_EVERY / 11) == []


def test_long_work_says_how_far_it_is_and_how_long_it_takes() -> None:
    lines = said(Clock(), 0.6 * LINE_EVERY)
    assert [line.split(",")[0] for line in lines] == [f"people: {n} of 10" for n in (2, 4, 6, 8, 10)]
    assert lines[1].endswith("minutes left")


def test_updates_count_as_steps_do() -> None:
    clock, file = Clock(), io.StringIO()
    with progress_bar(Console(file=file, get_time=clock, width=200)) as bar:
        task = bar.add_task("files", total=None)
        clock.now += LINE_EVERY
        bar.update(task, completed=3000, total=None)
    assert file.getvalue() == "files: 3,000\n"


def test_a_terminal_shows_a_bar() -> None:
    file = io.StringIO()
    with progress_bar(Console(file=file, force_terminal=True, width=80)) as bar:
        list(bar.track(range(2), description="people"))
    assert "2/2" in file.getvalue()
