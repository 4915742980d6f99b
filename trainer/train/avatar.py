"""Training the avatar model end to end: encoder, generator and renderer against a discriminator (Sec. 3.1).

From two views of a person (Fig. 2, without the inpainting block):

    I_rgb --E, G--> T_gen  ⊕  T_rgb, B_smp, B_fill (sampled from I_rgb)  =  T                       Eq. 2
    T, rasterized on the body of the other view, --θ--> I_rend and its mask                          Eq. 3
    Loss(I_rend, I_GT) over one random background                                                    Eq. 4
"""

from __future__ import annotations

from pathlib import Path

import torch

from dinar.runtime.network_input import GEN_CHANNELS
from dinar.trainer.data.avatar_samples import AvatarBatch
from dinar.trainer.losses.avatar_losses import LossWeights
from dinar.trainer.losses.lpips import PerceptualLoss
from dinar.trainer.models.avatar_networks import NETWORKS, AvatarNetworks, save_avatar_networks
from dinar.trainer.models.presets import AvatarPreset
from dinar.trainer.picture import Picture
from dinar.trainer.train.ablation import Reads, restrict
from dinar.trainer.train.adversary import LEARNING_RATE, Adversary, adam
from dinar.trainer.train.picture_loss import PictureLoss
from dinar.trainer.train.run.batch_norm import share_batch_norm
from dinar.trainer.train.run.checkpoint import Part
from dinar.trainer.train.run.ema import Average
from dinar.trainer.train.run.loop import Preview, Term
from dinar.trainer.train.run.processes import Processes
from dinar.trainer.train.views import Drawn, PreviewSamples, preview_of, raster_of, target_of

TEXTURE_RATE = 2e-4
"""Of E and G. At the paper's rate, stated for everything, T_gen is at its bounds after 40 steps and the same
for everybody from then on: in layers with hundreds of inputs small steps of all weights add up."""
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
        weights = weights or LossWeights()
        discriminator = preset.discriminator()
        if here.ranks > 1:
            share_batch_norm(self.networks)
        self.networks.to(here.device)
        self.adversary = Adversary(discriminator, weights, here)
        self._picture_loss = PictureLoss(perceptual, weights, here)
        self.average = Average(self.networks, AVERAGE_DECAY)
        self._optimizer = adam(
            (self.networks.encoder, TEXTURE_RATE),
            (self.networks.generator, TEXTURE_RATE),
            (self.networks.renderer, LEARNING_RATE),
        )
        self._previews, self._here, self._reads = previews, here, reads

    def parts(self) -> tuple[Part, ...]:
        """See `Trainee`."""
        return (
            Part("networks", self.networks),
            Part("average", self.average.network),
            Part("optimizer", self._optimizer),
            *self.adversary.parts(),
        )

    def step(self, batch: AvatarBatch, step: int, chance: torch.Generator) -> tuple[Term, ...]:
        """Eq. 4 for E, G and θ, then the discriminator's side of it; see `Trainee`."""
        batch = batch.to(self._here.device)
        self.networks.train()
        with self._here.autocast():
            _, predicted = draw(self.networks, batch, self._reads)
        target, fake = target_of(batch), predicted.before(batch.background)
        losses = self._picture_loss(predicted, target, batch, chance, self.adversary.judge(fake))
        self._improve(losses.total, step)
        judged = self.adversary.learn(fake, target.before(batch.background), step)
        return (*(Term(name, value.detach()) for name, value in vars(losses).items()), *judged)

    def _improve(self, total: torch.Tensor, step: int) -> None:
        """One step of E, G and θ, and of their averages."""
        self._optimizer.zero_grad()
        total.backward()
        self._here.average_gradients(self.networks.parameters())
        self._optimizer.step()
        self.average.update(self.networks, step)

    @torch.no_grad()
    def preview(self) -> Preview:
        """Draw views that are not trained on with the averaged networks; see `Trainee`."""
        drawn = []
        for kept in self._previews.batches:
            batch = kept.to(self._here.device)
            drawn.append(Drawn(batch, *draw(self.average.network, batch, self._reads)))
        return preview_of(self._previews.kind, drawn)

    def publish(self, folder: Path, step: int) -> None:
        """Write the averaged networks."""
        save_avatar_networks(folder / NETWORKS, self.average.network, step)


def draw(networks: AvatarNetworks, batch: AvatarBatch, reads: Reads) -> tuple[torch.Tensor, Picture]:
    """Eq. 2 and 3.

    Returns:
        T_gen, float32 [B, 16, T, T] in [-1, 1], zeros when θ does not read it, and I_rend with its mask,
        float32.
    """
    if reads == "rgb":
        gen = batch.rgb.new_zeros((len(batch), GEN_CHANNELS, *batch.rgb.shape[2:]), dtype=torch.float32)
    else:
        gen = networks.generate(batch.photo.float() / 255)  # bytes => [0, 1]
    return gen, Picture.of_rgba(networks.renderer(raster_of(gen, batch)).float())
