"""Samplers: from noise to what a denoiser that knows the answer would draw."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dinar.trainer.inpainting.sampling import SAMPLERS, Sampler, Sampling, noise_schedule, sample_latents
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
    drawn = sample_latents(knowing, condition(), Sampling(sampler, steps, 1), chance(0))
    assert float(drawn.mean()) == pytest.approx(2.0, abs=0.05)
    assert float(drawn.std()) == pytest.approx(0.5, rel=0.15)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_draws_the_same_and_another_something_else(knowing: Denoiser, sampler: Sampler) -> None:
    sampling = Sampling(sampler, 5, strength=1)
    first, again, other = (sample_latents(knowing, condition(1), sampling, chance(n)) for n in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_latents_come_back_in_the_autoencoders_range() -> None:
    denoiser = Knowing(TINY.denoiser).eval()
    denoiser.learn_range(10 * torch.randn(50, 6, 16, 16) + 100)
    drawn = sample_latents(denoiser, condition(), Sampling("dpm++", 12, 1), chance(0))
    assert float(drawn.mean()) == pytest.approx(100 + 10 * 2.0, abs=2)


def test_progress_counts_the_steps(knowing: Denoiser) -> None:
    told: list[tuple[int, int]] = []
    sampling = Sampling("ddim", 3, strength=1)
    sample_latents(knowing, condition(1), sampling, chance(0), progress=lambda *each: told.append(each))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("steps", [0, STEPS + 1])
def test_numbers_of_steps_that_cannot_be_are_refused(steps: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 1000 steps"):
        Sampling(steps=steps)


@pytest.mark.parametrize("strength", [0.0, 1.1])
def test_strengths_that_cannot_be_are_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="expected a strength above 0"):
        Sampling(strength=strength)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_guess_counts_the_more_the_lower_the_strength(sampler: Sampler) -> None:
    """The denoiser knows latents around 2; the guess is 5 everywhere."""
    denoiser = Knowing(TINY.denoiser).eval()
    guess = torch.full((4, 6, 16, 16), 5.0)
    means = [
        float(sample_latents(denoiser, condition(), Sampling(sampler, 100, each), chance(0), guess).mean())
        for each in (0.05, 0.3, 0.6, 1.0)
    ]
    assert means == sorted(means, reverse=True)
    assert means[0] > 4
    assert means[-1] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_steps_above_the_strength_are_left_out_but_never_all(knowing: Denoiser, sampler: Sampler) -> None:
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))

    guess = torch.zeros(1, 6, 16, 16)
    sample_latents(knowing, condition(1), Sampling(sampler, 10, 0.5), chance(0), guess, progress)
    assert 1 < len(told) < 10
    assert told[-1] == (len(told), len(told))
    told.clear()
    sample_latents(knowing, condition(1), Sampling(sampler, 1, 0.1), chance(0), guess, progress)
    assert told == [(1, 1)]


def test_a_strength_below_one_needs_a_guess(knowing: Denoiser) -> None:
    with pytest.raises(ValueError, match="needs a guess"):
        sample_latents(knowing, condition(1), Sampling(strength=0.5), chance(0))
