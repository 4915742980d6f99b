"""Filling pieces: which triangle is nearest at each sample (formulas: `rasterize`).

A band of rows is drawn into keys, int64 for each sample: the bits of the inverse depth above those of
~triangle. The larger key is the nearer triangle, or the lower id at the same depth, and 0 stands for none: a
sample takes one maximum and no branch, and loops over a row become vector instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from dinar.runtime.cpu.pieces import BAND

LANES = 8
"""Samples of a row that are filled at a time: rows of keys are so much longer than a picture's."""

NARROW = 1 << 14
"""Most 1/256 samples a side of a narrow piece. Its edge functions, up to LANES + 2 samples outside of it too,
stay below 2 NARROW (NARROW + 3072) < 2^31: 32-bit integers give the same values as those of 64 bits."""


@njit(inline="always")
def _bias(A: int, B: int) -> int:
    """Return 0 for a left or a top edge, which owns the samples on it, and -1 for the others."""
    return 0 if A > 0 or (A == 0 and B > 0) else -1


@njit(inline="always")
def _key(w: np.float32, this: int, covered: bool) -> np.int64:
    """Return the key of a sample of inverse depth `w` that shows triangle ~this, 0 if it is not covered."""
    key = np.int64(np.float32(w).view(np.int32)) << 32 | this
    return key if covered and w > np.float32(0.0) else np.int64(0)


@njit(inline="always")
def _fill_narrow(
    edges: tuple, bias: tuple, S: tuple, D: tuple, k: tuple, this: int, line: np.ndarray
) -> None:
    """Fill a row's samples, from an even column on; all integers are int32.

    Args:
        edges: three edge functions, with their bias, at the first sample.
        bias: what was added to them.
        S: their change from column to column, but for the samples' rotation.
        D: their change from even to odd columns by the rotation.
        k: three inverse depths over the area, float32.
        this: ~triangle, as int64 in 32 bits.
        line: int64 [a multiple of LANES], keys of the row's samples.
    """
    (e0, e1, e2), (bias0, bias1, bias2), (k0, k1, k2) = edges, bias, k
    for column in range(len(line)):
        i = np.int32(column)
        odd = np.int32(-(i & np.int32(1)))  # all bits set, or none
        at0 = np.int32(e0 + np.int32(np.int32(i * S[0]) + np.int32(odd & D[0])))
        at1 = np.int32(e1 + np.int32(np.int32(i * S[1]) + np.int32(odd & D[1])))
        at2 = np.int32(e2 + np.int32(np.int32(i * S[2]) + np.int32(odd & D[2])))
        w = np.float32(np.int32(at0 - bias0)) * k0 + np.float32(np.int32(at1 - bias1)) * k1
        w += np.float32(np.int32(at2 - bias2)) * k2
        line[column] = max(line[column], _key(w, this, (at0 | at1 | at2) >= 0))


@njit(inline="always")
def _fill_wide(edges: tuple, bias: tuple, S: tuple, D: tuple, k: tuple, this: int, line: np.ndarray) -> None:
    """Do the same as `_fill_narrow` with int64."""
    (e0, e1, e2), (bias0, bias1, bias2), (k0, k1, k2) = edges, bias, k
    for column in range(len(line)):
        odd = column & 1
        at0, at1, at2 = e0 + odd * D[0], e1 + odd * D[1], e2 + odd * D[2]
        if (at0 | at1 | at2) >= 0:
            w = np.float32(at0 - bias0) * k0 + np.float32(at1 - bias1) * k1 + np.float32(at2 - bias2) * k2
            line[column] = max(line[column], _key(w, this, True))
        e0, e1, e2 = e0 + S[0], e1 + S[1], e2 + S[2]


@njit(inline="always")
def _reach(p: Any) -> tuple[int, int]:
    """Return the first and the end column of the samples that are filled for piece `p` (a PIECE)."""
    first: Any = np.int64(p.column_first) & ~1
    return first, first + ((p.column_last - first + LANES) & -LANES)


@njit(inline="always")
def _is_hidden(p: Any, row_first: int, row_last: int, row_of_keys: int, keys: np.ndarray) -> bool:
    """Return whether all of piece `p` (see `_fill`) is behind what is in the keys, with room for rounding."""
    nearest = np.float32(max(p.w0, p.w1, p.w2) * np.float32(1.00001))
    limit = (np.int64(nearest.view(np.int32)) + 1) << 32
    first, end = _reach(p)
    for row in range(row_first, row_last + 1):
        line = keys[row - row_of_keys, first:end]
        lowest = limit
        for column in range(len(line)):
            lowest = min(lowest, line[column])
        if lowest < limit:
            return False
    return True


@njit(inline="always", error_model="numpy")
def _fill(p: Any, row_first: int, row_last: int, row_of_keys: int, rotation: int, keys: np.ndarray) -> None:
    """Draw piece `p` (a PIECE) into the given rows of `keys`, whose first row is `row_of_keys`."""
    x0, y0, x1 = np.int64(p.x0), np.int64(p.y0), np.int64(p.x1)
    y1, x2, y2 = np.int64(p.y1), np.int64(p.x2), np.int64(p.y2)
    A0, A1, A2 = y1 - y2, y2 - y0, y0 - y1  # change of E per 1/256 column
    B0, B1, B2 = x2 - x1, x0 - x2, x1 - x0  # and per 1/256 row
    bias0, bias1, bias2 = _bias(A0, B0), _bias(A1, B1), _bias(A2, B2)
    per_area = np.float32(1.0) / np.float32(A1 * B2 - A2 * B1)
    k = p.w0 * per_area, p.w1 * per_area, p.w2 * per_area
    this = np.int64(~p.triangle) & 0xFFFFFFFF
    first, end = _reach(p)
    widest = max(max(abs(A0), abs(A1), abs(A2)), max(abs(B0), abs(B1), abs(B2)))
    turn = 2 * rotation  # from an even column's samples down to the next one's
    for row in range(row_first, row_last + 1):
        line = keys[row - row_of_keys, first:end]
        X = 256 * first + 128 + rotation * (1 - 2 * (row & 1))
        Y = 256 * row + 128 - rotation
        e0 = A0 * (X - x1) + B0 * (Y - y1) + bias0
        e1 = A1 * (X - x2) + B1 * (Y - y2) + bias1
        e2 = A2 * (X - x0) + B2 * (Y - y0) + bias2
        if widest <= NARROW:
            _fill_narrow(
                (np.int32(e0), np.int32(e1), np.int32(e2)),
                (np.int32(bias0), np.int32(bias1), np.int32(bias2)),
                (np.int32(256 * A0), np.int32(256 * A1), np.int32(256 * A2)),
                (np.int32(turn * B0), np.int32(turn * B1), np.int32(turn * B2)),
                k,
                this,
                line,
            )
        else:
            S, D = (256 * A0, 256 * A1, 256 * A2), (turn * B0, turn * B1, turn * B2)
            _fill_wide((e0, e1, e2), (bias0, bias1, bias2), S, D, k, this, line)


@njit(inline="always")
def _unpack(keys: np.ndarray, triangle: np.ndarray, inverse_depth: np.ndarray) -> None:
    """Write keys int64 [n] as triangles int32 [n], -1 for none, and inverse depths float32 [n]."""
    for column in range(len(triangle)):
        key = keys[column]
        triangle[column] = ~np.int32(key & 0xFFFFFFFF)
        inverse_depth[column] = np.int32(key >> 32).view(np.float32)


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def resolve_visibility(
    pieces: np.ndarray,
    rows: np.ndarray,
    start: np.ndarray,
    order: np.ndarray,
    rotation: int,
    columns: np.ndarray,
    keys: np.ndarray,
    triangle: np.ndarray,
    inverse_depth: np.ndarray,
) -> None:
    """Clear what the last picture left, and draw every piece.

    Args:
        pieces: PIECE [P], what is to be filled.
        rows: int32 [P, 2], see `set_up`.
        start: int64 [S, B + 1], see `count_per_band`: of S lists.
        order: int32 [S, L], see `list_by_band`.
        rotation: see `Grid`.
        columns: int64 [B, 2], first and end column that each band's pieces can touch, (width, 0) when there
            are none: in for the last picture, out for this one.
        keys: int64 [workers, BAND, width + LANES], work space; bands are dealt out to the workers in turn.
        triangle: int32 [height, width], out: nearest triangle, -1 for none.
        inverse_depth: float32 [height, width], out: 1 / metre, 0 for none.
    """
    workers, (height, width) = len(keys), triangle.shape
    for worker in prange(workers):
        for band in range(worker, start.shape[1] - 1, workers):
            low, high = BAND * band, min(BAND * (band + 1), height)
            first, end = width, 0
            for share in range(len(start)):
                for entry in range(start[share, band], start[share, band + 1]):
                    p = pieces[order[share, entry]]
                    first, end = min(first, p.column_first), max(end, p.column_last + 1)
            left, right = min(first, columns[band, 0]), max(end, columns[band, 1])
            columns[band, 0], columns[band, 1] = first, end
            for row in range(high - low if left < right else 0):
                keys[worker, row, left:right] = 0
            for back in range(2):  # fronts first: they hide most of what shows its back
                for share in range(len(start)):
                    for entry in range(start[share, band], start[share, band + 1]):
                        i = order[share, entry]
                        if pieces[i].back != back:
                            continue
                        row_first, row_last = max(rows[i, 0], low), min(rows[i, 1], high - 1)
                        if back and _is_hidden(pieces[i], row_first, row_last, low, keys[worker]):
                            continue
                        _fill(pieces[i], row_first, row_last, low, rotation, keys[worker])
            for row in range(low, high if left < right else low):
                _unpack(
                    keys[worker, row - low, left:right],
                    triangle[row, left:right],
                    inverse_depth[row, left:right],
                )
