"""Networks in half precision: half the bytes, read as any others, drawing the same."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
import torch

from dinar.runtime.errors import DinarError
from dinar.trainer.inpainting.models import find_inpainting_models
from dinar.trainer.models.avatar_networks import AvatarNetworks, load_avatar_networks, save_avatar_networks
from dinar.trainer.models.inpainting_presets import SMALL
from dinar.trainer.models.presets import TINY
from dinar.trainer.models.shipped import LIMIT, ShipConfig, ship, shipped_networks


@pytest.fixture
def run(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_avatar_networks(tmp_path / "avatar.pt", AvatarNetworks(TINY).eval(), 3)
    return tmp_path


def test_half_the_bytes_make_the_same_texture(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "shipped"
    ship(ShipConfig(run, out))
    assert [file.name for file in out.iterdir()] == ["avatar.pt"]
    assert (out / "avatar.pt").stat().st_size < 0.7 * (run / "avatar.pt").stat().st_size
    whole, half = (load_avatar_networks(folder / "avatar.pt") for folder in (run, out))
    photo = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(half.generate(photo), whole.generate(photo), atol=2e-2, rtol=0)
    assert all(values.dtype == torch.float32 for values in half.parameters())


def test_weights_beyond_half_precision_are_refused(run: Path, tmp_path: Path) -> None:
    networks = load_avatar_networks(run / "avatar.pt")
    with torch.no_grad():
        networks.renderer.head.weight[0, 0, 0, 0] = 1e6
    save_avatar_networks(run / "avatar.pt", networks, 3)
    with pytest.raises(DinarError, match=r"renderer\.head\.weight does not fit into half precision"):
        ship(ShipConfig(run, tmp_path / "shipped"))


def test_networks_that_are_too_large_leave_what_is_there(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "shipped"
    out.mkdir()
    (out / "avatar.pt").write_bytes(b"before")
    monkeypatch.setattr("dinar.trainer.models.shipped.LIMIT", 1000)
    with pytest.raises(DinarError, match=r"what ships may have 0 MB: nothing was written"):
        ship(ShipConfig(run, out))
    assert [(file.name, file.read_bytes()) for file in out.iterdir()] == [("avatar.pt", b"before")]


def test_a_folder_without_networks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DinarError, match=r"avatar\.pt: cannot be read"):
        ship(ShipConfig(tmp_path, tmp_path / "shipped"))


def test_what_ships_is_a_small_download_of_preset_small() -> None:
    files = list(shipped_networks().iterdir())
    assert sum(file.stat().st_size for file in files) <= LIMIT
    networks = load_avatar_networks(shipped_networks() / "avatar.pt")
    assert networks.preset.name == "small"
    inpainting = find_inpainting_models(shipped_networks())
    assert inpainting is not None
    assert (inpainting.vqgan.config, inpainting.denoiser.config) == (SMALL.vqgan, SMALL.denoiser)
    for network in (networks, inpainting.vqgan, inpainting.denoiser):
        assert all(math.isfinite(float(values.detach().sum())) for values in network.parameters())


def test_the_same_networks_give_the_same_bytes_in_any_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks, written = AvatarNetworks(TINY).eval(), []
    for process in (1234, 56789):  # a resumed training writes the file anew, and others know it by its hash
        monkeypatch.setattr(os, "getpid", lambda number=process: number)
        save_avatar_networks(tmp_path / "avatar.pt", networks, 3)
        written.append((tmp_path / "avatar.pt").read_bytes())
    assert written[0] == written[1]
