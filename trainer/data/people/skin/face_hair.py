"""Hair that is painted on skin: brows, lashes, beards, the cropped sides and the hairline."""

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
from dinar.trainer.data.people.skin.complexion import Brows
from dinar.trainer.data.people.strokes import Strokes, from_curves, join

_BROW = 1e-3 * np.array([[-17.8, 10.4], [-11, 11.9], [-3, 13.7], [6, 14.9], [14.5, 14.4], [23.0, 10.6]])
_BROW_HALF_WIDTH = 1e-3 * np.array([3.4, 4.4, 4.2, 3.6, 2.6, 0.9])


Stream = np.random.Generator | np.random.RandomState


def hair_stream(seed: int, purpose: int) -> Stream:
    """Chance for the hairs of a person, the same with every version of NumPy.

    Seed 0 is the default avatar, whose hairs were once drawn by NumPy's newer `Generator`.
    """
    if seed == 0:
        return np.random.default_rng(purpose)
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence([seed, purpose])))


def _brow_line(head: Head, brows: Brows) -> np.ndarray:
    """Middle of the left brow from the nose outwards, metres in frontal projection: [6, 2]."""
    line = _BROW.copy()
    line[:, 0] = np.where(line[:, 0] > 0, line[:, 0] * brows.spread, line[:, 0])
    line[0, 0] += brows.gap
    raised = np.interp(line[:, 0], [-0.018, -0.004, 0.012, 0.023], [0.0, 0.35, 1.0, 0.55])
    line[:, 1] += brows.lift + brows.arch * raised
    return head.eye[:2] + line


def brow_tint(head: Head, brows: Brows, q: np.ndarray, *, soft: float = 0.0) -> np.ndarray:
    """Soft shade between the hairs of a brow, which fades over at least `soft` metres."""
    line = _brow_line(head, brows)
    distance = polyline_distance(q[:, :2], smooth_curve(line, 3))
    half = brows.thickness * _BROW_HALF_WIDTH
    width = np.interp(q[:, 0], line[:, 0], half, left=0.002 * brows.thickness, right=0.0004)
    inner = smoothstep(line[0, 0] - 0.002, line[0, 0] + 0.010, q[:, 0])
    fade = np.maximum(0.9 * width, soft)
    return smoothstep(0.8 * width + fade / 2, 0.8 * width - fade / 2, distance) * inner


def brow_strokes(head: Head, brows: Brows, stream: Stream) -> Strokes:
    """Hairs of the left brow in frontal projection (z = 0), mirrored for the right.

    Near the nose they stand up, along the arch they lie outwards; both rows lean to the middle line.
    """
    line = smooth_curve(_brow_line(head, brows), 12)
    count = round(900 * brows.density)
    along = stream.beta(1.25, 1.2, count)
    at = along * (len(line) - 1)
    grid = np.arange(len(line))
    centre = np.stack([np.interp(at, grid, line[:, k]) for k in range(2)], 1)
    tangent = np.stack([np.interp(at, grid, np.gradient(line[:, k])) for k in range(2)], 1)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1)
    across = np.clip(stream.normal(-0.1, 0.5, count), -1.15, 1.15)  # -1 lower rim, 1 upper rim
    half = brows.thickness * _BROW_HALF_WIDTH
    width = np.interp(along, np.linspace(0, 1, len(half)), half)
    root = centre + normal * (across * width)[:, None] - tangent * stream.uniform(0.0, 0.0032, count)[:, None]
    # Angle from the brow's direction: upright near the nose, then lying, rows leaning together.
    angle = np.interp(along, [0, 0.12, 0.35, 0.7, 1], [1.25, 0.85, 0.42, 0.12, 0.0])
    angle = angle - np.interp(along, [0, 0.3, 1], [0.05, 0.40, 0.35]) * across + stream.normal(0, 0.16, count)
    length = np.interp(along, [0, 0.2, 0.7, 1], [0.0048, 0.0068, 0.0064, 0.0042])
    length = length * (0.35 + 0.65 * brows.thickness) * stream.uniform(0.6, 1.05, count)
    bend = -0.35 * np.sign(angle + 1e-9) * stream.uniform(0.3, 1, count)
    t = np.linspace(0, 1, 5)
    heading = angle[:, None] + bend[:, None] * t[:-1]
    ahead, beside = (
        np.cos(heading)[..., None] * tangent[:, None],
        np.sin(heading)[..., None] * normal[:, None],
    )
    step = (length / 4)[:, None, None] * (ahead + beside)
    curve = np.concatenate([root[:, None], root[:, None] + np.cumsum(step, axis=1)], axis=1)
    curve = np.concatenate([curve, np.zeros((count, 5, 1))], axis=2)
    return from_curves(
        curve, stream.uniform(0.00013, 0.00024, count), stream.uniform(-0.45, 0.45, count), tip=0.25
    )


def lash_line(head: Head, q: np.ndarray) -> np.ndarray:
    """Roots of the lashes along the lids; strong above, faint below."""
    upper = upper_lid(head)
    line = smooth_curve((head.lid_rim[upper] + head.lid_edge[upper]) / 2, 3)
    above = np.exp(-((polyline_distance(q, line[6:]) / 0.00075) ** 2))
    lower = np.setdiff1d(np.arange(len(head.lid_rim)), upper)
    below = np.exp(-((polyline_distance(q, smooth_curve(head.lid_rim[lower], 3)) / 0.0005) ** 2))
    return np.clip(above + 0.28 * below, 0, 1)


def lash_strokes(head: Head, lashes: float, stream: Stream) -> Strokes:
    """Lashes of the left eye in frontal projection (z = 0): above long and curved outwards, below short.

    Their length and thickness grow with `lashes`; 1 is a man's.
    """
    upper = upper_lid(head)
    lower = np.setdiff1d(np.arange(len(head.lid_rim)), upper)
    groups = []
    for loop, count, length, sign in ((upper[2:], 90, 0.0042, 1.0), (lower, 40, 0.0020, -1.0)):
        line = smooth_curve(head.lid_rim[loop][:, :2], 8)
        at = stream.uniform(0.08, 0.99, count) * (len(line) - 1)
        root = np.stack([np.interp(at, np.arange(len(line)), line[:, k]) for k in range(2)], 1)
        outward = (root[:, 0] - head.lid_rim[:, 0].mean()) / 0.013  # -1 inner corner, 1 outer
        lean = 0.75 * outward + 0.15 * stream.standard_normal(count)
        long = lashes * length * stream.uniform(0.6, 1.0, count) * (0.75 + 0.35 * outward)
        t = np.linspace(0, 1, 4)[None, :, None]
        side = np.stack([lean, np.zeros(count)], 1)[:, None]
        rise = np.array([0.0, sign])[None, None]
        curve = root[:, None] + long[:, None, None] * (side * t**1.2 + rise * 0.55 * t)
        curve = np.concatenate([curve, np.zeros((count, 4, 1))], axis=2)
        width = np.full(count, (0.5 + 0.5 * lashes) * (0.00017 if sign > 0 else 0.0001))
        groups.append(from_curves(curve, width, np.full(count, -0.6), tip=0.2))
    return join(*groups)


def beard(head: Head, q: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Density of a day or two of beard, in [0, 1]."""
    x, y, mouth, nose = q[:, 0], q[:, 1], head.lip_line[0], head.subnasale
    philtrum = 1 - 0.40 * np.exp(-((x / 0.0035) ** 2)) * (y > mouth[1])
    lip_side = np.array([0.013, head.lip_border[-1, 1] - 0.004, mouth[2]])
    below_lip = 1 - 0.6 * bump(p, lip_side, np.array([0.006, 0.004, 0.02]))
    strong = smoothstep(mouth[1] + 0.012, mouth[1] - 0.02, y)
    strong += bump(p, np.array([0.014, nose[1] - 0.006, nose[2]]), np.array([0.013, 0.007, 0.02]))
    uneven = 0.85 + 0.3 * fbm(p * 90, 2, 51)
    return beard_area(head, q, p) * philtrum * below_lip * np.clip(0.4 + 0.6 * strong, 0, 1) * uneven


def beard_style(head: Head, style: str, q: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Where grown hairs stand, in [0, 1]: "moustache", "goatee", or the whole beard ("short", "long")."""
    wave = noise3(p * [420, 160, 300], 54)[:, None]
    ragged = q + 0.0009 * wave
    ragged[:, 0] = np.abs(ragged[:, 0])
    if style == "moustache":
        return _moustache(head, ragged)
    if style == "goatee":
        return np.maximum(_moustache(head, ragged), _chin_beard(head, ragged))
    return np.maximum(_moustache(head, ragged), _full_beard(head, q + 0.0022 * wave))


def _moustache(head: Head, q: np.ndarray) -> np.ndarray:
    """From below the nose to the corners of the mouth, sparser in the middle."""
    x, y, corner, nose = q[:, 0], q[:, 1], head.lip_line[-1], head.subnasale
    end = corner[0] + 0.006
    rim = head.lip_border[:10]
    lower = np.interp(x, [*rim[:, 0], end], [*rim[:, 1], corner[1] - 0.006]) + 0.0004
    across = [0.0, 0.8 * head.ala[0], 0.6 * head.ala[0] + 0.4 * end, end]
    upper = np.interp(
        x, across, [nose[1] - 0.002, nose[1] - 0.001, 0.35 * corner[1] + 0.65 * nose[1], corner[1] + 0.003]
    )
    grown = smoothstep(-0.0016, 0.0008, y - lower) * smoothstep(-0.0022, 0.0020, upper - y)
    grown *= smoothstep(end + 0.001, end - 0.005, x)
    return grown * (1 - 0.35 * np.exp(-((x / 0.0028) ** 2)))


def _chin_beard(head: Head, q: np.ndarray) -> np.ndarray:
    """Round over the chin, with a patch below the lip, joined to the moustache beside the mouth."""
    x, y, corner = q[:, 0], q[:, 1], head.lip_line[-1]
    lip, chin = head.lip_border[-1], head.chin
    middle = (0.35 * lip[1] + 0.65 * chin[1]) - 0.003
    tall = max(lip[1] - 0.007 - middle, 0.008)
    away = (
        (x / (0.9 * corner[0])) ** 2.5 + (np.abs(y - middle) / (tall + 0.010 * (y < middle))) ** 2.5
    ) ** 0.4
    patch = smoothstep(0.0065, 0.0035, x) * smoothstep(lip[1] - 0.0005, lip[1] - 0.003, y) * (y > middle)
    line = np.array(
        [
            [corner[0] + 0.003, corner[1] + 0.001],
            [corner[0] + 0.003, lip[1] - 0.002],
            [0.8 * corner[0], middle + 0.3 * tall],
        ]
    )
    beside = smoothstep(0.0055, 0.0025, polyline_distance(q[:, :2], smooth_curve(line, 4)))
    grown = np.maximum(np.maximum(smoothstep(1.1, 0.85, away), patch), beside)
    return grown * smoothstep(chin[2] - 0.026, chin[2] - 0.014, q[:, 2])


def _full_beard(head: Head, q: np.ndarray) -> np.ndarray:
    """Cheeks below a line from the sideburns to the mouth, jaw, chin and the upper throat."""
    x, y, z = q.T
    corner, chin, nose = head.lip_line[-1], head.chin, head.subnasale
    back = (corner[2] - z) / (corner[2] - head.ear[2])  # 0 beside the mouth, 1 at the ear
    stops = [-0.1, 0.10, 0.40, 0.60, 0.72, 0.80]
    heights = [
        corner[1] + 0.004,
        corner[1] + 0.008,
        corner[1] + 0.008,
        nose[1],
        head.ear[1],
        head.eye[1] + 0.01,
    ]
    limit = np.interp(back, stops, heights)
    limit = np.where(x < corner[0] - 0.003, np.minimum(limit, corner[1]), limit)
    grown = smoothstep(-0.004, 0.005, limit - y)
    grown *= smoothstep(head.ear[2] + 0.010, head.ear[2] + 0.018, z)
    grown *= smoothstep(chin[1] - 0.036, chin[1] - 0.016, y + 0.25 * (z - chin[2]))
    lip = head.lip_border[-1]
    return grown * (1 - 0.5 * np.exp(-(((x - 0.012) / 0.005) ** 2) - ((y - lip[1] + 0.003) / 0.003) ** 2))


def beard_area(head: Head, q: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Skin of the face and throat on which a man's beard grows, in [0, 1]."""
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
    return area


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


def hairline_strokes(head: Head, faces: np.ndarray, vertices: np.ndarray, stream: Stream) -> Strokes:
    """Hairs on the skin along the whole hairline and over the short sides, rooted at random."""
    corner = vertices[faces]
    near = (corner[:, :, 1].min(1) > head.chin[1] - 0.02) & (head.ear_share[faces].max(1) == 0)
    near &= head.mouth_share[faces].max(1) == 0
    near &= ~head.eyeball_faces
    near[near] = hairline_distance(head, corner[near].mean(1)) > -0.02
    corner = corner[near]
    cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = np.linalg.norm(cross, axis=1) / 2
    chosen = stream.choice(len(corner), 34000, p=area / area.sum())
    b = stream.dirichlet(np.ones(3), len(chosen))
    root = (corner[chosen] * b[..., None]).sum(1)
    normal = cross[chosen] / (2 * area[chosen, None])
    inside = hairline_distance(head, root)
    keep = stream.uniform(size=len(root)) < smoothstep(-0.004, 0.007, inside) * smoothstep(
        0.085, 0.060, inside
    )
    root, normal, inside = root[keep], normal[keep], inside[keep]
    front = azimuth(head, root) < 0.85
    flow = hair_flow(head, root, normal)
    side = np.cross(normal, flow)
    heading = stream.normal(0, 1, len(root)) * np.where(front, 0.34, 0.22)
    length = (
        np.where(front, 0.0125, 0.0045)
        * stream.uniform(0.5, 1.1, len(root))
        * smoothstep(-0.006, 0.004, inside)
    )
    t = np.linspace(0, 1, 4)
    curl = heading[:, None] + stream.normal(0, 0.35, len(root))[:, None] * t[:-1]
    step = (length / 3)[:, None, None] * (
        np.cos(curl)[..., None] * flow[:, None] + np.sin(curl)[..., None] * side[:, None]
    )
    curve = np.concatenate([root[:, None], root[:, None] + np.cumsum(step, axis=1)], axis=1)
    width = stream.uniform(0.00010, 0.0002, len(root)) * np.where(front, 1.35, 1.0)
    tone = np.where(front, stream.uniform(-0.4, 0.25, len(root)), stream.uniform(-0.35, 0.35, len(root)))
    return from_curves(curve, width, tone, tip=0.25)
