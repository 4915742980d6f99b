"""Skin, lips, brows, eyes and nails of anybody, as functions of points on the open body.

Colour is pigment, not light: an even tone from which blood and melanin take their share of each channel,
so that a blush, a mole and a tanned forehead stay in the family of skin colours. Landmarks place everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from dinar.runtime.body import Body
from dinar.trainer.data.people.head import Head, find_head, smoothstep
from dinar.trainer.data.people.noise import cells3, noise3
from dinar.trainer.data.people.part import Paint, SurfacePoints
from dinar.trainer.data.people.skin import face
from dinar.trainer.data.people.skin.ageing import age_spots, face_grooves, neck_lines
from dinar.trainer.data.people.skin.complexion import DEFAULT, Complexion
from dinar.trainer.data.people.skin.eyes import paint_eyes
from dinar.trainer.data.people.skin.face_hair import (
    beard,
    beard_style,
    brow_strokes,
    brow_tint,
    hair_stream,
    lash_line,
    lash_strokes,
)
from dinar.trainer.data.people.skin.grooves import Groove, carve
from dinar.trainer.data.people.skin.hands import Hands, find_hands
from dinar.trainer.data.people.skin.limbs import Limbs, find_limbs
from dinar.trainer.data.people.skin.lips import Lips, find_lips, tint_lips
from dinar.trainer.data.people.skin.makeup import paint_lids, rouge
from dinar.trainer.data.people.skin.pigment import blend, hair_colour, mean_hair, skin_colour, skin_tone
from dinar.trainer.data.people.skin.scalp import Scalp
from dinar.trainer.data.people.skin.skin_grain import bend, mottle, pores
from dinar.trainer.data.people.skin.skin_scalp import ScalpPainter, paint_scalp
from dinar.trainer.data.people.strokes import Strokes

BETAS = (1.12, -0.1, -2.39, -0.15, -0.33, 0.2, -0.12, -2.68, -0.19, -2.51)
"""Shape of the default avatar on the open body: an athletic man in his late twenties, 1.79 m."""

_CHUNK = 80_000  # points painted at a time: what is worked out for them stays in the processor's cache
_MEAN_DOTS = 0.19  # mean of `_dots`
_BODY_TEXEL = 1.8  # size of a texel of the open body's texture below the head, relative to the head's


def paint_skin(
    body: Body,
    vertices: np.ndarray,
    complexion: Complexion = DEFAULT,
    scalp: Scalp | None = None,
    *,
    detail: float = 0.0,
) -> SkinPainter:
    """Return the painter of the whole body mesh.

    Args:
        body: the open body.
        vertices: [V, 3], metres, its T-pose in the person's shape.
        complexion: colours, age, beard and make-up; the default avatar's unless given.
        scalp: where hair is painted on the scalp; None: the default avatar's, clipped at the sides.
        detail: metres a texel of the head's skin; what is finer is left out, which saves time. About 0.0011
            for a body texture of 1024 texels a side; 0 paints everything.
    """
    head = find_head(body, vertices)
    seed = complexion.seed
    return SkinPainter(
        faces=body.faces,
        complexion=complexion,
        head=head,
        hands=find_hands(body, vertices),
        limbs=find_limbs(body, vertices),
        brows=brow_strokes(head, complexion.brows, hair_stream(seed, 5)),
        lashes=lash_strokes(head, complexion.lashes, hair_stream(seed, 7)),
        scalp=paint_scalp(head, body.faces, vertices, complexion.hair, scalp, seed, detail),
        grooves=face_grooves(head, complexion, detail),
        detail=detail,
    )


@dataclass(frozen=True)
class SkinPainter:
    """Paints points of the body mesh; see `paint_skin`."""

    faces: np.ndarray
    complexion: Complexion
    head: Head
    hands: Hands
    limbs: Limbs
    brows: Strokes
    lashes: Strokes
    scalp: ScalpPainter
    grooves: tuple[Groove, ...]
    detail: float
    tone: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Mix the even tone of the skin, linear RGB [3]."""
        object.__setattr__(self, "tone", skin_tone(self.complexion.melanin, self.complexion.undertone))

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint the points."""
        count = len(points.position)
        paint = Paint(np.empty((count, 3)), np.empty((count, 3)), np.empty(count))
        for first in range(0, count, _CHUNK):
            self._paint_some(points, np.arange(first, min(first + _CHUNK, count)), paint)
        return paint

    def _paint_some(self, points: SurfacePoints, index: np.ndarray, paint: Paint) -> None:
        """Paint the points of these indices into `paint`."""
        p = points.position[index]
        eyes = self.head.eyeball_faces[points.face[index]]
        at_head = ~eyes & (p[:, 1] > self.head.chin[1] - 0.08) & (np.abs(p[:, 0]) < 0.14)
        for chosen, painter in (
            (eyes, partial(paint_eyes, self.head, self.complexion)),
            (at_head, self._head_skin),
            (~eyes & ~at_head, self._body_skin),
        ):
            if chosen.any():
                own = index[chosen]
                part = painter(_select(points, own))
                paint.albedo[own], paint.normal[own] = part.albedo, part.normal
                paint.cavity[own] = part.cavity

    # --- Body -------------------------------------------------------------------------------------

    def _body_skin(self, points: SurfacePoints) -> Paint:
        c, p = self.complexion, points.position
        detail = _BODY_TEXEL * self.detail
        blood, melanin = mottle(p, detail, c.seed)
        hands = self.hands.pigments(points, self.faces)
        on = hands.index
        blood[on] += (0.3 + 0.7 * c.flush) * hands.blood + 0.15 * hands.crease
        melanin[on] += hands.melanin + 0.25 * hands.crease
        bony = self.limbs.bony(points)
        blood += 0.25 * c.flush * bony
        melanin += (0.14 + 0.25 * c.melanin) * bony
        if c.spots > 0:
            arms = np.nonzero(self.limbs.forearm(p))[0]
            melanin[arms] += age_spots(c, p[arms], 0.5 * c.spots)
        pale = self.limbs.sole(points)
        pale[on] = hands.palm
        albedo = skin_colour(self.tone + (self._pale_tone() - self.tone) * pale[:, None], blood, melanin)
        if c.body_hair > 0:
            self.limbs.paint_hair(c, albedo, points)
        if c.tattoo != "none":
            self.limbs.paint_tattoo(c, albedo, points)
        albedo[on] = blend(albedo[on], self._nails(blood[on], melanin[on], hands.edge), hands.nail)
        strength, cavity = np.ones(len(p)), np.ones(len(p))
        strength[on] = (1 - hands.nail) * (1 + 1.5 * c.wrinkles)
        cavity[on] = 1 - 0.25 * hands.crease
        return Paint(np.clip(albedo, 0, 1), pores(p, points.normal, strength, detail, c.seed), cavity)

    def _nails(self, blood: np.ndarray, melanin: np.ndarray, edge: np.ndarray) -> np.ndarray:
        """Colour of nails, linear RGB [M, 3], on skin of these pigments."""
        tone = (self.tone * self._pale_tone()) ** 0.5
        bare = 1.12 * skin_colour(tone, 0.3 * blood + 0.35, 0.3 * melanin - 0.25)
        bare = blend(bare, np.array([0.62, 0.56, 0.48]), 0.28 * edge)
        polish, opacity = self.complexion.makeup.nails
        return bare + (np.array(polish) - bare) * opacity

    def _pale_tone(self) -> np.ndarray:
        """Even tone of palms, soles and below the nails: dark skin is much lighter there."""
        melanin = self.complexion.melanin
        return skin_tone(min(melanin, 0.3 + 0.45 * (melanin - 0.3)), self.complexion.undertone)

    # --- Head -------------------------------------------------------------------------------------

    def _head_skin(self, points: SurfacePoints) -> Paint:
        """Skin, then what lies on it: lips, beard, hair, brows, lids."""
        c, head, p = self.complexion, self.head, points.position
        q = np.concatenate([np.abs(p[:, :1]), p[:, 1:]], axis=1)  # both halves on the person's left
        front = smoothstep(-0.2, 0.35, points.normal[:, 2])
        at_face = np.nonzero(p[:, 2] > head.ear[2] + 0.008)[0]
        blood, melanin = mottle(p, self.detail, c.seed)
        even = 1 - 0.7 * c.makeup.foundation
        blood, melanin = even * blood, even * melanin
        ear = self._share(head.ear_share, points)
        blood += (0.30 + 0.15 * c.flush) * ear
        self._tint_face(blood, melanin, p, q, front, at_face)
        shade, slope = np.zeros(len(p)), np.zeros((len(p), 3))
        if self.grooves:
            shade[at_face], slope[at_face] = carve(self._wavy(q[at_face]), self.grooves)
            slope[:, 0] *= np.sign(p[:, 0])
            broken = front * (0.65 + 0.35 * noise3(p * 90, 208 + c.seed))
            shade *= broken
            slope *= broken[:, None]
            melanin += 0.24 * shade
            blood += 0.12 * shade
        if c.wrinkles > 0.3:
            melanin += 0.10 * neck_lines(head, c, p)
        albedo = skin_colour(self.tone, blood, melanin)
        oil = face.sheen(head, p) * (c.sheen / 0.5) * self._gloss()
        albedo += 0.055 * (oil * front)[:, None]
        smooth = self._paint_mouth(albedo, points, q, front)
        self._paint_beard(albedo, p, q, at_face, smooth)
        self.scalp(points, albedo, 1 - ear)
        self._paint_eye_region(albedo, p, q, front)
        inside = self._share(head.mouth_share, points)
        albedo = blend(albedo, np.array([0.28, 0.085, 0.075]), inside)
        cavity = (1 - 0.75 * face.nostrils(head, p, points.normal)) * (1 - 0.35 * np.clip(shade, 0, 1))
        strength = (1 - 0.4 * np.clip(smooth, 0, 1)) * (1 + 0.8 * c.wrinkles)
        normal = pores(p, points.normal, strength, self.detail, c.seed)
        return Paint(np.clip(albedo, 0, 1), bend(normal, slope) if self.grooves else normal, cavity)

    def _tint_face(
        self,
        blood: np.ndarray,
        melanin: np.ndarray,
        p: np.ndarray,
        q: np.ndarray,
        front: np.ndarray,
        at_face: np.ndarray,
    ) -> None:
        """Add what is redder or browner in the face to the pigments [M]."""
        c, head = self.complexion, self.head
        even = 1 - 0.7 * c.makeup.foundation
        blood[at_face] += even * c.flush * face.flush(head, p[at_face], c.seed)
        melanin += face.tan(head, p)
        spots = face.freckles(head, p[at_face], c.freckles, c.seed) + face.moles(p[at_face], c.moles, c.seed)
        if c.spots > 0:
            spots += age_spots(c, p[at_face], 0.3 * c.spots)
        melanin[at_face] += front[at_face] * even * spots
        melanin[at_face] += 0.06 * front[at_face] * face.smile_fold(head, q[at_face])
        eyes = _box(q, head.eye + np.array([0, 0.004, 0.012]), 0.030)
        rim, fold, bag = face.lids(head, q[eyes])
        bag = bag * (1 + 1.6 * c.bags) * even
        blood[eyes] += 0.35 * rim + 0.12 * np.minimum(bag, 1)
        melanin[eyes] += 0.30 * fold + 0.22 * rim + 0.15 * bag

    def _paint_mouth(
        self, albedo: np.ndarray, points: SurfacePoints, q: np.ndarray, front: np.ndarray
    ) -> np.ndarray:
        """Paint the lips; returns the share of lip [M]."""
        head, p = self.head, points.position
        share = np.zeros(len(p))
        k = _box(q, head.lip_line[0] + np.array([0.012, 0, 0]), 0.026)
        if len(k):
            lips: Lips = find_lips(head, q[k], p[k], self.complexion.seed)
            own = tint_lips(albedo[k], lips, self.complexion)
            own += 0.055 * 0.9 * self._gloss() * (lips.moist * front[k])[:, None]
            albedo[k] = blend(own, np.array([0.060, 0.016, 0.014]), 0.5 * front[k] * lips.line)
            share[k] = lips.share
        return share

    def _paint_beard(
        self, albedo: np.ndarray, p: np.ndarray, q: np.ndarray, at_face: np.ndarray, lips: np.ndarray
    ) -> None:
        """Stubble as darker, cooler skin with dots; grown hairs as streaks."""
        c, head = self.complexion, self.head
        bare = 1 - np.clip(lips[at_face], 0, 1)
        k = at_face
        if c.stubble > 0:
            density = 2 * c.stubble * beard(head, q[k], p[k]) * bare
            dense = density > 0.01
            dots = np.full(len(k), _MEAN_DOTS)
            if self.detail < 0.0004:
                dots[dense] = _dots(p[k[dense]])
            dark = 1 - max(0.0, c.melanin - 0.3)
            cool = 1 - density[:, None] * 0.62 * dark * (1 - np.array([0.66, 0.69, 0.74]))
            hair = 1.3 * dark * mean_hair(replace(c.beard_hair, grey=0.5 * c.beard_hair.grey))
            albedo[k] = blend(albedo[k] * cool, hair, np.clip(0.36 * density * dots, 0, 1))
        if c.beard in ("moustache", "goatee", "short", "long"):
            grown = beard_style(head, c.beard, q[k], p[k]) * bare
            k, grown = k[grown > 0.02], grown[grown > 0.02]
            streak = noise3(p[k] * [1300, 330, 800], 55 + c.seed)
            cover = smoothstep(0.15, 0.75, grown * (1 + 0.45 * streak))
            own = 0.5 + 0.5 * noise3(p[k] * [2300, 500, 1500], 56 + c.seed) if self.detail < 0.0004 else None
            albedo[k] = blend(albedo[k], hair_colour(c.beard_hair, 0.55 * streak - 0.1, own), 0.9 * cover)

    def _paint_eye_region(self, albedo: np.ndarray, p: np.ndarray, q: np.ndarray, front: np.ndarray) -> None:
        """Brows, make-up, lashes."""
        c, head = self.complexion, self.head
        soft = max(0.00028, 0.8 * self.detail)
        k = np.nonzero((np.abs(q - head.eye - [0, 0.014, 0]) < [0.034, 0.024, 0.05]).all(1))[0]
        flat = q[k] * [1, 1, 0]
        tint = 0.40 * min(1.0, c.brows.density) * front[k] * brow_tint(head, c.brows, q[k], soft=1.5 * soft)
        albedo[k] = blend(albedo[k], 1.2 * mean_hair(c.brow_hair), tint)
        cover, tone = self.brows(flat, soft=soft)
        albedo[k] = blend(albedo[k], hair_colour(c.brow_hair, tone), 0.95 * cover * front[k])
        if c.makeup.blush[1] > 0:
            k = np.nonzero(front > 0)[0]
            albedo[k] = rouge(head, c.makeup, albedo[k], p[k])
        k = _box(q, head.eye + np.array([0, 0.004, 0.012]), 0.030)
        if c.makeup.shadow[1] > 0 or c.makeup.liner > 0:
            lids = paint_lids(head, c.makeup, albedo[k], q[k])
            albedo[k] = blend(albedo[k], lids, front[k])
        soft = max(0.0003, 0.8 * self.detail)
        cover, tone = self.lashes(q[k] * [1, 1, 0], soft=soft)
        lash = hair_colour(c.brow_hair, tone) if c.lashes <= 1.0 else np.array([0.012, 0.009, 0.008])
        albedo[k] = blend(albedo[k], lash, 0.85 * cover * front[k])
        dark = 0.85 * front[k] * lash_line(head, q[k])
        albedo[k] = blend(albedo[k], np.array([0.012, 0.008, 0.007]), dark)

    def _gloss(self) -> float:
        """How much oil and moisture lighten skin: less where it is dark."""
        return 0.12 + 0.88 * float(self.tone.mean() / skin_tone(0.3, 0.0).mean())

    def _wavy(self, q: np.ndarray) -> np.ndarray:
        """Points moved a little, so that lines of age tremble."""
        shift = 0.0007 * noise3(q * 130, 207 + self.complexion.seed)
        return q + shift[:, None] * [1.0, 1.0, 0.0]

    def _share(self, per_vertex: np.ndarray, points: SurfacePoints) -> np.ndarray:
        return (per_vertex[self.faces[points.face]] * points.barycentric).sum(1)


def _dots(p: np.ndarray) -> np.ndarray:
    """Where hairs leave the skin, [M]."""
    distance, chance = cells3(p * 1250, 52)
    return smoothstep(0.55, 0.25, distance) * (0.35 + 0.65 * chance)


def _select(points: SurfacePoints, chosen: np.ndarray) -> SurfacePoints:
    return SurfacePoints(
        points.position[chosen], points.normal[chosen], points.face[chosen], points.barycentric[chosen]
    )


def _box(q: np.ndarray, centre: np.ndarray, reach: float) -> np.ndarray:
    """Indices of the points [M, 3] in a cube."""
    return np.nonzero((np.abs(q - centre) < reach).all(1))[0]
