"""From noise to latents: the reverse process of Sec. 2 and 3.4, with three samplers of diffusers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch

from dinar.runtime.errors import UsageError
from dinar.trainer.models.denoiser import STEPS, Condition, Denoiser, Target

Sampler = Literal["ddpm", "ddim", "dpm++"]
"""ddpm: the process as it was trained, by chance at every step (Ho et al. 2020). ddim: without chance after
the first noise (Song et al. 2021). dpm++: likewise, of second order, at steps that lie evenly in the
logarithm of signal over noise (DPM-Solver++ 2M, Lu et al. 2022): for latents whose distribution is known, 8
of its steps come nearer than 50 that lie evenly in t."""
SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)

STRENGTH = 1.0
"""Pure noise, as in the paper. Less keeps more of a guess: clothes are nearer to the photo's, but faces are
lost where hair is mirrored."""

_FIRST_BETA, _LAST_BETA = 0.0015, 0.0195  # of latent diffusion (Rombach et al. 2022), linear in their roots


@dataclass(frozen=True)
class Sampling:
    """How latents are drawn.

    Attributes:
        sampler: see `Sampler`.
        steps: M of Sec. 3.4, 1 to `STEPS`: of the whole way from pure noise.
        strength: above 0, at most 1. At 1 the way begins with pure noise (Sec. 3.4). Below, a first guess is
            given noise up to that part of the way, and what comes after is done (SDEdit, Meng et al. 2022).
    """

    sampler: Sampler = "dpm++"
    steps: int = 20
    strength: float = STRENGTH

    def __post_init__(self) -> None:
        """Raise ValueError for values that cannot be."""
        if not 1 <= self.steps <= STEPS:
            raise ValueError(f"expected 1 to {STEPS} steps, not {self.steps}")
        if not 0 < self.strength <= 1:
            raise ValueError(f"expected a strength above 0, at most 1, not {self.strength}")


def check_sampling(steps: int, strength: float) -> None:
    """Raise UsageError for what --sampler-steps and --strength cannot be."""
    if not 1 <= steps <= STEPS:
        raise UsageError(f"--sampler-steps must be from 1 to {STEPS}, not {steps}")
    if not 0 < strength <= 1:
        raise UsageError(f"--strength must be above 0 and at most 1, not {strength:g}")


def noise_schedule(target: Target = "noise") -> Any:
    """Diffusers' process: how much noise there is at each of the `STEPS` steps, and back by chance."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(**_settings(target), clip_sample=False)


def _settings(target: Target) -> dict[str, Any]:  # keyword arguments that all of diffusers' schedulers take
    return {
        "num_train_timesteps": STEPS,
        "beta_start": _FIRST_BETA,
        "beta_end": _LAST_BETA,
        "beta_schedule": "scaled_linear",
        "prediction_type": {"noise": "epsilon", "velocity": "v_prediction"}[target],
    }


def _scheduler(sampler: Sampler, target: Target) -> Any:
    if sampler == "ddpm":
        return noise_schedule(target)
    from diffusers import DDIMScheduler, DPMSolverMultistepScheduler

    if sampler == "ddim":
        return DDIMScheduler(**_settings(target), clip_sample=False, set_alpha_to_one=False)
    return DPMSolverMultistepScheduler(
        **_settings(target), algorithm_type="dpmsolver++", solver_order=2, use_lu_lambdas=True
    )


@torch.no_grad()
def sample_latents(
    denoiser: Denoiser,
    condition: Condition,
    sampling: Sampling,
    chance: torch.Generator,
    guess: torch.Tensor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> torch.Tensor:
    """Draw complete latents for what photos show: denoising steps from noise (Sec. 3.4).

    Args:
        denoiser: in evaluation mode.
        condition: of B people, on the denoiser's device.
        sampling: how.
        chance: on the CPU: the same noise on every device.
        guess: float32 [B, code_size, h, w], complete latents to begin with, as E_VQ gives them; needed where
            `sampling.strength` is below 1.
        progress: told how many steps are done, and of how many.

    Returns:
        float32 [B, code_size, h, w], as E_VQ gives them.
    """
    scheduler = _scheduler(sampling.sampler, denoiser.config.target)
    scheduler.set_timesteps(sampling.steps)
    device, way = condition.partial.device, scheduler.timesteps
    x = torch.randn(condition.partial.shape, generator=chance).to(device)
    if sampling.strength < 1:
        if guess is None:
            raise ValueError(f"a strength of {sampling.strength} needs a guess to begin with")
        skipped = int((way >= sampling.strength * STEPS).sum())
        way = way[min(skipped, len(way) - 1) :]
        x = scheduler.add_noise(denoiser.normalized(guess), x, way[:1])
    for done, t in enumerate(way):
        found = denoiser(x, t.to(device).expand(len(x)), condition)
        more = {"generator": chance} if sampling.sampler == "ddpm" else {}
        x = scheduler.step(found, t, x, **more).prev_sample
        if progress is not None:
            progress(done + 1, len(way))
    return denoiser.restored(x)
