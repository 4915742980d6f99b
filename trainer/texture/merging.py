"""Several photos of one person, one texture (Sec. 3.2, Eq. 5, Fig. 3).

    T = sum_i T^i w^i,  w = softmax(lambda / tau)

At each texel the photo that sees it most from the front counts most: lambda is the cosine between the
surface's normal and the direction to the camera. The softmax is taken over those photos alone that see the
texel. A texel that none of them sees stays unseen; T_gen, which is everywhere, is there the photos' mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TAU = 0.2
"""tau of Eq. 5, in cosines: small values choose the most frontal photo, large ones take the mean. The paper
does not give it; of 0.02 to 5 this one came nearest to benchmark people in other poses, by tenths of a dB."""


@dataclass(frozen=True, eq=False)
class BodyTexture:
    """The texture T of Eq. 2, from one photo or from several, side x side texels.

    Attributes:
        gen: float32 [side, side, C], T_gen.
        rgb: float32 [side, side, 3] in [0, 1], sRGB, T_rgb; 0 outside `filled`.
        sampled: bool [side, side], B_smp.
        filled: bool [side, side], B_fill: `sampled` and small gaps.
        facing: float32 [side, side], lambda, 0 to 1; 0 outside `filled`. See `PhotoTexture.facing`.
    """

    gen: np.ndarray
    rgb: np.ndarray
    sampled: np.ndarray
    filled: np.ndarray
    facing: np.ndarray


def merge_textures(textures: Sequence[BodyTexture], tau: float = TAU) -> BodyTexture:
    """Merge the textures of N photos of one person, N >= 1 (Eq. 5).

    Args:
        textures: of one size; their order does not matter.
        tau: of Eq. 5, above 0.

    Returns:
        The merged texture. Its `facing` is the largest of all.
    """
    if not textures or not tau > 0:
        raise ValueError(f"expected textures and a tau above 0, not {len(textures)} and {tau}")
    if len({(t.gen.shape, t.rgb.shape) for t in textures}) > 1:
        raise ValueError(f"textures to be merged must have one size, not {[t.gen.shape for t in textures]}")
    filled = np.stack([t.filled for t in textures])  # [N, side, side]
    facing = np.stack([t.facing for t in textures])
    weight = merging_weights(facing, filled, tau)
    return BodyTexture(
        gen=_mix(weight, [t.gen for t in textures]),
        rgb=_mix(weight, [t.rgb for t in textures]),
        sampled=np.any([t.sampled for t in textures], axis=0),
        filled=np.any(filled, axis=0),
        facing=np.where(filled, facing, 0).max(axis=0),
    )


def merging_weights(facing: np.ndarray, seen: np.ndarray, tau: float) -> np.ndarray:
    """How much each photo counts at each texel: the w of Eq. 5.

    Args:
        facing: float [N, ...], lambda.
        seen: bool [N, ...], where each photo sees anything.
        tau: of Eq. 5, above 0.

    Returns:
        float64 [N, ...], sum 1 over N: 0 for photos that do not see what others do, 1 / N where none does.
    """
    exponent = np.where(seen | ~seen.any(axis=0), np.where(seen, facing, 0) / tau, -np.inf)
    weight = np.exp(exponent - exponent.max(axis=0))
    return weight / weight.sum(axis=0)


def _mix(weight: np.ndarray, values: Sequence[np.ndarray]) -> np.ndarray:
    """Weighted sum of N times [side, side, C]: float32."""
    total = sum(w[..., None] * v for w, v in zip(weight, values, strict=True))
    return np.asarray(total, np.float32)
