"""Paint of tops: fabric, prints, ribs, seams, plackets with buttons, zips and pockets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.clothes.tailor import Tailored
from dinar.trainer.data.people.clothes.top_recipe import TopRecipe
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.cloth_frame import ClothPoints, cloth_points
from dinar.trainer.data.people.fabric.fabric import blend, bump
from dinar.trainer.data.people.fabric.fabrics import paint_fabric
from dinar.trainer.data.people.fabric.prints import paint_print
from dinar.trainer.data.people.part import Paint, SurfacePoints

RIB_PITCH = 0.0065  # metres from rib to rib
_PLACKET = 0.016  # metres, half its width
_BUTTON = 0.0062  # metres, a button's radius
_BUTTON_STEP = 0.088
_SOFT = 0.0014  # metres over which painted edges are softened


@dataclass(frozen=True)
class TopPlaces:
    """Distances on the body's vertices, metres, T-pose, float64 [V] each: positive inside the garment.

    Attributes:
        neck: from the neck line.
        sleeve: from the sleeves' ends or the armholes.
        hem: above the lower edge.
        front: from the edges of an open front; from the middle of a closed one.
    """

    neck: np.ndarray
    sleeve: np.ndarray
    hem: np.ndarray
    front: np.ndarray


@dataclass(frozen=True)
class _At:
    """The places at M points, float64 [M] each, and x, y in front of the wearer."""

    neck: np.ndarray
    sleeve: np.ndarray
    hem: np.ndarray
    front: np.ndarray
    x: np.ndarray
    y: np.ndarray


@dataclass
class Layer:
    """Paint in the making at M points: albedo [M, 3], slope [M, 3], cavity [M]."""

    albedo: np.ndarray
    slope: np.ndarray
    cavity: np.ndarray

    def line(self, distance: np.ndarray, width: float, depth: float) -> None:
        """Draw a seam along the zero line of a distance [M]."""
        self.cavity *= 1 - depth * bump(distance, 0.0, width)

    def cover(self, colour: np.ndarray, amount: np.ndarray) -> None:
        """Lay a colour [3] or [M, 3] over by an amount [M]."""
        self.albedo = blend(self.albedo, colour, amount)


def edge_of(distance: np.ndarray) -> np.ndarray:
    """0 outside to 1 inside a shape whose distance [M] (metres, positive inside) is given."""
    return np.clip(distance / _SOFT + 0.5, 0, 1)


@dataclass(frozen=True)
class TopPainter:
    """Paints the cloth of one top."""

    form: DressForm
    recipe: TopRecipe
    cloth: Tailored
    places: TopPlaces

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint points of the cloth."""
        places = self.places
        known = np.column_stack([self.form.rest, places.neck, places.sleeve, places.hem, places.front])
        values = self.cloth.on_body(points, known)
        skin = values[:, :3]
        neck, sleeve, hem, front = values[:, 3:].T
        at = _At(neck, sleeve, hem, front, skin[:, 0], skin[:, 1])
        frame = cloth_points(self.form, skin, points.normal, "top")
        layer = self._fabric(frame)
        self._bands(layer, at, frame)
        self._seams(layer, at, frame)
        self._front(layer, at, frame)
        self._pockets(layer, at, frame)
        self._cords(layer, at, frame)
        normal = self.cloth.folded_normals(points) - layer.slope
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        return Paint(np.clip(layer.albedo, 0, 1), normal, np.clip(layer.cavity, 0, 1))

    def _fabric(self, frame: ClothPoints) -> Layer:
        """The bolt of cloth and what is printed on it."""
        fabric = paint_fabric(self.recipe.fabric, frame)
        layer = Layer(fabric.albedo.copy(), fabric.slope.copy(), fabric.cavity.copy())
        if self.recipe.sleeves is not None:
            reach = np.abs(frame.position[:, 0]) - self.form.joints[16][0]
            raglan = reach + 1.3 * np.maximum(frame.position[:, 1] - self.form.joints[16][1] - 0.01, 0)
            tint = np.array(self.recipe.sleeves) * (layer.cavity[:, None] * 0.3 + 0.7)
            layer.cover(tint, edge_of(raglan))
            layer.line(raglan, 0.0016, 0.35)
        for mark in self.recipe.prints:
            layer.albedo = paint_print(mark, frame, layer.albedo)
        return layer

    def _bands(self, layer: Layer, at: _At, frame: ClothPoints) -> None:
        """Ribbed cuffs, hem and neck."""
        recipe = self.recipe
        bands = [(at.neck, recipe.neck_rib)]
        if recipe.rib > 0:
            bands += [(at.hem, recipe.rib), (at.sleeve, recipe.rib)]
        for distance, width in bands:
            if width <= 0:
                continue
            within = edge_of(width - distance)
            around = self._around_neck(frame) if distance is at.neck else frame.around
            phase = around * (2 * np.pi / RIB_PITCH)
            tangent = frame.tangents()[0]
            if recipe.trim is not None:
                layer.cover(np.array(recipe.trim), within)
            if width > 0.012:
                layer.slope = (
                    layer.slope * (1 - within)[:, None] + tangent * (0.35 * np.cos(phase) * within)[:, None]
                )
                layer.cavity *= 1 - within * 0.22 * (0.5 + 0.5 * np.sin(phase))
            layer.line(distance - width, 0.0016, 0.4)

    def _around_neck(self, frame: ClothPoints) -> np.ndarray:
        """Metres around the neck's opening, float64 [M]."""
        from_neck = frame.position - self.form.joints[12]
        return np.arctan2(from_neck[:, 0], from_neck[:, 2]) * 0.085

    def _seams(self, layer: Layer, at: _At, frame: ClothPoints) -> None:
        """Armholes, sides, and the stitching of plain hems."""
        recipe = self.recipe
        shoulder = self.form.joints[16]
        drop = 0.004 + 0.5 * max(recipe.ease - 0.012, 0)
        if recipe.sleeve > 0 and recipe.sleeves is None:
            armhole = np.abs(at.x) - (shoulder[0] + drop - 0.35 * np.clip(shoulder[1] - at.y, 0, 0.09))
            layer.line(armhole, 0.0017, 0.4)
        torso = ~frame.on_arm
        side = np.where(torso, np.abs(np.abs(frame.around) - frame.quarter), 1.0)
        layer.line(side, 0.0016, 0.3)
        if recipe.rib == 0:
            for distance, inset in ((at.hem, 0.022), (at.sleeve, 0.020 if recipe.sleeve < 0.8 else 0.055)):
                layer.line(distance - inset, 0.0012, 0.28)
                layer.line(distance - inset + 0.005, 0.0010, 0.15)

    def _front(self, layer: Layer, at: _At, frame: ClothPoints) -> None:
        """A placket with buttons, or a zip, down the front's middle; edges of an open front."""
        recipe = self.recipe
        ahead = frame.facing > 0.2
        top = self.form.joints[12][1] - recipe.neck_depth
        if recipe.front == "open":
            layer.line(at.front - 0.012, 0.0014, 0.25)
        elif recipe.front == "zip":
            self._zip(layer, np.where(ahead, at.x, 1.0), at.y)
        elif recipe.front in ("buttons", "placket"):
            end = -9.0 if recipe.front == "buttons" else top - 0.14
            strip = np.where(ahead & (at.y > end), at.x, 1.0)
            layer.line(strip - _PLACKET, 0.0017, 0.42)
            layer.line(strip + _PLACKET - 0.002, 0.0012, 0.22)
            if recipe.front == "placket":
                below = np.where(ahead & (np.abs(at.x) < _PLACKET), at.y - end, 1.0)
                layer.line(below, 0.0016, 0.4)
            step = _BUTTON_STEP if recipe.front == "buttons" else 0.05
            self._buttons(layer, strip, at.y - (top - 0.022), step)

    def _buttons(self, layer: Layer, x: np.ndarray, y: np.ndarray, step: float) -> None:
        """A row of buttons downwards from y = 0."""
        across = np.mod(y + step / 2, step) - step / 2
        away = np.hypot(x, np.where(y < step / 2, across, 1.0))
        disc = edge_of(_BUTTON - away)
        layer.cavity *= 1 - 0.45 * bump(away, _BUTTON + 0.0012, 0.0014)
        layer.cover(np.array(self.recipe.buttons), disc)
        bowl = disc * np.where(away > 0.6 * _BUTTON, 0.5, -0.25) / np.maximum(away, 1e-4)
        layer.slope[:, 0] -= x * bowl
        layer.slope[:, 1] -= across * bowl

    def _zip(self, layer: Layer, x: np.ndarray, y: np.ndarray) -> None:
        """Teeth on a tape."""
        layer.line(np.abs(x) - 0.011, 0.0014, 0.35)
        tape = edge_of(0.0075 - np.abs(x))
        layer.cover(0.5 * layer.albedo, tape)
        teeth = edge_of(0.0032 - np.abs(x))
        gleam = 0.65 + 0.35 * np.cos(y * 2 * np.pi / 0.0042)
        layer.cover(np.array(self.recipe.buttons) * gleam[:, None], teeth)

    def _cords(self, layer: Layer, at: _At, frame: ClothPoints) -> None:
        """Two cords that hang from a hood."""
        if self.recipe.collar != "hood":
            return
        top = self.form.joints[12][1] - self.recipe.neck_depth + 0.02
        for side, length in ((1.0, 0.15), (-1.0, 0.165)):
            line = at.x - side * (0.032 + 0.05 * (top - at.y)) - 0.003 * np.sin(at.y * 40 + side)
            near = (frame.facing > 0.2) & (at.y > top - length)
            away = np.where(near, line, 1.0)
            layer.line(np.abs(away) - 0.0035, 0.0022, 0.45)
            layer.cover(np.array(self.recipe.buttons), edge_of(0.0028 - np.abs(away)))

    def _pockets(self, layer: Layer, at: _At, frame: ClothPoints) -> None:
        """Patch pocket on the chest, pouch, slanted hand pockets, flaps."""
        kind, ahead = self.recipe.pockets, frame.facing > 0.1
        if kind == "none":
            return
        chest = self.form.joints[16][1] - 0.13
        waist = self.form.joints[3][1]
        if kind == "chest":
            u, v = at.x - 0.085, at.y - (chest - 0.05)
            bottom = -0.062 + 0.25 * np.abs(u)
            outline = np.minimum.reduce([0.052 - np.abs(u), 0.062 - v, v - bottom])
            opening = np.where((np.abs(u) < 0.052), v - 0.062, 1.0)
            self._outline(layer, np.where(ahead, outline, -1.0), np.where(ahead, opening, 1.0))
        elif kind == "kangaroo":
            u, v = np.abs(at.x), at.hem - self.recipe.rib
            slant = (0.165 - 0.62 * np.clip(v - 0.06, 0, 0.2)) - u
            outline = np.minimum.reduce([slant, 0.205 - v, v + 0.01])
            opening = np.where((v > 0.055) & (v < 0.195), slant, 1.0)
            self._outline(layer, np.where(ahead, outline, -1.0), np.where(ahead, opening, 1.0))
        elif kind == "hips":
            u, v = np.abs(at.x) - 0.115, at.y - (waist + 0.005)
            slit = np.where(np.abs(v) < 0.075, u + 0.35 * v, 1.0)
            layer.line(np.where(ahead, slit, 1.0), 0.0026, 0.6)
            layer.line(np.where(ahead, slit - 0.012, 1.0), 0.0012, 0.2)
        elif kind == "flaps":
            u, v = np.abs(at.x) - 0.105, at.y - (waist - 0.005)
            flap = np.minimum(0.068 - np.abs(u), 0.028 - np.abs(v))
            self._outline(
                layer, np.where(ahead, flap, -1.0), np.where(ahead & (np.abs(u) < 0.068), v + 0.028, 1.0)
            )

    @staticmethod
    def _outline(layer: Layer, inside: np.ndarray, opening: np.ndarray) -> None:
        """A sewn-on patch: shadow around it, stitches inside, and the line where one reaches in."""
        layer.line(inside, 0.0022, 0.42)
        layer.line(inside - 0.005, 0.0010, 0.18)
        layer.line(opening, 0.0024, 0.40)
