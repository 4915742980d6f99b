"""Lines of text as a picture, drawn with the font that Pillow carries: no font of the computer is needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

DOT = "\N{BLACK CIRCLE}"
"""At the beginning of a line it is drawn as a red disc: something is being recorded."""

_RED = (226, 44, 44, 255)
_PANEL = (16, 18, 22, 190)
_INDENT = "      "  # the width of the disc
_TEXT = (240, 242, 245, 255)


def text_panel(lines: Sequence[str], *, font_size: int, max_width: int) -> np.ndarray:
    """Draw lines, light on a dark see-through panel: uint8 [H, W, 4], sRGB, straight alpha.

    Args:
        lines: at least one; a tab starts a second column, `DOT` is a red disc. A line that is wider than the
            panel and has no tab goes on below; a word that is wider is cut off.
        font_size: pixels.
        max_width: pixels, the panel's largest width.
    """
    font = ImageFont.load_default(font_size)
    pad, step = font_size // 2, round(1.35 * font_size)
    cells = [part.split("\t", 1) for line in lines for part in _wrapped(line, font, max_width - 2 * pad)]
    second = 2 * pad + max((font.getlength(cell[0]) for cell in cells if len(cell) == 2), default=0)
    right = max((second if k else 0) + font.getlength(text) for cell in cells for k, text in enumerate(cell))
    panel = Image.new("RGBA", (min(max_width, round(right) + 2 * pad), step * len(cells) + 2 * pad), _PANEL)
    draw = ImageDraw.Draw(panel)
    for row, cell in enumerate(cells):
        top = pad + row * step
        if cell[0].startswith(DOT):
            cell[0] = _INDENT + cell[0].removeprefix(DOT)
            radius, middle = 0.36 * font_size, top + 0.6 * font_size
            draw.ellipse((pad, middle - radius, pad + 2 * radius, middle + radius), fill=_RED)
        for text, left in zip(cell, (0, second), strict=False):
            draw.text((pad + left, top), text, font=font, fill=_TEXT)
    return np.asarray(panel)


def _wrapped(line: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Break a line between words so that no part is wider than `width` pixels."""
    if "\t" in line or font.getlength(line) <= width:
        return [line]
    parts = [""]
    for word in line.split(" "):
        longer = f"{parts[-1]} {word}" if parts[-1] else word
        if font.getlength(longer) <= width or not parts[-1]:
            parts[-1] = longer
        else:
            parts.append(word)
    return parts
