"""A pose to what moves vertices: where each joint takes the T-pose, and how far it is turned.

Runs on the host whatever renders: 55 joints take microseconds, and what they give is 4 KB.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from dinar.runtime.body import JOINT_COUNT, Pose, check_pose
from dinar.runtime.prepare.mesh import SkinnedMesh

_STILL_RADIANS = 1e-6  # the pose correctives of a joint turned by less stay below a micrometre


class JointPoser:
    """Poses the joints of one mesh, again and again, in memory of its own. Not thread-safe.

    Attributes:
        transforms: float32 [55, 4, 4], T_world_rest of the joints in the last pose, metres.
        features: float32 [55, 9], R - I of each joint, row-major.
        moving: bool [55], whether its pose correctives matter.
        expression: float32 [E'], the last pose's.
    """

    def __init__(self, mesh: SkinnedMesh) -> None:
        self._mesh = mesh
        self.transforms = np.zeros((JOINT_COUNT, 4, 4), np.float32)
        self.features = np.zeros((JOINT_COUNT, 9), np.float32)
        self.moving = np.zeros(JOINT_COUNT, np.bool_)
        self.expression = np.zeros(0, np.float32)

    def __call__(self, pose: Pose) -> None:
        """Fill the attributes for `pose`; the next call overwrites them.

        Raises:
            ValueError: the pose does not fit the body.
        """
        mesh = self._mesh
        check_pose(pose, mesh.rest_joint_exprdirs.shape[2])
        # Copies: for read-only arrays, as messages bring them, numba would compile everything once more.
        self.expression = np.array(pose.expression, np.float32)
        _pose_joints(
            np.array(pose.rotations, np.float64),
            np.array(pose.translation, np.float64),
            mesh.rest_joints + mesh.rest_joint_exprdirs[:, :, : len(self.expression)] @ self.expression,
            mesh.parents,
            self.features,
            self.moving,
            self.transforms,
        )


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
