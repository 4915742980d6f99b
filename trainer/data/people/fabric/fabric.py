"""What painters of cloth share: soft edges, printed colours, and folds finer than a drape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.noise import fbm, fbm_gradient

TEXEL = 0.0014  # metres over which a printed edge is softened, about one texel


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bump(values: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Rise to 1 at `centre` and fall to 1/e at `width` from it."""
    return np.exp(-(((values - centre) / width) ** 2))


def inside(distance: np.ndarray) -> np.ndarray:
    """0 outside to 1 inside a printed shape whose signed distance (positive inside) is in metres."""
    return np.clip(distance / TEXEL + 0.5, 0, 1)


def blend(below: np.ndarray, above: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Lay one colour [3] or [M, 3] over another by `amount` [M]."""
    return below + (above - below) * amount[:, None]


@dataclass(frozen=True)
class Folds:
    """Folds at M points: slope [M, 3], subtracted from a normal, and depth in a valley [M], 0 to 1."""

    slope: np.ndarray
    valley: np.ndarray

    def __add__(self, other: Folds) -> Folds:
        return Folds(self.slope + other.slope, np.maximum(self.valley, other.valley))


def folds(points: np.ndarray, per_metre: tuple[float, float, float], amount: np.ndarray, seed: int) -> Folds:
    """Folds along the axes in which `per_metre` is small.

    Args:
        points: [M, 3], metres, on the body.
        per_metre: how many folds a metre holds along each axis.
        amount: [M], 0 (none) to 1 (a centimetre high).
        seed: of the noise.
    """
    scale = np.array(per_metre)
    scaled = points * scale
    slope = fbm_gradient(scaled, 2, seed=seed) * scale * 0.010
    valley = np.clip(-1.8 * fbm(scaled, 2, seed=seed), 0, 1)
    return Folds(slope * amount[:, None], valley * np.clip(amount, 0, 1))
