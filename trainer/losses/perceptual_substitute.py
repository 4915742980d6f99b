"""What stands in for LPIPS where its weights are not at hand: structure, edges and colours.

    1 - sum_s w_s SSIM_s  +  mean over s of |grad a - grad b|  +  |a - b| of squares of 4 x 4 pixels

SSIM (Wang et al. 2004) compares what is left of two pictures after local brightness and contrast, so it sees
blur that L2 forgives, and forgives a little brightness that L2 punishes. The scales are added, each weighted
as in MS-SSIM, and not multiplied: the product's gradient grows beyond all bounds where a scale has no
structure yet, as in a network's first pictures. The edges' term (differences of neighbouring pixels) keeps
pulling where SSIM is flat. Within a garment of one colour neither of them sees a wrong colour, and L2's pull
fades as it comes near; avatars that were trained without the last term wore rare colours dulled.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from dinar.trainer.metrics.ms_ssim import compare_scales, count_scales

_SQUARE = 4  # pixels a side, over which colours are averaged: no pull to blur what is finer


class StructureEdgesColours(nn.Module):
    """A distance of pictures without weights: 0 for equal ones, about 1 for unrelated ones."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Compare pictures [B, 3, H, W], sRGB in [0, 1], 2 pixels or more a side: float32 [B]."""
        seen = compare_scales(a, b)
        structure = (seen.weight[:, None] * (1 - seen.ssim.mean(2))).sum(0)
        return structure + _edge_difference(a.float(), b.float()) + _colour_difference(a.float(), b.float())


def _edge_difference(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean over scales, pixels and channels of how much horizontal and vertical differences differ: [B]."""
    difference, scales = a - b, count_scales(*a.shape[-2:])  # averaging and subtracting exchange
    total = torch.zeros(len(a), device=a.device)
    for scale in range(scales):
        if scale:
            difference = F.avg_pool2d(difference, 2)
        for axis in (2, 3):
            total = total + difference.diff(dim=axis).abs().mean((1, 2, 3))
    return total / scales


def _colour_difference(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of the colours of squares: [B]."""
    return F.avg_pool2d(a - b, min(_SQUARE, *a.shape[-2:])).abs().mean((1, 2, 3))
