from dataclasses import replace

import pytest
import torch

from dinar.trainer.models.renderer import (
    LIVE,
    PAPER,
    PRESETS,
    NeuralRenderer,
    RendererConfig,
    count_flops,
    count_parameters,
)

TINY = RendererConfig(
    name="tiny",
    block=2,
    widths=(8, 12),
    stem_kernel=3,
    encoder_convs=1,
    middle_blocks=1,
    decoder_blocks=1,
    skip="add",
    batch_norm=False,
)
KINDS = [
    TINY,
    replace(TINY, name="concat", skip="concat", batch_norm=True),
    replace(TINY, name="whole", block=1),
]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def by_name(config: RendererConfig) -> str:
    return config.name


def test_paper_has_the_size_of_the_authors_configuration() -> None:
    assert count_parameters(PAPER) == pytest.approx(19.0e6, rel=0.1)
    assert count_flops(PAPER, 512, 512) == pytest.approx(467e9, rel=0.1)


def test_live_fits_two_cpu_cores() -> None:
    assert 4e9 <= count_flops(LIVE, 512, 512) <= 8e9


def test_what_is_direct_starts_as_the_colours_that_the_photo_shows() -> None:
    network = NeuralRenderer(LIVE).eval()
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.fill_(-2)
        colours = torch.rand(1, 3, 64, 32)
        raster = torch.zeros(1, 22, 64, 32)
        raster[:, 16:19] = colours
        drawn = network(raster)[:, :3]
    torch.testing.assert_close(drawn, torch.sigmoid(4 * colours - 2))
    assert float((drawn - colours).abs().max()) < 0.15


def test_flops_are_those_of_the_convolutions_by_hand() -> None:
    fine, coarse = 32 * 16, 16 * 8  # blocks of 2x2 pixels in a picture of 64 x 32, and at the next level
    multiply_adds = (
        fine * 22 * 8 * (2 * 3) ** 2  # stem
        + fine * 8 * 8 * 9  # on the way down
        + coarse * 8 * 12 * 9  # to the next level
        + coarse * 2 * 12 * 12 * 9  # middle block
        + coarse * 12 * 8  # narrowed before upsampling
        + fine * 2 * 8 * 8 * 9  # block on the way up
        + fine * 8 * (4 * 4) * 9  # head: 4 channels for each of 4 pixels
    )
    assert count_flops(TINY, 64, 32) == 2 * multiply_adds


@pytest.mark.parametrize("config", KINDS, ids=by_name)
def test_parameters_are_those_of_the_network(config: RendererConfig) -> None:
    assert count_parameters(config) == sum(p.numel() for p in NeuralRenderer(config).parameters())


@pytest.mark.parametrize("config", [*KINDS, *PRESETS.values()], ids=by_name)
def test_any_picture_of_whole_blocks_gives_one_of_its_size_between_0_and_1(config: RendererConfig) -> None:
    network = NeuralRenderer(config).eval()
    height, width = 2 * config.multiple, 3 * config.multiple
    with torch.no_grad():
        rgba = network(1e3 * torch.randn(2, 22, height, width))
    assert rgba.shape == (2, 4, height, width)
    assert rgba.min() >= 0
    assert rgba.max() <= 1
    assert rgba.std() > 0


def test_what_moves_by_whole_blocks_is_drawn_alike() -> None:
    network = NeuralRenderer(TINY).eval()
    step, picture = TINY.multiple, torch.zeros(1, 22, 96, 96)
    picture[..., 32:56, 32:56] = torch.rand(1, 22, 24, 24)
    with torch.no_grad():
        here, there = network(picture), network(picture.roll((step, 2 * step), (2, 3)))
    inner = slice(32, -32)
    moved = here.roll((step, 2 * step), (2, 3))
    torch.testing.assert_close(there[..., inner, inner], moved[..., inner, inner])


@pytest.mark.parametrize(
    "change", [{"block": 0}, {"stem_kernel": 2}, {"widths": ()}, {"widths": (8, 0)}, {"middle_blocks": -1}]
)
def test_a_configuration_that_cannot_be_is_refused(change: dict) -> None:
    with pytest.raises(ValueError, match="a renderer expects"):
        replace(TINY, **change)
