"""Which trousers or shorts somebody wears: drawn by chance."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dinar.trainer.data.people.clothes.trouser_cut import Tube
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.fabric.fabrics import FabricRecipe, sample_fabric
from dinar.trainer.data.people.fabric.palette import sample_colour
from dinar.trainer.data.people.fabric.prints import PrintRecipe, sample_print
from dinar.trainer.data.people.individual import Individual

_LEATHERS = (
    (0.012, 0.011, 0.010),
    (0.055, 0.026, 0.014),
    (0.150, 0.066, 0.028),
    (0.260, 0.130, 0.055),
    (0.080, 0.018, 0.016),
)  # linear RGB
_FOLDS = {
    "jeans": 0.006,
    "chinos": 0.006,
    "suit": 0.005,
    "joggers": 0.007,
    "leggings": 0.0,
    "cargo": 0.008,
    "wide": 0.008,
}
_BACK_POCKETS = {
    "jeans": "patch",
    "chinos": "welt",
    "suit": "welt",
    "joggers": "none",
    "leggings": "none",
    "cargo": "patch",
    "wide": "none",
}


@dataclass(frozen=True)
class TrouserRecipe:
    """One pair of trousers.

    Attributes:
        kind: "jeans", "chinos", "suit", "joggers", "leggings", "cargo" or "wide".
        rise: metres of the upper edge above the pelvis joint, 0.03 (hips) to 0.12 (waist).
        length: share of the way from hip joint to floor: 0.25 (short shorts) to 0.93 (full).
        tube: shape of the legs.
        folds: metres, height of the folds.
        cuff: height of a ribbed cuff (joggers) or turn-up, metres; 0 for none.
        ribbed: whether the cuff is ribbed and tight.
        band: height of the waistband, metres.
        belt: linear RGB of a leather belt, or None.
        drawstring: whether a cord hangs from the band.
        fly: whether there is a fly and a button.
        front_pockets: "curved" (jeans), "slanted" or "none".
        back_pockets: "patch", "welt" or "none".
        cargo: whether pockets sit on the thighs.
        thread: linear RGB of seams that show, or None.
        stripe: linear RGB of a stripe down the sides, or None.
        wear: how faded jeans are where they rub, 0 to 1.
        fabric: of all of it.
        seed: of the folds.
        print: on the legs, or None.
    """

    kind: str
    rise: float
    length: float
    tube: Tube
    folds: float
    cuff: float
    ribbed: bool
    band: float
    belt: tuple[float, float, float] | None
    drawstring: bool
    fly: bool
    front_pockets: str
    back_pockets: str
    cargo: bool
    thread: tuple[float, float, float] | None
    stripe: tuple[float, float, float] | None
    wear: float
    fabric: FabricRecipe
    seed: int
    print: PrintRecipe | None = None


def sample_trousers(draw: Draw, individual: Individual, *, short: bool = False) -> TrouserRecipe:
    """Draw trousers (or shorts) that suit a person."""
    woman, old = individual.femininity > 0.5, individual.age > 50
    kind = draw.pick(
        ("jeans", "chinos", "suit", "joggers", "leggings", "cargo", "wide"),
        (
            0.38,
            0.16,
            0.06 if short else 0.14,
            0.14 * (0.4 if old else 1),
            (0.14 if woman else 0.01) * (0.3 if old else 1),
            0.10 * (0.4 if old else 1),
            0.14 if woman else 0.02,
        ),
    )
    cloth = draw.child("fabric")
    if kind == "jeans":
        fabric = sample_fabric(cloth, "denim")
    else:
        fabric = sample_fabric(cloth, "shorts" if short else "trousers")
    recipe = TrouserRecipe(
        kind=kind,
        rise=draw.uniform(0.05, 0.11) if woman else draw.uniform(0.035, 0.075),
        length=draw.uniform(0.875, 0.945),
        tube=_tube(draw.child("tube"), kind),
        folds=draw.uniform(0.5, 1.3) * _FOLDS[kind],
        cuff=0.0,
        ribbed=False,
        band=draw.uniform(0.032, 0.045),
        belt=None,
        drawstring=False,
        fly=kind not in ("joggers", "leggings"),
        front_pockets="curved" if kind == "jeans" else "none" if kind == "leggings" else "slanted",
        back_pockets=_BACK_POCKETS[kind],
        cargo=kind == "cargo",
        thread=(0.40, 0.22, 0.09) if kind == "jeans" and draw.chance(0.6) else None,
        stripe=None,
        wear=draw.uniform(0.1, 1.0) if kind == "jeans" else 0.0,
        fabric=fabric,
        seed=draw.seed(),
    )
    if kind in ("jeans", "chinos", "suit", "cargo") and draw.chance(0.45):
        recipe = replace(recipe, belt=draw.pick(_LEATHERS))
    if kind == "joggers":
        recipe = replace(recipe, cuff=draw.uniform(0.04, 0.07), ribbed=True, drawstring=draw.chance(0.7))
        if draw.chance(0.4):
            recipe = replace(recipe, stripe=sample_colour(draw.child("stripe"), "top"))
    elif kind in ("jeans", "chinos", "wide") and draw.chance(0.25):
        recipe = replace(recipe, cuff=draw.uniform(0.025, 0.045), length=draw.uniform(0.80, 0.90))
    if kind in ("joggers", "leggings") and recipe.stripe is None and draw.child("print").chance(0.5):
        sport = sample_print(draw.child("print", "leg"), "leg", fabric.pattern.colours[0])
        recipe = replace(recipe, print=sport)
    if kind == "leggings":
        recipe = replace(recipe, length=draw.pick((0.72, 0.88, 0.90)), rise=draw.uniform(0.08, 0.12))
    if kind in ("wide", "chinos") and draw.chance(0.25):
        recipe = replace(recipe, length=draw.uniform(0.72, 0.84))
    return _shortened(draw.child("short"), recipe) if short else recipe


def _tube(draw: Draw, kind: str) -> Tube:
    """Draw the shape of the legs."""
    width = draw.uniform(0, 1)
    if kind == "leggings":
        return Tube(0.0035, 0.0035, 0.0035, 0.0, 0.0, 2.0, 0.0)
    if kind == "joggers":
        return Tube(
            0.010, 0.014 + 0.012 * width, 0.016 + 0.014 * width, 0.075 + 0.010 * width, 0.060, 0.25, 0.0
        )
    if kind == "cargo":
        return Tube(
            0.009, 0.014 + 0.010 * width, 0.016, 0.080 + 0.012 * width, 0.078 + 0.018 * width, 0.15, 0.0
        )
    if kind == "wide":
        return Tube(
            0.006, 0.014, 0.014, 0.090 + 0.03 * width, 0.100 + 0.055 * width, 0.02, 0.006 * draw.integer(0, 1)
        )
    if kind == "suit":
        return Tube(
            0.006, 0.010 + 0.006 * width, 0.010, 0.072 + 0.010 * width, 0.064 + 0.016 * width, 0.14, 0.007
        )
    if draw.chance(0.12):  # flared from the knee
        return Tube(0.004, 0.005, 0.008, 0.064, draw.uniform(0.085, 0.125), 0.35, 0.0)
    slim = draw.chance(0.5)
    if slim:
        return Tube(
            0.004, 0.004 + 0.004 * width, 0.005 + 0.006 * width, 0.055, 0.046 + 0.014 * width, 0.7, 0.0
        )
    return Tube(0.005, 0.009 + 0.009 * width, 0.010, 0.070 + 0.016 * width, 0.066 + 0.020 * width, 0.18, 0.0)


def _shortened(draw: Draw, recipe: TrouserRecipe) -> TrouserRecipe:
    """Cut trousers off above the knee or at it."""
    length = draw.pick(
        (draw.uniform(0.27, 0.36), draw.uniform(0.38, 0.50), draw.uniform(0.50, 0.58)), (0.25, 0.5, 0.25)
    )
    tight = recipe.kind == "leggings"
    thigh = recipe.tube.thigh if tight else draw.uniform(0.010, 0.024)
    return replace(
        recipe,
        length=length,
        ribbed=False,
        cuff=0.0 if recipe.ribbed else min(recipe.cuff, 0.03),
        tube=replace(recipe.tube, thigh=thigh, taper=2.0 if tight else draw.uniform(-0.10, 0.10), crease=0.0),
    )
