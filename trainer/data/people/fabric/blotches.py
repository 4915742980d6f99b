"""Patterns without repeat: camouflage, furs, dyes that run, and cloths sewn together from several."""

from __future__ import annotations

import numba as nb
import numpy as np

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.cloth_frame import ClothPoints
from dinar.trainer.data.people.fabric.fabric import blend, ramp
from dinar.trainer.data.people.fabric.palette import Colour
from dinar.trainer.data.people.fabric.patterns import EDGE, Pattern, plain, scramble
from dinar.trainer.data.people.noise import cells3

_BLOCKS = ("sleeves", "yoke", "halves", "thirds", "diagonal", "sides", "quarters")


def sample_blotches(draw: Draw, colours: tuple[Colour, ...], kind: str) -> Pattern:
    """One of "camouflage", "pixels", "leopard", "zebra", "snake", "tie-dye", "marble", "splashes",
    "gradient" and "blocks"; each with colours that suit it or those given."""
    low, high = {
        "camouflage": (0.07, 0.16),
        "pixels": (0.06, 0.12),
        "leopard": (0.028, 0.05),
        "zebra": (0.05, 0.10),
        "snake": (0.014, 0.024),
        "tie-dye": (0.10, 0.25),
        "marble": (0.08, 0.20),
        "splashes": (0.05, 0.12),
        "gradient": (0.25, 0.50),
        "blocks": (0.0, 0.10),
    }[kind]
    choice = float(draw.integer(0, len(_BLOCKS) - 1)) if kind == "blocks" else draw.uniform(0, 1)
    return Pattern(kind, colours, draw.uniform(low, high), (choice, draw.uniform(0, 1)), draw.seed())


def paint_blotches(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    """Colours of a pattern without repeat: linear RGB [M, 3]. shape: two numbers in [0, 1]; blocks: the
    number of their layout first."""
    painters = {
        "camouflage": _camouflage,
        "pixels": _pixels,
        "leopard": _leopard,
        "zebra": _zebra,
        "snake": _snake,
        "tie-dye": _tie_dye,
        "marble": _marble,
        "splashes": _splashes,
        "gradient": _gradient,
        "blocks": _blocks,
    }
    return painters[pattern.name](pattern, points)


def mottle(points: np.ndarray, scale: tuple[float, float, float], seed: int, octaves: int = 1) -> np.ndarray:
    """Smooth noise in about [-1, 1] with `scale` features a metre along each axis: float64 [M].

    As `noise.fbm`, of smoothed lattice values in place of gradients: a third of the work.
    """
    result = np.empty(len(points))
    _lattice_noise(np.ascontiguousarray(points), np.array(scale), np.uint32(seed), octaves, result)
    return result


@nb.njit(cache=True)
def _lattice_noise(points, scale, seed, octaves, result):  # type: ignore[no-untyped-def]
    for i in range(points.shape[0]):
        total, norm, amplitude, frequency = 0.0, 0.0, 1.0, 1.0
        for octave in range(octaves):
            x = points[i, 0] * scale[0] * frequency + 0.37 * octave
            y = points[i, 1] * scale[1] * frequency + 0.53 * octave
            z = points[i, 2] * scale[2] * frequency + 0.71 * octave
            x0, y0, z0 = np.floor(x), np.floor(y), np.floor(z)
            fx, fy, fz = x - x0, y - y0, z - z0
            fx, fy, fz = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy), fz * fz * (3 - 2 * fz)
            value = 0.0
            for k in range(2):
                for j in range(2):
                    bits = scramble(int(y0) + j, int(z0) + k, int(x0) >> 1, seed + octave)
                    # Two neighbours in x share a hash where both lie in the same pair.
                    if int(x0) & 1:
                        other = scramble(int(y0) + j, int(z0) + k, (int(x0) >> 1) + 1, seed + octave)
                        low, high = bits >> np.uint32(16), other & np.uint32(65535)
                    else:
                        low, high = bits & np.uint32(65535), bits >> np.uint32(16)
                    line = np.float64(low) + fx * (np.float64(high) - np.float64(low))
                    value += line * (fy if j else 1.0 - fy) * (fz if k else 1.0 - fz)
            total += amplitude * (value / 32767.5 - 1.0)
            norm += amplitude
            amplitude *= 0.5
            frequency *= 2.0
        result[i] = 1.4 * total / norm


def _over(albedo: np.ndarray, colour: Colour, amount: np.ndarray) -> np.ndarray:
    return blend(albedo, np.array(colour), np.clip(amount, 0, 1))


def _camouflage(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    albedo = plain(pattern.colours, len(points.across))
    per_metre = 1 / pattern.size
    for index, colour in enumerate(pattern.colours[1:4]):
        spots = mottle(
            points.position, (per_metre * 1.3, per_metre * 2.4, per_metre * 1.3), pattern.seed + index, 3
        )
        albedo = _over(albedo, colour, (spots - 0.10 - 0.08 * index) * pattern.size * 0.35 / EDGE + 0.5)
    return albedo


def _pixels(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    step = 0.007 + 0.006 * pattern.shape[0]
    quantised = (np.floor(points.position / step) + 0.5) * step
    albedo = plain(pattern.colours, len(points.across))
    per_metre = 1 / pattern.size
    for index, colour in enumerate(pattern.colours[1:4]):
        spots = mottle(
            quantised, (per_metre * 1.3, per_metre * 2.4, per_metre * 1.3), pattern.seed + index, 3
        )
        albedo = np.where((spots > 0.12 + 0.08 * index)[:, None], np.array(colour), albedo)
    return albedo


def _leopard(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    scaled = points.position / pattern.size
    scaled = scaled + 0.16 * mottle(points.position, (60.0, 60.0, 60.0), pattern.seed)[:, None]
    distance, chance = cells3(scaled, pattern.seed)
    wobble = 0.10 * mottle(points.position, (110.0, 110.0, 110.0), pattern.seed + 1)
    ring = 0.09 - np.abs(distance + wobble - 0.33)
    gap = np.sin(9 * chance + 2.2 * (scaled @ np.array([1.0, 1.7, 0.6]))) - 0.75
    sharp = pattern.size / EDGE
    albedo = plain(pattern.colours, len(distance))
    albedo = _over(albedo, pattern.colours[2], (0.30 - distance - wobble) * sharp + 0.5)
    return _over(albedo, pattern.colours[1], np.minimum(ring, -0.3 * gap) * sharp + 0.5)


def _zebra(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    bent = mottle(points.position, (7.0, 7.0, 7.0), pattern.seed, 2)
    place = points.up + 0.35 * np.abs(points.across) + 0.055 * bent
    wave = np.sin(place * 2 * np.pi / (pattern.size * 0.7)) + 0.35 * bent
    albedo = plain(pattern.colours, len(wave))
    return _over(albedo, pattern.colours[1], wave * pattern.size * 0.11 / EDGE + 0.5)


def _snake(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    distance, chance = cells3(points.position / pattern.size * np.array([1.0, 1.5, 1.0]), pattern.seed)
    spots = mottle(points.position, (22.0, 22.0, 22.0), pattern.seed, 2)
    albedo = _over(
        plain(pattern.colours, len(spots)), pattern.colours[1], (spots + 0.5 * (chance - 0.5)) * 6 + 0.2
    )
    return albedo * (1 - 0.35 * ramp(distance, 0.35, 0.65))[:, None]


def _tie_dye(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    """A spiral, or rings, about a knot on the chest; sleeves and legs in bands."""
    x, y = points.across - 0.12 * (pattern.shape[1] - 0.5), points.up + 0.10
    rough = mottle(points.position, (45.0, 45.0, 45.0), pattern.seed, 2)
    coarse = mottle(points.position, (9.0, 9.0, 9.0), pattern.seed + 3, 1)
    radius = np.hypot(x, y)
    turns = np.arctan2(y, x) / (2 * np.pi) * 2 if pattern.shape[0] < 0.6 else np.zeros_like(x)
    place = radius / pattern.size + turns + 0.06 * rough + 0.16 * coarse
    count = len(pattern.colours)
    step = np.mod(place * count / 2, count)
    index = step.astype(np.int64)
    palette = np.array(pattern.colours)
    soft = ramp(step - index, 0.45, 1.0)[:, None]
    albedo = palette[index % count] * (1 - soft) + palette[(index + 1) % count] * soft
    return blend(albedo, np.full(3, 0.70), 0.30 * ramp(rough, -0.1, 0.9))


def _marble(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    per_metre = 1 / pattern.size
    warp = mottle(points.position, (per_metre,) * 3, pattern.seed, 2)
    bent = points.position + 0.35 * pattern.size * warp[:, None]
    vein = np.abs(mottle(bent, (1.5 * per_metre,) * 3, pattern.seed + 5, 3))
    albedo = plain(pattern.colours, len(vein))
    albedo = _over(albedo, pattern.colours[2], 0.8 * ramp(warp, 0.0, 0.6))
    return _over(albedo, pattern.colours[1], 1 - ramp(vein, 0.0, 0.18))


def _splashes(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    albedo = plain(pattern.colours, len(points.across))
    rough = mottle(points.position, (70.0, 70.0, 70.0), pattern.seed, 2)
    for index, (colour, scale) in enumerate(zip(pattern.colours[1:3], (1.0, 0.4), strict=False)):
        size = pattern.size * scale
        distance, chance = cells3(points.position / size, pattern.seed + 17 * index)
        radius = np.where(chance < 0.35, 0.2 + 0.8 * chance, -1.0)
        albedo = _over(albedo, colour, (radius - distance + 0.18 * rough) * size / EDGE + 0.5)
    return albedo


def _gradient(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    """One colour runs into the next, from the shoulders (or the waist) down."""
    albedo = plain(pattern.colours, len(points.across))
    place = -(points.up + 0.12 * points.on_arm) / pattern.size
    start = -0.3 + 0.5 * pattern.shape[0]
    for index, colour in enumerate(pattern.colours[1 : 2 + (pattern.shape[1] > 0.6)]):
        albedo = _over(albedo, colour, ramp(place, start + 0.8 * index, start + 0.8 * index + 0.8))
    return albedo


def _blocks(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    """A garment cut from cloths of several colours."""
    layout = _BLOCKS[int(pattern.shape[0])]
    albedo = plain(pattern.colours, len(points.across))
    height = np.where(points.on_arm, points.up + 0.12, points.up) + pattern.size
    first, second = pattern.colours[1], pattern.colours[-1]
    signed = np.where(points.facing >= 0, points.across, -points.across)  # to the left of the wearer
    if layout == "sleeves":
        return _over(albedo, first, 1.0 * points.on_arm)
    if layout == "yoke":
        return _over(albedo, first, height / EDGE + 0.5)
    if layout == "halves":
        return _over(
            albedo, first, (signed + 9.0 * points.on_arm * np.sign(points.position[:, 0])) / EDGE + 0.5
        )
    if layout == "thirds":
        albedo = _over(albedo, first, height / EDGE + 0.5)
        return _over(albedo, second, (-height - 0.16) / EDGE + 0.5)
    if layout == "diagonal":
        return _over(albedo, first, (height + 0.10 + 0.7 * signed - 9.0 * points.on_arm) / EDGE + 0.5)
    if layout == "sides":
        return _over(
            albedo, first, (np.abs(points.across) - 0.72 * points.quarter - 9.0 * points.on_arm) / EDGE + 0.5
        )
    corner = (signed > 0) == (height + 0.10 > 0)
    return np.where((corner & ~points.on_arm)[:, None], np.array(first), albedo)
