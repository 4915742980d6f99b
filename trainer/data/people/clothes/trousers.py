"""Trousers: slim, straight and wide, jeans to suit, joggers, leggings, cargo, shorts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dinar.trainer.data.people.clothes.tailor import Hem, Tailored, tailor
from dinar.trainer.data.people.clothes.trouser_cut import Legs, fit_legs, measure_legs
from dinar.trainer.data.people.clothes.trouser_paint import TrouserPainter
from dinar.trainer.data.people.clothes.trouser_recipe import TrouserRecipe
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import bump, ramp
from dinar.trainer.data.people.noise import fbm
from dinar.trainer.data.people.part import Part
from dinar.trainer.data.people.patch import rim_edges

_CLOSED_ABOVE = 0.045  # metres above the hem where a leg is closed inside
_SOCK = 0.0035  # metres between the skin of the shins and the cloth at least
_ROUND_HEM = 0.14  # metres above the hem where legs are plain tubes
_SHIN_OF_FOOT = {7: 4, 8: 5, 10: 4, 11: 5}  # whose turns trousers follow instead of the feet's


def make_trousers(form: DressForm, recipe: TrouserRecipe) -> Part:
    """Cut, fold and paint trousers for a body."""
    legs = measure_legs(form, recipe.rise, recipe.length)
    sewn = cut_trousers(form, recipe, legs)
    hides = (legs.hem > 0.05) & (legs.waist > 0.02)
    part = sewn.part("trousers", form, TrouserPainter.of(form, sewn, legs, recipe), hides)
    tight = recipe.ribbed or recipe.kind == "leggings"
    return part if tight else replace(part, joint_weights=_without_feet(part.joint_weights))


def cut_trousers(form: DressForm, recipe: TrouserRecipe, legs: Legs) -> Tailored:
    """Cut and fold trousers for a body that was measured for them."""
    ease, around = fit_legs(form, legs, recipe.tube)
    if recipe.ribbed:
        tight = 1 - ramp(legs.hem, recipe.cuff, recipe.cuff + 0.035)
        ease = ease + (0.0065 - ease) * tight + 0.012 * bump(legs.hem, recipe.cuff + 0.05, 0.03)
    elif recipe.cuff:
        ease = ease + 0.004 * (1 - ramp(legs.hem, recipe.cuff - 0.002, recipe.cuff + 0.004))
    at_waist = 1 - ramp(legs.waist, 0.8 * recipe.band, recipe.band + 0.04)
    ease = ease + (0.004 - ease) * at_waist
    if recipe.cargo:
        ease = ease + 0.010 * _cargo(legs)
    sewn = tailor(
        form,
        (legs.hem, legs.waist),
        ease=ease,
        # Over the instep, which faces up, cloth stands off as it does around the shin.
        clearance=np.minimum(ease, 0.002)
        + (ease - np.minimum(ease, 0.002)) * (1 - ramp(legs.hem, 0.04, 0.12)),
        under=_SOCK * ramp(-legs.knee, 0.20, 0.30),
        smoothing=0 if recipe.kind == "leggings" else 16,
        folds=None if recipe.folds == 0 else _Folds(form, recipe),
        refinements=1,
        hem=Hem(thickness=0.0030, depth=0.05),
    )
    return _hung(form, sewn, legs, None if recipe.ribbed else around)


def _cargo(legs: Legs) -> np.ndarray:
    """Where the thigh pockets are, 0 to 1: on the outside above the knee."""
    outside = ramp(legs.leg_x, 0.035, 0.060) * ramp(0.075 - np.abs(legs.leg_z), 0.0, 0.03)
    return outside * ramp(0.095 - np.abs(legs.knee - 0.15), 0.0, 0.02)


def _hung(form: DressForm, sewn: Tailored, legs: Legs, around: np.ndarray | None) -> Tailored:
    """Straighten the edges, and let what is to end below the ankles fall over the shoe.

    `around` [V, 3]: the shape that the last hand's breadth of long legs takes.
    """
    count = len(sewn.patch.anchor_vertex)
    hem, waist, behind = (sewn.patch.lift(v) for v in (legs.hem, legs.waist, -legs.leg_z))
    skin, now = sewn.patch.lift(form.rest), sewn.vertices[:count]
    near = 1 - np.minimum(ramp(hem, 0.03, 0.10), ramp(waist, 0.05, 0.11))
    shift = np.zeros_like(now)
    shift[:, 1] = near * (skin[:, 1] - now[:, 1])
    if around is not None:
        straight = (1 - ramp(hem, _ROUND_HEM / 2, _ROUND_HEM)) * ramp(-sewn.patch.lift(legs.knee), 0.05, 0.15)
        shift[:, [0, 2]] += straight[:, None] * (sewn.patch.lift(around) - now)[:, [0, 2]]
    shift[:, 1] -= legs.drop * (1 + 3 * np.clip(behind, -0.05, 0.05)) * (1 - ramp(hem, -0.05, 0.22))
    shift = shift[sewn.own]
    # The ring that closes a leg lies inside of it, above the hem.
    ring = np.arange(len(shift))[-np.unique(rim_edges(sewn.patch.faces)).size :]
    ring_skin, leg = skin[sewn.own[ring]], waist[sewn.own[ring]] > 0.05
    inside = ring_skin + np.array([0.0, _CLOSED_ABOVE, 0.0])
    inside[:, [0, 2]] -= 0.2 * sewn.patch.lift(_from_axis(form, legs))[sewn.own[ring]]
    shift[ring] = np.where(leg[:, None], inside - sewn.vertices[ring], 0.0)
    return replace(sewn, vertices=sewn.vertices + shift, posed=sewn.posed + shift)


def _from_axis(form: DressForm, legs: Legs) -> np.ndarray:
    """Level distance of the body's vertices from their leg's axis: x and z [V, 2], metres."""
    return np.stack([np.sign(form.rest[:, 0]) * legs.leg_x, legs.leg_z], 1)


def _without_feet(weights: np.ndarray) -> np.ndarray:
    """Legs of trousers follow the shins, not the feet: weights [n, 55]."""
    moved = weights.copy()
    for foot, shin in _SHIN_OF_FOOT.items():
        moved[:, shin] += moved[:, foot]
        moved[:, foot] = 0
    return moved


@dataclass(frozen=True)
class _Folds:
    """Folds that the mesh carries: at the crotch, behind the knees, stacked above the hems."""

    form: DressForm
    recipe: TrouserRecipe

    def __call__(self, skin: np.ndarray) -> np.ndarray:
        """Metres that the cloth is raised at points of the T-pose skin [k, 3]: [k]."""
        form, recipe = self.form, self.recipe
        hip, knee = form.joints[1], form.joints[4]
        hem = hip[1] - recipe.length * (hip[1] - form.rest[:, 1].min())
        x, y, z = np.abs(skin[:, 0]), skin[:, 1], skin[:, 2]
        stacked = np.exp(-np.maximum(y - hem - recipe.cuff, 0) / 0.10) * float(
            np.clip((recipe.length - 0.80) / 0.13, 0, 1)
        )
        bent = bump(y, knee[1], 0.09) * (0.5 + ramp(-z, -0.02, 0.05))
        crotch = bump(y, hip[1] - 0.10, 0.06) * ramp(-x, -0.16, -0.03)
        amount = 0.35 + 0.7 * stacked * (hem < knee[1]) + 0.5 * bent + 0.3 * crotch
        amount *= ramp(y, hem + 0.3 * recipe.cuff, hem + recipe.cuff + 0.03)
        amount *= ramp(form.joints[0, 1] + recipe.rise - y, recipe.band, recipe.band + 0.06)
        # Rings around the leg where it stacks, slanted drags towards the crotch, long ones between.
        slanted = y - 0.7 * x * ramp(y, hip[1] - 0.25, hip[1] - 0.10)
        across = fbm(np.stack([skin[:, 0] * 7, slanted * 24, z * 7], 1), 2, seed=recipe.seed)
        down = fbm(np.stack([skin[:, 0] * 22, y * 4, z * 22], 1), 2, seed=recipe.seed + 1)
        ringed = ramp(stacked + bent + crotch, 0.0, 0.8)
        return recipe.folds * amount * (0.3 + across * (0.35 + 0.65 * ringed) + 0.7 * down * (1 - ringed))
