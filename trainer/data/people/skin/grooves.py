"""Lines that age and use leave in skin: curves in frontal projection that darken it and bend its normals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np

from dinar.trainer.data.people.head import smooth_curve


@dataclass(frozen=True)
class Groove:
    """One line.

    Attributes:
        line: float64 [K, 2], metres in frontal projection (x, y), on the person's left; a smooth curve runs
            through the points and fades at both ends.
        width: metres, where it is deep by 1 / e.
        depth: metres.
    """

    line: np.ndarray
    width: float
    depth: float


def carve(q: np.ndarray, grooves: Sequence[Groove]) -> tuple[np.ndarray, np.ndarray]:
    """Depth relative to the width [M] and gradient of the height [M, 3] (z = 0) at points [M, 3]."""
    shade, slope = np.zeros(len(q)), np.zeros((len(q), 3))
    for groove in grooves:
        curve = smooth_curve(groove.line, 4)
        _carve(np.ascontiguousarray(q, np.float64), curve, groove.width, groove.depth, shade, slope)
    return shade, slope


@nb.njit(cache=True, nogil=True)
def _carve(q, line, width, depth, shade, slope):  # type: ignore[no-untyped-def]
    """Add one line: height -depth * exp(-(d / width)^2), fading at the ends."""
    reach = 2.6 * width
    low_x, high_x = line[:, 0].min() - reach, line[:, 0].max() + reach
    low_y, high_y = line[:, 1].min() - reach, line[:, 1].max() + reach
    spans = line.shape[0] - 1
    for i in range(q.shape[0]):
        x, y = q[i, 0], q[i, 1]
        if x < low_x or x > high_x or y < low_y or y > high_y:
            continue
        best, bx, by, along = 1e9, 0.0, 0.0, 0.0
        for k in range(spans):
            ax, ay = line[k + 1, 0] - line[k, 0], line[k + 1, 1] - line[k, 1]
            t = ((x - line[k, 0]) * ax + (y - line[k, 1]) * ay) / max(ax * ax + ay * ay, 1e-18)
            t = min(max(t, 0.0), 1.0)
            dx, dy = x - line[k, 0] - t * ax, y - line[k, 1] - t * ay
            if dx * dx + dy * dy < best:
                best, bx, by, along = dx * dx + dy * dy, dx, dy, (k + t) / spans
        if best > reach * reach:
            continue
        fade = 4.0 * along * (1.0 - along)
        height = depth * fade * np.exp(-best / (width * width))
        shade[i] += height / width
        slope[i, 0] += 2.0 * height * bx / (width * width)
        slope[i, 1] += 2.0 * height * by / (width * width)
