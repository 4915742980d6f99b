"""The steps of a frame done the usual way: each does what ours does, on whatever device its tensors are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar
from dinar.runtime.body import Pose
from dinar.runtime.camera import look_at, projection_matrix
from dinar.runtime.errors import DinarError
from dinar.runtime.network_input import CHANNELS, GEN_CHANNELS, RASTER_CHANNELS
from dinar.trainer.models.renderer import LIVE, NeuralRenderer
from dinar.trainer.peers import usual_frame
from dinar.trainer.peers.usual_frame import PartialFrame, UsualFrame

CPU = torch.device("cpu")
CAMERA = look_at((0.2, 1.0, 3.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0), math.radians(40), 64, 64)


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    avatar = open_avatar(default_avatar_path())
    gen, flag = np.zeros((16, 16, GEN_CHANNELS), np.float16), np.zeros((16, 16), np.uint8)
    return replace(avatar, texture=replace(avatar.texture, gen=gen, smp=flag, fill=flag, photo=None))


def live() -> NeuralRenderer:
    torch.manual_seed(0)
    return NeuralRenderer(LIVE).eval()


def test_a_point_lands_on_the_pixel_that_sees_it() -> None:
    point = np.array([0.3, 1.2, -0.4, 1.0])
    x, y, z, w = usual_frame.clip_matrix(CAMERA) @ point
    column, row, depth = projection_matrix(CAMERA) @ point
    assert w == pytest.approx(depth, rel=1e-5)
    assert (x / w + 1) / 2 * 64 == pytest.approx(column / depth, rel=1e-4)
    assert (y / w + 1) / 2 * 64 == pytest.approx(row / depth, rel=1e-4)
    assert -1 < z / w < 1


def test_a_network_is_shown_all_channels_and_rgb_mode_the_colours(avatar: Avatar) -> None:
    channels, *colours = usual_frame.textures(avatar, True)
    assert channels.shape[2] == CHANNELS
    assert channels[..., RASTER_CHANNELS.index("coverage")].min() == 1
    assert [texture.shape for texture in colours] == [avatar.texture.rgb.shape]
    (shown,) = usual_frame.textures(avatar, False)
    np.testing.assert_array_equal(np.rint(255 * shown), avatar.texture.rgb)


def test_colours_of_their_own_take_the_place_of_the_texture_s() -> None:
    channels = torch.arange(CHANNELS).float().expand(1, 2, 2, CHANNELS)
    found = usual_frame.raster([channels, torch.full((1, 2, 2, 3), -1.0)])
    red = RASTER_CHANNELS.index("red")
    expected = torch.arange(CHANNELS).float()
    expected[red : red + 3] = -1
    assert torch.equal(found, expected.expand(1, 2, 2, CHANNELS))
    assert usual_frame.raster([channels]) is channels


def test_bytes_are_rounded_and_nothing_is_left_where_nobody_is() -> None:
    picture = torch.tensor([[[[0.0, 0.5, 1.0, 1.0], [0.7, 0.7, 0.7, 0.001]]]])
    assert usual_frame.to_bytes(picture).tolist() == [[[[0, 128, 255, 255], [0, 0, 0, 0]]]]
    assert usual_frame.with_alpha(torch.zeros(1, 1, 1, 3)).tolist() == [[[[0, 0, 0, 1]]]]


def test_the_network_draws_what_it_draws_elsewhere() -> None:
    pixels = torch.rand((1, 64, 96, CHANNELS), generator=torch.Generator().manual_seed(0))
    half = usual_frame.half_network(live(), CPU)
    assert next(half.parameters()).dtype == torch.float16
    found = usual_frame.run_network(half, pixels)
    with torch.no_grad():
        expected = live()(pixels.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    assert found.shape == (1, 64, 96, 4)
    assert (found - expected).abs().max() < 0.01


@pytest.mark.parametrize("network", [None, live])
def test_a_partial_frame_makes_a_picture_in_bytes(avatar: Avatar, network: object) -> None:
    frame = PartialFrame(avatar, live() if network else None, 64, CPU, compiled=False)
    rgba = frame.render(Pose.rest(), CAMERA)
    assert (rgba.dtype, tuple(rgba.shape), rgba.is_contiguous()) == (torch.uint8, (1, 64, 64, 4), True)
    assert rgba.float().std() > 1


def test_pictures_that_a_network_cannot_draw_whole_are_refused(avatar: Avatar) -> None:
    for kind in (UsualFrame, PartialFrame):
        with pytest.raises(DinarError, match="multiples of 32 pixels, not 100"):
            kind(avatar, live(), 100, CPU, compiled=False)
