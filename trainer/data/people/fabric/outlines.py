"""Flat pictures made of outlines: filled shapes and strokes, one over another, with soft edges.

Pictures are drawn about the origin, x to the right and y up, in a box of about [-1, 1]; whoever prints them
chooses the metres a unit takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numba as nb
import numpy as np

from dinar.trainer.data.people.fabric.patterns import covered

Line = np.ndarray  # float64 [K, 2]


@dataclass(frozen=True)
class Shape:
    """One ink of a picture.

    Attributes:
        lines: closed outlines (holes are outlines within outlines), or open lines when stroked.
        ink: number of its colour in the palette of the print.
        stroke: breadth of the lines; 0: filled.
        fade_to: colour that its ink runs into from top to bottom; -1: none.
    """

    lines: tuple[Line, ...]
    ink: int
    stroke: float = 0.0
    fade_to: int = -1


Picture = tuple[Shape, ...]


def fill(ink: int, *lines: Line | Sequence[tuple[float, float]], fade_to: int = -1) -> Shape:
    """A filled shape of closed outlines."""
    return Shape(tuple(np.asarray(line, np.float64) for line in lines), ink, 0.0, fade_to)


def stroke(ink: int, breadth: float, *lines: Line | Sequence[tuple[float, float]]) -> Shape:
    """Open lines of some breadth."""
    return Shape(tuple(np.asarray(line, np.float64) for line in lines), ink, breadth)


def placed(picture: Iterable[Shape], x: float, y: float, scale: float = 1.0, turn: float = 0.0) -> Picture:
    """Scale a picture, turn it (radians, counter-clockwise) and move it."""
    rotation = scale * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return tuple(
        replace(
            shape, lines=tuple(line @ rotation + (x, y) for line in shape.lines), stroke=shape.stroke * scale
        )
        for shape in picture
    )


def in_inks(picture: Iterable[Shape], inks: Sequence[int]) -> Picture:
    """Exchange inks: number k becomes `inks[k]`."""
    return tuple(
        replace(
            shape, ink=inks[shape.ink], fade_to=inks[shape.fade_to] if shape.fade_to >= 0 else shape.fade_to
        )
        for shape in picture
    )


def extent(picture: Iterable[Shape]) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest x and y of a picture: [2] each."""
    points = np.concatenate([line for shape in picture for line in shape.lines])
    return points.min(0), points.max(0)


def fitted(picture: Picture, width: float = 2.0, height: float = 2.0) -> Picture:
    """Centre a picture on the origin and scale it into a box."""
    low, high = extent(picture)
    scale = float(np.min((width, height) / np.maximum(high - low, 1e-6)))
    x, y = -scale * (low + high) / 2
    return placed(picture, float(x), float(y), scale)


def circle(x: float, y: float, radius: float, tall: float = 1.0, count: int = 40) -> Line:
    """An ellipse, `tall` times as high as wide."""
    angle = np.arange(count) * 2 * np.pi / count
    return np.stack([x + radius * np.cos(angle), y + radius * tall * np.sin(angle)], 1)


def box(x: float, y: float, width: float, height: float, corner: float = 0.0) -> Line:
    """A rectangle about (x, y), its corners rounded."""
    if corner <= 0:
        return np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width / 2, height / 2) + (x, y)
    quarter = np.linspace(0, np.pi / 2, 6)
    arcs = [
        np.stack([np.cos(quarter + turn), np.sin(quarter + turn)], 1) * corner
        + (sx * (width / 2 - corner), sy * (height / 2 - corner))
        for turn, sx, sy in ((0, 1, 1), (np.pi / 2, -1, 1), (np.pi, -1, -1), (1.5 * np.pi, 1, -1))
    ]
    middle = np.array([x, y])
    return np.concatenate(arcs) + middle


def star(x: float, y: float, radius: float, tips: int = 5, inner: float = 0.42, turn: float = 0.0) -> Line:
    """A star, or rays."""
    angle = np.pi / 2 + turn + np.arange(2 * tips) * np.pi / tips
    reach = np.where(np.arange(2 * tips) % 2 == 0, radius, radius * inner)
    return np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle)], 1)


def arc(x: float, y: float, radius: float, start: float, end: float, count: int = 24) -> Line:
    """Part of a circle from one angle to another (degrees, counter-clockwise from the right)."""
    angle = np.radians(np.linspace(start, end, count))
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], 1)


def curve(points: Sequence[tuple[float, float]] | Line, closed: bool = True, steps: int = 6) -> Line:
    """A smooth line through points (Catmull-Rom)."""
    knots = np.asarray(points, np.float64)
    count = len(knots)
    padded = knots[np.arange(-1, count + 2) % count] if closed else knots[[0, *range(count), -1]]
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for k in range(count if closed else count - 1):
        a, b, c, d = padded[k : k + 4]
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    return np.concatenate(pieces if closed else [*pieces, knots[-1:]])


def mirrored(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The right half of an outline, from top to bottom, and its mirror image: a closed outline."""
    return [*points, *((-x, y) for x, y in reversed(points) if x > 1e-9)]


def lay(picture: Picture, colours: np.ndarray, x: np.ndarray, y: np.ndarray, unit: float, albedo: np.ndarray,
        amount: np.ndarray) -> None:  # fmt: skip
    """Print a picture over an albedo, in place.

    Args:
        picture: what to print.
        colours: [C, 3], linear RGB of the inks; an ink's number counts on from the first past the last.
        x, y: [M], metres, of the points from the picture's middle.
        unit: metres that a unit of the picture takes.
        albedo: [M, 3], linear RGB; printed on.
        amount: [M] in [0, 1], how well the ink holds.
    """
    segments, first, bounds, half, inks, fades = [], [0], [], [], [], []
    for shape in picture:
        ends = [line if shape.stroke > 0 else np.concatenate([line, line[:1]]) for line in shape.lines]
        pieces = [np.concatenate([line[:-1], line[1:]], 1) for line in ends]
        segments += pieces
        first.append(first[-1] + sum(len(piece) for piece in pieces))
        points = np.concatenate(ends)
        margin = shape.stroke / 2 + 0.002 / unit
        bounds.append([*(points.min(0) - margin), *(points.max(0) + margin)])
        half.append(shape.stroke / 2)
        inks.append(colours[shape.ink % len(colours)])
        fades.append(colours[(shape.fade_to if shape.fade_to >= 0 else shape.ink) % len(colours)])
    _print(np.concatenate(segments), np.array(first), np.array(bounds), np.array(half), np.array(inks),
           np.array(fades), x / unit, y / unit, unit, albedo, amount)  # fmt: skip


@nb.njit(cache=True)
def _print(segments, first, bounds, half, inks, fades, x, y, unit, albedo, amount):  # type: ignore[no-untyped-def]
    """Even-odd filling and strokes, by each point's distance from the lines."""
    for i in range(x.shape[0]):
        px, py = x[i], y[i]
        for s in range(half.shape[0]):
            left, low, right, high = bounds[s]
            if px < left or px > right or py < low or py > high:
                continue
            best, inside = 1e18, False
            for k in range(first[s], first[s + 1]):
                ax, ay, bx, by = segments[k]
                dx, dy = bx - ax, by - ay
                t = ((px - ax) * dx + (py - ay) * dy) / max(dx * dx + dy * dy, 1e-18)
                t = min(max(t, 0.0), 1.0)
                ex, ey = px - ax - t * dx, py - ay - t * dy
                best = min(best, ex * ex + ey * ey)
                if (ay > py) != (by > py) and px < ax + (py - ay) / (by - ay) * dx:
                    inside = not inside
            distance = np.sqrt(best)
            if half[s] > 0.0:
                distance = half[s] - distance
            elif not inside:
                distance = -distance
            share = covered(distance * unit) * amount[i]
            if share <= 0.0:
                continue
            down = min(max((high - py) / (high - low), 0.0), 1.0)
            for c in range(3):
                ink = inks[s, c] + down * (fades[s, c] - inks[s, c])
                albedo[i, c] += share * (ink - albedo[i, c])
