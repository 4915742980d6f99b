"""Hair that is painted on skin: brows, lashes, stubble, the cropped sides and the hairline."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.head import (
    Head,
    azimuth,
    bump,
    combing,
    hair_flow,
    hairline_distance,
    polyline_distance,
    smooth_curve,
    smoothstep,
    upper_lid,
)
from dinar.trainer.data.people.noise import fbm, noise3
from dinar.trainer.data.people.strokes import Strokes, from_curves, join

_BROW = 1e-3 * np.array([[-17.8, 10.4], [-11, 11.9], [-3, 13.7], [6, 14.9], [14.5, 14.4], [23.0, 10.6]])
_BROW_HALF_WIDTH = 1e-3 * np.array([3.4, 4.4, 4.2, 3.6, 2.6, 0.9])


def brow_tint(head: Head, q: np.ndarray) -> np.ndarray:
    """Soft shade between the hairs of a brow."""
    line = head.eye[:2] + _BROW
    distance = polyline_distance(q[:, :2], smooth_curve(line, 3))
    width = np.interp(q[:, 0], line[:, 0], _BROW_HALF_WIDTH, left=0.002, right=0.0004)
    inner = smoothstep(line[0, 0] - 0.002, line[0, 0] + 0.010, q[:, 0])
    return smoothstep(1.25, 0.35, distance / np.maximum(width, 1e-4)) * inner


def brow_strokes(head: Head) -> Strokes:
    """Hairs of the left brow in frontal projection (z = 0), mirrored for the right.

    Near the nose they stand up, along the arch they lie outwards; both rows lean to the middle line.
    """
    rng = np.random.default_rng(5)
    line = smooth_curve(head.eye[:2] + _BROW, 12)
    count = 900
    along = rng.beta(1.25, 1.2, count)
    at = along * (len(line) - 1)
    grid = np.arange(len(line))
    centre = np.stack([np.interp(at, grid, line[:, k]) for k in range(2)], 1)
    tangent = np.stack([np.interp(at, grid, np.gradient(line[:, k])) for k in range(2)], 1)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1)
    across = np.clip(rng.normal(-0.1, 0.5, count), -1.15, 1.15)  # -1 lower rim, 1 upper rim
    width = np.interp(along, np.linspace(0, 1, len(_BROW_HALF_WIDTH)), _BROW_HALF_WIDTH)
    root = centre + normal * (across * width)[:, None] - tangent * rng.uniform(0.0, 0.0032, count)[:, None]
    # Angle from the brow's direction: upright near the nose, then lying, rows leaning together.
    angle = np.interp(along, [0, 0.12, 0.35, 0.7, 1], [1.25, 0.85, 0.42, 0.12, 0.0])
    angle = angle - np.interp(along, [0, 0.3, 1], [0.05, 0.40, 0.35]) * across + rng.normal(0, 0.16, count)
    length = np.interp(along, [0, 0.2, 0.7, 1], [0.0048, 0.0068, 0.0064, 0.0042]) * rng.uniform(
        0.6, 1.05, count
    )
    bend = -0.35 * np.sign(angle + 1e-9) * rng.uniform(0.3, 1, count)
    t = np.linspace(0, 1, 5)
    heading = angle[:, None] + bend[:, None] * t[:-1]
    ahead, beside = (
        np.cos(heading)[..., None] * tangent[:, None],
        np.sin(heading)[..., None] * normal[:, None],
    )
    step = (length / 4)[:, None, None] * (ahead + beside)
    curve = np.concatenate([root[:, None], root[:, None] + np.cumsum(step, axis=1)], axis=1)
    curve = np.concatenate([curve, np.zeros((count, 5, 1))], axis=2)
    return from_curves(curve, rng.uniform(0.00013, 0.00024, count), rng.uniform(-0.45, 0.45, count), tip=0.25)


def lash_line(head: Head, q: np.ndarray) -> np.ndarray:
    """Roots of the lashes along the lids; strong above, faint below."""
    upper = upper_lid(head)
    line = smooth_curve((head.lid_rim[upper] + head.lid_edge[upper]) / 2, 3)
    above = np.exp(-((polyline_distance(q, line[6:]) / 0.00075) ** 2))
    lower = np.setdiff1d(np.arange(len(head.lid_rim)), upper)
    below = np.exp(-((polyline_distance(q, smooth_curve(head.lid_rim[lower], 3)) / 0.0005) ** 2))
    return np.clip(above + 0.28 * below, 0, 1)


def lash_strokes(head: Head) -> Strokes:
    """Lashes of the left eye in frontal projection (z = 0): above long and curved outwards, below short."""
    rng = np.random.default_rng(7)
    upper = upper_lid(head)
    lower = np.setdiff1d(np.arange(len(head.lid_rim)), upper)
    groups = []
    for loop, count, length, sign in ((upper[2:], 90, 0.0042, 1.0), (lower, 40, 0.0020, -1.0)):
        line = smooth_curve(head.lid_rim[loop][:, :2], 8)
        at = rng.uniform(0.08, 0.99, count) * (len(line) - 1)
        root = np.stack([np.interp(at, np.arange(len(line)), line[:, k]) for k in range(2)], 1)
        outward = (root[:, 0] - head.lid_rim[:, 0].mean()) / 0.013  # -1 inner corner, 1 outer
        lean = 0.75 * outward + 0.15 * rng.standard_normal(count)
        long = length * rng.uniform(0.6, 1.0, count) * (0.75 + 0.35 * outward)
        t = np.linspace(0, 1, 4)[None, :, None]
        side = np.stack([lean, np.zeros(count)], 1)[:, None]
        rise = np.array([0.0, sign])[None, None]
        curve = root[:, None] + long[:, None, None] * (side * t**1.2 + rise * 0.55 * t)
        curve = np.concatenate([curve, np.zeros((count, 4, 1))], axis=2)
        width = np.full(count, 0.00017 if sign > 0 else 0.0001)
        groups.append(from_curves(curve, width, np.full(count, -0.6), tip=0.2))
    return join(*groups)


def beard(head: Head, q: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Density of a day or two of beard, in [0, 1]."""
    x, y = q[:, 0], q[:, 1]
    mouth, chin, corner, nose = head.lip_line[0], head.chin, head.lip_line[-1], head.subnasale
    # Upper limit: from the ear down across the cheek, then up to the base of the nose.
    across = [0, 0.017, corner[0] + 0.003, 0.038, 0.050, 0.066]
    limit = np.interp(
        x,
        across,
        [nose[1], nose[1] - 0.002, mouth[1] + 0.010, mouth[1] + 0.003, mouth[1] + 0.007, head.eye[1] - 0.02],
    )
    area = smoothstep(-0.009, 0.010, limit - y + 0.003 * fbm(p * 80, 2, 53))
    area *= smoothstep(head.ear[2] + 0.012, head.ear[2] + 0.024, p[:, 2])
    area *= smoothstep(chin[1] - 0.040, chin[1] - 0.010, y + 0.25 * (p[:, 2] - chin[2]))
    philtrum = 1 - 0.40 * np.exp(-((x / 0.0035) ** 2)) * (y > mouth[1])
    lip_side = np.array([0.013, head.lip_border[-1, 1] - 0.004, mouth[2]])
    below_lip = 1 - 0.6 * bump(p, lip_side, np.array([0.006, 0.004, 0.02]))
    strong = smoothstep(mouth[1] + 0.012, mouth[1] - 0.02, y)
    strong += bump(p, np.array([0.014, nose[1] - 0.006, nose[2]]), np.array([0.013, 0.007, 0.02]))
    return area * philtrum * below_lip * np.clip(0.4 + 0.6 * strong, 0, 1) * (0.85 + 0.3 * fbm(p * 90, 2, 51))


def hair_density(head: Head, p: np.ndarray) -> np.ndarray:
    """Share of the scalp that is covered, [M]: sharp at the temples, fading at sideburns and nape."""
    along, across = combing(head, p).T
    streaks = noise3(np.stack([along * 130, across * 1500, np.zeros(len(p))], 1), 82)
    inside = hairline_distance(head, p) + 0.0024 * fbm(p * 120, 3, 81) + 0.0020 * streaks
    angle = azimuth(head, p)
    fade = np.interp(
        angle, [0.0, 0.75, 1.0, 1.35, 1.8, 2.2, np.pi], [0.0055, 0.006, 0.007, 0.008, 0.008, 0.020, 0.030]
    )
    cover = smoothstep(-0.001, 1.0, inside / fade)
    above = p[:, 1] - head.eye[1]
    cropped = smoothstep(0.8, 1.1, angle)  # clipped short at sides and back: skin shines through low down
    length = smoothstep(-0.07, 0.034, above + 0.03 * smoothstep(1.9, 2.6, angle))
    return cover * (1 - cropped * (0.62 - 0.62 * length))


def hairline_strokes(head: Head, faces: np.ndarray, vertices: np.ndarray) -> Strokes:
    """Hairs on the skin along the whole hairline and over the short sides, rooted at random."""
    rng = np.random.default_rng(9)
    corner = vertices[faces]
    near = (corner[:, :, 1].min(1) > head.chin[1] - 0.02) & (head.ear_share[faces].max(1) == 0)
    near &= head.mouth_share[faces].max(1) == 0
    near &= ~head.eyeball_faces
    near[near] = hairline_distance(head, corner[near].mean(1)) > -0.02
    corner = corner[near]
    cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = np.linalg.norm(cross, axis=1) / 2
    chosen = rng.choice(len(corner), 34000, p=area / area.sum())
    b = rng.dirichlet(np.ones(3), len(chosen))
    root = (corner[chosen] * b[..., None]).sum(1)
    normal = cross[chosen] / (2 * area[chosen, None])
    inside = hairline_distance(head, root)
    keep = rng.uniform(size=len(root)) < smoothstep(-0.004, 0.007, inside) * smoothstep(0.085, 0.060, inside)
    root, normal, inside = root[keep], normal[keep], inside[keep]
    front = azimuth(head, root) < 0.85
    flow = hair_flow(head, root, normal)
    side = np.cross(normal, flow)
    heading = rng.normal(0, 1, len(root)) * np.where(front, 0.34, 0.22)
    length = (
        np.where(front, 0.0125, 0.0045) * rng.uniform(0.5, 1.1, len(root)) * smoothstep(-0.006, 0.004, inside)
    )
    t = np.linspace(0, 1, 4)
    curl = heading[:, None] + rng.normal(0, 0.35, len(root))[:, None] * t[:-1]
    step = (length / 3)[:, None, None] * (
        np.cos(curl)[..., None] * flow[:, None] + np.sin(curl)[..., None] * side[:, None]
    )
    curve = np.concatenate([root[:, None], root[:, None] + np.cumsum(step, axis=1)], axis=1)
    width = rng.uniform(0.00010, 0.0002, len(root)) * np.where(front, 1.35, 1.0)
    tone = np.where(front, rng.uniform(-0.4, 0.25, len(root)), rng.uniform(-0.35, 0.35, len(root)))
    return from_curves(curve, width, tone, tip=0.25)
