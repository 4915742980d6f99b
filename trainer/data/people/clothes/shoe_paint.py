"""Paint for shoes: leather or canvas, rubber, laces, caps, stripes, elastic, stitches; and knitted socks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.clothes.lofts import at_points
from dinar.trainer.data.people.clothes.shoe_recipe import ShoeRecipe
from dinar.trainer.data.people.clothes.tailor import Tailored
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import blend, bump, inside
from dinar.trainer.data.people.noise import fbm_gradient, noise3
from dinar.trainer.data.people.part import Paint, SurfacePoints

UPPER, SOLE, SHAFT, STRAP = 0.0, 1.0, 2.0, 3.0


@dataclass(frozen=True)
class ShoePainter:
    """Paints one shoe.

    Attributes:
        faces: int32 [m, 3].
        place: float64 [n, 5]: share of the length, side and up (metres), which piece, across it (-1 to 1).
        recipe: of the shoe.
        length: metres.
    """

    faces: np.ndarray
    place: np.ndarray
    recipe: ShoeRecipe
    length: float

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint leather, rubber and what is sewn on."""
        t, side, up, piece, across = at_points(self.faces, self.place, points).T
        recipe = self.recipe
        sole, strap = np.abs(piece - SOLE) < 0.5, piece > 2.5
        leather = ~sole
        albedo = np.where(sole[:, None], recipe.sole_colour, np.array(recipe.colour))
        crease = np.zeros(len(t))
        if recipe.kind == "sneakers":
            albedo, crease = self._sneaker(albedo, crease, t, side, up, leather)
        elif recipe.kind in ("leather", "boots"):
            welt = sole & (np.abs(np.mod(t * self.length / 0.005, 1) - 0.5) < 0.3) & (up > 0.0)
            albedo = np.where(
                (welt & (up > 0.35 * recipe.last.sole_heel - 0.003))[:, None], albedo * 1.8 + 0.02, albedo
            )
            heel_line = np.abs(t - 0.20 - 0.8 * (up - 0.03))
            crease = np.maximum(crease, leather * (up < 0.07) * bump(heel_line * self.length, 0.0, 0.0014))
        if recipe.toe_cap and not strap.any():
            line = np.abs(t - 0.80 - 2.2 * side**2 / 0.05) * self.length
            crease = np.maximum(crease, leather * (up < 0.09) * bump(line, 0.0, 0.0014))
        if recipe.laces > 0:
            albedo, crease = self._laces(albedo, crease, t, side, up, piece)
        if recipe.gusset:
            middle = recipe.last.shaft * 0.62
            shape = np.abs(t - 0.24) * self.length + 0.30 * np.abs(up - middle)
            elastic = inside(0.030 - shape) * (up > 0.055) * (np.abs(side) > 0.01)
            albedo = blend(
                albedo,
                np.array([0.02, 0.02, 0.02]) * (1 + 0.4 * np.cos(t * self.length * 1800))[:, None],
                elastic,
            )
            crease = np.maximum(crease, bump(shape, 0.030, 0.0015) * (up > 0.055))
        grain = noise3(points.position * 60, seed=recipe.seed)
        albedo = albedo * (1 + 0.05 * grain)[:, None]
        inner = (np.abs(across) < 0.30) & (np.abs(piece) < 0.5) & (t < recipe.last.throat)
        cavity = np.where(inner, 0.35, 1 - 0.5 * crease)
        worn = 0.03 * fbm_gradient(points.position * 60, 2, seed=recipe.seed + 1) * leather[:, None]
        normal = points.normal - 0.04 * fbm_gradient(points.position * 350, 2, seed=recipe.seed + 2) - worn
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        return Paint(np.clip(albedo, 0, 1), normal, cavity)

    def _sneaker(self, albedo, crease, t, side, up, leather):  # type: ignore[no-untyped-def]
        """Stripes, a heel tab, a foxing line round the sole, tread."""
        recipe = self.recipe
        accent = np.array(recipe.accent)
        middle = (recipe.stripes - 1) / 2
        low = leather & (up < 0.075) & (np.abs(side) > 0.018)
        for k in range(recipe.stripes):
            line = (t - 0.50 + (k - middle) * 0.075 + (up - 0.05) * 1.8) * self.length
            albedo = blend(albedo, accent, inside(0.0065 - np.abs(line)) * low)
            crease = np.maximum(crease, bump(np.abs(line), 0.0072, 0.0012) * low)
        tab = leather * inside((0.055 - t) * self.length) * inside(up - 0.036)
        albedo = blend(albedo, accent, tab)
        sole = ~leather
        top = 0.35 * recipe.last.sole_heel
        if recipe.stripes != 1:
            albedo = blend(albedo, accent, inside(0.0014 - np.abs(up - 0.4 * top)) * sole)
        tread = sole & (np.mod(t * 40, 1) < 0.35) & (up < top - 0.75 * recipe.last.sole_heel)
        crease = np.maximum(crease, 0.6 * tread)
        quarter = np.abs(t - 0.10 - 0.2 * (up - 0.05)) * self.length
        return albedo, np.maximum(crease, bump(quarter, 0.0, 0.0014) * leather)

    def _laces(self, albedo, crease, t, side, up, piece):  # type: ignore[no-untyped-def]
        """A tongue between two eyestays, and laces across it; up the shaft of a boot too."""
        start = self.recipe.last.throat - 0.02
        high = (piece > 1.5) & (t > 0.30)
        on_top = ((np.abs(piece) < 0.5) & (t > start) & (t < start + self.recipe.laces) & (up > 0.03)) | high
        along = np.where(high, up / 0.013, (t - start) * self.length / 0.0115)
        across = np.mod(along, 1)
        half = 0.019
        stay = bump(np.abs(side), half + 0.002, 0.0016)
        crease = np.maximum(crease, on_top * stay)
        lace = inside(half + 0.003 - np.abs(side)) * inside((0.27 - np.abs(across - 0.5)) * 0.0115) * on_top
        tongue = inside(half - np.abs(side)) * on_top
        albedo = blend(albedo, albedo * 0.7, tongue)
        albedo = blend(albedo, np.array(self.recipe.lace), lace)
        under = bump(np.abs(across - 0.5), 0.30, 0.06) * (np.abs(side) < half + 0.003) * on_top
        return albedo, np.maximum(crease, 0.9 * under)


@dataclass(frozen=True)
class SockPainter:
    """Paints socks."""

    sewn: Tailored
    form: DressForm
    recipe: ShoeRecipe

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint a knit with a ribbed top and perhaps stripes."""
        skin = self.sewn.on_body(points, self.form.rest)
        below = self.recipe.sock - (skin[:, 1] - self.form.rest[:, 1].min())
        stripe = inside(0.005 - np.abs(below - 0.020)) + inside(0.005 - np.abs(below - 0.038))
        albedo = blend(
            np.array(self.recipe.sock_colour), np.array(self.recipe.sock_stripe), np.clip(stripe, 0, 1)
        )
        turn = np.arctan2(skin[:, 2] - self.form.joints[7, 2], np.abs(skin[:, 0]) - self.form.joints[7, 0])
        groove = 0.5 + 0.5 * np.cos(turn * 60)
        reach = 1.0 if self.recipe.ribs else np.clip((0.025 - below) / 0.002, 0, 1)
        knit = 1 + 0.06 * np.cos(skin @ np.array([1500.0, 900.0, 1500.0]))
        cavity = 1 - 0.25 * groove * reach * (skin[:, 1] > self.form.joints[7, 1])
        return Paint(np.clip(albedo * knit[:, None], 0, 1), points.normal, cavity)
