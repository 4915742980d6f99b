"""Where hair grows on a head: the natural hairline, what has fallen out, and how dense the rest is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.head import Head, azimuth, bump, hairline_distance, smoothstep
from dinar.trainer.data.people.noise import fbm


@dataclass(frozen=True)
class Scalp:
    """What hair grows on a head.

    Attributes:
        density: share of the skin that hair covers, 0 to 1.
        recession: how far the temples have lost their hair, 0 to 1.
        crown: how far the crown has, 0 to 1.
        horseshoe: 0 to 1: how far the whole top has.
        fade: 0 to 1: how far sides and nape are clipped down to the skin.
    """

    density: float = 1.0
    recession: float = 0.0
    crown: float = 0.0
    horseshoe: float = 0.0
    fade: float = 0.0


def scalp_distance(head: Head, scalp: Scalp, points: np.ndarray) -> np.ndarray:
    """Signed distance to the rim of the hair along the skin, metres, positive under the hair: float64 [M]."""
    angle, above = azimuth(head, points), points[:, 1] - head.eye[1]
    behind = head.glabella[2] - points[:, 2]
    inside = hairline_distance(head, points)
    top = smoothstep(0.025, 0.050, above)
    temple = np.exp(-(((angle - 0.65) / 0.35) ** 2))
    begin = scalp.recession * (0.030 + 0.045 * temple)
    inside = np.where(begin > 0, np.minimum(inside, (behind - begin) * top + 0.05 * (1 - top)), inside)
    if scalp.horseshoe > 0:
        round_back = 0.052 + 0.006 * fbm(points * 45, 2, 84) - 0.012 * smoothstep(1.7, 2.9, angle) - above
        temples = behind - 0.060 - 0.45 * np.maximum(above, 0)
        inside = np.minimum(inside, np.minimum(round_back, temples) + 0.10 * (1 - scalp.horseshoe))
    spot = head.centre + np.array([0.0, 0.080, -0.050])
    bald = bump(points, spot, 0.016 + 0.034 * scalp.crown) * min(1.0, 1.7 * scalp.crown)
    return inside - 0.06 * top * smoothstep(0.25, 0.75, bald)


def scalp_cover(head: Head, scalp: Scalp, points: np.ndarray) -> np.ndarray:
    """Share of the skin that hair covers at points [M, 3], in [0, 1]: float64 [M]."""
    angle, above = azimuth(head, points), points[:, 1] - head.eye[1]
    inside = scalp_distance(head, scalp, points) + 0.0030 * fbm(points * 120, 3, 81)
    behind = smoothstep(1.9, 2.6, angle)
    cover = smoothstep(-0.003, 0.007 + 0.012 * behind, inside)
    low = smoothstep(0.05, -0.02, above) * smoothstep(0.7, 1.1, angle)
    return scalp.density * cover * (1 - 0.8 * scalp.fade * low)
