"""The bar that long work on datasets shows; a line now and then where it goes to a file."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_EVERY = 60.0  # seconds


def progress_bar(console: Console) -> Progress:
    """A bar with a count and the time left, which is gone in the end; on no terminal, a line a minute."""
    if not console.is_terminal:
        return _Lines(console)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


class _Lines(Progress):
    """Says in lines, at most one in `LINE_EVERY` seconds, how far the work is."""

    def __init__(self, console: Console) -> None:
        super().__init__(console=console, speed_estimate_period=10 * LINE_EVERY, disable=True)  # no bar
        self._said = self.get_time()

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """See `Progress`."""
        super().advance(task_id, advance)
        self._say(task_id)

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """See `Progress`."""
        super().update(task_id, **changes)
        self._say(task_id)

    def _say(self, task_id: TaskID) -> None:
        now = self.get_time()
        if now - self._said < LINE_EVERY:
            return
        self._said = now
        task = next(task for task in self.tasks if task.id == task_id)
        text = f"{task.description}: {task.completed:,.0f}"
        if task.total is not None:
            text += f" of {task.total:,.0f}"
        if task.time_remaining is not None:
            text += f", {math.ceil(task.time_remaining / 60)} minutes left"
        self.console.print(text, soft_wrap=True, highlight=False, markup=False)
