"""Lines of text as a picture, drawn with the font that Pillow carries: no font of the computer is needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_PANEL = (16, 18, 22, 190)
_TEXT = (240, 242, 245, 255)


def text_panel(lines: Sequence[str], *, font_size: int, max_width: int) -> np.ndarray:
    """Draw lines, light on a dark see-through panel: uint8 [H, W, 4], sRGB, straight alpha.

    Args:
        lines: at least one; a tab starts a second column. What is wider than the panel is cut off.
        font_size: pixels.
        max_width: pixels, the panel's largest width.
    """
    font = ImageFont.load_default(font_size)
    pad, step = font_size // 2, round(1.35 * font_size)
    cells = [line.split("\t", 1) for line in lines]
    second = 2 * pad + max((font.getlength(cell[0]) for cell in cells if len(cell) == 2), default=0)
    right = max((second if k else 0) + font.getlength(text) for cell in cells for k, text in enumerate(cell))
    panel = Image.new("RGBA", (min(max_width, round(right) + 2 * pad), step * len(lines) + 2 * pad), _PANEL)
    draw = ImageDraw.Draw(panel)
    for row, cell in enumerate(cells):
        for text, left in zip(cell, (0, second), strict=False):
            draw.text((pad + left, pad + row * step), text, font=font, fill=_TEXT)
    return np.asarray(panel)
