"""Colours by example: what was drawn takes the colours of what the photo shows, where the two are alike."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.trainer.inpainting.examples import colours_by_example
from dinar.trainer.texture.merging import BodyTexture
from dinar.trainer.texture.texel_surface import TexelSurface, texel_surface

from ..data.dataset.small_people import open_body

SIDE = 64
RED, BLUE = (0.8, 0.1, 0.1), (0.1, 0.2, 0.7)  # of the photo: shirt, trousers
DULL_RED, DULL_BLUE = (0.7, 0.3, 0.15), (0.2, 0.25, 0.5)  # what an autoencoder makes of them
SKIN, HAIR = (0.9, 0.75, 0.6), (0.2, 0.15, 0.1)


@pytest.fixture(scope="module")
def surface() -> TexelSurface:
    return texel_surface(open_body(), SIDE)


def painted(surface: TexelSurface, upper: tuple[float, ...], lower: tuple[float, ...]) -> np.ndarray:
    """Two garments that meet at the middle of the body: float32 [side, side, 3]."""
    height = surface.points[:, 1]
    rgb = np.zeros((SIDE, SIDE, 3), np.float32)
    rgb[surface.covered] = np.where(height[:, None] > np.median(height), upper, lower)
    return rgb


def from_front(surface: TexelSurface, colours: np.ndarray) -> BodyTexture:
    """What a photo shows: all that looks ahead."""
    filled = np.zeros((SIDE, SIDE), bool)
    filled[surface.covered] = surface.normals[:, 2] > 0
    return BodyTexture(
        gen=np.zeros((SIDE, SIDE, 16), np.float32),
        rgb=colours * filled[..., None],
        sampled=filled,
        filled=filled,
        facing=filled.astype(np.float32),
    )


def test_the_back_takes_the_fronts_colours_for_those_they_were_restored_to(surface: TexelSurface) -> None:
    truth, restored = painted(surface, RED, BLUE), painted(surface, DULL_RED, DULL_BLUE)
    mottled = restored + np.random.default_rng(0).normal(0, 0.05, restored.shape).astype(np.float32)
    photo = from_front(surface, truth)
    made = colours_by_example(mottled, photo, surface)
    drawn = surface.covered & ~photo.filled
    assert made.dtype == np.float32
    before, after = (np.abs(each - truth)[drawn].mean() for each in (mottled, made))
    assert after < 0.15 * before


def test_what_is_drawn_otherwise_than_the_front_stays_otherwise(surface: TexelSurface) -> None:
    """The denoiser decides what is where: here trousers reach up to the neck behind."""
    restored = painted(surface, DULL_RED, DULL_BLUE)
    photo = from_front(surface, painted(surface, RED, BLUE))
    drawn = surface.covered & ~photo.filled
    restored[drawn] = DULL_BLUE
    made = colours_by_example(restored, photo, surface)
    assert np.median(np.abs(made[drawn] - np.float32(BLUE)).max(1)) < 0.01


def test_colours_that_the_photo_does_not_show_stay(surface: TexelSurface) -> None:
    restored = painted(surface, DULL_RED, DULL_BLUE)
    photo = from_front(surface, painted(surface, RED, BLUE))
    drawn = surface.covered & ~photo.filled
    restored[drawn] = SKIN
    made = colours_by_example(restored, photo, surface)
    assert np.median(np.abs(made[drawn] - np.float32(SKIN)).max(1)) < 0.02


def test_the_back_of_the_head_takes_nothing_from_the_face(surface: TexelSurface) -> None:
    """Even where both were restored to the same colour: hair at the sides is nearer."""
    _, height, ahead = surface.points.T
    head = height > height.max() - 0.2
    face = head & (ahead > ahead[head].max() - 0.08)
    truth = np.zeros((SIDE, SIDE, 3), np.float32)
    truth[surface.covered] = np.where(face[:, None], SKIN, HAIR)
    photo = from_front(surface, truth)
    restored = painted(surface, HAIR, HAIR)
    made = colours_by_example(restored, photo, surface)[surface.covered]
    behind = head & (ahead < 0)
    assert behind.sum() > 10
    assert np.abs(made[behind] - np.float32(HAIR)).max() < 0.1


def test_photos_that_show_nothing_or_everything_change_nothing(surface: TexelSurface) -> None:
    restored = painted(surface, DULL_RED, DULL_BLUE)
    photo = from_front(surface, restored)
    for filled in (np.zeros_like(photo.filled), surface.covered):
        same = BodyTexture(photo.gen, restored, filled, filled, photo.facing)
        np.testing.assert_allclose(colours_by_example(restored, same, surface), restored, atol=1e-6)
