"""Letters and figures drawn with a pen, and lines of text in several hands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.outlines import Line, Picture, Shape

# Lines of each glyph on a grid 8 wide and 12 tall: pairs of base-13 figures, x then y.
_GLYPHS = {
    "A": "004c80 1474", "B": "000c6c8a886606 6684826000", "C": "8a6c2c0a02206082", "D": "000c5c89835000",
    "E": "8c0c0080 0666", "F": "8c0c00 0666", "G": "8a6c2c0a022060828646", "H": "000c 808c 0686",
    "I": "404c", "J": "8c82602002", "K": "000c 8c0680", "L": "0c0080", "M": "000c458c80", "N": "000c808c",
    "O": "2c6c8a826020020a2c", "P": "000c6c8a876505", "Q": "2c6c8a826020020a2c 5380",
    "R": "000c6c8a876505 4580", "S": "8a6c2c0a0826668482602002", "T": "0c8c 4c40", "U": "0c022060828c",
    "V": "0c408c", "W": "0c2048608c", "X": "008c 0c80", "Y": "0c468c 4640", "Z": "0c8c0080",
    "0": "2c6c8a826020020a2c", "1": "1a4c40", "2": "0a2c6c8a870080", "3": "0a2c6c8a88668482602002 3666",
    "4": "606c0383", "5": "8c0c07678582602002", "6": "7c2c0a02206082856707", "7": "0c8c30",
    "8": "26080a2c6c8a886626 2604022060828466", "9": "1060828a6c2c0a072585", "-": "1676",
    "&": "80292b3c5c6b690302204084", "+": "0686 4a42",
}  # fmt: skip

_NARROW = {"I": (4, 4), "1": (1, 4)}  # first and last column, where not 0 and 8

_WORDS = (
    "OCEAN", "NORTH", "RIVER", "STUDIO", "ATHLETIC", "WILD", "SUMMER", "ISLAND", "CLUB", "TEAM", "ORIGINAL",
    "VINTAGE", "CITY", "MOUNTAIN", "COAST", "FOREST", "NOMAD", "RADIO", "MUSIC", "DREAM", "HELLO", "SUNDAY",
    "ESCAPE", "TRAIL", "RACING", "SURF", "SKATE", "FUTURE", "ENERGY", "HARBOR", "CAMP", "WINTER", "LIGHT",
    "STONE", "WOLF", "EAGLE", "BEAR", "TIGER", "COFFEE", "PEACE", "LOVE", "LUCKY", "MOON", "SOLAR", "ORBIT",
    "BASIC", "STATE", "UNION", "EAST", "WEST", "SOUTH", "RUNNER", "LEAGUE", "DIVISION", "OUTDOOR",
    "EXPLORE", "OSLO", "PARIS", "TOKYO", "LISBON", "BERLIN", "ROMA", "LIMA", "CAIRO", "DELHI", "BOSTON",
    "MALMO",
)  # fmt: skip


@dataclass(frozen=True)
class Hand:
    """How letters are drawn.

    Attributes:
        width: of a letter, relative to its height.
        weight: breadth of the pen, relative to the height.
        slant: how far a letter's top leans to the right, relative to the height.
        round: whether corners are rounded.
        serif: whether upright strokes end on small feet.
        gap: between letters, relative to the height.
    """

    width: float
    weight: float
    slant: float
    round: bool
    serif: bool
    gap: float


def sample_hand(draw: Draw, sporty: bool = False) -> Hand:
    """A hand; sporty: upright, broad and angular, with feet at times."""
    if sporty:
        return Hand(draw.uniform(0.5, 0.68), draw.uniform(0.15, 0.2), 0.0, False, draw.chance(0.5), 0.34)
    weight = draw.uniform(0.10, 0.24)
    slant = draw.pick((0.0, draw.uniform(0.12, 0.3)), (3, 1))
    width = draw.pick((draw.uniform(0.30, 0.45), draw.uniform(0.45, 0.85)), (1, 2))
    serif = weight < 0.16 and draw.chance(0.25)
    return Hand(width, weight, slant, draw.chance(0.6), serif, weight + draw.uniform(0.07, 0.25))


def sample_word(draw: Draw) -> str:
    """A word in capital letters; some are made up."""
    if draw.chance(0.75):
        return draw.pick(_WORDS)
    syllables = [draw.pick("BDFGKLMNPRSTVZ") + draw.pick("AEIOU") for _ in range(draw.integer(2, 3))]
    return "".join(syllables) + draw.pick(("", "", "N", "X", "R", "S"))


def write(text: str, hand: Hand, ink: int = 0) -> Picture:
    """Write one line: letters one unit tall, from x = 0, on y = 0."""
    shapes = []
    x = 0.0
    for letter in text:
        if letter == " ":
            x += 0.5 * hand.width + hand.gap
            continue
        first, last = _NARROW.get(letter, (0, 8))
        lines = [_pen(line, hand) for line in _decode(_GLYPHS[letter])]
        if hand.serif:
            lines += _feet(lines, hand)
        offset = x - first / 8 * hand.width
        lean = [
            line * (hand.width, 1) + np.stack([offset + hand.slant * line[:, 1], 0 * line[:, 1]], 1)
            for line in lines
        ]
        shapes.append(Shape(tuple(lean), ink, hand.weight))
        x += (last - first) / 8 * hand.width + hand.gap
    return tuple(shapes)


def bent(picture: Picture, radius: float) -> Picture:
    """Bend a line of text over a circle (radius > 0: an arch; < 0: a bowl), its middle staying in place."""
    points = np.concatenate([line for shape in picture for line in shape.lines])
    middle = (points[:, 0].min() + points[:, 0].max()) / 2
    shapes = []
    for shape in picture:
        lines = []
        for line in shape.lines:
            angle = (line[:, 0] - middle) / radius
            reach = radius + line[:, 1]
            lines.append(np.stack([middle + reach * np.sin(angle), reach * np.cos(angle) - radius], 1))
        shapes.append(Shape(tuple(lines), shape.ink, shape.stroke))
    return tuple(shapes)


def underlaid(picture: Picture, ink: int, more: float, x: float = 0.0, y: float = 0.0) -> Picture:
    """Put a broader copy of a stroked picture under it: an outline, or a shadow when moved."""
    below = tuple(
        Shape(tuple(line + np.array([x, y]) for line in s.lines), ink, s.stroke + more) for s in picture
    )
    return (*below, *picture)


def _decode(code: str) -> list[Line]:
    """Lines of a glyph: [K, 2] each, in [0, 1]."""
    strokes = [[int(figure, 13) for figure in word] for word in code.split()]
    return [np.reshape(figures, (-1, 2)) / (8, 12) for figures in strokes]


def _pen(line: Line, hand: Hand) -> Line:
    """Round the corners of a line twice (Chaikin), its ends kept, where the hand is round."""
    for _ in range(2 if hand.round and len(line) > 2 else 0):
        closed = np.allclose(line[0], line[-1])
        cut = np.stack([0.75 * line[:-1] + 0.25 * line[1:], 0.25 * line[:-1] + 0.75 * line[1:]], 1).reshape(
            -1, 2
        )
        line = np.concatenate([cut, cut[:1]]) if closed else np.concatenate([line[:1], cut[1:-1], line[-1:]])
    return line


def _feet(lines: list[Line], hand: Hand) -> list[Line]:
    """Short level lines at the ends of strokes that end at the top or at the bottom."""
    reach = 0.75 * hand.weight / hand.width
    opened = [line for line in lines if not np.allclose(line[0], line[-1])]
    ends = [line[k] for line in opened for k in (0, -1) if line[k, 1] in (0.0, 1.0)]
    return [np.array([[x - reach, y], [x + reach, y]]) for x, y in ends]
