"""Hair of a recipe: a cap on the scalp, a curtain where hair hangs, and locks over both."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.hair.curly_hair import tufts
from dinar.trainer.data.people.hair.hair_cap import Cap, inside_hair, make_cap, thickness
from dinar.trainer.data.people.hair.hair_recipe import HairRecipe
from dinar.trainer.data.people.hair.locks import HairMesh, make_locks, merge
from dinar.trainer.data.people.hair.long_hair import hanging
from dinar.trainer.data.people.hair.skull import Skull, Trunk, find_skull, find_trunk
from dinar.trainer.data.people.hair.strand_paint import DARK, CapPainter, Palette, StrandPainter
from dinar.trainer.data.people.hair.strands import Fall, Strands, grow, roots, stray
from dinar.trainer.data.people.hair.tied_hair import tied
from dinar.trainer.data.people.head import azimuth, smoothstep
from dinar.trainer.data.people.part import Part
from dinar.trainer.data.people.skin.complexion import Complexion

_HEAD, _NECK, _CHEST, _SPINE = 15, 12, 9, 6
_CAP_TEXTURE = 256


def make_hair(form: DressForm, recipe: HairRecipe, complexion: Complexion) -> list[Part]:
    """Make the hair of a recipe: no parts for a shaved head, whose roots are painted on the skin.

    Args:
        form: whose head it is.
        recipe: the haircut.
        complexion: for the colours.
    """
    if recipe.style == "bald":
        return []
    skull = find_skull(form)
    trunk = find_trunk(form, skull.head)
    palette = _palette(recipe, complexion)
    cap = make_cap(skull, recipe.scalp, recipe.bulk)
    parts = [_cap_part(form, skull, trunk, recipe, cap, palette)]
    rng = np.random.RandomState(recipe.seed)
    if recipe.tied != "none":
        meshes = tied(skull, trunk, recipe, rng)
    elif recipe.curl > 0:
        meshes = tufts(skull, recipe, rng)
    elif recipe.lengths.end > 0:
        meshes = hanging(skull, trunk, recipe, rng)
    elif recipe.lengths.top > 0:
        meshes = _lying(skull, trunk, recipe, rng)
    else:
        meshes = []
    if meshes:
        parts.append(_locks_part(form, skull, trunk, merge(meshes), palette))
    return parts


def _palette(recipe: HairRecipe, complexion: Complexion) -> Palette:
    at = 0.5 if recipe.lengths.end == 0 else float(np.clip(0.075 / (0.16 + recipe.lengths.end), 0.1, 0.45))
    return Palette(
        complexion.hair,
        root_shade=recipe.roots,
        lighten=float(smoothstep(0.0, 0.4, np.array([recipe.lengths.end + recipe.lengths.top]))[0]),
        highlights=recipe.highlights,
        sheen=recipe.shine,
        sheen_at=at,
        contrast=1.0,
        seed=recipe.seed,
    )


def _cap_part(
    form: DressForm, skull: Skull, trunk: Trunk, recipe: HairRecipe, cap: Cap, palette: Palette
) -> Part:
    flow = recipe.combing.flow(skull, cap.skin, cap.normal)
    painter = CapPainter(
        cap.faces,
        flow,
        palette,
        grain=float(recipe.lengths.top == 0),
        curl=recipe.curl,
        tone=0.52 - 0.17 * recipe.roots,
    )
    return _part(
        form, skull, trunk, "scalp_hair", cap.vertices, cap.faces, painter, cap.part_uv(_CAP_TEXTURE)
    )


def _locks_part(form: DressForm, skull: Skull, trunk: Trunk, mesh: HairMesh, palette: Palette) -> Part:
    uv = mesh.part_uv()
    return _part(form, skull, trunk, "hair", mesh.vertices, mesh.faces, StrandPainter(uv, palette), uv)


def _part(form, skull, trunk, name, vertices, faces, painter, uv):  # type: ignore[no-untyped-def]
    """Tie hair to head, neck and chest; never to the arms."""
    nearest = form.body.weights[:, _HEAD].argmax()
    count = len(vertices)
    return Part(
        name=name,
        vertices=vertices,
        faces=faces,
        joint_weights=_weights(form, skull, trunk, vertices),
        anchor_vertex=np.full((count, 3), nearest, np.int32),
        anchor_weight=np.zeros((count, 3)),
        painter=painter,
        uv=uv,
    )


def _weights(form: DressForm, skull: Skull, trunk: Trunk, vertices: np.ndarray) -> np.ndarray:
    """The head moves what is above the jaw, the chest what lies on it, the neck what is between."""
    weights = np.zeros((len(vertices), form.body.weights.shape[1]))
    y, chin = vertices[:, 1], skull.head.chin[1]
    head = smoothstep(trunk.shoulder, chin + 0.02, y)
    chest = (1 - head) * smoothstep(trunk.neck + 0.01, trunk.shoulder - 0.05, y)
    low = chest * smoothstep(form.joints[_CHEST, 1] + 0.02, form.joints[_SPINE, 1], y)
    weights[:, _HEAD], weights[:, _CHEST], weights[:, _SPINE] = head, chest - low, low
    weights[:, _NECK] = 1 - head - chest
    return weights


def _lying(skull: Skull, trunk: Trunk, recipe: HairRecipe, rng: np.random.RandomState) -> list[HairMesh]:
    """Locks all over the scalp."""
    scale, look, lengths = skull.size, recipe.texture, recipe.lengths
    radius = 0.095 * scale
    count = int(4 * np.pi * radius**2 / (look.spacing * scale) ** 2)
    directions = roots(count, rng)
    place = skull.surface(directions)
    thick = thickness(skull, recipe.scalp, recipe.bulk, place)
    inside = inside_hair(skull, recipe.scalp, place)
    grows = (thick > 0.0015) & (inside > 0.003)
    directions, place, thick, inside = directions[grows], place[grows], thick[grows], inside[grows]
    count = len(directions)
    above = (place[:, 1] - skull.head.eye[1]) / scale
    angle = azimuth(skull.head, place)
    top, behind = smoothstep(0.035, 0.070, above), smoothstep(1.5, 2.4, angle)
    low = lengths.side + (lengths.back - lengths.side) * behind
    length = scale * (low + (lengths.top - low) * top) * rng.uniform(0.75, 1.12, count)
    over = 0.008 + lengths.fringe * smoothstep(0.9, 0.5, angle)  # no lock leaves the scalp by more
    reach = np.where(top > 0.8, np.inf, over + inside)
    length = np.minimum(length, np.maximum(reach, 0.012)) * (1 - 0.55 * recipe.upright * top)
    fall = Fall(
        length=length,
        end=-np.inf,
        root=thick,
        height=thick + 0.001,
        lift=look.lift * top * rng.uniform(0.2, 1.3, count),
        stiff=0.3,
        ears=recipe.ears,
        ahead=np.zeros(count),
        clearance=np.full(count, 0.02),
        stray=rng.normal(0, look.stray, count),
        early=0.008 * smoothstep(0.012, 0.03, inside),
    )
    strands = grow(skull, trunk, recipe.combing, directions, fall, 5)
    strands = stray(_stand(strands, 1.1 * recipe.upright * top * length), look.messy, recipe.seed + 31)
    half = 0.5 * look.width * scale * rng.uniform(0.7, 1.25, count)
    variant = rng.randint(0, DARK, count)
    profile = (0.10, 1.0, 0.95, 0.62, 0.0)
    return [make_locks(strands, half, variant, profile=profile, roll=rng.normal(0, 0.15, count))]


def _stand(strands: Strands, height: np.ndarray) -> Strands:
    """Let strands rise to `height` [K] at their tips, metres."""
    t = np.linspace(0, 1, strands.curve.shape[1])[None, :, None]
    return Strands(strands.curve + strands.outward[:, :1] * height[:, None, None] * t, strands.outward)
