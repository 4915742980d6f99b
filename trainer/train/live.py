"""Training the renderer that is shown live, for an encoder and a generator that are trained already.

A teacher, E, G and θ of an earlier training, makes the textures, merged from one to four photos (Eq. 5); they
are rasterized on the body of another view (Eq. 3), and the student, θ of size `LIVE`, draws what is there.

    a teacher whose θ has the student's own shape    the student starts from its weights: Eq. 4 without Adv
    another teacher                                  the student starts anew: the same, plus
                                                     |student - teacher|, of pictures and of masks
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch

from dinar.trainer.data.live_samples import LiveBatch
from dinar.trainer.losses.avatar_losses import LossWeights
from dinar.trainer.losses.lpips import PerceptualLoss
from dinar.trainer.models.avatar_networks import NETWORKS, AvatarNetworks, save_avatar_networks
from dinar.trainer.models.renderer import LIVE, NeuralRenderer
from dinar.trainer.picture import Picture
from dinar.trainer.train.picture_loss import PictureLoss
from dinar.trainer.train.run.batch_norm import share_batch_norm
from dinar.trainer.train.run.checkpoint import Part
from dinar.trainer.train.run.ema import Average
from dinar.trainer.train.run.loop import Preview, Term
from dinar.trainer.train.run.processes import Processes
from dinar.trainer.train.views import Drawn, PreviewSamples, preview_of, raster_of, target_of

LEARNING_RATE, LAST_SHARE = 2e-3, 0.01  # the share of it that is left in the end
BETAS = (0.9, 0.99)  # Adam's
AVERAGE_DECAY = 0.998
TEACHER_WEIGHT = 1.0
"""Of the mean absolute difference to the teacher's pictures, and of that to its masks."""


class LiveTraining:
    """A `Trainee`: θ of size `LIVE`. The teacher's networks stay as they are."""

    def __init__(
        self,
        teacher: AvatarNetworks,
        perceptual: PerceptualLoss,
        previews: PreviewSamples[LiveBatch],
        steps: int,
        here: Processes,
    ) -> None:
        """Start from the teacher's weights, or draw fresh ones from torch's random generator.

        Args:
            teacher: E, G and θ; taken over.
            perceptual: distance of Eq. 4.
            previews: for sheets and scores.
            steps: of the whole run, over which the learning rate falls.
            here: this process.
        """
        self._teacher = teacher.eval().requires_grad_(False).to(here.device)
        self._has_lessons = teacher.preset.renderer != LIVE
        student = NeuralRenderer(LIVE)
        if not self._has_lessons:
            student.load_state_dict(teacher.renderer.state_dict())
        if here.ranks > 1:
            share_batch_norm(student)
        self.student = student.to(here.device).to(memory_format=torch.channels_last)
        self.average = Average(self.student, AVERAGE_DECAY)
        self._optimizer = torch.optim.Adam(self.student.parameters(), LEARNING_RATE, BETAS, fused=True)
        self._picture_loss = PictureLoss(perceptual, LossWeights(), here)
        self._previews, self._steps, self._here = previews, steps, here

    def parts(self) -> tuple[Part, ...]:
        """See `Trainee`."""
        return (
            Part("student", self.student),
            Part("average", self.average.network),
            Part("optimizer", self._optimizer),
        )

    def step(self, batch: LiveBatch, step: int, chance: torch.Generator) -> tuple[Term, ...]:
        """Eq. 4 without Adv, and what the teacher draws; see `Trainee`."""
        batch = batch.to(self._here.device)
        views = batch.views
        with torch.no_grad(), self._here.autocast():
            raster = raster_of(merged_gen(self._teacher, batch), views)
        self.student.train()
        with self._here.autocast():
            predicted = Picture.of_rgba(self.student(raster).float())
        losses = self._picture_loss(predicted, target_of(views), views, chance)
        lessons = self._lessons(raster, predicted, views.background) if self._has_lessons else ()
        total = losses.total + TEACHER_WEIGHT * sum(lesson.value for lesson in lessons)
        self._improve(total, step)
        parts = [Term(name, value) for name, value in vars(losses).items() if name not in _NOT_SHOWN]
        return tuple(Term(t.name, t.value.detach()) for t in (*parts, *lessons, Term("total", total)))

    def _lessons(
        self, raster: torch.Tensor, predicted: Picture, background: torch.Tensor
    ) -> tuple[Term, Term]:
        """Mean absolute differences to what the teacher draws of the same raster; with gradients."""
        with torch.no_grad(), self._here.autocast():
            taught = Picture.of_rgba(self._teacher.renderer(raster).float())
        picture = (predicted.before(background) - taught.before(background)).abs().mean()
        return Term("teacher", picture), Term("teacher mask", (predicted.mask - taught.mask).abs().mean())

    def _improve(self, total: torch.Tensor, step: int) -> None:
        """One step of the student and of its average."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(step, self._steps)
        self._optimizer.zero_grad()
        total.backward()
        self._here.average_gradients(self.student.parameters())
        self._optimizer.step()
        self.average.update(self.student, step)

    @torch.no_grad()
    def preview(self) -> Preview:
        """Draw views that are not trained on with the averaged student; see `Trainee`."""
        drawn = []
        for kept in self._previews.batches:
            batch = kept.to(self._here.device)
            gen = merged_gen(self._teacher, batch)
            rgba = self.average.network(raster_of(gen, batch.views))
            drawn.append(Drawn(batch.views, gen, Picture.of_rgba(rgba.float())))
        return preview_of(self._previews.kind, drawn)

    def publish(self, folder: Path, step: int) -> None:
        """Write the teacher's E and G with the averaged student."""
        save_avatar_networks(folder / NETWORKS, with_renderer(self._teacher, self.average.network), step)


_NOT_SHOWN = ("adversarial", "total")  # of `Losses`: nobody judges here, and the total has more parts


def learning_rate(step: int, steps: int) -> float:
    """Adam's in a step (from 0) of `steps`: half a cosine, down to `LAST_SHARE` of it."""
    left = 0.5 * (1 + math.cos(math.pi * step / steps))
    return LEARNING_RATE * (LAST_SHARE + (1 - LAST_SHARE) * left)


def merged_gen(networks: AvatarNetworks, batch: LiveBatch) -> torch.Tensor:
    """T_gen of several photos (Eq. 2 and 5): sum of w^i G(E(I^i)) over the photos of each of B samples.

    Returns:
        float32 [B, 16, T, T] in [-1, 1].
    """
    gen = networks.generate(batch.photos.float() / 255).float()  # bytes => [0, 1]; [N, 16, T, T]
    merged = gen.new_zeros(len(batch), *gen.shape[1:])
    return merged.index_add_(0, batch.owner, batch.weight * gen)


def with_renderer(networks: AvatarNetworks, renderer: NeuralRenderer) -> AvatarNetworks:
    """E and G of networks with another θ; nothing is copied."""
    with torch.device("meta"):  # weights that are replaced at once
        made = AvatarNetworks(replace(networks.preset, renderer=renderer.config))
    made.encoder, made.generator, made.renderer = networks.encoder, networks.generator, renderer
    return made
