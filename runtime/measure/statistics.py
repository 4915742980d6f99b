"""From single times to the numbers that are reported, and when to stop measuring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STABLE_WINDOWS = 3
"""So many windows in a row must agree (as NVIDIA's perf_analyzer asks for)."""


@dataclass(frozen=True)
class Percentiles:
    """The distribution of one stage's times, milliseconds. Only the means of stages add up to the total's."""

    mean_ms: float
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


def percentiles(times_ms: Sequence[float]) -> Percentiles:
    """Summarise one time or more, milliseconds; percentiles between two times are interpolated."""
    values = np.asarray(times_ms, np.float64)
    if not values.size:
        raise ValueError("percentiles expects one time or more")
    return Percentiles(float(values.mean()), *np.percentile(values, [50, 90, 95, 99, 100]).tolist())


def is_stable(medians_ms: Sequence[float], tolerance: float) -> bool:
    """Whether the medians of the last three windows lie within `tolerance` (a share) of their middle one."""
    if len(medians_ms) < STABLE_WINDOWS:
        return False
    last = sorted(medians_ms[-STABLE_WINDOWS:])
    middle = last[STABLE_WINDOWS // 2]
    return max(last[-1] - middle, middle - last[0]) <= tolerance * middle
