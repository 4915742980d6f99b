"""The upper part of a dress: necklines, straps, sleeves; cut from the body's surface and painted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.clothes.tailor import Hem, Tailored, tailor
from dinar.trainer.data.people.clothes.trouser_paint import outer_normals
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.cloth_frame import ClothPoints, cloth_points
from dinar.trainer.data.people.fabric.fabric import blend, bump, folds, inside, ramp
from dinar.trainer.data.people.fabric.fabrics import FabricRecipe, paint_fabric
from dinar.trainer.data.people.noise import fbm
from dinar.trainer.data.people.part import Paint, Part, SurfacePoints

_ARMPIT = 0.085  # metres below the shoulder joints


@dataclass(frozen=True)
class BodiceRecipe:
    """The upper part of a dress; metres.

    Attributes:
        neckline: "round", "v", "square" or "boat".
        depth: of the neckline in front, below the pit of the neck.
        back_depth: of the neckline behind.
        width: half of the neckline at the shoulders.
        sleeve: share of the arm that is covered, 0 (no sleeve) to 1 (to the wrist).
        strap: width of the straps where there is no sleeve; 0: the shoulder is covered to its end.
        ease: between skin and cloth.
        sleeve_ease: between arm and sleeve, more at its end.
        buttons: whether a placket runs down the front.
        piping: linear RGB of the edges, or None.
        fabric: of all of it.
        seed: of the folds.
    """

    neckline: str
    depth: float
    back_depth: float
    width: float
    sleeve: float
    strap: float
    ease: float
    sleeve_ease: float
    buttons: bool
    piping: tuple[float, float, float] | None
    fabric: FabricRecipe
    seed: int


def make_bodice(form: DressForm, recipe: BodiceRecipe, lower_edge: float) -> Part:
    """Cut and paint a bodice down to a height (metres, T-pose)."""
    hem = form.rest[:, 1] - lower_edge
    neck, arm = _neckline(form, recipe), _armhole(form, recipe)
    edge = np.minimum.reduce([hem, neck, arm])
    reach = np.abs(form.rest[:, 0]) - form.joints[16, 0]
    sleeve = ramp(reach, 0.0, 0.10)
    end = ramp(-arm, -0.16, -0.02) * (recipe.sleeve > 0)
    ease = recipe.ease + (recipe.sleeve_ease * (0.6 + 0.4 * end) - recipe.ease) * sleeve
    ease = (
        ease
        + (0.003 - ease) * (1 - ramp(hem, 0.0, 0.07))
        + (0.003 - ease) * (1 - ramp(neck, 0.0, 0.05)) * (1 - sleeve)
    )
    ease = np.maximum(ease, 0.0025) + 0.004 * _bust(form)
    sewn = tailor(
        form,
        (hem, neck, arm),
        ease=ease,
        clearance=0.0025,
        smoothing=50,
        folds=_Folds(form, lower_edge, recipe),
        refinements=1,
        hem=Hem(0.002, 0.010),
    )
    painter = _Painter(form, sewn, np.stack([hem, neck, arm], 1), recipe)
    return sewn.part("bodice", form, painter, hides=edge > 0.022)


def _bust(form: DressForm) -> np.ndarray:
    """Where the breasts are, 1 at their tips: float64 [V]. Cloth spans them."""
    x, y, z = np.abs(form.rest[:, 0]), form.rest[:, 1], form.rest[:, 2]
    shoulder = form.joints[16]
    chest = (x > 0.03) & (x < shoulder[0]) & (y < shoulder[1] - 0.06) & (y > shoulder[1] - 0.26)
    tip = form.rest[np.flatnonzero(chest)[z[chest].argmax()]]
    away = np.sqrt((x - abs(tip[0])) ** 2 + (y - tip[1]) ** 2 + (z - tip[2]) ** 2)
    return bump(away, 0.0, 0.05)


def _neckline(form: DressForm, recipe: BodiceRecipe) -> np.ndarray:
    """Metres below the neckline, or outside of it across the shoulders: float64 [V]."""
    x, y, z = np.abs(form.rest[:, 0]), form.rest[:, 1], form.rest[:, 2]
    neck = form.joints[12]
    top = neck[1] + 0.035
    front = ramp(z - form.joints[16, 2], -0.03, 0.03)
    depth = recipe.back_depth + (recipe.depth - recipe.back_depth) * front + 0.055
    share = np.clip(x / recipe.width, 0, 1)
    if recipe.neckline == "v":
        rise = share
    elif recipe.neckline == "square":
        rise = share**7
    elif recipe.neckline == "boat":
        rise = share**3
    else:
        rise = 1 - np.sqrt(np.maximum(1 - share**2, 0))
    # Behind, and for a v too, the line is round.
    rise = rise * front + (1 - front) * (1 - np.sqrt(np.maximum(1 - share**2, 0)))
    slope = 1 / np.sqrt(1 + (depth / recipe.width) ** 2) if recipe.neckline == "v" else 0.8
    below = (top - depth * (1 - rise) - y) * slope
    beside = np.where(y < top + 0.02, x - recipe.width, -1.0)
    return np.maximum(below, beside)


def _armhole(form: DressForm, recipe: BodiceRecipe) -> np.ndarray:
    """Metres inside of the sleeves' ends or the armholes: float64 [V]."""
    x, y = np.abs(form.rest[:, 0]), form.rest[:, 1]
    shoulder, wrist = form.joints[16], form.joints[20]
    if recipe.sleeve > 0:
        return shoulder[0] + 0.03 + recipe.sleeve * (wrist[0] - 0.01 - shoulder[0] - 0.03) - x
    # A little further in above the armpit than over the shoulder.
    armhole = shoulder[0] + 0.004 - x - 0.018 * bump(y, shoulder[1] - 0.06, 0.05)
    if recipe.strap == 0:
        return armhole
    outer = recipe.width + recipe.strap
    armpit = shoulder[1] - _ARMPIT
    side = (armpit - y) + 0.14 * np.clip(1 - (x - outer) / 0.10, 0, 1) ** 2.2
    return np.minimum(armhole, np.maximum(outer - x, 0.8 * side))


@dataclass(frozen=True)
class _Folds:
    """Drags across the waist and out of the armpits, rings around bent sleeves."""

    form: DressForm
    lower_edge: float
    recipe: BodiceRecipe

    def __call__(self, skin: np.ndarray) -> np.ndarray:
        """Metres that the cloth is raised at points of the T-pose skin [k, 3]: [k]."""
        x, y = np.abs(skin[:, 0]), skin[:, 1]
        shoulder, elbow = self.form.joints[16], self.form.joints[18]
        arm = ramp(x, shoulder[0], shoulder[0] + 0.06)
        rings = fbm(skin * np.array([26.0, 9.0, 9.0]), 2, seed=self.recipe.seed)
        drags = fbm(skin * np.array([6.0, 22.0, 6.0]), 2, seed=self.recipe.seed + 1)
        waist = bump(y - self.lower_edge, 0.03, 0.06) * ramp(y - self.lower_edge, 0.0, 0.02)
        bent = 0.5 + bump(x, elbow[0], 0.09)
        amount = 0.25 * self.recipe.sleeve_ease * arm * bent
        return amount * rings + (1 - arm) * 0.0025 * (0.3 + waist) * drags


@dataclass(frozen=True)
class _Painter:
    form: DressForm
    sewn: Tailored
    edges: np.ndarray  # [V, 3]: metres from hem, neckline, sleeves' ends
    recipe: BodiceRecipe

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint cloth, edges, seams and buttons."""
        values = self.sewn.on_body(points, np.concatenate([self.edges, self.form.rest], 1))
        (hem, neck, arm), skin = values[:, :3].T, values[:, 3:]
        cloth = cloth_points(self.form, skin, points.normal, "top")
        fabric = paint_fabric(self.recipe.fabric, cloth)
        albedo, crease = fabric.albedo, self._seams(cloth, skin, hem, neck, arm)
        if self.recipe.piping is not None:
            edge = np.minimum(neck, arm if self.recipe.sleeve == 0 else neck)
            albedo = blend(albedo, np.array(self.recipe.piping), inside(0.006 - edge))
        if self.recipe.buttons:
            away = np.hypot(skin[:, 0], np.mod(hem - 0.03, 0.075) - 0.0375)
            front = (cloth.facing > 0.3) & (np.abs(skin[:, 0]) < 0.05) & ~cloth.on_arm
            crease = np.maximum(crease, 0.8 * front * bump(np.abs(skin[:, 0]), 0.018, 0.0012))
            albedo = blend(albedo, np.array([0.55, 0.52, 0.47]), inside(0.0065 - away) * front * (hem > 0.02))
            crease = np.maximum(crease, front * bump(away, 0.0072, 0.0011))
        tilted = skin @ np.array([[1.0, 0, 0], [0, 1, 0], [0.25, 0.15, 1]])
        wrinkles = folds(tilted, (9, 24, 9), 0.10 + 0.25 * bump(hem, 0.03, 0.05), self.recipe.seed + 2)
        turned = points.face >= len(self.sewn.patch.faces)
        normal = outer_normals(self.sewn, points) - fabric.slope - wrinkles.slope
        cavity = fabric.cavity * (1 - 0.4 * crease) * (1 - 0.25 * wrinkles.valley)
        cavity = np.where(turned, 0.4, cavity)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        return Paint(np.clip(albedo, 0, 1), normal, cavity)

    def _seams(
        self, cloth: ClothPoints, skin: np.ndarray, hem: np.ndarray, neck: np.ndarray, arm: np.ndarray
    ) -> np.ndarray:
        """Depth of creases: along the edges, at the sides, where sleeves are set in, darts below the bust."""
        side = np.where(cloth.on_arm, 1.0, np.abs(cloth.facing) * cloth.quarter)
        lines = [neck - 0.012, arm - 0.012, side]
        if self.recipe.sleeve > 0:
            lines.append(np.abs(skin[:, 0]) - self.form.joints[16, 0] - 0.006)
        dart = np.abs(np.abs(skin[:, 0]) - 0.075 - 0.10 * hem)
        lines.append(np.where((hem < 0.11) & ~cloth.on_arm & (np.abs(cloth.facing) > 0.5), dart, 1.0))
        return 0.8 * np.maximum.reduce([bump(line, 0.0, 0.0014) for line in lines])
