"""Unevenness of skin everywhere on a body, no finer than its texture can show."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.noise import fbm, fbm_gradient, noise3


def mottle(p: np.ndarray, detail: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Unevenness of blood and melanin at points [M, 3], [M] each; `detail` is a texel's size in metres."""
    blood = 0.16 * _fine_fbm(p, 45, 3, 11 + seed, detail) + 0.18 * _fine_fbm(p, 260, 3, 12 + seed, detail)
    melanin = 0.07 * _fine_fbm(p, 30, 3, 13 + seed, detail) + 0.10 * _fine_fbm(p, 420, 3, 14 + seed, detail)
    if _octaves(1900, 1, detail):
        melanin += 0.035 * noise3(p * 1900, 15 + seed)
    return blood, melanin


def pores(
    p: np.ndarray, normal: np.ndarray, strength: float | np.ndarray, detail: float, seed: int
) -> np.ndarray:
    """Normals [M, 3] of skin with pores and fine lines; `strength` 1 is plain skin, a number or [M]."""
    slope = np.zeros_like(p)
    for height, frequency, own in ((0.00006, 900, 41), (0.00010, 250, 42)):
        octaves = _octaves(frequency, 2, detail)
        if octaves:
            kept = (2 - 0.5 ** (octaves - 1)) / 1.5
            slope += kept * height * frequency * fbm_gradient(p * frequency, octaves, own + seed)
    return bend(normal, np.reshape(strength, (-1, 1)) * slope)


def bend(normal: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Normals [M, 3] of a surface whose height has the gradient `slope` [M, 3]: unit."""
    tangent = slope - normal * (slope * normal).sum(1, keepdims=True)
    bent = normal - tangent
    return bent / np.linalg.norm(bent, axis=1, keepdims=True)


def _octaves(frequency: float, octaves: int, detail: float) -> int:
    """How many of the octaves have waves of at least two texels."""
    return sum(frequency * 2.0**k * 2 * detail <= 1 for k in range(octaves))


def _fine_fbm(p: np.ndarray, frequency: float, octaves: int, seed: int, detail: float) -> np.ndarray:
    """`fbm` at frequency [1 / metre] without the octaves that are too fine."""
    kept = _octaves(frequency, octaves, detail)
    if not kept:
        return np.zeros(len(p))
    share = (2 - 0.5 ** (kept - 1)) / (2 - 0.5 ** (octaves - 1))
    return share * fbm(p * frequency, kept, seed)
