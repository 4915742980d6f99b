"""What is woven into or printed all over a cloth, told by a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np

from dinar.trainer.data.people.fabric.palette import Colour

EDGE = 0.0022  # metres over which an edge is softened: about a texel of a garment


@dataclass(frozen=True)
class Pattern:
    """A pattern and its measures.

    Attributes:
        name: of the pattern.
        colours: linear RGB, the ground first.
        size: metres after which the pattern repeats, or the size of what is strewn.
        shape: what else the pattern asks for; each pattern says what.
        seed: of its chance.
    """

    name: str
    colours: tuple[Colour, ...]
    size: float
    shape: tuple[float, ...] = ()
    seed: int = 0


def plain(colours: tuple[Colour, ...], count: int) -> np.ndarray:
    """One colour on `count` points: [M, 3], linear RGB."""
    return np.tile(np.array(colours[0]), (count, 1))


def soft(distance: np.ndarray) -> np.ndarray:
    """0 outside to 1 inside, by the metres inside an edge [M]."""
    return np.clip(distance / EDGE + 0.5, 0, 1)


@nb.njit(cache=True, inline="always")
def covered(distance):  # type: ignore[no-untyped-def]
    """`soft` of one point."""
    return min(max(distance / EDGE + 0.5, 0.0), 1.0)


@nb.njit(cache=True, inline="always")
def mix_into(colour, above, amount):  # type: ignore[no-untyped-def]
    """Lay a colour over another [3] in place."""
    for k in range(3):
        colour[k] += amount * (above[k] - colour[k])


@nb.njit(cache=True, inline="always")
def scramble(x, y, z, seed):  # type: ignore[no-untyped-def]
    """32 random bits that belong to three whole numbers and a seed."""
    h = (np.uint32(x) * np.uint32(0x8DA6B343)) ^ (np.uint32(y) * np.uint32(0xD8163841))
    h = np.uint32(h ^ (np.uint32(z) * np.uint32(0xCB1AB31F)) ^ (np.uint32(seed) * np.uint32(0x9E3779B1)))
    h = np.uint32(np.uint32(h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D))
    h = np.uint32(np.uint32(h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.uint32(h ^ (h >> np.uint32(16)))


@nb.njit(cache=True, inline="always")
def part_of(bits, shift):  # type: ignore[no-untyped-def]
    """A number in [0, 1) from the eight bits above `shift`."""
    return np.float64((bits >> np.uint32(shift)) & np.uint32(255)) / 256.0
