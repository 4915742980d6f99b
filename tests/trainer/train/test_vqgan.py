"""Training the autoencoder of textures: first alone, then with all networks; resumes exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dinar.runtime.errors import DinarError, UsageError
from dinar.trainer.data.avatar_samples import SampleSizes
from dinar.trainer.data.dataset.dataset import PairDataset, PeopleDataset
from dinar.trainer.data.live_samples import LiveBatch, LiveSamples
from dinar.trainer.data.prepared_views import ViewStore
from dinar.trainer.losses.lpips import perceptual_loss
from dinar.trainer.models.avatar_networks import (
    NETWORKS,
    AvatarNetworks,
    load_avatar_networks,
    save_avatar_networks,
)
from dinar.trainer.models.inpainting_presets import TINY as TINY_INPAINTING
from dinar.trainer.models.presets import TINY
from dinar.trainer.models.vqgan import VQGAN, VqganConfig, load_vqgan
from dinar.trainer.train.command import train_command
from dinar.trainer.train.config import TrainVqganConfig
from dinar.trainer.train.plan import vqgan_step_flops
from dinar.trainer.train.run.loop import step_chance
from dinar.trainer.train.run.processes import Processes
from dinar.trainer.train.views import PreviewSamples
from dinar.trainer.train.vqgan import VqganTraining

NEVER = 1000  # a step that no test comes to

pytestmark = pytest.mark.usefixtures("one_thread")

LOOK = TINY_INPAINTING.vqgan.look_steps  # first steps, which train nothing
PLAIN = replace(TINY_INPAINTING.vqgan, place_features=0, look_steps=0)  # as in the paper, without a start


@pytest.fixture(scope="module")
def batch(people: Path, views: ViewStore) -> LiveBatch:
    pairs = PairDataset(PeopleDataset(people, "train"), seed=0)
    samples = LiveSamples(pairs, views, SampleSizes(TINY.image_size, TINY.image_size))
    return LiveSamples.join([samples[n] for n in range(2)])


def networks() -> AvatarNetworks:
    torch.manual_seed(1)
    return AvatarNetworks(TINY).eval()


def fresh(
    here: Processes,
    joint_from: int = NEVER,
    previews: tuple[LiveBatch, ...] = (),
    sizes: VqganConfig = TINY_INPAINTING.vqgan,
) -> VqganTraining:
    given = networks()
    torch.manual_seed(0)
    shown = PreviewSamples("val", previews)
    return VqganTraining(given, sizes, perceptual_loss(), shown, joint_from, here)


def learn(training: VqganTraining, batch: LiveBatch, steps: range) -> list[dict[str, float]]:
    """Steps on a fixed batch; the terms of each."""
    each = (training.step(batch, step, step_chance(0, step)) for step in steps)
    return [{term.name: float(term.value) for term in terms} for terms in each]


def config(people: Path, kept: Path, out: Path, run: Path, steps: int, **more) -> TrainVqganConfig:
    more = {"workers": 0, "save_every": 50, "sheet_every": 50, "views": kept} | more
    return TrainVqganConfig(data=people, out=out, networks=run, steps=steps, batch=2, **more)


# --- Learning ---------------------------------------------------------------------------------------


def test_with_a_start_textures_come_back_nearer_than_the_usual_one_at_once(
    here: Processes, batch: LiveBatch
) -> None:
    terms = learn(fresh(here), batch, range(LOOK + 25))
    assert terms[LOOK]["texture"] < 0.9 * terms[LOOK - 1]["texture"]
    assert terms[-1]["total"] < 0.95 * terms[LOOK]["total"]


def test_textures_come_back_nearer_to_what_they_were(here: Processes, batch: LiveBatch) -> None:
    terms = learn(fresh(here, sizes=PLAIN), batch, range(25))
    assert terms[-1]["texture"] < 0.5 * terms[1]["texture"]
    assert terms[-1]["total"] < 0.9 * terms[1]["total"]
    first = terms[0]
    parts = (
        2.2 * (first["l2"] + 0.1 * first["face_l2"]) + first["dice"] + 0.01 * first["adversarial"]
    )  # Eq. 4
    parts += first["perceptual"] + 0.1 * first["face_perceptual"] + first["texture"] + first["commitment"]
    assert first["total"] == pytest.approx(parts, rel=1e-5)


def test_the_avatar_model_stays_as_it_is_until_the_joint_steps(here: Processes, batch: LiveBatch) -> None:
    training = fresh(here, joint_from=LOOK + 2)
    before = {name: value.clone() for name, value in training.networks.state_dict().items()}
    learn(training, batch, range(LOOK + 2))
    for name, value in training.networks.state_dict().items():  # statistics of batch norm as well
        assert torch.equal(value, before[name]), name
    learn(training, batch, range(LOOK + 2, LOOK + 3))
    for part in ("encoder", "generator", "renderer"):
        assert any(
            not torch.equal(value, before[name])
            for name, value in training.networks.state_dict().items()
            if name.startswith(part)
        ), part


def test_every_weight_of_the_autoencoder_learns(here: Processes, batch: LiveBatch) -> None:
    training = fresh(here)
    learn(training, batch, range(LOOK + 2))  # the first step moves the last layers alone, which start at 0
    for name, parameter in training.vqgan.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 0, name


def test_the_dictionary_starts_among_the_latents(here: Processes, batch: LiveBatch) -> None:
    training = fresh(here)
    terms = learn(training, batch, range(LOOK + 3))
    assert terms[LOOK]["codes in use"] == 1
    assert terms[LOOK]["commitment"] < 1.0  # 1.25 where all vectors are 0: latents vary by 1
    plain = learn(fresh(here, sizes=PLAIN), batch, range(3))
    assert plain[0]["codes in use"] == 1
    assert plain[1]["commitment"] < 0.5 * plain[0]["commitment"]


def test_previews_show_textures_and_people_before_and_after(here: Processes, batch: LiveBatch) -> None:
    preview = fresh(here, previews=(batch,)).preview()
    assert preview.sheet.shape == (2 * 192 + 4, 8 * 192 + 7 * 4, 3)
    names = ["val PSNR", "val PSNR without VQGAN", "val MS-SSIM", "val mask IoU"]
    assert [score.name for score in preview.scores] == names
    assert all(np.isfinite(float(score.value)) for score in preview.scores)


# --- Runs -------------------------------------------------------------------------------------------


def test_four_steps_are_two_and_two_and_leave_both_files(people: Path, kept: Path, tmp_path: Path) -> None:
    run = tmp_path / "avatar"
    run.mkdir()
    save_avatar_networks(run / NETWORKS, networks(), 7)

    def trained(name: str, steps: int) -> dict:
        more = {"joint_steps": steps - 1}  # the second step is a joint one already
        assert train_command(config(people, kept, tmp_path / name, run, steps, **more)) == 0
        return torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["parts"]

    at_once = trained("a", 4)
    trained("b", 2)
    resumed = trained("b", 4)
    for part in ("vqgan", "average", "networks", "networks_average", "discriminator"):
        for name, value in at_once[part].items():
            assert torch.equal(value, resumed[part][name]), f"{part} {name}"

    vqgan, avatar = load_vqgan(tmp_path / "a" / VQGAN), load_avatar_networks(tmp_path / "a" / NETWORKS)
    assert all(torch.equal(value, at_once["average"][name]) for name, value in vqgan.state_dict().items())
    kept_networks = at_once["networks_average"]
    assert all(torch.equal(value, kept_networks[name]) for name, value in avatar.state_dict().items())
    assert Image.open(tmp_path / "a" / "sheets" / "000004.png").width == 8 * 192 + 7 * 4

    with pytest.raises(DinarError, match="of a run with joint from step 1, not 2"):
        train_command(config(people, kept, tmp_path / "a", run, 4, joint_steps=2))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"networks": None},
            r"works on textures of a run of `dinar train avatar`: name it \(--networks DIR\)",
        ),
        ({"out": Path("avatar")}, "--out avatar is the folder of --networks: name another"),
        ({"joint_steps": -1}, "--joint-steps must be at least 0, not -1"),
        ({"joint_steps": 5}, "--joint-steps must be at most --steps, all of them, not 5 of 4"),
        ({"batch": 3}, "--batch must be a multiple of 2"),
    ],
)
def test_a_mistake_is_one_sentence(wrong: dict, sentence: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("avatar").mkdir()
    save_avatar_networks(Path("avatar") / NETWORKS, networks(), 7)
    right = config(Path("people"), Path("kept"), Path("run"), Path("avatar/avatar.pt"), 4)
    with pytest.raises(UsageError, match=sentence):
        replace(right, **wrong)


def test_the_plan_says_what_a_step_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_avatar_networks(tmp_path / NETWORKS, networks(), 7)
    plan = TrainVqganConfig(networks=tmp_path, dry_run=True, batch=4)
    assert train_command(plan) == 0
    printed = capsys.readouterr().out
    for words in (
        "encoder E_VQ",
        "decoder D_VQ",
        "64 codes of 6 numbers",
        "4 steps of 4 pictures alone, then 2",
    ):
        assert words in printed
    assert vqgan_step_flops(replace(plan, batch=8)) == 2 * vqgan_step_flops(plan)
