"""Patterns of walls, floors and plants behind a person, as functions of a place on them.

Compiled, point by point, from integer hashes: the same on every machine.
"""

from __future__ import annotations

import numpy as np
from numba import njit

(
    PAINT,
    PLANKS,
    TILES,
    CARPET,
    BRICK,
    STRIPES,
    SPECKLE,
    GRASS,
    FOLIAGE,
    FACADE,
    BOOKS,
    PICTURE,
    WINDOW,
) = range(13)


@njit(inline="always")
def hashed(x: int, y: int, seed: int) -> float:
    """Return a number in [0, 1) that depends on two whole numbers and a seed."""
    h = (np.int64(x) * np.int64(0x27D4EB2D) + np.int64(y) * np.int64(0x165667B1) + np.int64(seed)) & np.int64(
        0xFFFFFFFF
    )
    h = ((h ^ (h >> 15)) * np.int64(0x2C1B3C6D)) & np.int64(0xFFFFFFFF)
    h = ((h ^ (h >> 12)) * np.int64(0x297A2D39)) & np.int64(0xFFFFFFFF)
    h = h ^ (h >> 15)
    return float(h & np.int64(0xFFFFFF)) / 16777216.0


@njit(cache=True, nogil=True)
def value_noise(x: float, y: float, seed: int) -> float:
    """Smooth noise in [0, 1), features one unit wide."""
    c, r = np.floor(x), np.floor(y)
    fx, fy = x - c, y - r
    fx, fy = fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy)
    i, j = int(c), int(r)
    top = hashed(i, j, seed) + fx * (hashed(i + 1, j, seed) - hashed(i, j, seed))
    bottom = hashed(i, j + 1, seed) + fx * (hashed(i + 1, j + 1, seed) - hashed(i, j + 1, seed))
    return top + fy * (bottom - top)


@njit(cache=True, nogil=True)
def fractal_noise(x: float, y: float, seed: int, octaves: int) -> float:
    """Sum octaves of `value_noise`, each half as large and half as strong as the one before; in [0, 1)."""
    total, amplitude, amplitudes = 0.0, 1.0, 0.0
    for octave in range(octaves):
        total += amplitude * value_noise(x + 17.3 * octave, y - 9.1 * octave, seed + 131 * octave)
        amplitudes += amplitude
        amplitude *= 0.5
        x, y = 2.0 * x, 2.0 * y
    return total / amplitudes


@njit(cache=True, nogil=True)
def _line(distance: float, half: float, footprint: float) -> float:
    """Share of a pixel that a line covers: 1 on a broad one, less on one thinner than the pixel."""
    reach = max(half, 0.7 * footprint)
    return half / reach if distance < reach else 0.0


@njit(cache=True, nogil=True)
def _fine(noise: float, feature: float, footprint: float) -> float:
    """Fade noise in [0, 1) to its mean where a pixel is wider than its features."""
    return 0.5 + (noise - 0.5) * min(1.0, (feature / max(footprint, 1e-9)) ** 2)


@njit(cache=True, nogil=True)
def _blocks(
    u: float, v: float, width: float, length: float, joint: float, seed: int, footprint: float
) -> tuple[float, float]:
    """Rows of blocks laid in a bond: the block's own number in [0, 1), and the share of joint."""
    row = np.floor(v / width)
    along = u / length + hashed(int(row), 7, seed)
    column = np.floor(along)
    in_row, in_column = (v / width - row) * width, (along - column) * length
    gap = max(
        _line(min(in_row, width - in_row), joint / 2, footprint),
        _line(min(in_column, length - in_column), joint / 2, footprint),
    )
    return hashed(int(row), int(column), seed + 3), gap


@njit(cache=True, nogil=True)
def pattern(
    kind: int,
    u: float,
    v: float,
    footprint: float,
    scale: float,
    seed: int,
    a: np.ndarray,
    b: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill out [3], linear RGB, with the albedo at a place of a surface.

    Args:
        kind: one of the constants above.
        u: metres across.
        v: metres up, or along a floor.
        footprint: metres of the surface that a pixel takes.
        scale: size of the pattern's features, 1 for the usual one.
        seed: of its irregularities.
        a: [3], first colour, linear RGB.
        b: [3], second colour.
        out: [3].
    """
    u, v, footprint = u / scale, v / scale, footprint / scale
    share, tone = 0.0, 1.0
    if kind == PAINT:
        tone = 0.95 + 0.10 * fractal_noise(u * 1.3, v * 1.3, seed, 3)
    elif kind == PLANKS:
        share, gap = _blocks(u, v, 0.14, 1.3, 0.004, seed, footprint)
        tone = (0.82 + 0.36 * _fine(fractal_noise(u * 2.0, v * 45.0, seed, 3), 0.02, footprint)) * (
            1.0 - 0.6 * gap
        )
    elif kind == TILES:
        row, column = np.floor(v / 0.45), np.floor(u / 0.45)
        in_row, in_column = v - 0.45 * row, u - 0.45 * column
        gap = max(
            _line(min(in_row, 0.45 - in_row), 0.004, footprint),
            _line(min(in_column, 0.45 - in_column), 0.004, footprint),
        )
        share = float((int(row) + int(column)) & 1)
        tone = (0.92 + 0.16 * hashed(int(row), int(column), seed)) * (1.0 - 0.4 * gap)
    elif kind == CARPET:
        share = 1.0 if fractal_noise(u * 2.5, v * 2.5, seed, 2) > 0.55 else 0.0
        tone = 0.8 + 0.4 * _fine(value_noise(u * 140.0, v * 140.0, seed + 1), 0.008, footprint)
    elif kind == BRICK:
        share, gap = _blocks(u, v, 0.075, 0.24, 0.009, seed, footprint)
        tone = 0.85 + 0.3 * _fine(value_noise(u * 40.0, v * 40.0, seed), 0.03, footprint)
        share += gap * (1.0 - share)
        tone += gap * (1.25 - tone)
    elif kind == STRIPES:
        share = 1.0 if (u / 0.16 - np.floor(u / 0.16)) < 0.5 else 0.0
    elif kind == SPECKLE:
        share = fractal_noise(u * 0.9, v * 0.9, seed, 4)
        tone = 0.86 + 0.28 * _fine(value_noise(u * 90.0, v * 90.0, seed + 5), 0.012, footprint)
    elif kind == GRASS:
        share = fractal_noise(u * 0.7, v * 0.7, seed, 4)
        tone = 0.55 + 0.9 * _fine(value_noise(u * 60.0, v * 24.0, seed + 5), 0.03, footprint)
    elif kind == FOLIAGE:
        clump = fractal_noise(u * 1.6, v * 1.6, seed, 5)
        share = fractal_noise(u * 0.4, v * 0.4, seed + 9, 2)
        tone = 0.25 + 1.5 * max(clump - 0.25, 0.0)
    elif kind == FACADE:
        row, column = np.floor(v / 3.1), np.floor(u / 2.3)
        inside_v, inside_u = v / 3.1 - row, u / 2.3 - column
        glass = 0.28 < inside_v < 0.80 and 0.24 < inside_u < 0.76
        share = 1.0 if glass else 0.0
        tone = (
            0.5 + 1.1 * hashed(int(row), int(column), seed) if glass else 0.95 + 0.1 * value_noise(u, v, seed)
        )
    elif kind == BOOKS:
        row = np.floor(v / 0.33)
        column = np.floor(u / 0.035 + 0.6 * value_noise(u * 12.0, row, seed))
        height = 0.62 + 0.3 * hashed(int(row), int(column), seed + 1)
        board = v / 0.33 - row < 0.07
        empty = v / 0.33 - row > height
        hue = hashed(int(row), int(column), seed)
        for c in range(3):
            wave = 0.5 + 0.5 * np.cos(6.2831853 * (hue + 0.33 * c))
            book = 0.06 + 0.45 * wave * hashed(int(row), int(column), seed + 2)
            out[c] = a[c] if board else (0.25 * a[c] if empty else book)
        return
    elif kind == PICTURE:
        share = fractal_noise(u * 3.0, v * 3.0, seed, 3)
        share = min(max(3.0 * (share - 0.33), 0.0), 1.0)
        tone = 0.7 + 0.6 * fractal_noise(u * 7.0, v * 7.0, seed + 4, 2)
    elif kind == WINDOW:
        mullion = (
            abs(u - np.floor(u / 0.7 + 0.5) * 0.7) < 0.03 or abs(v - np.floor(v / 0.9 + 0.5) * 0.9) < 0.03
        )
        trees = 0.55 + 0.5 * fractal_noise(u * 1.2, 3.0, seed, 3)
        if mullion:
            tone = 0.75
        elif v < trees:
            leaf = fractal_noise(u * 4.0, v * 4.0, seed + 3, 4)
            out[0], out[1], out[2] = 0.25 + 0.35 * leaf, 0.35 + 0.40 * leaf, 0.20 + 0.25 * leaf
            return
        else:
            share = 1.0
            tone = 1.0 + 0.25 * fractal_noise(u, v, seed + 5, 3)
    for c in range(3):
        out[c] = max((a[c] + share * (b[c] - a[c])) * tone, 0.0)
