from functools import cache
from pathlib import Path

import pytest

from dinar.runtime.network_input import CHANNELS
from dinar.trainer.models.description import HEADER, PartRow, describe_preset
from dinar.trainer.models.presets import PRESETS, TINY
from dinar.trainer.models.renderer import count_flops, count_parameters

DOCUMENT = Path(__file__).parents[3] / "docs" / "training.md"


def linear(inputs: int, outputs: int) -> int:
    return (inputs + 1) * outputs


def conv(inputs: int, outputs: int, kernel: int) -> int:
    return (inputs * kernel**2 + 1) * outputs


@cache
def rows_of(name: str) -> list[PartRow]:
    return describe_preset(PRESETS[name])


def described(part: str) -> PartRow:
    return next(row for row in rows_of("tiny") if row.part.startswith(part))


def test_rows_are_encoder_generator_renderer_and_discriminator() -> None:
    rows = rows_of("tiny")
    assert [row.part for row in rows] == ["encoder E", "generator G", "renderer θ", "discriminator D"]
    assert [row.takes for row in rows] == [(3, 64, 64), (32,), (CHANNELS, 64, 64), (3, 64, 64)]
    assert [row.gives for row in rows] == [(32,), (16, 64, 64), (4, 64, 64), ()]


def test_parameters_are_those_of_the_layers_by_hand() -> None:
    first = 8 * 16 + conv(8, 8, 3) + conv(8, 16, 3)  # skip without bias
    others = 3 * (16 * 16 + 2 * conv(16, 16, 3))
    trunk = conv(3, 8, 1) + first + others
    hidden = linear(16 * 4 * 4, 16)
    assert described("encoder").parameters == trunk + conv(16, 16, 3) + hidden + linear(16, 32)
    assert described("discriminator").parameters == trunk + conv(17, 16, 3) + hidden + linear(16, 1)

    coarse, fine = linear(32, 16), linear(32, 8)  # styles
    convolutions = 4 * 2 * (coarse + conv(16, 16, 3)) - (coarse + conv(16, 16, 3))
    finest = coarse + conv(16, 8, 3) + fine + conv(8, 8, 3)
    textures = 4 * (coarse + conv(16, 16, 1)) + fine + conv(8, 16, 1)
    constant = 16 * 4 * 4
    assert described("generator").parameters == constant + convolutions + finest + textures


def test_flops_of_the_encoder_are_those_of_its_layers_by_hand() -> None:
    multiply_adds = 64**2 * 3 * 8  # from the picture
    for side, fine, coarse in ((64, 8, 16), (32, 16, 16), (16, 16, 16), (8, 16, 16)):
        half = (side // 2) ** 2
        multiply_adds += half * fine * (16 + coarse)  # blur and 1x1 of the skip
        multiply_adds += side**2 * fine * fine * 9
        multiply_adds += (side + 1) ** 2 * fine * 16 + half * fine * coarse * 9  # blur, and convolution
    multiply_adds += 4 * 4 * 16 * 16 * 9 + 16 * 4 * 4 * 16 + 16 * 32
    assert described("encoder").flops == 2 * multiply_adds


def test_the_renderers_row_is_what_its_own_count_says() -> None:
    row = described("renderer")
    assert row.parameters == count_parameters(TINY.renderer)
    assert row.flops == count_flops(TINY.renderer, 64, 64)


def test_what_is_kept_grows_with_pictures_alone() -> None:
    row = described("encoder")
    finest = 4 * 8 * 64 * 64  # bytes of one activation at the finest level
    assert 3 * finest < row.kept < 12 * finest


@pytest.mark.parametrize("name", PRESETS)
def test_the_table_in_the_documentation_says_the_same(name: str) -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    assert f"| preset | {' | '.join(HEADER)} |" in lines
    for row in rows_of(name):
        assert f"| `{name}` | {' | '.join(row.cells)} |" in lines
