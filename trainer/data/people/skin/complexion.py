"""What is painted on a person: tones of skin, hair and eyes, what age leaves, beards and make-up.

A `Complexion` holds plain numbers; `sample_complexion` draws one that fits ancestry, age and sex.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dinar.trainer.data.people.bake import decode_srgb
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.individual import Individual

Colour = tuple[float, float, float]  # linear RGB
BEARDS = ("none", "stubble", "moustache", "goatee", "short", "long")


@dataclass(frozen=True)
class HairColour:
    """Colour of hair.

    Attributes:
        root: linear RGB of the hair's mean, darker towards the root.
        tip: linear RGB where sun and wear have lightened it.
        grey: share of hairs without pigment, 0 to 1.
        white: linear RGB of those hairs.
    """

    root: Colour
    tip: Colour
    grey: float
    white: Colour


@dataclass(frozen=True)
class Brows:
    """Shape of the brows.

    Attributes:
        thickness: width relative to a man's plain brow (1).
        density: number of hairs relative to it.
        arch: metres that the outer third is raised, about -0.002 to 0.004.
        spread: length outwards relative to the plain brow.
        lift: metres that the whole brow lies higher.
        gap: metres that the inner end starts farther out.
    """

    thickness: float
    density: float
    arch: float
    spread: float
    lift: float
    gap: float


@dataclass(frozen=True)
class Makeup:
    """Make-up; each share is 0 (none) to 1 (opaque).

    Attributes:
        lipstick: linear RGB, and its share.
        shadow: eye shadow, likewise.
        blush: likewise.
        liner: share of a dark line along the lids.
        foundation: how far it evens out the skin.
        nails: polish, likewise.
    """

    lipstick: tuple[Colour, float]
    shadow: tuple[Colour, float]
    blush: tuple[Colour, float]
    liner: float
    foundation: float
    nails: tuple[Colour, float]


@dataclass(frozen=True)
class Complexion:
    """What is painted on a person. Numbers from 0 to 1 unless said otherwise.

    Attributes:
        melanin: tone of the skin, 0 the lightest to 1 the darkest.
        undertone: -1 (pink) to 1 (olive).
        flush: blood near the surface in cheeks, nose, ears, knuckles; 1 is a fair man's, up to 1.6.
        freckles: how many, and how dark.
        moles: likewise.
        sheen: how oily the skin is.
        wrinkles: lines of forehead, eyes, mouth and neck.
        spots: age spots on face, forearms and hands.
        bags: dark and loose skin under the eyes.
        folds: depth of the folds from nose to mouth.
        lips: how much redder and darker than the skin around them they are, 1 is plain, up to 1.5.
        iris: linear RGB of the iris round the pupil, and at its rim.
        lashes: length and thickness; 1 is a man's, up to 1.8.
        brows: their shape.
        hair: colour on the head.
        brow_hair: colour of brows.
        beard_hair: colour of the beard.
        beard: one of `BEARDS`; of "short" and "long" only roots are painted.
        stubble: darkness of shaved or growing beard over its whole area.
        recession: how far the temples have lost their hair.
        crown: how far the crown has.
        body_hair: on forearms and lower legs.
        makeup: make-up and nail polish.
        tattoo: "none", or the limb that has one: "left forearm", "right forearm", "left calf", "right calf".
        seed: of all noise, 1 to 2^20; 0 is the default avatar's.
    """

    melanin: float
    undertone: float
    flush: float
    freckles: float
    moles: float
    sheen: float
    wrinkles: float
    spots: float
    bags: float
    folds: float
    lips: float
    iris: tuple[Colour, Colour]
    lashes: float
    brows: Brows
    hair: HairColour
    brow_hair: HairColour
    beard_hair: HairColour
    beard: str
    stubble: float
    recession: float
    crown: float
    body_hair: float
    makeup: Makeup
    tattoo: str
    seed: int


def _colour(srgb: str) -> Colour:
    red, green, blue = decode_srgb(srgb)
    return float(red), float(green), float(blue)


_WHITE = _colour("#b5aa9c")
_BARE = (0.0, 0.0, 0.0)
NO_MAKEUP = Makeup((_BARE, 0.0), (_BARE, 0.0), (_BARE, 0.0), 0.0, 0.0, (_BARE, 0.0))
_BROWN = HairColour(_colour("#2b1f18"), _colour("#5d412d"), 0.0, _WHITE)
DEFAULT = Complexion(
    melanin=0.30,
    undertone=0.0,
    flush=1.0,
    freckles=0.25,
    moles=0.25,
    sheen=0.5,
    wrinkles=0.0,
    spots=0.0,
    bags=0.0,
    folds=0.0,
    lips=1.0,
    iris=(_colour("#603d22"), _colour("#352111")),
    lashes=1.0,
    brows=Brows(1.0, 1.0, 0.0, 1.0, 0.0, 0.0),
    hair=_BROWN,
    brow_hair=_BROWN,
    beard_hair=_BROWN,
    beard="stubble",
    stubble=0.5,
    recession=0.0,
    crown=0.0,
    body_hair=0.0,
    makeup=NO_MAKEUP,
    tattoo="none",
    seed=0,
)
"""The default avatar's: light brown skin, brown hair, two days of beard, late twenties."""

# Root and tip, from black to white; the shares in which people of three ancestries have them.
_HAIR = {
    "black": ("#17120f", "#2f2520"),
    "dark brown": ("#2b1f18", "#5d412d"),
    "brown": ("#3f2b1d", "#74523a"),
    "light brown": ("#5b4029", "#8f6c48"),
    "dark blond": ("#78593a", "#a98a5c"),
    "blond": ("#9a7a4c", "#cdb27e"),
    "auburn": ("#4a2416", "#7d4527"),
    "red": ("#75391c", "#b06433"),
}
_NATURAL = {
    "african": (0.86, 0.12, 0.02, 0.0, 0.0, 0.0, 0.0, 0.0),
    "asian": (0.78, 0.19, 0.03, 0.0, 0.0, 0.0, 0.0, 0.0),
    "european": (0.12, 0.27, 0.22, 0.13, 0.11, 0.07, 0.04, 0.04),
    "southern": (0.60, 0.32, 0.08, 0.0, 0.0, 0.0, 0.0, 0.0),
}
_DYES = (
    *(("#a5885c", "#d8c292"), ("#c2ab82", "#e6d8b6"), ("#52231a", "#8a3f2a"), ("#7a2f1a", "#b5532c")),
    *(("#6b4a2e", "#c19a62"), ("#1a1413", "#33201f"), ("#3a1418", "#6e1f2c")),
)
_VIVID = (("#a04a6a", "#d884a6"), ("#28506e", "#4f92b8"), ("#4a2c66", "#8456a6"), ("#2f5a4a", "#5aa384"))
_IRIS = {
    "dark brown": ("#3f2616", "#22140b"),
    "brown": ("#603d22", "#352111"),
    "hazel": ("#6b4e2b", "#423f26"),
    "green": ("#605c38", "#3c4a38"),
    "blue": ("#66747c", "#3a4a5a"),
    "grey": ("#6d7476", "#454d52"),
}
_LIPSTICKS = (
    "#9c2f33",
    "#b5484d",
    "#a8555a",
    "#b96a66",
    "#8a2a3a",
    "#c05f6b",
    "#6e2230",
    "#b4735f",
    "#a03f5c",
)
_SHADOWS = ("#6a4d44", "#8a6a5c", "#5a4a52", "#7d5a66", "#4c4a55", "#8c7355", "#5c6470")
_POLISHES = (
    "#a3232b",
    "#c9727d",
    "#d8b0a6",
    "#5c1a2a",
    "#2a2226",
    "#c98f86",
    "#8f6f9c",
    "#e3dcd6",
    "#3a5876",
)


def sample_complexion(draw: Draw, individual: Individual) -> Complexion:
    """Draw a complexion that fits ancestry, age and sex.

    Args:
        draw: where chance comes from.
        individual: whose it is.
    """
    people = _people(draw.child("people"), individual)
    melanin = _melanin(draw.child("melanin"), individual, people)
    natural = _natural_hair(draw.child("hair"), people, melanin)
    grey = _greyness(draw.child("grey"), individual.age)
    iris = _iris(draw.child("iris"), people, natural, melanin)
    aged = draw.child("age")
    years = np.clip((individual.age - 30) / 45, 0, 1)
    face = draw.child("face")
    woman = individual.femininity > 0.5
    beard, stubble = _beard(draw.child("beard"), individual)
    fair = 1 - melanin
    recession, crown = _hair_loss(draw.child("loss"), individual)
    pale = _is_pale(natural)
    return Complexion(
        melanin=melanin,
        undertone=float(np.clip(face.normal(0.25 if people == "asian" else 0.0, 0.35), -1, 1)),
        flush=float(np.clip(face.normal(0.55 + 0.5 * fair, 0.22), 0.2, 1.6)),
        freckles=_freckles(draw.child("freckles"), melanin, natural),
        moles=face.uniform(0, 1) ** 2,
        sheen=face.uniform(0.25, 0.8),
        wrinkles=float(np.clip(1.05 * years + aged.normal(0, 0.12) - 0.1 * melanin, 0, 1)),
        spots=float(np.clip((1.3 * years - 0.35 + aged.normal(0, 0.15)) * (1.2 - 0.7 * melanin), 0, 1)),
        bags=float(np.clip(0.15 + 0.6 * years + aged.normal(0, 0.15), 0, 1)),
        folds=float(np.clip(0.1 + 0.8 * years + aged.normal(0, 0.12), 0, 1)),
        lips=float(np.clip(face.normal(1.05 if woman else 0.9, 0.15) - 0.2 * years, 0.5, 1.5)),
        iris=iris,
        lashes=face.uniform(1.0, 1.5) if woman else face.uniform(0.7, 1.1),
        brows=_brows(draw.child("brows"), individual),
        hair=_worn_hair(draw.child("dye"), individual, natural, grey),
        brow_hair=replace(natural, root=_shade(natural.root, 0.8 if pale else 1.0), grey=0.3 * grey),
        beard_hair=replace(natural, grey=min(1.0, 1.15 * grey)),
        beard=beard,
        stubble=stubble,
        recession=recession,
        crown=crown,
        body_hair=0.0 if woman else face.uniform(0.0, 1.0) * (0.5 if people in ("asian", "african") else 1.0),
        makeup=_makeup(draw.child("makeup"), melanin) if woman else NO_MAKEUP,
        tattoo=_tattoo(draw.child("tattoo"), individual),
        seed=1 + draw.child("seed").seed(),
    )


def _people(draw: Draw, individual: Individual) -> str:
    """Which of four groups the person's pigments come from."""
    group = draw.pick(("african", "asian", "european"), individual.ancestry)
    return "southern" if group == "european" and draw.chance(0.25) else group


def _melanin(draw: Draw, individual: Individual, people: str) -> float:
    """Tone of the skin: that of the group, drawn towards the mean of the ancestors."""
    mean, spread = {
        "african": (0.69, 0.12),
        "asian": (0.27, 0.08),
        "european": (0.17, 0.07),
        "southern": (0.43, 0.10),
    }[people]
    blended = float(np.dot(individual.ancestry, (0.70, 0.30, 0.20)))
    return float(np.clip(draw.normal(0.75 * mean + 0.25 * blended, spread), 0.02, 1.0))


def _natural_hair(draw: Draw, people: str, melanin: float) -> HairColour:
    """The colour a person was born with, without grey."""
    shares = np.array(_NATURAL[people])
    shares[3:] *= max(0.0, 1 - 2.2 * melanin)  # light hair on light skin
    root, tip = _HAIR[draw.pick(tuple(_HAIR), shares.tolist())]
    light = float(np.exp(draw.normal(0, 0.12)))
    return HairColour(_shade(_colour(root), light), _shade(_colour(tip), light), 0.0, _white(draw))


def _white(draw: Draw) -> Colour:
    return _shade(_WHITE, draw.uniform(0.75, 1.25))


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(1.0, value * factor) for value in colour)
    return red, green, blue


def _is_pale(hair: HairColour) -> bool:
    return hair.root[1] > 0.06


def _greyness(draw: Draw, age: float) -> float:
    """Share of grey hairs: begins between 30 and 55, complete about 25 years later."""
    begin = draw.normal(42, 6)
    return float(np.clip((age - begin) / 26, 0, 1) ** 0.8)


def _worn_hair(draw: Draw, individual: Individual, natural: HairColour, grey: float) -> HairColour:
    """Natural or dyed; who dyes has no grey."""
    woman = individual.femininity > 0.5
    if draw.chance(0.16 if woman else 0.02):
        root, tip = draw.pick(_DYES)
    elif draw.chance(0.03 if woman and individual.age < 45 else 0.004):
        root, tip = draw.pick(_VIVID)
    else:
        hides_grey = woman and individual.age < 65 and draw.chance(0.5)
        return replace(natural, grey=0.05 * grey if hides_grey else grey)
    return HairColour(_colour(root), _colour(tip), 0.0, natural.white)


def _iris(draw: Draw, people: str, hair: HairColour, melanin: float) -> tuple[Colour, Colour]:
    """Brown for most; blue, grey and green with light skin, more so with light hair."""
    light = max(0.0, 0.62 - 1.6 * melanin) * (1.5 if _is_pale(hair) else 1.0)
    light = min(0.85, light) if people == "european" else 0.02
    dark = (1 - light) * (0.25 if people == "european" else 0.75)
    hazel = 0.12 * (1 - melanin) ** 3
    shares = (dark, 1 - light - dark, hazel, 0.18 * light, 0.62 * light, 0.2 * light)
    inner, rim = _IRIS[draw.pick(tuple(_IRIS), shares)]
    factor = float(np.exp(draw.normal(0, 0.15)))
    return _shade(_colour(inner), factor), _shade(_colour(rim), factor)


def _freckles(draw: Draw, melanin: float, hair: HairColour) -> float:
    """Many on some people with light skin and red or blond hair."""
    red = hair.root[0] > 3.2 * hair.root[1]
    many = draw.chance((0.85 if red else 0.30 if _is_pale(hair) else 0.15) * max(0.0, 1 - 1.8 * melanin))
    return draw.uniform(0.4, 1.0) if many else draw.uniform(0.0, 0.3)


def _beard(draw: Draw, individual: Individual) -> tuple[str, float]:
    """Style, and how dark shaved or growing hair looks."""
    if individual.femininity > 0.4:
        return "none", 0.0
    growth = {0: 1.0, 1: 0.55, 2: 1.0}[int(np.argmax(individual.ancestry))]
    style = draw.pick(BEARDS, (0.42 + 0.3 * (1 - growth), 0.22, 0.06, 0.08, 0.16 * growth, 0.06 * growth))
    shadow = {"none": draw.uniform(0.0, 0.25), "stubble": draw.uniform(0.35, 0.9)}
    return style, growth * shadow.get(style, draw.uniform(0.05, 0.35))


def _hair_loss(draw: Draw, individual: Individual) -> tuple[float, float]:
    """Recession of the temples, loss at the crown."""
    years = float(np.clip((individual.age - 22) / 45, 0, 1))
    if individual.femininity > 0.5:
        return 0.12 * draw.uniform(0, 1) * years, 0.0
    prone = draw.uniform(0, 1)
    recession = float(np.clip(0.25 * prone + 1.1 * years * prone, 0, 1))
    crown = float(np.clip(1.5 * years * prone - 0.35 + draw.normal(0, 0.12), 0, 1))
    return recession, crown


def _brows(draw: Draw, individual: Individual) -> Brows:
    woman = individual.femininity
    return Brows(
        thickness=float(np.clip(draw.normal(1.05 - 0.32 * woman, 0.16), 0.45, 1.5)),
        density=float(np.clip(draw.normal(1.0 - 0.1 * woman, 0.2), 0.4, 1.4)),
        arch=draw.normal(0.0002 + 0.0014 * woman, 0.0009),
        spread=draw.uniform(0.92, 1.06),
        lift=draw.normal(0.0004 + 0.0008 * woman, 0.0009),
        gap=draw.uniform(-0.0012, 0.0025),
    )


def _makeup(draw: Draw, melanin: float) -> Makeup:
    """None, a little, or an evening's worth."""
    effort = draw.pick((0.0, 0.4, 1.0), (0.38, 0.42, 0.20))
    if effort == 0.0:
        return replace(NO_MAKEUP, nails=_nails(draw))
    blush = "#a8413c" if melanin > 0.55 else "#cf7a72"
    return Makeup(
        lipstick=(
            _shade(_colour(draw.pick(_LIPSTICKS)), 1 - 0.5 * melanin),
            effort * draw.uniform(0.45, 0.85),
        ),
        shadow=(_colour(draw.pick(_SHADOWS)), effort * draw.uniform(0.15, 0.65)),
        blush=(_colour(blush), effort * draw.uniform(0.1, 0.4)),
        liner=effort * draw.uniform(0.2, 0.9),
        foundation=effort * draw.uniform(0.3, 0.8),
        nails=_nails(draw),
    )


def _nails(draw: Draw) -> tuple[Colour, float]:
    return (_colour(draw.pick(_POLISHES)), 0.95) if draw.chance(0.4) else (_BARE, 0.0)


def _tattoo(draw: Draw, individual: Individual) -> str:
    if not draw.chance(0.10 if individual.age < 50 else 0.03):
        return "none"
    return draw.pick(("left forearm", "right forearm", "left calf", "right calf"), (3, 3, 1, 1))
