"""The bulk of the hair on the scalp: a smooth cap that sinks into the skin where no hair grows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.hair.skull import Skull, unit
from dinar.trainer.data.people.head import azimuth, hairline_distance, smoothstep
from dinar.trainer.data.people.noise import fbm
from dinar.trainer.data.people.part import PartUv
from dinar.trainer.data.people.skin.scalp import Scalp, scalp_distance

_SUNK = 0.015  # metres below the skin where there is no hair
_RIM = -0.004  # metres outside the natural hairline where the mesh ends, below the skin
_HALF_TURN = np.radians(
    np.concatenate([np.linspace(0, 46, 11), np.linspace(49, 118, 36), np.linspace(123, 180, 12)])
)
_ROWS = 22


@dataclass(frozen=True)
class Bulk:
    """How thick the hair on the scalp is, metres.

    Attributes:
        top: above the temples.
        side: beside them.
        back: behind.
        front: more (or less) than `top` above the brow.
        rise: thickness gained per metre from the hairline inwards.
        clump: relative unevenness.
        low: metres above the eyes below which sides and back are bare (clipped), or far below for none.
        seed: of the unevenness.
    """

    top: float
    side: float
    back: float
    front: float = 0.0
    rise: float = 0.9
    clump: float = 0.12
    low: float = -1.0
    seed: int = 0


def thickness(skull: Skull, scalp: Scalp, bulk: Bulk, points: np.ndarray) -> np.ndarray:
    """How far hair stands off the scalp at points near the skin [M, 3]: metres [M], below 0 where none is."""
    head = skull.head
    above = (points[:, 1] - head.eye[1]) / skull.size
    angle = azimuth(head, points)
    upper = smoothstep(0.028, 0.075, above)
    behind = smoothstep(1.5, 2.5, angle)
    ahead = smoothstep(0.02, 0.075, (points[:, 2] - head.centre[2]) / skull.size) * smoothstep(
        1.1, 0.5, angle
    )
    low = bulk.side + (bulk.back - bulk.side) * behind
    full = low + (bulk.top + bulk.front * ahead - low) * upper
    full = np.maximum(full * skull.size, 1e-4)
    full *= 1 + bulk.clump * fbm(points * [50, 35, 50], 2, bulk.seed)
    inside = scalp_distance(head, scalp, points) + 0.002 * fbm(points * 110, 2, bulk.seed + 1) - 0.002
    inside = np.minimum(inside, 0.6 * _above_nape(skull, points))
    line = bulk.low - 0.006 * behind + 0.004 * fbm(points * 60, 2, bulk.seed + 2)
    inside = np.minimum(inside, 0.24 * (above - line))
    grown = full * np.tanh(bulk.rise * np.maximum(inside, 0) / full)
    return np.where(inside > 0, grown + 0.0008, np.maximum(2.0 * inside, -_SUNK))


def inside_hair(skull: Skull, scalp: Scalp, points: np.ndarray) -> np.ndarray:
    """How far inside the rim of hair that stands off the skin points near it [M, 3] lie: metres [M]."""
    return np.minimum(scalp_distance(skull.head, scalp, points), _above_nape(skull, points))


def _above_nape(skull: Skull, points: np.ndarray) -> np.ndarray:
    """How high points lie above the line at ears and nape below which hair is only painted: metres [M]."""
    line = np.interp(azimuth(skull.head, points), [1.5, 1.85, 2.2, np.pi], [1.0, 0.026, 0.054, 0.066])
    return points[:, 1] - skull.head.eye[1] + line * skull.size


@dataclass(frozen=True)
class Cap:
    """n vertices of the cap.

    Attributes:
        vertices: float64 [n, 3], metres.
        faces: int32 [m, 3].
        skin: float64 [n, 3], the skull under each vertex.
        normal: float64 [n, 3], of the skull.
        thick: float64 [n], metres.
        uv: [n, 2].
    """

    vertices: np.ndarray
    faces: np.ndarray
    skin: np.ndarray
    normal: np.ndarray
    thick: np.ndarray
    uv: np.ndarray

    def part_uv(self, size: int) -> PartUv:
        """Where its texture is."""
        return PartUv(self.uv, self.faces, size)


def make_cap(skull: Skull, scalp: Scalp, bulk: Bulk) -> Cap:
    """Lift a cap off the scalp: rings around the vertical, the outermost just outside the hairline."""
    turn = np.concatenate([_HALF_TURN, -_HALF_TURN[-2:0:-1]])
    rim = _hairline_polar(skull, turn)
    share = np.linspace(0, 1, _ROWS + 1)[1:]
    polar = share[:, None] * rim[None]  # [rows, columns]
    directions = _directions(turn, polar).reshape(-1, 3)
    directions = np.concatenate([[[0.0, 1.0, 0.0]], directions])
    skin, normal = skull.surface(directions), skull.normal(directions)
    thick = thickness(skull, scalp, bulk, skin)
    outward = unit(normal + 0.5 * directions)
    columns = len(turn)
    faces = _faces(len(share), columns)
    flat = 0.5 + 0.49 * np.concatenate([[0.0], np.repeat(share, columns)])[:, None] * np.concatenate(
        [[[0.0, 0.0]], np.tile(np.stack([np.sin(turn), np.cos(turn)], 1), (len(share), 1))]
    )
    return Cap(skin + outward * thick[:, None], faces, skin, normal, thick, flat)


def _directions(turn: np.ndarray, polar: np.ndarray) -> np.ndarray:
    turn, polar = np.broadcast_arrays(turn, polar)
    return np.stack([np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)], axis=-1)


def _hairline_polar(skull: Skull, turn: np.ndarray) -> np.ndarray:
    """Polar angles at which rays of these azimuths pass the natural hairline, top down."""
    polar = np.linspace(np.radians(15), np.radians(142), 70)
    grid = _directions(turn[:, None], polar[None])
    points = skull.surface(grid.reshape(-1, 3))
    inside = np.minimum(hairline_distance(skull.head, points) - _RIM, _above_nape(skull, points) + 0.008)
    outside = (inside < 0).reshape(len(turn), -1)
    outside[:, -1] = True
    return polar[outside.argmax(1)]


def hairline_directions(skull: Skull, turn: np.ndarray, *, up: float) -> np.ndarray:
    """Unit directions [M, 3] of points that lie `up` metres above the hairline at azimuths `turn` [M]."""
    return _directions(turn, _hairline_polar(skull, turn) + (_RIM - up) / 0.09)


def _faces(rows: int, columns: int) -> np.ndarray:
    """Triangles of rings around vertex 0."""
    k = np.arange(columns)
    following = (k + 1) % columns
    fan = np.stack([np.zeros_like(k), 1 + k, 1 + following], 1)
    quads = []
    for row in range(rows - 1):
        a, b = 1 + row * columns + k, 1 + row * columns + following
        quads += [np.stack([a, a + columns, b + columns], 1), np.stack([a, b + columns, b], 1)]
    return np.concatenate([fan, *quads]).astype(np.int32)
