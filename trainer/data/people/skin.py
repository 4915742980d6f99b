"""The skin, lips, brows, eyes and nails of the default avatar, as functions of points on the open body.

Colour is pigment, not light: an even base tone from which blood and melanin take their share of each channel,
so that a blush, a mole and a tanned forehead stay in the family of skin colours. Landmarks place everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from dinar.runtime.body import Body
from dinar.trainer.data.people.eyes import paint_eyes
from dinar.trainer.data.people.face_hair import (
    beard,
    brow_strokes,
    brow_tint,
    hair_density,
    hairline_strokes,
    lash_line,
    lash_strokes,
)
from dinar.trainer.data.people.hands import Hands, find_hands
from dinar.trainer.data.people.head import (
    Head,
    bump,
    find_head,
    polyline_distance,
    signed_distance,
    smooth_curve,
    smoothstep,
)
from dinar.trainer.data.people.noise import cells3, fbm, fbm_gradient, noise3
from dinar.trainer.data.people.part import Paint, SurfacePoints
from dinar.trainer.data.people.pigment import HAIR, LIP, blend, hair_colour, skin_colour
from dinar.trainer.data.people.strokes import Strokes

BETAS = (1.12, -0.1, -2.39, -0.15, -0.33, 0.2, -0.12, -2.68, -0.19, -2.51)
"""Shape of the default avatar on the open body: an athletic man in his late twenties, 1.79 m."""


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
        brows=brow_strokes(head),
        lashes=lash_strokes(head),
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
            (eyes, partial(paint_eyes, self.head)),
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
        albedo = blend(
            skin_colour(blood, melanin), 1.12 * skin_colour(0.3 * blood + 0.35, 0.3 * melanin - 0.25), nail
        )
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
        melanin += 0.06 * front * _where(at_face, lambda k: _smile_fold(head, q[k]))
        melanin += 0.30 * fold + 0.22 * rim + 0.15 * bag
        albedo = skin_colour(blood, melanin) * np.exp(-lips[:, None] * LIP)
        albedo += 0.055 * (_sheen(head, p) + 0.9 * moist)[:, None] * front[:, None]
        stubble = _where(at_face, lambda k: beard(head, q[k], p[k])) * (1 - np.clip(lips, 0, 1))
        albedo = _stubble(p, albedo, stubble)
        albedo = self._scalp_hair(points, albedo)
        flat = q * [1, 1, 0]
        albedo = blend(albedo, 1.2 * HAIR, 0.40 * front * _where(at_brows, lambda k: brow_tint(head, q[k])))
        cover, tone = _where2(at_brows, lambda k: self.brows(flat[k], soft=0.00028))
        albedo = blend(albedo, hair_colour(tone), 0.95 * cover * front)
        cover, tone = _where2(at_eyes, lambda k: self.lashes(flat[k], soft=0.0003))
        albedo = blend(albedo, hair_colour(tone), 0.85 * cover * front)
        dark = front * _where(at_eyes, lambda k: lash_line(head, q[k]))
        albedo = blend(albedo, np.array([0.012, 0.008, 0.007]), 0.85 * dark)
        inside = self._share(head.mouth_share, points)
        line = front * _where(at_mouth, lambda k: _lip_line(head, q[k]))
        albedo = blend(albedo, np.array([0.060, 0.016, 0.014]), 0.5 * line)
        albedo = blend(albedo, np.array([0.28, 0.085, 0.075]), inside)
        cavity = 1 - 0.75 * _nostrils(head, points)
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
        albedo = blend(albedo, 1.15 * HAIR, np.clip(0.9 * density * (1.0 + 0.25 * grain), 0, 1))
        cover, tone = _where2(above, lambda k: self.hairline(p[k], soft=0.0003))
        return blend(albedo, hair_colour(tone), 0.85 * cover * off_ear)


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


# --- Skin -----------------------------------------------------------------------------------------


def _mottle(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unevenness of blood and melanin everywhere on the skin."""
    blood = 0.16 * fbm(p * 45, 3, 11) + 0.18 * fbm(p * 260, 3, 12)
    melanin = 0.07 * fbm(p * 30, 3, 13) + 0.10 * fbm(p * 420, 3, 14) + 0.035 * noise3(p * 1900, 15)
    return blood, melanin


def _flush(head: Head, p: np.ndarray) -> np.ndarray:
    """Blood near the surface: cheeks, nose, chin, lids."""
    cheek = np.array([head.eye[0] + 0.015, head.nose_tip[1] + 0.008, head.nose_tip[2] - 0.035])
    blotch = 1 + 0.5 * fbm(p * 140, 2, 21)
    return blotch * (
        0.30 * bump(p, cheek, np.array([0.018, 0.013, 0.03]))
        + 0.38 * bump(p, head.nose_tip, 0.0115)
        + 0.20 * bump(p, head.ala, 0.0065)
        + 0.14 * bump(p, head.chin + np.array([0, 0.012, 0]), 0.014)
        + 0.10 * bump(p, head.glabella, np.array([0.012, 0.01, 0.02]))
        + 0.20 * bump(p, head.lid_rim[21], 0.006)
    )


def _tan(head: Head, p: np.ndarray) -> np.ndarray:
    """Melanin: a touch more on forehead and eye sockets, less below the jaw."""
    forehead = head.glabella + np.array([0, 0.035, -0.005])
    socket = head.lid_crease.mean(0) + np.array([0.0, 0.003, 0.0])
    throat = np.array([0.0, head.chin[1] - 0.03, head.chin[2] - 0.04])
    return (
        0.07 * bump(p, forehead, np.array([0.05, 0.02, 0.05]))
        + 0.10 * bump(p, socket, np.array([0.016, 0.006, 0.02]))
        - 0.06 * bump(p, throat, 0.022)
    )


def _freckles(head: Head, p: np.ndarray) -> np.ndarray:
    """Faint freckles across the nose and cheeks, and a few moles."""
    distance, chance = cells3(p * 330, 31)
    where = bump(p, np.array([head.eye[0] * 0.8, head.nose_tip[1] + 0.012, head.nose_tip[2] - 0.02]), 0.022)
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
        0.9 * bump(p, bridge + np.array([0, 0, 0.003]), np.array([0.0035, 0.018, 0.02]))
        + 0.9 * bump(p, head.nose_tip + np.array([0, 0.004, 0]), np.array([0.005, 0.005, 0.01]))
        + 0.7 * bump(p, head.glabella + np.array([0.018, 0.028, 0]), np.array([0.022, 0.012, 0.02]))
        + 0.8 * bump(p, cheekbone, np.array([0.012, 0.007, 0.02]))
    )


def _stubble(p: np.ndarray, albedo: np.ndarray, beard: np.ndarray) -> np.ndarray:
    """Darker, cooler skin with fine dots where hairs leave it."""
    distance, chance = _where2(beard > 0.01, lambda k: cells3(p[k] * 1250, 52))
    dots = smoothstep(0.55, 0.25, distance) * (0.35 + 0.65 * chance)
    shaded = albedo * (1 - beard[:, None] * 0.62 * (1 - np.array([0.66, 0.69, 0.74])))
    return blend(shaded, 1.3 * HAIR, 0.36 * beard * dots)


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
    return np.clip(1.5 * bump(p, centre, np.array([0.0034, 0.0035, 0.006])), 0, 1) * smoothstep(
        0.35, -0.45, points.normal[:, 1]
    )


# --- Lids --------------------------------------------------------------------------


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


# --- Eyes -----------------------------------------------------------------------------------------

IRIS_RADIUS = 0.00565
PUPIL_RADIUS = 0.0021
