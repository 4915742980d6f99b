"""Chance that repeats: one key, the same draws on every machine and with every version of NumPy.

NumPy promises that the streams of `RandomState` never change; those of `Generator` may.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Draw:
    """Draws from the stream of one key. Make a `child` for each thing that is drawn, so that a draw more or
    less in one of them leaves the others as they were."""

    def __init__(self, *key: int | str) -> None:
        """Start the stream of a key: whole numbers of at least 0, and names."""
        self.key = key
        words = [part if isinstance(part, int) else zlib.crc32(part.encode()) for part in key]
        bits = np.random.MT19937(np.random.SeedSequence(words))
        self._stream = np.random.RandomState(bits)

    def child(self, *name: int | str) -> Draw:
        """A stream of its own for something named."""
        return Draw(*self.key, *name)

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return float(self._stream.uniform(low, high))

    def normal(self, mean: float, deviation: float, *, clip: float = 2.5) -> float:
        """A normal number, no further than `clip` deviations from the mean."""
        return mean + deviation * float(np.clip(self._stream.standard_normal(), -clip, clip))

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self._stream.random_sample() < probability)

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._stream.random_sample() * (high - low + 1))

    def pick(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """One of the options, each with its weight (all alike when left out)."""
        shares = np.cumsum(np.ones(len(options)) if weights is None else np.asarray(weights, np.float64))
        place = np.searchsorted(shares, self._stream.random_sample() * shares[-1], side="right")
        return options[min(int(place), len(options) - 1)]

    def seed(self) -> int:
        """A seed for noise, in [0, 2^20)."""
        return int(self._stream.random_sample() * (1 << 20))

    def uniforms(self, low: float, high: float, shape: int | tuple[int, ...]) -> np.ndarray:
        """Numbers in [low, high): float64 of this shape."""
        return self._stream.uniform(low, high, shape)

    def normals(self, shape: int | tuple[int, ...]) -> np.ndarray:
        """Standard normal numbers: float64 of this shape."""
        return self._stream.standard_normal(shape)
