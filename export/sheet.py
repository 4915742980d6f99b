"""Pictures side by side, each with a label above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.renderer import Renderer

_GAP, _LABEL = 8, 24  # pixels: between pictures, above a picture
_FONT = 15
_BEHIND = 224  # grey behind the person


@dataclass(frozen=True, eq=False)
class Cell:
    """A picture, uint8 [H, W, 3], and what is written above it."""

    label: str
    picture: np.ndarray


def drawn(renderer: Renderer, pose: Pose, camera: Camera) -> np.ndarray:
    """Draw before grey: uint8 [H, W, 3]."""
    return before_grey(renderer.render(pose, [camera]).numpy()[0])


def before_grey(rgba: np.ndarray) -> np.ndarray:
    """Composite uint8 [H, W, 4], straight alpha: uint8 [H, W, 3]."""
    share = rgba[..., 3:] / np.float32(255)
    return np.asarray(np.round(rgba[..., :3] * share + _BEHIND * (1 - share)), np.uint8)


def lay_out(rows: Sequence[Sequence[Cell]], side: int) -> Image.Image:
    """Lay rows of labelled pictures out on white, each within a square of `side` pixels."""
    columns = max(len(row) for row in rows)
    step_x, step_y = side + _GAP, _LABEL + side + _GAP
    sheet = Image.new("RGB", (columns * step_x + _GAP, len(rows) * step_y + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT)
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            left, top = _GAP + x * step_x, _GAP + y * step_y
            draw.text((left, top), cell.label, font=font, fill="black")
            fitted = ImageOps.pad(Image.fromarray(cell.picture), (side, side), color="white")
            sheet.paste(fitted, (left, top + _LABEL))
    return sheet
