"""What a renderer gives and a photo shows: a person's colours and mask, to be put before any background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True, eq=False)
class Picture:
    """B pictures of people.

    Attributes:
        rgb: float [B, 3, H, W], sRGB in [0, 1]; means nothing where the mask is 0.
        mask: float [B, 1, H, W], share of the person in each pixel, [0, 1].
    """

    rgb: torch.Tensor
    mask: torch.Tensor

    @classmethod
    def of_rgba(cls, rgba: torch.Tensor) -> Picture:
        """Part [B, 4, H, W], as the renderer network returns it, into colours and mask."""
        return cls(rgba[:, :3], rgba[:, 3:])

    @classmethod
    def of_bytes(cls, rgba: np.ndarray) -> Picture:
        """What the runtime draws, uint8 [B, H, W, 4], sRGB and straight alpha; copied."""
        return cls.of_rgba(torch.from_numpy(rgba.copy()).permute(0, 3, 1, 2).float() / 255)

    def before(self, background: torch.Tensor) -> torch.Tensor:
        """Composite over a background, sRGB [B, 3, H, W] or [B, 3, 1, 1]: [B, 3, H, W]."""
        return self.rgb * self.mask + background * (1 - self.mask)
