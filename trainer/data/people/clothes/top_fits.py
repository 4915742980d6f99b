"""What tops of all kinds are drawn from: fits, places of prints, buttons."""

from __future__ import annotations

from dataclasses import replace

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.palette import Colour
from dinar.trainer.data.people.fabric.prints import PrintRecipe, Where, sample_print

_FITS = {
    "tight": (0.005, 0.25),
    "regular": (0.012, 0.5),
    "loose": (0.020, 0.8),
    "oversized": (0.034, 1.0),
}  # metres of ease, and how straight it hangs
_PRINTED: tuple[tuple[Where, ...], ...] = (
    ("chest",),
    ("back",),
    ("chest", "back"),
    ("chest", "sleeve"),
    ("chest", "back", "sleeve"),
)
HORN: tuple[Colour, ...] = ((0.75, 0.72, 0.66), (0.03, 0.03, 0.035), (0.10, 0.06, 0.04), (0.35, 0.28, 0.2))
METAL: tuple[Colour, ...] = ((0.35, 0.35, 0.36), (0.10, 0.10, 0.11), (0.42, 0.33, 0.16))


def fit(draw: Draw, shares: tuple[float, float, float, float]) -> tuple[float, float]:
    """Ease and hang of a fit drawn by the shares of tight, regular, loose and oversized."""
    ease, hang = _FITS[draw.pick(("tight", "regular", "loose", "oversized"), shares)]
    return ease * draw.uniform(0.85, 1.2), min(hang * draw.uniform(0.85, 1.15), 1.0)


def sample_prints(draw: Draw, probability: float, ground: Colour, depth: float) -> tuple[PrintRecipe, ...]:
    """Prints on chest, back and sleeve: most often on one, rarely on all; below the neck's opening."""
    if not draw.chance(probability):
        return ()
    prints = []
    for place in draw.pick(_PRINTED, (6, 1.2, 2, 1, 0.5)):
        mark = sample_print(draw.child(place), place, ground=ground)
        if place == "chest":
            mark = replace(mark, y=mark.y - max(depth - 0.07, 0.0))
        prints.append(mark)
    return tuple(prints)
