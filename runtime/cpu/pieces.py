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
        *((name, np.int32) for name in ("column_first", "column_last", "triangle")),
    ]
)
"""A triangle, or a part of one, ready to be filled: corners ordered so that the doubled area is positive."""


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


@njit(cache=True, nogil=True)
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
    if area < 0:  # a front: counter-clockwise with y up is clockwise with y down
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
    p.column_first, p.column_last, p.triangle = column_first, column_last, triangle
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
    segments: np.ndarray,
    to_clip: np.ndarray,
) -> None:
    """Turn faces into pieces, one run of pieces and one run of faces to clip for each chunk of faces.

    Args:
        faces: int32 [F, 3], vertex ids.
        window: int32 [V, 2], see `project`.
        inverse_depth: float32 [V], see `project`.
        outside: uint8 [V], see `project`.
        cull: bool [F] or [1], drop the face where it shows its back.
        grid: the samples.
        pieces: PIECE [P], P >= F, out: the pieces of a chunk begin at the slot of its first face.
        rows: int32 [P, 2], out: first and last row of samples that each piece can touch.
        segments: int64 [C + 1, 2], out: first piece and number of pieces of each chunk, one left over.
        to_clip: int32 [C, ceil(F / C) + 1], out: the number of each chunk's faces that must be clipped, then
            their ids.
    """
    chunks, per_chunk, cull_all = to_clip.shape[0], to_clip.shape[1] - 1, len(cull) == 1
    for chunk in prange(chunks):
        first = min(chunk * per_chunk, len(faces))
        slot, clip_count = first, 0
        for face in range(first, min(first + per_chunk, len(faces))):
            a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
            out_a, out_b, out_c = outside[a], outside[b], outside[c]
            out_any = out_a | out_b | out_c
            if out_any != 0:
                if (out_a & out_b & out_c) == 0 and (out_any & NOT_FINITE) == 0:
                    clip_count += 1
                    to_clip[chunk, clip_count] = face
                continue
            x = (np.int64(window[a, 0]), np.int64(window[b, 0]), np.int64(window[c, 0]))
            y = (np.int64(window[a, 1]), np.int64(window[b, 1]), np.int64(window[c, 1]))
            w = (inverse_depth[a], inverse_depth[b], inverse_depth[c])
            if add_piece(pieces, rows, slot, face, x, y, w, cull[0 if cull_all else face], grid):
                slot += 1
        to_clip[chunk, 0] = clip_count
        segments[chunk, 0], segments[chunk, 1] = first, slot - first


@njit(cache=True, nogil=True)
def count_rows(
    pieces: np.ndarray, rows: np.ndarray, segments: np.ndarray, work: np.ndarray
) -> tuple[int, int, int, int]:
    """Estimate the work in each row of samples and find the rectangle that holds every piece.

    Args:
        pieces: PIECE [P].
        rows: int32 [P, 2], see `set_up`.
        segments: int64 [S, 2], see `set_up`.
        work: int64 [height + 1], out; the last is 0.

    Returns:
        First column, first row, end column, end row; four zeros when there is no piece.
    """
    work[:] = 0
    column_first, row_first, column_end, row_end = 2**30, 2**30, 0, 0
    for first, count in segments:
        for i in range(first, first + count):
            low, end = rows[i, 0], rows[i, 1] + 1
            left, right = pieces[i].column_first, pieces[i].column_last + 1
            column_first, column_end = min(column_first, left), max(column_end, right)
            row_first, row_end = min(row_first, low), max(row_end, end)
            row_work = 8 + right - left
            work[low] += row_work
            work[end] -= row_work
    for row in range(1, len(work)):
        work[row] += work[row - 1]
    if row_end == 0:
        return 0, 0, 0, 0
    return column_first, row_first, column_end, row_end
