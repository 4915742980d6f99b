"""Rectangles in rectangles: sizes are (width, height) in pixels."""

from __future__ import annotations


def fit(inner: tuple[int, int], outer: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return x, y, width, height of the largest rectangle of `inner`'s shape in the middle of `outer`."""
    scale = min(outer[0] / inner[0], outer[1] / inner[1])
    width, height = max(1, round(inner[0] * scale)), max(1, round(inner[1] * scale))
    return (outer[0] - width) // 2, (outer[1] - height) // 2, width, height


def capped(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Scale a size down, never up, until its longer side is at most `longest`."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
