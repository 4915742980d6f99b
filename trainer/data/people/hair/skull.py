"""The head as hair sees it: a smooth radius in every direction, and the body below that hair hangs on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.head import Head, find_head, smoothstep

_AZIMUTHS, _POLARS = 96, 48
_SMOOTHING = 1.1  # grid steps
_EAR_ROOM = 0.004  # metres of hair between an ear and what lies over it
_LATTICE = np.array([(a, b, 4 - a - b) for a in range(5) for b in range(5 - a)]) / 4
_NAPE = 1.05  # largest radius behind and below, relative to that of the top
_TORSO_REACH = 0.75  # metres below the chin


@dataclass(frozen=True)
class Skull:
    """Distances from the middle of the skull to its surface; directions are unit vectors.

    Attributes:
        head: the landmarks.
        bare: float64 [polar, azimuth], metres, without the ears.
        eared: float64 [polar, azimuth], metres, with ears, rounded: what covers the ears lies outside it.
        size: height of the skull above its middle relative to 0.092 m.
    """

    head: Head
    bare: np.ndarray
    eared: np.ndarray
    size: float

    def radius(self, directions: np.ndarray, ears: float | np.ndarray = 0.0) -> np.ndarray:
        """Metres [M] to the surface in unit directions [M, 3]; `ears` 1 goes round them, 0 ignores them."""
        polar = np.arccos(np.clip(directions[:, 1], -1, 1)) / np.pi * (_POLARS - 1)
        turn = np.arctan2(directions[:, 0], directions[:, 2]) / (2 * np.pi) % 1.0 * _AZIMUTHS
        row = np.minimum(polar.astype(np.int64), _POLARS - 2)
        column = turn.astype(np.int64) % _AZIMUTHS
        right = (column + 1) % _AZIMUTHS
        down, across = polar - row, turn - np.floor(turn)

        def sample(grid: np.ndarray) -> np.ndarray:
            above = grid[row, column] * (1 - across) + grid[row, right] * across
            below = grid[row + 1, column] * (1 - across) + grid[row + 1, right] * across
            return above * (1 - down) + below * down

        bare = sample(self.bare)
        if np.isscalar(ears) and ears == 0:
            return bare
        return bare + (sample(self.eared) - bare) * ears

    def surface(self, directions: np.ndarray, ears: float | np.ndarray = 0.0) -> np.ndarray:
        """Points [M, 3] on the surface in unit directions [M, 3]."""
        return self.head.centre + directions * self.radius(directions, ears)[:, None]

    def normal(self, directions: np.ndarray, ears: float | np.ndarray = 0.0) -> np.ndarray:
        """Outward unit normals [M, 3] of the surface in unit directions [M, 3]."""
        first, second = frame(directions)
        step = 0.06
        a = self.surface(unit(directions + step * first), ears) - self.surface(
            unit(directions - step * first), ears
        )
        b = self.surface(unit(directions + step * second), ears) - self.surface(
            unit(directions - step * second), ears
        )
        return unit(np.cross(a, b))


@dataclass(frozen=True)
class Trunk:
    """Neck, shoulders and torso as they stand in the fitting pose.

    Attributes:
        tree: of the vertices.
        vertices: float64 [T, 3], metres.
        normals: float64 [T, 3].
        neck: height of the neck's middle, metres.
        shoulder: height of the shoulders' top beside the neck, metres.
        breadth: metres from the middle beyond which no hair hangs.
        ridge: where the shoulders' tops are, metres ahead of the origin.
    """

    tree: cKDTree
    vertices: np.ndarray
    normals: np.ndarray
    neck: float
    shoulder: float
    breadth: float
    ridge: float

    def height(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Signed height over the skin near points [M, 3], metres [M], and the smooth normals there [M, 3]."""
        distance, index = self.tree.query(points, k=4)
        weight = 1 / (distance**2 + 0.008**2)
        weight /= weight.sum(1, keepdims=True)
        offset = points[:, None] - self.vertices[index]
        height = ((offset * self.normals[index]).sum(2) * weight).sum(1)
        return height, unit((self.normals[index] * weight[..., None]).sum(1))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale vectors [..., 3] to length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def frame(directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors [M, 3] each across unit directions [M, 3]; with them they are right-handed."""
    axis = np.where(np.abs(directions[:, 1:2]) > 0.8, [[0.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]])
    first = unit(np.cross(axis, directions))
    return first, np.cross(directions, first)


def find_skull(form: DressForm) -> Skull:
    """Measure the head of a body in the T-pose (its head stands the same in the fitting pose)."""
    head = find_head(form.body, form.rest)
    corners = form.rest[form.body.faces]
    near = corners[:, :, 1].min(1) > head.chin[1] - 0.12
    near &= np.abs(corners[:, :, 0]).max(1) < 0.12
    plain = near & ~head.eyeball_faces & (head.mouth_share[form.body.faces].max(1) == 0)
    ear = near & (head.ear_share[form.body.faces].max(1) > 0)
    polar = np.linspace(0, np.pi, _POLARS)[:, None]
    turn = np.arange(_AZIMUTHS)[None] / _AZIMUTHS * 2 * np.pi
    grid = np.stack(
        np.broadcast_arrays(np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)), -1
    ).reshape(-1, 3)
    raw = _nearest_radius(corners[plain & ~ear], head.centre, grid)
    # Below the jaw the surface leaps inwards; smoothing must not lift the neck.
    bare = np.where(polar > 1.7, np.minimum(_smooth(raw), raw + 0.001), _smooth(raw))
    ears = _strewn(corners[ear], head.centre)
    top = bare[0].mean()
    # Behind and below, rays run down inside the neck.
    bare = np.where((polar > 1.9) & (np.cos(turn) < 0.2), np.minimum(bare, _NAPE * top), bare)
    away, which = cKDTree(unit(ears)).query(grid, k=6, distance_upper_bound=0.16)
    outer = np.append(np.linalg.norm(ears, axis=1), 0.0)[which].max(1) + _EAR_ROOM
    share = smoothstep(0.16, 0.04, away[:, 0]).reshape(bare.shape)
    eared = bare + np.maximum(outer.reshape(bare.shape) - bare, 0) * share
    return Skull(head, bare, _smooth(np.maximum(_smooth(eared), eared)), float(top / 0.092))


def _strewn(corners: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Points on triangles [m, 3, 3], 15 on each, relative to the centre."""
    return (np.einsum("lk,mkd->mld", _LATTICE, corners) - centre).reshape(-1, 3)


def _nearest_radius(corners: np.ndarray, centre: np.ndarray, directions: np.ndarray) -> np.ndarray:
    points = _strewn(corners, centre)
    distance, index = cKDTree(unit(points)).query(directions, k=4)
    weight = 1 / (distance**2 + 0.01**2)
    radius = (np.linalg.norm(points, axis=1)[index] * weight).sum(1) / weight.sum(1)
    return radius.reshape(_POLARS, _AZIMUTHS)


def _smooth(grid: np.ndarray) -> np.ndarray:
    """Smooth a grid over the sphere; at the poles all columns meet."""
    smooth = ndimage.gaussian_filter(grid, _SMOOTHING, mode=("nearest", "wrap"))
    for row, share in ((0, 1.0), (1, 0.5), (-1, 1.0), (-2, 0.5)):
        smooth[row] += share * (smooth[row].mean() - smooth[row])
    return smooth


def find_trunk(form: DressForm, head: Head) -> Trunk:
    """Gather what hair can lie on below the head; arms are left out, hair keeps to the shoulders."""
    arms = form.body.weights[:, 18:22].sum(1) + form.body.weights[:, 25:].sum(1)
    chosen = (form.posed[:, 1] < head.chin[1] + 0.01) & (form.posed[:, 1] > head.chin[1] - _TORSO_REACH)
    chosen &= (arms < 0.3) & (head.mouth_share == 0)
    neck, collar = form.joints[12], form.joints[16]
    vertices = form.posed[chosen]
    return Trunk(
        cKDTree(vertices),
        vertices,
        form.normals[chosen],
        neck=float(neck[1]),
        shoulder=float((neck[1] + collar[1]) / 2),
        breadth=float(0.8 * collar[0]),
        ridge=float(collar[2]),
    )
