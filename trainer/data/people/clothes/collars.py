"""Collars: strips that stand around the neck of a garment, folded over or not; hoods that lie on the back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.clothes.tailor import Tailored
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import ramp
from dinar.trainer.data.people.part import Painter, Part, PartUv
from dinar.trainer.data.people.patch import loops, rim_edges

_COLUMNS = 72
_ON_LINE = 0.0015  # metres
_NECK_SLOPE = 0.28  # metres that the neck leans forward, a metre upwards
_TEXTURE = 256


@dataclass(frozen=True)
class CollarCut:
    """Shape of a collar or hood, metres.

    Attributes:
        stand: height above the garment's neck line, behind.
        stand_front: height in front.
        fall: length of the part that is folded over, behind; 0: it only stands.
        fall_front: length in front: the collar's points.
        lean: how far the upper edge is away from the neck (negative: towards it).
        opening: half of the gap in front.
        roll: how far the fold is rounded.
        bag: how much further the fold stands off behind: a hood that lies on the back.
        hug: 0 (the upper edge is as wide as the neck line) to 1 (as wide as the neck).
        spread: how far the points are apart, relative to the length of the fall in front.
        behind: share of the way to the front at which the fall behind gives way to that in front.
    """

    stand: float
    stand_front: float
    fall: float = 0.0
    fall_front: float = 0.0
    lean: float = 0.004
    opening: float = 0.0
    roll: float = 0.006
    bag: float = 0.0
    hug: float = 0.8
    spread: float = 0.6
    behind: float = 0.35


@dataclass(frozen=True)
class _Ring:
    """The neck line from its front middle around the wearer's left side: K columns, fitting pose.

    Attributes:
        place: int [K], the garment's vertex at each column.
        position, normal, downwards: float64 [K, 3], of the cloth; downwards: along it, away from the neck.
        front: float64 [K], 1 at the front middle to 0 behind.
    """

    place: np.ndarray
    position: np.ndarray
    normal: np.ndarray
    downwards: np.ndarray
    front: np.ndarray


def make_collar(
    form: DressForm,
    garment: Tailored,
    neck: np.ndarray,
    shape: CollarCut,
    name: str,
    paint: Callable[[int, int], Painter],
) -> Part:
    """Set a collar on a garment's neck line.

    Its texture: u runs around the neck from the front middle, v from the inner lower edge over the fold to
    the outer edge.

    Args:
        form: whom it is for.
        garment: what it is set on.
        neck: float64 [V], metres from the neck line: where it is 0 the collar is sewn on.
        shape: its cut.
        name: the part's name.
        paint: makes its painter for so many columns around the neck and rows across it. Face c (rows - 1) + r
            is the first triangle of the cell at column c and row r; the second ones follow all the first.
    """
    ring = _neck_ring(garment, neck)
    posed = _lie_over(form, garment, np.stack(_profile(form, ring, shape), axis=1))  # [K, R, 3]
    return _tie(form, garment, ring, posed, name, paint(*posed.shape[:2]))


def _neck_ring(garment: Tailored, neck: np.ndarray) -> _Ring:
    """Even steps along the edge around the neck, from its front left to its front right end."""
    cloth = garment.posed[: len(garment.patch.anchor_vertex)]
    normals = vertex_normals(cloth, garment.patch.faces)
    chain = _neck_line(garment, neck, cloth)
    line = cloth[chain]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    target = np.linspace(0, length[-1], _COLUMNS)
    position, normal = (
        np.stack([np.interp(target, length, values[:, k]) for k in range(3)], 1)
        for values in (line, normals[chain])
    )
    place = chain[np.clip(np.searchsorted(length, target), 0, len(chain) - 1)]
    position, normal = _soft(position, 2), _soft(normal, 6)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    downwards = np.cross(np.gradient(position, axis=0), normal)
    downwards /= np.linalg.norm(downwards, axis=1, keepdims=True)
    if np.einsum("ka,ka->", downwards, position - position.mean(0)) < 0:
        downwards = -downwards
    turn = np.linspace(0, 2 * np.pi, _COLUMNS)
    return _Ring(place, position, normal, _soft(downwards, 3), (1 + np.cos(turn)) / 2)


def _neck_line(garment: Tailored, neck: np.ndarray, cloth: np.ndarray) -> np.ndarray:
    """Vertices of the cloth [n, 3] along its neck line from the front around the wearer's left: int [L]."""
    distance = np.abs(garment.patch.lift(neck))
    chains = []
    for loop in loops(rim_edges(garment.patch.faces)):
        ring = np.array(loop)
        on_line = distance[ring] < _ON_LINE
        if on_line.all():
            front = cloth[ring, 2] - 3 * np.abs(cloth[ring, 0])
            ring = np.roll(ring, -int(np.argmax(front)))
            chains.append(np.append(ring, ring[0]))
        elif on_line.sum() > 4:
            # The longest run of the loop that is on the line.
            start = int(np.argmin(on_line))
            ring, on_line = np.roll(ring, -start), np.roll(on_line, -start)
            runs = np.split(np.arange(len(ring)), np.flatnonzero(np.diff(on_line.astype(int))) + 1)
            chains.append(ring[max((run for run in runs if on_line[run[0]]), key=len)])
    chain = max(chains, key=len)
    quarter = len(chain) // 4
    return chain[::-1] if cloth[chain[quarter], 0] < cloth[chain[-quarter], 0] else chain


def _soft(values: np.ndarray, rounds: int) -> np.ndarray:
    """Smooth values along an open row [K, 3]; its ends stay."""
    values = values.copy()
    for _ in range(rounds):
        values[1:-1] = (values[:-2] + 2 * values[1:-1] + values[2:]) / 4
    return values


def _profile(form: DressForm, ring: _Ring, shape: CollarCut) -> list[np.ndarray]:
    """Rows of a collar from its inner lower edge over the fold to its outer edge: R times [K, 3]."""
    behind = ramp(-ring.front, -shape.behind, -0.02)[:, None]
    stand = shape.stand + (shape.stand_front - shape.stand) * ramp(ring.front, 0.1, 0.98)[:, None]
    to_front = ramp(ring.front, shape.behind, shape.behind + 0.6)[:, None]
    fall = shape.fall + (shape.fall_front - shape.fall) * to_front
    up = np.array([0.0, 0.96, 0.28])  # along the neck, which leans forward
    outwards = ring.position - ring.position.mean(0)
    outwards -= up * (outwards @ up)[:, None]
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    sideways = _side(len(ring.position))[:, None] * [[1.0, 0.0, 0.0]]
    gap = sideways * shape.opening * ramp(ring.front, 0.90, 1.0)[:, None]
    rim = ring.position + gap - ring.normal * 0.001 + ring.downwards * 0.004
    top = ring.position + gap + up * stand + outwards * shape.lean
    near_neck = _on_neck(form, top, shape.lean)
    top = top + shape.hug * np.minimum(stand / 0.03, 1) * (near_neck - top)
    rows = [rim + (top - rim) * share for share in (0.0, 0.35, 0.7, 1.0)]
    if shape.fall == 0:
        thick = outwards * 0.003
        return [*rows, top + thick, (top + rim) / 2 + 1.6 * thick, rim + 1.2 * thick + ring.downwards * 0.002]
    roll = shape.roll + shape.bag * behind
    along = np.linalg.norm(np.gradient(ring.position, axis=0), axis=1)
    from_end = np.minimum(np.cumsum(along), np.cumsum(along[::-1])[::-1]) - along[0]
    spread = sideways * fall * (shape.spread * np.maximum(1 - from_end / 0.10, 0) ** 2)[:, None]
    end = ring.position + gap + ring.downwards * fall + ring.normal * (0.003 + 0.25 * roll) + spread
    crest = top + outwards * roll + up * 0.35 * roll
    waist = (crest + end) / 2 + (outwards * 0.6 + ring.normal * 0.5) * roll
    curve = [top + (outwards * 0.25 + up * 0.35) * roll]
    for t in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        curve.append((1 - t) ** 2 * crest + 2 * t * (1 - t) * waist + t**2 * end)
    return rows + curve


def _side(columns: int) -> np.ndarray:
    """Which half of the ring a column is on: 1 the wearer's left, -1 the right, 0 at the back middle."""
    return np.sign((columns - 1) / 2 - np.arange(columns))


def _on_neck(form: DressForm, points: np.ndarray, apart: float) -> np.ndarray:
    """Points [K, 3] moved level to `apart` metres outside the neck, an ellipse at each height."""
    neck = form.posed[(form.body.weights[:, 12] + form.body.weights[:, 15] > 0.6)]
    level = form.joints[12][1] + 0.040
    neck = neck[np.abs(neck[:, 1] - level) < 0.012]
    low, high = neck.min(0), neck.max(0)
    half = np.array([high[0], (high[2] - low[2]) / 2]) + apart + 0.004
    middle = (high[2] + low[2]) / 2 + _NECK_SLOPE * (points[:, 1] - level)
    turn = np.arctan2(points[:, 0] / half[0], (points[:, 2] - middle) / half[1])
    return np.stack([half[0] * np.sin(turn), points[:, 1], middle + half[1] * np.cos(turn)], 1)


def _lie_over(form: DressForm, garment: Tailored, posed: np.ndarray) -> np.ndarray:
    """Lift rows [K, R, 3] off the garment below them."""
    cloth = garment.posed[: len(garment.patch.anchor_vertex)]
    normals = vertex_normals(cloth, garment.patch.faces)
    near = cloth[:, 1] > form.joints[9][1] - 0.12
    cloth, normals = cloth[near], normals[near]
    points = posed[:, 4:].reshape(-1, 3)
    distance, place = cKDTree(cloth).query(points, k=6)
    weight = 1 / (distance**2 + 1e-5) ** 2
    weight /= weight.sum(1, keepdims=True)
    normal = np.einsum("nk,nka->na", weight, normals[place])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    below = np.einsum("nk,nka->na", weight, cloth[place])
    height = np.einsum("na,na->n", points - below, normal)
    reach = ramp(-distance[:, 0], -0.05, -0.03)
    lifted = points + normal * (np.maximum(0.0035 - height, 0) * reach)[:, None]
    return np.concatenate([posed[:, :4], lifted.reshape(len(posed), -1, 3)], axis=1)


def _tie(
    form: DressForm, garment: Tailored, ring: _Ring, posed: np.ndarray, name: str, painter: Painter
) -> Part:
    """Make a part of a grid [K, R, 3] of the fitting pose that moves with the garment's neck line."""
    columns, rows = posed.shape[:2]
    patch = garment.patch
    own = np.repeat(ring.place, rows)
    vertex, weight = patch.anchor_vertex[own], patch.anchor_weight[own]
    joints = patch.lift(form.body.weights)[ring.place]
    for _ in range(4):
        joints[1:-1] = (joints[:-2] + 2 * joints[1:-1] + joints[2:]) / 4
    joints = np.repeat(joints, rows, axis=0)
    blend = np.einsum("nj,jab->nab", joints, form.transforms)
    flat = posed.reshape(-1, 3)
    rest = np.linalg.solve(blend[:, :3, :3], (flat - blend[:, :3, 3])[..., None])[..., 0]
    rest -= (form.correctives[vertex] * weight[..., None]).sum(1)
    number = np.arange(columns * rows).reshape(columns, rows)
    a, b = number[:-1, :-1].ravel(), number[1:, :-1].ravel()
    c, d = number[1:, 1:].ravel(), number[:-1, 1:].ravel()
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([a, d, c], 1)]).astype(np.int32)
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows), indexing="ij")
    uv = np.stack([u.ravel(), v.ravel()], 1)
    return Part(name, rest, faces, joints, vertex, weight, painter, uv=PartUv(uv, faces.copy(), _TEXTURE))
