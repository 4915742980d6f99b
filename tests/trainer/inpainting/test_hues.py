"""Hues of restored textures: what an autoencoder changed is changed back where no photo shows it."""

from __future__ import annotations

import numpy as np

from dinar.trainer.inpainting.hues import hues_as_shown

PINK, ORANGE, GREY = (0.9, 0.45, 0.5), (0.9, 0.55, 0.2), (0.3, 0.3, 0.3)


def striped(first: tuple[float, ...], second: tuple[float, ...], side: int = 64) -> np.ndarray:
    """Stripes of two colours, a little uneven: float32 [side, side, 3]."""
    stripes = np.where(np.arange(side)[:, None, None] % 8 < 4, first, second)
    uneven = np.random.default_rng(0).normal(0, 0.01, (side, side, 3))
    return (stripes + uneven).astype(np.float32)


def left(side: int = 64) -> np.ndarray:
    return np.tile(np.arange(side) < side // 2, (side, 1))


def test_a_hue_that_came_back_wrong_is_put_right_where_nothing_is_known() -> None:
    truth, restored, known = striped(PINK, GREY), striped(ORANGE, GREY), left()
    found = hues_as_shown(restored, np.where(known[..., None], truth, 0), known)
    assert found.dtype == np.float32
    before, after = (np.abs(each - truth)[~known].mean() for each in (restored, found))
    assert after < 0.2 * before


def test_colours_that_came_back_right_stay() -> None:
    truth = striped(PINK, GREY)
    np.testing.assert_allclose(hues_as_shown(truth, truth, left()), truth, atol=1e-6)


def test_colours_unlike_any_that_photos_show_stay() -> None:
    known = left()
    restored = np.where(known[..., None], striped(ORANGE, ORANGE), striped((0.1, 0.2, 0.9), GREY))
    found = hues_as_shown(restored, striped(PINK, PINK), known)
    np.testing.assert_allclose(found[~known], restored[~known], atol=1e-6)


def test_a_few_texels_prove_nothing_and_none_change_nothing() -> None:
    truth, restored = striped(PINK, GREY), striped(ORANGE, GREY)
    few = np.zeros((64, 64), bool)
    few[0, :2] = True
    assert np.abs(hues_as_shown(restored, truth, few) - restored).max() < 0.05
    np.testing.assert_array_equal(hues_as_shown(restored, truth, np.zeros((64, 64), bool)), restored)
