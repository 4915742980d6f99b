"""How far a mean over people can be trusted: percentile bootstrap (Efron 1979) over whole people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_RESAMPLES = 10_000
_TAIL = 2.5  # percent on each side


@dataclass(frozen=True)
class Interval:
    """A mean and the interval that holds it in 95 of 100 draws of so many people.

    Attributes:
        mean: of the people.
        low: lower end.
        high: upper end.
    """

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def bootstrap_mean(values: np.ndarray, seed: int = 0) -> Interval:
    """Give the mean of values [P], one a person (for a comparison: the difference of each), and its interval.

    Raises ValueError: no values.
    """
    if values.ndim != 1 or not len(values):
        raise ValueError(f"expected a number for each of one person or more, not an array of {values.shape}")
    chosen = np.random.default_rng(seed).integers(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.percentile(values[chosen].mean(1), [_TAIL, 100 - _TAIL])
    return Interval(float(values.mean()), float(low), float(high))
