"""A crew-neck sweatshirt: ribbed collar, cuffs and hem, a striped yoke, and a print on the back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.bake import decode_srgb
from dinar.trainer.data.people.clothes.sewing import Sewn, sew
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import Folds, blend, bump, folds, inside, ramp
from dinar.trainer.data.people.noise import fbm, fbm_gradient, noise3
from dinar.trainer.data.people.part import Paint, Part, SurfacePoints
from dinar.trainer.data.people.patch import body_patch, cut, remesh

_CUFF = 0.062  # metres
_HEM = 0.060
_COLLAR = 0.024
_BODY = decode_srgb("#3a7183")
_YOKE = decode_srgb("#e8dfcc")
_STRIPE = decode_srgb("#c4572f")

_EDGE = 0.016  # metres between vertices


@dataclass(frozen=True)
class Seams:
    """Distances on the body's vertices, metres, T-pose, float64 [V] each: positive inside the garment.

    Attributes:
        neck: from the collar's upper edge.
        wrist: from the cuffs' ends, along the arms.
        hem: from the lower edge, upwards.
        height: above the armpits.
        side: body's own x, metres.
        around_neck: radians around the neck.
        around_arm: radians around the arm's axis.
    """

    neck: np.ndarray
    wrist: np.ndarray
    hem: np.ndarray
    height: np.ndarray
    side: np.ndarray
    around_neck: np.ndarray
    around_arm: np.ndarray


def make_sweatshirt(form: DressForm, progress: Callable[[float], None] = lambda _: None) -> Part:
    """Cut, drape and paint a sweatshirt for a body."""
    seams = _seams(form)
    patch = body_patch(form.body.faces, len(form.rest))
    for field in (seams.hem, seams.wrist, seams.neck):
        patch, _ = cut(patch, patch.lift(field))
    patch = remesh(patch, form.rest, form.body.faces, edge_length=_EDGE)
    hem, wrist, neck = (patch.lift(field) for field in (seams.hem, seams.wrist, seams.neck))
    loose = 1 - np.maximum.reduce([_fade(hem, _HEM), _fade(wrist, _CUFF), _fade(neck, _COLLAR)])
    arm = ramp(np.abs(patch.lift(seams.side)), 0.20, 0.30)
    blouse = bump(hem - _HEM, 0.035, 0.030) + 0.5 * bump(wrist - _CUFF, 0.030, 0.025)
    ease = 0.006 + loose * (0.016 - 0.005 * arm) + 0.012 * blouse
    # Cloth hangs from the ribs: it does not follow the waist in.
    ease += (
        loose * 0.016 * bump(hem, 0.16, 0.09) * (1 - arm) * ramp(np.abs(patch.lift(seams.side)), 0.04, 0.13)
    )
    sewn = sew(
        form,
        patch,
        ease=np.where(hem < _HEM, 0.0105, ease),
        drop=np.zeros(len(hem)),
        stretch=1.0 + 0.012 * loose + 0.02 * loose * arm,
        clearance=np.where(hem < 0.14, 0.0095, 0.005) + 0.004 * loose,
        pinned=(neck < _COLLAR) | (wrist < _CUFF) | (hem < _HEM),
        bend=0.2,
        smoothing=240,
        steps=30,
        progress=progress,
    )
    hides = np.minimum.reduce([seams.hem - 0.01, seams.wrist, seams.neck]) > 0.020
    return sewn.part("sweatshirt", form, _Painter(sewn, seams, form), hides)


def _fade(distance: np.ndarray, width: float) -> np.ndarray:
    """1 on a ribbed band, falling to 0 within twice its width."""
    return 1 - ramp(distance, width, 2.2 * width)


def _seams(form: DressForm) -> Seams:
    x, y, _ = form.rest.T
    pelvis, neck = form.joints[0], form.joints[12]
    shoulder, wrist = form.joints[16], form.joints[20]
    tilt = np.radians(24)
    from_neck = form.rest - (neck + np.array([0, 0.004, 0.0]))
    radius = np.hypot(x, from_neck[:, 2])
    above = from_neck[:, 1] * np.cos(tilt) + from_neck[:, 2] * np.sin(tilt)
    arm = form.rest - np.stack(
        [np.sign(x) * shoulder[0], np.full_like(x, shoulder[1]), np.full_like(x, shoulder[2])], 1
    )
    return Seams(
        neck=-above + 0.55 * np.maximum(radius - 0.055, 0) - 0.004,
        wrist=wrist[0] - 0.004 - np.abs(x),
        hem=y - (pelvis[1] - 0.010),
        height=y - (shoulder[1] - 0.10),
        side=x,
        around_neck=np.arctan2(x, from_neck[:, 2]),
        around_arm=np.arctan2(arm[:, 2], arm[:, 1]),
    )


@dataclass(frozen=True)
class _Painter:
    sewn: Sewn
    seams: Seams
    form: DressForm

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint the cloth: yoke, stripes, print, ribs, seams, fleece."""
        at = {
            name: self.sewn.on_body(points, getattr(self.seams, name))
            for name in ("neck", "wrist", "hem", "height", "side")
        }
        skin = self.sewn.on_body(points, self.form.rest)
        albedo = _colour(at["height"])
        albedo = _print(albedo, at["height"], at["side"], points.normal[:, 2])
        rib, groove = self._ribs(at, skin)
        albedo = np.where(rib[:, None], _BODY * 0.92, albedo)
        grain = fbm(skin * 900, 2, seed=11)
        melange = noise3(skin * np.array([260.0, 700.0, 260.0]), seed=12)
        albedo = albedo * (1 + 0.05 * grain + 0.05 * melange)[:, None]
        wrinkles = self._folds(at, skin)
        fleece = 0.10 * fbm_gradient(skin * 420, 2, seed=13)
        normal = self.sewn.draped_normals(points) - fleece - wrinkles.slope
        seam = self._seam_lines(at)
        cavity = (1 - 0.30 * groove) * (1 - 0.35 * seam) * (1 - 0.30 * wrinkles.valley)
        cavity = np.where(self.sewn.is_turned_in(points), 0.55, cavity)
        return Paint(np.clip(albedo, 0, 1), normal / np.linalg.norm(normal, axis=1, keepdims=True), cavity)

    def _folds(self, at: dict[str, np.ndarray], skin: np.ndarray) -> Folds:
        """Folds finer than the drape: at elbows, cuffs and hem, out of the armpits."""
        elbow, shoulder = self.form.joints[18], self.form.joints[16]
        reach = np.abs(skin[:, 0])
        arm = ramp(reach, shoulder[0] - 0.02, shoulder[0] + 0.06)
        bent = bump(reach, elbow[0], 0.09) + 0.8 * bump(at["wrist"] - _CUFF, 0.02, 0.05)
        waist = bump(at["hem"] - _HEM, 0.03, 0.06)
        armpit = bump(reach, shoulder[0] - 0.03, 0.05) * bump(at["height"], 0.0, 0.09)
        tilted = skin @ np.array([[1.0, 0, 0], [0, 1, 0], [0.25, 0.15, 1]])
        banded = (at["hem"] < _HEM) | (at["wrist"] < _CUFF) | (at["neck"] < _COLLAR)
        free = np.where(banded, 0.0, 1.0)
        diagonal = np.stack([skin[:, 0] + np.sign(skin[:, 0]) * skin[:, 1], skin[:, 1], skin[:, 2]], 1)
        return (
            folds(tilted, (26, 9, 9), free * arm * (0.30 + bent), 14)
            + folds(tilted, (7, 26, 7), free * (1 - arm) * (0.25 + 1.2 * waist), 15)
            + folds(diagonal, (24, 5, 9), free * armpit, 16)
        )

    def _ribs(self, at: dict[str, np.ndarray], skin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the ribbed bands are, and how deep in a groove (0 to 1) a point of them lies."""
        collar, cuff, hem = at["neck"] < _COLLAR, at["wrist"] < _CUFF, at["hem"] < _HEM
        neck, shoulder = self.form.joints[12], self.form.joints[20]
        turn = np.where(
            collar,
            np.arctan2(skin[:, 0], skin[:, 2] - neck[2]) * 0.075,
            np.where(
                cuff,
                np.arctan2(skin[:, 2] - shoulder[2], skin[:, 1] - shoulder[1]) * 0.034,
                np.arctan2(skin[:, 0], skin[:, 2]) * 0.16,
            ),
        )
        groove = 0.5 + 0.5 * np.cos(turn * 2 * np.pi / 0.0062)
        rib = collar | cuff | hem
        return rib, np.where(rib, groove, 0.0)

    def _seam_lines(self, at: dict[str, np.ndarray]) -> np.ndarray:
        """Darkness (0 to 1) of sewn lines: where the bands are set on, and the armholes."""
        armhole = np.abs(at["side"]) - (0.185 - 0.10 * np.clip(-at["height"], 0, 0.1))
        lines = [
            at["neck"] - _COLLAR,
            at["wrist"] - _CUFF,
            at["hem"] - _HEM,
            np.where(at["height"] > -0.09, armhole, 1.0),
        ]
        return np.maximum.reduce([bump(line, 0.0, 0.0016) for line in lines])


def _colour(height: np.ndarray) -> np.ndarray:
    """Yoke above, body below, two stripes between; straight across the chest and the sleeves' roots."""
    line = height - 0.012
    colour = blend(_BODY, _YOKE, inside(line))
    for low, high, stripe in ((-0.004, 0.024, _STRIPE), (-0.022, -0.012, _YOKE)):
        colour = blend(colour, stripe, inside(line - low) * inside(high - line))
    return colour


def _print(albedo: np.ndarray, height: np.ndarray, side: np.ndarray, facing: np.ndarray) -> np.ndarray:
    """A sun over waves on the back."""
    size = 0.080
    u, v = side / size, (height + 0.125) / size
    wave = 0.07 * np.sin(u * 5)
    disc = inside((1 - np.hypot(u, v)) * size) * (facing < -0.2)
    sun = disc * inside((v - wave - 0.02) * size)
    bars = (
        disc
        * inside((-v + wave - 0.06) * size)
        * inside((0.055 - np.abs(np.mod(-v + wave - 0.06, 0.19) - 0.08)) * size)
    )
    return blend(blend(albedo, _STRIPE, sun), _YOKE, bars)
