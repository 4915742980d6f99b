"""Where a face is redder, browner, oilier or darker than the skin of the body."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.head import (
    Head,
    bump,
    polyline_distance,
    smooth_curve,
    smoothstep,
)
from dinar.trainer.data.people.noise import cells3, fbm


def flush(head: Head, p: np.ndarray, seed: int) -> np.ndarray:
    """Blood near the surface: cheeks, nose, chin, lids."""
    cheek = np.array([head.eye[0] + 0.015, head.nose_tip[1] + 0.008, head.nose_tip[2] - 0.035])
    blotch = 1 + 0.5 * fbm(p * 140, 2, 21 + seed)
    return blotch * (
        0.30 * bump(p, cheek, np.array([0.018, 0.013, 0.03]))
        + 0.38 * bump(p, head.nose_tip, 0.0115)
        + 0.20 * bump(p, head.ala, 0.0065)
        + 0.14 * bump(p, head.chin + np.array([0, 0.012, 0]), 0.014)
        + 0.10 * bump(p, head.glabella, np.array([0.012, 0.01, 0.02]))
        + 0.20 * bump(p, head.lid_rim[21], 0.006)
    )


def tan(head: Head, p: np.ndarray) -> np.ndarray:
    """Melanin: a touch more on forehead and eye sockets, less below the jaw."""
    forehead = head.glabella + np.array([0, 0.035, -0.005])
    socket = head.lid_crease.mean(0) + np.array([0.0, 0.003, 0.0])
    throat = np.array([0.0, head.chin[1] - 0.03, head.chin[2] - 0.04])
    return (
        0.07 * bump(p, forehead, np.array([0.05, 0.02, 0.05]))
        + 0.10 * bump(p, socket, np.array([0.016, 0.006, 0.02]))
        - 0.06 * bump(p, throat, 0.022)
    )


def freckles(head: Head, p: np.ndarray, amount: float, seed: int) -> np.ndarray:
    """Melanin of freckles across nose and cheeks; with an `amount` near 1 over most of the face."""
    middle = np.array([head.eye[0] * 0.8, head.nose_tip[1] + 0.012, head.nose_tip[2] - 0.02])
    where = bump(p, middle, 0.0176 + 0.0176 * amount)
    shade, index = np.zeros(len(p)), np.nonzero(where > 0.03)[0]
    distance, chance = cells3(p[index] * 330, 31 + seed)
    spot = (chance < 0.12 + 0.40 * amount) * smoothstep(0.40, 0.10, distance)
    shade[index] = spot * where[index] * 0.13 * (0.75 + amount) * min(1.0, 4 * amount)
    return shade


def moles(p: np.ndarray, amount: float, seed: int) -> np.ndarray:
    """Melanin of a few moles."""
    distance, chance = cells3(p * 38, 33 + seed)
    return (chance < 0.05 + 0.2 * amount) * smoothstep(0.036, 0.018, distance) * 0.55


def sheen(head: Head, p: np.ndarray) -> np.ndarray:
    """Where skin is oily and looks lighter in any light: bridge and tip of the nose, brow, cheekbones."""
    bridge = (head.nasion + head.nose_tip) / 2
    cheekbone = np.array([head.eye[0] + 0.016, head.eye[1] - 0.022, head.eye[2] + 0.008])
    return (
        0.9 * bump(p, bridge + np.array([0, 0, 0.003]), np.array([0.0035, 0.018, 0.02]))
        + 0.9 * bump(p, head.nose_tip + np.array([0, 0.004, 0]), np.array([0.005, 0.005, 0.01]))
        + 0.7 * bump(p, head.glabella + np.array([0.018, 0.028, 0]), np.array([0.022, 0.012, 0.02]))
        + 0.8 * bump(p, cheekbone, np.array([0.012, 0.007, 0.02]))
    )


def smile_fold(head: Head, q: np.ndarray) -> np.ndarray:
    """The fold from the nostril's wing past the corner of the mouth, at points mirrored to the left."""
    corner = head.lip_line[-1]
    beside = np.array([[0.003, 0.004], [0.009, -0.006], [0.009, 0.006], [0.010, -0.003]])
    line = np.stack([head.ala[:2], head.ala[:2], corner[:2], corner[:2]]) + beside
    return np.exp(-((polyline_distance(q[:, :2], smooth_curve(line, 4)) / 0.0030) ** 2))


def nostrils(head: Head, p: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Depth of the nostrils, 0 to 1."""
    centre = np.array([head.ala[0] * 0.52, head.ala[1] - 0.001, head.nose_tip[2] - 0.012])
    hollow = np.clip(1.5 * bump(p, centre, np.array([0.0034, 0.0035, 0.006])), 0, 1)
    return hollow * smoothstep(0.35, -0.45, normal[:, 1])


def lids(head: Head, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of the pink rim, the upper lid's fold and the shadow under the eye, [M] each."""
    edge, crease = smooth_curve(head.lid_edge, 2, closed=True), smooth_curve(head.lid_crease, 3)
    lower, middle = head.lid_rim[:, 1].min(), head.lid_rim[:, 0].mean()
    rim = np.exp(-((polyline_distance(q, edge, closed=True) / 0.0017) ** 2))
    fold = np.exp(-((polyline_distance(q, crease) / 0.0021) ** 2))
    x, y = (q[:, 0] - middle + 0.003) / 0.014, (q[:, 1] - lower + 0.0065) / 0.0045
    return rim, fold, np.exp(-(x**2 + y**2))
