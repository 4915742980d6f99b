"""Short hairs drawn on a surface: many thin tapered segments, evaluated at points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

_NEIGHBOURS = 24  # segments looked at around a point; more never overlap one point noticeably


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

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree((self.start + self.end) / 2)

    @cached_property
    def _reach(self) -> float:
        """Farthest that a point drawn by a segment can lie from its middle, metres."""
        return float(np.linalg.norm(self.end - self.start, axis=1).max() / 2 + 3 * self.radius.max())

    def __call__(self, points: np.ndarray, *, soft: float) -> tuple[np.ndarray, np.ndarray]:
        """Coverage in [0, 1] and mean tone of the hairs at `points` [M, 3]; edges fade over `soft` metres."""
        count = min(_NEIGHBOURS, len(self.start))
        distance, index = self._tree.query(points, k=count, distance_upper_bound=self._reach + soft)
        uncovered, tone, weight = np.ones(len(points)), np.zeros(len(points)), np.full(len(points), 1e-9)
        for k in range(count):
            near = np.nonzero(np.isfinite(distance[:, k]))[0]
            if not len(near):
                break
            alpha = self._coverage(points[near], index[near, k], soft)
            uncovered[near] *= 1 - alpha
            tone[near] += alpha * self.tone[index[near, k]]
            weight[near] += alpha
        return 1 - uncovered, tone / weight

    def _coverage(self, points: np.ndarray, segment: np.ndarray, soft: float) -> np.ndarray:
        """How much of each point its segment covers: a thin hair covers little of a soft edge."""
        along = self.end[segment] - self.start[segment]
        offset = points - self.start[segment]
        t = np.clip((offset * along).sum(1) / np.maximum((along**2).sum(1), 1e-18), 0, 1)
        distance = np.linalg.norm(offset - t[:, None] * along, axis=1)
        radius = self.radius[segment, 0] * (1 - t) + self.radius[segment, 1] * t
        edge = np.clip((radius + soft / 2 - distance) / soft, 0, 1)
        return edge * np.minimum(1, 2 * radius / soft)


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
