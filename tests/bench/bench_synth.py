"""Processor time that a synthetic person takes on one core, step by step.

python -m tests.bench.bench_synth [--people 12] [--views 8] [--size 512]
"""

from __future__ import annotations

import argparse
import time

import numba
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.generate import Workshop, open_workshop
from dinar.trainer.data.synth.pictures import paint_person, sample_shot, take_pictures
from dinar.trainer.data.synth.recipe import make_person, sample_person
from dinar.trainer.data.synth.true_texture import true_texture

FIRST = 710_000  # people that nothing else uses
STEPS = ("draw the recipe", "make", "paint", "draw the pose and place", "take the pictures", "true texture")


def seconds_of(workshop: Workshop, number: int, views: int, size: int) -> list[float]:
    """Processor seconds of each step for one person."""
    clock = [time.process_time()]
    recipe = sample_person(number, workshop.population)
    clock.append(time.process_time())
    person = make_person(recipe, workshop.studio.body)
    clock.append(time.process_time())
    painted = paint_person(person)
    clock.append(time.process_time())
    shot = sample_shot(Draw(number), painted, workshop.studio, views=views, size=size)
    clock.append(time.process_time())
    take_pictures(painted, workshop.studio, shot)
    clock.append(time.process_time())
    true_texture(person.form, person.parts, painted.mesh, painted.textures)
    clock.append(time.process_time())
    return list(np.diff(clock))


def main() -> None:
    """Make people and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--size", type=int, default=512)
    arguments = parser.parse_args()
    numba.set_num_threads(1)
    workshop, console = open_workshop(), Console()
    seconds_of(workshop, FIRST - 1, arguments.views, arguments.size)  # compiles
    rows = [
        seconds_of(workshop, number, arguments.views, arguments.size)
        for number in track(range(FIRST, FIRST + arguments.people), "making people", console=console)
    ]
    table = Table("step", "median s", "largest s")
    for step, column in zip((*STEPS, "together"), np.c_[rows, np.sum(rows, 1)].T, strict=True):
        table.add_row(step, f"{np.median(column):.2f}", f"{column.max():.2f}")
    console.print(table)
    console.print(f"{np.median(np.sum(rows, 1)) / arguments.views:.2f} s of one core for each picture")


if __name__ == "__main__":
    main()
