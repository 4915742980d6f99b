"""Filling pieces: which triangle is nearest at each sample (formulas: `rasterize`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from dinar.runtime.cpu.pieces import BAND


@njit(inline="always")
def _bias(A: int, B: int) -> int:
    """Return 0 for a left or a top edge, which owns the samples on it, and -1 for the others."""
    return 0 if A > 0 or (A == 0 and B > 0) else -1


@njit(inline="always", error_model="numpy")
def _fill(
    p: Any, row_first: int, row_last: int, rotation: int, triangle: np.ndarray, inverse_depth: np.ndarray
) -> None:
    """Draw piece `p` (a PIECE) into the given rows of `triangle` and `inverse_depth`."""
    x0, y0, x1 = np.int64(p.x0), np.int64(p.y0), np.int64(p.x1)
    y1, x2, y2 = np.int64(p.y1), np.int64(p.x2), np.int64(p.y2)
    A0, A1, A2 = y1 - y2, y2 - y0, y0 - y1  # change of E per 1/256 column
    B0, B1, B2 = x2 - x1, x0 - x2, x1 - x0  # and per 1/256 row
    bias0, bias1, bias2 = _bias(A0, B0), _bias(A1, B1), _bias(A2, B2)
    per_area = np.float32(1.0) / np.float32(A1 * B2 - A2 * B1)
    k0, k1, k2 = p.w0 * per_area, p.w1 * per_area, p.w2 * per_area
    column_first, column_last, this = p.column_first, p.column_last, p.triangle
    for row in range(row_first, row_last + 1):
        X = 256 * column_first + 128 + rotation * (1 - 2 * (row & 1))
        Y = 256 * row + 128 - rotation * (1 - 2 * (column_first & 1))
        e0 = A0 * (X - x1) + B0 * (Y - y1) + bias0
        e1 = A1 * (X - x2) + B1 * (Y - y2) + bias1
        e2 = A2 * (X - x0) + B2 * (Y - y0) + bias2
        down = 2 * rotation * (1 - 2 * (column_first & 1))  # to the next column's samples, then back up
        down0, down1, down2 = down * B0, down * B1, down * B2
        for column in range(column_first, column_last + 1):
            if (e0 | e1 | e2) >= 0:
                w = np.float32(e0 - bias0) * k0 + np.float32(e1 - bias1) * k1 + np.float32(e2 - bias2) * k2
                nearest = inverse_depth[row, column]
                if w > nearest or (w == nearest and this < triangle[row, column]):
                    inverse_depth[row, column] = w
                    triangle[row, column] = this
            e0, e1, e2 = e0 + 256 * A0 + down0, e1 + 256 * A1 + down1, e2 + 256 * A2 + down2
            down0, down1, down2 = -down0, -down1, -down2


@njit(cache=True, nogil=True, parallel=True)
def resolve_visibility(
    pieces: np.ndarray,
    rows: np.ndarray,
    start: np.ndarray,
    order: np.ndarray,
    rotation: int,
    box: np.ndarray,
    workers: int,
    triangle: np.ndarray,
    inverse_depth: np.ndarray,
) -> None:
    """Clear a rectangle and draw every piece into it.

    Args:
        pieces: PIECE [P], what is to be filled.
        rows: int32 [P, 2], see `set_up`.
        start: int64 [B + 1], see `count_per_band`.
        order: int32, see `list_by_band`.
        rotation: see `Grid`.
        box: int64 [4], first column, first row, end column, end row of what is cleared; holds every piece.
        workers: bands are dealt out to so many threads in turn.
        triangle: int32 [height, width], out: nearest triangle, -1 for none.
        inverse_depth: float32 [height, width], out: 1 / metre, 0 for none.
    """
    for worker in prange(workers):
        for band in range(worker, len(start) - 1, workers):
            low, high = max(BAND * band, box[1]), min(BAND * (band + 1), box[3])
            for row in range(low, high):
                for column in range(box[0], box[2]):
                    triangle[row, column] = -1
                    inverse_depth[row, column] = np.float32(0.0)
            for entry in range(start[band], start[band + 1]):
                i = order[entry]
                row_first, row_last = max(rows[i, 0], low), min(rows[i, 1], high - 1)
                _fill(pieces[i], row_first, row_last, rotation, triangle, inverse_depth)
