"""Let cloth fall onto a body: position-based dynamics (Mueller et al. 2007)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba as nb
import numpy as np
from scipy.spatial import cKDTree

from dinar.trainer.data.people.patch import unique_edges


@dataclass(frozen=True)
class Cloth:
    """What is simulated: n vertices, m faces.

    Attributes:
        positions: float64 [n, 3], metres, where the cloth starts.
        faces: int [m, 3].
        stretch: float64 [n], rest length of the cloth relative to its length at the start; above 1 it has
            material to spare and falls in folds, below 1 it clings.
        clearance: float64 [n], metres that each vertex keeps from the body at least.
        pinned: bool [n], vertices that stay where they start.
        bend: stiffness against folding, 0 to 1.
    """

    positions: np.ndarray
    faces: np.ndarray
    stretch: np.ndarray
    clearance: np.ndarray
    pinned: np.ndarray
    bend: float


def drape(
    cloth: Cloth,
    body_vertices: np.ndarray,
    body_normals: np.ndarray,
    *,
    steps: int = 240,
    iterations: int = 12,
    gravity: float = 9.81,
    friction: float = 0.3,
    progress: Callable[[float], None] = lambda _: None,
) -> np.ndarray:
    """Simulate until the cloth hangs.

    Args:
        cloth: what falls.
        body_vertices: [V, 3], metres, densely sampled surface that the cloth must not enter.
        body_normals: [V, 3], unit, outwards.
        steps: steps of 1/60 s.
        iterations: constraint sweeps a step.
        gravity: m/s^2, along -y.
        friction: 0 (slides) to 1 (sticks), felt in each sweep.
        progress: called with the fraction done.

    Returns:
        float64 [n, 3], the positions at rest.
    """
    x = cloth.positions.astype(np.float64).copy()
    edges = unique_edges(cloth.faces)
    factor = (cloth.stretch[edges[:, 0]] + cloth.stretch[edges[:, 1]]) / 2
    rest = np.linalg.norm(x[edges[:, 0]] - x[edges[:, 1]], axis=1) * factor
    wings = _wings(cloth.faces)
    wing_rest = np.linalg.norm(x[wings[:, 0]] - x[wings[:, 1]], axis=1) * (
        (cloth.stretch[wings[:, 0]] + cloth.stretch[wings[:, 1]]) / 2
    )
    mobility = np.where(cloth.pinned, 0.0, 1.0)
    velocity = np.zeros_like(x)
    tree = cKDTree(body_vertices)
    near = np.empty((len(x), 0), np.int64)
    for step in range(steps):
        if step % 6 == 0:
            near = tree.query(x, k=6)[1]
            progress(step / steps)
        before = x.copy()
        _advance(x, velocity, mobility, gravity, 1 / 60)
        for _ in range(iterations):
            _keep_lengths(x, edges, rest, mobility, 1.0)
            _keep_lengths(x, wings, wing_rest, mobility, cloth.bend)
            _keep_outside(x, before, near, body_vertices, body_normals, cloth.clearance, mobility, friction)
        velocity = (x - before) * 60 * 0.94
    return x


def _wings(faces: np.ndarray) -> np.ndarray:
    """Pairs of vertices that face each other across an inner edge: int [W, 2]."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    opposite = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    key = np.sort(directed, axis=1)
    order = np.lexsort((key[:, 1], key[:, 0]))
    key, opposite = key[order], opposite[order]
    same = np.flatnonzero((key[1:] == key[:-1]).all(1))
    return np.stack([opposite[same], opposite[same + 1]], axis=1)


@nb.njit(cache=True)
def _advance(x, velocity, mobility, gravity, dt):  # type: ignore[no-untyped-def]
    for i in range(x.shape[0]):
        if mobility[i] > 0:
            velocity[i, 1] -= gravity * dt
            for k in range(3):
                x[i, k] += velocity[i, k] * dt


@nb.njit(cache=True)
def _keep_lengths(x, pairs, rest, mobility, stiffness):  # type: ignore[no-untyped-def]
    for e in range(pairs.shape[0]):
        i, j = pairs[e, 0], pairs[e, 1]
        total = mobility[i] + mobility[j]
        if total == 0.0:
            continue
        dx, dy, dz = x[j, 0] - x[i, 0], x[j, 1] - x[i, 1], x[j, 2] - x[i, 2]
        length = np.sqrt(dx * dx + dy * dy + dz * dz) + 1e-12
        # Cloth gives way to compression (it folds), so that is resisted less than stretching.
        gain = stiffness if length > rest[e] else 0.6 * stiffness
        move = gain * (length - rest[e]) / (length * total)
        a, b = mobility[i] * move, mobility[j] * move
        x[i, 0] += a * dx
        x[i, 1] += a * dy
        x[i, 2] += a * dz
        x[j, 0] -= b * dx
        x[j, 1] -= b * dy
        x[j, 2] -= b * dz


@nb.njit(cache=True)
def _keep_outside(  # type: ignore[no-untyped-def]
    x, before, near, body, normal, clearance, mobility, friction
):
    """Push vertices out of the body along the blended normal of its vertices nearby; rub what touches."""
    for i in range(x.shape[0]):
        if mobility[i] == 0.0:
            continue
        weight = depth = 0.0
        nx = ny = nz = 0.0
        for k in range(near.shape[1]):
            b = near[i, k]
            dx, dy, dz = x[i, 0] - body[b, 0], x[i, 1] - body[b, 1], x[i, 2] - body[b, 2]
            w = 1.0 / (dx * dx + dy * dy + dz * dz + 1e-6)
            depth += w * (dx * normal[b, 0] + dy * normal[b, 1] + dz * normal[b, 2])
            nx += w * normal[b, 0]
            ny += w * normal[b, 1]
            nz += w * normal[b, 2]
            weight += w
        depth = depth / weight - clearance[i]
        if depth >= 0.0:
            continue
        length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
        nx, ny, nz = nx / length, ny / length, nz / length
        x[i, 0] -= depth * nx
        x[i, 1] -= depth * ny
        x[i, 2] -= depth * nz
        mx, my, mz = x[i, 0] - before[i, 0], x[i, 1] - before[i, 1], x[i, 2] - before[i, 2]
        along = mx * nx + my * ny + mz * nz
        x[i, 0] -= friction * (mx - along * nx)
        x[i, 1] -= friction * (my - along * ny)
        x[i, 2] -= friction * (mz - along * nz)
