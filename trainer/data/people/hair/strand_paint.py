"""Paint of hair: the shared texture of locks, and the cap they grow on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.hair.locks import BANDS, COLUMNS, VARIANTS
from dinar.trainer.data.people.hair.skull import unit
from dinar.trainer.data.people.head import smoothstep
from dinar.trainer.data.people.noise import hash01, noise3
from dinar.trainer.data.people.part import Paint, PartUv, SurfacePoints
from dinar.trainer.data.people.skin.complexion import HairColour

DARK = VARIANTS - 8
"""The painted strips from here on are dark: for what lies below other hair."""


@dataclass(frozen=True)
class Palette:
    """Colours of one head of hair.

    Attributes:
        colour: of the complexion.
        root_shade: how much darker the roots are; 0.5 by nature.
        lighten: how far tips have lightened, 0 to 1.
        highlights: share of locks that are streaked lighter.
        sheen: strength of the band of light.
        sheen_at: where along a lock it lies, 0 to 1.
        contrast: of neighbouring hairs.
        seed: of the strands.
    """

    colour: HairColour
    root_shade: float
    lighten: float
    highlights: float
    sheen: float
    sheen_at: float
    contrast: float
    seed: int

    def __call__(self, tone: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Linear RGB [M, 3] of hairs; `tone` 0 is darkest, 1 lightest; `which` in [0, 1) picks grey ones."""
        root, tip = np.array(self.colour.root), np.array(self.colour.tip)
        t = np.clip(tone, 0, 1)[:, None]
        dark = 0.45 * root
        tinted = np.where(t < 0.5, dark + (root - dark) * 2 * t, root + (tip - root) * (2 * t - 1))
        if self.colour.grey <= 0:
            return tinted
        white = np.array(self.colour.white) * (0.45 + 0.75 * t)
        share = np.clip((1.5 * self.colour.grey - which) / 0.5, 0, 1)[:, None]
        return tinted + (white - tinted) * share


@dataclass(frozen=True)
class StrandPainter:
    """Paints the shared texture of locks: a function of texture coordinates alone."""

    uv: PartUv
    palette: Palette
    curly: float = 0.0

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint the points."""
        corners = self.uv.coordinates[self.uv.faces[points.face]]
        uv = (corners * points.barycentric[..., None]).sum(1)
        column = np.clip((uv[:, 0] * COLUMNS).astype(np.int64), 0, COLUMNS - 1)
        band = np.clip((uv[:, 1] * BANDS).astype(np.int64), 0, BANDS - 1)
        variant = band * COLUMNS + column
        across = 2 * (uv[:, 0] * COLUMNS - column) - 1
        along = uv[:, 1] * BANDS - band
        tone, cavity, which = self._strands(variant, np.clip(along, 0, 1), np.clip(across, -1, 1))
        albedo = self.palette(tone, which)
        return Paint(np.clip(albedo, 0, 1), points.normal.copy(), cavity)

    def _strands(
        self, variant: np.ndarray, along: np.ndarray, across: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tone, cavity, and the number that picks grey hairs."""
        look, seed = self.palette, self.palette.seed
        own = variant * 17.31
        bent = across + 0.22 * noise3(np.stack([along * 3.0, across * 0.7, own], 1), seed)
        bent += self.curly * 0.5 * np.sin(along * 60 + 6 * hash01(variant, seed))
        clump = noise3(np.stack([along * 2.2, bent * 2.3, own], 1), seed + 1)
        fibre = noise3(np.stack([along * 3.5, bent * 7.0, own], 1), seed + 2)
        fine = noise3(np.stack([along * 6.0, bent * 15.0, own], 1), seed + 3)
        base = 0.52 + 0.24 * (hash01(variant, seed + 4) - 0.5)
        base = base + 0.30 * (hash01(variant, seed + 5) < look.highlights)
        base = np.where(variant >= DARK, base - 0.13, base)
        tone = base + look.contrast * (0.20 * clump + 0.22 * fibre + 0.12 * fine)
        tone -= 0.34 * look.root_shade * smoothstep(0.30, 0.0, along)
        tone += 0.34 * look.lighten * smoothstep(0.35, 1.0, along)
        middle = look.sheen_at + 0.10 * (hash01(variant, seed + 6) - 0.5) + 0.05 * fibre
        glint = np.exp(-(((along - middle) / 0.085) ** 2)) * np.clip(0.7 + 0.6 * fibre, 0, 1.5)
        tone += 0.34 * look.sheen * glint * (variant < DARK)
        cavity = 1 - 0.30 * np.abs(across) ** 3 - 0.22 * smoothstep(0.10, 0.0, along)
        cavity = cavity * (1 + 0.16 * np.minimum(clump + fibre, 0)) * np.where(variant >= DARK, 0.85, 1.0)
        which = np.clip(0.5 + 0.35 * fibre + 0.30 * fine + 0.15 * clump, 0, 0.999)
        return tone, np.clip(cavity, 0, 1), which


@dataclass(frozen=True)
class CapPainter:
    """Paints the cap: hairs along the combing's flow.

    Attributes:
        faces: int32 [m, 3], of the cap.
        flow: float64 [n, 3], unit, at its vertices.
        palette: colours.
        grain: hairs are this short: 0 long strands, 1 the tips of clipped ones.
        curl: 0 to 1: tight curls in place of strands.
        tone: of the whole cap.
    """

    faces: np.ndarray
    flow: np.ndarray
    palette: Palette
    grain: float
    curl: float
    tone: float

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint the points."""
        look, seed, p = self.palette, self.palette.seed, points.position
        flow = (self.flow[self.faces[points.face]] * points.barycentric[..., None]).sum(1)
        flow = unit(flow - points.normal * (flow * points.normal).sum(1, keepdims=True))
        side = np.cross(points.normal, flow)
        along, across, out = ((p * axis).sum(1) for axis in (flow, side, points.normal))
        stretch = 25 + 500 * self.grain
        wander = 0.0016 * noise3(p * 60, seed + 10)
        strand = np.stack([along * stretch, (across + wander) * 420, out * 60], 1)
        clump, fine = noise3(strand * [1, 0.35, 1], seed + 11), noise3(strand * [1.3, 2.2, 1], seed + 12)
        fibre = noise3(strand, seed + 13)
        tone = self.tone + look.contrast * (0.16 * clump + 0.18 * fibre + 0.12 * fine)
        cavity = 1 + 0.15 * np.minimum(clump + fibre, 0)
        if self.curl > 0:
            rings = np.sin(9 * noise3(p * 130, seed + 14) + 5 * noise3(p * 310, seed + 15))
            deep = noise3(p * 150, seed + 16)
            tone = tone + self.curl * (0.20 * rings + 0.18 * deep)
            cavity = cavity * (1 - self.curl * (0.22 - 0.22 * rings + 0.18 * np.clip(-deep, 0, 1)))
        which = np.clip(0.5 + 0.3 * fibre + 0.3 * fine + 0.12 * clump, 0, 0.999)
        # Hairs turn the light aside; the tips of clipped ones scatter it.
        normal = points.normal + side * (0.40 * fibre + 0.25 * fine)[:, None]
        normal = unit(normal + flow * (self.grain * (0.5 * fine + 0.4 * clump))[:, None])
        return Paint(np.clip(look(tone, which), 0, 1), normal, np.clip(cavity, 0.2, 1))
