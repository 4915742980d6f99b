"""Training the live renderer: from its teacher's weights or from what that draws; resumes exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from dinar.runtime.errors import DinarError, UsageError
from dinar.trainer.data.avatar_samples import AvatarData, SampleSizes
from dinar.trainer.data.dataset.dataset import PairDataset, PeopleDataset
from dinar.trainer.data.live_samples import LiveBatch, LiveSamples, PhotoCount
from dinar.trainer.data.prepared_views import ViewStore
from dinar.trainer.losses.lpips import perceptual_loss
from dinar.trainer.models.avatar_networks import (
    NETWORKS,
    AvatarNetworks,
    load_avatar_networks,
    save_avatar_networks,
)
from dinar.trainer.models.presets import TINY, AvatarPreset
from dinar.trainer.models.renderer import LIVE, count_flops
from dinar.trainer.train.command import train_command
from dinar.trainer.train.config import TrainLiveConfig
from dinar.trainer.train.live import LEARNING_RATE, LiveTraining, learning_rate
from dinar.trainer.train.plan import plan_live, print_live_plan
from dinar.trainer.train.run.loop import RunOptions, step_chance, train
from dinar.trainer.train.run.processes import Processes
from dinar.trainer.train.views import PreviewSamples

SIDE = TINY.image_size
OF_LIVE = replace(TINY, renderer=LIVE)  # a teacher whose θ has the student's shape


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def samples(people: Path, views: ViewStore) -> LiveSamples:
    pairs = PairDataset(PeopleDataset(people, "train"), seed=0)
    return LiveSamples(pairs, views, SampleSizes(SIDE, SIDE))


@pytest.fixture(scope="module")
def batch(samples: LiveSamples) -> LiveBatch:
    return LiveSamples.join([samples[n] for n in range(2)])


def teacher_of(preset: AvatarPreset) -> AvatarNetworks:
    torch.manual_seed(1)
    return AvatarNetworks(preset).eval()


def fresh(
    preset: AvatarPreset, here: Processes, samples: tuple[LiveBatch, ...] = (), steps=8
) -> LiveTraining:
    teacher = teacher_of(preset)
    torch.manual_seed(0)
    return LiveTraining(teacher, perceptual_loss(), PreviewSamples("val", samples), steps, here)


def learn(training: LiveTraining, batch: LiveBatch, steps: int) -> list[dict[str, float]]:
    """Steps on a fixed batch; the terms of each."""
    each = (training.step(batch, step, step_chance(0, 0)) for step in range(steps))
    return [{term.name: float(term.value) for term in terms} for terms in each]


def config(people: Path, kept: Path, out: Path, teacher: Path, steps: int, **more) -> TrainLiveConfig:
    more = {"workers": 0, "save_every": 50, "sheet_every": 50, "views": kept} | more
    return TrainLiveConfig(data=people, out=out, teacher=teacher, steps=steps, batch=2, **more)


# --- Learning ---------------------------------------------------------------------------------------


def test_the_student_starts_from_a_teacher_of_its_shape_and_learns_from_photos(
    here: Processes, batch: LiveBatch
) -> None:
    training = fresh(OF_LIVE, here)
    teacher = teacher_of(OF_LIVE)
    for network in (training.student, training.average.network):
        state = network.state_dict()
        for name, value in teacher.renderer.state_dict().items():
            assert torch.equal(state[name], value), name
    terms = learn(training, batch, 5)
    assert [*terms[0]] == ["l2", "perceptual", "dice", "face_l2", "face_perceptual", "total"]
    assert terms[-1]["total"] < 0.9 * terms[0]["total"]


def test_a_student_of_another_shape_comes_nearer_to_photos_and_to_its_teacher(
    here: Processes, batch: LiveBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = learn(fresh(TINY, here), batch, 6)
    assert terms[-1]["total"] < 0.9 * terms[0]["total"]
    first = terms[0]
    parts = 2.2 * (first["l2"] + 0.1 * first["face_l2"]) + first["dice"]  # Eq. 4
    parts += first["perceptual"] + 0.1 * first["face_perceptual"] + first["teacher"] + first["teacher mask"]
    assert first["total"] == pytest.approx(parts, rel=1e-5)

    monkeypatch.setattr("dinar.trainer.train.live.TEACHER_WEIGHT", 0.0)  # as if there was none
    alone = learn(fresh(TINY, here), batch, 6)
    for name in ("teacher", "teacher mask"):
        assert alone[0][name] == first[name]
        assert terms[-1][name] < 0.9 * alone[-1][name], name


def test_every_weight_of_the_student_learns_and_none_of_the_teacher(
    here: Processes, batch: LiveBatch
) -> None:
    training = fresh(TINY, here)
    before = {name: value.clone() for name, value in training._teacher.state_dict().items()}
    learn(training, batch, 1)
    for name, parameter in training.student.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 0, name
    for name, value in training._teacher.state_dict().items():  # statistics of batch norm as well
        assert torch.equal(value, before[name]), name


def test_the_learning_rate_falls_by_half_a_cosine_to_a_hundredth() -> None:
    assert learning_rate(0, 1000) == LEARNING_RATE
    assert learning_rate(500, 1000) == pytest.approx(0.505 * LEARNING_RATE)
    assert learning_rate(999, 1000) == pytest.approx(0.01 * LEARNING_RATE, rel=0.01)


def test_previews_show_whole_views_made_from_several_photos(here: Processes, samples: LiveSamples) -> None:
    whole = LiveSamples(samples._pairs, samples._views, SampleSizes(SIDE, None), PhotoCount(4, 4))
    assert whole[0].views.image.shape[2:] == (96, 96)
    preview = fresh(TINY, here, (whole[0], whole[1])).preview()
    assert preview.sheet.shape == (2 * 192 + 4, 7 * 192 + 6 * 4, 3)
    assert [score.name for score in preview.scores] == ["val PSNR", "val MS-SSIM", "val mask IoU"]
    assert all(np.isfinite(float(score.value)) for score in preview.scores)


# --- Runs -------------------------------------------------------------------------------------------


def test_four_steps_are_two_and_two(here: Processes, samples: LiveSamples, tmp_path: Path) -> None:
    def run(name: str, until: int) -> dict:
        options = RunOptions(tmp_path / name, "{}", until, seed=3, save_every=50, preview_every=0, images=2)
        training = fresh(TINY, here, (samples[0],), steps=4)
        train(training, AvatarData(samples, 2, workers=0), options, here, Console(stderr=True))
        return torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["parts"]

    at_once = run("a", 4)
    run("b", 2)
    resumed = run("b", 4)
    for part in ("student", "average"):
        for name, value in at_once[part].items():
            assert torch.equal(value, resumed[part][name]), f"{part} {name}"
    for n, moments in at_once["optimizer"]["state"].items():
        for name, value in moments.items():
            assert torch.equal(value, resumed["optimizer"]["state"][n][name]), f"{n} {name}"


def test_a_run_leaves_networks_that_make_avatars(people: Path, kept: Path, tmp_path: Path) -> None:
    teacher = teacher_of(TINY)
    (tmp_path / "teacher").mkdir()
    save_avatar_networks(tmp_path / "teacher" / NETWORKS, teacher, 7)
    out = tmp_path / "run"
    assert train_command(config(people, kept, out, tmp_path / "teacher", 2)) == 0

    networks = load_avatar_networks(out / NETWORKS)
    assert networks.preset == OF_LIVE
    for part in ("encoder", "generator"):
        taken = getattr(networks, part).state_dict()
        for name, value in getattr(teacher, part).state_dict().items():
            assert torch.equal(taken[name], value), f"{part} {name}"
    average = torch.load(out / "checkpoint.pt", weights_only=True)["parts"]["average"]
    for name, value in average.items():
        assert torch.equal(networks.renderer.state_dict()[name], value), name
    assert Image.open(out / "sheets" / "000002.png").width == 7 * 192 + 6 * 4
    assert not (out / "views").exists()

    with pytest.raises(DinarError, match="of a run with steps 2, not 3"):
        train_command(config(people, kept, out, tmp_path / "teacher", 3))
    save_avatar_networks(tmp_path / "teacher" / NETWORKS, AvatarNetworks(TINY), 7)
    with pytest.raises(DinarError, match=r"of a run with teacher .* name another --out"):
        train_command(config(people, kept, out, tmp_path / "teacher", 2))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"teacher": None}, r"learns from a run of `dinar train avatar`: name it \(--teacher DIR\)"),
        ({"out": Path("teacher")}, "--out teacher is the teacher's own folder: name another"),
        ({"batch": 0}, "--batch must be at least 1, not 0"),
        ({"keep_nothing": True}, "--views says where .* --keep-nothing keeps none: give one"),
        ({"data": None}, r"needs a dataset \(--data DIR\)"),
    ],
)
def test_a_mistake_is_one_sentence(wrong: dict, sentence: str) -> None:
    right = config(Path("people"), Path("kept"), Path("run"), Path("teacher/avatar.pt"), 1)
    with pytest.raises(UsageError, match=sentence):
        replace(right, **wrong)


def test_a_teacher_that_is_not_there_is_one_sentence(people: Path, kept: Path, tmp_path: Path) -> None:
    with pytest.raises(DinarError, match=r"avatar\.pt: cannot be read"):
        train_command(config(people, kept, tmp_path / "run", tmp_path, 1))


def test_the_plan_names_the_student_and_what_a_step_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_avatar_networks(tmp_path / "avatar.pt", teacher_of(TINY), 7)
    config = TrainLiveConfig(teacher=tmp_path, dry_run=True)
    assert train_command(config) == 0
    printed = capsys.readouterr().out
    for words in ("student live", "starts anew", "1,000 steps of 4 pictures, 4,000 pictures", "0.666 M"):
        assert words in printed
    print_live_plan(config, OF_LIVE, Console(width=200))
    assert "starts from its teacher's weights" in capsys.readouterr().out

    taught, alone = (plan_live(config, preset).step_flops for preset in (TINY, OF_LIVE))
    assert taught - alone == 4 * count_flops(TINY.renderer, SIDE, SIDE)  # the teacher draws each picture
