"""Noise in three dimensions: the same values for the same seed on every machine.

Gradient noise after Perlin, "Improving Noise" (SIGGRAPH 2002), with lattice gradients from an integer hash in
place of a permutation table, so that it never repeats; cellular noise after Worley, "A Cellular Texture Basis
Function" (SIGGRAPH 1996). Coordinates are in lattice units: scale the points to choose the size of features.
"""

from __future__ import annotations

import numba as nb
import numpy as np

_AMPLITUDE = 1.15  # brings three-dimensional gradient noise close to [-1, 1]
_SIGNS = np.array([(a, b) for b in (-1.0, 1.0) for a in (-1.0, 1.0)])
_EDGES = np.concatenate([np.insert(_SIGNS, axis, 0.0, axis=1) for axis in range(3)])  # [12, 3], of a cube


def noise3(points: np.ndarray, seed: int = 0) -> np.ndarray:
    """Gradient noise: smooth, zero at whole-numbered points, about 0 in the mean and within about [-1, 1].

    Args:
        points: [M, 3], lattice units, within +-2^30.
        seed: other seeds give unrelated noise.

    Returns:
        float64 [M].
    """
    points = np.ascontiguousarray(points, np.float64)
    total = np.zeros(len(points))
    _add_noise(points, 1.0, 0.0, 1.0, np.uint32(seed & 0xFFFFFFFF), total)
    return total


def noise3_gradient(points: np.ndarray, seed: int = 0) -> np.ndarray:
    """Gradient of `noise3`, float64 [M, 3], per lattice unit: for normals of a bumpy surface."""
    return _evaluate(points, seed)[:, 1:]


def fbm(
    points: np.ndarray, octaves: int, seed: int = 0, *, lacunarity: float = 2.0, gain: float = 0.5
) -> np.ndarray:
    """Fractal sum of `noise3`: float64 [M], divided by the sum of the octaves' amplitudes.

    Args:
        points: [M, 3], lattice units of the coarsest octave.
        octaves: number of octaves, at least 1.
        seed: each octave draws its own noise from it.
        lacunarity: frequency of an octave relative to the one before.
        gain: amplitude of an octave relative to the one before.
    """
    points = np.ascontiguousarray(points, np.float64)
    total = np.zeros(len(points))
    frequency, amplitude, amplitudes = 1.0, 1.0, 0.0
    for octave in range(octaves):
        # Half a unit of shift per octave keeps the zeros at lattice points from lining up.
        own = np.uint32((seed + 7919 * octave) & 0xFFFFFFFF)
        _add_noise(points, frequency, 0.5 * octave, amplitude, own, total)
        amplitudes += amplitude
        frequency *= lacunarity
        amplitude *= gain
    return total / amplitudes


def fbm_gradient(
    points: np.ndarray, octaves: int, seed: int = 0, *, lacunarity: float = 2.0, gain: float = 0.5
) -> np.ndarray:
    """Gradient of `fbm`, float64 [M, 3], per lattice unit of the coarsest octave."""
    total = np.zeros((len(points), 3))
    frequency, amplitude, amplitudes = 1.0, 1.0, 0.0
    for octave in range(octaves):
        slope = noise3_gradient(points * frequency + 0.5 * octave, seed + 7919 * octave)
        total += amplitude * frequency * slope
        amplitudes += amplitude
        frequency *= lacunarity
        amplitude *= gain
    return total / amplitudes


def cells3(points: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Cellular noise: distance to the nearest of randomly strewn points, one in each unit cube.

    Returns:
        Distance float64 [M], lattice units, and a random number in [0, 1) of that strewn point [M].
    """
    points = np.ascontiguousarray(points, np.float64)
    distance, value = np.empty(len(points)), np.empty(len(points))
    _cells(points, np.uint32(seed & 0xFFFFFFFF), distance, value)
    return distance, value


def hash01(ids: np.ndarray, seed: int = 0) -> np.ndarray:
    """Random numbers in [0, 1) that belong to whole numbers `ids` [...]: float64 [...]."""
    ids = np.asarray(ids)
    state = ids.astype(np.int64).astype(np.uint32) ^ np.uint32((seed * 0x9E3779B1 + 0x85EBCA6B) & 0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        state = (state ^ (state >> np.uint32(shift))) * np.uint32(factor)
    return state / 2.0**32


def _evaluate(points: np.ndarray, seed: int) -> np.ndarray:
    points = np.ascontiguousarray(points, np.float64)
    result = np.empty((len(points), 4))
    _gradient_noise(points, np.uint32(seed & 0xFFFFFFFF), result)
    return result


@nb.njit(cache=True, inline="always")
def _hash(x, y, z, seed):  # type: ignore[no-untyped-def]
    """Mix a lattice point and a seed into 32 bits (multiply, xor, shift)."""
    h = (np.uint32(x) * np.uint32(0x8DA6B343)) ^ (np.uint32(y) * np.uint32(0xD8163841))
    h = np.uint32(h ^ (np.uint32(z) * np.uint32(0xCB1AB31F)) ^ (np.uint32(seed) * np.uint32(0x9E3779B1)))
    h = np.uint32(np.uint32(h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D))
    h = np.uint32(np.uint32(h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.uint32(h ^ (h >> np.uint32(16)))


@nb.njit(cache=True, inline="always")
def _edge(x, y, z):  # type: ignore[no-untyped-def]
    """One of 12 edge directions of a cube from three mixed coordinates (the seed is in one of them)."""
    h = np.uint32(x ^ y ^ z)
    h = np.uint32(np.uint32(h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D))
    h = np.uint32(np.uint32(h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B))
    return (np.int64(np.uint32(h ^ (h >> np.uint32(16)))) * 12) >> 32


@nb.njit(cache=True, inline="always")
def _dot(edge, x, y, z):  # type: ignore[no-untyped-def]
    return _EDGES[edge, 0] * x + _EDGES[edge, 1] * y + _EDGES[edge, 2] * z


@nb.njit(cache=True, nogil=True, parallel=True)
def _add_noise(points, scale, shift, amplitude, seed, total):  # type: ignore[no-untyped-def]
    """Add gradient noise at `points * scale + shift` to `total` [M]; the value of `_gradient_noise` alone."""
    seed = np.uint32(seed * np.uint32(0x9E3779B1))
    for i in nb.prange(points.shape[0]):
        x, y, z = points[i, 0] * scale + shift, points[i, 1] * scale + shift, points[i, 2] * scale + shift
        fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
        x, y, z = x - fx, y - fy, z - fz
        u = x * x * x * (x * (x * 6.0 - 15.0) + 10.0)
        v = y * y * y * (y * (y * 6.0 - 15.0) + 10.0)
        w = z * z * z * (z * (z * 6.0 - 15.0) + 10.0)
        x0 = np.uint32(np.uint32(np.int64(fx)) * np.uint32(0x8DA6B343))
        y0 = np.uint32(np.uint32(np.int64(fy)) * np.uint32(0xD8163841))
        z0 = np.uint32(np.uint32(np.uint32(np.int64(fz)) * np.uint32(0xCB1AB31F)) ^ seed)
        x1, y1 = np.uint32(x0 + np.uint32(0x8DA6B343)), np.uint32(y0 + np.uint32(0xD8163841))
        z1 = np.uint32(np.uint32(np.uint32(np.int64(fz) + 1) * np.uint32(0xCB1AB31F)) ^ seed)
        near = _dot(_edge(x0, y0, z0), x, y, z)
        near += u * (_dot(_edge(x1, y0, z0), x - 1, y, z) - near)
        above = _dot(_edge(x0, y1, z0), x, y - 1, z)
        above += u * (_dot(_edge(x1, y1, z0), x - 1, y - 1, z) - above)
        near += v * (above - near)
        far = _dot(_edge(x0, y0, z1), x, y, z - 1)
        far += u * (_dot(_edge(x1, y0, z1), x - 1, y, z - 1) - far)
        above = _dot(_edge(x0, y1, z1), x, y - 1, z - 1)
        above += u * (_dot(_edge(x1, y1, z1), x - 1, y - 1, z - 1) - above)
        far += v * (above - far)
        total[i] += amplitude * _AMPLITUDE * (near + w * (far - near))


@nb.njit(cache=True, nogil=True, parallel=True)
def _gradient_noise(points, seed, result):  # type: ignore[no-untyped-def]
    """Value and gradient [M, 4] of gradient noise: lattice gradients are the 12 edge directions of a cube."""
    for i in nb.prange(points.shape[0]):
        fx, fy, fz = np.floor(points[i, 0]), np.floor(points[i, 1]), np.floor(points[i, 2])
        x, y, z = points[i, 0] - fx, points[i, 1] - fy, points[i, 2] - fz
        sx = x * x * x * (x * (x * 6.0 - 15.0) + 10.0)
        sy = y * y * y * (y * (y * 6.0 - 15.0) + 10.0)
        sz = z * z * z * (z * (z * 6.0 - 15.0) + 10.0)
        dsx = 30.0 * x * x * (x * (x - 2.0) + 1.0)
        dsy = 30.0 * y * y * (y * (y - 2.0) + 1.0)
        dsz = 30.0 * z * z * (z * (z - 2.0) + 1.0)
        value, gx, gy, gz = 0.0, 0.0, 0.0, 0.0
        for corner in range(8):
            cx, cy, cz = corner & 1, (corner >> 1) & 1, corner >> 2
            bits = _hash(np.int64(fx) + cx, np.int64(fy) + cy, np.int64(fz) + cz, seed)
            edge = (np.int64(bits) * 12) >> 32
            ex, ey, ez = _EDGES[edge, 0], _EDGES[edge, 1], _EDGES[edge, 2]
            dot = ex * (x - cx) + ey * (y - cy) + ez * (z - cz)
            wx, wy, wz = (sx if cx else 1.0 - sx), (sy if cy else 1.0 - sy), (sz if cz else 1.0 - sz)
            ux, uy, uz = (dsx if cx else -dsx), (dsy if cy else -dsy), (dsz if cz else -dsz)
            value += wx * wy * wz * dot
            gx += ux * wy * wz * dot + wx * wy * wz * ex
            gy += wx * uy * wz * dot + wx * wy * wz * ey
            gz += wx * wy * uz * dot + wx * wy * wz * ez
        result[i, 0] = _AMPLITUDE * value
        result[i, 1], result[i, 2], result[i, 3] = _AMPLITUDE * gx, _AMPLITUDE * gy, _AMPLITUDE * gz


@nb.njit(cache=True, nogil=True, parallel=True)
def _cells(points, seed, distance, value):  # type: ignore[no-untyped-def]
    """Search the 27 cubes around each point for the nearest strewn point."""
    for i in nb.prange(points.shape[0]):
        fx, fy, fz = np.floor(points[i, 0]), np.floor(points[i, 1]), np.floor(points[i, 2])
        best, best_bits = 1e30, np.uint32(0)
        for neighbour in range(27):
            cx = fx + neighbour % 3 - 1
            cy = fy + (neighbour // 3) % 3 - 1
            cz = fz + neighbour // 9 - 1
            bits = _hash(np.int64(cx), np.int64(cy), np.int64(cz), seed)
            px = cx + np.float64(bits & np.uint32(1023)) / 1024.0
            py = cy + np.float64((bits >> np.uint32(10)) & np.uint32(1023)) / 1024.0
            pz = cz + np.float64((bits >> np.uint32(20)) & np.uint32(1023)) / 1024.0
            d = (points[i, 0] - px) ** 2 + (points[i, 1] - py) ** 2 + (points[i, 2] - pz) ** 2
            if d < best:
                best = d
                best_bits = _hash(
                    np.int64(cx), np.int64(cy), np.int64(cz), np.uint32(seed + np.uint32(0x51ED27))
                )
        distance[i] = np.sqrt(best)
        value[i] = np.float64(best_bits) / 4294967296.0
