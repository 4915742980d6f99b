"""The discriminator D of the adversarial loss (DINAR Eq. 4, Sec. 3.1): StyleGAN2's, of residual blocks."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn

from dinar.trainer.models.layers import EqualizedConv2d, EqualizedLinear, minibatch_deviation

PICTURE_CHANNELS = 3
COARSEST = 4
"""Rows and columns at the last level of E and D and at the first of G."""


class Trunk(nn.Module):
    """From a picture to features of 4x4 places: residual blocks, each halving the picture. E's and D's."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        """Draw weights from torch's random generator.

        Args:
            widths: channels of each level, the picture's own first, 4x4 last.
        """
        super().__init__()
        self.from_picture = EqualizedConv2d(PICTURE_CHANNELS, widths[0], 1, activate=True)
        self.blocks = nn.Sequential(*(_Block(fine, coarse) for fine, coarse in pairwise(widths)))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """[B, 3, H, W], sRGB in [0, 1], to [B, widths[-1], 4, 4]."""
        return self.blocks(self.from_picture(2 * picture - 1))  # [0, 1] => [-1, 1]


class _Block(nn.Module):
    """Two convolutions, the second halving the picture, beside a 1x1 one; their sum over sqrt(2)."""

    def __init__(self, fine: int, coarse: int) -> None:
        super().__init__()
        half = math.sqrt(0.5)
        self.skip = EqualizedConv2d(fine, coarse, 1, down=True, bias=False, gain=half)
        self.keep = EqualizedConv2d(fine, fine, 3, activate=True)
        self.halve = EqualizedConv2d(fine, coarse, 3, down=True, activate=True, gain=half)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, fine, h, w] to [B, coarse, h / 2, w / 2]."""
        return self.skip(x) + self.halve(self.keep(x))


class Discriminator(nn.Module):
    """D: how real a picture looks."""

    def __init__(self, widths: tuple[int, ...], group: int) -> None:
        """Draw weights from torch's random generator.

        Args:
            widths: channels of each level, the picture's own first, 4x4 last.
            group: samples compared with each other; see `minibatch_deviation`.
        """
        super().__init__()
        width = widths[-1]
        self._group = group
        self.trunk = Trunk(widths)
        self.mix = EqualizedConv2d(width + 1, width, 3, activate=True)
        self.hidden = EqualizedLinear(width * COARSEST**2, width, activate=True)
        self.score = EqualizedLinear(width, 1)
        self.to(memory_format=torch.channels_last)  # the faster layout for convolutions on CPUs and GPUs

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Judge.

        Args:
            picture: float32 [B, 3, H, W], sRGB in [0, 1]; B a multiple of the group.

        Returns:
            float32 [B]: logits; above 0 for pictures that look real.

        Raises:
            DinarError: the batch does not consist of whole groups.
        """
        x = self.mix(minibatch_deviation(self.trunk(picture), self._group))
        return self.score(self.hidden(x.flatten(1))).float().squeeze(1)
