"""Structural similarity at several scales (Wang et al. 2003, "Multiscale structural similarity").

Windows are Gaussian, 11 x 11 pixels with a standard deviation of 1.5, and lie within the picture. Each scale
halves the picture by averaging 2 x 2 pixels. The five scales of that paper need 176 pixels a side; a smaller
picture has as many scales as its windows fit in, and one below 11 pixels a single scale with a smaller
window. The weights of the scales that are left are scaled to sum to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

WINDOW, DEVIATION = 11, 1.5  # pixels
_K1, _K2 = 0.01, 0.03  # for values in [0, 1]
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, from fine to coarse


@dataclass(frozen=True, eq=False)
class Similarity:
    """How alike pictures are at S scales, from fine to coarse; means over channels and windows.

    Attributes:
        ssim: float32 [S, B, C], structural similarity, -1 to 1.
        structure: float32 [S, B, C], contrast and structure alone, -1 to 1.
        weight: float32 [S], of each scale, sum 1.
    """

    ssim: torch.Tensor
    structure: torch.Tensor
    weight: torch.Tensor


def compare_scales(a: torch.Tensor, b: torch.Tensor) -> Similarity:
    """Compare pictures [B, C, H, W] with values in [0, 1] at as many scales as fit, at most five."""
    if a.shape != b.shape or a.ndim != 4:
        raise ValueError(
            f"pictures to be compared must both be [B, C, H, W], not {list(a.shape)} and {list(b.shape)}"
        )
    scales = count_scales(*a.shape[-2:])
    ssim, structure = [], []
    with torch.autocast(a.device.type, enabled=False):  # variances are differences: they take all digits
        a, b = a.float(), b.float()
        for scale in range(scales):
            if scale:
                a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
            luminance, contrast = _compare(a, b)
            ssim.append((luminance * contrast).mean((2, 3)))
            structure.append(contrast.mean((2, 3)))
    weight = torch.tensor(_WEIGHTS[:scales], device=a.device)
    return Similarity(torch.stack(ssim), torch.stack(structure), weight / weight.sum())


def count_scales(height: int, width: int) -> int:
    """How many scales a picture has: 1 to 5."""
    side = min(height, width)
    return max(1, sum(side >> scale >= WINDOW for scale in range(len(_WEIGHTS))))


def ms_ssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """MS-SSIM of pictures [B, C, H, W] with values in [0, 1]: float32 [B], 0 to 1 (equal).

    The weighted product over scales: structure at all of them, luminance at the coarsest alone. A scale that
    is the other's negative counts as 0.
    """
    seen = compare_scales(a, b)
    factors = torch.cat([seen.structure[:-1], seen.ssim[-1:]]).clamp(min=0)
    return (factors ** seen.weight[:, None, None]).prod(0).mean(1)


def _compare(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Luminance, and contrast times structure, at each window of pictures [B, C, H, W]."""
    mean_a, mean_b, squares, product = (_blur(each) for each in (a, b, a * a + b * b, a * b))
    means, both_means = mean_a**2 + mean_b**2, mean_a * mean_b
    luminance = (2 * both_means + _K1**2) / (means + _K1**2)
    return luminance, (2 * (product - both_means) + _K2**2) / (squares - means + _K2**2)


def _blur(picture: torch.Tensor) -> torch.Tensor:
    """Gaussian means of [B, C, H, W] at all windows that lie within: [B, C, H - 10, W - 10]."""
    size = min(WINDOW, *picture.shape[-2:])
    size -= 1 - size % 2  # odd
    tap = [math.exp(-((i - size // 2) ** 2) / (2 * DEVIATION**2)) for i in range(size)]
    blurred: torch.Tensor = _Windows.apply(picture, tuple(t / sum(tap) for t in tap))
    return blurred


class _Windows(torch.autograd.Function):
    """Correlation with a symmetric kernel along rows and columns, where it lies within the picture.

    As sums of shifted pictures: a quarter of the time that torch's convolutions of one channel take on CPUs.
    """

    @staticmethod
    def forward(ctx: Any, picture: torch.Tensor, taps: tuple[float, ...]) -> torch.Tensor:
        ctx.taps = taps
        return _correlate(_correlate(picture, taps, 2), taps, 3)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        edge = len(ctx.taps) - 1
        padded = F.pad(gradient, (edge, edge, edge, edge))
        return _correlate(_correlate(padded, ctx.taps, 2), ctx.taps, 3), None


def _correlate(picture: torch.Tensor, taps: tuple[float, ...], axis: int) -> torch.Tensor:
    length = picture.shape[axis] - len(taps) + 1
    total = picture.narrow(axis, 0, length) * taps[0]
    for i, tap in enumerate(taps[1:], 1):
        total.add_(picture.narrow(axis, i, length), alpha=tap)
    return total
