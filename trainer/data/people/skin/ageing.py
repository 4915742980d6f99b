"""What years leave on a face: lines, folds, bags under the eyes, spots."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.head import Head, smoothstep
from dinar.trainer.data.people.noise import cells3, hash01, noise3
from dinar.trainer.data.people.skin.complexion import Complexion
from dinar.trainer.data.people.skin.grooves import Groove


def face_grooves(head: Head, complexion: Complexion, detail: float) -> tuple[Groove, ...]:
    """The lines of a face on its left half, none finer than about a texel of `detail` metres."""
    fine = max(0.0011, 1.1 * detail)
    grooves = [
        *_forehead(head, complexion, fine),
        *_around_eyes(head, complexion, fine),
        *_around_mouth(head, complexion, fine),
    ]
    return tuple(groove for groove in grooves if groove.depth > 2e-5)


def _path(*stops: tuple[np.ndarray, float, float]) -> np.ndarray:
    """A line [K, 2] through places beside landmarks: (landmark, metres outwards, metres up) each."""
    return np.array([(landmark[0] + x, landmark[1] + y) for landmark, x, y in stops])


def _forehead(head: Head, c: Complexion, fine: float) -> list[Groove]:
    """Waves across the forehead, and upright lines between the brows."""
    y, chance = head.glabella[1], hash01(np.arange(24) + c.seed, 201)
    grooves = []
    for k in range(4):
        height = y + 0.018 + 0.0095 * k + 0.003 * (chance[k] - 0.5)
        reach = 0.030 + 0.012 * chance[k + 4]
        wave = 0.0016 * (chance[k + 8 : k + 13] - 0.5) + np.array([0, 0.002, 0, 0.002, 0])
        line = np.stack([np.linspace(-reach, reach, 5), height + wave], 1)
        depth = 0.00036 * smoothstep(0.15 + 0.1 * k, 0.95, np.array(c.wrinkles)) * (0.5 + chance[k + 12])
        grooves.append(Groove(line, 1.5 * fine, float(depth)))
    g = head.glabella * [0, 1, 1]
    upright = _path((g, 0.0062, -0.004), (g, 0.0070, 0.004), (g, 0.0082, 0.012))
    grooves.append(Groove(upright, 1.1 * fine, 0.00026 * c.wrinkles * (0.4 + chance[20])))
    return grooves


def _around_eyes(head: Head, c: Complexion, fine: float) -> list[Groove]:
    """Crow's feet, the trough below the bag, and a line under the lower lid."""
    rim = head.lid_rim
    outer, inner, low = rim[rim[:, 0].argmax()], rim[rim[:, 0].argmin()], rim[rim[:, 1].argmin()]
    chance = hash01(np.arange(8) + c.seed, 202)
    grooves = []
    for k, (rise, far) in enumerate(((0.006, 0.009), (0.0005, 0.011), (-0.005, 0.010), (-0.0105, 0.008))):
        far, up = 0.0035 + far * (0.8 + 0.4 * chance[k]), rise * (1.1 + 0.4 * chance[k])
        line = _path(
            (outer, 0.0035, 0.35 * rise),
            (outer, far / 2 + 0.00175, 0.175 * rise + up / 2 + 0.0006),
            (outer, far, up),
        )
        grooves.append(Groove(line, fine, 0.00040 * c.wrinkles * (0.6 + 0.8 * chance[k])))
    trough = _path((inner, 0.0015, -0.0045), (inner, 0.0070, -0.0115), (low, 0.006, -0.0115))
    under = _path((inner, 0.004, -0.005), (low, 0.0, -0.0050), (outer, -0.001, -0.006))
    grooves.append(Groove(trough, 0.0026, 0.00075 * c.bags))
    grooves.append(Groove(under, fine, 0.00028 * (0.4 * c.bags + 0.6 * c.wrinkles)))
    return grooves


def _around_mouth(head: Head, c: Complexion, fine: float) -> list[Groove]:
    """From the nostrils past the mouth, from its corners to the jaw, and below the lower lip."""
    corner, ala, lip = head.lip_line[-1], head.ala, head.lip_border[-1]
    smile = ((ala, 0.008, -0.005), (corner, 0.0095, 0.007), (corner, 0.011, -0.005))
    jaw = _path((corner, 0.003, -0.004), (corner, 0.0060, -0.012), (corner, 0.0065, -0.022))
    chin = _path((lip, -0.014, -0.0075), (lip, 0.0, -0.0060), (lip, 0.014, -0.0075))
    old = max(0.0, c.wrinkles - 0.2)
    return [
        Groove(_path((ala, 0.002, 0.006), *smile), 0.0027, 0.0011 * c.folds),
        Groove(jaw, 0.0022, 0.00085 * max(0.0, c.folds - 0.25)),
        Groove(chin, 0.0030, 0.0006 * c.folds),
        Groove(_path(*smile) + np.array([0.007, -0.003]), fine, 0.00035 * old),
        Groove(_path(*smile) + np.array([0.014, -0.006]), fine, 0.00030 * old),
    ]


def neck_lines(head: Head, complexion: Complexion, p: np.ndarray) -> np.ndarray:
    """Rings around the neck, darker in old age: [M]."""
    wavy = p[:, 1] - head.chin[1] + 0.004 * noise3(p * 25, 203 + complexion.seed) + 0.25 * np.abs(p[:, 0])
    rings = np.zeros(len(p))
    for level in (-0.027, -0.041):
        rings += np.exp(-(((wavy - level) / 0.0020) ** 2))
    broken = smoothstep(-0.5, 0.4, noise3(p * 40, 204 + complexion.seed))
    return (0.25 + 0.75 * complexion.wrinkles) * rings * broken * smoothstep(0.055, 0.04, np.abs(p[:, 0]))


def age_spots(complexion: Complexion, p: np.ndarray, chance: float) -> np.ndarray:
    """Flat brown spots of a few millimetres, melanin [M]; `chance` that one of the 9 mm cubes has one."""
    distance, number = cells3(p * 110, 205 + complexion.seed)
    edge = distance + 0.10 * noise3(p * 300, 206 + complexion.seed)
    size = 0.06 + 0.26 * (number / max(chance, 1e-9)) ** 2
    return (number < chance) * smoothstep(size + 0.14, size - 0.06, edge) * (0.08 + 0.6 * size)
