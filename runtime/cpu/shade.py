"""Samples to pixels: filtered texture colours, averaged over each pixel's samples, with coverage as alpha.

Pixels are drawn in chunks, one step after the other for all of them. A step either computes, and becomes
vector instructions, or moves numbers between tables and the chunk, and computes nothing.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from dinar.runtime.cpu.attributes import convex_barycentric
from dinar.runtime.prepare.surface import Surface

CHUNK = 128
"""Looks that are worked on at a time: few enough to stay in the first-level cache."""

ROWS = 8
"""Rows that one thread draws at a time: neighbours share triangles and texels."""

_VECTOR = 16  # numbers in the widest registers: loops that compute run over a multiple of it

# A chunk is two flat arrays, because loops over parts of one array, a known distance apart, are known not to
# write what they read. Part NAME of entry i is at [NAME + i]. First come looks of pixels at triangles:
_FLOATS = CHUNK * np.arange(36)
COLUMN, ROW, SHARE, X0, Y0, Z0, X1, Y1, Z1, X2, Y2, Z2 = (int(part) for part in _FLOATS[:12])
TEXEL_AREA, U0, V0, U1, V1, U2, V2, U, V, AREA = (int(part) for part in _FLOATS[12:22])
_INTS = CHUNK * np.arange(32)
TRIANGLE, TEXTURE, PIXEL_ROW, PIXEL_COLUMN, ALPHA = (int(part) for part in _INTS[:5])
# then those that are left after merging, into textures:
AT_U, AT_V, AT_AREA, AT_SHARE, FINE_SHARE, COARSE_SHARE = (int(part) for part in _FLOATS[22:28])
ACROSS, DOWN, ACROSS_COARSE, DOWN_COARSE, RED, GREEN, BLUE = (int(part) for part in _FLOATS[28:35])
AT_TEXTURE, AT_ROW, AT_COLUMN, AT_ALPHA, BEGINS, LEVEL = (int(part) for part in _INTS[5:11])
FIRST, WIDTH, HEIGHT, FIRST_COARSE, WIDTH_COARSE, HEIGHT_COARSE = (int(part) for part in _INTS[11:17])
TEXELS = int(_INTS[17])  # eight parts: four around the point in the finer level, four in the coarser one

_OFFSETS = np.array(
    [(0.75, 0.25), (1.75, 0.75), (0.25, 1.25), (1.25, 1.75)]
)  # of a pixel's samples, rotated grid
_SEEN_AT = np.arange(16)[:, None] >> np.arange(4) & 1  # [16, 4]: samples of a pixel that see a triangle
_MEAN = (_SEEN_AT @ _OFFSETS / np.maximum(_SEEN_AT.sum(axis=1), 1)[:, None]).astype(np.float32)  # [16, 2]
_COUNT = _SEEN_AT.sum(axis=1).astype(np.float32)  # [16]


# --- Which looks a pixel takes --------------------------------------------------------------------------


@njit(inline="always")
def _look(
    f: np.ndarray, i: np.ndarray, at: int, t: int, x: int, y: int, column: float, row: float, share: float
) -> None:
    """Write a look of pixel (x, y) at triangle `t` to entry `at`."""
    i[TRIANGLE + at], i[PIXEL_ROW + at], i[PIXEL_COLUMN + at] = t, y, x
    f[COLUMN + at], f[ROW + at], f[SHARE + at] = column, row, share


@njit(inline="always")
def _one_look(triangle: np.ndarray, x: int, y: int, f: np.ndarray, i: np.ndarray, at: int) -> int:
    """Look from a pixel's centre, and return the number of looks in the chunk."""
    half = np.float32(0.5)
    _look(f, i, at, triangle[y, x], x, y, np.float32(x) + half, np.float32(y) + half, 1.0)
    i[ALPHA + at] = 255
    return at + 1


@njit(inline="always", error_model="numpy")
def _looks_of_four(triangle: np.ndarray, x: int, y: int, f: np.ndarray, i: np.ndarray, at: int) -> int:
    """Look at each triangle that four samples see, from their mean; return how many looks there are."""
    s0, s1 = triangle[2 * y, 2 * x], triangle[2 * y, 2 * x + 1]
    s2, s3 = triangle[2 * y + 1, 2 * x], triangle[2 * y + 1, 2 * x + 1]
    if s0 == s1 and s0 == s2 and s0 == s3:
        _look(f, i, at, s0, x, y, np.float32(2 * x + 1), np.float32(2 * y + 1), 1.0)
        i[ALPHA + at] = 255
        return at + 1
    covered = int(s0 >= 0) + int(s1 >= 0) + int(s2 >= 0) + int(s3 >= 0)
    per_sample = np.float32(1.0) / np.float32(covered)
    for sample in range(4):
        t = s0 if sample == 0 else s1 if sample == 1 else s2 if sample == 2 else s3
        same = int(s0 == t) | int(s1 == t) << 1 | int(s2 == t) << 2 | int(s3 == t) << 3
        column, row = np.float32(2 * x) + _MEAN[same, 0], np.float32(2 * y) + _MEAN[same, 1]
        _look(f, i, at, t, x, y, column, row, _COUNT[same] * per_sample)
        i[ALPHA + at] = (255 * covered + 2) // 4
        at += int(t >= 0 and same & ((1 << sample) - 1) == 0)  # only if it is the first to see it
    return at


@njit(inline="always")
def _covered(triangle: np.ndarray, samples: int, x: int, y: int) -> bool:
    """Return whether a triangle is seen at any sample of a pixel."""
    if samples == 1:
        return triangle[y, x] >= 0
    upper = triangle[2 * y, 2 * x] & triangle[2 * y, 2 * x + 1]
    return (upper & triangle[2 * y + 1, 2 * x] & triangle[2 * y + 1, 2 * x + 1]) >= 0


# --- What they see ----------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _gather_corners(surface: Surface, homogeneous: np.ndarray, f: np.ndarray, i: np.ndarray, n: int) -> None:
    """Fetch the triangles of `n` looks."""
    for at in range(n):
        face = surface.faces[i[TRIANGLE + at]]
        v0, v1, v2 = face.i, face.j, face.k
        f[X0 + at], f[Y0 + at], f[Z0 + at] = homogeneous[v0, 0], homogeneous[v0, 1], homogeneous[v0, 2]
        f[X1 + at], f[Y1 + at], f[Z1 + at] = homogeneous[v1, 0], homogeneous[v1, 1], homogeneous[v1, 2]
        f[X2 + at], f[Y2 + at], f[Z2 + at] = homogeneous[v2, 0], homogeneous[v2, 1], homogeneous[v2, 2]
        f[U0 + at], f[U1 + at], f[U2 + at] = face.u0, face.u1, face.u2
        f[V0 + at], f[V1 + at], f[V2 + at] = face.v0, face.v1, face.v2
        f[TEXEL_AREA + at], i[TEXTURE + at] = face.texel_area, face.texture


@njit(cache=True, nogil=True, error_model="numpy")
def _interpolate(f: np.ndarray, n: int, samples: int) -> None:
    """Compute what looks see: u, v, and the area of their share of the picture, a pixel, in texels."""
    per_pixel, least, most = np.float32(samples), np.float32(1e-30), np.float32(1e9)
    for at in range(n):
        column, row = f[COLUMN + at], f[ROW + at]
        z0, z1, z2 = f[Z0 + at], f[Z1 + at], f[Z2 + at]
        b0, b1, b2, total = convex_barycentric(
            f[X0 + at] - column * z0,
            f[Y0 + at] - row * z0,
            f[X1 + at] - column * z1,
            f[Y1 + at] - row * z1,
            f[X2 + at] - column * z2,
            f[Y2 + at] - row * z2,
        )
        f[U + at] = b0 * f[U0 + at] + b1 * f[U1 + at] + b2 * f[U2 + at]
        f[V + at] = b0 * f[V0 + at] + b1 * f[V1 + at] + b2 * f[V2 + at]
        depth = b0 * z0 + b1 * z1 + b2 * z2
        # From samples to texels, areas grow by texel_area depth^3 / |det|; total is |det| / depth.
        area = f[TEXEL_AREA + at] * depth * depth / (total if total > least else least)
        f[AREA + at] = per_pixel * (area if area < most else most)


@njit(cache=True, nogil=True, error_model="numpy")
def _merge(levels: np.ndarray, f: np.ndarray, i: np.ndarray, n: int) -> int:
    """Merge the looks of a pixel that are close to its first on the texture; return how many are left."""
    left, first, row, column = 0, 0, -1, -1
    for at in range(n):
        begins = i[PIXEL_ROW + at] != row or i[PIXEL_COLUMN + at] != column
        row, column, texture = i[PIXEL_ROW + at], i[PIXEL_COLUMN + at], i[TEXTURE + at]
        u, v, area, share = f[U + at], f[V + at], f[AREA + at], f[SHARE + at]
        first = left if begins else first
        across = (u - f[AT_U + first]) * np.float32(levels[texture, 0, 1])
        down = (v - f[AT_V + first]) * np.float32(levels[texture, 0, 2])
        near = across * across + down * down <= np.float32(2.0) * f[AT_AREA + first]
        if not begins and near and texture == i[AT_TEXTURE + first]:
            f[AT_SHARE + first] += share
            part = share / f[AT_SHARE + first]
            f[AT_U + first] += (u - f[AT_U + first]) * part
            f[AT_V + first] += (v - f[AT_V + first]) * part
            f[AT_AREA + first] += (area - f[AT_AREA + first]) * part
            continue
        f[AT_U + left], f[AT_V + left], f[AT_AREA + left], f[AT_SHARE + left] = u, v, area, share
        i[AT_TEXTURE + left], i[AT_ROW + left], i[AT_COLUMN + left] = texture, row, column
        i[AT_ALPHA + left], i[BEGINS + left] = i[ALPHA + at], begins
        left += 1
    return left


# --- Which colours are there --------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _choose_levels(f: np.ndarray, i: np.ndarray, n: int, last: int) -> None:
    """Choose the two mip levels around each area, up to `last`, and share out the look between them."""
    one = np.float32(1.0)
    for at in range(n):
        area = f[AT_AREA + at]
        area = area if area > one else one
        # log2, to 1e-4: the exponent, and a polynomial (exact at both ends) in the mantissa.
        bits = np.float32(area).view(np.int32)
        m = np.float32(bits & 0x7FFFFF) * np.float32(2.0**-23)
        q = np.float32(0.4419170) + m * (
            np.float32(-0.2671792) + m * (np.float32(0.1484263) + m * np.float32(-0.0451488))
        )
        lod = np.float32(0.5) * (np.float32(np.int32(bits >> 23) - 127) + m + m * (one - m) * q)
        level = np.int32(lod)
        level = level if level < last else np.int32(last)
        mix = lod - np.float32(level)
        mix = mix if mix < one else one  # beyond the last level
        i[LEVEL + at] = level
        f[COARSE_SHARE + at] = f[AT_SHARE + at] * mix
        f[FINE_SHARE + at] = f[AT_SHARE + at] * (one - mix)


@njit(cache=True, nogil=True)
def _gather_levels(levels: np.ndarray, i: np.ndarray, n: int) -> None:
    """Fetch where the levels are."""
    last = levels.shape[1] - 1
    for at in range(n):
        fine, coarse = i[LEVEL + at], min(i[LEVEL + at] + 1, last)
        texture = i[AT_TEXTURE + at]
        i[FIRST + at], i[FIRST_COARSE + at] = levels[texture, fine, 0], levels[texture, coarse, 0]
        i[WIDTH + at], i[WIDTH_COARSE + at] = levels[texture, fine, 1], levels[texture, coarse, 1]
        i[HEIGHT + at], i[HEIGHT_COARSE + at] = levels[texture, fine, 2], levels[texture, coarse, 2]


@njit(inline="always")
def _texel_pair(coordinate: np.float32, count: np.int32) -> tuple[np.int32, np.int32, np.float32]:
    """Return what `sample.texel_pair` does, in 32 bits and without branches."""
    at, last = coordinate * np.float32(count) - np.float32(0.5), np.int32(count - 1)
    at = at if at > np.float32(0.0) else np.float32(0.0)  # NaN as well
    at = at if at < np.float32(last) else np.float32(last)
    low = np.int32(at)
    return low, np.int32(low + 1) if low < last else last, at - np.float32(low)


@njit(inline="always")
def _find_texels(f: np.ndarray, i: np.ndarray, at: int, first: int, across: int, texels: int) -> None:
    """Find the four texels of a level around a point: parts FIRST.., ACROSS.. and TEXELS.. as given."""
    width, height = i[first + CHUNK + at], i[first + 2 * CHUNK + at]
    left, right, f[across + at] = _texel_pair(f[AT_U + at], width)
    top, bottom, f[across + CHUNK + at] = _texel_pair(f[AT_V + at], height)
    upper = np.int32(i[first + at] + np.int32(np.int32(top) * width))
    lower = np.int32(i[first + at] + np.int32(np.int32(bottom) * width))
    i[texels + at] = np.int32(upper + np.int32(left))
    i[texels + CHUNK + at] = np.int32(upper + np.int32(right))
    i[texels + 2 * CHUNK + at] = np.int32(lower + np.int32(left))
    i[texels + 3 * CHUNK + at] = np.int32(lower + np.int32(right))


@njit(cache=True, nogil=True)
def _find_all_texels(f: np.ndarray, i: np.ndarray, n: int) -> None:
    """Find the eight texels of each look."""
    for at in range(n):
        _find_texels(f, i, at, FIRST, ACROSS, TEXELS)
    for at in range(n):
        _find_texels(f, i, at, FIRST_COARSE, ACROSS_COARSE, TEXELS + 4 * CHUNK)


@njit(cache=True, nogil=True)
def _gather_texels(texels: np.ndarray, i: np.ndarray, n: int) -> None:
    """Fetch the eight texels of each look, in place of where they are."""
    for at in range(n):
        for part in range(8):
            i[TEXELS + part * CHUNK + at] = np.int32(texels[i[TEXELS + part * CHUNK + at]])


@njit(inline="always")
def _add(
    weight: np.float32, texel: np.int32, red: np.float32, green: np.float32, blue: np.float32
) -> tuple[np.float32, np.float32, np.float32]:
    """Add a weighted texel to a colour."""
    return (
        red + weight * np.float32(np.int32(texel & 0xFF)),
        green + weight * np.float32(np.int32(texel >> 8 & 0xFF)),
        blue + weight * np.float32(np.int32(texel >> 16 & 0xFF)),
    )


@njit(cache=True, nogil=True)
def _filter(f: np.ndarray, i: np.ndarray, n: int) -> None:
    """Mix eight texels (bilinear in two levels, linear between them), times the look's share of its pixel."""
    one = np.float32(1.0)
    for at in range(n):
        right, down = f[ACROSS + at], f[DOWN + at]
        lower = down * f[FINE_SHARE + at]
        upper = f[FINE_SHARE + at] - lower
        r, g, b = np.float32(0.0), np.float32(0.0), np.float32(0.0)
        r, g, b = _add((one - right) * upper, i[TEXELS + at], r, g, b)
        r, g, b = _add(right * upper, i[TEXELS + CHUNK + at], r, g, b)
        r, g, b = _add((one - right) * lower, i[TEXELS + 2 * CHUNK + at], r, g, b)
        r, g, b = _add(right * lower, i[TEXELS + 3 * CHUNK + at], r, g, b)
        right, down = f[ACROSS_COARSE + at], f[DOWN_COARSE + at]
        lower = down * f[COARSE_SHARE + at]
        upper = f[COARSE_SHARE + at] - lower
        r, g, b = _add((one - right) * upper, i[TEXELS + 4 * CHUNK + at], r, g, b)
        r, g, b = _add(right * upper, i[TEXELS + 5 * CHUNK + at], r, g, b)
        r, g, b = _add((one - right) * lower, i[TEXELS + 6 * CHUNK + at], r, g, b)
        r, g, b = _add(right * lower, i[TEXELS + 7 * CHUNK + at], r, g, b)
        f[RED + at], f[GREEN + at], f[BLUE + at] = r, g, b


@njit(cache=True, nogil=True)
def _write(f: np.ndarray, i: np.ndarray, n: int, rgba: np.ndarray) -> None:
    """Add up the looks of each pixel and write its colour."""
    half = np.float32(0.5)
    red = green = blue = half
    for at in range(n):
        keep = np.float32(1 - i[BEGINS + at])
        red = f[RED + at] + half + keep * (red - half)
        green = f[GREEN + at] + half + keep * (green - half)
        blue = f[BLUE + at] + half + keep * (blue - half)
        colour = np.int32(red) | np.int32(green) << 8 | np.int32(blue) << 16
        rgba[i[AT_ROW + at], i[AT_COLUMN + at]] = colour | i[AT_ALPHA + at] << 24


@njit(cache=True, nogil=True)
def _draw_chunk(
    surface: Surface,
    homogeneous: np.ndarray,
    samples: int,
    f: np.ndarray,
    i: np.ndarray,
    n: int,
    rgba: np.ndarray,
) -> None:
    """Draw the pixels of `n` looks."""
    _gather_corners(surface, homogeneous, f, i, n)
    _interpolate(f, (n + _VECTOR - 1) & -_VECTOR, samples)
    n = _merge(surface.levels, f, i, n)
    padded = (n + _VECTOR - 1) & -_VECTOR
    _choose_levels(f, i, padded, surface.levels.shape[1] - 1)
    _gather_levels(surface.levels, i, n)
    _find_all_texels(f, i, padded)
    _gather_texels(surface.texels, i, n)
    _filter(f, i, padded)
    _write(f, i, n, rgba)


@njit(cache=True, nogil=True, parallel=True)
def shade(
    surface: Surface,
    homogeneous: np.ndarray,
    triangle: np.ndarray,
    samples: int,
    box: np.ndarray,
    workers: int,
    rgba: np.ndarray,
) -> None:
    """Draw the pixels of a rectangle.

    Samples of a pixel that lie close together on the texture, next to the pixel's size there, share one look
    at it. Colours are averaged over the covered samples as sRGB values, as they are in training.

    Args:
        surface: what is seen.
        homogeneous: float32 [V, 3], homogeneous samples, see `Visibility`.
        triangle: int32 [H, W], or [2 H, 2 W] with 4 samples, see `Visibility`.
        samples: 1 or 4 for each pixel.
        box: int [4], first column, first row, end column, end row, pixels.
        workers: blocks of ROWS rows are dealt out to so many threads in turn.
        rgba: uint32 [H, W], out: sRGB and straight alpha, red in the lowest byte; 0 where nothing is seen.
    """
    for worker in prange(workers):
        f, i, n = np.zeros(len(_FLOATS) * CHUNK, np.float32), np.zeros(len(_INTS) * CHUNK, np.int32), 0
        for block in range(box[1] + ROWS * worker, box[3], ROWS * workers):
            for y in range(block, min(block + ROWS, box[3])):
                for x in range(box[0], box[2]):
                    if not _covered(triangle, samples, x, y):
                        rgba[y, x] = 0
                        continue
                    if samples == 1:
                        n = _one_look(triangle, x, y, f, i, n)
                    else:
                        n = _looks_of_four(triangle, x, y, f, i, n)
                    if n > CHUNK - 4:  # no room for another pixel of four looks
                        _draw_chunk(surface, homogeneous, samples, f, i, n, rgba)
                        n = 0
        _draw_chunk(surface, homogeneous, samples, f, i, n, rgba)
