"""The neural texture T of Eq. 2 as tensors: the networks that work on whole textures take and give it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from dinar.runtime.network_input import GEN_CHANNELS

TEXTURE_CHANNELS = GEN_CHANNELS + 3 + 1 + 1


@dataclass(frozen=True, eq=False)
class TextureBatch:
    """T of B people, side x side texels.

    Attributes:
        gen: float [B, 16, side, side] in [-1, 1], T_gen.
        rgb: float [B, 3, side, side] in [0, 1], T_rgb, sRGB; 0 where nothing is known.
        smp: float [B, 1, side, side] in [0, 1], B_smp.
        fill: float [B, 1, side, side] in [0, 1], B_fill.
    """

    gen: torch.Tensor
    rgb: torch.Tensor
    smp: torch.Tensor
    fill: torch.Tensor

    def __len__(self) -> int:
        return len(self.gen)

    def stacked(self) -> torch.Tensor:
        """Return all channels as one tensor, [B, 21, side, side] in [-1, 1], in the order of Eq. 2."""
        photo = torch.cat([self.rgb, self.smp, self.fill], 1)
        return torch.cat([self.gen, 2 * photo - 1], 1)  # [0, 1] => [-1, 1]

    @classmethod
    def of_stacked(cls, channels: torch.Tensor) -> TextureBatch:
        """Undo `stacked`; values beyond [-1, 1] are cut."""
        gen, rgb, smp, fill = channels.clamp(-1, 1).split((GEN_CHANNELS, 3, 1, 1), 1)
        return cls(gen, *(0.5 * (1 + values) for values in (rgb, smp, fill)))  # [-1, 1] => [0, 1]
