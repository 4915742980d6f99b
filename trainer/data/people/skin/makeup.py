"""Eye shadow, a line along the lids, blush."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.head import Head, bump, polyline_distance, smooth_curve, smoothstep, upper_lid
from dinar.trainer.data.people.skin.complexion import Makeup
from dinar.trainer.data.people.skin.pigment import blend


def rouge(head: Head, makeup: Makeup, albedo: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Blush on the cheekbones over `albedo` [M, 3] at points [M, 3]."""
    colour, opacity = makeup.blush
    place = np.array([head.eye[0] + 0.022, head.nose_tip[1] + 0.004, head.nose_tip[2] - 0.045])
    share = 0.6 * opacity * bump(p, place, np.array([0.016, 0.012, 0.03]))
    return albedo * (1 - share[:, None] * (1 - np.array(colour) / max(colour)))


def paint_lids(head: Head, makeup: Makeup, albedo: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Eye shadow and liner over `albedo` [M, 3] at points around the eyes [M, 3], mirrored to the left."""
    upper = head.lid_rim[upper_lid(head)]
    upper = upper[np.argsort(upper[:, 0])]
    lid = smooth_curve(upper[:, :2], 3)
    distance = polyline_distance(q[:, :2], lid)
    above = smoothstep(-0.0012, 0.0006, q[:, 1] - np.interp(q[:, 0], lid[:, 0], lid[:, 1]))
    colour, opacity = makeup.shadow
    middle = head.eye[0]
    wide = 0.0075 + 0.0020 * smoothstep(middle - 0.010, middle + 0.014, q[:, 0])
    share = opacity * above * np.exp(-((distance / wide) ** 2))
    albedo = blend(albedo, np.array(colour), share)
    outward = smoothstep(middle - 0.012, middle + 0.012, q[:, 0])
    line = makeup.liner * np.exp(-((distance / (0.0007 + 0.0007 * outward)) ** 2))
    return blend(albedo, np.array([0.012, 0.009, 0.009]), 0.9 * line)
