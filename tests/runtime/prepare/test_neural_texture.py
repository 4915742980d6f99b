"""The texture that the network's input is sampled from."""

import numpy as np
import pytest

from dinar.runtime.avatar import Texture
from dinar.runtime.network_input import RASTER_CHANNELS
from dinar.runtime.prepare.neural_texture import make_neural_texture

_RED = RASTER_CHANNELS.index("red")


def texture(rgb_side: int, photo_side: int | None) -> Texture:
    rng = np.random.default_rng(0)

    def picture(side: int) -> np.ndarray:
        return rng.integers(0, 256, (side, side, 3), dtype=np.uint8)

    ones = np.ones((8, 8), np.uint8)
    gen = rng.uniform(-1, 1, (8, 8, 16)).astype(np.float16)
    return Texture(picture(rgb_side), gen, ones, ones, None if photo_side is None else picture(photo_side))


@pytest.mark.parametrize("rgb_side", [8, 32])
def test_a_photo_of_the_size_of_the_rest_lies_beside_it_whatever_rgb_mode_shows(rgb_side: int) -> None:
    given = texture(rgb_side, 8)
    made = make_neural_texture(given)
    np.testing.assert_array_equal(made.texels[..., _RED : _RED + 3], given.photo)
    assert made.rgb.size == 0


def test_a_photo_of_another_size_is_kept_apart() -> None:
    given = texture(8, 16)
    made = make_neural_texture(given)
    np.testing.assert_array_equal(made.rgb[..., :3], given.photo)
    assert not made.texels[..., _RED : _RED + 3].any()


@pytest.mark.parametrize("rgb_side", [8, 32])
def test_without_a_photo_the_network_reads_what_rgb_mode_shows(rgb_side: int) -> None:
    given = texture(rgb_side, None)
    made = make_neural_texture(given)
    read = made.texels[..., _RED : _RED + 3] if rgb_side == 8 else made.rgb[..., :3]
    np.testing.assert_array_equal(read, given.rgb)
