"""A picture to judge by looking: each person's photo, the other side in truth, and as every way draws it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dinar.trainer.evaluation.judging import Shown

_SIDE, _GAP, _LABEL, _FONT = 256, 4, 24, 15  # pixels


def draw_sheet(people: Sequence[Shown], ways: Sequence[str]) -> Image.Image:
    """Lay pictures out, a row a person, under the names of the ways.

    Args:
        people: one or more.
        ways: names, in the order of `Shown.drawn`.
    """
    labels = ("photo", "truth", *ways)
    step = _SIDE + _GAP
    sheet = Image.new("RGB", (len(labels) * step - _GAP, _LABEL + len(people) * step - _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT)
    for column, label in enumerate(labels):
        draw.text((column * step + 2, 2), label, font=font, fill="black")
    for row, person in enumerate(people):
        for column, picture in enumerate((person.photo, person.truth, *person.drawn)):
            sheet.paste(_tile(picture), (column * step, _LABEL + row * step))
    return sheet


def _tile(pixels: np.ndarray) -> Image.Image:
    """A picture within a square."""
    image = Image.fromarray(pixels)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    tile = Image.new("RGB", (_SIDE, _SIDE), "white")
    tile.paste(image, ((_SIDE - image.width) // 2, (_SIDE - image.height) // 2))
    return tile
