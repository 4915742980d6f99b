"""E, G and D of the presets: what they take and give, and what they must not depend on."""

from dataclasses import replace

import pytest
import torch

from dinar.runtime.errors import DinarError
from dinar.trainer.models.presets import PAPER, PRESETS, SMALL, TINY, AvatarPreset, level_widths


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def photos(count: int) -> torch.Tensor:
    return torch.rand(count, 3, TINY.image_size, TINY.image_size)


def by_name(preset: AvatarPreset) -> str:
    return preset.name


# --- Sizes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS.values(), ids=by_name)
def test_a_photo_becomes_a_vector_a_texture_and_a_score(preset: AvatarPreset) -> None:
    with torch.device("meta"):
        batch = torch.empty(preset.batch, 3, preset.image_size, preset.image_size)
        vector = preset.encoder()(batch)
        texture = preset.generator()(vector)
        score = preset.discriminator()(batch)
    assert vector.shape == (preset.batch, preset.style_dim)
    assert texture.shape == (preset.batch, 16, preset.texture_size, preset.texture_size)
    assert score.shape == (preset.batch,)
    assert vector.dtype == texture.dtype == score.dtype == torch.float32


def test_paper_has_the_sizes_that_the_paper_names() -> None:
    assert (PAPER.image_size, PAPER.texture_size, PAPER.style_dim) == (512, 256, 512)
    assert (PAPER.batch, PAPER.steps) == (4, 100_000)


def test_papers_discriminator_is_as_big_as_stylegan2s() -> None:
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in PAPER.discriminator().parameters())
    assert count == 28_982_849  # configuration F at 512 x 512


def test_channels_halve_with_every_doubling_between_the_limits() -> None:
    assert level_widths(64, base=512, most=64, least=16) == (16, 16, 32, 64, 64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder_widths": (8, 16)}, r"encoder_widths .* from 64 down to 4, not \(8, 16\)"),
        ({"generator_widths": (0, 16, 16, 16, 16)}, "generator_widths of 1 or more"),
        ({"image_size": 96}, "encoder_widths"),
        ({"renderer": replace(TINY.renderer, block=3)}, "multiple of the renderer's 6, not 64"),
        ({"batch": 3}, "whole groups of 2, not 3"),
    ],
)
def test_sizes_that_do_not_fit_together_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TINY, **change)


# --- What depends on what ----------------------------------------------------------------------------------


def test_the_texture_stays_within_minus_1_and_1_whatever_the_vector() -> None:
    with torch.no_grad():
        texture = TINY.generator()(1e3 * torch.randn(2, TINY.style_dim))
    assert texture.abs().max() <= 1


def test_a_fresh_texture_is_neither_flat_nor_saturated() -> None:
    with torch.no_grad():
        texture = SMALL.generator()(torch.randn(1, SMALL.style_dim))
    assert 0.2 < float(texture.std()) < 0.7


def test_the_same_photo_always_gives_the_same_texture() -> None:
    encoder, generator = TINY.encoder(), TINY.generator()  # in training mode: nothing depends on it
    photo = photos(1)
    assert torch.equal(generator(encoder(photo)), generator(encoder(photo)))


def test_fresh_weights_come_from_torchs_generator() -> None:
    torch.manual_seed(7)
    first = TINY.generator().state_dict()
    torch.manual_seed(7)
    again = TINY.generator().state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_people_of_one_batch_do_not_change_each_other() -> None:
    encoder, generator = TINY.encoder(), TINY.generator()
    batch = photos(3)
    with torch.no_grad():
        together = generator(encoder(batch))
        alone = torch.cat([generator(encoder(batch[i : i + 1])) for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3  # but they differ


def test_the_discriminator_sees_groups_and_nothing_beyond() -> None:
    discriminator, batch = TINY.discriminator(), photos(4)
    other = batch.clone()
    other[3] = batch[3].flip(0) * 0.1
    with torch.no_grad():
        scores, others = discriminator(batch), discriminator(other)
        shares = torch.cat([discriminator(share) for share in batch.split(2)])
    torch.testing.assert_close(scores, shares, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(scores[:2], others[:2], rtol=1e-4, atol=1e-5)
    assert scores[2] != others[2]  # its group is another now


def test_the_discriminator_refuses_half_a_group() -> None:
    with pytest.raises(DinarError, match="groups of 2"):
        TINY.discriminator()(photos(3))


# --- Gradients ---------------------------------------------------------------------------------------------


def test_gradients_reach_every_weight_of_encoder_and_generator() -> None:
    encoder, generator = TINY.encoder(), TINY.generator()
    generator(encoder(photos(2))).square().sum().backward()
    for network in (encoder, generator):
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name


def test_the_gradient_penalty_reaches_every_weight_before_the_last_bias() -> None:
    discriminator, real = TINY.discriminator(), photos(2).requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    gradient.square().sum().backward()
    for name, parameter in discriminator.named_parameters():
        if name.endswith("weight"):
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("network", ["encoder", "generator", "discriminator"])
def test_bfloat16_is_near_float32(network: str) -> None:
    built = getattr(TINY, network)()
    given = torch.randn(2, TINY.style_dim) if network == "generator" else photos(2)
    with torch.no_grad():
        exact = built(given)
        with torch.autocast("cpu", torch.bfloat16):
            rough = built(given)
    assert rough.dtype == torch.float32
    assert float((rough - exact).abs().max()) < 0.1 * float(exact.abs().max())
