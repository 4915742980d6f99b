"""Sheets of pictures: one row a sample, one column for each thing to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

_GAP = 4  # pixels between pictures


def lay_out(columns: Sequence[torch.Tensor], side: int) -> np.ndarray:
    """Arrange pictures.

    Args:
        columns: float32 [B, 3, h, w] or [B, 1, h, w] each, in [0, 1], sRGB or grey; h and w may differ.
        side: pixels on a side of each picture in the sheet.

    Returns:
        uint8 [B * (side + gap) - gap, columns * (side + gap) - gap, 3], white between pictures.
    """
    rows = len(columns[0])
    sheet = np.full((rows * (side + _GAP) - _GAP, len(columns) * (side + _GAP) - _GAP, 3), 255, np.uint8)
    for column, pictures in enumerate(columns):
        resized = torch.nn.functional.interpolate(
            pictures.detach().float().cpu().expand(-1, 3, -1, -1),
            (side, side),
            mode="bilinear",
            antialias=True,
        )
        values = (resized.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        for row in range(rows):
            top, left = row * (side + _GAP), column * (side + _GAP)
            sheet[top : top + side, left : left + side] = values[row]
    return sheet


def save_sheet(folder: Path, step: int, sheet: np.ndarray) -> Path:
    """Write a sheet, uint8 [H, W, 3], to folder/sheets/STEP.png; returns where it is."""
    path = folder / "sheets" / f"{step:06d}.png"
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(sheet).save(path)
    return path
