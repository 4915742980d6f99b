"""Woven patterns: stripes, tartans and other checks, houndstooth, herringbone, argyle, knitted bands."""

from __future__ import annotations

from collections.abc import Sequence

import numba as nb
import numpy as np

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.cloth_frame import ClothPoints
from dinar.trainer.data.people.fabric.palette import Colour
from dinar.trainer.data.people.fabric.patterns import Pattern, covered, mix_into, scramble

ACROSS, UP, SLANTED = 0.0, 1.0, 2.0  # the way in which stripes follow one another

Band = tuple[float, float, float]  # start and end, shares of the period; number of the colour


def sample_stripes(draw: Draw, colours: tuple[Colour, ...], kind: str) -> Pattern:
    """Stripes: "breton", "rugby", "pin", "bengal", "many" or "slanted"."""
    if kind == "breton":
        share = draw.uniform(0.25, 0.5)
        return _stripes(colours, draw.uniform(0.016, 0.034), UP, [(0.5 - share / 2, 0.5 + share / 2, 1)])
    if kind == "rugby":
        size, trim = draw.uniform(0.09, 0.17), draw.uniform(0.0, 0.08)
        bands: list[Band] = [(0.27, 0.73, 1)]
        if trim > 0.03:
            bands += [(0.27 - trim, 0.27, 2), (0.73, 0.73 + trim, 2)]
        return _stripes(colours, size, UP, bands)
    if kind == "pin":
        size = draw.uniform(0.012, 0.028)
        half = draw.uniform(0.0007, 0.0014) / size
        return _stripes(colours, size, ACROSS, [(0.5 - half, 0.5 + half, 1)])
    if kind == "bengal":
        return _stripes(
            colours, draw.uniform(0.010, 0.020), draw.pick((ACROSS, UP), (3, 1)), [(0.25, 0.75, 1)]
        )
    if kind == "slanted":
        return _stripes(
            colours, draw.uniform(0.03, 0.12), SLANTED, [(0.25, 0.25 + draw.uniform(0.2, 0.5), 1)]
        )
    return _stripes(
        colours, draw.uniform(0.10, 0.30), draw.pick((UP, ACROSS), (7, 1)), _many(draw, len(colours))
    )


def sample_checks(draw: Draw, colours: tuple[Colour, ...], kind: str) -> Pattern:
    """Checks: "gingham", "buffalo", "windowpane", "tattersall" or "tartan"."""
    if kind in ("gingham", "buffalo"):
        size = draw.uniform(0.010, 0.024) if kind == "gingham" else draw.uniform(0.05, 0.11)
        return Pattern("checks", colours, size, (0.25, 0.75, 1))
    if kind == "windowpane":
        size = draw.uniform(0.04, 0.09)
        half = draw.uniform(0.0010, 0.0018) / size
        return Pattern("checks", colours, size, (0.5 - half, 0.5 + half, 1))
    if kind == "tattersall":
        size = draw.uniform(0.028, 0.05)
        half = 0.0011 / size
        return Pattern("checks", colours, size, (0.25 - half, 0.25 + half, 1, 0.75 - half, 0.75 + half, 2))
    return Pattern("checks", colours, draw.uniform(0.06, 0.19), _flat(_sett(draw, len(colours))))


def sample_broken(draw: Draw, colours: tuple[Colour, ...], kind: str) -> Pattern:
    """Zigzags and teeth: "houndstooth", "herringbone", "chevron" or "argyle"."""
    low, high = {
        "houndstooth": (0.028, 0.060),
        "herringbone": (0.024, 0.040),
        "chevron": (0.03, 0.09),
        "argyle": (0.07, 0.12),
    }[kind]
    return Pattern(kind, colours, draw.uniform(low, high), (draw.uniform(0.6, 1.5),))


def sample_nordic(draw: Draw, colours: tuple[Colour, ...]) -> Pattern:
    """Knitted bands of small motifs: all over, or round the shoulders (the yoke) only."""
    rows = 64
    widths: list[float] = []
    while sum(widths) < rows:
        widths.append(draw.pick((1, 1, 2, 3, 4, 5, 7, 9, 11)))
    reach = draw.pick((0.0, 0.13, 0.18), (4, 3, 2))
    return Pattern("nordic", colours, draw.uniform(0.005, 0.007), (reach, *map(float, widths)), draw.seed())


def _stripes(colours: tuple[Colour, ...], size: float, way: float, bands: Sequence[Band]) -> Pattern:
    return Pattern("stripes", colours, size, (way, *_flat(bands)))


def _flat(bands: Sequence[Band]) -> tuple[float, ...]:
    return tuple(number for band in bands for number in band)


def _many(draw: Draw, count: int) -> list[Band]:
    """Bands of many widths and colours, up to a whole period."""
    bands: list[Band] = []
    place = 0.04
    while place < 0.90:
        width = draw.pick((0.03, 0.06, 0.10, 0.16))
        bands.append((place, min(place + width, 0.97), draw.integer(1, count - 1)))
        place += width + draw.pick((0.0, 0.03, 0.06, 0.12))
    return bands


def _sett(draw: Draw, count: int) -> list[Band]:
    """A tartan's threads, the same either way from its middle: broad bands, then lines over them."""
    bands: list[Band] = []
    for colour in range(1, count):
        width = draw.uniform(0.10, 0.26) if colour == 1 else draw.uniform(0.015, 0.10)
        place = draw.uniform(0.02 + width / 2, 0.5 - width / 2)
        for middle in (place, 1 - place):
            bands.append((middle - width / 2, middle + width / 2, colour))
    if draw.chance(0.6):
        line = draw.uniform(0.008, 0.02)
        bands.append((0.5 - line, 0.5 + line, count - 1))
    return bands


def paint_stripes(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    """Stripes; shape: (way, then a start, an end and a colour for each band). Linear RGB [M, 3]."""
    way = pattern.shape[0]
    place = points.across if way == ACROSS else points.up
    if way == SLANTED:
        place = (points.across + points.up) * np.sqrt(0.5)
    return _threads(pattern, place, pattern.shape[1:])


def paint_checks(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    """The same threads either way; shape: a start, an end and a colour for each band."""
    upright = _threads(pattern, points.across, pattern.shape)
    return 0.5 * (upright + _threads(pattern, points.up, pattern.shape))


def _threads(pattern: Pattern, place: np.ndarray, bands: tuple[float, ...]) -> np.ndarray:
    result = np.empty((len(place), 3))
    _lay_bands(place, pattern.size, np.reshape(bands, (-1, 3)), np.array(pattern.colours), result)
    return result


@nb.njit(cache=True)
def _lay_bands(place, period, bands, colours, result):  # type: ignore[no-untyped-def]
    for i in range(place.shape[0]):
        t = place[i] / period + 0.5
        t -= np.floor(t)
        result[i] = colours[0]
        for k in range(bands.shape[0]):
            amount = covered(min(t - bands[k, 0], bands[k, 1] - t) * period)
            if amount > 0.0:
                mix_into(result[i], colours[int(bands[k, 2])], amount)


def paint_broken(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    """Houndstooth, herringbone, chevron, argyle; shape: (height of a repeat relative to its width,)."""
    kernel = {
        "houndstooth": _houndstooth,
        "herringbone": _herringbone,
        "chevron": _chevron,
        "argyle": _argyle,
    }[pattern.name]
    result = np.empty((len(points.across), 3))
    colours = np.array(pattern.colours)
    kernel(points.across, points.up, pattern.size, pattern.shape[0], colours, result)
    return result


@nb.njit(cache=True)
def _houndstooth(across, up, size, _, colours, result):  # type: ignore[no-untyped-def]
    """Four dark and four light threads either way in a 2/2 twill; four samples a point soften its edges."""
    thread = size / 8.0
    for i in range(across.shape[0]):
        dark = 0.0
        for k in range(4):
            x = int(np.floor((across[i] + (k % 2 - 0.5) * 0.0012) / thread))
            y = int(np.floor((up[i] + (k // 2 - 0.5) * 0.0012) / thread))
            chosen = x if (x + y) % 4 < 2 else y
            dark += 0.25 if chosen % 8 < 4 else 0.0
        result[i] = colours[0]
        mix_into(result[i], colours[1], dark)


@nb.njit(cache=True)
def _herringbone(across, up, size, _, colours, result):  # type: ignore[no-untyped-def]
    """Fine slanted lines that turn at each column: little contrast."""
    line = 0.009
    for i in range(across.shape[0]):
        column = np.floor(across[i] / size)
        inward = across[i] - column * size
        slant = up[i] + (inward if int(column) % 2 == 0 else size - inward)
        wave = 0.5 + 0.5 * np.sin(slant * 2.0 * np.pi / line)
        turn = min(inward, size - inward) / 0.0015
        result[i] = colours[0]
        mix_into(result[i], colours[1], 0.40 * (0.5 + (wave - 0.5) * min(turn, 1.0)))


@nb.njit(cache=True)
def _chevron(across, up, size, tall, colours, result):  # type: ignore[no-untyped-def]
    """Zigzag stripes in all colours."""
    count = colours.shape[0]
    steep = 1.0 / np.sqrt(2.0)
    for i in range(across.shape[0]):
        t = across[i] / size
        place = up[i] + size * abs(t - np.floor(t + 0.5)) * 2.0 * tall * 0.5
        stripe = place / (size * 0.6)
        k = int(np.floor(stripe))
        result[i] = colours[k % count]
        mix_into(result[i], colours[(k + 1) % count], covered(-(k + 1 - stripe) * size * 0.6 * steep))


@nb.njit(cache=True)
def _argyle(across, up, size, tall, colours, result):  # type: ignore[no-untyped-def]
    """Diamonds in two colours, with thin lines across."""
    for i in range(across.shape[0]):
        x, y = across[i] / size, up[i] / (size * (0.9 + 0.4 * tall))
        row = np.floor(y + 0.5)
        diamond = 0.5 - abs(x - np.floor(x + 0.5)) - abs(y - row)
        result[i] = colours[0]
        chosen = 1 if int(row) % 2 == 0 or colours.shape[0] < 3 else 2
        mix_into(result[i], colours[chosen], covered(diamond * size * 0.7))
        for k in range(2):
            t = x + 0.5 + (y if k == 0 else -y)
            away = abs(t - np.floor(t) - 0.5) * size * 0.7
            mix_into(result[i], colours[colours.shape[0] - 1], 0.8 * covered(0.0012 - away))


def paint_nordic(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    """Bands of knitted motifs; shape: (metres below the collar bones to which they reach, 0 = everywhere;
    then the rows of stitches of each band)."""
    result = np.empty((len(points.across), 3))
    edges = np.cumsum((0, *pattern.shape[1:]))
    # Sleeves count from where the armpits are, so that bands go on around the body.
    height = np.where(points.on_arm, points.up + 0.12, points.along)
    count = points.across / pattern.size, height / pattern.size
    shown = height > 0.11 - pattern.shape[0] if pattern.shape[0] > 0 else np.ones(len(height), bool)
    _knit_bands(*count, shown, edges, np.array(pattern.colours), pattern.seed, result)
    return result


@nb.njit(cache=True)
def _knit_bands(stitch, row, shown, edges, colours, seed, result):  # type: ignore[no-untyped-def]
    """Each band repeats a mirrored motif of its own, drawn stitch by stitch; four samples a point."""
    rows = edges[edges.shape[0] - 1]
    for i in range(stitch.shape[0]):
        result[i] = colours[0]
        if not shown[i]:
            continue
        for k in range(4):
            x = int(np.floor(stitch[i] + (k % 2 - 0.5) * 0.3))
            y = int(np.floor(row[i] + (k // 2 - 0.5) * 0.3)) % rows
            band = 0
            while edges[band + 1] <= y:
                band += 1
            height = edges[band + 1] - edges[band]
            bits = scramble(band, height, 5, seed)
            if bits % np.uint32(5) < 2 and height <= 5:
                continue  # a plain band
            ground = 0 if bits % np.uint32(3) else 1
            yarn = 1 + int((bits >> np.uint32(8)) % np.uint32(colours.shape[0] - 1))
            if yarn == ground:
                ground = 0
            mirrored = abs(2 * (y - edges[band]) - (height - 1))
            width = max(2, 2 * height - 2)
            column = abs(2 * (x % width) - width) // 2
            if height <= 2:
                on = (x + y) % 2 == 0 if height == 1 else True
            else:
                diamond = column * 2 + mirrored
                step = 3 + int((bits >> np.uint32(16)) % np.uint32(3))
                on = (diamond // step) % 2 == 1 or (mirrored == 0 and column == 0)
            colour = yarn if on else ground
            for c in range(3):
                result[i, c] += 0.25 * (colours[colour, c] - colours[0, c])
