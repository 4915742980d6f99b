"""Straight jeans: denim with fades, seams, pockets and turned hems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.bake import decode_srgb
from dinar.trainer.data.people.clothes.sewing import Sewn, sew
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import Folds, bump, folds, ramp
from dinar.trainer.data.people.noise import fbm, fbm_gradient, noise3
from dinar.trainer.data.people.part import Paint, Part, SurfacePoints
from dinar.trainer.data.people.patch import body_patch, cut, remesh

_INDIGO = decode_srgb("#2b3a5c")
_FADED = decode_srgb("#7388ab")
_THREAD = decode_srgb("#b9884f")

_EDGE = 0.018  # metres between vertices


@dataclass(frozen=True)
class Legs:
    """Places on the body's vertices, metres, T-pose, float64 [V] each.

    Attributes:
        hem: height above the trouser's lower edge.
        waist: distance below the upper edge.
        leg_x: side, from the leg's own axis, positive outwards.
        leg_z: front, from the leg's own axis.
        side: body's own x.
        height: above the ground.
    """

    hem: np.ndarray
    waist: np.ndarray
    leg_x: np.ndarray
    leg_z: np.ndarray
    side: np.ndarray
    height: np.ndarray


def make_jeans(form: DressForm, progress: Callable[[float], None] = lambda _: None) -> Part:
    """Cut, drape and paint jeans for a body."""
    legs = _legs(form)
    patch = body_patch(form.body.faces, len(form.rest))
    for field in (legs.hem, legs.waist):
        patch, _ = cut(patch, patch.lift(field))
    patch = remesh(patch, form.rest, form.body.faces, edge_length=_EDGE)
    hem, waist = patch.lift(legs.hem), patch.lift(legs.waist)
    knee = form.joints[4][1] - form.rest[:, 1].min()
    height = patch.lift(legs.height)
    radius = np.hypot(patch.lift(legs.leg_x), patch.lift(legs.leg_z))
    # Below the thigh the legs are straight: they hang from the calf and stand off the shin.
    straight = np.interp(height, [0.0, knee, knee + 0.15], [0.074, 0.076, 0.0]) - radius
    ease = np.maximum(0.009, straight)
    # The last hand's breadth hangs over the shoe, lower at the heel than over the instep.
    drop = (0.072 - 0.30 * np.clip(patch.lift(legs.leg_z), -0.03, 0.05)) * np.clip(1 - hem / 0.20, 0, 1)
    sewn = sew(
        form,
        patch,
        ease=np.where(waist < 0.085, 0.004, ease),
        drop=drop,
        stretch=1.0 + 0.03 * ramp(1 - hem / 0.40, 0.0, 1.0),
        clearance=np.where(waist < 0.085, 0.004, 0.007),
        pinned=(waist < 0.085) | (hem < 0.006),
        bend=0.3,
        smoothing=60,
        steps=25,
        progress=progress,
    )
    hides = (legs.hem > 0.025) & (legs.waist > 0.005)
    return sewn.part("jeans", form, _Painter(sewn, legs, form), hides)


def _legs(form: DressForm) -> Legs:
    x, y, z = form.rest.T
    ground = y.min()
    hip, knee, ankle = form.joints[1], form.joints[4], form.joints[7]
    axis_x = np.interp(y, [ankle[1], knee[1], hip[1]], [ankle[0], knee[0], hip[0]])
    axis_z = np.interp(y, [ankle[1], knee[1], hip[1]], [ankle[2], knee[2], hip[2]])
    arms = np.where(np.abs(x) > 0.32, -1.0, 1.0)  # hands and arms of the T-pose are no legs
    hem = y - (ground + 0.118)
    return Legs(
        hem=np.where(arms < 0, -1.0, hem),
        waist=(form.joints[0][1] + 0.050) - y,
        leg_x=(np.abs(x) - axis_x),
        leg_z=z - axis_z,
        side=x,
        height=y - ground,
    )


@dataclass(frozen=True)
class _Painter:
    sewn: Sewn
    legs: Legs
    form: DressForm

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint denim: indigo, worn where cloth rubs, with stitched seams and pockets."""
        at = {
            name: self.sewn.on_body(points, getattr(self.legs, name))
            for name in ("hem", "waist", "leg_x", "leg_z", "side", "height")
        }
        skin = self.sewn.on_body(points, self.form.rest)
        wear = self._wear(at, skin)
        twill = noise3(
            np.stack(
                [skin[:, 0] * 500 + skin[:, 1] * 500, skin[:, 1] * 160, skin[:, 2] * 500 + skin[:, 1] * 500],
                1,
            ),
            seed=23,
        )
        slub = noise3(skin * np.array([650.0, 45.0, 650.0]), seed=24)
        albedo = _INDIGO + (_FADED - _INDIGO) * wear[:, None]
        albedo = albedo * (1 + 0.10 * twill + 0.08 * slub)[:, None]
        stitch, crease = self._seams(at)
        dashes = np.mod(skin[:, 1] * 230 + 0.3 * (skin[:, 0] + skin[:, 2]) * 230, 1) < 0.62
        albedo = np.where((stitch & dashes)[:, None], _THREAD, albedo)
        wrinkles = self._folds(at, skin)
        weave = 0.12 * fbm_gradient(skin * np.array([130.0, 70.0, 130.0]), 2, seed=25)
        normal = self.sewn.draped_normals(points) - weave - wrinkles.slope
        cavity = (1 - 0.45 * crease) * (1 - 0.30 * wrinkles.valley)
        cavity = np.where(self.sewn.is_turned_in(points), 0.45, cavity)
        return Paint(np.clip(albedo, 0, 1), normal / np.linalg.norm(normal, axis=1, keepdims=True), cavity)

    def _folds(self, at: dict[str, np.ndarray], skin: np.ndarray) -> Folds:
        """Folds finer than the drape: at the crotch and knees, stacked above the hems."""
        knee = self.form.joints[4][1] - self.form.rest[:, 1].min()
        bent = bump(at["height"], knee, 0.07) * (0.5 + ramp(-at["leg_z"], -0.02, 0.05))
        stacked = np.exp(-at["hem"] / 0.10)
        crotch = bump(at["height"] - knee, 0.38, 0.06)
        tilted = skin + np.outer(skin[:, 0], [0, 0.35, 0]) * np.sign(skin[:, :1])
        return folds(tilted, (8, 30, 8), 0.15 + 0.9 * bent + 0.9 * stacked + 0.7 * crotch, 26)

    def _wear(self, at: dict[str, np.ndarray], skin: np.ndarray) -> np.ndarray:
        """How faded the denim is (0 to 1): thighs and knees in front, seat behind, hems, ridges of folds."""
        knee = self.form.joints[4][1] - self.form.rest[:, 1].min()
        front = ramp(at["leg_z"], -0.01, 0.06)
        back = ramp(-at["leg_z"], 0.02, 0.09)
        thigh = bump(at["height"] - knee, 0.20, 0.16) * bump(at["leg_x"], 0.0, 0.055)
        knees = bump(at["height"], knee, 0.07) * bump(at["leg_x"], 0.0, 0.05)
        seat = bump(at["height"] - knee, 0.36, 0.10) * bump(np.abs(at["side"]), 0.085, 0.06)
        whiskers = noise3(
            np.stack([skin[:, 0] * 9, skin[:, 1] * 55 - np.abs(skin[:, 0]) * 40, skin[:, 2] * 9], 1), seed=21
        )
        whiskers = np.clip(whiskers, 0, 1) * bump(at["height"] - knee, 0.36, 0.07) * front
        cloudy = 0.5 + 0.5 * fbm(skin * 14, 3, seed=22)
        wear = 0.10 + front * (0.62 * thigh + 0.45 * knees) + 0.45 * back * seat + 0.30 * whiskers
        return np.clip(wear * (0.7 + 0.6 * cloudy) + 0.25 * np.exp(-at["hem"] / 0.006), 0, 1)

    def _seams(self, at: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Where thread shows: bool [M]; and how deep (0 to 1) the crease of a seam is: [M]."""
        knee = self.form.joints[4][1] - self.form.rest[:, 1].min()
        angle_out = np.abs(at["leg_z"]) + 1e3 * (at["leg_x"] < 0.01)  # on the outer side, from the side seam
        angle_in = np.abs(at["leg_z"]) + 1e3 * (at["leg_x"] > -0.01)
        below_crotch = at["height"] < knee + 0.30
        inner = np.where(below_crotch, angle_in, 1.0)
        hem_line = np.abs(at["hem"] - 0.022)
        middle = np.where((at["height"] > knee + 0.27), np.abs(at["side"]), 1.0)
        pocket = self._back_pocket(at, knee)
        opening = self._front_pocket(at, knee)
        stitch = (
            (np.abs(angle_out - 0.0055) < 0.0009)
            | (np.abs(inner - 0.0055) < 0.0009)
            | (hem_line < 0.0009)
            | (np.abs(middle - 0.0050) < 0.0009)
            | (np.abs(pocket) < 0.0010)
            | (np.abs(opening - 0.005) < 0.0010)
        )
        crease = np.maximum.reduce(
            [bump(line, 0.0, 0.0018) for line in (angle_out, inner, hem_line, middle, pocket, opening)]
        )
        return stitch, crease

    def _back_pocket(self, at: dict[str, np.ndarray], knee: float) -> np.ndarray:
        """Signed distance, metres, to the outline of the pocket on the seat (far away elsewhere)."""
        u = np.abs(at["side"]) - 0.085
        v = at["height"] - (knee + 0.37)
        bottom = -0.062 + 0.35 * np.abs(u)  # the lower edge runs to a point
        outline = np.maximum.reduce([np.abs(u) - 0.055, v - 0.060, bottom - v])
        return np.where(at["leg_z"] < -0.02, outline, 1.0)

    def _front_pocket(self, at: dict[str, np.ndarray], knee: float) -> np.ndarray:
        """Distance, metres, to the curved opening of the hand pocket (far away elsewhere)."""
        u = np.abs(at["side"]) - 0.165
        v = at["height"] - (knee + 0.475)
        line = np.abs(np.hypot(u, v) - 0.075)
        return np.where((at["leg_z"] > 0.01) & (np.abs(at["side"]) < 0.17), line, 1.0)
