"""Smooth curves: cubic splines through keys, with continuous velocity and acceleration, and an ease."""

from __future__ import annotations

import numpy as np

TAU = 2 * np.pi


def ease(x: np.ndarray, start: float, end: float) -> np.ndarray:
    """Go from 0 at `start` to 1 at `end`, with no velocity or acceleration at both (Perlin 2002)."""
    u = np.clip((x - start) / (end - start), 0, 1)
    return u**3 * (10 - 15 * u + 6 * u**2)


def cyclic_spline(knots: np.ndarray, values: np.ndarray, period: float, x: np.ndarray) -> np.ndarray:
    """Evaluate the periodic cubic spline through keys.

    Args:
        knots: [K], K >= 3, rising, within one period from the first.
        values: [K, ...], the curve at the knots.
        period: where the curve starts again.
        x: [N], any numbers.

    Returns:
        [N, ...].
    """
    knots = np.append(knots, knots[0] + period)
    values = np.concatenate([values, values[:1]])
    h = np.diff(knots)  # [K]
    count = len(h)
    rise = np.diff(values, axis=0) / _column(h, values)
    system = np.zeros((count, count))
    right = np.zeros_like(rise)
    for i in range(count):  # the second derivative is the same on both sides of knot i
        before, after = (i - 1) % count, (i + 1) % count
        system[i, before] += 1 / h[before]
        system[i, i] += 2 / h[before] + 2 / h[i]
        system[i, after] += 1 / h[i]
        right[i] = 3 * (rise[before] / h[before] + rise[i] / h[i])
    slopes = np.linalg.solve(system, right.reshape(count, -1)).reshape(rise.shape)
    return _hermite(knots, values, np.concatenate([slopes, slopes[:1]]), knots[0] + (x - knots[0]) % period)


def clamped_spline(
    knots: np.ndarray, values: np.ndarray, start_slope: float, end_slope: float, x: np.ndarray
) -> np.ndarray:
    """Evaluate the cubic spline through keys with given slopes at both ends.

    Args:
        knots: [K], K >= 3, rising.
        values: [K], the curve at the knots.
        start_slope: derivative at the first knot.
        end_slope: derivative at the last knot.
        x: [N], within the knots.

    Returns:
        [N].
    """
    h = np.diff(knots)
    rise = np.diff(values) / h
    system = np.eye(len(knots))
    right = np.empty(len(knots))
    right[0], right[-1] = start_slope, end_slope
    for i in range(1, len(knots) - 1):
        system[i, i - 1 : i + 2] = 1 / h[i - 1], 2 / h[i - 1] + 2 / h[i], 1 / h[i]
        right[i] = 3 * (rise[i - 1] / h[i - 1] + rise[i] / h[i])
    return _hermite(knots, values, np.linalg.solve(system, right), x)


def _hermite(knots: np.ndarray, values: np.ndarray, slopes: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Cubic pieces from values and slopes [K, ...] at the knots."""
    i = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    h = _column(np.diff(knots)[i], values)
    u = _column(x - knots[i], values) / h
    return (
        values[i] * (1 - u) ** 2 * (1 + 2 * u)
        + values[i + 1] * u**2 * (3 - 2 * u)
        + h * u * (1 - u) * (slopes[i] * (1 - u) - slopes[i + 1] * u)
    )


def _column(numbers: np.ndarray, like: np.ndarray) -> np.ndarray:
    return numbers.reshape(-1, *(1,) * (like.ndim - 1))
