"""The colour behind the person, and putting the person on it."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

import numpy as np

from dinar.runtime.errors import DinarError

Background: TypeAlias = tuple[int, int, int] | None
"""sRGB colour, each 0..255; None keeps the picture's own transparency."""

Backdrop: TypeAlias = tuple[int, int, int] | Literal["checker"]
"""What a window shows behind the person: a sRGB colour, or grey squares, which show what is see-through."""

GREEN = (0, 177, 64)
"""Chroma key green: other programs cut the person out."""

_SQUARE = 16  # pixels
_SQUARE_GREYS = (204, 255)

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


def backdrops(first: tuple[int, int, int]) -> tuple[Backdrop, ...]:
    """What a window's backdrops are in turn: `first`, then light, dark, green and checker without it."""
    light, dark = _NAMED["light"], _NAMED["dark"]
    assert light is not None, "a colour"
    assert dark is not None, "a colour"
    rest: tuple[Backdrop, ...] = (light, dark, GREEN, "checker")
    return (first, *(backdrop for backdrop in rest if backdrop != first))


def paint_backdrop(backdrop: Backdrop, width: int, height: int) -> np.ndarray:
    """Return a picture of the backdrop alone: uint8 [H, W, 3], sRGB."""
    if backdrop != "checker":
        return np.full((height, width, 3), backdrop, np.uint8)
    odd = np.add.outer(np.arange(height) // _SQUARE, np.arange(width) // _SQUARE) % 2  # [H, W]
    return np.repeat(np.asarray(_SQUARE_GREYS, np.uint8)[odd][..., None], 3, axis=2)


def composite(rgba: np.ndarray, colour: tuple[int, int, int] | np.ndarray) -> np.ndarray:
    """Put straight-alpha pictures on a colour or a picture, in sRGB space as screens and browsers do.

    Args:
        rgba: uint8 [..., 4], sRGB, straight alpha.
        colour: sRGB, each 0..255, or a picture, uint8 [..., 3].

    Returns:
        uint8 [..., 3], sRGB, rounded to nearest.
    """
    alpha = rgba[..., 3:].astype(np.uint16)
    blended = rgba[..., :3] * alpha  # at most 255 * 255: fits 16 bits
    blended += np.asarray(colour, np.uint16) * (255 - alpha)
    blended += 127
    return (blended // 255).astype(np.uint8)
