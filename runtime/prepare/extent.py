"""Where in a picture a person is, from the joints alone: before any vertex is moved.

A renderer on a GPU must say which rectangle goes through the network before the GPU has found out what it
covers. Each joint gets a box around the vertices that it moves, in the T-pose; where the joint takes the
corners, the vertices are near.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from dinar.runtime.prepare.mesh import SkinnedMesh

_LEAST_SHARE = 0.2  # of a vertex's weights: joints that move it by less do not take it far
_MARGIN_M = 0.03  # pose correctives, expressions, and what those joints do
_NEAR_M = 0.05  # a corner nearer than this, or behind the camera, may be anywhere in the picture


class JointBoxes(NamedTuple):
    """Boxes around what joints move; a named tuple, so that compiled code takes it as it is.

    Attributes:
        joint: int32 [B], whose box it is.
        low: float32 [B, 3], metres, T-pose.
        high: float32 [B, 3], metres, T-pose.
    """

    joint: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Extent(NamedTuple):
    """What a person covers in a picture.

    Attributes:
        box: first column, first row, end column, end row; pixels, may lie outside the picture.
        depth: mean depth, metres.
    """

    box: tuple[int, int, int, int]
    depth: float


def joint_boxes(mesh: SkinnedMesh) -> JointBoxes:
    """Put boxes around the vertices of a mesh that each joint moves."""
    weights, joints, lows, highs = mesh.weights, [], [], []
    for joint in range(len(weights.start) - 1):
        entries = slice(weights.start[joint], weights.start[joint + 1])
        moved = weights.block[entries, 0] >= _LEAST_SHARE  # [n, L]
        points = mesh.rest[weights.tile[entries]].transpose(0, 2, 1)[moved]  # [P, 3]
        if len(points):
            joints.append(joint)
            lows.append(points.min(axis=0) - _MARGIN_M)
            highs.append(points.max(axis=0) + _MARGIN_M)
    return JointBoxes(np.array(joints, np.int32), np.array(lows, np.float32), np.array(highs, np.float32))


def find_extent(
    boxes: JointBoxes, transforms: np.ndarray, matrix: np.ndarray, width: int, height: int
) -> Extent:
    """Return what the boxes cover in a picture; the whole of it when the camera is among them.

    Args:
        boxes: of the mesh.
        transforms: float32 [55, 4, 4], T_world_rest of the joints, metres.
        matrix: float64 [3, 4], see `camera.projection_matrix`.
        width: columns of the picture.
        height: rows of the picture.
    """
    found = np.empty(5)
    if not _project_boxes(boxes.joint, boxes.low, boxes.high, transforms, matrix, found):
        return Extent((0, 0, width, height), 0.0)
    low, high = np.floor(found[:2]), np.ceil(found[2:4])
    limit = 4.0 * max(width, height)  # farther outside makes no difference, and fits in any integer
    left, top, right, bottom = (int(np.clip(edge, -limit, limit)) for edge in (*low, *high))
    return Extent((left, top, right, bottom), float(found[4]))


@njit(cache=True, nogil=True)
def _project_boxes(joint, low, high, transforms, matrix, found):  # type: ignore[no-untyped-def]
    """Write the least and greatest column and row, and the mean depth; False if a corner is not in front."""
    found[0], found[1], found[2], found[3], found[4] = 1e30, 1e30, -1e30, -1e30, 0.0
    corner = np.empty(3)
    for b in range(len(joint)):
        T = transforms[joint[b]]
        for k in range(8):
            x = low[b, 0] if k & 1 == 0 else high[b, 0]
            y = low[b, 1] if k & 2 == 0 else high[b, 1]
            z = low[b, 2] if k & 4 == 0 else high[b, 2]
            for row in range(3):
                corner[row] = T[row, 0] * x + T[row, 1] * y + T[row, 2] * z + T[row, 3]
            depth = (
                matrix[2, 0] * corner[0] + matrix[2, 1] * corner[1] + matrix[2, 2] * corner[2] + matrix[2, 3]
            )
            if not depth > _NEAR_M:  # NaN as well
                return False
            for row in range(2):
                m = matrix[row]
                at = (m[0] * corner[0] + m[1] * corner[1] + m[2] * corner[2] + m[3]) / depth
                found[row] = min(found[row], at)
                found[2 + row] = max(found[2 + row], at)
            found[4] += depth
    found[4] /= 8 * len(joint)
    return True
