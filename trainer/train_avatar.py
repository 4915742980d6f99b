"""Training the avatar model end to end: encoder, generator and renderer against a discriminator (Sec. 3.1).

From two views of a person (Fig. 2, without the inpainting block):

    I_rgb --E, G--> T_gen  ⊕  T_rgb, B_smp, B_fill (sampled from I_rgb)  =  T                       Eq. 2
    T, rasterized on the body of the other view, --θ--> I_rend and its mask                          Eq. 3
    Loss(I_rend, I_GT) over one random background                                                    Eq. 4
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from dinar.trainer.ablation import Reads, restrict
from dinar.trainer.data.avatar_samples import AvatarBatch
from dinar.trainer.losses import LossWeights, avatar_losses, discriminator_loss, r1_penalty
from dinar.trainer.lpips import PerceptualLoss
from dinar.trainer.models.avatar_networks import AvatarNetworks, save_avatar_networks
from dinar.trainer.models.presets import AvatarPreset
from dinar.trainer.models.renderer import save_renderer
from dinar.trainer.models.run_folder import RunFolder
from dinar.trainer.picture import Picture
from dinar.trainer.train_views import Drawn, PreviewSamples, crop_corners, preview_of, raster_of, target_of
from dinar.trainer.training.batch_norm import share_batch_norm
from dinar.trainer.training.checkpoint import Part
from dinar.trainer.training.ema import Average
from dinar.trainer.training.loop import Preview, Term
from dinar.trainer.training.processes import Processes

LEARNING_RATE = 2e-3  # Sec. 4.1
TEXTURE_RATE = 2e-4
"""Of E and G. At the paper's rate, stated for everything, T_gen is at its bounds after 40 steps and the same
for everybody from then on: in layers with hundreds of inputs small steps of all weights add up."""
BETAS = (0.0, 0.99)  # Adam's, as StyleGAN2 trains
AVERAGE_DECAY = 0.999


class AvatarTraining:
    """A `Trainee`: E, G and θ on one side, D on the other."""

    def __init__(
        self,
        preset: AvatarPreset,
        perceptual: PerceptualLoss,
        previews: PreviewSamples[AvatarBatch],
        here: Processes,
        weights: LossWeights | None = None,
        reads: Reads = "both",
    ) -> None:
        """Draw fresh weights from torch's random generator.

        Args:
            preset: sizes of everything.
            perceptual: distance of Eq. 4.
            previews: for sheets and scores.
            here: this process.
            weights: of the losses; the paper's when left out.
            reads: what θ is given of the texture.
        """
        self.networks = AvatarNetworks(preset)
        restrict(self.networks.renderer, reads)
        self.discriminator = preset.discriminator()
        if here.ranks > 1:
            share_batch_norm(self.networks)
        self.networks.to(here.device)
        self.discriminator.to(here.device)
        self.average = Average(self.networks, AVERAGE_DECAY)
        self._optimizer = _adam(
            (self.networks.encoder, TEXTURE_RATE),
            (self.networks.generator, TEXTURE_RATE),
            (self.networks.renderer, LEARNING_RATE),
        )
        self._critic = _adam((self.discriminator, LEARNING_RATE))
        self._perceptual = perceptual.distance.to(here.device)
        self._weights = weights or LossWeights()
        self._preset, self._previews, self._here = preset, previews, here

    def parts(self) -> tuple[Part, ...]:
        """See `Trainee`."""
        return (
            Part("networks", self.networks),
            Part("average", self.average.network),
            Part("discriminator", self.discriminator),
            Part("optimizer", self._optimizer),
            Part("discriminator_optimizer", self._critic),
        )

    def step(self, batch: AvatarBatch, step: int, chance: torch.Generator) -> tuple[Term, ...]:
        """Eq. 4 for E, G and θ, then the discriminator's side of it; see `Trainee`."""
        batch = batch.to(self._here.device)
        self.networks.train()
        with self._here.autocast():
            _, predicted = draw(self.networks, batch)
        target = target_of(batch)
        drawn = self._improve(predicted, target, batch, chance)
        self.average.update(self.networks, step)
        judged = self._criticize(predicted.before(batch.background), target.before(batch.background), step)
        return drawn + judged

    def _improve(
        self, predicted: Picture, target: Picture, batch: AvatarBatch, chance: torch.Generator
    ) -> tuple[Term, ...]:
        """One step of E, G and θ."""
        self.discriminator.requires_grad_(False)
        with self._here.autocast():
            logits = self.discriminator(predicted.before(batch.background))
        losses = avatar_losses(
            predicted,
            target,
            batch.background,
            batch.face,
            crop_corners(batch, self._weights.crop, chance, self._here),
            self._perceptual,
            self._weights,
            logits,
        )
        self._optimizer.zero_grad()
        losses.total.backward()
        self._here.average_gradients(self.networks.parameters())
        self._optimizer.step()
        return tuple(Term(name, value.detach()) for name, value in vars(losses).items())

    def _criticize(self, fake: torch.Tensor, real: torch.Tensor, step: int) -> tuple[Term, ...]:
        """One step of D, with R1 in one of sixteen ("lazy")."""
        self.discriminator.requires_grad_(True)
        with self._here.autocast():
            real_logits, fake_logits = self.discriminator(real), self.discriminator(fake.detach())
        loss = discriminator_loss(real_logits, fake_logits)
        terms = [Term("discriminator", loss.detach())]
        weight = self._weights.r1_at(step)
        if weight > 0:
            penalty = r1_penalty(self.discriminator, real)
            loss = loss + weight * penalty
            terms.append(Term("r1", penalty.detach()))
        self._critic.zero_grad()
        loss.backward()
        self._here.average_gradients(self.discriminator.parameters())
        self._critic.step()
        return tuple(terms)

    @torch.no_grad()
    def preview(self) -> Preview:
        """Draw views that are not trained on with the averaged networks; see `Trainee`."""
        drawn = []
        for kept in self._previews.batches:
            batch = kept.to(self._here.device)
            drawn.append(Drawn(batch, *draw(self.average.network, batch)))
        return preview_of(self._previews.kind, drawn)

    def publish(self, folder: Path, step: int) -> None:
        """Write the averaged networks: all three, and the renderer as the runtime's tools take it."""
        save_avatar_networks(RunFolder(folder).networks, self.average.network, step)
        save_renderer(RunFolder(folder).checkpoint, self.average.network.renderer, step=step)


def _adam(*rates: tuple[nn.Module, float]) -> torch.optim.Adam:
    """Adam of Sec. 4.1 for networks and their learning rates, all weights in one pass over memory."""
    groups = [{"params": [*network.parameters()], "lr": rate} for network, rate in rates]
    return torch.optim.Adam(groups, betas=BETAS, fused=True)


def draw(networks: AvatarNetworks, batch: AvatarBatch) -> tuple[torch.Tensor, Picture]:
    """Eq. 2 and 3.

    Returns:
        T_gen, float32 [B, 16, T, T] in [-1, 1], and I_rend with its mask, float32.
    """
    gen = networks.generate(batch.photo.float() / 255)  # bytes => [0, 1]
    return gen, Picture.of_rgba(networks.renderer(raster_of(gen, batch)).float())
