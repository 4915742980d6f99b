"""Colours of a body as pigments: how blood and melanin tint skin, and the browns of hair."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.bake import decode_srgb

BASE = decode_srgb("#c09373")
HAIR = decode_srgb("#2b1f18")
HAIR_TIP = decode_srgb("#5d412d")

# What one unit of pigment takes from red, green and blue (optical density).
BLOOD = np.array([0.10, 0.60, 0.52])
MELANIN = np.array([0.55, 0.95, 1.25])
LIP = np.array([0.22, 0.56, 0.40])  # of lips relative to the skin around them


def skin_colour(blood: np.ndarray, melanin: np.ndarray) -> np.ndarray:
    """Pigments [M] relative to the base tone => linear RGB [M, 3]."""
    return BASE * np.exp(-(blood[:, None] * BLOOD + melanin[:, None] * MELANIN))


def hair_colour(tone: np.ndarray) -> np.ndarray:
    """Linear RGB [M, 3] of hairs: tone 0 is the hair's mean, 1 a sunlit tip, below 0 darker."""
    light = np.clip(tone, 0, 1)[:, None]
    return (HAIR + (HAIR_TIP - HAIR) * light) * np.clip(1 + tone, 0.3, 1)[:, None]


def blend(below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Lay the colour `above` ([M, 3] or [3]) over `below` [M, 3] where `share` [M] says: [M, 3]."""
    return below + (above - below) * share[:, None]
