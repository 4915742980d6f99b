"""Who a synthetic person is, before hair and clothes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Individual:
    """One adult.

    Attributes:
        femininity: 0 (man) to 1 (woman); most people are near either end.
        age: years, 18 to 80.
        ancestry: shares (african, asian, european), sum 1: skin and hair colours draw from them.
        betas: float64 [10], shape coefficients of the open body.
        face: float64 [V, 3], metres, what this face adds to the open body's T-pose of that shape (0 below
            the neck): faces differ in more than the ten betas tell.
    """

    femininity: float
    age: float
    ancestry: tuple[float, float, float]
    betas: np.ndarray
    face: np.ndarray
