"""Triangle setup: which triangles, or pieces of clipped ones, can cover a sample (formulas: `rasterize`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange

from dinar.runtime.cpu.project import NOT_FINITE

PIECE = np.dtype(
    [
        *((name, np.int32) for name in ("x0", "y0", "x1", "y1", "x2", "y2")),  # 24.8 fixed point
        *((name, np.float32) for name in ("w0", "w1", "w2")),  # inverse depth, 1 / metre
        *((name, np.int16) for name in ("column_first", "column_last")),
        *((name, np.int32) for name in ("triangle", "back")),  # back: 1 if that is the side it shows, else 0
    ]
)
"""A triangle, or a part of one, ready to be filled: corners ordered so that the doubled area is positive."""

BAND = 32
"""Rows of samples that one thread draws at a time: few enough that they stay in its second-level cache."""


class Grid(NamedTuple):
    """Where the samples are.

    Attributes:
        width: columns of samples.
        height: rows of samples.
        rotation: displacement of the samples in 1/256 pixel, 0 for pixel centres (see `rasterize`).
    """

    width: int
    height: int
    rotation: int


@njit(inline="always")
def add_piece(
    pieces: np.ndarray,
    rows: np.ndarray,
    slot: int,
    triangle: int,
    x: tuple,
    y: tuple,
    w: tuple,
    cull: bool,
    grid: Grid,
) -> bool:
    """Write a piece to `slot` and return True, or return False if it is culled, flat or between samples.

    Args:
        pieces: PIECE [P].
        rows: int32 [P, 2], first and last row of samples that each piece can touch.
        slot: where to write.
        triangle: id that the piece's samples get.
        x: three columns, 24.8 fixed point, int64.
        y: three rows, 24.8 fixed point, int64.
        w: three inverse depths, float32.
        cull: drop the piece if it shows its back.
        grid: the samples.
    """
    (x0, x1, x2), (y0, y1, y2), (w0, w1, w2) = x, y, w
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    if area == 0 or (area > 0 and cull):
        return False
    back = area > 0
    if not back:  # a front: counter-clockwise with y up is clockwise with y down
        x1, y1, w1, x2, y2, w2 = x2, y2, w2, x1, y1, w1
    row_first = max((min(y0, y1, y2) + 127 - grid.rotation) >> 8, 0)
    row_last = min((max(y0, y1, y2) - 128 + grid.rotation) >> 8, grid.height - 1)
    column_first = max((min(x0, x1, x2) + 127 - grid.rotation) >> 8, 0)
    column_last = min((max(x0, x1, x2) - 128 + grid.rotation) >> 8, grid.width - 1)
    if row_first > row_last or column_first > column_last:
        return False
    p = pieces[slot]
    p.x0, p.y0, p.w0 = x0, y0, w0
    p.x1, p.y1, p.w1 = x1, y1, w1
    p.x2, p.y2, p.w2 = x2, y2, w2
    p.column_first, p.column_last = column_first, column_last
    p.triangle, p.back = triangle, back
    rows[slot, 0], rows[slot, 1] = row_first, row_last
    return True


@njit(cache=True, nogil=True, parallel=True)
def set_up(
    faces: np.ndarray,
    window: np.ndarray,
    inverse_depth: np.ndarray,
    outside: np.ndarray,
    cull: np.ndarray,
    grid: Grid,
    pieces: np.ndarray,
    rows: np.ndarray,
    to_clip: np.ndarray,
    first: np.ndarray,
    count: np.ndarray,
    box: np.ndarray,
    start: np.ndarray,
    order: np.ndarray,
) -> None:
    """Turn faces into pieces, and list those of each band.

    The faces are dealt out in S shares of neighbours, one for each thread. Share s writes to pieces, rows and
    to_clip from slot first[s] on, with gaps between the shares.

    Args:
        faces: int32 [F, 3], vertex ids.
        window: int32 [V, 2], see `project`.
        inverse_depth: float32 [V], see `project`.
        outside: uint8 [V], see `project`.
        cull: bool [F] or [1], drop the face where it shows its back.
        grid: the samples.
        pieces: PIECE [P], P >= F, out.
        rows: int32 [P, 2], out: first and last row of samples that each piece can touch.
        to_clip: int32 [F], out: the faces that must be clipped.
        first: int64 [S + 1], share s takes faces first[s] to first[s + 1] - 1.
        count: int64 [S, 2], out: how many pieces a share has, and how many faces that must be clipped.
        box: int64 [S, 4], out, see `bounding_box`.
        start: int64 [S, B + 1], out, see `list_by_band`.
        order: int32 [S, L], out, likewise; a share whose list is longer than L is left for the caller.
    """
    for share in prange(len(count)):
        low, high = first[share], first[share + 1]
        n, clipped = _set_up_share(
            faces, window, inverse_depth, outside, cull, grid, pieces, rows, to_clip, low, high
        )
        count[share, 0], count[share, 1] = n, clipped
        own = rows[low : low + n]
        bounding_box(pieces[low : low + n], own, box[share])
        if count_per_band(own, start[share]) <= order.shape[1]:
            list_by_band(own, low, start[share], order[share])


@njit(cache=True, nogil=True)
def _set_up_share(
    faces: np.ndarray,
    window: np.ndarray,
    inverse_depth: np.ndarray,
    outside: np.ndarray,
    cull: np.ndarray,
    grid: Grid,
    pieces: np.ndarray,
    rows: np.ndarray,
    to_clip: np.ndarray,
    low: int,
    high: int,
) -> tuple[int, int]:
    """Do what `set_up` says for faces low to high - 1; return how many pieces and faces to clip there are."""
    piece_count, clip_count, cull_all = 0, 0, len(cull) == 1
    for face in range(low, high):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        out_a, out_b, out_c = outside[a], outside[b], outside[c]
        out_any = out_a | out_b | out_c
        if out_any != 0:
            if (out_a & out_b & out_c) == 0 and (out_any & NOT_FINITE) == 0:
                to_clip[low + clip_count] = face
                clip_count += 1
            continue
        x = (np.int64(window[a, 0]), np.int64(window[b, 0]), np.int64(window[c, 0]))
        y = (np.int64(window[a, 1]), np.int64(window[b, 1]), np.int64(window[c, 1]))
        w = (inverse_depth[a], inverse_depth[b], inverse_depth[c])
        if add_piece(pieces, rows, low + piece_count, face, x, y, w, cull[0 if cull_all else face], grid):
            piece_count += 1
    return piece_count, clip_count


@njit(cache=True, nogil=True)
def bounding_box(pieces: np.ndarray, rows: np.ndarray, box: np.ndarray) -> None:
    """Find what PIECE [P] and their rows [P, 2] touch.

    Writes first column, first row, end column and end row to box [4]; four zeros when there is no piece.
    """
    box[:] = 0
    if len(pieces) == 0:
        return
    column_first, row_first, column_last, row_last = 2**30, 2**30, 0, 0
    for i in range(len(pieces)):
        column_first = min(column_first, pieces[i].column_first)
        column_last = max(column_last, pieces[i].column_last)
        row_first, row_last = min(row_first, rows[i, 0]), max(row_last, rows[i, 1])
    box[0], box[1], box[2], box[3] = column_first, row_first, column_last + 1, row_last + 1


@njit(cache=True, nogil=True)
def count_per_band(rows: np.ndarray, start: np.ndarray) -> int:
    """Count the pieces of each band of BAND rows of samples.

    Args:
        rows: int32 [P, 2], see `set_up`.
        start: int64 [B + 1], out: band b's pieces will be entries start[b] to start[b + 1] - 1 of a list.

    Returns:
        Length of the list; a piece is counted in every band that it can touch.
    """
    start[:] = 0
    for i in range(len(rows)):
        for band in range(rows[i, 0] // BAND, rows[i, 1] // BAND + 1):
            start[band + 1] += 1
    for band in range(1, len(start)):
        start[band] += start[band - 1]
    return start[-1]


@njit(cache=True, nogil=True)
def list_by_band(rows: np.ndarray, first: int, start: np.ndarray, order: np.ndarray) -> None:
    """Write each band's pieces to the list `order`, int32 (see `count_per_band`).

    `rows` [P, 2] are those of pieces first to first + P - 1, which are listed in ascending order.
    """
    fill = start[:-1].copy()
    for i in range(len(rows)):
        for band in range(rows[i, 0] // BAND, rows[i, 1] // BAND + 1):
            order[fill[band]] = first + i
            fill[band] += 1
