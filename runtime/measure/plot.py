"""What the page's plots are made of: a frame of fixed size, round numbers along it, lines and words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

WIDTH, LEFT, RIGHT = 860, 96, 72
"""Of all plots: their width, and the margins beside what is drawn."""
PLOT_HEIGHT = 170
"""Of the histograms and scatter plots, without their margins."""


def round_ticks(most: float) -> list[float]:
    """Round numbers from 0 to just above `most`, four to eight of them."""
    rough = max(most, 1e-3) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough)
    return [step * k for k in range(math.ceil(most / step) + 1)]


def vertical_line(x: float, top: float, bottom: float, label: str) -> str:
    """Draw a line of the grid with its label below."""
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>'
    return line + text_at(x, bottom + 18, label, "middle", "soft")


def text_at(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    """Write `text` at a point; `anchor` as in SVG, `kind` is a class."""
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(text)}</text>'


def svg(height: float, drawn: Sequence[str], title: str) -> str:
    """Return a picture of `WIDTH` x `height` of what was drawn."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        + "".join(drawn)
        + "</svg>"
    )
