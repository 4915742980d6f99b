"""Paint for skirts: cloth laid around the rings, waistband, seams, hem, buttons, and light in the folds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from dinar.trainer.data.people.clothes.lofts import at_points
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.cloth_frame import FREE, ClothPoints
from dinar.trainer.data.people.fabric.fabric import blend, bump, inside
from dinar.trainer.data.people.fabric.fabrics import paint_fabric
from dinar.trainer.data.people.part import Paint, SurfacePoints

if TYPE_CHECKING:
    from dinar.trainer.data.people.clothes.skirts import SkirtRecipe

_ARMPIT = 0.09  # metres below the shoulder joints


@dataclass(frozen=True)
class Surface:
    """What the painter knows of a loft's rows: float64 [R, A + 1] each, the first column again at the end.

    Attributes:
        around: metres of cloth from the front middle, positive to the body's left.
        quarter: metres around from the front middle to the side.
        down: metres of cloth from the upper edge.
        up: metres of cloth from the hem.
        along: metres above the armpits.
        facing: 1 in front to -1 behind.
        valley: how deep in a fold, 0 to 1.
        lining: 1 on the inside.
    """

    around: np.ndarray
    quarter: np.ndarray
    down: np.ndarray
    up: np.ndarray
    along: np.ndarray
    facing: np.ndarray
    valley: np.ndarray
    lining: np.ndarray

    @classmethod
    def measure(cls, form: DressForm, outer: np.ndarray, angle: np.ndarray, valley: np.ndarray) -> Surface:
        """Measure rings [K, A, 3] whose first column lies in the middle behind."""
        ring = np.concatenate([outer, outer[:, :1]], 1)
        around = np.zeros(ring.shape[:2])
        around[:, 1:] = np.cumsum(np.linalg.norm(np.diff(ring, axis=1), axis=2), axis=1)
        quarter = np.broadcast_to(around[:, -1:] / 4, around.shape)
        around = around - around[:, len(angle) // 2, None]
        falls = np.linalg.norm(np.diff(outer, axis=0), axis=2).mean(1)
        down = np.broadcast_to(np.concatenate([[0.0], np.cumsum(falls)])[:, None], around.shape)
        along = outer[0, 0, 1] - (form.joints[16, 1] - _ARMPIT) - down
        facing = np.broadcast_to(np.cos(np.append(angle, np.pi)), around.shape)
        valley = np.concatenate([valley, valley[:, :1]], 1)
        return cls(around, quarter, down, down[-1, 0] - down, along, facing, valley, np.zeros(around.shape))

    def rows(self, rows: list[int], lining: np.ndarray) -> Surface:
        """The same for the rows of a closed mesh, given as rings [R]; `lining` [R]: 1 on the inside."""
        return Surface(
            self.around[rows],
            self.quarter[rows],
            self.down[rows],
            self.up[rows],
            self.along[rows],
            self.facing[rows],
            self.valley[rows],
            np.repeat(lining[:, None], self.around.shape[1], 1),
        )

    def at(self, faces: np.ndarray, points: SurfacePoints, normal: np.ndarray) -> tuple[ClothPoints, Surface]:
        """Interpolate at points: as points of cloth, and as [M] arrays."""
        flat = np.stack([getattr(self, field.name).ravel() for field in fields(self)], 1)
        here = Surface(*at_points(faces, flat, points).T)
        behind = np.where(here.facing < 0, 2 * here.quarter * np.sign(here.around), 0.0)
        limb = np.full(len(here.down), FREE, np.int8)
        cloth = ClothPoints(
            points.position,
            normal,
            limb,
            here.around,
            here.along,
            here.facing,
            here.around - behind,
            here.quarter,
        )
        return cloth, here


@dataclass(frozen=True)
class SkirtPainter:
    """Paints a skirt."""

    faces: np.ndarray
    surface: Surface
    recipe: SkirtRecipe

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint cloth, band, seams and hem."""
        cloth, at = self.surface.at(self.faces, points, points.normal)
        around, down, up = at.around, at.down, at.up
        fabric = paint_fabric(self.recipe.fabric, cloth)
        albedo, slope, cavity = fabric.albedo, fabric.slope, fabric.cavity
        crease = np.maximum(0.7 * bump(up, 0.028, 0.0012), 0.0)
        if self.recipe.band > 0:
            band = paint_fabric(self.recipe.band_fabric, cloth)
            on = inside(self.recipe.band - down)
            albedo = blend(albedo, band.albedo, on)
            crease = np.maximum(crease, bump(down, self.recipe.band, 0.0018))
        if self.recipe.buckle and self.recipe.band > 0:
            albedo = self._buckle(albedo, around, down)
        if self.recipe.pockets:
            crease = np.maximum(crease, self._pockets(around, down))
        if self.recipe.buttons:
            albedo, crease = self._buttons(albedo, crease, around, down, up)
        crease = np.maximum(crease, 0.35 * bump(np.abs(at.facing) * at.quarter, 0.0, 0.0014))
        cavity = cavity * (1 - 0.45 * crease) * (1 - 0.45 * at.valley)
        cavity = np.where(at.lining > 0.5, 0.30 * cavity, cavity)
        normal = points.normal - slope
        return Paint(np.clip(albedo, 0, 1), normal / np.linalg.norm(normal, axis=1, keepdims=True), cavity)

    def _buckle(self, albedo: np.ndarray, around: np.ndarray, down: np.ndarray) -> np.ndarray:
        """A metal frame in the middle of the band."""
        half = 0.5 * self.recipe.band
        frame = half + 0.004 - np.maximum(np.abs(around) * 0.8, np.abs(down - half))
        return blend(albedo, np.array([0.55, 0.50, 0.38]), inside(frame) * inside(0.005 - frame))

    def _pockets(self, around: np.ndarray, down: np.ndarray) -> np.ndarray:
        """Creases of two slanted pocket openings."""
        u, v = np.abs(around) - 0.115, down - self.recipe.band - 0.07
        line = np.abs(u - 0.35 * v)
        return np.where(np.abs(v) < 0.065, bump(line, 0.0, 0.0016), 0.0)

    def _buttons(self, albedo, crease, around, down, up):  # type: ignore[no-untyped-def]
        """A placket with buttons down the front."""
        crease = np.maximum(crease, 0.8 * bump(np.abs(around), 0.018, 0.0012))
        row = np.mod(down - self.recipe.band - 0.03, 0.085) - 0.0425
        away = np.hypot(around, row)
        on = inside(0.0085 - away) * (up > 0.05)
        crease = np.maximum(crease, bump(away, 0.0090, 0.0012))
        return blend(albedo, np.array([0.10, 0.075, 0.055]), on), crease
