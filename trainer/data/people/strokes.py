"""Short hairs drawn on a surface: many thin tapered segments, evaluated at points."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np

_CELL = 0.0012  # metres: side of the boxes in which segments are looked up


@dataclass(frozen=True)
class Strokes:
    """K straight segments; a curved hair is a few of them.

    Attributes:
        start: float64 [K, 3], metres.
        end: float64 [K, 3], metres.
        radius: float64 [K, 2], metres, half the width at start and end.
        tone: float64 [K], any number the painter wants to know of a hair (how light it is, say).
    """

    start: np.ndarray
    end: np.ndarray
    radius: np.ndarray
    tone: np.ndarray

    def __call__(self, points: np.ndarray, *, soft: float) -> tuple[np.ndarray, np.ndarray]:
        """Coverage in [0, 1] and mean tone of the hairs at `points` [M, 3]; edges fade over `soft` metres."""
        covered, tone = np.zeros(len(points)), np.zeros(len(points))
        if len(self.start) and len(points):
            reach = self.radius.max(1)[:, None] + soft
            low, high = np.minimum(self.start, self.end) - reach, np.maximum(self.start, self.end) + reach
            grid = _Grid.over(low.min(0), high.max(0), max(_CELL, soft))
            first, segment = grid.sort(low, high)
            cell = grid.cell(points)
            _draw(
                np.ascontiguousarray(points, np.float64),
                cell,
                first,
                segment,
                self.start,
                self.end,
                self.radius,
                self.tone,
                soft,
                covered,
                tone,
            )
        return covered, tone


@dataclass(frozen=True)
class _Grid:
    """Boxes of space, each with the segments that may be seen in it.

    Attributes:
        origin: [3], metres.
        size: side of a box, metres.
        shape: int64 [3], boxes along each axis.
    """

    origin: np.ndarray
    size: float
    shape: np.ndarray

    @staticmethod
    def over(low: np.ndarray, high: np.ndarray, size: float) -> _Grid:
        """Cover the box from `low` [3] to `high` [3]."""
        size = max(size, float((high - low).max()) / 400)
        return _Grid(low, size, np.floor((high - low) / size).astype(np.int64) + 1)

    def cell(self, points: np.ndarray) -> np.ndarray:
        """Box of each of the points [M, 3], -1 outside: int64 [M]."""
        index = np.floor((points - self.origin) / self.size).astype(np.int64)
        inside = ((index >= 0) & (index < self.shape)).all(1)
        flat = (index[:, 0] * self.shape[1] + index[:, 1]) * self.shape[2] + index[:, 2]
        return np.where(inside, flat, -1)

    def sort(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Entries of each box, as the first of each [boxes + 1], and the segments [entries] themselves."""
        least = np.floor((low - self.origin) / self.size).astype(np.int64)
        most = np.minimum(np.floor((high - self.origin) / self.size).astype(np.int64), self.shape - 1)
        first = np.zeros(int(self.shape.prod()) + 1, np.int64)
        _count(least, most, self.shape, first)
        segment = np.empty(first[-1], np.int32)
        _fill(least, most, self.shape, first[:-1].copy(), segment)
        return first, segment


@nb.njit(cache=True, nogil=True)
def _count(least, most, shape, first):  # type: ignore[no-untyped-def]
    """Running count of the segments in the boxes before each."""
    for k in range(least.shape[0]):
        for x in range(least[k, 0], most[k, 0] + 1):
            for y in range(least[k, 1], most[k, 1] + 1):
                for z in range(least[k, 2], most[k, 2] + 1):
                    first[(x * shape[1] + y) * shape[2] + z + 1] += 1
    for box in range(first.shape[0] - 1):
        first[box + 1] += first[box]


@nb.njit(cache=True, nogil=True)
def _fill(least, most, shape, place, segment):  # type: ignore[no-untyped-def]
    for k in range(least.shape[0]):
        for x in range(least[k, 0], most[k, 0] + 1):
            for y in range(least[k, 1], most[k, 1] + 1):
                for z in range(least[k, 2], most[k, 2] + 1):
                    box = (x * shape[1] + y) * shape[2] + z
                    segment[place[box]] = k
                    place[box] += 1


@nb.njit(cache=True, nogil=True)
def _draw(points, cell, first, segment, start, end, radius, tones, soft, covered, tone):  # type: ignore[no-untyped-def]
    """Coverage and mean tone at each point: a thin hair covers little of a soft edge."""
    for i in range(points.shape[0]):
        if cell[i] < 0:
            continue
        uncovered, weight, mean = 1.0, 1e-9, 0.0
        for entry in range(first[cell[i]], first[cell[i] + 1]):
            k = segment[entry]
            dot, length = 0.0, 1e-18
            for c in range(3):
                along = end[k, c] - start[k, c]
                dot += (points[i, c] - start[k, c]) * along
                length += along * along
            t = min(max(dot / length, 0.0), 1.0)
            squared = 0.0
            for c in range(3):
                squared += (points[i, c] - start[k, c] - t * (end[k, c] - start[k, c])) ** 2
            r = radius[k, 0] * (1 - t) + radius[k, 1] * t
            edge = min((r + soft / 2 - np.sqrt(squared)) / soft, 1.0)
            if edge <= 0.0:
                continue
            alpha = edge * min(1.0, 2 * r / soft)
            uncovered *= 1 - alpha
            mean += alpha * tones[k]
            weight += alpha
        covered[i], tone[i] = 1 - uncovered, mean / weight


def join(*groups: Strokes) -> Strokes:
    """All the strokes in one."""
    return Strokes(
        *(np.concatenate([getattr(g, name) for g in groups]) for name in ("start", "end", "radius", "tone"))
    )


def from_curves(curves: np.ndarray, width: np.ndarray, tone: np.ndarray, *, tip: float = 0.25) -> Strokes:
    """Strokes along curves.

    Args:
        curves: [H, S + 1, 3], S segments a hair, root first, metres.
        width: [H], metres, at the root.
        tone: [H].
        tip: width at the tip relative to the root.
    """
    segments = curves.shape[1] - 1
    taper = np.linspace(1, tip, segments + 1)
    radius = width[:, None] / 2 * taper  # [H, S + 1]
    return Strokes(
        curves[:, :-1].reshape(-1, 3),
        curves[:, 1:].reshape(-1, 3),
        np.stack([radius[:, :-1].ravel(), radius[:, 1:].ravel()], 1),
        np.repeat(tone, segments),
    )
