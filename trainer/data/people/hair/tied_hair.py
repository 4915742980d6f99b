"""Hair drawn together: pony tails, buns and plaits."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.hair.hair_cap import hairline_directions, thickness
from dinar.trainer.data.people.hair.hair_recipe import HairRecipe
from dinar.trainer.data.people.hair.locks import VARIANTS, HairMesh, make_locks, make_sheet
from dinar.trainer.data.people.hair.long_hair import fringe
from dinar.trainer.data.people.hair.skull import Skull, Trunk, frame, unit
from dinar.trainer.data.people.hair.strand_paint import DARK
from dinar.trainer.data.people.hair.strands import (
    Combing,
    Fall,
    Strands,
    grow,
    hang,
    roots,
    stray,
    tangents,
    wave,
)

_TIE_RADIUS = 0.011  # metres, of the bundle where it is tied
_TUBE = np.linspace(0, 2 * np.pi, 8)


def tied(skull: Skull, trunk: Trunk, recipe: HairRecipe, rng: np.random.RandomState) -> list[HairMesh]:
    """Locks drawn over the scalp to where they are tied, and what hangs or is wound there."""
    meshes = [_drawn(skull, trunk, recipe, rng)]
    if recipe.lengths.fringe > 0:
        meshes.append(fringe(skull, trunk, recipe, rng))
    if recipe.lengths.end > 0:
        meshes.append(_loose(skull, trunk, recipe, rng))
    sides = (1.0, -1.0) if recipe.tied == "plaits" else (1.0,)
    for side in sides:
        tie, out = _tie(skull, recipe, side)
        if recipe.tied == "ponytail":
            meshes += _tail(skull, trunk, recipe, tie, out, rng)
        elif recipe.tied == "bun":
            meshes += _bun(skull, recipe, tie, out, rng)
        else:
            meshes += _plait(skull, trunk, recipe, tie, out, rng)
    return meshes


def _tie(skull: Skull, recipe: HairRecipe, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Where hair is tied, [3], and the direction out of the head there, [3]."""
    direction = unit(np.array(recipe.combing.tie) * [side, 1.0, 1.0])[None]
    normal = skull.normal(direction)[0]
    return skull.surface(direction)[0] + 0.010 * normal, normal


def _drawn(skull: Skull, trunk: Trunk, recipe: HairRecipe, rng: np.random.RandomState) -> HairMesh:
    """Locks that lie close over the scalp and end at the tie."""
    look, scale = recipe.texture, skull.size
    directions = roots(int(4 * np.pi * (0.095 / look.spacing) ** 2), rng)
    place = skull.surface(directions)
    thick = thickness(skull, recipe.scalp, recipe.bulk, place)
    grows = thick > 0.0015
    directions, place, thick = directions[grows], place[grows], thick[grows]
    count = len(directions)
    sides = np.stack([np.where(place[:, 0] < 0, -1.0, 1.0), *np.ones((2, count))], axis=1)
    ties = unit(np.array(recipe.combing.tie) * sides)
    arc = np.arccos(np.clip((directions * ties).sum(1), -1, 1)) * 0.098 * scale
    far = arc > 0.02
    directions, thick, arc = directions[far], thick[far], arc[far]
    count = len(directions)
    layer = rng.uniform(0, 1, count)
    fall = Fall(
        length=np.minimum(arc, 0.15) * rng.uniform(0.92, 1.02, count),
        end=-np.inf,
        root=thick + 0.0005,
        height=thick + 0.001 + 0.003 * layer,
        lift=look.lift * rng.uniform(0.2, 1.0, count),
        stiff=0.3,
        ears=0.0,
        ahead=np.zeros(count),
        clearance=np.full(count, 0.02),
        stray=rng.normal(0, look.stray, count),
        early=np.zeros(count),
    )
    strands = grow(skull, trunk, recipe.combing, directions, fall, 7)
    half = 0.5 * look.width * scale * rng.uniform(0.7, 1.3, count)
    profile = (0.10, 1.0, 1.0, 0.9, 0.55)
    return make_locks(
        strands, half, rng.randint(0, DARK, count), profile=profile, roll=rng.normal(0, 0.12, count)
    )


def _loose(skull: Skull, trunk: Trunk, recipe: HairRecipe, rng: np.random.RandomState) -> HairMesh:
    """A few locks that slipped out of the tie and frame the face."""
    count = 14
    side = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    turn = side * np.radians(rng.uniform(40, 57, count))
    directions = hairline_directions(skull, turn, up=0.010)
    fall = Fall(
        length=np.full(count, 0.4),
        end=skull.head.eye[1] - skull.size * recipe.lengths.end * rng.uniform(0.5, 1.0, count),
        root=np.full(count, 0.003),
        height=0.006 + 0.006 * rng.uniform(0, 1, count),
        lift=np.full(count, 0.004),
        stiff=0.5,
        ears=0.0,
        ahead=np.ones(count),
        clearance=np.full(count, 0.02),
        stray=rng.normal(0, 0.15, count),
        early=np.zeros(count),
    )
    strands = grow(skull, trunk, Combing(part_front=0.13, back=0.1), directions, fall, 10)
    strands = wave(strands, 0.004, 0.08, rng, curl=0.0, seed=recipe.seed + 51)
    half = 0.5 * 0.0060 * skull.size * rng.uniform(0.6, 1.2, count)
    variant = rng.randint(0, DARK, count)
    return make_locks(
        strands, half, variant, profile=(0.3, 1.0, 1.0, 0.7, 0.0), roll=rng.normal(0, 0.3, count)
    )


def _falling(recipe: HairRecipe, count: int, length: np.ndarray, stiff: float, spread: np.ndarray) -> Fall:
    return Fall(
        length=length,
        end=-np.inf,
        root=np.full(count, 0.006),
        height=np.full(count, 0.006),
        lift=np.zeros(count),
        stiff=stiff,
        ears=0.0,
        ahead=np.full(count, recipe.ahead if recipe.tied == "plaits" else -0.1),
        clearance=0.022 + 0.02 * spread,
        stray=np.zeros(count),
        early=np.zeros(count),
    )


def _tail(
    skull: Skull,
    trunk: Trunk,
    recipe: HairRecipe,
    tie: np.ndarray,
    out: np.ndarray,
    rng: np.random.RandomState,
) -> list[HairMesh]:
    """A bundle that leaves the head through the tie and falls."""
    count = 90
    first, second = (axis[0] for axis in frame(out[None]))
    angle = rng.uniform(0, 2 * np.pi, count)
    distance = np.sqrt(rng.uniform(0.05, 1, count))
    disc = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second
    start = tie + disc * (_TIE_RADIUS * distance)[:, None] - 0.012 * out
    heading = unit(out + 0.24 * disc * distance[:, None])
    length = skull.size * recipe.lengths.back * rng.uniform(0.75, 1.05, count)
    fall = _falling(recipe, count, length, 0.82, distance)
    strands = hang(skull, trunk, start, heading, fall, 16 if recipe.texture.wave > 0 else 11)
    look = recipe.texture
    strands = Strands(strands.curve, unit(strands.outward + 1.5 * disc[:, None]))
    strands = wave(strands, look.wave, look.wavelength, rng, curl=look.curl, seed=recipe.seed + 41)
    strands = stray(strands, look.messy, recipe.seed + 31)
    half = 0.5 * look.width * skull.size * rng.uniform(0.7, 1.2, count)
    variant = np.where(distance < 0.5, rng.randint(DARK, VARIANTS, count), rng.randint(0, DARK, count))
    locks = make_locks(
        strands, half, variant, profile=(0.6, 0.8, 1.0, 1.0, 1.0, 0.85, 0.0), roll=rng.normal(0, 0.25, count)
    )
    return [locks, _band(tie, out, _TIE_RADIUS * 1.25)]


def _band(centre: np.ndarray, axis: np.ndarray, radius: float) -> HairMesh:
    """The ring of the tie."""
    first, second = (a[0] for a in frame(axis[None]))
    turn = np.linspace(0, 2 * np.pi, 15)
    spoke = np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * second
    small = np.linspace(0, 2 * np.pi, 6)
    thick = 0.0042
    ring = np.stack(
        [centre + spoke * (radius + thick * np.cos(s)) + axis * (1.5 * thick * np.sin(s)) for s in small]
    )
    return make_sheet(Strands(ring, np.zeros_like(ring)), np.full(len(small) - 1, VARIANTS - 1), limit=np.inf)


def _bun(
    skull: Skull, recipe: HairRecipe, tie: np.ndarray, out: np.ndarray, rng: np.random.RandomState
) -> list[HairMesh]:
    """Hair wound round the tie: a core, and locks that circle it."""
    size = recipe.lengths.back * skull.size  # metres, radius
    first, second = (axis[0] for axis in frame(out[None]))
    centre = tie + 0.50 * size * out
    axes = np.stack([first * size, second * size, out * 0.78 * size])

    def wound(turn: np.ndarray, latitude: np.ndarray, swell: np.ndarray) -> Strands:
        """Curves on the ellipsoid."""
        unit_sphere = np.stack(
            [np.cos(latitude) * np.cos(turn), np.cos(latitude) * np.sin(turn), np.sin(latitude)], axis=-1
        )
        return Strands(centre + swell * (unit_sphere @ axes), unit(unit_sphere @ (axes / size**2)))

    meridian = np.meshgrid(np.linspace(0, 2 * np.pi, 17), np.linspace(-1.2, 1.55, 9), indexing="ij")
    core = wound(*meridian, np.full((1, 1, 1), 0.90))
    count = 64
    t = np.linspace(0, 1, 10)[None]
    begin = rng.uniform(0, 2 * np.pi, (count, 1))
    low = rng.uniform(-0.95, 1.15, (count, 1))
    tilt = rng.uniform(-0.15, 0.45, (count, 1))
    swell = (0.93 + rng.uniform(0, 0.12, (count, 1)) * np.sin(np.pi * t) - 0.06 * (2 * t - 1) ** 2)[..., None]
    coils = wound(begin + 2.6 * t, np.clip(low + tilt * t, -1.2, 1.45), swell)
    half = 0.24 * size * rng.uniform(0.7, 1.2, count)
    locks = make_locks(coils, half, rng.randint(0, DARK, count), profile=(0.2, 0.9, 1.0, 0.9, 0.2), bulge=0.4)
    return [make_sheet(core, np.full(16, DARK + 1), limit=np.inf), locks]


def _plait(
    skull: Skull,
    trunk: Trunk,
    recipe: HairRecipe,
    tie: np.ndarray,
    out: np.ndarray,
    rng: np.random.RandomState,
) -> list[HairMesh]:
    """Three strands laid over one another down a falling line, a band and a tuft."""
    length = np.array([skull.size * recipe.lengths.back])
    rows = 54
    start, heading = (tie - 0.006 * out)[None], unit(out + np.array([0.0, -0.8, 0.0]))[None]
    line = hang(skull, trunk, start, heading, _falling(recipe, 1, length, 0.80, np.array([0.6])), rows)
    centre, tangent = line.curve[0], tangents(line.curve)[0]
    side = unit(np.cross(line.outward[0], tangent))
    facing = np.cross(tangent, side)
    t = np.linspace(0, 1, rows + 1)
    taper = skull.size * np.interp(t, [0, 0.06, 0.4, 0.9, 1], [0.85, 1.0, 0.95, 0.62, 0.5])
    thick = 0.0105 if recipe.tied == "plaits" else 0.0135
    metres = t * length[0]
    meshes = []
    for k in range(3):
        phase = 2 * np.pi * (metres / (5.2 * thick) + k / 3)
        across, over = 1.05 * thick * np.sin(phase), 0.62 * thick * np.sin(2 * phase)
        strand = centre + side * (across * taper)[:, None] + facing * (over * taper)[:, None]
        along = unit(np.gradient(strand, axis=0))
        right = unit(np.cross(facing, along))
        up = np.cross(along, right)
        ring = [
            strand + (taper * thick)[:, None] * (0.92 * np.cos(a) * right + 0.66 * np.sin(a) * up)
            for a in _TUBE
        ]
        tube = Strands(np.stack(ring), np.zeros((len(ring), rows + 1, 3)))
        meshes.append(make_sheet(tube, rng.randint(0, DARK, len(_TUBE) - 1), limit=np.inf))
    return [*meshes, *_tuft(skull, trunk, recipe, centre[-1], tangent[-1], thick * taper[-1], rng)]


def _tuft(skull, trunk, recipe, end, tangent, radius, rng):  # type: ignore[no-untyped-def]
    """The free ends below a plait's band."""
    count = 26
    first, second = (axis[0] for axis in frame(tangent[None]))
    angle, distance = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.1, 1, count)
    disc = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second
    start = end + disc * (radius * distance)[:, None] - 0.006 * tangent
    fall = _falling(recipe, count, 0.06 * rng.uniform(0.6, 1.0, count), 0.8, distance)
    strands = hang(skull, trunk, start, unit(tangent + 0.35 * disc), fall, 4)
    half = 0.0038 * rng.uniform(0.7, 1.2, count)
    locks = make_locks(strands, half, rng.randint(0, DARK, count), profile=(0.8, 1.0, 0.9, 0.0))
    return [locks, _band(end, tangent, 1.35 * radius)]
