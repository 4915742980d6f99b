import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dinar.export.package import main, package, read_calibration
from dinar.runtime.avatar import Avatar, RendererNetwork, default_avatar_path, open_avatar, save_avatar
from dinar.runtime.errors import DinarError
from dinar.trainer.models.renderer import LIVE, NeuralRenderer, save_renderer
from dinar.trainer.models.run_folder import RunFolder

from ..small_pictures import with_small_pictures


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINAR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return with_small_pictures(open_avatar(default_avatar_path()))


@pytest.fixture
def rasters() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 64, 32, 22), np.uint8)


def run_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Exit status of `python -m dinar.export.package FOLDER`."""
    monkeypatch.setattr(sys, "argv", ["package", str(folder), "--out", str(folder / "new.dinar")])
    return main()


def test_an_avatar_gets_both_precisions_in_place_of_what_it_had(avatar: Avatar, rasters: np.ndarray) -> None:
    old = (RendererNetwork("live", "int8", b"old"), RendererNetwork("paper", "fp32", b"kept"))
    torch.manual_seed(0)
    packaged = package(Avatar(**vars(avatar) | {"networks": old}), NeuralRenderer(LIVE), list(rasters))
    networks = {(n.preset, n.precision): n.onnx for n in packaged.avatar.networks}
    assert set(networks) == {("paper", "fp32"), ("live", "fp32"), ("live", "int8")}
    assert networks["paper", "fp32"] == b"kept"
    assert len(networks["live", "int8"]) < len(networks["live", "fp32"]) / 3
    assert packaged.int8_psnr > 40


def test_the_command_makes_an_avatar_file_of_a_run_folder(
    avatar: Avatar, rasters: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path)
    save_renderer(run.checkpoint, NeuralRenderer(replace(LIVE, widths=(16, 16, 24))))
    save_avatar(run.avatar, avatar)
    np.savez(run.calibration, rasters=rasters)
    assert run_package(tmp_path, monkeypatch) == 0
    networks = open_avatar(tmp_path / "new.dinar").networks
    assert {(n.preset, n.precision) for n in networks} == {("live", "fp32"), ("live", "int8")}


def test_a_folder_without_a_run_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_package(tmp_path, monkeypatch) == 1
    told = capsys.readouterr().err
    assert "renderer.pt: cannot be read" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("array", [np.zeros((2, 32, 32, 4), np.uint8), np.zeros((2, 32, 32, 22))])
def test_calibration_views_of_another_kind_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.savez(tmp_path / "calibration.npz", rasters=array)
    with pytest.raises(DinarError, match="expected rasters as uint8"):
        read_calibration(tmp_path / "calibration.npz")


def test_calibration_views_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(DinarError, match=r"calibration\.npz: cannot be read"):
        read_calibration(tmp_path / "calibration.npz")
