"""The colour behind the person, and putting the person on it."""

from __future__ import annotations

import re
from typing import TypeAlias

import numpy as np

from dinar.runtime.errors import DinarError

Background: TypeAlias = tuple[int, int, int] | None
"""sRGB colour, each 0..255; None keeps the picture's own transparency."""

_NAMED: dict[str, Background] = {"light": (238, 240, 243), "dark": (28, 30, 34), "transparent": None}


class BackgroundError(DinarError):
    """A background that cannot be read."""


def parse_background(text: str) -> Background:
    """Read "light", "dark", "transparent" or "#rrggbb". Raises BackgroundError for anything else."""
    if text in _NAMED:
        return _NAMED[text]
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        red, green, blue = bytes.fromhex(text[1:])
        return red, green, blue
    raise BackgroundError(
        f"the background must be light, dark, transparent or a colour such as #20c0ff, not {text!r}"
    )


def composite(rgba: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Put straight-alpha pictures on a colour, in sRGB space as screens and browsers do.

    Args:
        rgba: uint8 [..., 4], sRGB, straight alpha.
        colour: sRGB, each 0..255.

    Returns:
        uint8 [..., 3], sRGB, rounded to nearest.
    """
    alpha = rgba[..., 3:].astype(np.uint16)
    blended = rgba[..., :3] * alpha  # at most 255 * 255: fits 16 bits
    blended += np.asarray(colour, np.uint16) * (255 - alpha)
    blended += 127
    return (blended // 255).astype(np.uint8)
