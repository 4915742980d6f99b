"""The autoencoder of textures: shapes, channels, its dictionary, its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dinar.runtime.errors import DinarError
from dinar.trainer.models.description import describe_vqgan
from dinar.trainer.models.inpainting_presets import INPAINTING_PRESETS, PAPER, SMALL, TINY
from dinar.trainer.models.patch_components import PatchMoments, weighted
from dinar.trainer.models.presets import PRESETS
from dinar.trainer.models.texture_batch import TextureBatch
from dinar.trainer.models.vqgan import TextureVqgan, load_vqgan, save_vqgan


def textures(count: int, side: int = 64) -> TextureBatch:
    chance = torch.Generator().manual_seed(0)
    gen = 2 * torch.rand(count, 16, side, side, generator=chance) - 1
    rgb, smp, fill = (torch.rand(count, c, side, side, generator=chance) for c in (3, 1, 1))
    return TextureBatch(gen, rgb, (smp > 0.5).float(), (fill > 0.3).float())


@pytest.fixture
def vqgan() -> TextureVqgan:
    torch.manual_seed(0)
    made = TextureVqgan(TINY.vqgan)
    with torch.no_grad():
        made.model.quantize.embedding.weight.normal_()  # a dictionary that is spread as the latents are
        for last in (made.model.quant_conv, made.model.decoder.conv_out):  # as if they had learned something
            last.weight.normal_(0, 0.1)
    return made


def test_stacking_keeps_every_channel_and_brings_all_to_one_range() -> None:
    texture = textures(2)
    stacked = texture.stacked()
    assert stacked.shape == (2, 21, 64, 64)
    assert float(stacked.min()) >= -1
    back = TextureBatch.of_stacked(stacked)
    for name, value in vars(texture).items():
        torch.testing.assert_close(getattr(back, name), value, atol=1e-6, rtol=0)
    beyond = TextureBatch.of_stacked(3 * stacked)
    assert float(beyond.rgb.min()) == 0
    assert float(beyond.gen.max()) == 1


def test_a_texture_becomes_a_quarter_of_its_sides_and_comes_back(vqgan: TextureVqgan) -> None:
    texture = textures(2)
    restored = vqgan(texture)
    assert restored.latents.shape == (2, 6, 16, 16)
    assert restored.codes.shape == (2, 16, 16)
    assert restored.channels.shape == (2, 21, 64, 64)
    torch.testing.assert_close(restored.latents, vqgan.encode(texture))


def test_the_decoder_sees_nothing_but_the_nearest_vectors(vqgan: TextureVqgan) -> None:
    vqgan.eval()
    latents = torch.randn(1, 6, 16, 16)
    dictionary = vqgan.model.quantize.embedding.weight
    restored = vqgan.decode(latents)
    apart = (latents[0].permute(1, 2, 0)[:, :, None] - dictionary).square().sum(-1)
    assert torch.equal(restored.codes[0], apart.argmin(-1))
    nearest = dictionary[restored.codes].permute(0, 3, 1, 2)
    torch.testing.assert_close(vqgan.decode(nearest).channels, restored.channels, atol=1e-5, rtol=1e-4)


def test_gradients_reach_the_encoder_through_the_dictionary(vqgan: TextureVqgan) -> None:
    vqgan(textures(1)).channels.square().mean().backward()
    for name, parameter in vqgan.model.encoder.named_parameters():
        assert parameter.grad is not None, name
    assert float(vqgan.model.encoder.conv_in.weight.grad.abs().max()) > 0
    assert vqgan.model.quantize.embedding.weight.grad is None, "the dictionary learns from the commitment"
    vqgan(textures(1)).commitment.backward()
    assert float(vqgan.model.quantize.embedding.weight.grad.abs().max()) > 0


def test_vectors_that_nothing_is_near_to_are_moved_to_latents(vqgan: TextureVqgan) -> None:
    dictionary, codes = vqgan.model.quantize.embedding.weight, TINY.vqgan.codes
    used = torch.zeros(codes, dtype=torch.bool)
    assert vqgan.revive(torch.full((5, 6), 7.0), used, patience=2) == codes, (
        "all of them when training begins"
    )
    assert (dictionary == 7).all()
    used[:10] = True
    assert [vqgan.revive(torch.full((1, 6), 8.0), used, patience=2) for _ in range(3)] == [0, 0, codes - 10]
    assert (dictionary[:10] == 7).all()
    assert (dictionary[10:] == 8).all()


def test_a_saved_autoencoder_comes_back(vqgan: TextureVqgan, tmp_path: Path) -> None:
    vqgan.revive(torch.randn(64, 6), torch.ones(64, dtype=torch.bool), patience=2)
    save_vqgan(tmp_path / "vqgan.pt", vqgan, step=7)
    found = load_vqgan(tmp_path / "vqgan.pt")
    assert found.config == vqgan.config
    with torch.no_grad():
        assert torch.equal(found(textures(1)).channels, vqgan.eval()(textures(1)).channels)
    torch.save({"vqgan": "{}"}, tmp_path / "other.pt")
    with pytest.raises(DinarError, match=r"other\.pt: expected a VQGAN saved by `dinar train vqgan`"):
        load_vqgan(tmp_path / "other.pt")
    with pytest.raises(DinarError, match="cannot be read"):
        load_vqgan(tmp_path / "nothing.pt")


@pytest.mark.parametrize(
    "change", [{"block": 1}, {"widths": (8, 16, 16)}, {"widths": (8, 18)}, {"codes": 0}, {"code_size": 0}]
)
def test_sizes_that_do_not_fit_together_are_refused(change: dict) -> None:
    with pytest.raises(ValueError, match="a VQGAN expects"):
        replace(TINY.vqgan, **change)


def test_presets_go_with_those_of_the_avatar_model_and_have_the_papers_latents() -> None:
    assert INPAINTING_PRESETS.keys() == PRESETS.keys()
    for preset in (PAPER, SMALL):
        assert (preset.vqgan.codes, preset.vqgan.code_size) == (8192, 6)
        encoder, decoder = describe_vqgan(preset.vqgan, 256, batch=1)
        assert encoder.gives == decoder.takes == (6, 64, 64)
        assert encoder.takes == decoder.gives
    assert (PAPER.vqgan_steps, PAPER.joint_steps) == (300_000, 20_000)


def test_small_networks_encode_how_a_texture_differs_from_the_usual_one(vqgan: TextureVqgan) -> None:
    vqgan.eval()
    first, second = textures(1), TextureBatch(*(1 - values for values in vars(textures(1)).values()))
    vqgan.learn_usual(first.stacked(), 1.0)
    expected = torch.nn.functional.avg_pool2d(first.stacked(), 4)
    torch.testing.assert_close(vqgan.usual, expected)
    vqgan.learn_usual(second.stacked(), 0.5)
    between = 0.5 * (first.stacked() + second.stacked())
    torch.testing.assert_close(vqgan.usual, torch.nn.functional.avg_pool2d(between, 4))
    latents = torch.randn(1, 6, 16, 16)
    before = vqgan.decode(latents).channels
    vqgan.usual += 0.25
    torch.testing.assert_close(vqgan.decode(latents).channels, before + 0.25)


def test_the_decoder_of_small_networks_knows_where_it_is(vqgan: TextureVqgan) -> None:
    vqgan.eval()
    flat = torch.zeros(1, 6, 16, 16)
    told = vqgan.decode(flat).channels
    with torch.no_grad():
        vqgan.start.place.zero_()
    assert (told - vqgan.decode(flat).channels).std((2, 3)).min() > 1e-3
    assert TextureVqgan(replace(TINY.vqgan, place_features=0)).start is None


def test_small_networks_start_as_principal_components() -> None:
    """Textures that are mixtures of as many patterns as a latent has numbers come back whole, untrained."""
    chance = torch.Generator().manual_seed(0)
    patterns = torch.randn(6, 21 * 4 * 4, generator=chance)

    def mixed(count: int) -> TextureBatch:
        squares = 0.02 * torch.randn(count, 6, 16, 16, generator=chance).permute(0, 2, 3, 1) @ patterns
        return TextureBatch.of_stacked(torch.nn.functional.pixel_shuffle(squares.permute(0, 3, 1, 2), 4))

    vqgan, moments = TextureVqgan(TINY.vqgan).eval(), PatchMoments(4)
    for _ in range(4):
        moments.add(moments.moments_of(vqgan.difference(mixed(8))))
    vqgan.start_linear(moments)
    texture = mixed(2)
    latents = vqgan.encode(texture)
    assert float(latents.square().mean()) == pytest.approx(1, rel=0.2)
    vqgan.model.quantize.embedding.weight.data[:] = latents.detach().permute(0, 2, 3, 1).reshape(-1, 6)[:64]
    first = vqgan.decode(latents).channels[0, :, :16]  # of the places that the dictionary holds
    torch.testing.assert_close(first, texture.stacked()[0, :, :16], atol=1e-4, rtol=0)


def test_hue_counts_more_than_brightness_and_that_more_than_generated_channels() -> None:
    def counts(*values: float, first: int = 16) -> float:
        difference = torch.zeros(1, 21, 8, 8)
        difference[:, first : first + len(values)] = torch.tensor(values)[:, None, None]
        square = weighted(difference).square().sum(1).mean()
        moments = PatchMoments(4).moments_of(difference)
        assert float(moments.trace()) / 16 == pytest.approx(float(square)), "the start weighs the same way"
        return float(square) / float(difference.square().sum(1).mean())

    hues = counts(0.1, -0.1, 0), counts(0.1, 0.1, -0.2)
    brightness, generated, seen = counts(0.1, 0.1, 0.1), counts(0.1, first=3), counts(0.5, first=20)
    assert min(hues) > 4 * brightness
    assert brightness > 4 * generated
    assert seen > 2 * generated


def test_networks_as_in_the_paper_have_no_such_start() -> None:
    plain = TextureVqgan(replace(TINY.vqgan, place_features=0))
    with pytest.raises(ValueError, match="has no linear way"):
        plain.start_linear(PatchMoments(4))
