"""`dinar create`: photos and trained networks in, an avatar file and a report out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from dinar.export.create_command import calibration_rasters, create
from dinar.export.create_config import CreateConfig
from dinar.export.to_onnx import to_onnx
from dinar.runtime.avatar import RendererNetwork, open_avatar
from dinar.runtime.cli import main
from dinar.runtime.errors import DinarError, UsageError
from dinar.runtime.renderer import open_renderer
from dinar.trainer.create.complete import CompleteOptions, complete_texture
from dinar.trainer.create.drawing import redraw
from dinar.trainer.create.few_shot_avatar import About, few_shot_avatar
from dinar.trainer.inpainting.models import find_inpainting_models
from dinar.trainer.inpainting.sampling import Sampling
from dinar.trainer.models.avatar_networks import load_avatar_networks, save_avatar_networks
from dinar.trainer.models.denoiser import Denoiser, save_denoiser
from dinar.trainer.models.inpainting_presets import TINY
from dinar.trainer.models.vqgan import TextureVqgan, save_vqgan
from dinar.trainer.texture.merging import BodyTexture

from ..trainer.create.people import SIDE, make_person, silent, texture_of, untrained
from ..trainer.create.photo_files import write_photo


class Studio(NamedTuple):
    """A dataset with `anna` in it, and the folder of a run."""

    people: Path
    run: Path


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("create")
    make_person(folder / "people")
    (folder / "run").mkdir()
    save_avatar_networks(folder / "run" / "avatar.pt", untrained(), 0)
    return Studio(folder / "people", folder / "run")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINAR_CACHE", str(tmp_path / "cache"))


def config(studio: Studio, out: Path, **more: object) -> CreateConfig:
    values = {"data": studio.people, "person": "anna", "networks": studio.run, "out": out} | more
    return CreateConfig(**values)


def test_views_become_an_avatar_with_both_networks_and_a_report(
    studio: Studio, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, report = tmp_path / "anna.dinar", tmp_path / "anna.png"
    words = ["--data", str(studio.people), "--networks", str(studio.run), "--person", "anna"]
    words += ["--out", str(out), "--views", "0", "2", "--tune", "2", "--report", str(report)]
    assert main(["create", *words]) == 0
    avatar = open_avatar(out)
    assert [(n.preset, n.precision) for n in avatar.networks] == [("tiny", "fp32"), ("tiny", "int8")]
    for group in ("gen", "smp", "fill", "photo"):
        assert getattr(avatar.texture, group).shape[:2] == (64, 64)
    assert avatar.preview is not None
    assert avatar.licence == "CC0-1.0"
    assert "views 0, 2 of person anna" in avatar.provenance
    assert "tuned to them for 2 steps" in avatar.provenance
    said = capsys.readouterr()
    assert "Perceptual loss" in said.err
    last = said.out.strip().splitlines()[-1]
    assert last.startswith("seconds: networks ")
    assert "tuning " in last
    last = said.out.strip().splitlines()[-2]
    assert last.startswith(f"wrote {out}: person anna, tuned for 2 steps; PSNR ")
    for part in ("on 2 given views", "on 2 held-out views", "dB of float32"):
        assert part in last
    with Image.open(report) as picture:
        assert picture.size == (8 * 264 + 8, 5 * 288 + 8)  # five rows of up to eight pictures with labels
        assert len(picture.getcolors(1 << 24)) > 100
    assert {path.name for path in tmp_path.iterdir()} <= {out.name, report.name, "cache"}


def as_the_runtime_reads_it(texture: BodyTexture) -> BodyTexture:
    """T in the bytes of an avatar: 127.5 (1 + g) of `gen`, sRGB bytes."""
    return replace(
        texture,
        gen=(np.rint(127.5 * (1 + texture.gen.astype(np.float16))) / 127.5 - 1).astype(np.float32),
        rgb=(np.round(255 * texture.rgb) / 255).astype(np.float32),
    )


def before_black(rgba: np.ndarray) -> np.ndarray:
    """Colours before black, and the mask, 0 to 255: where it is 0 colours mean nothing."""
    return 255 * np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], 2)


def test_the_runtime_draws_a_given_view_as_torch_does(studio: Studio) -> None:
    networks, person = untrained(), make_person(studio.people, (0,))
    torch.manual_seed(1)
    for values in networks.renderer.parameters():  # so that the picture is no even grey
        values.data += 0.05 * torch.randn_like(values)
    texture = texture_of(networks, person)
    avatar = few_shot_avatar(texture, networks.renderer, person, About("Anna", "", ""))
    network = RendererNetwork("tiny", "fp32", to_onnx(networks.renderer))
    view = person.given[0].view
    with open_renderer(replace(avatar, networks=(network,)), mode="neural") as renderer:
        ours = before_black(renderer.render(view.pose, [view.camera]).numpy()[0] / np.float32(255))
    drawn, _ = redraw(networks.renderer, as_the_runtime_reads_it(texture), person.given[0])
    theirs = before_black(torch.cat([drawn.rgb, drawn.mask], 1)[0].permute(1, 2, 0).numpy())
    seen = person.given[0].body.coverage
    assert np.ptp(theirs[seen], axis=0).max() > 20
    assert np.abs(ours - theirs)[seen].mean() < 2


def test_int8_is_calibrated_with_the_given_views_first(studio: Studio) -> None:
    networks, person = untrained(), make_person(studio.people, (2,))
    avatar = few_shot_avatar(texture_of(networks, person), networks.renderer, person, About("Anna", "", ""))
    rasters = calibration_rasters(avatar, person.given)
    assert {raster.shape for raster in rasters} == {(SIDE, SIDE, 22)}
    assert len(rasters) > len(person.given)
    for raster, seen in zip(rasters, person.given, strict=False):
        np.testing.assert_array_equal(raster[..., -1] > 0, seen.body.coverage)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"out": Path("anna.zip")}, "--out must name a .dinar file, not anna.zip"),
        ({"out": Path("nowhere/anna.dinar")}, "--out nowhere/anna.dinar cannot be written"),
        ({"report": Path("anna.jpg")}, "--report must name a .png file, not anna.jpg"),
        ({"views": tuple(range(9))}, "--views expects 1 to 8 numbers of views, each once, not 0 1 2"),
        ({"views": (1, 1)}, "--views expects 1 to 8 numbers of views, each once, not 1 1"),
        ({"tune": -1}, "--tune must be from 0 to 100000, not -1"),
        ({"seed": -1}, "--seed must be at least 0, not -1"),
        ({"sampler_steps": 0}, "--sampler-steps must be from 1 to 1000, not 0"),
    ],
)
def test_options_that_cannot_be_are_refused(studio: Studio, more: dict[str, object], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        config(studio, **{"out": Path("anna.dinar")} | more)


def test_a_photo_of_ones_own_becomes_an_avatar(
    diffusion_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_photo(tmp_path)
    out, report = tmp_path / "me.dinar", tmp_path / "me.png"
    words = [str(files.picture), "--networks", str(diffusion_run), "--no-inpainting"]
    words += ["--colour-steps", "1", "--licence", "mine"]
    assert main(["create", *words, "--out", str(out), "--report", str(report)]) == 0
    avatar = open_avatar(out)
    assert (avatar.name, avatar.licence) == ("anna", "mine")
    assert "from one photo of anna with fitted SMPL-X parameters" in avatar.provenance
    assert "colours tuned to them for 1 steps" in avatar.provenance
    assert "diffusion" not in avatar.provenance
    assert "on 1 given views" in capsys.readouterr().out
    assert report.is_file()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("picture", r"there is no photo .*anna\.png"),
        ("mask", r"there is no mask .*anna\.mask\.png: name the mask of .* with --mask, or let `dinar fit"),
        ("fit", r"there are no body parameters .*anna\.npz: name those of .* with --fit, or let `dinar fit"),
    ],
)
def test_what_a_photo_lacks_is_said_with_what_makes_it(
    studio: Studio, tmp_path: Path, name: str, reason: str
) -> None:
    files = write_photo(tmp_path)
    getattr(files, name).unlink()
    asked = CreateConfig(networks=studio.run, out=tmp_path / "me.dinar", photos=(files.picture,))
    with pytest.raises(DinarError, match=reason):
        create(asked)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, "name either photos .* or a person of a dataset"),
        ({"data": Path("people")}, "name either photos .* or a person of a dataset"),
        ({"data": Path("people"), "person": "anna", "photos": (Path("a.png"),)}, "name either photos"),
        ({"photos": (Path("a.png"),) * 9}, "from 1 to 8 photos, not 9"),
        (
            {"photos": (Path("a.png"),), "mask": (Path("b.png"),) * 2},
            "--mask expects one file for each photo: 1",
        ),
        ({"photos": (Path("a.png"),), "colour_steps": -1}, "--colour-steps must be from 0 to 100000, not -1"),
    ],
)
def test_one_source_with_all_that_belongs_to_it_is_asked_for(more: dict[str, object], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        CreateConfig(networks=Path("run"), out=Path("me.dinar"), **more)


def test_without_networks_of_ones_own_those_that_come_with_dinar_are_taken() -> None:
    asked = CreateConfig(out=Path("me.dinar"), photos=(Path("a.png"),))
    assert load_avatar_networks(asked.networks_file).preset.name == "small"


def test_a_gpu_that_is_not_there_is_said(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="--device cuda: torch finds no NVIDIA GPU here"):
        create(config(studio, tmp_path / "anna.dinar", device="cuda"))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"person": "zoe"}, "has no person 'zoe', but anna, ben"),
        ({"views": (7,)}, "person anna has views 0 to 3, there is no view 7"),
        ({"data": Path("nowhere")}, "nowhere holds no dataset.json"),
        ({"networks": Path("nowhere")}, "nowhere: cannot be read"),
    ],
)
def test_what_is_not_there_is_one_sentence_and_nothing_is_written(
    studio: Studio, tmp_path: Path, more: dict[str, object], reason: str
) -> None:
    out = tmp_path / "anna.dinar"
    out.write_bytes(b"the old one")
    with pytest.raises(DinarError, match=reason):
        create(config(studio, out, **more))
    assert out.read_bytes() == b"the old one"


@pytest.fixture
def diffusion_run(studio: Studio, tmp_path: Path) -> Path:
    """What `dinar train diffusion` leaves."""
    run = tmp_path / "diffusion"
    shutil.copytree(studio.run, run)
    torch.manual_seed(0)
    save_vqgan(run / "vqgan.pt", TextureVqgan(TINY.vqgan), 0)
    save_denoiser(run / "denoiser.pt", Denoiser(TINY.denoiser), 0)
    return run


def test_what_no_photo_shows_is_drawn_where_the_run_has_models_for_it(
    studio: Studio, diffusion_run: Path, tmp_path: Path
) -> None:
    options = {"networks": diffusion_run, "views": (0,), "sampler_steps": 2, "colour_steps": 0, "seed": 1}
    assert create(config(studio, tmp_path / "anna.dinar", **options)) == 0
    made = open_avatar(tmp_path / "anna.dinar")
    person = make_person(studio.people, (0,))
    shown = texture_of(untrained(), person)
    models = find_inpainting_models(diffusion_run)
    assert models is not None
    wanted, other = (
        complete_texture(shown, person.body, models, CompleteOptions(seed, Sampling(steps=2)), silent())
        for seed in (1, 0)
    )
    np.testing.assert_array_equal(made.texture.photo, np.round(255 * wanted.rgb))
    np.testing.assert_array_equal(made.texture.gen, wanted.gen.astype(np.float16))
    assert not np.array_equal(made.texture.photo, np.round(255 * other.rgb))
    for name in ("rgb", "gen"):
        given, kept = getattr(shown, name), getattr(wanted, name)
        np.testing.assert_array_equal(kept[shown.filled], given[shown.filled])
        assert not np.array_equal(kept, given)
    assert "drawn by diffusion (dpm++, 2 steps, strength 1, seed 1)" in made.provenance


def test_networks_that_are_damaged_are_refused(studio: Studio, tmp_path: Path) -> None:
    damaged = tmp_path / "avatar.pt"
    damaged.write_bytes((studio.run / "avatar.pt").read_bytes()[:1000])
    with pytest.raises(DinarError, match=r"avatar\.pt: expected networks saved by `dinar train avatar`"):
        create(config(studio, tmp_path / "anna.dinar", networks=tmp_path))


def test_the_body_of_the_dataset_must_be_on_this_computer(studio: Studio, tmp_path: Path) -> None:
    other = tmp_path / "people"
    other.mkdir()
    text = (studio.people / "dataset.json").read_text("utf-8")
    body = make_person(studio.people).body.hash
    (other / "dataset.json").write_text(text.replace(body, "0" * len(body)), "utf-8")
    (other / "people").symlink_to(studio.people / "people")
    with pytest.raises(DinarError, match=r"hash 0{10,} is not on this computer"):
        create(config(studio, tmp_path / "anna.dinar", data=other))


def test_a_mistake_on_the_command_line_is_one_line(
    studio: Studio, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", str(studio.people), "--networks", str(studio.run), "--person", "zoe"]
    assert main(["create", *words, "--out", str(tmp_path / "zoe.dinar")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("dinar: ")
    assert said.count("\n") == 1
