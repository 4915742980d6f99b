"""The loop that every training runs in: steps, not epochs; stopped at any time, resumed by the same command.

A step's chance (noise, dropout, random crops) follows from the seed and the step's number alone, and the data
of a step from its number: a run that was interrupted goes on as if it had not been, bit for bit on a CPU.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from rich.console import Console

from dinar.runtime.errors import DinarError
from dinar.trainer.train.run.checkpoint import CheckpointStore, Part
from dinar.trainer.train.run.curves import Curves, open_curves
from dinar.trainer.train.run.processes import Processes
from dinar.trainer.train.run.progress import Meter, TrainingProgress
from dinar.trainer.train.run.sheets import save_sheet
from dinar.trainer.train.run.stopping import StopRequest

Batch = TypeVar("Batch", contravariant=True)
Given = TypeVar("Given", covariant=True)


@dataclass(frozen=True, eq=False)
class Term:
    """A number with a name: a part of a loss, or a measure of quality.

    Attributes:
        name: for curves and messages.
        value: float32 [], detached.
    """

    name: str
    value: torch.Tensor


@dataclass(frozen=True, eq=False)
class Preview:
    """How far a training is, on samples that never change.

    Attributes:
        sheet: uint8 [H, W, 3], sRGB, pictures side by side.
        scores: measures of quality on samples that are not trained on.
    """

    sheet: np.ndarray
    scores: tuple[Term, ...]


class Trainee(Protocol[Batch]):
    """What is trained: networks, their optimizers, and what a step does with a batch."""

    def parts(self) -> tuple[Part, ...]:
        """All that changes from step to step: networks, averages, optimizers."""

    def step(self, batch: Batch, step: int, chance: torch.Generator) -> tuple[Term, ...]:
        """Learn from this process's share of a batch, on any device; gradients averaged over processes.

        Args:
            batch: as the data gives it, in the main memory.
            step: from 0.
            chance: the step's, on the CPU, the same in all processes.
        """

    def preview(self) -> Preview:
        """Look at the samples kept for that."""

    def publish(self, folder: Path, step: int) -> None:
        """Write what others use (averaged networks ...), each file whole or not at all."""


class StepData(Protocol[Given]):
    """Where batches come from."""

    def batches(self, first_step: int) -> Generator[Given]:
        """This process's share of the batches of steps first_step, first_step + 1, ..., without end."""


@dataclass(frozen=True)
class RunOptions:
    """How long to train and what to leave behind.

    Attributes:
        folder: of the run; made when missing.
        identity: JSON, a map; what makes the run this one, so that no other goes on with its checkpoint.
        steps: altogether, counted from the very first.
        seed: of everything drawn by chance in steps.
        save_every: steps between checkpoints.
        preview_every: steps between sheets; 0: none.
        images: pictures a step of all processes takes, to tell the speed.
    """

    folder: Path
    identity: str
    steps: int
    seed: int
    save_every: int
    preview_every: int
    images: int


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        step: steps done altogether.
        stopped: whether it was asked to, before the last step.
        images_per_second: since it began or went on.
        waiting: share of that time in which steps waited for data, 0 to 1.
    """

    step: int
    stopped: bool
    images_per_second: float
    waiting: float


def train(
    trainee: Trainee[Batch], data: StepData[Batch], options: RunOptions, here: Processes, console: Console
) -> Ended:
    """Train to the last step, from the checkpoint of the run's folder if there is one.

    SIGINT and SIGTERM end it after the step under way, with a checkpoint.

    Raises:
        DinarError: the checkpoint is of another run or both are damaged; a term is not a finite number.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    store = CheckpointStore(options.folder, options.identity, console)
    step = store.restore(trainee.parts())
    meter = Meter(options.images)
    with (
        StopRequest() as stop,
        open_curves(options.folder, step, first=here.rank == 0) as curves,
        TrainingProgress(console, step, options.steps, shown=here.rank == 0) as progress,
        closing(data.batches(step)) as batches,
    ):
        while step < options.steps:
            with meter.waiting():
                batch = next(batches)
            terms = trainee.step(batch, step, step_chance(options.seed, step))
            means, stopped = _agree(terms, stop.asked, here)
            _refuse_infinite(terms, means, step, store)
            step += 1
            meter.count()
            progress.show(step, _named(terms, means), meter)
            curves.add(step, _named(terms, means))
            last = step == options.steps or stopped
            if here.rank == 0 and (last or step % options.save_every == 0):
                store.save(step, trainee.parts())
                trainee.publish(options.folder, step)
            if here.rank == 0 and _preview_due(step, options):
                with meter.paused():
                    _preview(trainee, options.folder, step, curves, progress)
            if last:
                break
    return Ended(step, step < options.steps, meter.images_per_second, meter.share_waiting)


def step_chance(seed: int, step: int) -> torch.Generator:
    """The generator of one step; torch's own (dropout) starts there as well."""
    mixed = int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0] >> np.uint64(1))
    torch.manual_seed(mixed)
    return torch.Generator().manual_seed(mixed)


def _preview_due(step: int, options: RunOptions) -> bool:
    return options.preview_every > 0 and (step % options.preview_every == 0 or step == options.steps)


def _agree(terms: tuple[Term, ...], asked: bool, here: Processes) -> tuple[list[float], bool]:
    """The terms' means over all processes, and whether any process was asked to stop."""
    values = [term.value.detach().float() for term in terms]
    numbers = torch.stack([*values, torch.tensor(float(asked), device=here.device)])
    *means, stopping = here.mean(numbers).tolist()
    return means, stopping > 0


def _named(terms: tuple[Term, ...], means: list[float]) -> tuple[tuple[str, float], ...]:
    return tuple((term.name, mean) for term, mean in zip(terms, means, strict=True))


def _refuse_infinite(terms: tuple[Term, ...], means: list[float], step: int, store: CheckpointStore) -> None:
    for term, mean in zip(terms, means, strict=True):
        if not np.isfinite(mean):
            raise DinarError(
                f"step {step}: {term.name} became {mean}; training stops, {store.describe()} stays as it is"
            )


def _preview(
    trainee: Trainee[Batch], folder: Path, step: int, curves: Curves, progress: TrainingProgress
) -> None:
    preview = trainee.preview()
    save_sheet(folder, step, preview.sheet)
    scores = tuple((score.name, float(score.value)) for score in preview.scores)
    curves.add(step, scores)
    curves.add_picture(step, preview.sheet)
    progress.tell_scores(step, scores)
