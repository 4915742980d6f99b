"""Linear blend skinning for CPUs: the fast twin of `dinar.runtime.body.forward`.

For one person's betas, a mesh is stored as tiles of 16 vertices that are moved by much the same joints. Each
joint and each expression lists the tiles that it does anything to, with its numbers for the 16 vertices side
by side, so that every inner loop becomes vector instructions. Pose correctives of joints at rest are not even
read.

It runs on one thread. Dense pose correctives (10,475 vertices, every joint turned) take about two
milliseconds, sparse ones a sixth of one: less than the wait for a second core that happens to be busy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from dinar.runtime.avatar import Shell
from dinar.runtime.body import JOINT_COUNT, Body, Pose, check_pose, rest_vertices

LANES = 16
"""Vertices of a tile: one AVX-512 register of float32, two of AVX2."""

POSE_TOLERANCE = 2e-5
"""Metres: most that the pose correctives left out can move a vertex, whatever the pose."""

EXPRESSION_TOLERANCE = 1e-5
"""Metres: most that the expression offsets left out can move a vertex."""

# The greatest length of a group of coefficients: ||R - I||_F <= sqrt(8); an expression beyond 5 is no face.
_POSE_REACH = 8**0.5
_EXPRESSION_REACH = 5.0

_STILL_RADIANS = 1e-6  # the pose correctives of a joint turned by less stay below a micrometre
_LEAST_WEIGHT = 1e-7  # 55 skinning weights below this move a vertex by a few micrometres
_INT16_MAX = 32767


class Directions(NamedTuple):
    """Blend-shape directions of V vertices: a weighted mean of those of A vertices of the body each.

    Attributes:
        values: floats [B, 3, K], the body's, metres per coefficient.
        anchor: int32 [V, A], ids of the body's vertices.
        weight: float64 [V, A].
    """

    values: np.ndarray
    anchor: np.ndarray
    weight: np.ndarray


class TileBlocks(NamedTuple):
    """What each mover (joint or expression) does to tiles: a sparse matrix with blocks of C x 16 numbers.

    Sorted by mover, so that what is at rest is never read. A named tuple: compiled code takes it as it is.

    Attributes:
        start: int32 [M + 1], entries start[m]..start[m + 1] - 1 belong to mover m.
        tile: int32 [N], the tile of each entry, ascending for a mover.
        block: [N, C, 16], in units of `scale`: int16 for pose correctives (there are many, and reading them
            is what takes the time), float32 for all else.
        scale: float32 [N], the unit of each entry's block.
    """

    start: np.ndarray
    tile: np.ndarray
    block: np.ndarray
    scale: np.ndarray


@dataclass(frozen=True)
class SkinnedMesh:
    """A body of fixed shape (and maybe its shell) ready to be posed: V vertices in T tiles of 16.

    Attributes:
        vertex_ids: int32 [T, 16], the vertex of each lane; lanes left over repeat one.
        rest: float32 [T, 3, 16], metres, T-pose, zero expression.
        weights: M = 55 joints, C = 1: skinning weights.
        correctives: M = 55 joints, C = 27 (coordinate, then entry of R - I row-major): metres, int16.
        expressions: M = E expressions, C = 3: metres per unit.
        rest_joints: float64 [55, 3], metres, zero expression.
        rest_joint_exprdirs: float64 [55, 3, E], metres per unit of expression.
        parents: int32 [55], parents[0] = -1.
        vertex_count: V.
        faces: int32 [F, 3], vertex ids; the body's faces first, then the shell's.
        uv: float32 [T', 2], v down; the body's first, then the shell's.
        uv_faces: int32 [F, 3], ids into `uv`, corner by corner as `faces`.
    """

    vertex_ids: np.ndarray
    rest: np.ndarray
    weights: TileBlocks
    correctives: TileBlocks
    expressions: TileBlocks
    rest_joints: np.ndarray
    rest_joint_exprdirs: np.ndarray
    parents: np.ndarray
    vertex_count: int
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray


# --- Building -------------------------------------------------------------------------------------


def skinned_body(body: Body, betas: np.ndarray) -> SkinnedMesh:
    """Prepare a body of shape `betas` [S'], S' <= S, for `Skinner`. Raises ValueError if betas do not fit."""
    rest = rest_vertices(body, betas)  # [V, 3]
    vertex_ids = _tile_vertices(body.weights)
    near_joints = np.flatnonzero(
        body.J_regressor.any(axis=0)
    )  # few: no BLAS, whose threads cost more to start
    regressor = body.J_regressor[:, near_joints]
    own = np.arange(len(rest), dtype=np.int32)[:, None], np.ones((len(rest), 1))
    return SkinnedMesh(
        vertex_ids=vertex_ids,
        rest=_tiled(rest, vertex_ids),
        weights=_tile_weights(body.weights, vertex_ids),
        correctives=_tile_correctives(Directions(np.ascontiguousarray(body.posedirs), *own), vertex_ids),
        expressions=_tile_expressions(Directions(np.ascontiguousarray(body.exprdirs), *own), vertex_ids),
        rest_joints=np.einsum("jv,vc->jc", regressor, rest[near_joints]),
        rest_joint_exprdirs=np.einsum("jv,vce->jce", regressor, body.exprdirs[near_joints]),
        parents=body.parents,
        vertex_count=len(rest),
        faces=body.faces,
        uv=body.uv,
        uv_faces=body.uv_faces,
    )


def attach_shell(mesh: SkinnedMesh, body: Body, shell: Shell) -> SkinnedMesh:
    """Append a shell's vertices and faces to the mesh of its body.

    The shell follows the joints by its own weights; it inherits pose correctives and expression offsets
    from the body vertices that it is anchored to.

    Args:
        mesh: from `skinned_body(body, betas)`, with the betas that the shell was made for.
        body: the body of both.
        shell: its vertices become V..V + Vs - 1.
    """
    anchors = np.ascontiguousarray(shell.anchor_vertex, np.int32), shell.anchor_weight.astype(np.float64)
    joint_weights = np.zeros((len(shell.vertices), JOINT_COUNT))
    np.add.at(joint_weights, (np.arange(len(joint_weights))[:, None], shell.joint_index), shell.joint_weight)
    ids = _tile_vertices(joint_weights)
    tiles = len(mesh.vertex_ids)
    correctives = _tile_correctives(Directions(np.ascontiguousarray(body.posedirs), *anchors), ids)
    expressions = _tile_expressions(Directions(np.ascontiguousarray(body.exprdirs), *anchors), ids)
    return SkinnedMesh(
        vertex_ids=np.concatenate([mesh.vertex_ids, ids + np.int32(mesh.vertex_count)]),
        rest=np.concatenate([mesh.rest, _tiled(shell.vertices, ids)]),
        weights=_append(mesh.weights, _tile_weights(joint_weights, ids), tiles),
        correctives=_append(mesh.correctives, correctives, tiles),
        expressions=_append(mesh.expressions, expressions, tiles),
        rest_joints=mesh.rest_joints,
        rest_joint_exprdirs=mesh.rest_joint_exprdirs,
        parents=mesh.parents,
        vertex_count=mesh.vertex_count + len(shell.vertices),
        faces=np.concatenate([mesh.faces, shell.faces + np.int32(mesh.vertex_count)]),
        uv=np.concatenate([mesh.uv, shell.uv]),
        uv_faces=np.concatenate([mesh.uv_faces, shell.uv_faces + np.int32(len(mesh.uv))]),
    )


def _tile_vertices(weights: np.ndarray) -> np.ndarray:
    """Group vertices by the joints that move them most: weights [V, 55] => vertex ids int32 [T, 16]."""
    strongest = np.argsort(-weights, axis=1, kind="stable")[:, :3]  # [V, 3]
    order = np.lexsort(strongest.T[::-1])
    return np.pad(order, (0, -len(order) % LANES), mode="edge").reshape(-1, LANES).astype(np.int32)


def _tiled(values: np.ndarray, vertex_ids: np.ndarray) -> np.ndarray:
    """Lay out [V, ...] values as float32 [T, C, 16]."""
    rows = values.astype(np.float32).reshape(len(values), math.prod(values.shape[1:]))  # [V, C]
    tiles = rows[vertex_ids]  # [T, 16, C]
    return np.ascontiguousarray(tiles.transpose(0, 2, 1))


def _tile_weights(weights: np.ndarray, vertex_ids: np.ndarray) -> TileBlocks:
    """Keep the joints with any weight in a tile."""
    kept = (np.abs(weights) > _LEAST_WEIGHT)[vertex_ids].any(axis=1)  # [T, 55]
    joint, tile = np.nonzero(kept.T)
    block = weights[vertex_ids[tile], joint[:, None]].astype(np.float32)  # [N, 16]
    return TileBlocks(_starts(kept), tile.astype(np.int32), block[:, None], np.ones(len(tile), np.float32))


def _tile_correctives(directions: Directions, vertex_ids: np.ndarray) -> TileBlocks:
    """Keep the joints whose pose correctives matter to a tile, rounded to 16 bits.

    Of 1 cm at most per joint and tile, that is off by at most 0.15 micrometres per coefficient.
    """
    kept = _matter(directions, 9, vertex_ids, POSE_TOLERANCE / _POSE_REACH)
    kept = np.concatenate([np.zeros((len(kept), 1), bool), kept], axis=1)  # none for the root
    start, tile = _starts(kept), np.nonzero(kept.T)[1].astype(np.int32)
    block, scale = np.empty((len(tile), 27, LANES), np.int16), np.empty(len(tile), np.float32)
    for joint in range(1, JOINT_COUNT):
        entries = slice(start[joint], start[joint + 1])
        metres = _tiled_group(directions, joint - 1, 9, vertex_ids[tile[entries]])  # [n, 27, 16]
        scale[entries] = np.abs(metres).max(axis=(1, 2)) / _INT16_MAX
        block[entries] = np.rint(metres / scale[entries, None, None])
    return TileBlocks(start, tile, block, scale)


def _tile_expressions(directions: Directions, vertex_ids: np.ndarray) -> TileBlocks:
    """Keep the expressions that matter to a tile."""
    kept = _matter(directions, 1, vertex_ids, EXPRESSION_TOLERANCE / _EXPRESSION_REACH)
    start, tile = _starts(kept), np.nonzero(kept.T)[1].astype(np.int32)
    block = np.empty((len(tile), 3, LANES), np.float32)
    for k in range(kept.shape[1]):
        entries = slice(start[k], start[k + 1])
        block[entries] = _tiled_group(directions, k, 1, vertex_ids[tile[entries]])
    return TileBlocks(start, tile, block, np.ones(len(tile), np.float32))


def _tiled_group(directions: Directions, group: int, size: int, vertex_ids: np.ndarray) -> np.ndarray:
    """Lay out the directions of one group of `size` for tiles, as float32 [T, 3 * size, 16]."""
    tiles = np.empty((len(vertex_ids), 3 * size, LANES), np.float32)
    _gather_group(*directions, group, size, vertex_ids, tiles)
    return tiles


def _matter(directions: Directions, size: int, vertex_ids: np.ndarray, tolerance: float) -> np.ndarray:
    """Choose the groups of `size` blend-shape directions that each tile needs, bool [T, G].

    Those left out of a tile are its smallest: their greatest Frobenius norms at any vertex add up to at most
    `tolerance`, metres per length of a group's coefficients, which bounds the offsets that are lost.
    """
    of_vertex = np.zeros((len(directions.anchor), directions.values.shape[2] // size))  # [V, G]
    _measure_groups(*directions, size, of_vertex)
    norms = of_vertex[vertex_ids].max(axis=1)  # [T, G]
    ascending = np.argsort(norms, axis=1)
    lost = np.cumsum(np.take_along_axis(norms, ascending, axis=1), axis=1)
    kept = np.empty(norms.shape, bool)
    np.put_along_axis(kept, ascending, lost > tolerance, axis=1)
    return kept


@njit(cache=True, nogil=True)
def _measure_groups(values, anchor, weight, size, norms):  # type: ignore[no-untyped-def]
    """Write the Frobenius norms of each vertex's groups of directions (see `Directions`) to norms [V, G]."""
    line = np.empty(values.shape[2])
    for v in range(len(anchor)):
        for c in range(3):
            line[:] = 0.0
            for a in range(anchor.shape[1]):
                w, row = weight[v, a], values[anchor[v, a], c]
                for k in range(len(line)):
                    line[k] += w * row[k]
            for group in range(norms.shape[1]):
                for k in range(size * group, size * (group + 1)):
                    norms[v, group] += line[k] * line[k]
        for group in range(norms.shape[1]):
            norms[v, group] = np.sqrt(norms[v, group])


@njit(cache=True, nogil=True)
def _gather_group(values, anchor, weight, group, size, vertex_ids, tiles):  # type: ignore[no-untyped-def]
    """Write a group of directions (see `Directions`) to tiles float32 [T, 3 * size, 16]."""
    for t in range(len(vertex_ids)):
        for lane in range(LANES):
            v = vertex_ids[t, lane]
            for c in range(3):
                for k in range(size):
                    value = 0.0
                    for a in range(anchor.shape[1]):
                        value += weight[v, a] * values[anchor[v, a], c, size * group + k]
                    tiles[t, size * c + k, lane] = value


def _starts(kept: np.ndarray) -> np.ndarray:
    """Kept entries bool [T, M] => start int32 [M + 1]."""
    return np.concatenate([[0], np.cumsum(kept.sum(axis=0))]).astype(np.int32)


def _append(first: TileBlocks, second: TileBlocks, tiles: int) -> TileBlocks:
    """Append the blocks of more tiles with the same movers; the first ones have `tiles` tiles."""
    movers = np.arange(len(first.start) - 1)
    of_entry = np.concatenate(
        [np.repeat(movers, np.diff(first.start)), np.repeat(movers, np.diff(second.start))]
    )
    order = np.argsort(of_entry, kind="stable")
    return TileBlocks(
        first.start + second.start,
        np.concatenate([first.tile, second.tile + np.int32(tiles)])[order],
        np.concatenate([first.block, second.block])[order],
        np.concatenate([first.scale, second.scale])[order],
    )


# --- Posing ---------------------------------------------------------------------------------------


class Skinner:
    """Poses one mesh, again and again, in memory of its own. Not thread-safe."""

    def __init__(self, mesh: SkinnedMesh):
        self._mesh = mesh
        self._vertices = np.empty((mesh.vertex_count, 3), np.float32)
        self._transforms = np.zeros((JOINT_COUNT, 4, 4), np.float32)
        self._features = np.zeros((JOINT_COUNT, 9), np.float32)
        self._moving = np.zeros(JOINT_COUNT, np.bool_)
        self._posed, self._moved = np.empty_like(mesh.rest), np.empty_like(mesh.rest)

    @property
    def transforms(self) -> np.ndarray:
        """T_world_rest of the joints in the last pose, float32 [55, 4, 4], metres; the next overwrites it."""
        return self._transforms

    def __call__(self, pose: Pose) -> np.ndarray:
        """Return the world vertices of `pose`, float32 [V, 3], metres; the next call overwrites them.

        They are within 1e-4 m of `dinar.runtime.body.forward`.

        Raises:
            ValueError: the pose does not fit the body.
        """
        mesh = self._mesh
        check_pose(pose, mesh.rest_joint_exprdirs.shape[2])
        # Copies: for read-only arrays, as messages bring them, numba would compile everything once more.
        expression = np.array(pose.expression, np.float32)
        _pose_joints(
            np.array(pose.rotations, np.float64),
            np.array(pose.translation, np.float64),
            mesh.rest_joints + mesh.rest_joint_exprdirs[:, :, : len(expression)] @ expression,
            mesh.parents,
            self._features,
            self._moving,
            self._transforms,
        )
        _skin(
            mesh.rest,
            mesh.expressions,
            expression,
            mesh.correctives,
            self._features,
            self._moving,
            mesh.weights,
            self._transforms,
            mesh.vertex_ids,
            self._posed,
            self._moved,
            self._vertices,
        )
        return self._vertices


# --- Kernels (plain loops throughout: numba takes four times as long to compile array assignments) --


@njit(cache=True, nogil=True)
def _pose_joints(rotations, translation, joints, parents, features, moving, transforms):  # type: ignore[no-untyped-def]
    """Chain the joints as `body.joint_transforms` does.

    Fills features [55, 9] with R - I, moving [55] with whether that matters, and transforms [55, 4, 4].
    """
    chained = np.empty((JOINT_COUNT, 3, 4))
    turn = np.empty((3, 3))
    local = np.empty((3, 4))  # T_rest_rest: a turn about the joint's own position
    for j in range(JOINT_COUNT):
        moving[j] = _turn_from_axis_angle(rotations[j], turn) > _STILL_RADIANS
        for r in range(3):
            local[r, 3] = translation[r] if j == 0 else 0.0
            for c in range(3):
                features[j, 3 * r + c] = turn[r, c]
                local[r, c] = turn[r, c] + (1.0 if r == c else 0.0)
                local[r, 3] -= turn[r, c] * joints[j, c]
        for r in range(3):
            for c in range(4):
                if j == 0:
                    chained[0, r, c] = local[r, c]
                else:
                    up = chained[parents[j], r]
                    chained[j, r, c] = up[0] * local[0, c] + up[1] * local[1, c] + up[2] * local[2, c]
                    if c == 3:
                        chained[j, r, 3] += up[3]
                transforms[j, r, c] = chained[j, r, c]
        transforms[j, 3, 3] = 1


@njit(cache=True, nogil=True)
def _turn_from_axis_angle(axis_angle, turn):  # type: ignore[no-untyped-def]
    """Fill turn [3, 3] with R - I (Rodrigues: a K + b K^2, K^2 = r r^T - t^2 I) and return the angle t."""
    x, y, z = axis_angle[0], axis_angle[1], axis_angle[2]
    angle = np.sqrt(x * x + y * y + z * z)
    a, b = 1.0, 0.5  # sin(t) / t and (1 - cos(t)) / t^2 for t => 0
    if angle > 1e-8:
        a = np.sin(angle) / angle
        b = 0.5 * (np.sin(0.5 * angle) / (0.5 * angle)) ** 2
    turn[0, 0], turn[0, 1], turn[0, 2] = -b * (y * y + z * z), b * x * y - a * z, b * x * z + a * y
    turn[1, 0], turn[1, 1], turn[1, 2] = b * x * y + a * z, -b * (x * x + z * z), b * y * z - a * x
    turn[2, 0], turn[2, 1], turn[2, 2] = b * x * z - a * y, b * y * z + a * x, -b * (x * x + y * y)
    return angle


@njit(cache=True, nogil=True)
def _skin(  # type: ignore[no-untyped-def]
    rest,
    expressions,
    expression,
    correctives,
    features,
    moving,
    weights,
    transforms,
    vertex_ids,
    posed,
    moved,
    vertices,
):
    """Move every tile: rest [T, 3, 16] => posed (offsets added, still T-pose) => moved => vertices [V, 3]."""
    for t in range(len(rest)):
        for c in range(3):
            for lane in range(LANES):
                posed[t, c, lane] = rest[t, c, lane]
                moved[t, c, lane] = 0
    _add_expressions(expressions, expression, posed)
    _add_correctives(correctives, features, moving, posed)
    _blend(weights, transforms, posed, moved)
    for t in range(len(rest)):
        for lane in range(LANES):
            for c in range(3):
                vertices[vertex_ids[t, lane], c] = moved[t, c, lane]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_expressions(expressions, coefficients, posed):  # type: ignore[no-untyped-def]
    """Add the offsets of the expressions that are given."""
    for k in range(len(coefficients)):
        if coefficients[k] == 0:
            continue
        for e in range(expressions.start[k], expressions.start[k + 1]):
            t = expressions.tile[e]
            for c in range(3):
                for lane in range(LANES):
                    posed[t, c, lane] += coefficients[k] * expressions.block[e, c, lane]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_correctives(correctives, features, moving, posed):  # type: ignore[no-untyped-def]
    """Add the pose correctives of the joints that are turned."""
    block = correctives.block
    for j in range(JOINT_COUNT):
        if not moving[j]:
            continue
        for e in range(correctives.start[j], correctives.start[j + 1]):
            t, s, f = correctives.tile[e], correctives.scale[e], features[j]
            f0, f1, f2, f3, f4 = s * f[0], s * f[1], s * f[2], s * f[3], s * f[4]
            f5, f6, f7, f8 = s * f[5], s * f[6], s * f[7], s * f[8]
            for c in range(3):
                b = 9 * c
                for lane in range(LANES):
                    posed[t, c, lane] += (
                        f0 * np.float32(block[e, b, lane])
                        + f1 * np.float32(block[e, b + 1, lane])
                        + f2 * np.float32(block[e, b + 2, lane])
                        + f3 * np.float32(block[e, b + 3, lane])
                        + f4 * np.float32(block[e, b + 4, lane])
                        + f5 * np.float32(block[e, b + 5, lane])
                        + f6 * np.float32(block[e, b + 6, lane])
                        + f7 * np.float32(block[e, b + 7, lane])
                        + f8 * np.float32(block[e, b + 8, lane])
                    )


@njit(cache=True, nogil=True, fastmath={"contract"})
def _blend(weights, transforms, posed, moved):  # type: ignore[no-untyped-def]
    """Add up where the joints take each position, weighted (linear blend skinning)."""
    for j in range(JOINT_COUNT):
        T = transforms[j]
        xx, xy, xz, x0 = T[0, 0], T[0, 1], T[0, 2], T[0, 3]
        yx, yy, yz, y0 = T[1, 0], T[1, 1], T[1, 2], T[1, 3]
        zx, zy, zz, z0 = T[2, 0], T[2, 1], T[2, 2], T[2, 3]
        for e in range(weights.start[j], weights.start[j + 1]):
            t = weights.tile[e]
            for lane in range(LANES):  # one loop for all three coordinates: three take four times as long
                x, y, z, w = (
                    posed[t, 0, lane],
                    posed[t, 1, lane],
                    posed[t, 2, lane],
                    weights.block[e, 0, lane],
                )
                moved[t, 0, lane] += w * (xx * x + xy * y + xz * z + x0)
                moved[t, 1, lane] += w * (yx * x + yy * y + yz * z + y0)
                moved[t, 2, lane] += w * (zx * x + zy * y + zz * z + z0)
