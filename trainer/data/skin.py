"""The skin, lips, brows, eyes and nails of the default avatar, as functions of points on the open body.

Colour is pigment, not light: an even base tone from which blood and melanin take their share of each channel,
so that a blush, a mole and a tanned forehead stay in the family of skin colours. Landmarks place everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dinar.runtime.body import Body
from dinar.trainer.data.bake import decode_srgb
from dinar.trainer.data.hands import Hands, find_hands
from dinar.trainer.data.head import (
    Head,
    azimuth,
    combing,
    find_head,
    hair_flow,
    hairline_distance,
    polyline_distance,
    signed_distance,
    smooth_curve,
    smoothstep,
)
from dinar.trainer.data.noise import cells3, fbm, fbm_gradient, noise3
from dinar.trainer.data.part import Paint, SurfacePoints
from dinar.trainer.data.strokes import Strokes, from_curves, join

BETAS = (1.12, -0.1, -2.39, -0.15, -0.33, 0.2, -0.12, -2.68, -0.19, -2.51)
"""Shape of the default avatar on the open body: an athletic man in his late twenties, 1.79 m."""

BASE = decode_srgb("#c09373")
HAIR = decode_srgb("#2b1f18")
HAIR_TIP = decode_srgb("#5d412d")

# What one unit of pigment takes from red, green and blue (optical density).
BLOOD = np.array([0.10, 0.60, 0.52])
MELANIN = np.array([0.55, 0.95, 1.25])
LIP = np.array([0.22, 0.56, 0.40])  # of lips relative to the skin around them


def paint_skin(body: Body, vertices: np.ndarray) -> SkinPainter:
    """Return the painter of the whole body mesh.

    Args:
        body: the open body.
        vertices: [V, 3], metres, its T-pose in the avatar's shape.
    """
    head = find_head(body, vertices)
    return SkinPainter(
        faces=body.faces,
        head=head,
        hands=find_hands(body, vertices),
        brows=_brow_strokes(head),
        lashes=_lash_strokes(head),
        hairline=hairline_strokes(head, body.faces, vertices),
    )


@dataclass(frozen=True)
class SkinPainter:
    """Paints points of the body mesh; see `paint_skin`."""

    faces: np.ndarray
    head: Head
    hands: Hands
    brows: Strokes
    lashes: Strokes
    hairline: Strokes

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint the points."""
        count = len(points.position)
        paint = Paint(np.zeros((count, 3)), points.normal.copy(), np.ones(count))
        eyes = self.head.eyeball_faces[points.face]
        at_head = (
            ~eyes
            & (points.position[:, 1] > self.head.chin[1] - 0.08)
            & (np.abs(points.position[:, 0]) < 0.14)
        )
        for chosen, painter in (
            (eyes, self._eyes),
            (at_head, self._head_skin),
            (~eyes & ~at_head, self._body_skin),
        ):
            if chosen.any():
                part = painter(_select(points, chosen))
                paint.albedo[chosen], paint.normal[chosen] = part.albedo, part.normal
                paint.cavity[chosen] = part.cavity
        return paint

    # --- Body -------------------------------------------------------------------------------------

    def _body_skin(self, points: SurfacePoints) -> Paint:
        blood, melanin = _mottle(points.position)
        more_blood, more_melanin, nail, crease = self.hands.pigments(points, self.faces)
        blood, melanin = blood + more_blood + 0.15 * crease, melanin + more_melanin + 0.25 * crease
        albedo = _blend(_skin(blood, melanin), 1.12 * _skin(0.3 * blood + 0.35, 0.3 * melanin - 0.25), nail)
        return Paint(np.clip(albedo, 0, 1), _pores(points, 1 - nail), 1 - 0.25 * crease)

    # --- Head -------------------------------------------------------------------------------------

    def _head_skin(self, points: SurfacePoints) -> Paint:
        """Skin, then what lies on it: lips, stubble, hair, brows, lids."""
        head, p = self.head, points.position
        q = np.concatenate([np.abs(p[:, :1]), p[:, 1:]], axis=1)  # both halves on the person's left
        front = smoothstep(-0.2, 0.35, points.normal[:, 2])
        at_eyes = _box(q, head.eye + np.array([0, 0.004, 0.012]), 0.030)
        at_mouth = _box(q, head.lip_line[0] + np.array([0.012, 0, 0]), 0.026)
        at_brows = (np.abs(q - head.eye - [0, 0.012, 0]) < [0.032, 0.022, 0.05]).all(1)
        at_face = p[:, 2] > head.ear[2] + 0.008
        blood, melanin = _mottle(p)
        blood += _flush(head, p) + 0.45 * self._share(head.ear_share, points)
        melanin += _tan(head, p) + front * _where(at_face, lambda k: _freckles(head, p[k]))
        lips, moist = _where2(at_mouth, lambda k: _lips(head, q[k], p[k]))
        rim, fold, bag = (_where(at_eyes, f) for f in _lids(head, q))
        blood += 0.35 * rim + 0.12 * bag
        melanin += 0.10 * front * _where(at_face, lambda k: _smile_fold(head, q[k]))
        melanin += 0.30 * fold + 0.22 * rim + 0.15 * bag
        albedo = _skin(blood, melanin) * np.exp(-lips[:, None] * LIP)
        albedo += 0.030 * (_sheen(head, p) + 0.9 * moist)[:, None] * front[:, None]
        beard = _where(at_face, lambda k: _beard(head, q[k], p[k])) * (1 - np.clip(lips, 0, 1))
        albedo = _stubble(p, albedo, beard)
        albedo = self._scalp_hair(points, albedo)
        flat = q * [1, 1, 0]
        albedo = _blend(albedo, 1.2 * HAIR, 0.40 * front * _where(at_brows, lambda k: _brow_tint(head, q[k])))
        cover, tone = _where2(at_brows, lambda k: self.brows(flat[k], soft=0.00028))
        albedo = _blend(albedo, _hair_colour(tone), 0.95 * cover * front)
        cover, tone = _where2(at_eyes, lambda k: self.lashes(flat[k], soft=0.0003))
        albedo = _blend(albedo, _hair_colour(tone), 0.85 * cover * front)
        dark = front * _where(at_eyes, lambda k: _lash_line(head, q[k]))
        albedo = _blend(albedo, np.array([0.012, 0.008, 0.007]), 0.85 * dark)
        inside = self._share(head.mouth_share, points)
        line = front * _where(at_mouth, lambda k: _lip_line(head, q[k]))
        albedo = _blend(albedo, np.array([0.060, 0.016, 0.014]), np.maximum(0.75 * inside, 0.66 * line))
        cavity = (1 - 0.2 * inside) * (1 - 0.75 * _nostrils(head, points))
        return Paint(np.clip(albedo, 0, 1), _pores(points, 1 - 0.4 * np.clip(lips, 0, 1)), cavity)

    def _share(self, per_vertex: np.ndarray, points: SurfacePoints) -> np.ndarray:
        return (per_vertex[self.faces[points.face]] * points.barycentric).sum(1)

    def _scalp_hair(self, points: SurfacePoints, albedo: np.ndarray) -> np.ndarray:
        """Roots and short hair painted on the scalp; fades into skin along the hairline."""
        p = points.position
        off_ear = 1 - self._share(self.head.ear_share, points)
        above = p[:, 1] > self.head.chin[1]
        density = off_ear * _where(above, lambda k: hair_density(self.head, p[k]))
        grain = noise3(p * [2100, 420, 1300], 71)
        albedo = _blend(albedo, 1.15 * HAIR, np.clip(0.9 * density * (1.0 + 0.25 * grain), 0, 1))
        cover, tone = _where2(above, lambda k: self.hairline(p[k], soft=0.0003))
        return _blend(albedo, _hair_colour(tone), 0.85 * cover * off_ear)

    # --- Eyes -------------------------------------------------------------------------------------

    def _eyes(self, points: SurfacePoints) -> Paint:
        """Sclera, iris, pupil and a catch-light, by the angle from the line of sight."""
        head, p = self.head, points.position
        side = np.where(p[:, 0] > 0, 1.0, -1.0)
        mirrored = p * np.stack([side, np.ones_like(side), np.ones_like(side)], axis=1)
        ray = mirrored - head.eye
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        right, up, ahead = gaze_frame(head)
        x, y = ray @ right * head.eye_radius, ray @ up * head.eye_radius  # metres on the eye, x outwards
        x_world = x * side  # towards the person's left on both eyes
        radius = np.where(ray @ ahead > 0, np.hypot(x, y), head.eye_radius)
        albedo = _blend(
            _sclera(mirrored, x, p), _iris(radius, np.arctan2(y, x_world), side), _iris_share(radius)
        )
        # Shade that the upper lid and its lashes cast, and the wet rim of the lower lid.
        upper = head.lid_edge[_upper(head)]
        order = np.argsort(upper[:, 0])
        lid = np.interp(mirrored[:, 0], upper[order, 0], upper[order, 1])
        shade = 1 - 0.62 * smoothstep(-0.0042, 0.0002, mirrored[:, 1] - lid)
        corners = smoothstep(0.0080, 0.0135, np.abs(mirrored[:, 0] - head.lid_rim[:, 0].mean()))
        albedo = albedo * (shade * (1 - 0.35 * corners))[:, None]
        for dx, dy, size, strength in ((-0.0019, 0.0012, 0.00085, 0.85), (0.0018, -0.0020, 0.0006, 0.16)):
            spot = np.exp(-((((x_world - dx) ** 2 + (y - dy) ** 2) / size**2) ** 2))
            albedo = _blend(albedo, np.array([0.95, 0.97, 1.0]), strength * spot)
        normal = ray * np.stack([side, np.ones_like(side), np.ones_like(side)], axis=1)
        return Paint(np.clip(albedo, 0, 1), normal, np.ones(len(p)))


def _select(points: SurfacePoints, chosen: np.ndarray) -> SurfacePoints:
    return SurfacePoints(
        points.position[chosen], points.normal[chosen], points.face[chosen], points.barycentric[chosen]
    )


def _box(q: np.ndarray, centre: np.ndarray, reach: float) -> np.ndarray:
    """Which points [M, 3] lie in a cube: bool [M]."""
    return (np.abs(q - centre) < reach).all(1)


def _where(chosen: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Evaluate a function of indices only where `chosen` [M]; 0 elsewhere."""
    return _where2(chosen, lambda k: (function(k), np.zeros(len(k))))[0]


def _where2(
    chosen: np.ndarray, function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """The same for a function that returns two arrays."""
    first, second = np.zeros(len(chosen)), np.zeros(len(chosen))
    index = np.nonzero(chosen)[0]
    if len(index):
        first[index], second[index] = function(index)
    return first, second


def _blend(below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    return below + (above - below) * share[:, None]


def _skin(blood: np.ndarray, melanin: np.ndarray) -> np.ndarray:
    """Pigments [M] relative to the base tone => linear RGB [M, 3]."""
    return BASE * np.exp(-(blood[:, None] * BLOOD + melanin[:, None] * MELANIN))


def _bump(p: np.ndarray, centre: np.ndarray, size: float | np.ndarray) -> np.ndarray:
    """Gaussian around a point and its mirror image; `size` in metres, one or per axis."""
    q = np.concatenate([np.abs(p[:, :1]), p[:, 1:]], axis=1)
    return np.exp(-0.5 * (((q - centre) / size) ** 2).sum(1))


# --- Skin -----------------------------------------------------------------------------------------


def _mottle(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unevenness of blood and melanin everywhere on the skin."""
    blood = 0.16 * fbm(p * 45, 3, 11) + 0.14 * fbm(p * 260, 3, 12)
    melanin = 0.07 * fbm(p * 30, 3, 13) + 0.075 * fbm(p * 420, 3, 14) + 0.03 * noise3(p * 2100, 15)
    return blood, melanin


def _flush(head: Head, p: np.ndarray) -> np.ndarray:
    """Blood near the surface: cheeks, nose, chin, lids."""
    cheek = np.array([head.eye[0] + 0.012, head.nose_tip[1] + 0.004, head.nose_tip[2] - 0.035])
    blotch = 1 + 0.5 * fbm(p * 140, 2, 21)
    return blotch * (
        0.34 * _bump(p, cheek, np.array([0.019, 0.014, 0.03]))
        + 0.38 * _bump(p, head.nose_tip, 0.0115)
        + 0.34 * _bump(p, head.ala, 0.0075)
        + 0.14 * _bump(p, head.chin + np.array([0, 0.012, 0]), 0.014)
        + 0.10 * _bump(p, head.glabella, np.array([0.012, 0.01, 0.02]))
        + 0.20 * _bump(p, head.lid_rim[21], 0.006)
    )


def _tan(head: Head, p: np.ndarray) -> np.ndarray:
    """Melanin: a touch more on forehead and eye sockets, less below the jaw."""
    forehead = head.glabella + np.array([0, 0.035, -0.005])
    socket = head.lid_crease.mean(0) + np.array([0.0, 0.003, 0.0])
    throat = np.array([0.0, head.chin[1] - 0.03, head.chin[2] - 0.04])
    return (
        0.07 * _bump(p, forehead, np.array([0.05, 0.02, 0.05]))
        + 0.10 * _bump(p, socket, np.array([0.016, 0.006, 0.02]))
        - 0.06 * _bump(p, throat, 0.04)
    )


def _freckles(head: Head, p: np.ndarray) -> np.ndarray:
    """Faint freckles across the nose and cheeks, and a few moles."""
    distance, chance = cells3(p * 330, 31)
    where = _bump(p, np.array([head.eye[0] * 0.8, head.nose_tip[1] + 0.012, head.nose_tip[2] - 0.02]), 0.022)
    freckle = (chance < 0.22) * smoothstep(0.40, 0.10, distance) * where * 0.13
    mole_distance, mole_chance = cells3(p * 38, 33)
    mole = (mole_chance < 0.10) * smoothstep(0.036, 0.018, mole_distance) * 0.55
    return freckle + mole


def _pores(points: SurfacePoints, strength: float | np.ndarray) -> np.ndarray:
    """Normals of skin: pores and fine lines."""
    p = points.position
    slope = 0.00006 * 900 * fbm_gradient(p * 900, 2, 41) + 0.00010 * 250 * fbm_gradient(p * 250, 2, 42)
    slope -= points.normal * (slope * points.normal).sum(1, keepdims=True)
    normal = points.normal - np.reshape(strength, (-1, 1)) * slope
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _sheen(head: Head, p: np.ndarray) -> np.ndarray:
    """Where skin is oily and looks lighter in any light: bridge and tip of the nose, brow, cheekbones."""
    bridge = (head.nasion + head.nose_tip) / 2
    cheekbone = np.array([head.eye[0] + 0.016, head.eye[1] - 0.022, head.eye[2] + 0.008])
    return (
        0.9 * _bump(p, bridge + np.array([0, 0, 0.003]), np.array([0.0035, 0.018, 0.02]))
        + 0.9 * _bump(p, head.nose_tip + np.array([0, 0.004, 0]), np.array([0.005, 0.005, 0.01]))
        + 0.7 * _bump(p, head.glabella + np.array([0.018, 0.028, 0]), np.array([0.022, 0.012, 0.02]))
        + 0.8 * _bump(p, cheekbone, np.array([0.012, 0.007, 0.02]))
    )


def _beard(head: Head, q: np.ndarray, p: np.ndarray) -> np.ndarray:
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
    below_lip = 1 - 0.6 * _bump(p, lip_side, np.array([0.006, 0.004, 0.02]))
    strong = smoothstep(mouth[1] + 0.012, mouth[1] - 0.02, y)
    strong += _bump(p, np.array([0.014, nose[1] - 0.006, nose[2]]), np.array([0.013, 0.007, 0.02]))
    return area * philtrum * below_lip * np.clip(0.4 + 0.6 * strong, 0, 1) * (0.85 + 0.3 * fbm(p * 90, 2, 51))


def _stubble(p: np.ndarray, albedo: np.ndarray, beard: np.ndarray) -> np.ndarray:
    """Darker, cooler skin with fine dots where hairs leave it."""
    distance, chance = _where2(beard > 0.01, lambda k: cells3(p[k] * 1250, 52))
    dots = smoothstep(0.55, 0.25, distance) * (0.35 + 0.65 * chance)
    shaded = albedo * (1 - beard[:, None] * 0.62 * (1 - np.array([0.66, 0.69, 0.74])))
    return _blend(shaded, 1.3 * HAIR, 0.36 * beard * dots)


# --- Mouth, nose ----------------------------------------------------------------------------------


def _lips(head: Head, q: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of lip colour, and where the lower lip is moist."""
    half = smooth_curve(head.lip_border[:, :2], 4)
    outline = np.concatenate([half, half[-2:0:-1] * [-1, 1]])
    inside = signed_distance(q[:, :2], outline)
    ragged = inside + 0.0004 * fbm(p * 700, 2, 61) - 0.0009 * (q[:, 1] > head.lip_line[0, 1])
    near = smoothstep(-0.012, -0.004, p[:, 2] - head.lip_line[-1, 2])
    share = smoothstep(-0.0006, 0.0030, ragged) * near
    groove = noise3(np.stack([p[:, 0] * 900, p[:, 1] * 120, p[:, 2] * 120], 1), 62)
    middle = (head.lip_line[0, 1] + head.lip_border[-1, 1]) / 2
    moist = np.exp(-(((q[:, 1] - middle) / 0.0022) ** 2 + ((q[:, 0] - 0.004) / 0.009) ** 2)) * share
    return share * (1 + 0.22 * groove), moist


def _smile_fold(head: Head, q: np.ndarray) -> np.ndarray:
    """The fold from the nostril's wing past the corner of the mouth."""
    corner = head.lip_line[-1]
    beside = np.array([[0.003, 0.004], [0.009, -0.006], [0.009, 0.006], [0.010, -0.003]])
    line = np.stack([head.ala[:2], head.ala[:2], corner[:2], corner[:2]]) + beside
    return np.exp(-((polyline_distance(q[:, :2], smooth_curve(line, 4)) / 0.0030) ** 2))


def _lip_line(head: Head, q: np.ndarray) -> np.ndarray:
    """The dark line where the lips meet; thins out at the corners."""
    distance = polyline_distance(q, smooth_curve(head.lip_line, 3))
    end = smoothstep(head.lip_line[-1, 0] + 0.003, head.lip_line[-1, 0] - 0.006, q[:, 0])
    return np.exp(-((distance / (0.0006 + 0.0007 * end)) ** 2)) * (0.55 + 0.45 * end)


def _nostrils(head: Head, points: SurfacePoints) -> np.ndarray:
    p = points.position
    centre = np.array([head.ala[0] * 0.52, head.ala[1] - 0.001, head.nose_tip[2] - 0.012])
    return np.clip(1.5 * _bump(p, centre, np.array([0.0034, 0.0035, 0.006])), 0, 1) * smoothstep(
        0.35, -0.45, points.normal[:, 1]
    )


# --- Lids, lashes, brows --------------------------------------------------------------------------


def _upper(head: Head) -> np.ndarray:
    """Indices of the lid loops' upper half, inner to outer corner."""
    x = head.lid_rim[:, 0]
    inner, outer = int(x.argmin()), int(x.argmax())
    return np.concatenate([np.arange(inner, len(x)), np.arange(0, outer + 1)])


def _lids(head: Head, q: np.ndarray) -> tuple[Callable[[np.ndarray], np.ndarray], ...]:
    """Shares of the pink rim, the upper lid's fold and the shadow under the eye, as functions of indices."""
    edge, crease = smooth_curve(head.lid_edge, 2, closed=True), smooth_curve(head.lid_crease, 3)
    lower, middle = head.lid_rim[:, 1].min(), head.lid_rim[:, 0].mean()

    def rim(k: np.ndarray) -> np.ndarray:
        return np.exp(-((polyline_distance(q[k], edge, closed=True) / 0.0017) ** 2))

    def fold(k: np.ndarray) -> np.ndarray:
        return np.exp(-((polyline_distance(q[k], crease) / 0.0021) ** 2))

    def bag(k: np.ndarray) -> np.ndarray:
        x, y = (q[k, 0] - middle + 0.003) / 0.014, (q[k, 1] - lower + 0.0065) / 0.0045
        return np.exp(-(x**2 + y**2))

    return rim, fold, bag


def _lash_line(head: Head, q: np.ndarray) -> np.ndarray:
    """Roots of the lashes along the lids; strong above, faint below."""
    upper = _upper(head)
    line = smooth_curve((head.lid_rim[upper] + head.lid_edge[upper]) / 2, 3)
    above = np.exp(-((polyline_distance(q, line[6:]) / 0.00075) ** 2))
    lower = np.setdiff1d(np.arange(len(head.lid_rim)), upper)
    below = np.exp(-((polyline_distance(q, smooth_curve(head.lid_rim[lower], 3)) / 0.0005) ** 2))
    return np.clip(above + 0.28 * below, 0, 1)


def _lash_strokes(head: Head) -> Strokes:
    """Lashes of the left eye in frontal projection (z = 0): above long and curved outwards, below short."""
    rng = np.random.default_rng(7)
    upper = _upper(head)
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


_BROW = 1e-3 * np.array([[-17.8, 10.4], [-11, 11.9], [-3, 13.7], [6, 14.9], [14.5, 14.4], [23.0, 10.6]])
_BROW_HALF_WIDTH = 1e-3 * np.array([3.4, 4.4, 4.2, 3.6, 2.6, 0.9])


def _brow_tint(head: Head, q: np.ndarray) -> np.ndarray:
    """Soft shade between the hairs of a brow."""
    line = head.eye[:2] + _BROW
    distance = polyline_distance(q[:, :2], smooth_curve(line, 3))
    width = np.interp(q[:, 0], line[:, 0], _BROW_HALF_WIDTH, left=0.002, right=0.0004)
    inner = smoothstep(line[0, 0] - 0.002, line[0, 0] + 0.010, q[:, 0])
    return smoothstep(1.25, 0.35, distance / np.maximum(width, 1e-4)) * inner


def _brow_strokes(head: Head) -> Strokes:
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


# --- Hair on the scalp ----------------------------------------------------------------------------


def _hair_colour(tone: np.ndarray) -> np.ndarray:
    """Linear RGB [M, 3] of hairs: tone 0 is the hair's mean, 1 a sunlit tip, below 0 darker."""
    light = np.clip(tone, 0, 1)[:, None]
    return (HAIR + (HAIR_TIP - HAIR) * light) * np.clip(1 + tone, 0.3, 1)[:, None]


def hair_density(head: Head, p: np.ndarray) -> np.ndarray:
    """Share of the scalp that is covered, [M]: sharp at the temples, fading at sideburns and nape."""
    along, across = combing(head, p).T
    streaks = noise3(np.stack([along * 130, across * 1500, np.zeros(len(p))], 1), 82)
    inside = hairline_distance(head, p) + 0.0024 * fbm(p * 120, 3, 81) + 0.0030 * streaks
    angle = azimuth(head, p)
    fade = np.interp(
        angle, [0.0, 0.75, 1.0, 1.35, 1.8, 2.2, np.pi], [0.012, 0.012, 0.012, 0.008, 0.008, 0.020, 0.030]
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
    tone = np.where(front, rng.uniform(-0.4, 0.25, len(root)), rng.uniform(-0.3, 0.8, len(root)))
    return from_curves(curve, width, tone, tip=0.25)


# --- Eyes -----------------------------------------------------------------------------------------

IRIS_RADIUS = 0.00565
PUPIL_RADIUS = 0.0021


def gaze_frame(head: Head) -> np.ndarray:
    """Axes (outwards, up, ahead) of the left eye's line of sight, rows of [3, 3].

    The eye looks at the middle of its lids' opening or a little above, so that each lid covers some iris:
    seen from ahead the eyes are at rest, neither wide open nor asleep.
    """
    opening = head.lid_edge[_upper(head)][:, 1].max(), head.lid_edge[:, 1].min()
    middle = 0.56 * opening[0] + 0.44 * opening[1]
    down = np.arcsin((middle - head.eye[1]) / head.eye_radius)
    ahead = np.array([np.sin(0.035), np.sin(down), 0.0])
    ahead[2] = np.sqrt(1 - ahead @ ahead)
    right = np.cross([0.0, 1.0, 0.0], ahead)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(ahead, right), ahead])


def _iris_share(radius: np.ndarray) -> np.ndarray:
    return smoothstep(IRIS_RADIUS + 0.00035, IRIS_RADIUS - 0.00025, radius)


def _iris(radius: np.ndarray, azimuth: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Brown iris: radial fibres, a lighter collar round the pupil, a dark ring at the rim."""
    r = radius / IRIS_RADIUS
    circle = np.stack([np.cos(azimuth), np.sin(azimuth)], 1)
    fibre = noise3(np.concatenate([circle * 9, (r * 1.5 + side * 10)[:, None]], 1), 91)
    fine = noise3(np.concatenate([circle * 20, (r * 1.2 + side * 10)[:, None]], 1), 92)
    inner, outer = decode_srgb("#69411f"), decode_srgb("#3d2413")
    colour = inner + (outer - inner) * smoothstep(0.45, 0.85, r + 0.12 * fibre)[:, None]
    colour = colour * (1 + 0.38 * fibre + 0.22 * fine)[:, None]
    colour = colour * (1 - 0.72 * smoothstep(0.80, 1.0, r))[:, None]
    # Light that entered above leaves the iris below: a soft crescent.
    colour = colour * (1 + 0.55 * smoothstep(0.1, -0.8, np.sin(azimuth) * r))[:, None]
    pupil = smoothstep(PUPIL_RADIUS + 0.00025, PUPIL_RADIUS - 0.0002, radius + 0.00008 * fibre)
    return _blend(colour, np.array([0.006, 0.005, 0.005]), pupil)


def _sclera(mirrored: np.ndarray, x: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Off-white, pinker towards the corners, with a few faint vessels."""
    white = np.array([0.55, 0.505, 0.47])
    corner = smoothstep(0.006, 0.0125, np.abs(x))
    vessel = smoothstep(0.80, 0.97, 1 - np.abs(fbm(p * [500, 1400, 500], 3, 95)) * 2.2)
    blood = 0.30 * corner + 0.35 * corner * vessel + 0.05 * noise3(mirrored * 400, 96)
    return white * np.exp(-blood[:, None] * BLOOD)
