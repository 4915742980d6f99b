"""The discriminator's side of the adversarial game, and the optimizer of both sides (Eq. 4, Sec. 4.1)."""

from __future__ import annotations

import torch
from torch import nn

from dinar.trainer.losses.avatar_losses import LossWeights, discriminator_loss, r1_penalty
from dinar.trainer.models.discriminator import Discriminator
from dinar.trainer.train.run.checkpoint import Part
from dinar.trainer.train.run.loop import Term
from dinar.trainer.train.run.processes import Processes

LEARNING_RATE = 2e-3  # Sec. 4.1
BETAS = (0.0, 0.99)  # Adam's, as StyleGAN2 trains


class Adversary:
    """D and what trains it."""

    def __init__(self, discriminator: Discriminator, weights: LossWeights, here: Processes) -> None:
        """Take D as it is.

        Args:
            discriminator: D.
            weights: of R1, and how often it counts.
            here: this process.
        """
        self.discriminator = discriminator.to(here.device)
        self._optimizer = adam((self.discriminator, LEARNING_RATE))
        self._weights, self._here = weights, here

    def parts(self) -> tuple[Part, ...]:
        """What a checkpoint holds of it."""
        return (
            Part("discriminator", self.discriminator),
            Part("discriminator_optimizer", self._optimizer),
        )

    def judge(self, drawn: torch.Tensor) -> torch.Tensor:
        """Logits [B] of drawn pictures [B, 3, H, W], sRGB in [0, 1]; gradients go to the pictures alone."""
        self.discriminator.requires_grad_(False)
        with self._here.autocast():
            logits: torch.Tensor = self.discriminator(drawn)
        return logits

    def learn(self, drawn: torch.Tensor, real: torch.Tensor, step: int) -> tuple[Term, ...]:
        """Take one step of D, with R1 in one of sixteen ("lazy").

        Args:
            drawn: float32 [B, 3, H, W], sRGB in [0, 1]; no gradient goes there.
            real: photos likewise, before the same background.
            step: from 0.
        """
        self.discriminator.requires_grad_(True)
        with self._here.autocast():
            real_logits, fake_logits = self.discriminator(real), self.discriminator(drawn.detach())
        loss = discriminator_loss(real_logits, fake_logits)
        terms = [Term("discriminator", loss.detach())]
        weight = self._weights.r1_at(step)
        if weight > 0:
            penalty = r1_penalty(self.discriminator, real)
            loss = loss + weight * penalty
            terms.append(Term("r1", penalty.detach()))
        self._optimizer.zero_grad()
        loss.backward()
        self._here.average_gradients(self.discriminator.parameters())
        self._optimizer.step()
        return tuple(terms)


def adam(*rates: tuple[nn.Module, float]) -> torch.optim.Adam:
    """Adam of Sec. 4.1 for networks and their learning rates, all weights in one pass over memory."""
    groups = [{"params": [*network.parameters()], "lr": rate} for network, rate in rates]
    return torch.optim.Adam(groups, betas=BETAS, fused=True)
