"""Tight curls: tufts that stand out of a thick cap."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.hair.hair_cap import inside_hair, thickness
from dinar.trainer.data.people.hair.hair_recipe import HairRecipe
from dinar.trainer.data.people.hair.locks import HairMesh, make_locks
from dinar.trainer.data.people.hair.skull import Skull, frame, unit
from dinar.trainer.data.people.hair.strand_paint import DARK
from dinar.trainer.data.people.hair.strands import Strands, roots
from dinar.trainer.data.people.head import smoothstep

_ROWS = 6


def tufts(skull: Skull, recipe: HairRecipe, rng: np.random.RandomState) -> list[HairMesh]:
    """Short curls all over the cap: each winds once about the direction in which the hair stands."""
    look, scale = recipe.texture, skull.size
    directions = roots(int(4 * np.pi * (0.095 / look.spacing) ** 2), rng)
    skin = skull.surface(directions)
    normal = skull.normal(directions)
    thick = thickness(skull, recipe.scalp, recipe.bulk, skin)
    grows = (thick > 0.002) & (inside_hair(skull, recipe.scalp, skin) > 0.002)
    skin, thick, directions = skin[grows], thick[grows], directions[grows]
    outward = unit(normal[grows] + 0.5 * directions)
    count = len(skin)
    length = scale * recipe.lengths.top * rng.uniform(0.6, 1.3, count) * np.minimum(1, thick / 0.01)
    away = unit(outward + 0.55 * rng.normal(0, 1, (count, 3)))
    first, second = frame(away)
    t = np.linspace(0, 1, _ROWS + 1)[None, :, None]
    turn = (
        2
        * np.pi
        * (rng.uniform(0, 1, count)[:, None, None] + t * rng.uniform(0.9, 1.5, count)[:, None, None])
    )
    coil = look.wave * scale * rng.uniform(0.6, 1.4, count)[:, None, None]
    round_it = first[:, None] * np.cos(turn) + second[:, None] * np.sin(turn)
    start = skin + outward * (0.93 * thick - 0.004)[:, None]
    curve = (
        start[:, None] + away[:, None] * (length[:, None, None] * t) + round_it * coil * smoothstep(0, 0.4, t)
    )
    half = 0.5 * look.width * scale * rng.uniform(0.7, 1.3, count)
    strands = Strands(curve, unit(0.6 * outward[:, None] + round_it))
    return [
        make_locks(strands, half, rng.randint(0, DARK, count), profile=(0.9, 1.0, 1.0, 0.9, 0.45), bulge=0.5)
    ]
