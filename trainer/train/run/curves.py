"""Curves and sheets for TensorBoard, written to RUN/curves where `tensorboard` is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

_EVERY = 10  # steps whose mean is one point of a curve


class Curves:
    """Means of a step's terms over ten steps, and measures of quality; nothing without a writer."""

    def __init__(self, writer: Any | None) -> None:
        """Start.

        Args:
            writer: `torch.utils.tensorboard.SummaryWriter`, or None: what is added goes nowhere.
        """
        self._writer = writer
        self._sums: dict[str, tuple[float, int]] = {}

    def add(self, step: int, values: tuple[tuple[str, float], ...]) -> None:
        """Take in the named numbers of a step."""
        if self._writer is None:
            return
        for name, value in values:
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, count + 1
        if step % _EVERY == 0:
            for name, (total, count) in self._sums.items():
                self._writer.add_scalar(name, total / count, step)
            self._sums.clear()

    def add_picture(self, step: int, sheet: np.ndarray) -> None:
        """Show a sheet, uint8 [H, W, 3]."""
        if self._writer is not None:
            self._writer.add_image("sheet", sheet, step, dataformats="HWC")


@contextmanager
def open_curves(folder: Path, step: int, *, first: bool) -> Iterator[Curves]:
    """Go on with a run's curves from a step on; the first process alone writes, and with `tensorboard`."""
    writer = None
    if first:
        try:
            from torch.utils.tensorboard import SummaryWriter

            writer = SummaryWriter(str(folder / "curves"), purge_step=step)
        except ModuleNotFoundError:
            writer = None
    try:
        yield Curves(writer)
    finally:
        if writer is not None:
            writer.close()
