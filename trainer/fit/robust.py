"""A cost that outliers cannot drive up."""

from __future__ import annotations

import torch


def geman_mcclure(square: torch.Tensor, cutoff: float) -> torch.Tensor:
    """Half the square of an error for small ones, at most half the square of `cutoff` for outliers.

    Args:
        square: squared errors, in deviations.
        cutoff: the error at which half the most is reached, deviations.
    """
    return 0.5 * square / (1 + square / cutoff**2)
