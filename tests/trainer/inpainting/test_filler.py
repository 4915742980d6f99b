"""Completing textures: what the photo shows stays, the rest is drawn by chance (Eq. 6)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dinar.runtime.errors import DinarError
from dinar.trainer.inpainting.condition import condition_of, texture_tensors
from dinar.trainer.inpainting.filler import DiffusionFiller, blend
from dinar.trainer.inpainting.models import InpaintingModels
from dinar.trainer.inpainting.sampling import Sampling
from dinar.trainer.models.denoiser import Denoiser
from dinar.trainer.models.inpainting_presets import TINY
from dinar.trainer.models.texture_batch import TextureBatch
from dinar.trainer.models.vqgan import TextureVqgan
from dinar.trainer.texture.merging import BodyTexture
from dinar.trainer.texture.texel_surface import TexelSurface, texel_surface

from ..data.dataset.small_people import open_body

SIDE = 64
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def texture() -> BodyTexture:
    """Known on its left half, in squares that small gaps were filled in."""
    random = np.random.default_rng(0)
    filled = np.zeros((SIDE, SIDE), bool)
    filled[:, : SIDE // 2] = True
    return BodyTexture(
        gen=random.uniform(-1, 1, (SIDE, SIDE, 16)).astype(np.float32),
        rgb=random.uniform(0, 1, (SIDE, SIDE, 3)).astype(np.float32) * filled[..., None],
        sampled=filled & (random.random((SIDE, SIDE)) < 0.9),
        filled=filled,
        facing=np.where(filled, np.float32(0.5), np.float32(0)),
    )


@pytest.fixture(scope="module")
def models() -> InpaintingModels:
    torch.manual_seed(0)
    return InpaintingModels(TextureVqgan(TINY.vqgan).eval(), Denoiser(TINY.denoiser).eval())


@pytest.fixture(scope="module")
def surface() -> TexelSurface:
    return texel_surface(open_body(), SIDE)


def test_the_condition_is_the_partial_textures_latents_and_where_it_is_known(
    texture: BodyTexture, models: InpaintingModels
) -> None:
    given = texture_tensors(texture, CPU)
    condition = condition_of(models.vqgan, given)
    assert torch.equal(condition.partial, models.vqgan.encode(given))
    assert condition.fill.shape == (1, 1, SIDE // 4, SIDE // 4)
    assert (condition.fill[..., : SIDE // 8 - 1] > 0.999).all()
    assert (condition.fill[..., SIDE // 8 + 1 :] < 0.001).all()


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_photos_part_stays_and_the_rest_is_another_for_each_seed(
    texture: BodyTexture, models: InpaintingModels, surface: TexelSurface, strength: float
) -> None:
    filler = DiffusionFiller(models, surface, Sampling("ddim", 3, strength))
    first, again, other = (filler.fill(texture, seed) for seed in (0, 0, 1))
    for made in (first, other):
        for name in ("gen", "rgb", "sampled"):
            kept, given = getattr(made, name), getattr(texture, name)
            np.testing.assert_array_equal(kept[texture.filled], given[texture.filled])
    np.testing.assert_array_equal(first.rgb, again.rgb)
    assert not np.allclose(first.rgb[~texture.filled], other.rgb[~texture.filled])
    assert first.gen.dtype == first.rgb.dtype == np.float32


def test_a_texture_that_the_denoiser_cannot_halve_is_refused(
    texture: BodyTexture, models: InpaintingModels, surface: TexelSurface
) -> None:
    cut = BodyTexture(**{name: values[:60, :60] for name, values in vars(texture).items()})
    with pytest.raises(DinarError, match="multiples of 16, not 60"):
        DiffusionFiller(models, surface, Sampling("ddim", 1)).fill(cut, 0)


def test_what_the_restored_texture_knows_is_known_afterwards(
    texture: BodyTexture, surface: TexelSurface
) -> None:
    ones = torch.ones(1, 1, SIDE, SIDE)
    smp, fill = ones.clone(), ones.clone()
    smp[..., -1], fill[..., -2:] = 0, 0  # its last column is unknown there as well
    rgb = torch.from_numpy(np.where(texture.filled, np.float32(1), np.float32(0.25))).expand(1, 3, -1, -1)
    restored = TextureBatch(0.5 * ones.expand(1, 16, -1, -1), rgb, smp, fill)
    made = blend(texture, restored, surface)
    assert made.filled[:, :-2].all()
    assert not made.filled[:, -2:].any()
    np.testing.assert_array_equal(made.rgb[~texture.filled], 0.25)  # unlike anything that the photo shows
    np.testing.assert_array_equal(made.gen[~texture.filled], 0.5)
    np.testing.assert_array_equal(made.sampled[texture.filled], texture.sampled[texture.filled])


def test_hues_that_the_photo_shows_otherwise_are_changed_where_it_shows_nothing(
    texture: BodyTexture, surface: TexelSurface
) -> None:
    ones = torch.ones(1, 1, SIDE, SIDE)
    restored = TextureBatch(ones.expand(1, 16, -1, -1), 0.25 * ones.expand(1, 3, -1, -1), ones, ones)
    made = blend(replace(texture, rgb=np.full_like(texture.rgb, 0.35)), restored, surface)
    np.testing.assert_allclose(made.rgb[~texture.filled], 0.35, atol=0.02)
