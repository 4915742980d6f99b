"""Rotations as free functions over any batch axes: axis-angle vectors, unit quaternions and matrices.

Axis-angle: [..., 3], direction = axis, length = angle in radians. Quaternion: [..., 4], unit, order w x y
z. Matrix: [..., 3, 3], acts on column vectors from the left. A quaternion and its negative are the same
rotation. The result has the precision of the input (float32 stays float32).
"""

from __future__ import annotations

import numpy as np


def quaternion_from_axis_angle(axis_angle: np.ndarray) -> np.ndarray:
    """Axis-angle [..., 3], radians => quaternion [..., 4] (w >= 0 for angles up to pi)."""
    half = 0.5 * np.sqrt(np.einsum("...i,...i->...", axis_angle, axis_angle))[..., None]  # [..., 1]
    sine_over_angle = 0.5 * np.sinc(half / np.pi)  # sin(angle / 2) / angle, also at angle 0
    return np.concatenate([np.cos(half), axis_angle * sine_over_angle], axis=-1).astype(axis_angle.dtype)


def axis_angle_from_quaternion(quaternion: np.ndarray) -> np.ndarray:
    """Quaternion [..., 4] => axis-angle [..., 3] of the smallest angle, in [0, pi] radians."""
    w = quaternion[..., :1]
    vector = quaternion[..., 1:]
    sine = np.sqrt(np.einsum("...i,...i->...", vector, vector))[..., None]  # [..., 1]
    half = np.copysign(np.arctan2(sine, np.abs(w)), w)
    # At sine 0 the vector is 0 as well, so any finite scale is right.
    return vector * (2 * half / np.maximum(sine, 1e-30))


def matrix_from_quaternion(quaternion: np.ndarray) -> np.ndarray:
    """Unit quaternion [..., 4] => matrix [..., 3, 3]."""
    w, x, y, z = np.moveaxis(quaternion, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quaternion_from_matrix(matrix: np.ndarray) -> np.ndarray:
    """Rotation matrix [..., 3, 3] => quaternion [..., 4].

    The matrix gives all ten products 4 q_i q_j; the row of the largest q_i is divided by it (Shepperd
    1978), so no angle is badly conditioned.
    """
    m = matrix
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    rows = [
        [1 + xx + yy + zz, wx, wy, wz],
        [wx, 1 + xx - yy - zz, xy, xz],
        [wy, xy, 1 - xx + yy - zz, yz],
        [wz, xz, yz, 1 - xx - yy + zz],
    ]
    products = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)  # [..., 4, 4]
    largest = np.argmax(np.diagonal(products, axis1=-2, axis2=-1), axis=-1)  # [...]
    row = np.take_along_axis(products, largest[..., None, None], axis=-2)[..., 0, :]
    return row / np.linalg.norm(row, axis=-1, keepdims=True)


def matrix_from_axis_angle(axis_angle: np.ndarray) -> np.ndarray:
    """Axis-angle [..., 3], radians => matrix [..., 3, 3]."""
    return matrix_from_quaternion(quaternion_from_axis_angle(axis_angle))


def axis_angle_from_matrix(matrix: np.ndarray) -> np.ndarray:
    """Rotation matrix [..., 3, 3] => axis-angle [..., 3] of the smallest angle, in [0, pi] radians."""
    return axis_angle_from_quaternion(quaternion_from_matrix(matrix))


def quaternion_multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product [..., 4]: first rotate by `b`, then by `a` (A @ B). Batch axes broadcast."""
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def rotate_vector(quaternion: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Rotate vectors [..., 3] by unit quaternions [..., 4]; batch axes broadcast."""
    w, axis = quaternion[..., :1], quaternion[..., 1:]
    twice = 2 * np.cross(axis, vector)
    return vector + w * twice + np.cross(axis, twice)


def slerp(a: np.ndarray, b: np.ndarray, fraction: np.ndarray | float) -> np.ndarray:
    """Go from `a` to `b` [..., 4] along the shorter great arc at constant speed (Shoemake 1985).

    `fraction` in [0, 1] broadcasts against the batch axes. The arc comes from the chord, 2 asin(|b - a| /
    2), which keeps its precision for small angles, where the arc cosine has none.
    """
    b = b * np.copysign(1.0, np.einsum("...i,...i->...", a, b))[..., None]
    chord = b - a
    half_chord = 0.5 * np.sqrt(np.einsum("...i,...i->...", chord, chord))[..., None]  # at most sqrt(1 / 2)
    # A floor where sin(x) = x to the last bit, instead of a division by zero.
    arc = np.maximum(2 * np.arcsin(half_chord), 1e-6)  # [..., 1], at most pi / 2
    fraction = np.asarray(fraction, dtype=a.dtype)[..., None]
    return (a * np.sin((1 - fraction) * arc) + b * np.sin(fraction * arc)) / np.sin(arc)


def rotation_about(axis: str, angle: np.ndarray | float) -> np.ndarray:
    """Turns about the coordinate axis "x", "y" or "z" by `angle` [...], radians => matrices [..., 3, 3]."""
    angle = np.asarray(angle, dtype=np.float64)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[..., 3 - i - j, 3 - i - j] = 1
    matrix[..., i, i] = matrix[..., j, j] = np.cos(angle)
    matrix[..., j, i] = np.sin(angle)
    matrix[..., i, j] = -np.sin(angle)
    return matrix
