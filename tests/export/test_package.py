from pathlib import Path

import numpy as np
import pytest
import torch

from dinar.export.package import package
from dinar.runtime.avatar import Avatar, RendererNetwork, default_avatar_path, open_avatar
from dinar.trainer.models.renderer import LIVE, NeuralRenderer

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


def test_an_avatar_gets_both_precisions_in_place_of_what_it_had(avatar: Avatar, rasters: np.ndarray) -> None:
    old = (RendererNetwork("live", "int8", b"old"), RendererNetwork("paper", "fp32", b"kept"))
    torch.manual_seed(0)
    packaged = package(Avatar(**vars(avatar) | {"networks": old}), NeuralRenderer(LIVE), list(rasters))
    networks = {(n.preset, n.precision): n.onnx for n in packaged.avatar.networks}
    assert set(networks) == {("paper", "fp32"), ("live", "fp32"), ("live", "int8")}
    assert networks["paper", "fp32"] == b"kept"
    assert len(networks["live", "int8"]) < len(networks["live", "fp32"]) / 3
    assert packaged.int8_psnr > 40
