"""Training the diffusion model: textures are encoded once, the noise is found better and better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from dinar.runtime.errors import DinarError, UsageError
from dinar.trainer.data.dataset.dataset import PeopleDataset
from dinar.trainer.data.person_latents import LatentBatch, LatentEncoder, LatentFolder, LatentSamples
from dinar.trainer.data.prepared_views import ViewStore
from dinar.trainer.models.avatar_networks import NETWORKS, AvatarNetworks, save_avatar_networks
from dinar.trainer.models.denoiser import DENOISER, Denoiser, DenoiserConfig, load_denoiser
from dinar.trainer.models.inpainting_presets import TINY as TINY_INPAINTING
from dinar.trainer.models.presets import TINY
from dinar.trainer.models.vqgan import VQGAN, TextureVqgan, save_vqgan
from dinar.trainer.train.command import train_command
from dinar.trainer.train.config import TrainDiffusionConfig
from dinar.trainer.train.diffusion import DiffusionTraining
from dinar.trainer.train.run.loop import step_chance
from dinar.trainer.train.run.processes import open_processes

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def vqgan() -> TextureVqgan:
    torch.manual_seed(2)
    return TextureVqgan(TINY_INPAINTING.vqgan).eval()


@pytest.fixture(scope="module")
def networks() -> AvatarNetworks:
    torch.manual_seed(1)
    return AvatarNetworks(TINY).eval()


@pytest.fixture(scope="module")
def encoder(networks: AvatarNetworks, vqgan: TextureVqgan, views: ViewStore) -> LatentEncoder:
    return LatentEncoder(networks, vqgan, views)


@pytest.fixture(scope="module")
def folder(people: Path, encoder: LatentEncoder, tmp_path_factory: pytest.TempPathFactory) -> LatentFolder:
    made = LatentFolder(tmp_path_factory.mktemp("latents"), PeopleDataset(people, "train"), shifts=2)
    made.fill(encoder, range(len(made)), Console(stderr=True))
    return made


@pytest.fixture(scope="module")
def batch(folder: LatentFolder) -> LatentBatch:
    samples = LatentSamples(folder, seed=0)
    return LatentSamples.join([samples[n] for n in range(4)])


@pytest.fixture(scope="module")
def run(networks: AvatarNetworks, vqgan: TextureVqgan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `dinar train vqgan` leaves."""
    made = tmp_path_factory.mktemp("run")
    save_avatar_networks(made / NETWORKS, networks, 7)
    save_vqgan(made / VQGAN, vqgan, 7)
    return made


def config(people: Path, run: Path, out: Path, steps: int, **more) -> TrainDiffusionConfig:
    kept = people.parent / "kept"
    more = {"workers": 0, "save_every": 50, "sheet_every": 50, "views": kept} | more
    return TrainDiffusionConfig(data=people, out=out, vqgan=run, steps=steps, batch=2, **more)


# --- Encoded textures -------------------------------------------------------------------------------


def test_a_person_has_one_complete_texture_and_a_partial_one_of_each_photo(folder: LatentFolder) -> None:
    person = folder.read(0)
    assert person is not None
    photos = len(person.partial)
    assert photos > 1
    assert person.complete.shape == (6, 16, 16)
    assert person.partial.shape == (photos, 6, 16, 16)
    assert person.fill.shape == (photos, 1, 16, 16)
    shown = person.fill.astype(np.float32).mean((1, 2, 3))
    assert (shown > 0.02).all()
    assert (shown < 0.6).all()


def test_other_shifts_are_the_same_person_in_other_colours(folder: LatentFolder) -> None:
    plain, shifted = folder.read(0), folder.read(1)
    assert plain is not None
    assert shifted is not None
    np.testing.assert_array_equal(plain.fill, shifted.fill)
    assert not np.allclose(plain.complete, shifted.complete)


def test_samples_are_the_same_for_ever_and_a_damaged_file_is_passed_over(
    people: Path, encoder: LatentEncoder, tmp_path: Path
) -> None:
    made = LatentFolder(tmp_path, PeopleDataset(people, "train"), shifts=1)
    made.fill(encoder, range(len(made)), Console(stderr=True))
    samples = LatentSamples(made, seed=0)
    first, again = samples[3], LatentSamples(made, seed=0)[3]
    for name, value in vars(first).items():
        assert torch.equal(value, getattr(again, name))
    files = sorted(tmp_path.iterdir())
    files[0].write_bytes(b"cut off")
    assert all(isinstance(samples[n], LatentBatch) for n in range(5))
    for file in files:
        file.unlink()
    with pytest.raises(DinarError, match="delete the folder of latents"):
        raise samples[0]


# --- Learning ---------------------------------------------------------------------------------------


AS_IN_THE_PAPER = replace(TINY_INPAINTING.denoiser, target="noise", place_features=0, block=1)


def fresh(
    vqgan: TextureVqgan, batch: LatentBatch, sizes: DenoiserConfig = TINY_INPAINTING.denoiser
) -> DiffusionTraining:
    torch.manual_seed(0)
    denoiser = Denoiser(sizes)
    denoiser.learn_range(batch.complete)
    return DiffusionTraining(denoiser, vqgan, batch, "val", 3e-3, open_processes("32"))


@pytest.mark.parametrize("sizes", [AS_IN_THE_PAPER, TINY_INPAINTING.denoiser], ids=["noise", "velocity"])
def test_the_noise_is_found_better_and_better(
    vqgan: TextureVqgan, batch: LatentBatch, sizes: DenoiserConfig
) -> None:
    training = fresh(vqgan, batch, sizes)
    losses = [float(training.step(batch, step, step_chance(0, step))[0].value) for step in range(60)]
    assert losses[0] == pytest.approx(1, abs=0.4), "an untrained network finds nothing"
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:3])


def test_previews_complete_textures(vqgan: TextureVqgan, batch: LatentBatch) -> None:
    preview = fresh(vqgan, batch).preview()
    assert preview.sheet.shape == (4 * 196 - 4, 7 * 196 - 4, 3)
    assert [score.name for score in preview.scores] == ["val velocity", "val colours unseen"]
    assert all(np.isfinite(float(score.value)) for score in preview.scores)


# --- Runs -------------------------------------------------------------------------------------------


def test_four_steps_are_two_and_two(people: Path, run: Path, tmp_path: Path) -> None:
    def trained(name: str, steps: int) -> dict:
        assert train_command(config(people, run, tmp_path / name, steps)) == 0
        return torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["parts"]

    at_once = trained("a", 4)
    trained("b", 2)
    resumed = trained("b", 4)
    for part in ("denoiser", "average"):
        for name, value in at_once[part].items():
            assert torch.equal(value, resumed[part][name]), f"{part} {name}"
    denoiser = load_denoiser(tmp_path / "a" / DENOISER)
    assert all(torch.equal(value, at_once["average"][name]) for name, value in denoiser.state_dict().items())
    assert float(denoiser.spread.min()) > 0
    for name in (NETWORKS, VQGAN):
        assert (tmp_path / "a" / name).read_bytes() == (run / name).read_bytes(), "all that makes avatars"
    assert Image.open(tmp_path / "a" / "sheets" / "000004.png").width == 7 * 196 - 4


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"vqgan": None}, r"works on latents of a run of .*: name it \(--vqgan DIR\)"),
        ({"out": Path("run")}, "--out run is the folder of --vqgan: name another"),
        ({"steps": 0}, "--steps must be at least 1, not 0"),
    ],
)
def test_a_mistake_is_one_sentence(wrong: dict, sentence: str) -> None:
    right = config(Path("people"), Path("run"), Path("out"), 4)
    with pytest.raises(UsageError, match=sentence):
        replace(right, **wrong)


def test_a_run_without_an_autoencoder_is_one_sentence(people: Path, run: Path, tmp_path: Path) -> None:
    (tmp_path / NETWORKS).write_bytes((run / NETWORKS).read_bytes())
    with pytest.raises(DinarError, match=r"vqgan\.pt: cannot be read"):
        train_command(config(people, tmp_path, tmp_path / "out", 1))


def test_the_plan_says_what_a_step_takes(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_command(TrainDiffusionConfig(vqgan=run, dry_run=True, batch=4)) == 0
    printed = capsys.readouterr().out
    for words in ("denoiser tiny", "13×16×16", "4 steps of 4 textures", "in 2 colour shifts"):
        assert words in printed
