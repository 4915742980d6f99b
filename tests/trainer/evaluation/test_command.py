"""`dinar evaluate`: a dataset and networks in, tables, numbers and a sheet out."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dinar.runtime.cli import main
from dinar.runtime.errors import UsageError
from dinar.trainer.evaluation.config import EvaluateConfig
from dinar.trainer.models.avatar_networks import AvatarNetworks, save_avatar_networks
from dinar.trainer.models.denoiser import DENOISER, Denoiser, save_denoiser
from dinar.trainer.models.inpainting_presets import TINY as INPAINTING
from dinar.trainer.models.presets import TINY
from dinar.trainer.models.vqgan import VQGAN, TextureVqgan, save_vqgan
from dinar.trainer.texture.mean_texture import save_mean

from ..create.people import untrained
from ..data.dataset.small_people import make_dataset, open_body

DOCUMENT = Path(__file__).parents[3] / "docs" / "evaluation.md"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people, two runs, a mean texture; nothing else to find."""
    folder = tmp_path_factory.mktemp("evaluate")
    make_dataset(folder / "benchmark", ["900000", "900001", "900002"], synthetic=True, size=64)
    for run in ("run", "rgb", "neural", "both"):
        (folder / run).mkdir()
        save_avatar_networks(folder / run / "avatar.pt", untrained(), 0)
    side = TINY.texture_size
    save_mean(folder / "mean.npz", np.full((side, side, 3), 0.5, np.float32), open_body())
    save_mean(folder / "other.npz", np.zeros((8, 8, 3), np.float32), open_body())
    return folder


@pytest.fixture(autouse=True)
def here(studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the studio's folder; this computer's own weights take no part."""
    monkeypatch.chdir(studio)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)


def commands() -> list[str]:
    """Every line of the document that calls `dinar evaluate`."""
    return re.findall(r"^    (dinar evaluate .*)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_document_shows_commands() -> None:
    assert len(commands()) >= 3


@pytest.mark.parametrize("command", commands())
def test_the_documents_commands_print_tables(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As they stand there, on one small person."""
    assert main([*shlex.split(command)[1:], "--people", "1"]) == 0
    told = capsys.readouterr().out
    assert "small people in" in told
    assert "DINAR, Table " in told
    assert "LPIPS: not measured: its weights are not on this computer" in told
    for name in re.findall(r"\S+\.(?:json|jpg|png)", command):
        assert Path(name).stat().st_size > 1000


def test_rows_are_ours_and_the_papers_and_empty_where_nothing_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, sheet = tmp_path / "all.json", tmp_path / "all.png"
    words = ["evaluate", "--data", "benchmark", "--networks", "run", "--people", "2", "--table", "1"]
    words += ["--processes", "1"]
    assert main([*words, "--json", str(out), "--sheet", str(sheet)]) == 0
    told = capsys.readouterr().out
    lines = [line.split("│")[1:-1] for line in told.splitlines() if line.count("│") > 2]
    rows = {cells[0].strip(): cells[1:] for cells in reversed(lines)}  # the first of each name
    ours, papers = rows["both textures"], rows["DINAR"]
    assert [cell.strip() for cell in papers[:7]] == [
        "0.9687",
        "24.42",
        "0.0504",
        "0.0703",
        "0.1407",
        "0.07855",
        "0.0133",
    ]
    assert [cell.strip() for cell in ours[2:7]] == ["-"] * 5, "no weights, no numbers"
    assert 0 <= float(ours[0]) <= 1
    content = json.loads(out.read_text())
    assert content["rows"] == ["both textures", "both textures + nearest", "both textures + mirror"]
    asked = {"way": "both textures", "views": "same view", "measure": "PSNR"}
    means = [s["value"] for s in content["tables"]["1"] if asked.items() <= s.items()]
    assert float(ours[1]) == pytest.approx(np.mean(means), abs=0.005)
    with Image.open(sheet) as picture:
        assert picture.width == 5 * 260 - 4
        assert picture.height == 24 + 2 * 260 - 4


def test_two_processes_find_what_one_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--data", "benchmark", "--networks", "run", "--people", "3", "--table", "1"]
    words += ["--fill", "mirror"]
    told = []
    for count in ("1", "2"):
        files = ["--json", str(tmp_path / f"{count}.json"), "--sheet", str(tmp_path / f"{count}.png")]
        assert main([*words, "--processes", count, *files]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    for ending in ("json", "png"):
        one, two = (tmp_path / f"{count}.{ending}" for count in (1, 2))
        assert one.read_bytes() == two.read_bytes()


def test_a_mistake_in_another_process_is_one_sentence_as_well(
    studio: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(studio / "benchmark", tmp_path / "people")
    (tmp_path / "people" / "people" / "900002" / "0000.png").write_bytes(b"no picture")
    words = ["evaluate", "--data", str(tmp_path / "people"), "--networks", "run", "--table", "1"]
    assert main([*words, "--processes", "2"]) == 1
    assert "900002" in capsys.readouterr().err.splitlines()[-1]


@pytest.fixture(scope="module")
def inpainting_run(studio: Path) -> Path:
    """A run that has a diffusion model."""
    torch.manual_seed(0)
    run = studio / "inpainting"
    shutil.copytree(studio / "run", run)
    save_vqgan(run / VQGAN, TextureVqgan(INPAINTING.vqgan).eval(), 0)
    save_denoiser(run / DENOISER, Denoiser(INPAINTING.denoiser).eval(), 0)
    return run


def test_a_runs_diffusion_model_is_one_more_row_the_same_each_time(
    inpainting_run: Path, tmp_path: Path
) -> None:
    words = ["evaluate", "--data", "benchmark", "--networks", str(inpainting_run), "--people", "1"]
    words += ["--table", "1", "--fill", "nearest", "--sampler-steps", "1", "--json"]
    for name in ("a.json", "b.json"):
        assert main([*words, str(tmp_path / name)]) == 0
    told = (tmp_path / "a.json").read_text()
    assert told == (tmp_path / "b.json").read_text()
    content = json.loads(told)
    assert content["rows"][-1] == "both textures + diffusion"
    back = {
        s["way"]: s["value"]
        for s in content["tables"]["1"]
        if (s["views"], s["measure"]) == ("back view", "person PSNR")
    }
    assert len(set(back.values())) == 3, "all three rows draw the back in their own way"


def ladder_of(run: Path, out: Path, *more: str) -> dict[str, float]:
    """Rows of a small evaluation with a ladder, and the PSNR of its first person's photo."""
    return rows_of(run, out, "--ladder", "--tune-steps", "2", *more)


def rows_of(run: Path, out: Path, *more: str) -> dict[str, float]:
    words = ["evaluate", "--data", "benchmark", "--networks", f"both={run}", "--people", "1", "--table", "1"]
    words += ["--fill", "--sampler-steps", "1", *more, "--json", str(out)]
    assert main(words) == 0
    content = json.loads(out.read_text())
    found = {s["way"]: s["value"] for s in content["tables"]["1"] if s["measure"] == "PSNR"}
    assert list(found) == content["rows"]
    return found


def test_the_ladder_has_the_papers_rows(
    inpainting_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ladder_of(inpainting_run, tmp_path / "a.json", "--tune-after")
    steps = [
        "both, no detector",
        "+ inpainting",
        "+ occlusion detector",
        "+ RGB tuning",
        "+ RGB tuning after",
    ]
    assert list(found) == ["both", *steps]
    alone = rows_of(inpainting_run, tmp_path / "b.json")
    assert found["+ occlusion detector"] == alone["both + diffusion"], "the way that this row is"
    assert len({found[step] for step in steps}) == len(steps)
    assert "diffusion model" not in capsys.readouterr().err


def test_a_ladder_without_a_diffusion_model_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ladder_of(Path("run"), tmp_path / "a.json", "--tune-after")
    assert list(found) == ["both", "both, no detector", "+ occlusion detector", "+ RGB tuning"]
    said = capsys.readouterr().err
    assert "run holds no diffusion model (`dinar train diffusion`): the ladder has no row for it." in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"networks": ("rgb=run", "rgb=rgb")}, "each name once"),
        ({"networks": ()}, "not nothing"),
        ({"fill": ("mean",)}, "belong together"),
        ({"mean": Path("mean.npz")}, "belong together"),
        ({"fill": ("mirror", "mirror")}, "each way once"),
        ({"people": 0}, "at least 1"),
        ({"sampler_steps": 0}, "from 1 to 1000"),
        ({"strength": 0.0}, "above 0 and at most 1, not 0"),
        ({"processes": 0}, "at least 1, not 0"),
        ({"ladder": True, "tune_steps": 0}, "at least 1, not 0"),
        ({"tune_after": True}, "give --ladder as well"),
        ({"json": Path("numbers.txt")}, "must name a .json file"),
        ({"sheet": Path("none/sheet.png")}, "in a folder that is there"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(values: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"data": Path("benchmark"), "networks": ("run",)} | values
    with pytest.raises(UsageError, match=said):
        EvaluateConfig(**given)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--networks none.pt", "none.pt: cannot be read"),
        ("--networks run --people 9", "holds 3 people, 9"),
        ("--networks run --fill mean --mean run/avatar.pt", "avatar.pt"),
        ("--networks run --fill mean --mean other.npz", "make one of that size"),
    ],
)
def test_mistakes_are_told_in_one_sentence(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--data", "benchmark", *words.split()]) == 1
    told = capsys.readouterr().err.strip()
    assert said in told
    assert told.startswith("dinar: ")
    assert len(told.splitlines()) == 1


def test_networks_of_two_sizes_are_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    other = replace(TINY, texture_size=2 * TINY.texture_size, generator_widths=(8, *TINY.generator_widths))
    save_avatar_networks(tmp_path / "avatar.pt", AvatarNetworks(other), 0)
    words = ["--networks", "a=run", "--networks", f"b={tmp_path}"]
    assert main(["evaluate", "--data", "benchmark", *words]) == 2
    assert "textures of one size, not a 64, b 128" in capsys.readouterr().err
