"""Beards that stand off the skin: a piece of the face's own surface, lifted, with short locks on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.hair.locks import HairMesh, make_locks
from dinar.trainer.data.people.hair.skull import unit
from dinar.trainer.data.people.hair.strand_paint import DARK, CapPainter, Palette, StrandPainter
from dinar.trainer.data.people.hair.strands import Strands
from dinar.trainer.data.people.head import Head, find_head, signed_distance, smooth_curve, smoothstep
from dinar.trainer.data.people.noise import noise3
from dinar.trainer.data.people.part import Part, PartUv
from dinar.trainer.data.people.patch import Patch, cut, refine
from dinar.trainer.data.people.skin.complexion import Complexion
from dinar.trainer.data.people.skin.face_hair import beard_style

_TEXTURE = 192
_ROWS = 4
_RIM = 0.40  # density at the rim of the lifted surface


@dataclass(frozen=True)
class _Style:
    """Metres.

    Attributes:
        area: name of the painted style below it.
        thick: how far the bulk stands off the skin.
        cheek, chin, lip: lengths of hairs on cheeks, chin and upper lip.
        width: of a lock.
        count: locks.
    """

    area: str
    thick: float
    cheek: float
    chin: float
    lip: float
    width: float
    count: int


_STYLES = {
    "moustache": _Style("moustache", 0.0050, 0.008, 0.008, 0.0085, 0.0026, 190),
    "goatee": _Style("goatee", 0.0050, 0.007, 0.014, 0.0075, 0.0032, 330),
    "short": _Style("short", 0.0050, 0.006, 0.011, 0.0070, 0.0034, 700),
    "long": _Style("long", 0.0100, 0.015, 0.052, 0.0095, 0.0050, 700),
}


def make_beard(form: DressForm, complexion: Complexion) -> list[Part]:
    """Make the beard of a complexion: no parts for what is only painted on the skin.

    Args:
        form: whose face it is.
        complexion: names the style and the colour.
    """
    style = _STYLES.get(complexion.beard)
    if style is None:
        return []
    rng = np.random.RandomState(complexion.seed % (1 << 20) + 77)
    head = find_head(form.body, form.rest)
    patch, grown = _area(form, head, style)
    skin = patch.lift(form.rest)
    normal = vertex_normals(skin, patch.faces)
    palette = Palette(complexion.beard_hair, 0.5, 0.4, 0.0, 0.15, 0.5, 1.0, complexion.seed)
    return [
        _bulk(form, head, patch, skin, normal, grown, style, palette),
        _locks(form, head, patch, skin, normal, grown, style, palette, rng),
    ]


def _area(form: DressForm, head: Head, style: _Style) -> tuple[Patch, np.ndarray]:
    """The piece of the face that is covered, and how densely at its vertices."""
    body, corner = form.body, form.rest[form.body.faces]
    low, high = head.chin[1] - 0.06, head.eye[1] - 0.005
    near = (corner[:, :, 1].min(1) > low) & (corner[:, :, 1].max(1) < high)
    near &= (np.abs(corner[:, :, 0]).max(1) < 0.10) & (corner[:, :, 2].min(1) > head.ear[2])
    near &= ~head.eyeball_faces & (head.ear_share[body.faces].max(1) == 0)
    near &= head.mouth_share[body.faces].max(1) == 0
    used, faces = np.unique(body.faces[near], return_inverse=True)
    anchor = np.repeat(used[:, None], 3, axis=1).astype(np.int32)
    whole = Patch(faces.reshape(-1, 3).astype(np.int32), anchor, np.tile([1.0, 0, 0], (len(used), 1)))
    fine = refine(whole)
    p = fine.lift(form.rest)
    q = np.concatenate([np.abs(p[:, :1]), p[:, 1:]], axis=1)
    density = beard_style(head, style.area, q, p) * _off_lips(head, q)
    patch, value = cut(fine, density - _RIM)
    return patch, np.clip(value / (1 - _RIM), 0, 1)


def _off_lips(head: Head, q: np.ndarray) -> np.ndarray:
    """0 on the red of the lips to 1 a few millimetres away from it, at mirrored points [M, 3]."""
    half = smooth_curve(head.lip_border[:, :2], 3)
    inside = signed_distance(q[:, :2], np.concatenate([half, half[-2:0:-1] * [-1, 1]]))
    return smoothstep(0.0, 0.0035, -inside)


def _bulk(form, head, patch, skin, normal, grown, style, palette):  # type: ignore[no-untyped-def]
    """The lifted surface."""
    uneven = 1 + 0.25 * noise3(skin * 140, palette.seed + 5)
    lift = 0.0003 + style.thick * _fullness(head, skin) * smoothstep(0.0, 1.0, grown) * uneven
    sag = np.stack([np.zeros_like(lift), -0.25 * lift, np.zeros_like(lift)], axis=1)
    vertices = skin + normal * lift[:, None] + sag
    flow = _flow(head, skin, normal)
    painter = CapPainter(patch.faces, flow, palette, grain=0.05, curl=0.0, tone=0.42)
    uv = PartUv(_round_mouth(head, skin), patch.faces, _TEXTURE)
    anchors = (patch.lift(form.body.weights), patch.anchor_vertex, patch.anchor_weight)
    return Part("beard", vertices, patch.faces, *anchors, painter, uv=uv)


def _fullness(head: Head, p: np.ndarray) -> np.ndarray:
    """Thickness of the beard relative to the chin's: thin up the cheeks, [M]."""
    return 0.22 + 0.78 * smoothstep(head.ear[1] - 0.02, head.lip_border[-1, 1] - 0.006, p[:, 1]) * smoothstep(
        head.ear[2] - 0.01, head.lip_line[-1, 2] - 0.01, p[:, 2]
    )


def _round_mouth(head: Head, p: np.ndarray) -> np.ndarray:
    """Texture coordinates [M, 2] by the direction from a point behind the mouth."""
    centre = np.array([0.0, head.lip_line[0, 1] + 0.01, head.chin[2] - 0.075])
    ray = unit(p - centre)
    turn, rise = np.arctan2(ray[:, 0], ray[:, 2] + 0.35), np.arcsin(np.clip(ray[:, 1], -1, 1))
    flat = np.stack([turn / 2.6, -rise / 1.7 - 0.25], axis=1)
    low, high = flat.min(0), flat.max(0)
    return 0.02 + 0.96 * (flat - low) / np.maximum(high - low, 1e-9)


def _flow(head: Head, p: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Unit directions [M, 3] in which hairs lie: down; on the upper lip outwards."""
    lip = smoothstep(head.lip_line[0, 1] - 0.002, head.lip_line[0, 1] + 0.003, p[:, 1])
    lip *= smoothstep(head.lip_line[-1, 0] + 0.016, head.lip_line[-1, 0] + 0.004, np.abs(p[:, 0]))
    wish = np.array([0.0, -1.0, 0.10]) + 0 * p
    wish[:, 0] += lip * 1.1 * np.tanh(p[:, 0] / 0.004)
    wish[:, 1] += 0.35 * lip
    return unit(wish - normal * (wish * normal).sum(1, keepdims=True))


def _locks(form, head, patch, skin, normal, grown, style, palette, rng):  # type: ignore[no-untyped-def]
    """Short pointed locks, rooted on vertices of the patch in proportion to the area around them."""
    corner = skin[patch.faces]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    share = np.bincount(patch.faces.ravel(), np.repeat(area, 3), len(skin)) * smoothstep(0.0, 0.4, grown)
    rooted = np.searchsorted(np.cumsum(share), rng.uniform(0, share.sum(), style.count))
    rooted = np.minimum(rooted, len(skin) - 1)
    root, out, flow = skin[rooted], normal[rooted], _flow(head, skin, normal)[rooted]
    lip = smoothstep(head.lip_line[0, 1] - 0.004, head.lip_line[0, 1] + 0.001, root[:, 1])
    lip *= smoothstep(head.lip_line[-1, 0] + 0.010, head.lip_line[-1, 0] + 0.002, np.abs(root[:, 0]))
    chin = smoothstep(0.048, 0.020, np.abs(root[:, 0])) * smoothstep(
        head.lip_border[-1, 1] + 0.004, head.chin[1] + 0.006, root[:, 1]
    )
    length = style.cheek + (style.chin - style.cheek) * chin
    length = (length + (style.lip - length) * lip) * rng.uniform(0.7, 1.15, style.count)
    length *= 0.45 + 0.55 * smoothstep(0.1, 0.8, grown[rooted])
    side = np.cross(out, flow)
    aside = rng.normal(0, 0.22, style.count)[:, None]
    t = np.linspace(0, 1, _ROWS + 1)[None, :, None]
    heading = unit(flow + side * aside)
    down = np.array([0.0, -1.0, 0.0])
    lean = (0.35 + 0.15 * rng.uniform(-1, 1, style.count))[:, None, None]
    reach = length[:, None, None]
    stand = np.minimum(style.thick * _fullness(head, root), 0.5 * length)[:, None, None]
    curve = root[:, None] + out[:, None] * (0.4 * stand + 0.9 * stand * np.sin(lean * np.pi * t))
    falls = (1 - lip)[:, None, None] * t
    curve = curve + reach * t * unit(heading[:, None] * (1 - 0.6 * falls) + 0.6 * falls * down)
    inwards = np.stack(
        [-np.sign(root[:, 0]) * 0.10 * length, np.zeros(style.count), np.zeros(style.count)], 1
    )
    curve = curve + inwards[:, None] * ((1 - lip)[:, None, None] * t**2)
    half = 0.5 * style.width * rng.uniform(0.7, 1.25, style.count)
    mesh = make_locks(
        Strands(curve, np.repeat(out[:, None], _ROWS + 1, 1)),
        half,
        rng.randint(0, DARK, style.count),
        profile=(0.7, 1.0, 0.75, 0.0),
        roll=rng.normal(0, 0.3, style.count),
    )
    own = np.repeat(rooted, 3 * (_ROWS + 1))
    return _tied_to(form, patch, mesh, own, palette)


def _tied_to(form: DressForm, patch: Patch, mesh: HairMesh, own: np.ndarray, palette: Palette) -> Part:
    uv = PartUv(mesh.uv, mesh.uv_faces, _TEXTURE)
    return Part(
        "beard",
        mesh.vertices,
        mesh.faces,
        patch.lift(form.body.weights)[own],
        patch.anchor_vertex[own],
        patch.anchor_weight[own],
        StrandPainter(uv, palette),
        uv=uv,
    )
