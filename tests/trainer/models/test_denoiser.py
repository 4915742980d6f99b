"""The denoising network: shapes, its condition, its range of latents, its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dinar.runtime.errors import DinarError
from dinar.trainer.models.denoiser import Condition, Denoiser, load_denoiser, save_denoiser
from dinar.trainer.models.description import describe_denoiser
from dinar.trainer.models.inpainting_presets import INPAINTING_PRESETS, PAPER, SMALL, TINY


def condition(count: int) -> Condition:
    chance = torch.Generator().manual_seed(0)
    return Condition(
        torch.randn(count, 6, 16, 16, generator=chance), torch.rand(count, 1, 16, 16, generator=chance)
    )


AS_IN_THE_PAPER = replace(TINY.denoiser, target="noise", place_features=0, block=1)


@pytest.fixture(params=[AS_IN_THE_PAPER, TINY.denoiser], ids=["as in the paper", "tiny"])
def denoiser(request: pytest.FixtureRequest) -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(request.param).eval()


def test_places_are_told_apart_at_every_size() -> None:
    torch.manual_seed(0)
    denoiser = Denoiser(TINY.denoiser).eval()
    assert denoiser.place is not None
    for side in (16, 32):
        nothing = Condition(torch.zeros(1, 6, side, side), torch.zeros(1, 1, side, side))
        with torch.no_grad():
            found = denoiser(torch.zeros(1, 6, side, side), torch.tensor([500]), nothing)
            denoiser.place *= -1
            turned = denoiser(torch.zeros(1, 6, side, side), torch.tensor([500]), nothing)
        assert not torch.allclose(found, turned, atol=1e-3)


def test_all_that_it_is_given_counts(denoiser: Denoiser) -> None:
    noisy, given, step = torch.randn(2, 6, 16, 16), condition(2), torch.tensor([5, 900])
    with torch.no_grad():
        found = denoiser(noisy, step, given)
        assert found.shape == (2, 6, 16, 16)
        others = (
            denoiser(noisy + 0.1, step, given),
            denoiser(noisy, step + 50, given),
            denoiser(noisy, step, Condition(given.partial + 0.1, given.fill)),
            denoiser(noisy, step, Condition(given.partial, 1 - given.fill)),
        )
    assert all(not torch.allclose(found, other) for other in others)


def test_latents_are_brought_to_unit_variance_and_back(denoiser: Denoiser) -> None:
    latents = 3 * torch.randn(50, 6, 16, 16) + torch.arange(6)[:, None, None]
    denoiser.learn_range(latents)
    normalized = denoiser.normalized(latents)
    torch.testing.assert_close(normalized.mean((0, 2, 3)), torch.zeros(6), atol=1e-4, rtol=0)
    torch.testing.assert_close(normalized.std((0, 2, 3)), torch.ones(6), atol=1e-4, rtol=0)
    torch.testing.assert_close(denoiser.restored(normalized), latents, atol=1e-4, rtol=1e-4)


def test_a_saved_denoiser_comes_back_with_its_range(denoiser: Denoiser, tmp_path: Path) -> None:
    denoiser.learn_range(2 * torch.randn(9, 6, 16, 16) + 1)
    save_denoiser(tmp_path / "denoiser.pt", denoiser, step=7)
    found = load_denoiser(tmp_path / "denoiser.pt")
    noisy, given, step = torch.randn(1, 6, 16, 16), condition(1), torch.tensor([5])
    with torch.no_grad():
        assert torch.equal(found(noisy, step, given), denoiser(noisy, step, given))
    torch.save({"denoiser": "{}"}, tmp_path / "other.pt")
    with pytest.raises(DinarError, match=r"other\.pt: expected a denoiser of `dinar train diffusion`"):
        load_denoiser(tmp_path / "other.pt")
    with pytest.raises(DinarError, match="cannot be read"):
        load_denoiser(tmp_path / "nothing.pt")


def test_weights_that_are_not_finite_are_refused(denoiser: Denoiser, tmp_path: Path) -> None:
    denoiser.spread[2] = float("nan")
    save_denoiser(tmp_path / "denoiser.pt", denoiser, step=7)
    with pytest.raises(DinarError, match=r"denoiser\.pt: spread holds numbers that are not finite"):
        load_denoiser(tmp_path / "denoiser.pt")


@pytest.mark.parametrize("change", [{"widths": (8,)}, {"widths": (8, 18)}, {"head": 3}])
def test_sizes_that_do_not_fit_together_are_refused(change: dict) -> None:
    with pytest.raises(ValueError, match="a denoiser expects"):
        replace(TINY.denoiser, **change)


def test_presets_take_latents_of_the_autoencoder() -> None:
    for preset in INPAINTING_PRESETS.values():
        assert preset.denoiser.code_size == preset.vqgan.code_size
    assert describe_denoiser(SMALL.denoiser, 64).gives == (6, 64, 64)
    assert (PAPER.diffusion_batch, PAPER.diffusion_steps, PAPER.diffusion_rate) == (128, 50_000, 1e-6)
    own = (PAPER.denoiser.target, PAPER.denoiser.place_features, PAPER.denoiser.block)
    assert own == ("noise", 0, 1)
    assert PAPER.denoiser.dropout == 0.5
    assert SMALL.denoiser.side == SMALL.vqgan.side


def test_the_papers_has_attention_on_three_levels_and_halves_by_residual_blocks() -> None:
    with torch.device("meta"):
        model = Denoiser(PAPER.denoiser).model
    blocks = [*model.down_blocks, *model.up_blocks]
    attentive = [block for block in blocks if getattr(block, "attentions", None)]
    assert len(attentive) == 2 * 3
    halving = [block.downsamplers for block in model.down_blocks if block.downsamplers]
    doubling = [block.upsamplers for block in model.up_blocks if block.upsamplers]
    assert len(halving) == len(doubling) == 3
    assert all("ResnetBlock2D" in type(layer).__name__ for layers in halving + doubling for layer in layers)
