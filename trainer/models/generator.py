"""The generator G (DINAR Sec. 3.1): E's vector to T_gen, the generated part of the neural texture."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn

from dinar.runtime.network_input import GEN_CHANNELS
from dinar.trainer.models.discriminator import COARSEST
from dinar.trainer.models.layers import ModulatedConv2d, ToTexture, upsample

_EPSILON = 1e-8


class Generator(nn.Module):
    """G: StyleGAN2's synthesis network, with outputs of 16 channels at each level, upsampled and summed.

    There is no mapping network: the encoder's vector takes the place of StyleGAN2's w and is the style of
    every layer. It is brought to a mean square of 1, as StyleGAN2's mapping network does with what it is
    given: the encoder has no other reason to stay within bounds, and in training it does not. There is no
    noise either (see `layers`): the same vector always gives the same texture.
    """

    def __init__(self, widths: tuple[int, ...], style_dim: int) -> None:
        """Draw weights from torch's random generator.

        Args:
            widths: channels of each level, the texture's own first, 4x4 last.
            style_dim: numbers in the vector.
        """
        super().__init__()
        finer = widths[::-1]
        gain = 1 / math.sqrt(len(widths))  # of the sum's terms, so that `bounded` begins where it is steep
        self.constant = nn.Parameter(torch.randn(1, finer[0], COARSEST, COARSEST))
        self.first = ModulatedConv2d(finer[0], finer[0], style_dim)
        self.grow = nn.ModuleList(ModulatedConv2d(*pair, style_dim, up=True) for pair in pairwise(finer))
        self.keep = nn.ModuleList(ModulatedConv2d(width, width, style_dim) for width in finer[1:])
        self.to_texture = nn.ModuleList(ToTexture(width, GEN_CHANNELS, style_dim, gain) for width in finer)
        self.to(memory_format=torch.channels_last)  # the faster layout for convolutions on CPUs and GPUs

    def forward(self, w: torch.Tensor) -> torch.Tensor:
        """Generate.

        Args:
            w: float32 [B, style_dim].

        Returns:
            float32 [B, 16, S, S], in [-1, 1], as the avatar file holds it.
        """
        w = w * torch.rsqrt(w.square().mean(1, keepdim=True) + _EPSILON)
        x = self.first(self.constant.expand(len(w), -1, -1, -1), w)
        texture = self.to_texture[0](x, w)
        for grow, keep, to_texture in zip(self.grow, self.keep, self.to_texture[1:], strict=True):
            x = keep(grow(x, w), w)
            texture = upsample(texture) + to_texture(x, w)
        return bounded(texture.float())


def bounded(x: torch.Tensor) -> torch.Tensor:
    """Map all numbers to (-1, 1): x / sqrt(1 + x²).

    Not tanh, whose gradient is gone a few units from 0: a texture that strays there stays there, the same for
    everybody.
    """
    return x * torch.rsqrt(1 + x.square())
