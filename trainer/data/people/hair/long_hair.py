"""Hair that hangs: from the parting over the head, down beside the neck, over shoulders and back."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.hair.hair_cap import hairline_directions, inside_hair, thickness
from dinar.trainer.data.people.hair.hair_recipe import HairRecipe
from dinar.trainer.data.people.hair.locks import VARIANTS, HairMesh, make_locks, make_sheet
from dinar.trainer.data.people.hair.skull import Skull, Trunk
from dinar.trainer.data.people.hair.strand_paint import DARK
from dinar.trainer.data.people.hair.strands import Combing, Fall, Strands, grow, roots, stray, wave
from dinar.trainer.data.people.head import azimuth, smoothstep

_PROFILE = (0.05, 0.95, 1.0, 1.0, 0.95, 0.8, 0.0)
_CURTAIN = 44  # strands that carry the curtain


def hanging(skull: Skull, trunk: Trunk, recipe: HairRecipe, rng: np.random.RandomState) -> list[HairMesh]:
    """A dark curtain from the hairline down, locks over it, and the fringe."""
    meshes = [_curtain(skull, trunk, recipe), _locks(skull, trunk, recipe, rng)]
    if recipe.lengths.fringe > 0:
        meshes.append(fringe(skull, trunk, recipe, rng))
    return meshes


def _rows(recipe: HairRecipe) -> int:
    length = 0.16 + recipe.lengths.end
    fine = length / (recipe.texture.wavelength / 5) if recipe.texture.wave > 0 else length / 0.035
    return int(np.clip(np.ceil(fine), 7, 26))


def _curtain(skull: Skull, trunk: Trunk, recipe: HairRecipe) -> HairMesh:
    """A sheet from temple to temple round the back, behind all locks."""
    turn = np.linspace(np.radians(62), 2 * np.pi - np.radians(62), _CURTAIN)
    directions = hairline_directions(skull, turn, up=0.022)
    count = len(directions)
    height = np.full(count, 0.004)
    fall = Fall(
        length=np.full(count, 0.9),
        end=_end(skull, recipe) + 0.035,
        root=height,
        height=height,
        lift=np.zeros(count),
        stiff=0.4,
        ears=recipe.ears,
        ahead=_ahead(skull, recipe, skull.surface(directions)),
        clearance=np.full(count, 0.018),
        stray=np.zeros(count),
        early=np.zeros(count),
    )
    strands = grow(skull, trunk, recipe.combing, directions, fall, 10)
    return make_sheet(strands, DARK + np.arange(count - 1) % (VARIANTS - DARK), limit=0.05)


def _end(skull: Skull, recipe: HairRecipe) -> float:
    return float(skull.head.eye[1] - recipe.lengths.end * skull.size)


def _ahead(skull: Skull, recipe: HairRecipe, place: np.ndarray) -> np.ndarray:
    """1 for hair that falls on the chest, -1 for hair that falls on the back: float64 [M]."""
    limit = np.radians(150) * recipe.ahead
    return np.where(azimuth(skull.head, place) < limit, 1.0, -1.0)


def _locks(skull: Skull, trunk: Trunk, recipe: HairRecipe, rng: np.random.RandomState) -> HairMesh:
    scale, look = skull.size, recipe.texture
    count = int(4 * np.pi * (0.095 / look.spacing) ** 2)
    directions = roots(count, rng)
    place = skull.surface(directions)
    inside = inside_hair(skull, recipe.scalp, place)
    grows = inside > 0.002
    if recipe.lengths.fringe > 0:
        grows &= ~_in_fringe(skull, place)
    directions, place = directions[grows], place[grows]
    count = len(directions)
    layer = rng.uniform(0, 1, count)
    thick = np.maximum(thickness(skull, recipe.scalp, recipe.bulk, place), 0.002)
    bluntness = (1 - recipe.lengths.blunt) * 0.14 * recipe.lengths.end
    fall = Fall(
        length=np.full(count, 0.95),
        end=_end(skull, recipe)
        + bluntness * rng.uniform(-0.3, 1.0, count) ** 2
        + rng.normal(0, 0.004, count),
        root=thick + 0.0012,
        height=thick + 0.001 + 0.007 * layer,
        lift=np.zeros(count),
        stiff=0.4,
        ears=recipe.ears,
        ahead=_ahead(skull, recipe, place),
        clearance=0.024 + 0.012 * layer,
        stray=rng.normal(0, look.stray, count),
        early=0.011 * smoothstep(0.012, 0.03, inside[grows]),
    )
    strands = grow(skull, trunk, recipe.combing, directions, fall, _rows(recipe))
    strands = _styled(strands, recipe, rng)
    half = 0.5 * look.width * scale * rng.uniform(0.7, 1.3, count)
    variant = np.where(layer < 0.25, rng.randint(DARK, VARIANTS, count), rng.randint(0, DARK, count))
    return make_locks(
        strands, half, variant, profile=_PROFILE, bulge=look.round, roll=rng.normal(0, 0.22, count)
    )


def _styled(strands: Strands, recipe: HairRecipe, rng: np.random.RandomState) -> Strands:
    look = recipe.texture
    waved = wave(strands, look.wave, look.wavelength, rng, curl=look.curl, seed=recipe.seed + 41)
    return stray(waved, look.messy, recipe.seed + 31)


def _in_fringe(skull: Skull, place: np.ndarray) -> np.ndarray:
    """Which roots belong to the fringe: those over the brow."""
    local = (place - skull.head.centre) / skull.size
    return (np.abs(local[:, 0]) < 0.068) & (local[:, 2] > 0.036) & (local[:, 1] > 0.01)


def fringe(skull: Skull, trunk: Trunk, recipe: HairRecipe, rng: np.random.RandomState) -> HairMesh:
    """Hair that falls forward over the brow."""
    scale, look = skull.size, recipe.texture
    spacing = min(0.58 * look.spacing, 0.0068)
    directions = roots(int(4 * np.pi * (0.095 / spacing) ** 2), rng)
    place = skull.surface(directions)
    chosen = _in_fringe(skull, place) & (inside_hair(skull, recipe.scalp, place) > 0.003)
    directions, place = directions[chosen], place[chosen]
    count = len(directions)
    combing = Combing(part=0.0, part_front=-0.02, sweep=(0.5 * recipe.combing.sweep[0], 0.0, 0.8), back=0.0)
    away = inside_hair(skull, recipe.scalp, place)
    layer = rng.uniform(0, 1, count)
    thick = np.maximum(thickness(skull, recipe.scalp, recipe.bulk, place), 0.001)
    fall = Fall(
        length=scale * recipe.lengths.fringe * rng.uniform(0.86, 1.06, count) + away,
        end=-np.inf,
        root=thick + 0.0008,
        height=np.maximum(thick, 0.004) + 0.004 * layer,
        lift=0.004 * rng.uniform(0.3, 1.2, count),
        stiff=0.5,
        ears=0.0,
        ahead=np.zeros(count),
        clearance=np.full(count, 0.02),
        stray=rng.normal(0, 0.07, count),
        early=0.008 * smoothstep(0.012, 0.03, away),
    )
    strands = grow(skull, trunk, combing, directions, fall, 6)
    half = 0.5 * min(0.60 * look.width, 0.0095) * scale * rng.uniform(0.7, 1.2, count)
    return make_locks(strands, half, rng.randint(0, DARK, count), profile=(0.1, 1, 1, 0.85, 0.0))
