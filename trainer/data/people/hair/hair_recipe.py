"""A haircut as numbers."""

from __future__ import annotations

from dataclasses import dataclass

from dinar.trainer.data.people.hair.hair_cap import Bulk
from dinar.trainer.data.people.hair.strands import Combing
from dinar.trainer.data.people.skin.scalp import Scalp


@dataclass(frozen=True)
class Lengths:
    """How long hair is; metres on a head of common size.

    Attributes:
        top, side, back: of the hair above the temples, beside them and behind.
        fringe: of the hair that falls over the brow, 0 for none.
        end: how far below the eyes the hair that hangs is cut, metres; 0 for hair that does not hang.
        blunt: 0 to 1: whether it is cut straight.
    """

    top: float
    side: float
    back: float
    fringe: float = 0.0
    end: float = 0.0
    blunt: float = 0.0


@dataclass(frozen=True)
class Texture:
    """What single locks are like.

    Attributes:
        width: metres across a lock.
        spacing: metres between the roots of two.
        lift: metres that locks arch above the hair below.
        stray: radians they stray.
        wave: metres, amplitude.
        wavelength: metres.
        curl: 0 waves, 1 ringlets.
        messy: metres that tips wander.
        round: height of a lock's ridge relative to half its width.
    """

    width: float
    spacing: float
    lift: float
    stray: float
    wave: float = 0.0
    wavelength: float = 0.08
    curl: float = 0.0
    messy: float = 0.0
    round: float = 0.3


@dataclass(frozen=True)
class HairRecipe:
    """One haircut.

    Attributes:
        style: its name, one of `haircuts.STYLES`.
        scalp: what is painted on the skin.
        bulk: thickness of the cap on the scalp.
        combing: which way hair lies.
        lengths: how long it is.
        texture: what locks are like.
        ears: 1 hair lies over the ears, 0 it leaves them free.
        ahead: share of hanging hair that falls in front of the shoulders.
        tied: "none", "ponytail", "bun", "plait" or "plaits".
        upright: 0 to 1: how far short hair stands up.
        curl: 0 to 1: tight curls in place of locks.
        highlights: share of locks streaked lighter.
        roots: how much darker the roots are; about 0.5 by nature, up to 1.8 where a dye has grown out.
        shine: strength of the band of light.
        seed: of all noise.
    """

    style: str
    scalp: Scalp
    bulk: Bulk
    combing: Combing
    lengths: Lengths
    texture: Texture
    ears: float
    ahead: float
    tied: str
    upright: float
    curl: float
    highlights: float
    roots: float
    shine: float
    seed: int
