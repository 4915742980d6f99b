"""Training the VQGAN of neural textures (Sec. 3.3, 4.1), on the networks of an avatar training.

Textures of one to four photos of a person, merged (Eq. 5), go through the autoencoder, are rasterized on the
body of another view and drawn:

    T --E_VQ, dictionary, D_VQ--> T_res --R, θ--> I_rend
    Loss(I_rend, I_GT) of Eq. 4  +  |T - T_res|²  +  what keeps latents and dictionary together

At first E, G and θ stay as they are; in the last steps all learn together ("joint"), so that θ gets used to
what the autoencoder leaves of a texture.
"""

from __future__ import annotations

from pathlib import Path

import torch

from dinar.trainer.data.live_samples import LiveBatch
from dinar.trainer.losses.avatar_losses import Losses, LossWeights
from dinar.trainer.losses.lpips import PerceptualLoss
from dinar.trainer.metrics.quality import join_quality, measure
from dinar.trainer.models.avatar_networks import NETWORKS, AvatarNetworks, save_avatar_networks
from dinar.trainer.models.patch_components import PatchMoments, weighted
from dinar.trainer.models.texture_batch import TextureBatch
from dinar.trainer.models.vqgan import REDUCTION, VQGAN, Restored, TextureVqgan, VqganConfig, save_vqgan
from dinar.trainer.picture import Picture
from dinar.trainer.train.adversary import Adversary, adam
from dinar.trainer.train.live import merged_gen
from dinar.trainer.train.picture_loss import PictureLoss
from dinar.trainer.train.run.batch_norm import share_batch_norm
from dinar.trainer.train.run.checkpoint import Part
from dinar.trainer.train.run.ema import Average
from dinar.trainer.train.run.loop import Preview, Term
from dinar.trainer.train.run.processes import Processes
from dinar.trainer.train.run.sheets import lay_out
from dinar.trainer.train.views import PreviewSamples, raster_of_texture, target_of, texture_of

VQGAN_RATE = 5e-4
JOINT_RATE = 2e-4
"""Of E, G and θ in the joint steps: they are trained already."""
AVERAGE_DECAY = 0.999
TEXTURE_WEIGHT, COMMITMENT_WEIGHT = 1.0, 1.0
PATIENCE = 100
"""Steps that a vector of the dictionary may be nobody's nearest before it is moved."""
_SHEET_SIDE, _SHEET_ROWS = 192, 6


class VqganTraining:
    """A `Trainee`: the autoencoder against a discriminator, and in the end E, G and θ as well."""

    def __init__(
        self,
        networks: AvatarNetworks,
        config: VqganConfig,
        perceptual: PerceptualLoss,
        previews: PreviewSamples[LiveBatch],
        joint_from: int,
        here: Processes,
    ) -> None:
        """Draw fresh weights of autoencoder and D from torch's random generator.

        Args:
            networks: E, G and θ; taken over.
            config: sizes of the autoencoder.
            perceptual: distance of Eq. 4.
            previews: for sheets and scores.
            joint_from: the first step, from 0, in which E, G and θ learn as well.
            here: this process.
        """
        self.vqgan = TextureVqgan(config)
        discriminator = networks.preset.discriminator()
        if here.ranks > 1:
            share_batch_norm(networks)
        self.vqgan.to(here.device)
        self.networks = networks.to(here.device).eval().requires_grad_(False)
        weights = LossWeights()
        self.adversary = Adversary(discriminator, weights, here)
        self._picture_loss = PictureLoss(perceptual, weights, here)
        self.average = Average(self.vqgan, AVERAGE_DECAY)
        self.networks_average = Average(self.networks, AVERAGE_DECAY)
        self._moments = PatchMoments(REDUCTION).to(here.device)
        self._optimizer = adam((self.vqgan, VQGAN_RATE))
        self._joint_optimizer = adam((self.networks, JOINT_RATE))
        self._previews, self._joint_from, self._here = previews, joint_from, here

    def parts(self) -> tuple[Part, ...]:
        """See `Trainee`."""
        return (
            Part("vqgan", self.vqgan),
            Part("average", self.average.network),
            Part("moments", self._moments),
            Part("networks", self.networks),
            Part("networks_average", self.networks_average.network),
            Part("optimizer", self._optimizer),
            Part("joint_optimizer", self._joint_optimizer),
            *self.adversary.parts(),
        )

    def step(self, batch: LiveBatch, step: int, chance: torch.Generator) -> tuple[Term, ...]:
        """Eq. 4 and the texture's own losses, then the discriminator's side; see `Trainee`."""
        batch = batch.to(self._here.device)
        if step < self.vqgan.config.look_steps:
            return self._look(batch, step, chance)
        views, joint = batch.views, step >= self._joint_from
        self.vqgan.train()
        self.networks.train(joint).requires_grad_(joint)
        with self._here.autocast():
            texture = texture_of(merged_gen(self.networks, batch), views)
            restored = self.vqgan(texture)
            predicted = _draw(self.networks, restored.texture, batch)
        target, fake = target_of(views), predicted.before(views.background)
        losses = self._picture_loss(predicted, target, views, chance, self.adversary.judge(fake))
        terms = self._improve(losses, texture, restored, joint)
        self.average.update(self.vqgan, step)
        if joint:
            self.networks_average.update(self.networks, step)
        moved = self._revive(restored, chance)
        judged = self.adversary.learn(fake, target.before(views.background), step)
        return (*terms, moved, *judged)

    def _improve(
        self, losses: Losses, texture: TextureBatch, restored: Restored, joint: bool
    ) -> tuple[Term, ...]:
        """One step of the autoencoder, and in joint steps of E, G and θ."""
        away = self._size(texture.stacked().detach() - restored.channels)
        total = losses.total + TEXTURE_WEIGHT * away + COMMITMENT_WEIGHT * restored.commitment
        optimizers = (self._optimizer, self._joint_optimizer) if joint else (self._optimizer,)
        for optimizer in optimizers:
            optimizer.zero_grad()
        total.backward()
        self._here.average_gradients(self.vqgan.parameters())
        self._here.average_gradients(self.networks.parameters())
        for optimizer in optimizers:
            optimizer.step()
        pictures = [Term(name, value.detach()) for name, value in vars(losses).items() if name != "total"]
        return (
            *pictures,
            Term("texture", away.detach()),
            Term("commitment", restored.commitment.detach()),
            Term("total", total.detach()),
        )

    def _size(self, difference: torch.Tensor) -> torch.Tensor:
        """Of a difference between textures [B, 21, T, T], |T - T_res|²: float32 [].

        Small networks cannot restore everything: hue counts most, as in their start.
        """
        if self.vqgan.start is None:
            return difference.float().square().mean()
        return weighted(difference.float()).square().sum(1).mean()

    @torch.no_grad()
    def _look(self, batch: LiveBatch, step: int, chance: torch.Generator) -> tuple[Term, ...]:
        """Learn the usual texture, then the principal components of how textures differ from it."""
        texture = texture_of(merged_gen(self.networks, batch), batch.views)
        last = self.vqgan.config.look_steps - 1
        if 2 * step <= last:
            mean = self._here.mean(texture.stacked().float().mean(0, keepdim=True))
            self.vqgan.learn_usual(mean, 1 / (step + 1))
        else:
            moments = self._moments.moments_of(self.vqgan.difference(texture).float())
            self._moments.add(self._here.mean(moments))
        if step == last:
            self.vqgan.start_linear(self._moments)
            self._revive(self.vqgan(texture), chance)
            self.average.network.load_state_dict(self.vqgan.state_dict())
        away = self._size(self.vqgan.difference(texture))
        return (Term("texture", self._here.mean(away)),)

    def _revive(self, restored: Restored, chance: torch.Generator) -> Term:
        """Move vectors of the dictionary that are of no use, the same way in all processes."""
        codes = self.vqgan.config.codes
        used = torch.bincount(restored.codes.flatten(), minlength=codes).float()
        latents = restored.latents.detach().float().permute(0, 2, 3, 1).flatten(0, 2)
        chosen = latents[torch.randint(len(latents), (codes,), generator=chance).to(latents.device)]
        first = float(self._here.ranks if self._here.rank == 0 else 0)  # the mean is what rank 0 has
        self.vqgan.revive(self._here.mean(first * chosen), self._here.mean(used) > 0, PATIENCE)
        in_use = (self.vqgan.idle <= PATIENCE // 2).float().mean()
        return Term("codes in use", in_use)

    @torch.no_grad()
    def preview(self) -> Preview:
        """Draw views that are not trained on from T and from T_res, by averaged networks; see `Trainee`."""
        networks, before, after, rows = self.networks_average.network, [], [], []
        for kept in self._previews.batches:
            batch = kept.to(self._here.device)
            texture = texture_of(merged_gen(networks, batch), batch.views)
            restored = self.average.network(texture).texture
            drawn, redrawn = (_draw(networks, t, batch) for t in (texture, restored))
            grey = torch.full_like(batch.views.background, 0.5)
            before.append(measure(drawn, target_of(batch.views), grey))
            after.append(measure(redrawn, target_of(batch.views), grey))
            rows.append(_row(batch, texture, restored, drawn, redrawn))
        reached, without = (join_quality(each).mean() for each in (after, before))
        kind = self._previews.kind
        columns = [torch.cat(pictures)[:_SHEET_ROWS] for pictures in zip(*rows, strict=True)]
        scores = {
            "PSNR": reached.person_psnr,
            "PSNR without VQGAN": without.person_psnr,
            "MS-SSIM": reached.ms_ssim,
            "mask IoU": reached.mask_iou,
        }
        return Preview(
            lay_out(columns, _SHEET_SIDE),
            tuple(Term(f"{kind} {name}", torch.tensor(value)) for name, value in scores.items()),
        )

    def publish(self, folder: Path, step: int) -> None:
        """Write the averaged autoencoder, and E, G and θ that go with it."""
        save_vqgan(folder / VQGAN, self.average.network, step)
        save_avatar_networks(folder / NETWORKS, self.networks_average.network, step)


def _draw(networks: AvatarNetworks, texture: TextureBatch, batch: LiveBatch) -> Picture:
    """Eq. 3: float32."""
    return Picture.of_rgba(networks.renderer(raster_of_texture(texture, batch.views)).float())


def _row(
    batch: LiveBatch, texture: TextureBatch, restored: TextureBatch, drawn: Picture, redrawn: Picture
) -> tuple[torch.Tensor, ...]:
    """A sheet's columns: photo, T_rgb and T_gen before and after, drawn from both, target."""
    views = batch.views
    background = views.background
    pictures = (
        views.photo.float() / 255,
        texture.rgb,
        restored.rgb,
        0.5 * (1 + texture.gen[:, :3]),  # [-1, 1] => [0, 1]
        0.5 * (1 + restored.gen[:, :3]),
        drawn.before(background),
        redrawn.before(background),
        target_of(views).before(background),
    )
    return tuple(picture.float().cpu() for picture in pictures)
