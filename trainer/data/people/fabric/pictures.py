"""Pictures to print on clothes: words, numbers, badges, scenes, abstract shapes, composed from a draw.

All are about 2 wide, centred on the origin. Ink 0 stands out from the cloth, ink 1 from ink 0 (it may be the
cloth's own colour), inks 2 and on are accents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.animals import sample_animal
from dinar.trainer.data.people.fabric.emblems import ridge, sample_emblem
from dinar.trainer.data.people.fabric.glyphs import bent, sample_hand, sample_word, underlaid, write
from dinar.trainer.data.people.fabric.outlines import (
    Picture,
    Shape,
    arc,
    box,
    circle,
    curve,
    extent,
    fill,
    fitted,
    in_inks,
    placed,
    star,
    stroke,
)


def compose(name: str, draw: Draw) -> Picture:
    """Compose a picture: a key of `PICTURES`."""
    return PICTURES[name](draw)


def _emblem(draw: Draw) -> Picture:
    return fitted(sample_emblem(draw))


def _animal(draw: Draw) -> Picture:
    return fitted(sample_animal(draw))


def _arched(text: Picture, draw: Draw) -> Picture:
    """Bend a line of text over part of a circle."""
    low, high = extent(text)
    return bent(text, max(float(high[0] - low[0]) / draw.uniform(0.6, 1.3), 1.5))


def _word(draw: Draw) -> Picture:
    """One word, at times outlined, shadowed, arched, or with a line under it."""
    text = write(sample_word(draw), sample_hand(draw))
    style = draw.pick(("plain", "outline", "shadow", "arch", "line"), (5, 1, 1, 1, 1))
    if style == "outline":
        text = underlaid(in_inks(text, [1]), 0, 0.10)
    elif style == "shadow":
        text = underlaid(text, 2, 0.0, 0.05, -0.05)
    elif style == "arch":
        text = _arched(text, draw)
    text = fitted(text, 2.0, 0.9)
    if style == "line":
        low = min(line[:, 1].min() for shape in text for line in shape.lines)
        text = (*text, stroke(2, 0.05, [(-1, low - 0.18), (1, low - 0.18)]))
    return text


def _words(draw: Draw) -> Picture:
    """Two or three lines, some of them smaller."""
    shapes: list[Picture] = []
    y = 0.0
    hand = sample_hand(draw)
    for line in range(draw.integer(2, 3)):
        text = sample_word(draw) if line != 2 else f"19{draw.integer(60, 99)}"
        height = draw.uniform(0.25, 0.6)
        block = fitted(write(text, hand if draw.chance(0.7) else sample_hand(draw)), 2.0, height)
        tall = max(piece[:, 1].max() for shape in block for piece in shape.lines)
        shapes.append(placed(in_inks(block, [draw.pick((0, 0, 2))]), 0.0, y - tall))
        y -= 2 * tall + 0.18
    return fitted(tuple(shape for block in shapes for shape in block), 2.0, 1.6)


def _college(draw: Draw) -> Picture:
    """A word in an arch over a number, an emblem or a second word."""
    hand = sample_hand(draw, sporty=True)
    arch = fitted(_arched(write(sample_word(draw), hand), draw), 2.0, 0.8)
    if draw.chance(0.5):
        arch = underlaid(in_inks(arch, [draw.pick((0, 1))]), 2, 0.07)
    kind = draw.pick(("number", "emblem", "word"))
    if kind == "number":
        below = fitted(write(str(draw.integer(1, 99)), hand), 1.2, 0.75)
    elif kind == "emblem":
        below = fitted(sample_emblem(draw), 1.1, 0.9)
    else:
        below = fitted(write(sample_word(draw), sample_hand(draw)), 1.5, 0.28)
    return fitted((*placed(arch, 0, 0.55), *placed(below, 0, -0.42 if kind != "word" else -0.05)), 2.0, 2.0)


def _number(draw: Draw) -> Picture:
    """A player's number, a name above it at times."""
    hand = sample_hand(draw, sporty=True)
    number = write(str(draw.integer(1, 99)), hand)
    if draw.chance(0.5):
        number = underlaid(number, draw.pick((1, 2)), 0.09)
    number = fitted(number, 1.5, 1.5)
    if draw.chance(0.35):
        return number
    name = fitted(write(sample_word(draw), hand), 1.7, 0.30)
    if draw.chance(0.4):
        name = fitted(_arched(name, draw), 1.7, 0.45)
    return (*placed(number, 0, -0.35), *placed(name, 0, 0.75))


def _badge(draw: Draw) -> Picture:
    """An emblem within a ring, a shield, a square or rays; words around or below it."""
    frame = draw.pick(("ring", "disc", "shield", "square", "rays", "hexagon"))
    rim = curve(
        [
            (0, 1.0),
            (0.85, 0.8),
            (0.8, -0.1),
            (0.45, -0.75),
            (0, -1.05),
            (-0.45, -0.75),
            (-0.8, -0.1),
            (-0.85, 0.8),
        ]
    )
    outline = {
        "ring": circle(0, 0, 1.0, count=60),
        "disc": circle(0, 0, 1.0, count=60),
        "shield": rim,
        "square": box(0, 0, 1.9, 1.9, 0.25),
        "rays": star(0, 0, 1.0, draw.integer(12, 24), 0.86),
        "hexagon": circle(0, 0, 1.0, count=6),
    }[frame]
    if frame == "ring" or draw.chance(0.3):
        base: Picture = (
            fill(0, outline),
            fill(1, 0.94 * outline),
            fill(0, 0.88 * outline),
            fill(1, 0.62 * outline),
        )
        inks, scale = [0, 1, 2], 0.46
        words = fitted(_arched(write(sample_word(draw), sample_hand(draw, sporty=True)), draw), 1.3, 0.17)
        text: Picture = placed(in_inks(words, [1]), 0, 0.75) if frame == "ring" else ()
    else:
        base, text = (
            (fill(0, outline), fill(draw.pick((0, 1, 2)), 0.92 * outline), fill(0, 0.86 * outline)),
            (),
        )
        inks, scale = [1, 0, 2], 0.56
    emblem = placed(in_inks(fitted(sample_emblem(draw)), inks), 0, 0, scale)
    badge = (*base, *text, *emblem)
    if draw.chance(0.4):
        line = fitted(write(sample_word(draw), sample_hand(draw)), 1.8, 0.35)
        badge = (*badge, *placed(line, 0, -1.4))
    return badge


def _labelled(draw: Draw) -> Picture:
    """An emblem with a word under it, or beside it."""
    emblem, word = fitted(sample_emblem(draw)), write(sample_word(draw), sample_hand(draw))
    if draw.chance(0.7):
        return fitted((*placed(emblem, 0, 0.45, 0.75), *placed(fitted(word, 1.9, 0.45), 0, -0.68)), 2.0, 2.2)
    return fitted((*placed(emblem, -0.72, 0, 0.30), *placed(fitted(word, 1.3, 0.42), 0.42, 0)), 2.0, 1.0)


def _scene(draw: Draw) -> Picture:
    """A landscape in a frame: sky, sun, ridges, water, trees or a skyline."""
    tall = draw.uniform(0.65, 1.25)
    shapes = [fill(2, box(0, 0, 2, 2), fade_to=draw.integer(3, 5))]
    sun = circle(draw.uniform(-0.5, 0.5), draw.uniform(-0.1, 0.5), draw.uniform(0.2, 0.45))
    shapes.append(fill(draw.pick((0, 1, 5)), sun))
    base = draw.uniform(-0.3, 0.1)
    for k in range(draw.integer(2, 4)):
        shapes.append(fill(3 + k, ridge(draw, base - 0.22 * k, 0.5, draw.integer(2, 4), draw.chance(0.5))))
    kind = draw.pick(("water", "trees", "city", "none"))
    if kind == "water":
        x = np.linspace(-0.97, 0.97, 40)
        lines = [np.stack([x, -0.55 - 0.13 * k + 0.03 * np.sin(9 * x + 2 * k)], 1) for k in range(3)]
        shapes += [fill(4, box(0, -0.72, 2, 0.56)), stroke(1, 0.035, *lines)]
    elif kind == "trees":
        for _ in range(draw.integer(4, 9)):
            foot, low, high = draw.uniform(-0.88, 0.88), draw.uniform(-1.0, -0.7), draw.uniform(0.3, 0.7)
            shapes.append(fill(6, [(foot - 0.11, low), (foot, low + high), (foot + 0.11, low)]))
        shapes.append(fill(6, box(0, -0.93, 2, 0.14)))
    elif kind == "city":
        for house in range(10):
            high = draw.uniform(0.2, 1.0)
            shapes.append(fill(6, box(0.2 * house - 0.9, -1 + high / 2, 0.17, high)))
    framed = [
        replace(shape, lines=tuple(np.clip(line, -1, 1) * (1.0, tall) for line in shape.lines))
        for shape in shapes
    ]
    rim = box(0, 0, 2.0, 2.0 * tall)
    scene = (*framed, stroke(draw.pick((0, 1)), 0.06, np.concatenate([rim, rim[:1]])))
    if draw.chance(0.4):
        line = fitted(write(sample_word(draw), sample_hand(draw)), 1.9, 0.35)
        scene = (*scene, *placed(line, 0, -tall - 0.32))
    return scene


def _abstract(draw: Draw) -> Picture:
    """Overlapping discs, bars, wedges and arcs."""
    shapes: list[Shape] = []
    for _ in range(draw.integer(4, 9)):
        x, y, size = draw.uniform(-0.6, 0.6), draw.uniform(-0.6, 0.6), draw.uniform(0.15, 0.5)
        ink, turn = draw.integer(0, 6), draw.pick((0.0, draw.uniform(0, np.pi)))
        kind = draw.pick(("disc", "bar", "wedge", "arc", "ring", "box"))
        made = {
            "disc": fill(ink, circle(0, 0, size)),
            "bar": fill(ink, box(0, 0, 2.2 * size, 0.35 * size)),
            "wedge": fill(ink, np.array([[-size, -size], [size, -size], [0.0, size]])),
            "arc": stroke(ink, 0.2 * size, arc(0, 0, size, 0, 200)),
            "ring": fill(ink, circle(0, 0, size), circle(0, 0, 0.6 * size)),
            "box": fill(ink, box(0, 0, 1.5 * size, 1.5 * size)),
        }[kind]
        shapes += placed((made,), x, y, 1.0, turn)
    return fitted(tuple(shapes), 2.0, 2.2)


def _line_art(draw: Draw) -> Picture:
    """One wandering line, or a face of few lines."""
    if draw.chance(0.5):
        knots = np.cumsum(draw.normals((9, 2)), 0)
        return fitted((stroke(0, draw.uniform(0.06, 0.2), curve(knots, closed=False)),), 2.0, 1.6)
    brow = curve(
        [(-0.6, 0.35), (-0.3, 0.5), (-0.05, 0.3), (-0.12, -0.15), (-0.2, -0.3), (0.08, -0.3)], closed=False
    )
    head = curve(
        [(0.1, 1.0), (-0.7, 0.7), (-0.75, -0.2), (-0.4, -0.85), (0.1, -1.0), (0.6, -0.6), (0.75, 0.1)], False
    )
    lips = curve([(-0.25, -0.52), (-0.05, -0.46), (0.2, -0.53), (-0.02, -0.63), (-0.25, -0.52)], closed=False)
    eyes = [arc(x, 0.12, 0.16, 20, 160) for x in (-0.42, 0.3)]
    hair = curve([(0.1, 1.0), (0.75, 0.85), (0.95, 0.3), (0.7, -0.3), (1.0, -0.8)], closed=False)
    return fitted(
        (stroke(0, 0.055, brow, head, lips, *eyes, hair), fill(2, circle(0.35, -0.3, 0.14))), 1.7, 2.1
    )


def _bouquet(draw: Draw) -> Picture:
    """Flowers and leaves about a middle."""
    shapes: list[Picture] = []
    for _ in range(draw.integer(7, 12)):
        angle, reach = draw.uniform(0, 2 * np.pi), draw.uniform(0.45, 0.85)
        leaf = (fill(3, curve([(0, -0.32), (0.13, 0.0), (0, 0.35), (-0.13, 0.0)])),)
        shapes.append(placed(leaf, reach * np.cos(angle), reach * np.sin(angle), 1.0, angle - np.pi / 2))
    for _ in range(draw.integer(4, 8)):
        petals, radius = draw.integer(5, 8), draw.uniform(0.16, 0.32)
        angles = np.arange(petals) * 2 * np.pi / petals
        ink = draw.pick((0, 2, 4))
        flower = [fill(ink, circle(0.6 * np.cos(a), 0.6 * np.sin(a), 0.42)) for a in angles]
        flower.append(fill(1 if ink != 4 else 2, circle(0, 0, 0.3)))
        shapes.append(placed(flower, draw.uniform(-0.55, 0.55), draw.uniform(-0.55, 0.55), radius))
    return fitted(tuple(shape for piece in shapes for shape in piece))


PICTURES: dict[str, Callable[[Draw], Picture]] = {
    "emblem": _emblem,
    "animal": _animal,
    "word": _word,
    "words": _words,
    "college": _college,
    "number": _number,
    "badge": _badge,
    "labelled": _labelled,
    "scene": _scene,
    "abstract": _abstract,
    "line art": _line_art,
    "bouquet": _bouquet,
}
