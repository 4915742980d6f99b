"""A body of one shape, and its shell, laid out for linear blend skinning (`dinar.runtime.body.forward`).

A mesh is stored as tiles of L vertices that are moved by much the same joints. Each joint and each
expression lists the tiles that it does anything to, with its numbers for a tile's vertices side by side: L is
as many as a processor works on at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from dinar.runtime.avatar import Shell
from dinar.runtime.body import JOINT_COUNT, Body, rest_vertices

CPU_LANES = 16
"""Vertices of a tile for processors: one AVX-512 register of float32, two of AVX2."""

POSE_TOLERANCE = 2e-5
"""Metres: most that the pose correctives left out can move a vertex, whatever the pose."""

EXPRESSION_TOLERANCE = 1e-5
"""Metres: most that the expression offsets left out can move a vertex."""

# The greatest length of a group of coefficients: ||R - I||_F <= sqrt(8); an expression beyond 5 is no face.
_POSE_REACH = 8**0.5
_EXPRESSION_REACH = 5.0

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
    """What each mover (joint or expression) does to tiles: a sparse matrix with blocks of C x L numbers.

    Sorted by mover, so that what is at rest is never read. A named tuple: compiled code takes it as it is.

    Attributes:
        start: int32 [M + 1], entries start[m]..start[m + 1] - 1 belong to mover m.
        tile: int32 [N], the tile of each entry, ascending for a mover.
        block: [N, C, L], in units of `scale`: int16 for pose correctives (there are many, and reading them
            is what takes the time), float32 for all else.
        scale: float32 [N], the unit of each entry's block.
    """

    start: np.ndarray
    tile: np.ndarray
    block: np.ndarray
    scale: np.ndarray


@dataclass(frozen=True)
class SkinnedMesh:
    """A body of fixed shape (and maybe its shell) ready to be posed: V vertices in T tiles of L.

    Attributes:
        vertex_ids: int32 [T, L], the vertex of each lane; lanes left over repeat one.
        rest: float32 [T, 3, L], metres, T-pose, zero expression.
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


def skinned_body(body: Body, betas: np.ndarray, *, lanes: int = CPU_LANES) -> SkinnedMesh:
    """Prepare a body of shape `betas` [S'], S' <= S, in tiles of so many vertices.

    Raises ValueError if betas do not fit.
    """
    rest = rest_vertices(body, betas)  # [V, 3]
    vertex_ids = _tile_vertices(body.weights, lanes)
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
    ids = _tile_vertices(joint_weights, mesh.vertex_ids.shape[1])
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


def _tile_vertices(weights: np.ndarray, lanes: int) -> np.ndarray:
    """Group vertices by the joints that move them most: weights [V, 55] => vertex ids int32 [T, lanes]."""
    strongest = np.argsort(-weights, axis=1, kind="stable")[:, :3]  # [V, 3]
    order = np.lexsort(strongest.T[::-1])
    return np.pad(order, (0, -len(order) % lanes), mode="edge").reshape(-1, lanes).astype(np.int32)


def _tiled(values: np.ndarray, vertex_ids: np.ndarray) -> np.ndarray:
    """Lay out [V, ...] values as float32 [T, C, L]."""
    rows = values.astype(np.float32).reshape(len(values), math.prod(values.shape[1:]))  # [V, C]
    tiles = rows[vertex_ids]  # [T, 16, C]
    return np.ascontiguousarray(tiles.transpose(0, 2, 1))


def _tile_weights(weights: np.ndarray, vertex_ids: np.ndarray) -> TileBlocks:
    """Keep the joints with any weight in a tile."""
    kept = (np.abs(weights) > _LEAST_WEIGHT)[vertex_ids].any(axis=1)  # [T, 55]
    joint, tile = np.nonzero(kept.T)
    block = weights[vertex_ids[tile], joint[:, None]].astype(np.float32)  # [N, L]
    return TileBlocks(_starts(kept), tile.astype(np.int32), block[:, None], np.ones(len(tile), np.float32))


def _tile_correctives(directions: Directions, vertex_ids: np.ndarray) -> TileBlocks:
    """Keep the joints whose pose correctives matter to a tile, rounded to 16 bits.

    Of 1 cm at most per joint and tile, that is off by at most 0.15 micrometres per coefficient.
    """
    kept = _matter(directions, 9, vertex_ids, POSE_TOLERANCE / _POSE_REACH)
    kept = np.concatenate([np.zeros((len(kept), 1), bool), kept], axis=1)  # none for the root
    start, tile = _starts(kept), np.nonzero(kept.T)[1].astype(np.int32)
    block, scale = np.empty((len(tile), 27, vertex_ids.shape[1]), np.int16), np.empty(len(tile), np.float32)
    for joint in range(1, JOINT_COUNT):
        entries = slice(start[joint], start[joint + 1])
        metres = _tiled_group(directions, joint - 1, 9, vertex_ids[tile[entries]])  # [n, 27, L]
        scale[entries] = np.abs(metres).max(axis=(1, 2)) / _INT16_MAX
        block[entries] = np.rint(metres / scale[entries, None, None])
    return TileBlocks(start, tile, block, scale)


def _tile_expressions(directions: Directions, vertex_ids: np.ndarray) -> TileBlocks:
    """Keep the expressions that matter to a tile."""
    kept = _matter(directions, 1, vertex_ids, EXPRESSION_TOLERANCE / _EXPRESSION_REACH)
    start, tile = _starts(kept), np.nonzero(kept.T)[1].astype(np.int32)
    block = np.empty((len(tile), 3, vertex_ids.shape[1]), np.float32)
    for k in range(kept.shape[1]):
        entries = slice(start[k], start[k + 1])
        block[entries] = _tiled_group(directions, k, 1, vertex_ids[tile[entries]])
    return TileBlocks(start, tile, block, np.ones(len(tile), np.float32))


def _tiled_group(directions: Directions, group: int, size: int, vertex_ids: np.ndarray) -> np.ndarray:
    """Lay out the directions of one group of `size` for tiles, as float32 [T, 3 * size, L]."""
    tiles = np.empty((len(vertex_ids), 3 * size, vertex_ids.shape[1]), np.float32)
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
    """Write a group of directions (see `Directions`) to tiles float32 [T, 3 * size, L]."""
    for t in range(len(vertex_ids)):
        for lane in range(vertex_ids.shape[1]):
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
