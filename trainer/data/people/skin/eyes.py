"""Eyeballs: sclera, iris, pupil and a catch-light, painted by the angle from the line of sight."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.head import Head, smoothstep, upper_lid
from dinar.trainer.data.people.noise import fbm, noise3
from dinar.trainer.data.people.part import Paint, SurfacePoints
from dinar.trainer.data.people.skin.complexion import Complexion
from dinar.trainer.data.people.skin.pigment import BLOOD, blend

IRIS_RADIUS = 0.00565  # metres
PUPIL_RADIUS = 0.0021


def paint_eyes(head: Head, complexion: Complexion, points: SurfacePoints) -> Paint:
    """Sclera, iris, pupil and a catch-light, by the angle from the line of sight."""
    p = points.position
    side = np.where(p[:, 0] > 0, 1.0, -1.0)
    mirrored = p * np.stack([side, np.ones_like(side), np.ones_like(side)], axis=1)
    ray = mirrored - head.eye
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    right, up, ahead = gaze_frame(head)
    x, y = ray @ right * head.eye_radius, ray @ up * head.eye_radius  # metres on the eye, x outwards
    x_world = x * side  # towards the person's left on both eyes
    radius = np.where(ray @ ahead > 0, np.hypot(x, y), head.eye_radius)
    iris = _iris(complexion, radius, np.arctan2(y, x_world), side)
    albedo = blend(_sclera(complexion, mirrored, x, p), iris, _iris_share(radius))
    # Shade that the upper lid and its lashes cast, and the wet rim of the lower lid.
    upper = head.lid_edge[upper_lid(head)]
    order = np.argsort(upper[:, 0])
    lid = np.interp(mirrored[:, 0], upper[order, 0], upper[order, 1])
    shade = 1 - 0.62 * smoothstep(-0.0042, 0.0002, mirrored[:, 1] - lid)
    corners = smoothstep(0.0080, 0.0135, np.abs(mirrored[:, 0] - head.lid_rim[:, 0].mean()))
    albedo = albedo * (shade * (1 - 0.35 * corners))[:, None]
    for dx, dy, size, strength in ((-0.0019, 0.0012, 0.00085, 0.85), (0.0018, -0.0020, 0.0006, 0.16)):
        spot = np.exp(-((((x_world - dx) ** 2 + (y - dy) ** 2) / size**2) ** 2))
        albedo = blend(albedo, np.array([0.95, 0.97, 1.0]), strength * spot)
    normal = ray * np.stack([side, np.ones_like(side), np.ones_like(side)], axis=1)
    return Paint(np.clip(albedo, 0, 1), normal, np.ones(len(p)))


def gaze_frame(head: Head) -> np.ndarray:
    """Axes (outwards, up, ahead) of the left eye's line of sight, rows of [3, 3].

    The eye looks at the middle of its lids' opening or a little above, so that each lid covers some iris:
    seen from ahead the eyes are at rest, neither wide open nor asleep.
    """
    opening = head.lid_edge[upper_lid(head)][:, 1].max(), head.lid_edge[:, 1].min()
    middle = 0.56 * opening[0] + 0.44 * opening[1]
    down = np.arcsin((middle - head.eye[1]) / head.eye_radius)
    ahead = np.array([np.sin(0.035), np.sin(down), 0.0])
    ahead[2] = np.sqrt(1 - ahead @ ahead)
    right = np.cross([0.0, 1.0, 0.0], ahead)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(ahead, right), ahead])


def _iris_share(radius: np.ndarray) -> np.ndarray:
    return smoothstep(IRIS_RADIUS + 0.00035, IRIS_RADIUS - 0.00025, radius)


def _iris(complexion: Complexion, radius: np.ndarray, azimuth: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Radial fibres, the inner colour as a collar round the pupil, a dark ring at the rim."""
    r = radius / IRIS_RADIUS
    circle = np.stack([np.cos(azimuth), np.sin(azimuth)], 1)
    own = complexion.seed
    fibre = noise3(np.concatenate([circle * 9, (r * 1.5 + side * 10)[:, None]], 1), 91 + own)
    fine = noise3(np.concatenate([circle * 20, (r * 1.2 + side * 10)[:, None]], 1), 92 + own)
    inner, outer = (np.array(colour) for colour in complexion.iris)
    colour = inner + (outer - inner) * smoothstep(0.45, 0.85, r + 0.12 * fibre)[:, None]
    colour = colour * (1 + 0.38 * fibre + 0.22 * fine)[:, None]
    colour = colour * (1 - 0.72 * smoothstep(0.80, 1.0, r))[:, None]
    # Light that entered above leaves the iris below: a soft crescent.
    colour = colour * (1 + 0.55 * smoothstep(0.1, -0.8, np.sin(azimuth) * r))[:, None]
    pupil = smoothstep(PUPIL_RADIUS + 0.00025, PUPIL_RADIUS - 0.0002, radius + 0.00008 * fibre)
    return blend(colour, np.array([0.006, 0.005, 0.005]), pupil)


def _sclera(complexion: Complexion, mirrored: np.ndarray, x: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Off-white, pinker towards the corners, with a few faint vessels; yellower in old age and dark skin."""
    yellow = max(complexion.wrinkles, 1.4 * (complexion.melanin - 0.3), 0.0)
    white = np.array([0.55, 0.505, 0.47]) * np.exp(-yellow * np.array([0.22, 0.27, 0.38]))
    corner = smoothstep(0.006, 0.0125, np.abs(x))
    vessel = smoothstep(0.80, 0.97, 1 - np.abs(fbm(p * [500, 1400, 500], 3, 95 + complexion.seed)) * 2.2)
    blood = 0.30 * corner + 0.35 * corner * vessel + 0.05 * noise3(mirrored * 400, 96 + complexion.seed)
    return white * np.exp(-blood[:, None] * BLOOD)
