"""How far a training is: steps, images a second, time left, memory, and the time that steps wait for data."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINE_SECONDS = 60.0  # between two lines where no one looks at a bar


class Meter:
    """Counts steps, and the time that they wait for data; the first step, which warms up, is left out."""

    def __init__(self, images: int) -> None:
        """Start.

        Args:
            images: pictures a step takes.
        """
        self._images = images
        self._steps = -1
        self._waited = self._paused = 0.0
        self._since = time.perf_counter()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Measure what is done within as waiting for data."""
        begun = time.perf_counter()
        yield
        self._waited += time.perf_counter() - begun

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Count what is done within as no part of training."""
        begun = time.perf_counter()
        yield
        self._paused += time.perf_counter() - begun

    def count(self) -> None:
        """A step is done."""
        self._steps += 1
        if self._steps == 0:
            self._waited = self._paused = 0.0
            self._since = time.perf_counter()

    @property
    def images_per_second(self) -> float:
        """Since the first step; 0 before the second."""
        return max(self._steps, 0) * self._images / max(self._seconds, 1e-9)

    @property
    def share_waiting(self) -> float:
        """Of the time since the first step, 0 to 1."""
        return min(self._waited / max(self._seconds, 1e-9), 1.0) if self._steps > 0 else 0.0

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._since - self._paused


class TrainingProgress:
    """A bar on a terminal; elsewhere a line a minute."""

    def __init__(self, console: Console, step: int, steps: int, *, shown: bool) -> None:
        """Prepare.

        Args:
            console: to show it on.
            step: where the run begins or goes on.
            steps: where it ends.
            shown: whether to show anything; one process of many does.
        """
        self._console, self._shown, self._steps, self._first = console, shown, steps, step
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not (shown and console.is_terminal),
        )
        self._task = self._bar.add_task("", total=steps, completed=step, text="")
        self._told = self._begun = time.perf_counter()

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, step: int, terms: tuple[tuple[str, float], ...], meter: Meter) -> None:
        """Show a step's terms and the speed."""
        text = (
            f"{'  '.join(f'{name} {value:.3f}' for name, value in terms)}  "
            f"{meter.images_per_second:.1f} images/s, {memory_gb():.1f} GB, "
            f"{100 * meter.share_waiting:.0f}% waiting for data"
        )
        self._bar.update(self._task, completed=step, text=text)
        now = time.perf_counter()
        if self._shown and not self._console.is_terminal and now - self._told > _LINE_SECONDS:
            self._told = now
            left = (now - self._begun) / (step - self._first) * (self._steps - step)
            self._print(f"{step}/{self._steps}  {text}, {math.ceil(left / 60)} minutes left")

    def tell_scores(self, step: int, scores: tuple[tuple[str, float], ...]) -> None:
        """Print the quality reached."""
        if self._shown:
            self._print(f"step {step}: " + ", ".join(f"{name} {value:.3f}" for name, value in scores))

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)


def memory_gb() -> float:
    """The most that was used so far: the GPU's memory where one is used, else this process's."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
