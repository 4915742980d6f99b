"""A training small enough to look through: a line, learned from points that follow from their step.

python -m tests.trainer.train.run.toy FOLDER STEPS [PAUSE]     trains, as `dinar train` would
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import nn

from dinar.runtime.errors import DinarError
from dinar.trainer.train.run.batch_norm import share_batch_norm
from dinar.trainer.train.run.checkpoint import Part, write_whole
from dinar.trainer.train.run.ema import Average
from dinar.trainer.train.run.loop import Preview, RunOptions, Term, train
from dinar.trainer.train.run.processes import Processes, open_processes

BATCH = 8


@dataclass(frozen=True)
class Points:
    """x [B, 3, 1, 1]; the wanted y is their sum."""

    x: torch.Tensor


@dataclass(frozen=True)
class PointData:
    """Points of a step from its number, dealt out to processes; `pause` seconds for each batch."""

    here: Processes
    pause: float = 0.0

    def batches(self, first_step: int) -> Iterator[Points]:
        step = first_step
        while True:
            time.sleep(self.pause)
            x = torch.randn(BATCH, 3, 1, 1, generator=torch.Generator().manual_seed(step))
            yield Points(x[self.here.rank :: self.here.ranks])
            step += 1


class Line:
    """A trainee; `break_at` makes the loss of that step infinite, `spoil_at` a weight."""

    def __init__(
        self, here: Processes, *, dropout: float = 0.1, break_at: int = -1, spoil_at: int = -1
    ) -> None:
        torch.manual_seed(5)
        self.network = nn.Sequential(
            nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4), nn.Dropout(dropout), nn.Conv2d(4, 1, 1)
        )
        if here.ranks > 1:
            share_batch_norm(self.network)
        self.average = Average(self.network, 0.9)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-2)
        self.here, self.break_at, self.spoil_at = here, break_at, spoil_at
        self.steps: list[int] = []

    def parts(self) -> tuple[Part, ...]:
        return (
            Part("line", self.network),
            Part("average", self.average.network),
            Part("adam", self.optimizer),
        )

    def step(self, batch: Points, step: int, chance: torch.Generator) -> tuple[Term, ...]:
        self.steps.append(step)
        noise = 0.01 * torch.randn(1, generator=chance)
        y = self.network(batch.x) - batch.x.sum(1, keepdim=True) + noise
        error = y.square().mean()
        self.optimizer.zero_grad()
        error.backward()
        self.here.average_gradients(self.network.parameters())
        self.optimizer.step()
        self.average.update(self.network, step)
        if step == self.spoil_at:
            with torch.no_grad():
                self.network[0].weight[0] = torch.nan
        return (Term("error", error.detach() if step != self.break_at else torch.tensor(torch.inf)),)

    def preview(self) -> Preview:
        return Preview(np.zeros((8, 8, 3), np.uint8), (Term("score", torch.tensor(1.0)),))

    def publish(self, folder: Path, step: int) -> None:
        write_whole(folder / "line.pt", {"step": step, "network": self.average.network.state_dict()})


def options(
    folder: Path, steps: int, *, identity: str = '{"kind": "line"}', save_every: int = 2
) -> RunOptions:
    return RunOptions(folder, identity, steps, seed=3, save_every=save_every, preview_every=0, images=BATCH)


def main() -> int:
    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    here = open_processes("32")
    data = PointData(here, float(sys.argv[3]) if len(sys.argv) > 3 else 0.0)
    line = Line(here, dropout=0.0)
    try:
        ended = train(line, data, options(folder, steps), here, Console(stderr=True))
    except DinarError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{'stopped' if ended.stopped else 'done'} {ended.step} first {line.steps[:1]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
