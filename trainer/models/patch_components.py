"""Where a small autoencoder of textures starts: the principal components of squares of texels.

An autoencoder that begins with noise needs thousands of steps to give back more than the mean texture. As
many components as a latent has numbers already explain most of what differs between people (Pearson 1901).
Channels are weighted first: variance alone would spend all of them on light and dark.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from dinar.runtime.network_input import GEN_CHANNELS
from dinar.trainer.models.texture_batch import TEXTURE_CHANNELS

_GEN, _LUMINANCE, _CHROMA, _MASK = 0.35, 1.7, 4.0, 0.6
"""How much numbers count beside each other: of T_gen's 16 channels, which are smooth; of brightness, which
varies most by far; of hue, which people see and variance does not; of B_smp and B_fill."""

_OPPONENT = ((1 / 3, 1 / 3, 1 / 3), (1 / 2, -1 / 2, 0), (1 / 4, 1 / 4, -1 / 2))
"""Of red, green and blue: brightness, red against green, yellow against blue."""


class PatchMoments(nn.Module):
    """Second moments of squares of texels, kept while textures come by.

    Attributes:
        outer: float64 [D, D], mean of p p^T over squares p of weighted channels, D = 21 side².
        count: float64 [], squares so far.
    """

    outer: torch.Tensor
    count: torch.Tensor

    def __init__(self, side: int) -> None:
        """Begin with none; `side` texels a side."""
        super().__init__()
        self._side = side
        size = TEXTURE_CHANNELS * side**2
        self.register_buffer("outer", torch.zeros(size, size, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    @torch.no_grad()
    def moments_of(self, difference: torch.Tensor) -> torch.Tensor:
        """Second moments of a batch.

        Args:
            difference: float [B, 21, T, T], from the usual texture.

        Returns:
            float64 [D, D].
        """
        squares = F.pixel_unshuffle(difference, self._side).permute(0, 2, 3, 1).flatten(0, 2)
        squares = squares.double() @ self._weights().T
        return squares.T @ squares / len(squares)

    @torch.no_grad()
    def add(self, moments: torch.Tensor) -> None:
        """Take in the moments of one more batch."""
        self.count += 1
        self.outer.lerp_(moments, 1 / self.count)

    @torch.no_grad()
    def components(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The principal components.

        Returns:
            `reduce` float32 [number, D], which takes squares to numbers of variance 1 on average, and
            `restore` float32 [D, number], which takes those back.
        """
        values, vectors = torch.linalg.eigh(self.outer)  # ascending
        basis = vectors[:, -number:].flip(1)
        scale = values[-number:].mean().sqrt().clamp(min=1e-6)
        weights = self._weights()
        reduce = (basis.T @ weights / scale).float()
        restore = (torch.linalg.inv(weights) @ basis * scale).float()
        return reduce, restore

    def _weights(self) -> torch.Tensor:
        """What takes a square's numbers to weighted ones: float64 [D, D]."""
        each = torch.eye(self._side**2, dtype=torch.float64)
        return torch.kron(_channel_weights(), each).to(self.outer.device)


def weighted(channels: torch.Tensor) -> torch.Tensor:
    """Channels as much as they count beside each other, colours as brightness and hues.

    Args:
        channels: float [B, 21, T, T], as `TextureBatch.stacked`, or a difference of such.

    Returns:
        The same shape.
    """
    weights = _channel_weights().to(channels.device, channels.dtype)
    return torch.einsum("wc,bchx->bwhx", weights, channels)


def _channel_weights() -> torch.Tensor:
    """float64 [21, 21]."""
    weights = torch.full((TEXTURE_CHANNELS,), _GEN, dtype=torch.float64).diag()
    weights[GEN_CHANNELS:] = 0
    rows = torch.tensor([_LUMINANCE, _CHROMA, _CHROMA], dtype=torch.float64)
    colours = slice(GEN_CHANNELS, GEN_CHANNELS + 3)
    weights[colours, colours] = rows[:, None] * torch.tensor(_OPPONENT, dtype=torch.float64)
    for mask in range(GEN_CHANNELS + 3, TEXTURE_CHANNELS):
        weights[mask, mask] = _MASK
    return weights
