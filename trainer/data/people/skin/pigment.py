"""Colours of a body as pigments: tones of skin, how blood and melanin tint it, and the colour of hairs."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.bake import decode_srgb
from dinar.trainer.data.people.skin.complexion import HairColour

# Even skin from the lightest (melanin 0) to the darkest (1).
_TONES = (
    (0.00, "#dcb8a2"),
    (0.15, "#d0a588"),
    (0.30, "#c09373"),
    (0.45, "#a87a58"),
    (0.60, "#865c42"),
    (0.75, "#67472f"),
    (0.90, "#4b3324"),
    (1.00, "#3a281d"),
)

# What one unit of pigment takes from red, green and blue (optical density).
BLOOD = np.array([0.10, 0.60, 0.52])
MELANIN = np.array([0.55, 0.95, 1.25])
LIP = np.array([0.22, 0.56, 0.40])  # of lips relative to the skin around them
_OLIVE = np.array([0.03, 0.0, 0.12])  # of a unit of undertone


def skin_tone(melanin: float, undertone: float) -> np.ndarray:
    """Linear RGB [3] of even skin: `melanin` 0 (lightest) to 1, `undertone` -1 (pink) to 1 (olive)."""
    levels = [level for level, _ in _TONES]
    colours = np.log([decode_srgb(colour) for _, colour in _TONES])
    tone = np.array([np.interp(melanin, levels, colours[:, channel]) for channel in range(3)])
    return np.exp(tone - undertone * _OLIVE)


def skin_colour(tone: np.ndarray, blood: np.ndarray, melanin: np.ndarray) -> np.ndarray:
    """Pigments [M] relative to a `tone` ([3] or [M, 3]) => linear RGB [M, 3]."""
    return tone * np.exp(-(blood[:, None] * BLOOD + melanin[:, None] * MELANIN))


def mean_hair(hair: HairColour) -> np.ndarray:
    """Linear RGB [3] of many hairs together: dark hairs and their shadows outweigh white ones."""
    return np.array(hair.root) ** (1 - hair.grey) * np.array(hair.white) ** hair.grey


def hair_colour(hair: HairColour, tone: np.ndarray, own: np.ndarray | None = None) -> np.ndarray:
    """Colour of hairs.

    Args:
        hair: its pigments.
        tone: [M], 0 is the hair's mean, 1 a sunlit tip, below 0 darker.
        own: [M] in [0, 1), a number that belongs to each hair: those below the share of grey are white; None
            mixes pigment and white evenly.

    Returns:
        Linear RGB [M, 3].
    """
    light = np.clip(tone, 0, 1)[:, None]
    root, tip, white = np.array(hair.root), np.array(hair.tip), np.array(hair.white)
    colour = root + (tip - root) * light
    if hair.grey > 0:
        white = white * (1 + 0.3 * light)
        if own is None:
            colour = colour ** (1 - hair.grey) * white**hair.grey
        else:
            colour = np.where((own < hair.grey)[:, None], white, colour)
    return colour * np.clip(1 + tone, 0.3, 1)[:, None]


def blend(below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Lay the colour `above` ([M, 3] or [3]) over `below` [M, 3] where `share` [M] says: [M, 3]."""
    return below + (above - below) * share[:, None]
