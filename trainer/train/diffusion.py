"""Training the diffusion model that completes textures (Sec. 3.3, 4.1, Eq. 1).

x_t = noise added to T_c, the merged texture's latents, up to step t
|eps - eps_w(x_t ⊕ T_c^j ⊕ b(B_fill^j), t)|²,   t evenly from 1..T

or the same of the velocity, where the network finds that (`models/denoiser.py`).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional as F

from dinar.trainer.data.person_latents import LatentBatch
from dinar.trainer.inpainting.sampling import Sampling, noise_schedule, sample_latents
from dinar.trainer.models.denoiser import DENOISER, STEPS, Denoiser, save_denoiser
from dinar.trainer.models.vqgan import TextureVqgan
from dinar.trainer.train.run.checkpoint import Part
from dinar.trainer.train.run.ema import Average
from dinar.trainer.train.run.loop import Preview, Term
from dinar.trainer.train.run.processes import Processes
from dinar.trainer.train.run.sheets import lay_out

AVERAGE_DECAY = 0.999
_PREVIEW, _SEEDS = Sampling("dpm++", 20, strength=1), (0, 1)
_SHEET_SIDE = 192


class DiffusionTraining:
    """A `Trainee`: the denoiser. The autoencoder, which previews are decoded by, stays as it is."""

    def __init__(
        self,
        denoiser: Denoiser,
        vqgan: TextureVqgan,
        previews: LatentBatch,
        kind: str,
        rate: float,
        here: Processes,
    ) -> None:
        """Take the denoiser, whose range of latents is known.

        Args:
            denoiser: with fresh weights.
            vqgan: in evaluation mode.
            previews: people who are not trained on, if there are any.
            kind: of those people: "val" or "train".
            rate: AdamW's learning rate.
            here: this process.
        """
        self.denoiser = denoiser.to(here.device)
        self.average = Average(self.denoiser, AVERAGE_DECAY)
        self._optimizer = torch.optim.AdamW(self.denoiser.parameters(), rate)
        self._schedule = noise_schedule()
        self._vqgan = vqgan.to(here.device)
        self._previews, self._kind, self._here = previews, kind, here

    def parts(self) -> tuple[Part, ...]:
        """See `Trainee`."""
        return (
            Part("denoiser", self.denoiser),
            Part("average", self.average.network),
            Part("optimizer", self._optimizer),
        )

    def step(self, batch: LatentBatch, step: int, chance: torch.Generator) -> tuple[Term, ...]:
        """Eq. 1; see `Trainee`."""
        batch = batch.to(self._here.device)
        self.denoiser.train()
        loss = self._loss(self.denoiser, batch, *self._own_chance(batch, chance))
        self._optimizer.zero_grad()
        loss.backward()
        self._here.average_gradients(self.denoiser.parameters())
        self._optimizer.step()
        self.average.update(self.denoiser, step)
        return (Term(self.denoiser.config.target, loss.detach()),)

    def _own_chance(self, batch: LatentBatch, chance: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise and steps t for this process's share of the batch, drawn for those of all processes."""
        share, here = len(batch), self._here
        own = slice(here.rank * share, (here.rank + 1) * share)
        noise = torch.randn((share * here.ranks, *batch.complete.shape[1:]), generator=chance)[own]
        t = torch.randint(STEPS, (share * here.ranks,), generator=chance)[own]
        return noise.to(here.device), t.to(here.device)

    def _loss(
        self, denoiser: Denoiser, batch: LatentBatch, noise: torch.Tensor, t: torch.Tensor
    ) -> torch.Tensor:
        """Eq. 1: float32 []."""
        clean = denoiser.normalized(batch.complete)
        noisy = self._schedule.add_noise(clean, noise, t)
        with self._here.autocast():
            found = denoiser(noisy, t, batch.condition)
        finds_noise = denoiser.config.target == "noise"
        return F.mse_loss(found, noise if finds_noise else self._schedule.get_velocity(clean, noise, t))

    @torch.no_grad()
    def preview(self) -> Preview:
        """Complete textures of people who are not trained on, twice each; see `Trainee`."""
        batch, denoiser = self._previews.to(self._here.device), self.average.network
        chance = torch.Generator().manual_seed(0)
        noise = torch.randn(batch.complete.shape, generator=chance).to(self._here.device)
        t = torch.linspace(0, STEPS - 1, len(batch), device=self._here.device).long()
        loss = self._loss(denoiser, batch, noise, t)
        drawn = [
            sample_latents(denoiser, batch.condition, _PREVIEW, torch.Generator().manual_seed(seed))
            for seed in _SEEDS
        ]
        each = [self._vqgan.decode(latents).texture for latents in (batch.partial, *drawn, batch.complete)]
        unseen = F.interpolate(batch.fill, each[-1].rgb.shape[2:]) < 0.5
        apart = (each[1].rgb - each[-1].rgb).abs().mean(1, keepdim=True)[unseen].mean()
        columns = [texture.rgb for texture in each] + [0.5 * (1 + texture.gen[:, :3]) for texture in each[1:]]
        return Preview(
            lay_out(columns, _SHEET_SIDE),
            (
                Term(f"{self._kind} {denoiser.config.target}", loss),
                Term(f"{self._kind} colours unseen", apart),
            ),
        )

    def publish(self, folder: Path, step: int) -> None:
        """Write the averaged denoiser."""
        save_denoiser(folder / DENOISER, self.average.network, step)
