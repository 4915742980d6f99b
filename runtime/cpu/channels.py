"""The input of the renderer network: the texture's channels where the bare body is seen (DINAR Sec. 3.1).

Pixels are bytes, channels last, as `network_input` says. Sampling is bilinear, without mipmaps, as it is in
training.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from dinar.runtime.cpu.sample import texel_pair
from dinar.runtime.network_input import CHANNELS, RASTER_CHANNELS
from dinar.runtime.prepare.neural_texture import PADDED_CHANNELS, NeuralTexture

_PADDED = PADDED_CHANNELS
_RED = RASTER_CHANNELS.index("red")


@njit(inline="always", error_model="numpy")
def _face_at(
    homogeneous: np.ndarray, f: Any, column: np.float32, row: np.float32
) -> tuple[np.float32, np.float32, np.float32, np.float32, np.float32, np.float32]:
    """Return a face's barycentrics at a point, not yet scaled to the sum 1, and their change per column.

    They are linear in column and row (Olano and Greer 1997), so the next pixel of a row that sees the same
    face takes three additions (formulas: `rasterize`).

    Args:
        homogeneous: float32 [V, 3], see `project`.
        f: an element of CORNERS.
        column: pixels.
        row: pixels.
    """
    z0, z1, z2 = homogeneous[f.i, 2], homogeneous[f.j, 2], homogeneous[f.k, 2]
    x0, y0 = homogeneous[f.i, 0] - column * z0, homogeneous[f.i, 1] - row * z0
    x1, y1 = homogeneous[f.j, 0] - column * z1, homogeneous[f.j, 1] - row * z1
    x2, y2 = homogeneous[f.k, 0] - column * z2, homogeneous[f.k, 1] - row * z2
    b0, b1, b2 = x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0
    d0, d1, d2 = z2 * y1 - z1 * y2, z0 * y2 - z2 * y0, z1 * y0 - z0 * y1
    if b0 + b1 + b2 < np.float32(0.0):
        return -b0, -b1, -b2, -d0, -d1, -d2
    return b0, b1, b2, d0, d1, d2


@njit(inline="always")
def _write_bilinear(
    texels: np.ndarray, u: np.float32, v: np.float32, line: np.ndarray, first: int, count: int
) -> None:
    """Write the first `count` channels of the texels around (u, v), mixed, to `line` from `first` on."""
    left, right, across = texel_pair(u, texels.shape[1])
    top, bottom, down = texel_pair(v, texels.shape[0])
    one, half = np.float32(1.0), np.float32(0.5)
    w00, w01 = (one - across) * (one - down), across * (one - down)
    w10, w11 = (one - across) * down, across * down
    # Unsigned indices: for signed ones numba looks whether they count from the end.
    x0, x1, y0, y1 = np.uint64(left), np.uint64(right), np.uint64(top), np.uint64(bottom)
    at = np.uint64(first)
    for c in range(count):
        upper = np.float32(texels[y0, x0, c]) * w00 + np.float32(texels[y0, x1, c]) * w01
        lower = np.float32(texels[y1, x0, c]) * w10 + np.float32(texels[y1, x1, c]) * w11
        line[at + np.uint64(c)] = np.uint8(upper + lower + half)


@njit(inline="always", error_model="numpy")
def _sample_row(
    texture: NeuralTexture,
    faces: np.ndarray,
    homogeneous: np.ndarray,
    triangle: np.ndarray,
    row: np.float32,
    left: int,
    line: np.ndarray,
) -> tuple[int, int]:
    """Write the pixels of a row to `line` and return the first covered pixel and the end of the last.

    Args:
        texture: the texture.
        faces: CORNERS [F].
        homogeneous: float32 [V, 3], see `Visibility`.
        triangle: int32 [n], nearest triangle of each pixel, -1 for none.
        row: pixels, where the row's centres are.
        left: column of the first pixel.
        line: uint8 [22 n + 32], out; written between the two pixels, and up to 32 bytes beyond.
    """
    zero, half = np.float32(0.0), np.float32(0.5)
    first, end, previous = len(triangle), 0, -1
    b0 = b1 = b2 = d0 = d1 = d2 = zero
    for x in range(len(triangle)):
        t = triangle[x]
        if t < 0:
            if end > 0:
                for c in range(_PADDED):
                    line[np.uint64(CHANNELS * x + c)] = 0
            continue
        first, end = min(first, x), x + 1
        f = faces[t]
        if t != previous:
            previous = t
            b0, b1, b2, d0, d1, d2 = _face_at(homogeneous, f, np.float32(left + x) + half, row)
        else:
            b0, b1, b2 = b0 + d0, b1 + d1, b2 + d2
        p0, p1, p2 = max(b0, zero), max(b1, zero), max(b2, zero)
        share = np.float32(1.0) / (p0 + p1 + p2)
        u, v = (p0 * f.u0 + p1 * f.u1 + p2 * f.u2) * share, (p0 * f.v0 + p1 * f.v1 + p2 * f.v2) * share
        # All 32 at once are fewer instructions than 22; the next pixel writes over the last ten.
        _write_bilinear(texture.texels, u, v, line, CHANNELS * x, _PADDED)
        if len(texture.rgb) > 0:
            _write_bilinear(texture.rgb, u, v, line, CHANNELS * x + _RED, 3)
    return first, end


@njit(cache=True, nogil=True, parallel=True, error_model="numpy", fastmath={"contract"})
def sample_channels(
    texture: NeuralTexture,
    faces: np.ndarray,
    homogeneous: np.ndarray,
    triangle: np.ndarray,
    left: int,
    top: int,
    workers: int,
    spans: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill a rectangle of the picture; what lies outside the picture, or is not covered, becomes 0.

    Args:
        texture: the texture.
        faces: CORNERS [F].
        homogeneous: float32 [V, 3], see `Visibility`.
        triangle: int32 [H, W], see `Visibility`, one sample for each pixel.
        left: the rectangle's first column, 0 or more.
        top: the rectangle's first row, 0 or more.
        workers: rows are dealt out to so many threads in turn.
        spans: int32 [h, 2], first pixel and end of what may not be 0 in each row of `out`; updated.
        out: uint8 [h, w * 22], out.
    """
    for worker in prange(workers):
        line = np.zeros(out.shape[1] + _PADDED, np.uint8)
        for y in range(worker, len(out), workers):
            first, end = 0, 0
            if top + y < triangle.shape[0]:
                seen = triangle[top + y, left : left + out.shape[1] // CHANNELS]
                row = np.float32(top + y) + np.float32(0.5)
                first, end = _sample_row(texture, faces, homogeneous, seen, row, left, line)
            for byte in range(CHANNELS * spans[y, 0], CHANNELS * min(spans[y, 1], first)):
                out[y, byte] = 0
            for byte in range(CHANNELS * first, CHANNELS * end):
                out[y, byte] = line[byte]
            for byte in range(CHANNELS * max(spans[y, 0], end), CHANNELS * spans[y, 1]):
                out[y, byte] = 0
            spans[y, 0], spans[y, 1] = first, end
