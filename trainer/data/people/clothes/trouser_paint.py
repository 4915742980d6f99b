"""Paint for trousers: cloth, waistband, fly, belt, seams, pockets, creases, cuffs, worn denim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.clothes.tailor import Tailored
from dinar.trainer.data.people.clothes.trouser_cut import Legs
from dinar.trainer.data.people.clothes.trouser_recipe import TrouserRecipe
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.cloth_frame import ClothPoints, cloth_points
from dinar.trainer.data.people.fabric.fabric import Folds, blend, bump, folds, inside, ramp
from dinar.trainer.data.people.fabric.fabrics import paint_fabric
from dinar.trainer.data.people.fabric.prints import paint_print
from dinar.trainer.data.people.noise import fbm, noise3
from dinar.trainer.data.people.part import Paint, SurfacePoints

_METAL = np.array([0.52, 0.48, 0.38])


@dataclass(frozen=True)
class _Place:
    """M points of trousers, metres, float64 [M] each: as `Legs`, and x to the body's left."""

    hem: np.ndarray
    waist: np.ndarray
    leg_x: np.ndarray
    leg_z: np.ndarray
    crotch: np.ndarray
    knee: np.ndarray
    x: np.ndarray


@dataclass
class _Layers:
    """What is painted so far at M points: albedo [M, 3], depth of creases [M], bend of the normal [M, 3]."""

    albedo: np.ndarray
    crease: np.ndarray
    slope: np.ndarray

    def line(self, distance: np.ndarray, width: float, depth: float = 1.0) -> None:
        """Press a line in where `distance` (metres) is 0."""
        self.crease = np.maximum(self.crease, depth * bump(distance, 0.0, width))

    def cover(self, colour: np.ndarray, amount: np.ndarray) -> None:
        """Lay a colour over it."""
        self.albedo = blend(self.albedo, colour, amount)


@dataclass(frozen=True)
class TrouserPainter:
    """Paints trousers."""

    form: DressForm
    sewn: Tailored
    places: np.ndarray  # [V, 7], columns as `_Place`
    recipe: TrouserRecipe

    @classmethod
    def of(cls, form: DressForm, sewn: Tailored, legs: Legs, recipe: TrouserRecipe) -> TrouserPainter:
        """Prepare to paint trousers that were cut for a body."""
        columns = (legs.hem, legs.waist, legs.leg_x, legs.leg_z, legs.crotch, legs.knee, form.rest[:, 0])
        return cls(form, sewn, np.stack(columns, 1), recipe)

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint cloth and everything sewn on it."""
        recipe = self.recipe
        values = self.sewn.on_body(points, np.concatenate([self.places, self.form.rest], 1))
        at, skin = _Place(*values[:, :7].T), values[:, 7:]
        cloth = cloth_points(self.form, skin, points.normal, "bottom")
        fabric = paint_fabric(recipe.fabric, cloth)
        layers = _Layers(fabric.albedo, np.zeros(len(skin)), fabric.slope)
        if recipe.print is not None:
            layers.albedo = paint_print(recipe.print, cloth, layers.albedo)
        if recipe.wear > 0:
            layers.albedo = _worn(layers.albedo, at, skin, recipe)
        _seams(layers, at, cloth, recipe)
        _pockets(layers, at, cloth, recipe)
        _ends(layers, at, cloth, recipe)
        _waist(layers, at, recipe)
        wrinkles = _wrinkles(at, skin, recipe)
        turned = points.face >= len(self.sewn.patch.faces)
        plain = (1 - ramp(at.hem, 0.07, 0.14))[:, None]
        normal = outer_normals(self.sewn, points)
        normal = normal + (points.normal - normal) * plain - layers.slope - wrinkles.slope
        cavity = fabric.cavity * (1 - 0.45 * layers.crease) * (1 - 0.30 * wrinkles.valley)
        cavity = np.where(turned, 0.4, cavity)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        return Paint(np.clip(layers.albedo, 0, 1), normal, cavity)


def outer_normals(sewn: Tailored, points: SurfacePoints) -> np.ndarray:
    """Normals with the cloth's finer folds; on turned-in edges the mesh's own: float64 [M, 3]."""
    outer = points.face < len(sewn.patch.faces)
    within = SurfacePoints(
        points.position, points.normal, np.where(outer, points.face, 0), points.barycentric
    )
    return np.where(outer[:, None], sewn.folded_normals(within), points.normal)


def _worn(albedo: np.ndarray, at: _Place, skin: np.ndarray, recipe: TrouserRecipe) -> np.ndarray:
    """Denim faded on thighs, knees and seat, at hems and in whiskers from the crotch."""
    front, back = ramp(at.leg_z, -0.01, 0.06), ramp(-at.leg_z, 0.02, 0.09)
    thigh = bump(at.knee, 0.20, 0.16) * bump(at.leg_x, 0.0, 0.055)
    knees = bump(at.knee, 0.0, 0.07) * bump(at.leg_x, 0.0, 0.05)
    seat = bump(at.crotch, 0.06, 0.09) * bump(np.abs(at.x), 0.085, 0.06)
    lines = np.stack([skin[:, 0] * 9, skin[:, 1] * 55 - np.abs(skin[:, 0]) * 40, skin[:, 2] * 9], 1)
    whiskers = np.clip(noise3(lines, seed=recipe.seed + 2), 0, 1) * bump(at.crotch, 0.05, 0.07) * front
    cloudy = 0.5 + 0.5 * fbm(skin * 14, 3, seed=recipe.seed + 3)
    wear = front * (0.62 * thigh + 0.45 * knees) + 0.45 * back * seat + 0.30 * whiskers
    wear = recipe.wear * np.clip(
        wear * (0.7 + 0.6 * cloudy) + 0.25 * np.exp(-np.maximum(at.hem, 0) / 0.006), 0, 1
    )
    pale = 0.35 + 0.55 * albedo
    return albedo + (pale - albedo) * (0.8 * wear)[:, None]


def _seams(layers: _Layers, at: _Place, cloth: ClothPoints, recipe: TrouserRecipe) -> None:
    """Side seams, inseams, the seam between the legs, pressed creases, a stripe."""
    low = ramp(-at.knee, -0.25, 0.05)
    side = np.abs(cloth.facing) * cloth.quarter
    side = side + (np.abs(at.leg_z) - side) * low
    outer = at.leg_x > 0.0
    if recipe.stripe is not None:
        on = inside(0.014 - side) * outer
        layers.cover(np.array(recipe.stripe), on * (at.waist > recipe.band))
    layers.line(np.where(outer | (at.crotch < -0.01), side, 1.0), 0.0014, 0.8)
    middle = np.where((at.crotch > -0.03) & (at.waist > recipe.band), np.abs(at.x), 1.0)
    layers.line(middle, 0.0014, 0.8)
    if recipe.thread is not None:
        inner = np.where((at.crotch < -0.03) & ~outer, side, 1.0)
        hip = np.where(outer & (at.waist < 0.18) & (at.waist > recipe.band), side, 1.0)
        for line in (inner, hip, middle):
            _stitch(layers, np.abs(line - 0.0055), at.waist, recipe)
    if recipe.tube.crease > 0:
        towards, _ = cloth.tangents()
        edge = cloth.across / 0.004
        press = -0.55 * edge * np.exp(0.5 - 0.5 * edge**2) * ramp(-at.crotch, 0.0, 0.08)
        layers.slope = layers.slope + towards * press[:, None]


def _stitch(layers: _Layers, line: np.ndarray, along: np.ndarray, recipe: TrouserRecipe) -> None:
    """A row of stitches in the thread's colour where `line` is 0."""
    if recipe.thread is None:
        layers.line(line, 0.0010, 0.35)
        return
    dashed = np.where(np.mod(along * 230, 1) < 0.65, 1.0, 0.35)
    layers.cover(np.array(recipe.thread), inside(0.0009 - line) * dashed)


def _pockets(layers: _Layers, at: _Place, cloth: ClothPoints, recipe: TrouserRecipe) -> None:
    """Openings in front, patches or welts on the seat, boxes on the thighs."""
    front, behind = cloth.facing > 0.05, cloth.facing < -0.05
    side = np.abs(np.abs(cloth.around) - cloth.quarter)  # metres of cloth from the side seam
    fall = at.waist - recipe.band
    if recipe.front_pockets == "curved":
        line = np.where(front, np.abs(np.hypot((0.100 - side) / 1.15, fall + 0.004) - 0.075), 1.0)
        line = np.where((side < 0.10) & (fall > 0), line, 1.0)
        line = np.where(
            fall > 0, np.where(front & (side < 0.10), np.abs(np.hypot(side / 1.25, fall) - 0.075), 1.0), 1.0
        )
        layers.line(line, 0.0016)
        _stitch(layers, np.abs(line - 0.005), at.waist, recipe)
    elif recipe.front_pockets == "slanted":
        line = np.abs(side - 0.045 + 0.27 * fall)
        line = np.where(front & (fall > 0.005) & (fall < 0.165), line, 1.0)
        layers.line(line, 0.0016)
        layers.line(np.abs(line - 0.006), 0.0010, 0.3)
    u, v = np.abs(at.x) - 0.082, fall - 0.095
    if recipe.back_pockets == "patch":
        box = np.maximum.reduce([np.abs(u) - 0.056, -v - 0.045, v - 0.075 + 0.30 * np.abs(u)])
        box = np.where(behind, box, 1.0)
        layers.line(box, 0.0016)
        _stitch(layers, np.abs(box + 0.004), u * 1.0 + v, recipe)
    elif recipe.back_pockets == "welt":
        box = np.where(behind, np.maximum(np.abs(u) - 0.058, np.abs(v + 0.01) - 0.0055), 1.0)
        layers.line(np.abs(box), 0.0012)
        layers.line(np.where(behind, np.hypot(u, v - 0.008) - 0.004, 1.0), 0.0015, 0.7)
    if recipe.cargo:
        u, v = at.leg_z, at.knee - 0.15
        outer = at.leg_x > 0.02
        box = np.where(outer, np.maximum(np.abs(u) - 0.062, np.abs(v) - 0.080), 1.0)
        flap = np.where(outer, np.maximum(np.abs(u) - 0.064, np.abs(v - 0.062) - 0.024), 1.0)
        layers.line(box, 0.0020)
        layers.line(flap, 0.0022)
        layers.line(np.abs(box + 0.005), 0.0010, 0.35)


def _ends(layers: _Layers, at: _Place, cloth: ClothPoints, recipe: TrouserRecipe) -> None:
    """Hems, turn-ups and ribbed cuffs."""
    if recipe.cuff == 0:
        layers.line(at.hem - 0.022, 0.0014, 0.7)
        _stitch(layers, np.abs(at.hem - 0.020), cloth.around, recipe)
        return
    layers.line(at.hem - recipe.cuff, 0.0020)
    if recipe.ribbed:
        groove = 0.5 + 0.5 * np.cos(cloth.around * 2 * np.pi / 0.0065)
        layers.crease = np.maximum(layers.crease, 0.6 * groove * inside(recipe.cuff - at.hem))
    else:
        layers.albedo = layers.albedo * (1 + 0.08 * inside(recipe.cuff - at.hem))[:, None]


def _waist(layers: _Layers, at: _Place, recipe: TrouserRecipe) -> None:
    """Waistband, fly, button, loops and belt, or a gathered band with a cord."""
    fall = at.waist - recipe.band
    front = at.leg_z > 0.0
    layers.line(fall, 0.0016)
    if recipe.kind in ("joggers", "leggings"):
        gathers = 0.5 + 0.5 * np.cos(at.x * 2 * np.pi / 0.009)
        amount = 0.5 if recipe.kind == "joggers" else 0.0
        layers.crease = np.maximum(layers.crease, amount * gathers * inside(-fall))
    if recipe.fly:
        flap = np.where(
            front & (fall > 0), np.abs(at.x - 0.032 + 2.5 * np.maximum(fall - 0.10, 0) ** 1.0 * 0.4), 1.0
        )
        flap = np.where(fall < 0.135, flap, 1.0)
        _stitch(layers, flap, at.waist, recipe)
    if recipe.drawstring:
        for side in (-1, 1):
            hang = np.abs(at.x - side * (0.018 + 0.10 * np.maximum(at.waist - 0.02, 0)))
            cord = inside(0.0035 - hang) * front * (at.waist > 0.015) * (at.waist < 0.145)
            layers.cover(np.array([0.62, 0.60, 0.56]), cord)
            layers.line(
                np.where(front & (at.waist < 0.145) & (at.waist > 0.015), hang - 0.0045, 1.0), 0.0012, 0.8
            )
    if recipe.belt is None:
        if recipe.fly:
            away = np.where(front, np.hypot(at.x, at.waist - 0.5 * recipe.band), 1.0)
            layers.cover(_METAL if recipe.kind == "jeans" else 0.5 * layers.albedo, inside(0.008 - away))
            layers.line(away - 0.009, 0.0012)
        return
    half = 0.5 * recipe.band
    across = np.abs(at.waist - half)
    layers.cover(np.array(recipe.belt), inside(half - 0.003 - across))
    layers.line(across - half + 0.003, 0.0014)
    frame = np.where(front, 0.021 - np.maximum(np.abs(at.x) * 0.85, across), -1.0)
    layers.cover(_METAL, inside(frame) * inside(0.006 - frame))
    for place in (0.075, 0.155):
        loop = np.abs(np.abs(at.x) - place)
        layers.line(np.where(at.waist < recipe.band + 0.004, np.abs(loop - 0.005), 1.0), 0.0012, 0.7)


def _wrinkles(at: _Place, skin: np.ndarray, recipe: TrouserRecipe) -> Folds:
    """Folds finer than the mesh's."""
    amount = min(1.0, recipe.folds / 0.009)
    bent = bump(at.knee, 0.0, 0.07) * (0.5 + ramp(-at.leg_z, -0.02, 0.05))
    stacked = np.exp(-np.maximum(at.hem, 0) / 0.10)
    crotch = bump(at.crotch, 0.02, 0.06)
    tilted = skin + np.outer(skin[:, 0], [0, 0.35, 0]) * np.sign(skin[:, :1])
    free = ramp(at.waist, recipe.band, recipe.band + 0.03) * ramp(at.hem, recipe.cuff, recipe.cuff + 0.02)
    strength = amount * free * (0.15 + 0.8 * bent + 0.8 * stacked + 0.35 * crotch)
    return folds(tilted, (8, 30, 8), strength, recipe.seed + 4)
