"""Eq. 4 of the views that a training draws: what all trainings of renderers have in common."""

from __future__ import annotations

import torch

from dinar.trainer.data.avatar_samples import AvatarBatch
from dinar.trainer.losses.avatar_losses import Losses, LossWeights, avatar_losses, random_corners
from dinar.trainer.losses.lpips import PerceptualLoss
from dinar.trainer.picture import Picture
from dinar.trainer.train.run.processes import Processes


class PictureLoss:
    """Compares what was drawn of a batch's views with their photos."""

    def __init__(self, perceptual: PerceptualLoss, weights: LossWeights, here: Processes) -> None:
        """Nothing is computed yet.

        Args:
            perceptual: distance of Eq. 4.
            weights: of its terms.
            here: this process.
        """
        self._distance = perceptual.distance.to(here.device)
        self._weights, self._here = weights, here

    def __call__(
        self,
        predicted: Picture,
        target: Picture,
        views: AvatarBatch,
        chance: torch.Generator,
        fake_logits: torch.Tensor | None = None,
    ) -> Losses:
        """Compute Eq. 4 before the views' backgrounds.

        Args:
            predicted: B pictures.
            target: what they should look like, see `target_of`.
            views: that both are of; this process's share of a batch.
            chance: where LPIPS looks; the same in all processes.
            fake_logits: the discriminator's, of the predicted pictures; None: there is none.
        """
        return avatar_losses(
            predicted,
            target,
            views.background,
            views.face,
            self._corners(views, chance),
            self._distance,
            self._weights,
            fake_logits,
        )

    def _corners(self, views: AvatarBatch, chance: torch.Generator) -> torch.Tensor:
        """Where LPIPS looks at each of these pictures: drawn for all processes', int64 [B, 2]."""
        share = len(views)
        height, width = views.image.shape[2:]
        corners = random_corners(share * self._here.ranks, height, width, self._weights.crop, chance)
        return corners[self._here.rank * share : (self._here.rank + 1) * share]
