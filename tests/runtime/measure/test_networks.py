"""Networks beside the avatar's own: named by their files, in a texture that has all they read."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dinar.export.to_onnx import to_onnx
from dinar.runtime.avatar import Avatar, RendererNetwork, Texture
from dinar.runtime.body import load_body, open_body_path
from dinar.runtime.errors import UsageError
from dinar.runtime.measure.networks import check_modes, find_network, network_cost, with_networks
from dinar.trainer.models.renderer import LIVE, NeuralRenderer


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    texture = Texture(rgb=np.full((16, 16, 3), 200, np.uint8))
    own = RendererNetwork("live", "fp32", b"own")
    body = load_body(open_body_path())
    return Avatar("plain", body, np.zeros(10, np.float32), texture, None, "test", "CC0-1.0", networks=(own,))


def file(folder: Path, name: str) -> str:
    (folder / name).write_bytes(name.encode())
    return str(folder / name)


def test_without_files_the_avatar_stays_as_it_is(avatar: Avatar) -> None:
    assert with_networks(avatar, ()) is avatar


def test_a_file_adds_the_network_that_its_name_says(avatar: Avatar, tmp_path: Path) -> None:
    more = with_networks(avatar, [file(tmp_path, "paper_fp32.onnx"), file(tmp_path, "live_int8.onnx")])
    assert check_modes((), more) == ("rgb", "live_fp32", "paper_fp32", "live_int8")
    assert find_network(more, "live_int8").onnx == b"live_int8.onnx"


def test_a_file_takes_the_place_of_the_avatars_own(avatar: Avatar, tmp_path: Path) -> None:
    more = with_networks(avatar, [file(tmp_path, "live_fp32.onnx")])
    assert [network.onnx for network in more.networks] == [b"live_fp32.onnx"]


def test_missing_texture_groups_are_empty_ones_of_one_size(avatar: Avatar, tmp_path: Path) -> None:
    texture = with_networks(avatar, [file(tmp_path, "live_int8.onnx")]).texture
    assert texture.gen is not None
    assert texture.smp is not None
    assert texture.fill is not None
    assert texture.gen.shape == (256, 256, 16)
    assert texture.smp.shape == texture.fill.shape == (256, 256)
    assert texture.rgb is avatar.texture.rgb


@pytest.mark.parametrize("name", ["renderer.onnx", "live_fp16.onnx", "Live_int8.onnx", "live_int8.xml"])
def test_a_name_that_says_no_network_is_refused(avatar: Avatar, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="named after what it holds"):
        with_networks(avatar, [file(tmp_path, name)])


def test_modes_are_measured_once_each_and_only_known_ones(avatar: Avatar) -> None:
    assert check_modes(("live_fp32", "rgb", "live_fp32"), avatar) == ("live_fp32", "rgb")
    with pytest.raises(UsageError, match="this avatar has rgb, live_fp32"):
        check_modes(("paper_fp32",), avatar)


def test_operations_are_the_same_by_onnx_where_openvino_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = replace(LIVE, widths=(8, 8), middle_blocks=0)
    network = RendererNetwork("live", "fp32", to_onnx(NeuralRenderer(config).eval()))
    counted = network_cost(network, 128, 64, 96)
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert network_cost(network, 128, 64, 96) == counted
    assert counted.gflop_picture > counted.gflop_crop > 0
