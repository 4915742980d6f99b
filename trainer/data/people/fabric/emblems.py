"""Emblems for logos and prints: landscapes, plants, animals, faces, things; each some inks in [-1, 1].

Ink 0 is the main colour, ink 1 stands out from it, ink 2 is an accent.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.animals import sample_animal
from dinar.trainer.data.people.fabric.outlines import (
    Line,
    Picture,
    arc,
    box,
    circle,
    curve,
    fill,
    mirrored,
    star,
    stroke,
)


def sample_emblem(draw: Draw) -> Picture:
    """An emblem."""
    return sample_animal(draw) if draw.chance(0.3) else draw.pick(_EMBLEMS)(draw)


def ridge(draw: Draw, base: float, height: float, peaks: int, jagged: bool = True) -> Line:
    """A closed outline of hills or mountains from x = -1 to 1, standing on y = -1."""
    x = np.linspace(-1, 1, 2 * peaks + 1)
    y = base + height * draw.uniforms(0.25, 1.0, len(x)) * np.where(np.arange(len(x)) % 2, 1.0, 0.35)
    line = np.stack([x, y], 1) if jagged else curve(np.stack([x, y], 1), closed=False)
    return np.concatenate([line, [[1, -1], [-1, -1]]])


def _mountain(draw: Draw) -> Picture:
    left, right = draw.uniform(0.2, 0.5), draw.uniform(0.4, 0.7)
    snow = [(-0.25, 0.75), (-0.5, 0.3), (-0.33, 0.4), (-0.22, 0.25), (-0.1, 0.4), (0.05, 0.25)]
    return (
        fill(2, circle(0.45, 0.35, 0.3)),
        fill(0, [(-1, -0.6), (-0.25, 0.75), (left, -0.2), (right, 0.25), (1, -0.6)]),
        fill(1, snow),
    )


def _waves(draw: Draw) -> Picture:
    x = np.linspace(-1, 1, 40)
    lines = [np.stack([x, -0.2 - 0.32 * k + 0.12 * np.sin(x * draw.uniform(6, 9) + k)], 1) for k in range(3)]
    sun = arc(0, 0.05, 0.55, 0, 180)
    rays = [arc(0, 0.05, 0.7, a, a, 1).repeat(2, 0) * [[1, 1], [1.35, 1.35]] for a in range(15, 180, 25)]
    return (fill(2, sun), stroke(2, 0.07, *rays), stroke(0, 0.13, *lines))


def _star(draw: Draw) -> Picture:
    tips = draw.pick((5, 5, 6, 8))
    return (fill(0, star(0, 0, 1.0, tips)), fill(1, star(0, 0, 0.55, tips)))[: draw.integer(1, 2)]


def _bolt(_: Draw) -> Picture:
    return (
        fill(0, [(0.15, 1), (-0.55, -0.1), (-0.05, -0.1), (-0.25, -1), (0.55, 0.25), (0.02, 0.25), (0.5, 1)]),
    )


def _anchor(_: Draw) -> Picture:
    return (
        stroke(0, 0.16, [(0, 0.55), (0, -0.85)], [(-0.45, 0.3), (0.45, 0.3)], arc(0, -0.15, 0.7, 195, 345)),
        stroke(0, 0.13, circle(0, 0.75, 0.2)[np.r_[0:40, 0]]),
        fill(0, [(-0.9, -0.05), (-0.52, -0.3), (-0.85, -0.5)], [(0.9, -0.05), (0.52, -0.3), (0.85, -0.5)]),
    )


def _pine(draw: Draw) -> Picture:
    tiers = draw.integer(3, 4)
    shapes = [fill(2, box(0, -0.85, 0.18, 0.3))]
    for k in range(tiers):
        low, wide = -0.7 + 0.38 * k, 0.75 - 0.15 * k
        shapes.append(fill(k % 2 if draw.chance(0.3) else 0, [(-wide, low), (0, low + 0.75), (wide, low)]))
    return tuple(shapes)


def _palm(draw: Draw) -> Picture:
    trunk = curve([(0.15, -1), (0.05, -0.4), (0.1, 0.15), (0.25, 0.4)], closed=False)
    shapes = [fill(2, circle(-0.1, 0.2, 0.65)), stroke(0, 0.11, trunk)]
    for angle in (-20, 15, 60, 120, 165, 200):
        a = np.radians(angle + draw.uniform(-8, 8))
        tip = (0.25 + 0.75 * np.cos(a), 0.4 + 0.5 * np.sin(a) - 0.2)
        middle = (0.25 + 0.45 * np.cos(a), 0.4 + 0.5 * np.sin(a) + 0.16)
        under = (0.25 + 0.40 * np.cos(a), 0.4 + 0.40 * np.sin(a) - 0.02)
        shapes.append(fill(0, curve([(0.25, 0.4), middle, tip, under])))
    return tuple(shapes)


def _leaf(_: Draw) -> Picture:
    outline = curve(mirrored([(0.0, 1.0), (0.4, 0.45), (0.5, -0.1), (0.3, -0.55), (0.0, -0.8)]))
    veins = [[(0, y), (0.3, y + 0.25)] for y in (-0.4, -0.1, 0.2)]
    veins += [[(0, y), (-0.3, y + 0.25)] for y in (-0.4, -0.1, 0.2)]
    return (fill(0, outline), stroke(1, 0.06, [(0, -1.0), (0, 0.7)], *veins))


def _flower(draw: Draw) -> Picture:
    petals = draw.integer(5, 8)
    angles = np.arange(petals) * 2 * np.pi / petals
    leaf = curve([(0, -0.45), (0.35, -0.35), (0.55, -0.05), (0.2, -0.2)])
    stem = curve([(0, 0.2), (0.06, -0.4), (0, -1.0)], closed=False)
    bloom = [fill(0, circle(0.36 * np.cos(a), 0.36 + 0.36 * np.sin(a), 0.24)) for a in angles]
    return (stroke(2, 0.07, stem), fill(2, leaf - (0, 0.3)), *bloom, fill(1, circle(0, 0.36, 0.2)))


def _heart(_: Draw) -> Picture:
    half = [(0.0, 0.55), (0.25, 0.85), (0.65, 0.85), (0.95, 0.45), (0.75, -0.1), (0.3, -0.6), (0.0, -0.95)]
    outline = np.concatenate([curve(half, closed=False), curve(half, closed=False)[::-1] * (-1, 1)])
    return (fill(0, outline),)


def _skull(_: Draw) -> Picture:
    head = mirrored(
        [(0.0, 0.95), (0.5, 0.85), (0.8, 0.4), (0.72, -0.1), (0.42, -0.35), (0.4, -0.85), (0.0, -0.9)]
    )
    teeth = [[(x, -0.55), (x, -0.9)] for x in (-0.2, 0.0, 0.2)]
    eyes = [circle(s * 0.34, 0.15, 0.22) for s in (-1, 1)]
    nose = np.array([(0, -0.1), (-0.1, -0.32), (0.1, -0.32)])
    return (fill(0, curve(head)), fill(1, *eyes), fill(1, nose), stroke(1, 0.06, *teeth))


def _face(draw: Draw) -> Picture:
    """A smiling face, or one with sunglasses."""
    mouth = draw.pick(
        (arc(0, -0.05, 0.5, 200, 340), [(-0.35, -0.42), (0.35, -0.38)], arc(0, -0.75, 0.4, 40, 140))
    )
    if draw.chance(0.4):
        eyes: Picture = (
            fill(1, box(-0.38, 0.22, 0.52, 0.36, 0.14), box(0.38, 0.22, 0.52, 0.36, 0.14)),
            stroke(1, 0.07, [(-0.95, 0.34), (0.95, 0.34)]),
        )
    else:
        eyes = (fill(1, circle(-0.32, 0.25, 0.11, 1.5), circle(0.32, 0.25, 0.11, 1.5)),)
    return (fill(0, circle(0, 0, 1)), *eyes, stroke(1, 0.09, np.asarray(mouth, np.float64)))


def _ball(draw: Draw) -> Picture:
    seams = [
        arc(-1.25, 0, 0.95, -50, 50),
        arc(1.25, 0, 0.95, 130, 230),
        np.array([(-0.95, 0), (0.95, 0)]),
        np.array([(0, -0.95), (0, 0.95)]),
    ]
    return (fill(0, circle(0, 0, 0.95)), stroke(1, 0.07, *seams[: draw.integer(2, 4)]))


def _globe(_: Draw) -> Picture:
    rings = [circle(0, 0, 0.9 * k, 1 / k)[np.r_[0:40, 0]] for k in (0.35, 0.7, 1.0)]
    levels = [np.array([(-w, y), (w, y)]) for y, w in ((-0.45, 0.78), (0, 0.9), (0.45, 0.78))]
    return (stroke(0, 0.08, *rings, *levels),)


def _rocket(_: Draw) -> Picture:
    body = curve(mirrored([(0, 1.0), (0.26, 0.6), (0.32, 0.0), (0.22, -0.5), (0, -0.52)]))
    fins = [np.array([(0.26, -0.05), (0.62, -0.55), (0.2, -0.45)]) * (s, 1) for s in (-1, 1)]
    flame = [(-0.16, -0.55), (0.16, -0.55), (0.07, -0.75), (0, -1.0), (-0.08, -0.75)]
    return (fill(2, *fins), fill(2, flame), fill(0, body), fill(1, circle(0, 0.3, 0.14)))


def _crown(_: Draw) -> Picture:
    outline = [(-0.9, -0.5), (-1, 0.4), (-0.5, -0.02), (0, 0.65), (0.5, -0.02), (1, 0.4), (0.9, -0.5)]
    return (fill(0, outline), fill(2, *(circle(x, -0.28, 0.09) for x in (-0.5, 0.0, 0.5))))


def _mushroom(_: Draw) -> Picture:
    cap = curve(mirrored([(0, 0.9), (0.6, 0.7), (0.95, 0.15), (0.7, -0.02), (0, -0.02)]))
    spots = [
        circle(x, y, r)
        for x, y, r in ((-0.4, 0.4, 0.13), (0.1, 0.6, 0.12), (0.45, 0.3, 0.15), (0, 0.2, 0.08))
    ]
    return (
        fill(1, curve(mirrored([(0, 0.05), (0.22, 0.0), (0.3, -0.85), (0, -0.95)]))),
        fill(0, cap),
        fill(1, *spots),
    )


def _boat(_: Draw) -> Picture:
    sea = [
        np.stack([np.linspace(-1, 1, 24), y + 0.05 * np.sin(np.linspace(0, 12, 24))], 1) for y in (-0.7, -0.9)
    ]
    return (
        fill(0, [(0.05, 0.95), (0.05, -0.2), (0.75, -0.2)]),
        fill(2, [(-0.05, 0.8), (-0.05, -0.2), (-0.6, -0.2)]),
        fill(0, [(-0.8, -0.3), (0.9, -0.3), (0.6, -0.6), (-0.55, -0.6)]), stroke(1, 0.06, *sea),
    )  # fmt: skip


def _mark(draw: Draw) -> Picture:
    """An abstract mark: bars, rings or wedges."""
    kind = draw.integer(0, 3)
    if kind == 0:
        return tuple(fill(k % 3, box(0.3 * k - 0.45, -0.1 * k, 0.22, 1.2 + 0.2 * k)) for k in range(4))
    if kind == 1:
        return (
            fill(0, circle(-0.3, 0, 0.65), circle(-0.3, 0, 0.42)),
            fill(2, circle(0.3, 0, 0.65), circle(0.3, 0, 0.42)),
        )
    if kind == 2:
        return tuple(
            fill(
                k % 3,
                [
                    (-0.9 + 0.6 * k, -0.6),
                    (-0.4 + 0.6 * k, 0.6),
                    (-0.1 + 0.6 * k, 0.6),
                    (-0.6 + 0.6 * k, -0.6),
                ],
            )
            for k in range(3)
        )
    return (fill(0, arc(0, 0, 0.9, 20, 200)), fill(2, arc(0.1, -0.1, 0.9, 210, 375)))


_EMBLEMS: tuple[Callable[[Draw], Picture], ...] = (
    _mountain, _waves, _star, _bolt, _anchor, _pine, _palm, _leaf, _flower, _heart, _skull, _face,
    _ball, _globe, _rocket, _crown, _mushroom, _boat,
    _mark, _mark,
)  # fmt: skip
