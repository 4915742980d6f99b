"""Small shapes strewn over a cloth: dots, flowers, leaves, stars ... in one layer or several."""

from __future__ import annotations

import numba as nb
import numpy as np

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.cloth_frame import ClothPoints
from dinar.trainer.data.people.fabric.palette import Colour
from dinar.trainer.data.people.fabric.patterns import Pattern, covered, mix_into, part_of, scramble

_DISC, _RING, _FLOWER, _DAISY, _ROSE, _LEAF, _PALM, _STAR, _HEART = range(9)
_TRIANGLE, _SQUARE, _CROSS, _DASH, _SQUIGGLE, _DROP, _MOON, _BIRD = range(9, 17)

# How large a motif is (its radius in cells), how far it strays from its cell's middle (cells), whether it
# turns, and how many of the cells hold one.
_Layer = tuple[int, float, float, float, float, float]  # shape, cell (metres), radius, stray, turned, filled


def sample_dots(draw: Draw, colours: tuple[Colour, ...]) -> Pattern:
    """Polka dots in rows, or strewn."""
    cell = draw.uniform(0.012, 0.055)
    ordered = draw.chance(0.75)
    radius = draw.uniform(0.14, 0.30) if ordered else draw.uniform(0.12, 0.26)
    shown = colours[:2] if ordered and draw.chance(0.8) else colours
    stray = 0.0 if ordered else 0.30
    return _pattern(shown, [(_DISC, cell, radius, stray, 0.0, 1.0 if ordered else 0.8)], draw.seed())


def sample_flowers(draw: Draw, colours: tuple[Colour, ...]) -> Pattern:
    """Flowers over leaves: small and dense, or large and loose."""
    cell = draw.uniform(0.022, 0.10)
    first, second = draw.pick((_FLOWER, _DAISY, _ROSE)), draw.pick((_FLOWER, _DAISY, _DISC, _ROSE))
    layers: list[_Layer] = [
        (draw.pick((_LEAF, _PALM, _LEAF)), cell * 0.8, 0.42, 0.25, 1.0, draw.uniform(0.4, 0.9)),
        (second, cell * 0.6, draw.uniform(0.22, 0.32), 0.28, 1.0, draw.uniform(0.2, 0.5)),
        (first, cell, draw.uniform(0.30, 0.44), 0.22, 1.0, draw.uniform(0.6, 0.95)),
    ]
    return _pattern(colours, layers[draw.integer(0, 1) :], draw.seed())


def sample_leaves(draw: Draw, colours: tuple[Colour, ...]) -> Pattern:
    """Leaves, small ones or those of palms."""
    shape = draw.pick((_LEAF, _PALM))
    cell = draw.uniform(0.03, 0.07) if shape == _LEAF else draw.uniform(0.07, 0.16)
    layers: list[_Layer] = [
        (shape, cell, 0.55, 0.25, 1.0, 0.9),
        (shape, cell * 0.85, 0.50, 0.28, 1.0, draw.uniform(0.4, 0.8)),
    ]
    return _pattern(colours, layers, draw.seed())


def sample_geometry(draw: Draw, colours: tuple[Colour, ...]) -> Pattern:
    """Simple shapes: one kind in rows, or several kinds strewn."""
    kinds = (
        _RING,
        _STAR,
        _HEART,
        _TRIANGLE,
        _SQUARE,
        _CROSS,
        _DASH,
        _SQUIGGLE,
        _DROP,
        _MOON,
        _BIRD,
    )
    if draw.chance(0.5):
        layer = (draw.pick(kinds), draw.uniform(0.022, 0.07), draw.uniform(0.22, 0.32), 0.0, 0.0, 1.0)
        return _pattern(colours[: draw.integer(2, len(colours))], [layer], draw.seed())
    cell = draw.uniform(0.035, 0.09)
    layers = [
        (draw.pick(kinds), cell * draw.uniform(0.7, 1.3), draw.uniform(0.2, 0.34), 0.28, 1.0, 0.55)
        for _ in range(3)
    ]
    return _pattern(colours, layers, draw.seed())


def _pattern(colours: tuple[Colour, ...], layers: list[_Layer], seed: int) -> Pattern:
    shape = tuple(float(number) for layer in layers for number in layer)
    return Pattern("motifs", colours, layers[0][1], shape, seed)


def paint_motifs(pattern: Pattern, points: ClothPoints) -> np.ndarray:
    """Layers of motifs, lowest first; shape: six numbers a layer (see `_Layer`). Linear RGB [M, 3]."""
    colours = np.array(pattern.colours)
    result = np.tile(colours[0], (len(points.across), 1))
    for index, layer in enumerate(np.reshape(pattern.shape, (-1, 6))):
        _strew(points.across, points.up, points.panel, layer, colours, pattern.seed + 101 * index, result)
    return result


@nb.njit(cache=True)
def _strew(across, up, panel, layer, colours, seed, result):  # type: ignore[no-untyped-def]
    """Lay one layer: each point looks at the motifs of its own cell and the eight around it, whose rows are
    shifted by half a cell in turn. Later cells cover earlier ones."""
    kind, cell, size, stray, turned, filled = layer
    for i in range(across.shape[0]):
        y = up[i] / cell
        middle = int(np.floor(y))
        for row in range(middle - 1, middle + 2):
            shift = 0.5 * (row % 2)
            x = across[i] / cell - shift
            left = int(np.floor(x))
            for column in range(left - 1, left + 2):
                bits = scramble(column, row, panel[i], seed)
                more = scramble(column, row, panel[i], seed + 7)
                if part_of(bits, 0) >= filled:
                    continue
                dx = x - column - 0.5 - stray * (2.0 * part_of(bits, 8) - 1.0)
                dy = y - row - 0.5 - stray * (2.0 * part_of(bits, 16) - 1.0)
                radius = size * (1.0 + (0.6 * part_of(bits, 24) - 0.4) * (1.0 if stray > 0.0 else 0.0))
                if dx * dx + dy * dy > 1.7 * radius * radius:
                    continue
                angle = turned * part_of(more, 0) * 2.0 * np.pi
                c, s = np.cos(angle), np.sin(angle)
                px, py = (c * dx + s * dy) / radius, (c * dy - s * dx) / radius
                scale = radius * cell
                outer, inner = _motif(int(kind), px, py)
                others = colours.shape[0] - 1
                k = 1 + int(part_of(more, 8) * others)
                detail = 1 + k % others if others > 1 else 0
                mix_into(result[i], colours[k], covered(outer * scale))
                mix_into(result[i], colours[detail], 0.85 * covered(inner * scale))


@nb.njit(cache=True)
def _motif(kind, x, y):  # type: ignore[no-untyped-def]
    """How far inside a motif of radius 1 a point lies, and how far inside its detail."""
    r = np.sqrt(x * x + y * y)
    a = np.arctan2(y, x)
    none = -9.0
    if kind == _DISC:
        return 1.0 - r, none
    if kind == _RING:
        return 0.28 - abs(r - 0.72), none
    if kind == _FLOWER:  # flower: five round petals
        return 0.72 + 0.28 * np.cos(5.0 * a) - r, 0.28 - r
    if kind == _DAISY:  # daisy: thin petals
        petal = 0.5 + 0.5 * np.cos(11.0 * a)
        return min(0.35 + 0.65 * np.sqrt(petal) - r, 1.0 - r), 0.30 - r
    if kind == _ROSE:  # rose: petals wound about each other
        outer = min(0.05 - abs(r - 0.60 - 0.05 * np.sin(5.0 * a)), 0.2 * (np.cos(3.0 * a) + 0.6))
        inner = min(0.05 - abs(r - 0.33), 0.2 * (np.cos(3.0 * a + 2.0) + 0.6))
        return 0.88 + 0.12 * np.sin(5.0 * a) - r, max(outer, inner, 0.14 - r)
    if kind == _LEAF:  # leaf with a vein
        half = 0.42 * (1.0 - x * x) * (1.0 + 0.25 * x)
        return min(half - abs(y), 1.0 - abs(x)), min(0.035 - abs(y), 0.85 - abs(x))
    if kind == _PALM:  # leaflets along a bent stem
        v = abs(y - 0.18 * x * x + 0.06)
        half = 0.58 * np.sqrt(max(0.0, 1.0 - x * x)) * (1.0 - 0.3 * x)
        leaflet = 0.055 * (np.cos(2.0 * np.pi * (3.6 * x - 2.6 * v)) + 0.45 - 0.6 * v / max(half, 0.05))
        return max(min(half - v, leaflet), min(0.03 - v, 1.0 - abs(x))), none
    if kind == _STAR:
        t = np.arctan2(x, y) / (0.4 * np.pi)
        t = abs(t - np.floor(t + 0.5)) * 0.4 * np.pi  # from the nearest tip
        return 0.351 - r * (0.351 * np.cos(t) + 0.937 * np.sin(t)), none
    if kind == _HEART:
        h, v = 0.6 * abs(x), 0.6 * y + 0.55
        if h + v > 1.0:
            return (0.354 - np.sqrt((h - 0.25) ** 2 + (v - 0.75) ** 2)) / 0.6, none
        low = 0.5 * max(h + v, 0.0)
        away = np.sqrt(min(h * h + (v - 1.0) ** 2, (h - low) ** 2 + (v - low) ** 2)) / 0.6
        return (away if v > h else -away), none
    if kind == _TRIANGLE:
        return min(0.5 + y, 0.5 - (0.5 * y + 0.866 * abs(x))), none
    if kind == _SQUARE:  # square with a square
        half = max(abs(x), abs(y))
        return 0.72 - half, 0.30 - half
    if kind == _CROSS:
        return max(min(0.22 - abs(x), 0.85 - abs(y)), min(0.22 - abs(y), 0.85 - abs(x))), none
    if kind == _DASH:
        return min(0.20 - abs(y), 0.90 - abs(x)), none
    if kind == _SQUIGGLE:
        return min(0.15 - 0.6 * abs(y - 0.30 * np.sin(6.5 * x)), 0.95 - abs(x)), none
    if kind == _DROP:  # drop with an eye
        wide = 0.55 * np.sqrt(max(0.0, 1.0 - x * x)) * (0.55 - 0.45 * x)
        return min(wide - abs(y), 0.98 - abs(x)), 0.17 - np.sqrt((x + 0.45) ** 2 + y * y)
    if kind == _MOON:
        return min(0.9 - r, np.sqrt((x - 0.42) ** 2 + (y - 0.1) ** 2) - 0.72), none
    # a bird in flight
    wing = 0.34 * np.sqrt(abs(x)) * 1.3 - 0.55 * x * x
    return min(0.16 * (1.0 - abs(x)) + 0.02 - 0.8 * abs(y - wing + 0.1), 0.98 - abs(x)), none
