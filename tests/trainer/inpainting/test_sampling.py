"""Samplers: from noise to what a denoiser that knows the answer would draw."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dinar.trainer.inpainting.sampling import SAMPLERS, Sampler, noise_schedule, sample_latents
from dinar.trainer.models.denoiser import STEPS, Condition, Denoiser
from dinar.trainer.models.inpainting_presets import TINY


class Knowing(Denoiser):
    """Finds what there is to find, exactly, for latents that are normal with a known mean and deviation."""

    mean, deviation = 2.0, 0.5

    def forward(self, noisy: torch.Tensor, step: torch.Tensor, condition: Condition) -> torch.Tensor:  # noqa: ARG002
        kept = noise_schedule().alphas_cumprod[step][:, None, None, None]
        variance = kept * self.deviation**2 + 1 - kept
        noise = (1 - kept).sqrt() * (noisy - kept.sqrt() * self.mean) / variance
        clean = (noisy - (1 - kept).sqrt() * noise) / kept.sqrt()
        return noise if self.config.target == "noise" else kept.sqrt() * noise - (1 - kept).sqrt() * clean


@pytest.fixture(scope="module", params=["noise", "velocity"])
def knowing(request: pytest.FixtureRequest) -> Denoiser:
    return Knowing(replace(TINY.denoiser, target=request.param)).eval()


def condition(count: int = 4) -> Condition:
    return Condition(torch.zeros(count, 6, 16, 16), torch.zeros(count, 1, 16, 16))


def chance(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("sampler", "steps"), [("ddpm", 200), ("ddim", 50), ("dpm++", 8)])
def test_samples_have_the_distribution_that_the_denoiser_knows(
    knowing: Denoiser, sampler: Sampler, steps: int
) -> None:
    drawn = sample_latents(knowing, condition(), sampler, steps, chance(0))
    assert float(drawn.mean()) == pytest.approx(2.0, abs=0.05)
    assert float(drawn.std()) == pytest.approx(0.5, rel=0.15)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_draws_the_same_and_another_something_else(knowing: Denoiser, sampler: Sampler) -> None:
    first, again, other = (sample_latents(knowing, condition(1), sampler, 5, chance(n)) for n in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_latents_come_back_in_the_autoencoders_range() -> None:
    denoiser = Knowing(TINY.denoiser).eval()
    denoiser.learn_range(10 * torch.randn(50, 6, 16, 16) + 100)
    drawn = sample_latents(denoiser, condition(), "dpm++", 12, chance(0))
    assert float(drawn.mean()) == pytest.approx(100 + 10 * 2.0, abs=2)


def test_progress_counts_the_steps(knowing: Denoiser) -> None:
    told: list[tuple[int, int]] = []
    sample_latents(
        knowing, condition(1), "ddim", 3, chance(0), lambda done, total: told.append((done, total))
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("steps", [0, STEPS + 1])
def test_numbers_of_steps_that_cannot_be_are_refused(knowing: Denoiser, steps: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 1000 steps"):
        sample_latents(knowing, condition(1), "ddim", steps, chance(0))
