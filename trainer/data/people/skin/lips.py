"""Lips: a red that fades into the skin, grooves, the dark line where they meet, lipstick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.head import Head, polyline_distance, signed_distance, smooth_curve, smoothstep
from dinar.trainer.data.people.noise import fbm, noise3
from dinar.trainer.data.people.skin.complexion import Complexion
from dinar.trainer.data.people.skin.pigment import LIP, MELANIN, blend


@dataclass(frozen=True)
class Lips:
    """Lips at M points.

    Attributes:
        share: float64 [M], of the lips' own colour, with grooves; up to about 1.2.
        moist: float64 [M], where the lower lip is moist.
        lower: float64 [M], 1 on the lower lip.
        line: float64 [M], the dark line between the lips.
    """

    share: np.ndarray
    moist: np.ndarray
    lower: np.ndarray
    line: np.ndarray


def find_lips(head: Head, q: np.ndarray, p: np.ndarray, seed: int) -> Lips:
    """Lips at points `p` [M, 3], `q` the same mirrored to the person's left."""
    half = smooth_curve(head.lip_border[:, :2], 4)
    outline = np.concatenate([half, half[-2:0:-1] * [-1, 1]])
    inside = signed_distance(q[:, :2], outline)
    upper = q[:, 1] > head.lip_line[0, 1]
    ragged = inside + 0.0004 * fbm(p * 700, 2, 61 + seed) - 0.0009 * upper
    near = smoothstep(-0.012, -0.004, p[:, 2] - head.lip_line[-1, 2])
    share = smoothstep(-0.0006, 0.0030, ragged) * near
    groove = noise3(np.stack([p[:, 0] * 900, p[:, 1] * 120, p[:, 2] * 120], 1), 62 + seed)
    middle = (head.lip_line[0, 1] + head.lip_border[-1, 1]) / 2
    moist = np.exp(-(((q[:, 1] - middle) / 0.0022) ** 2 + ((q[:, 0] - 0.004) / 0.009) ** 2)) * share
    distance = polyline_distance(q, smooth_curve(head.lip_line, 3))
    end = smoothstep(head.lip_line[-1, 0] + 0.003, head.lip_line[-1, 0] - 0.006, q[:, 0])
    line = np.exp(-((distance / (0.0006 + 0.0007 * end)) ** 2)) * (0.55 + 0.45 * end)
    lower = smoothstep(0.0008, -0.0008, q[:, 1] - head.lip_line[0, 1])
    return Lips(share * (1 + 0.22 * groove), moist, lower, line)


def tint_lips(albedo: np.ndarray, lips: Lips, complexion: Complexion) -> np.ndarray:
    """Skin [M, 3] => lips. On dark skin the upper lip is darker, the lower one pinker in its middle."""
    dark = max(0.0, complexion.melanin - 0.3)
    red = lips.share * complexion.lips * (1 - 0.55 * dark)
    paler = dark * np.clip(lips.share, 0, 1) * (1.1 * lips.lower - 0.35 * (1 - lips.lower))
    albedo = albedo * np.exp(-red[:, None] * LIP + paler[:, None] * 0.8 * MELANIN)
    colour, opacity = complexion.makeup.lipstick
    if opacity > 0:
        edge = smoothstep(0.15, 0.55, lips.share)
        grooved = np.array(colour) * (0.80 + 0.20 * np.clip(lips.share, 0, 1.2))[:, None]
        albedo = blend(albedo, grooved, opacity * edge)
    return albedo
