"""The bench's camera: it follows the person, who fills the picture's height in every pose of a motion."""

from __future__ import annotations

import math

import numpy as np

from dinar.runtime.avatar import Avatar
from dinar.runtime.body import Pose, joint_transforms, rest_vertices
from dinar.runtime.camera import Camera, look_at
from dinar.runtime.motion import Motion
from dinar.runtime.rotations import matrix_from_axis_angle

FOV_Y = math.radians(30.0)
FILL = 0.96
"""Share of the height that the skin and clothes take; pose correctives, left out here, move it a little."""
_VIEWS_PER_SECOND = 30.0
_MAX_VIEWS = 1800  # one minute: what a longer motion shows is seen from the view of the nearest pose there
_POINT_STEP = 10


class FollowingView:
    """Cameras for all poses of a motion, made before any time counts.

    Args:
        avatar: who moves.
        motion: how.
        size: width and height of the pictures, pixels.
    """

    def __init__(self, avatar: Avatar, motion: Motion, size: int) -> None:
        count = max(1, min(_MAX_VIEWS, math.ceil(motion.duration * _VIEWS_PER_SECOND)))
        self.poses = tuple(motion.sample(k / _VIEWS_PER_SECOND) for k in range(count))
        self._keys = np.stack([_key(pose) for pose in self.poses])  # [N, 168]
        self._half_squares = 0.5 * (self._keys**2).sum(axis=1)  # [N]
        figure = _Figure(avatar)
        self._cameras = [_fitted(figure.points(pose), size) for pose in self.poses]

    def camera(self, pose: Pose) -> Camera:
        """Return the camera that was made for the motion's pose nearest to `pose`."""
        return self._cameras[int(np.argmin(self._half_squares - self._keys @ _key(pose)))]


class _Figure:
    """Some points of the avatar's skin and clothes, moved by the joints alone."""

    def __init__(self, avatar: Avatar) -> None:
        body, shell = avatar.body, avatar.shell
        rest = rest_vertices(body, avatar.betas)
        self._joints, self._parents = body.J_regressor @ rest, body.parents
        self._points, self._weights = rest[::_POINT_STEP], body.weights[::_POINT_STEP]  # [P, 3], [P, 55]
        if shell is None:
            return
        rows = np.arange(0, len(shell.vertices), _POINT_STEP)
        weights = np.zeros((len(rows), body.weights.shape[1]))
        np.add.at(weights, (np.arange(len(rows))[:, None], shell.joint_index[rows]), shell.joint_weight[rows])
        self._points = np.concatenate([self._points, shell.vertices[rows]])
        self._weights = np.concatenate([self._weights, weights])

    def points(self, pose: Pose) -> np.ndarray:
        """Return the points posed, world metres [P, 3]."""
        rotations = matrix_from_axis_angle(pose.rotations)
        transforms = joint_transforms(rotations, self._joints, self._parents)  # [55, 4, 4]
        blended = np.tensordot(self._weights, transforms, axes=1)  # [P, 4, 4]
        moved = (blended[:, :3, :3] @ self._points[..., None])[..., 0] + blended[:, :3, 3]
        return moved + pose.translation


def _fitted(points: np.ndarray, size: int) -> Camera:
    """Return the camera in front (looking along -z) whose picture the points [P, 3] fill from top to bottom.

    With t the tangent of the filled half angle, a point at (y, z) is inside for an eye at (v, w) when
    |y - v| <= t (w - z). The tightest eye has w t + v = max(y + t z) and w t - v = max(t z - y).
    """
    t = FILL * math.tan(FOV_Y / 2)
    x, y, z = points.T
    upper, lower = float(np.max(y + t * z)), float(np.max(t * z - y))
    eye = np.array([(x.min() + x.max()) / 2, (upper - lower) / 2, (upper + lower) / (2 * t)])
    return look_at(eye, eye - (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), FOV_Y, size, size)


def _key(pose: Pose) -> np.ndarray:
    """What tells poses apart, float32 [168]."""
    return np.concatenate([pose.rotations.ravel(), pose.translation]).astype(np.float32)
