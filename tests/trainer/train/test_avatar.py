"""Training the avatar model: it learns, all of it; it resumes exactly; two processes learn what one would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from dinar.runtime.errors import DinarError, UsageError
from dinar.trainer.data.avatar_samples import AvatarBatch, AvatarData, AvatarSamples, SampleSizes, join
from dinar.trainer.data.dataset.dataset import PairDataset, PeopleDataset
from dinar.trainer.data.dataset.layout import DatasetError
from dinar.trainer.data.prepared_views import ViewStore
from dinar.trainer.losses.lpips import perceptual_loss
from dinar.trainer.models.avatar_networks import load_avatar_networks
from dinar.trainer.models.presets import PRESETS, TINY
from dinar.trainer.train.avatar import AvatarTraining
from dinar.trainer.train.command import train_command
from dinar.trainer.train.config import TrainAvatarConfig
from dinar.trainer.train.plan import print_plan, step_flops, training_memory
from dinar.trainer.train.run.loop import step_chance, train
from dinar.trainer.train.run.processes import Processes, open_processes
from dinar.trainer.train.views import PreviewSamples

from .run.toy import Line, PointData, options

ROOT = Path(__file__).parents[3]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def samples(people: Path, views: ViewStore) -> AvatarSamples:
    pairs = PairDataset(PeopleDataset(people, "train"), seed=0)
    return AvatarSamples(pairs, views, SampleSizes(TINY.image_size, TINY.image_size))


@pytest.fixture(scope="module")
def batch(samples: AvatarSamples) -> AvatarBatch:
    return join([samples[n] for n in range(4)])


def fresh(here: Processes, previews: tuple[AvatarBatch, ...] = ()) -> AvatarTraining:
    torch.manual_seed(0)
    return AvatarTraining(TINY, perceptual_loss(), PreviewSamples("val", previews), here)


def config(people: Path, out: Path, steps: int, **more) -> TrainAvatarConfig:
    """Options of a run that finds what the runs before have prepared of each view."""
    out.mkdir(exist_ok=True)
    if not (out / "views").exists():
        (out / "views").symlink_to(people.parent / "kept")
    more = {"preset": "tiny", "workers": 0, "save_every": 50, "sheet_every": 50} | more
    return TrainAvatarConfig(data=people, out=out, steps=steps, **more)


def state(out: Path) -> dict:
    return torch.load(out / "checkpoint.pt", weights_only=True)["parts"]


def tensors(value: object, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """All tensors within maps and lists, with names."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from tensors(inner, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for n, inner in enumerate(value):
            yield from tensors(inner, f"{name}.{n}")


# --- Learning ---------------------------------------------------------------------------------------


def test_the_loss_falls_on_a_fixed_batch(here: Processes, batch: AvatarBatch) -> None:
    training = fresh(here)
    totals = []
    for step in range(6):
        terms = {term.name: term.value for term in training.step(batch, step, step_chance(0, 0))}
        totals.append(float(terms["total"]))
    assert totals[-1] < 0.85 * totals[0]
    assert ("r1" in terms) is False  # in the first of sixteen steps alone


def test_gradients_reach_every_weight_of_every_network(here: Processes, batch: AvatarBatch) -> None:
    training = fresh(here)
    before = {name: value.clone() for name, value in training.networks.state_dict().items()}
    training.step(batch, 0, step_chance(0, 0))
    parts = {name.partition(".")[0] for name, _ in training.networks.named_parameters()}
    assert parts == {"encoder", "generator", "renderer"}
    for network in (training.networks, training.adversary.discriminator):
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert float(parameter.grad.abs().max()) > 0, name
    moved = [n for n, p in training.networks.named_parameters() if not torch.equal(p, before[n])]
    assert len(moved) == len(list(training.networks.parameters()))


def test_bfloat16_gives_losses_near_those_of_float32(here: Processes, batch: AvatarBatch) -> None:
    half = open_processes("bf16")
    exact, near = (
        {term.name: float(term.value) for term in fresh(p).step(batch, 0, step_chance(0, 0))}
        for p in (here, half)
    )
    assert half.precision == "bf16"
    assert exact.keys() == near.keys()
    assert exact != near
    for name in ("l2", "perceptual", "dice", "total", "discriminator"):
        assert near[name] == pytest.approx(exact[name], rel=0.05, abs=0.01), name


def test_the_generated_texture_follows_the_photo(here: Processes, batch: AvatarBatch) -> None:
    networks = fresh(here).networks.eval()
    with torch.no_grad():
        gen = networks.generate(batch.photo.float() / 255)
    assert gen.shape == (4, 16, TINY.texture_size, TINY.texture_size)
    assert float(gen.abs().max()) <= 1
    assert not torch.allclose(gen[0], gen[1])


def test_previews_show_whole_views_and_score_them(here: Processes, samples: AvatarSamples) -> None:
    whole = AvatarSamples(samples._pairs, samples._views, SampleSizes(TINY.image_size, None))
    preview = fresh(here, (whole[0], whole[1])).preview()
    assert preview.sheet.shape == (2 * 192 + 4, 7 * 192 + 6 * 4, 3)
    assert [score.name for score in preview.scores] == ["val PSNR", "val MS-SSIM", "val mask IoU"]
    assert all(np.isfinite(float(score.value)) for score in preview.scores)
    assert whole[0].image.shape[2:] == (96, 96)


# --- The command ------------------------------------------------------------------------------------


def test_four_steps_are_two_and_two_with_or_without_workers(people: Path, tmp_path: Path) -> None:
    assert train_command(config(people, tmp_path / "a", 4)) == 0
    assert train_command(config(people, tmp_path / "b", 2)) == 0
    assert train_command(config(people, tmp_path / "b", 4, workers=1)) == 0
    at_once, resumed = (dict(tensors(state(tmp_path / name))) for name in ("a", "b"))
    assert at_once.keys() == resumed.keys()
    assert [name for name, value in at_once.items() if not torch.equal(value, resumed[name])] == []

    with pytest.raises(DinarError, match=r"of a run with seed 0, not 1: .* name another --out"):
        train_command(config(people, tmp_path / "a", 6, seed=1))

    networks = load_avatar_networks(tmp_path / "a" / "avatar.pt")
    assert networks.preset == TINY
    average = state(tmp_path / "a")["average"]
    assert all(torch.equal(value, average[name]) for name, value in networks.state_dict().items())
    assert Image.open(tmp_path / "a" / "sheets" / "000004.png").width == 7 * 192 + 6 * 4


TWO = """
import sys
from dinar.runtime.cli import main
from tests.trainer.train.run import toy
sys.argv[1:], arguments = [sys.argv[1], "5"], sys.argv[2:]
raise SystemExit(toy.main() or main(arguments))
"""


def test_two_processes_learn_what_one_would(people: Path, here: Processes, tmp_path: Path) -> None:
    """A line with batch norm for five steps, to rounding; then the avatar model for one."""
    script = tmp_path / "start.py"
    script.write_text(TWO)
    config(people, tmp_path / "avatar 2", 1)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = ["train", "avatar", "--data", str(people), "--preset", "tiny", "--steps", "1", "--workers", "0"]
    done = subprocess.run(
        [*launch, str(script), str(tmp_path / "line 2"), *command, "--out", str(tmp_path / "avatar 2")],
        capture_output=True,
        text=True,
        timeout=250,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr

    line = Line(here, dropout=0.0)
    train(line, PointData(here), options(tmp_path / "line 1", 5), here, Console(stderr=True))
    one, two = (state(tmp_path / f"line {n}") for n in (1, 2))
    for part in ("line", "average"):
        for name, value in one[part].items():
            torch.testing.assert_close(two[part][name], value, atol=1e-6, rtol=1e-5, msg=f"{part} {name}")

    assert train_command(config(people, tmp_path / "avatar 1", 1)) == 0
    one, two = (dict(tensors(state(tmp_path / f"avatar {n}"))) for n in (1, 2))
    statistics = [name for name in one if name.startswith(".networks") and "running" in name]
    for name in statistics:  # of the whole batch: each half has others
        torch.testing.assert_close(two[name], one[name], atol=1e-5, rtol=1e-4, msg=name)
    # Adam's first moment is the gradient itself (beta 0), R1's included. A value that rounding moves across a
    # ReLU's kink, with all of a picture's background, changes it by a few percent.
    gradients = [name for name in one if name.endswith("exp_avg")]
    assert len(statistics) > 10
    assert len(gradients) > 100
    for name in gradients:
        tolerance = 0.01 if "discriminator" in name else 0.15
        assert float((two[name] - one[name]).norm()) <= tolerance * float(one[name].norm()), name


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"preset": "huge"}, "--preset must be one of paper, small, tiny, not huge"),
        ({"batch": 3}, "--batch must be a multiple of 2"),
        ({"steps": 0}, "--steps must be at least 1, not 0"),
        ({"workers": -1}, "--workers must be at least 0"),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"data": None}, r"needs a dataset \(--data DIR\)"),
    ],
)
def test_a_mistake_is_one_sentence(people: Path, tmp_path: Path, wrong: dict, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        replace(config(people, tmp_path, 1), **wrong)


def test_pictures_that_are_too_small_are_one_sentence_also_from_a_worker(samples: AvatarSamples) -> None:
    large = AvatarSamples(samples._pairs, samples._views, SampleSizes(64, 256))
    with pytest.raises(
        DatasetError, match=r"has 96 x 96 pixels, this preset trains on pictures of 256 x 256"
    ):
        next(AvatarData(large, batch=2, workers=1).batches(0))


def test_the_plan_has_the_numbers_of_the_networks(capsys: pytest.CaptureFixture[str]) -> None:
    plan = TrainAvatarConfig(preset="tiny", dry_run=True, batch=8, steps=30)
    print_plan(plan, Console(width=200))
    printed = capsys.readouterr().out
    training = AvatarTraining(TINY, perceptual_loss(), PreviewSamples("val", ()), open_processes("32"))
    numbers = [
        p.numel() for n in (training.networks, training.adversary.discriminator) for p in n.parameters()
    ]
    assert f"{sum(numbers) / 1e6:.2f} M parameters; 30 steps of 8 pairs, 240 pairs" in printed
    for part in ("encoder E", "generator G", "renderer θ", "discriminator D"):
        assert part in printed
    twice = TrainAvatarConfig(preset="tiny", dry_run=True, batch=16)
    assert step_flops(twice) == 2 * step_flops(plan)
    assert training_memory(plan) < training_memory(twice) < 2 * training_memory(plan)


def test_every_preset_has_a_plan() -> None:
    for name in PRESETS:
        assert step_flops(TrainAvatarConfig(preset=name, dry_run=True)) > 0


def test_networks_of_another_kind_are_refused(tmp_path: Path) -> None:
    torch.save({"preset": "{}"}, tmp_path / "avatar.pt")
    with pytest.raises(DinarError, match="expected networks saved by `dinar train avatar`"):
        load_avatar_networks(tmp_path / "avatar.pt")
    with pytest.raises(DinarError, match="cannot be read"):
        load_avatar_networks(tmp_path / "nothing.pt")
