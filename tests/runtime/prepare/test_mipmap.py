"""Mip maps: means of what triangles use, and gutters that never show."""

import numpy as np
import pytest

from dinar.runtime.prepare.mipmap import build_mipmaps, pack_atlas, used_texels


def test_without_gutters_a_level_is_the_mean_of_the_finer_one():
    rgb = np.random.default_rng(0).integers(0, 256, (16, 32, 3)).astype(np.uint8)
    levels = build_mipmaps(rgb, np.ones((16, 32), bool))
    assert [level.shape[:2] for level in levels] == [(16, 32), (8, 16), (4, 8), (2, 4), (1, 2), (1, 1)]
    np.testing.assert_array_equal(levels[0], rgb)
    for k in range(1, 6):
        blocks = rgb.reshape(max(16 >> k, 1), -1, max(32 >> k, 1), 32 // max(32 >> k, 1), 3)
        np.testing.assert_allclose(levels[k], blocks.astype(float).mean(axis=(1, 3)), atol=0.51)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (37, 64)])
def test_texels_of_odd_sizes_are_means_over_equal_intervals(size):
    height, width = size
    ramp = np.linspace(0, 250, width)[None, :, None].repeat(height, 0).repeat(3, 2)
    levels = build_mipmaps(np.rint(ramp).astype(np.uint8), np.ones(size, bool))
    assert levels[-1].shape == (1, 1, 3)
    assert levels[-1].mean() == pytest.approx(ramp.mean(), abs=1)
    for level in levels:
        borders = np.linspace(0, width, level.shape[1] + 1)
        integral = np.interp(borders, np.arange(width + 1), np.concatenate([[0], ramp[0, :, 0].cumsum()]))
        expected = np.diff(integral) / np.diff(borders)
        np.testing.assert_allclose(level[0, :, 0], expected, atol=1.1)


def test_gutters_take_the_colour_of_their_chart_and_never_their_own():
    used = np.zeros((32, 32), bool)
    used[4:12, 4:28] = used[20:28, 4:28] = True
    rgb = np.full((32, 32, 3), (255, 0, 255), np.uint8)  # magenta must not show
    rgb[4:12, 4:28], rgb[20:28, 4:28] = (200, 40, 0), (0, 40, 200)
    levels = build_mipmaps(rgb, used)
    for level in levels:
        assert (level[..., 1] == 40).all()
    for k, level in enumerate(levels[:3]):  # as long as the gutter is wider than a texel
        assert (level[: (14 >> k)] == (200, 40, 0)).all()
        assert (level[-(12 >> k) :] == (0, 40, 200)).all()


def test_a_texture_that_nothing_uses_is_kept():
    rgb = np.random.default_rng(1).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(build_mipmaps(rgb, np.zeros((8, 8), bool))[0], rgb)


def test_used_texels_are_those_with_their_centre_in_a_triangle():
    square = np.array([[[0.25, 0.5], [0.75, 0.5], [0.25, 1.0]], [[0.75, 0.5], [0.75, 1.0], [0.25, 1.0]]])
    used = used_texels(square.astype(np.float32), 16, 8)
    expected = np.zeros((8, 16), bool)
    expected[4:, 4:12] = True
    np.testing.assert_array_equal(used, expected)


def test_a_packed_atlas_holds_every_texel_of_every_level():
    rng = np.random.default_rng(2)
    textures = [
        build_mipmaps(rng.integers(0, 256, (*size, 3)).astype(np.uint8), np.ones(size, bool))
        for size in ((8, 4), (32, 32))
    ]
    atlas = pack_atlas(textures)
    for texture, levels in enumerate(textures):
        for k in range(atlas.levels.shape[1]):
            level = levels[min(k, len(levels) - 1)]
            first, width, height = atlas.levels[texture, k]
            texels = atlas.texels[first : first + width * height].reshape(height, width)
            unpacked = np.stack([texels & 255, texels >> 8 & 255, texels >> 16], axis=-1)
            np.testing.assert_array_equal(unpacked, level)
