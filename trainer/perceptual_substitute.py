"""What stands in for LPIPS where its weights are not at hand: structure and edges at several scales.

    1 - sum_s w_s SSIM_s  +  mean over s of |grad a - grad b|

SSIM (Wang et al. 2004) compares what is left of two pictures after local brightness and contrast, so it sees
blur that L2 forgives, and forgives a little brightness that L2 punishes. The scales are added, each weighted
as in MS-SSIM, and not multiplied: the product's gradient grows beyond all bounds where a scale has no
structure yet, as in a network's first pictures. The edges' term (differences of neighbouring pixels) keeps
pulling where SSIM is flat.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from dinar.trainer.ms_ssim import compare_scales, count_scales


class StructureAndEdges(nn.Module):
    """A distance of pictures without weights: 0 for equal ones, about 1 for unrelated ones."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Compare pictures [B, 3, H, W], sRGB in [0, 1], 2 pixels or more a side: float32 [B]."""
        seen = compare_scales(a, b)
        structure = (seen.weight[:, None] * (1 - seen.ssim.mean(2))).sum(0)
        return structure + _edge_difference(a.float(), b.float())


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
