"""The encoder E (DINAR Sec. 3.1): a photo to the vector that stands for the whole person."""

from __future__ import annotations

import torch
from torch import nn

from dinar.trainer.models.discriminator import COARSEST, Trunk
from dinar.trainer.models.layers import EqualizedConv2d, EqualizedLinear


class Encoder(nn.Module):
    """E: StyleGAN2's discriminator, whose last layer gives a vector instead of a score.

    Without the minibatch's standard deviation: a photo's vector is its own, whatever other photos it is
    encoded with.
    """

    def __init__(self, widths: tuple[int, ...], style_dim: int) -> None:
        """Draw weights from torch's random generator.

        Args:
            widths: channels of each level, the picture's own first, 4x4 last.
            style_dim: numbers in the vector; 512 in the paper.
        """
        super().__init__()
        width = widths[-1]
        self.trunk = Trunk(widths)
        self.mix = EqualizedConv2d(width, width, 3, activate=True)
        self.hidden = EqualizedLinear(width * COARSEST**2, width, activate=True)
        self.vector = EqualizedLinear(width, style_dim)
        self.to(memory_format=torch.channels_last)  # the faster layout for convolutions on CPUs and GPUs

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        """Encode.

        Args:
            photo: float32 [B, 3, H, W], sRGB in [0, 1].

        Returns:
            float32 [B, style_dim], without bounds.
        """
        x = self.mix(self.trunk(photo))
        return self.vector(self.hidden(x.flatten(1))).float()
