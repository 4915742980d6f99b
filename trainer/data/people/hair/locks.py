"""Locks: strips of strands with pointed ends, which share the strips of one painted texture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.hair.skull import unit
from dinar.trainer.data.people.hair.strands import Strands, tangents
from dinar.trainer.data.people.part import PartUv

COLUMNS, BANDS = 12, 2
VARIANTS = COLUMNS * BANDS
"""Painted strips: `COLUMNS` side by side, in `BANDS` one above the other."""
TEXTURE = 384
_GUTTER = 1.0 / TEXTURE


@dataclass(frozen=True)
class HairMesh:
    """n vertices, m faces, T texture coordinates.

    Attributes:
        vertices: float64 [n, 3], metres.
        faces: int32 [m, 3].
        uv: float64 [T, 2].
        uv_faces: int32 [m, 3].
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray

    def part_uv(self) -> PartUv:
        """Where its texture is."""
        return PartUv(self.uv, self.uv_faces, TEXTURE)


def merge(meshes: list[HairMesh]) -> HairMesh:
    """All meshes in one."""
    first = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    first_uv = np.cumsum([0] + [len(mesh.uv) for mesh in meshes])
    return HairMesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([m.faces + k for m, k in zip(meshes, first, strict=False)]).astype(np.int32),
        np.concatenate([mesh.uv for mesh in meshes]),
        np.concatenate([m.uv_faces + k for m, k in zip(meshes, first_uv, strict=False)]).astype(np.int32),
    )


def strip_uv(variant: np.ndarray, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Texture coordinates [..., 2]: of a variant, from root 0 to tip 1, from -1 to 1 across it."""
    column, band = variant % COLUMNS, variant // COLUMNS
    width, height = 1 / COLUMNS, 1 / BANDS
    u = (column + 0.5) * width + across * (width / 2 - _GUTTER)
    v = band * height + _GUTTER + along * (height - 2 * _GUTTER)
    return np.stack(np.broadcast_arrays(u, v), axis=-1)


def make_locks(
    strands: Strands,
    half_width: np.ndarray,
    variant: np.ndarray,
    *,
    profile: tuple[float, ...],
    bulge: float = 0.3,
    roll: np.ndarray | float = 0.0,
    start: np.ndarray | float = 0.0,
) -> HairMesh:
    """Strips of three vertices across (rim, ridge, rim).

    Args:
        strands: K curves of S + 1 points.
        half_width: [K], metres, where a lock is widest.
        variant: int [K], painted strip of each.
        profile: widths from root to tip relative to the widest, spread evenly; the last is the tip's.
        bulge: height of the ridge over the rims relative to the half width.
        roll: [K], radians a lock is turned about itself.
        start: where on its painted strip a lock begins, 0 to 1.
    """
    curve = strands.curve
    count, rows = curve.shape[:2]
    tangent = tangents(curve)
    side = unit(np.cross(strands.outward, tangent))
    out = np.cross(tangent, side)
    angle = np.broadcast_to(np.asarray(roll, np.float64), (count,))[:, None, None]
    side, out = side * np.cos(angle) + out * np.sin(angle), out * np.cos(angle) - side * np.sin(angle)
    shape = np.interp(np.linspace(0, 1, rows), np.linspace(0, 1, len(profile)), profile)
    half = (half_width[:, None] * shape)[..., None]  # [K, S + 1, 1]
    ridge = curve + out * (half * bulge)
    low = -0.6 * bulge
    points = np.stack(
        [curve - side * half + out * half * low, ridge, curve + side * half + out * half * low], 2
    )
    faces = _strip_faces(rows)
    offset = 3 * rows * np.arange(count)
    all_faces = (faces[None] + offset[:, None, None]).reshape(-1, 3).astype(np.int32)
    begin = np.broadcast_to(np.asarray(start, np.float64), (count,))[:, None]
    along = begin + (1 - begin) * np.linspace(0, 1, rows)
    uv = strip_uv(variant[:, None, None], along[:, :, None], np.array([-1.0, 0.0, 1.0]))
    return HairMesh(points.reshape(-1, 3), all_faces, uv.reshape(-1, 2), all_faces)


def _strip_faces(rows: int) -> np.ndarray:
    faces = []
    for k in range(rows - 1):
        for c in range(2):
            a, b = 3 * k + c, 3 * k + c + 1
            faces += [(a, b + 3, b), (a, a + 3, b + 3)]
    return np.array(faces)


def make_sheet(strands: Strands, variants: np.ndarray, *, limit: float = 0.06) -> HairMesh:
    """A sheet through neighbouring strands: fills what would show between locks.

    Args:
        strands: K curves, one beside the other.
        variants: int [K - 1], painted strip between each and the next.
        limit: metres: strands farther apart than this at any point are not joined.
    """
    curve = strands.curve
    rows = curve.shape[1]
    left = np.flatnonzero((np.linalg.norm(curve[:-1] - curve[1:], axis=2) < limit).all(1))
    row = np.arange(rows - 1)
    t = np.linspace(0, 1, rows)
    uv = np.stack([strip_uv(variants[left][:, None], t[None], np.full((1, 1), side)) for side in (-1.0, 1.0)])

    def quads(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        a, b = (first[:, None] * rows + row).ravel(), (second[:, None] * rows + row).ravel()
        return np.concatenate([np.stack([a, b + 1, b], 1), np.stack([a, a + 1, b + 1], 1)]).astype(np.int32)

    joined = np.arange(len(left))
    return HairMesh(
        curve.reshape(-1, 3), quads(left, left + 1), uv.reshape(-1, 2), quads(joined, joined + len(left))
    )
