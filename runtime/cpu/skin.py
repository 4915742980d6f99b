"""Linear blend skinning for CPUs: the fast twin of `dinar.runtime.body.forward`.

Works on the tiles of `prepare.mesh`, so that every inner loop becomes vector instructions. Pose correctives
of joints at rest are not even read.

It runs on one thread. Dense pose correctives (10,475 vertices, every joint turned) take about two
milliseconds, sparse ones a sixth of one: less than the wait for a second core that happens to be busy.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from dinar.runtime.body import JOINT_COUNT, Pose
from dinar.runtime.prepare.joints import JointPoser
from dinar.runtime.prepare.mesh import CPU_LANES, SkinnedMesh

LANES = CPU_LANES
"""Vertices of a tile."""


class Skinner:
    """Poses one mesh, again and again, in memory of its own. Not thread-safe."""

    def __init__(self, mesh: SkinnedMesh):
        """Prepare for `mesh`, whose tiles must hold LANES vertices."""
        self._mesh, self._joints = mesh, JointPoser(mesh)
        self._vertices = np.empty((mesh.vertex_count, 3), np.float32)
        self._posed, self._moved = np.empty_like(mesh.rest), np.empty_like(mesh.rest)

    @property
    def transforms(self) -> np.ndarray:
        """T_world_rest of the joints in the last pose, float32 [55, 4, 4], metres; the next overwrites it."""
        return self._joints.transforms

    def __call__(self, pose: Pose) -> np.ndarray:
        """Return the world vertices of `pose`, float32 [V, 3], metres; the next call overwrites them.

        They are within 1e-4 m of `dinar.runtime.body.forward`.

        Raises:
            ValueError: the pose does not fit the body.
        """
        mesh, joints = self._mesh, self._joints
        joints(pose)
        _skin(
            mesh.rest,
            mesh.expressions,
            joints.expression,
            mesh.correctives,
            joints.features,
            joints.moving,
            mesh.weights,
            joints.transforms,
            mesh.vertex_ids,
            self._posed,
            self._moved,
            self._vertices,
        )
        return self._vertices


# --- Kernels (plain loops throughout: numba takes four times as long to compile array assignments) --


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
