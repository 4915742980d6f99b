"""The loop: it learns, goes on exactly where it was stopped or killed, and never keeps what is not finite."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from dinar.runtime.errors import DinarError
from dinar.trainer.train.run.loop import step_chance, train
from dinar.trainer.train.run.processes import Processes, open_processes

from .toy import Line, PointData, options

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def here() -> Processes:
    return open_processes("32")


@pytest.fixture
def console() -> Console:
    return Console(record=True, file=open(os.devnull, "w"), width=200)


def run(
    folder: Path, steps: int, here: Processes, console: Console, line: Line | None = None, **more
) -> Line:
    line = line or Line(here)
    train(line, PointData(here), options(folder, steps, **more), here, console)
    return line


def weights(line: Line) -> list[torch.Tensor]:
    """All numbers of all parts, the optimizer's as well."""
    adam = [value for state in line.optimizer.state.values() for value in state.values()]
    return [*line.network.state_dict().values(), *line.average.network.state_dict().values(), *adam]


def same(a: Line, b: Line) -> bool:
    return all(torch.equal(x, y) for x, y in zip(weights(a), weights(b), strict=True))


@torch.no_grad()
def error(line: Line) -> float:
    x = torch.randn(64, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    return float((line.average.network(x) - x.sum(1, keepdim=True)).square().mean())


def test_the_error_falls(tmp_path: Path, here: Processes, console: Console) -> None:
    line = Line(here)
    before = error(line)
    run(tmp_path, 100, here, console, line, save_every=500)
    assert error(line) < 0.5 * before


def test_six_steps_are_three_and_three(tmp_path: Path, here: Processes, console: Console) -> None:
    at_once = run(tmp_path / "a", 6, here, console)
    run(tmp_path / "b", 3, here, console)
    torch.manual_seed(99)  # whatever happens between
    resumed = run(tmp_path / "b", 6, here, console)
    assert resumed.steps == [3, 4, 5]
    assert same(at_once, resumed)
    assert not same(at_once, run(tmp_path / "c", 5, here, console))


def test_a_finished_run_is_left_as_it_is(tmp_path: Path, here: Processes, console: Console) -> None:
    run(tmp_path, 4, here, console)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    assert run(tmp_path, 4, here, console).steps == []
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_what_others_use_is_published_with_every_checkpoint(
    tmp_path: Path, here: Processes, console: Console
) -> None:
    run(tmp_path, 3, here, console)
    assert torch.load(tmp_path / "line.pt", weights_only=True)["step"] == 3
    names = {path.name for path in tmp_path.iterdir()}
    assert {"checkpoint.pt", "checkpoint.previous.pt", "line.pt", "curves"} == names


def test_a_term_that_is_not_finite_stops_and_the_checkpoint_stays(
    tmp_path: Path, here: Processes, console: Console
) -> None:
    with pytest.raises(
        DinarError, match=r"^step 3: error became inf; training stops, the last good checkpoint"
    ):
        run(tmp_path, 6, here, console, Line(here, break_at=3))
    line = run(tmp_path, 6, here, console)
    assert line.steps == [2, 3, 4, 5]


def test_a_weight_that_is_not_finite_is_never_kept(tmp_path: Path, here: Processes, console: Console) -> None:
    with pytest.raises(DinarError, match=r"^step 4: line holds numbers that are not finite"):
        run(tmp_path, 6, here, console, Line(here, spoil_at=3))
    assert run(tmp_path, 6, here, console).steps[0] == 2


def test_another_run_is_refused_and_says_what_differs(
    tmp_path: Path, here: Processes, console: Console
) -> None:
    run(tmp_path, 2, here, console)
    with pytest.raises(DinarError, match=r'of a run with kind "line", not "circle": .* name another --out'):
        run(tmp_path, 4, here, console, identity='{"kind": "circle"}')


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    tmp_path: Path, here: Processes, console: Console
) -> None:
    run(tmp_path, 6, here, console)
    file = tmp_path / "checkpoint.pt"
    file.write_bytes(file.read_bytes()[:1000])
    assert run(tmp_path, 6, here, console).steps == [4, 5]
    assert "checkpoint.pt is damaged" in console.export_text()
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(DinarError, match=r"no checkpoint in .* can be read"):
        run(tmp_path, 6, here, console)


def test_a_signal_ends_it_after_the_step_under_way_with_a_checkpoint(
    tmp_path: Path, here: Processes, console: Console
) -> None:
    class Stopped(Line):
        def step(self, batch, step, chance):
            if step == 2:
                signal.raise_signal(signal.SIGTERM)
            return super().step(batch, step, chance)

    before = signal.getsignal(signal.SIGTERM)
    line = Stopped(here)
    ended = train(line, PointData(here), options(tmp_path, 6, save_every=100), here, console)
    assert (ended.step, ended.stopped) == (3, True)
    assert signal.getsignal(signal.SIGTERM) == before
    assert same(run(tmp_path, 6, here, console), run(tmp_path / "other", 6, here, console))


def test_a_killed_run_goes_on(tmp_path: Path, here: Processes, console: Console) -> None:
    command = [sys.executable, "-m", "tests.trainer.train.run.toy", str(tmp_path), "1000000", "0.02"]
    child = subprocess.Popen(command, cwd=ROOT)
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "checkpoint.previous.pt").exists():
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        child.kill()
        child.wait()
    line = Line(here, dropout=0.0)
    done = 0
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        if (tmp_path / name).exists():
            done = max(done, torch.load(tmp_path / name, weights_only=True)["step"])
    run(tmp_path, done + 3, here, console, line)
    assert line.steps == [done, done + 1, done + 2]
    assert same(line, run(tmp_path / "whole", done + 3, here, console, Line(here, dropout=0.0)))


def test_a_steps_chance_follows_from_seed_and_step() -> None:
    def draws(seed: int, step: int) -> tuple[float, float]:
        chance = step_chance(seed, step)
        return float(torch.rand(1, generator=chance)), float(torch.rand(1))

    assert draws(1, 2) == draws(1, 2)
    assert len({draws(1, 2), draws(1, 3), draws(2, 2), draws(2, 3)}) == 4


def test_sheets_and_scores_come_as_often_as_asked(tmp_path: Path, here: Processes, console: Console) -> None:
    asked = replace(options(tmp_path, 5), preview_every=2)
    train(Line(here), PointData(here), asked, here, console)
    assert sorted(p.name for p in (tmp_path / "sheets").iterdir()) == [
        "000002.png",
        "000004.png",
        "000005.png",
    ]
    assert "step 4: score 1.000" in console.export_text()
