"""Hair painted on the skin of the head: roots under long hair, clipped and shaved heads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.head import Head
from dinar.trainer.data.people.noise import noise3
from dinar.trainer.data.people.part import SurfacePoints
from dinar.trainer.data.people.skin.complexion import HairColour
from dinar.trainer.data.people.skin.face_hair import hair_density, hair_stream, hairline_strokes
from dinar.trainer.data.people.skin.pigment import blend, hair_colour, mean_hair
from dinar.trainer.data.people.skin.scalp import Scalp, scalp_cover
from dinar.trainer.data.people.strokes import Strokes

_ROOTS = 0.85  # how dark hair is near the skin, relative to its mean


@dataclass(frozen=True)
class ScalpPainter:
    """Paints hair on the skin of the head; see `paint_scalp`."""

    head: Head
    scalp: Scalp | None
    hair: HairColour
    hairs: Strokes | None
    seed: int
    detail: float

    def __call__(self, points: SurfacePoints, albedo: np.ndarray, off_ear: np.ndarray) -> None:
        """Lay roots and short hair over `albedo` [M, 3]; `off_ear` [M] is 0 on the ears."""
        k = np.nonzero((points.position[:, 1] > self.head.chin[1]) & (off_ear > 0))[0]
        p, off_ear = points.position[k], off_ear[k]
        cover = hair_density(self.head, p) if self.scalp is None else scalp_cover(self.head, self.scalp, p)
        grain = 0.25 * noise3(p * [2100, 420, 1300], 71 + self.seed) if self.detail < 0.0004 else 0.0
        shown = np.clip(0.9 * off_ear * cover * (1.0 + grain), 0, 1)
        shade = 1.15 if self.scalp is None else _ROOTS
        albedo[k] = blend(albedo[k], shade * mean_hair(self.hair), shown)
        if self.hairs is not None:
            cover, tone = self.hairs(p, soft=max(0.0003, 0.8 * self.detail))
            albedo[k] = blend(albedo[k], hair_colour(self.hair, tone), 0.85 * cover * off_ear)


def paint_scalp(
    head: Head,
    faces: np.ndarray,
    vertices: np.ndarray,
    hair: HairColour,
    scalp: Scalp | None,
    seed: int,
    detail: float,
) -> ScalpPainter:
    """Return the painter of the scalp.

    Args:
        head: landmarks.
        faces: int [F, 3], of the open body.
        vertices: [V, 3], metres, its T-pose.
        hair: colour.
        scalp: where hair is painted; None: a man's hair clipped at the sides, with single hairs at its rim.
        seed: of noise and single hairs.
        detail: metres a texel; 0 paints everything.
    """
    hairs = None if scalp is not None else hairline_strokes(head, faces, vertices, hair_stream(seed, 9))
    return ScalpPainter(head, scalp, hair, hairs, seed, detail)
