"""SMPL-X body: the schema, its loader and the plain forward pass (Pavlakos et al. 2019; DINAR Sec. 3.1, M(p, s))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

JOINT_COUNT = 55


@dataclass(frozen=True)
class Body:
    """A body model in the SMPL-X schema. V vertices, F faces, T texture coordinates, S shape and E expression directions.

    Attributes:
        v_template: float64 [V, 3], metres, y up, T-pose.
        faces: int32 [F, 3], vertex ids, counter-clockwise seen from outside.
        shapedirs: float64 [V, 3, S], metres per unit beta.
        exprdirs: float64 [V, 3, E], metres per unit of expression.
        posedirs: float64 [V, 3, 486], metres per entry of (R_joint - I) of joints 1..54, row-major.
        J_regressor: float64 [55, V], rows sum to 1.
        parents: int32 [55], parents[0] = -1.
        weights: float64 [V, 55], rows sum to 1.
        uv: float32 [T, 2], in [0, 1], v down: texel (row r, column c) of an H x W texture has its centre at
            ((c + .5) / W, (r + .5) / H). (Files store OBJ's v up.)
        uv_faces: int32 [F, 3], texture-coordinate ids, corner by corner as `faces`.
        hash: hex SHA-256 over the arrays: names the body (and its UV) in avatar files.
    """

    v_template: np.ndarray
    faces: np.ndarray
    shapedirs: np.ndarray
    exprdirs: np.ndarray
    posedirs: np.ndarray
    J_regressor: np.ndarray
    parents: np.ndarray
    weights: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    hash: str


@dataclass(frozen=True)
class Pose:
    """One pose of the body.

    Attributes:
        rotations: float32 [55, 3], axis-angle radians, each joint relative to its parent, SMPL-X joint order
            (absolute hand angles, as with `flat_hand_mean=True`); joint 0 is the global orientation.
        translation: float32 [3], metres, y up.
        expression: float32 [E'], E' <= the body's E; the rest counts as zero.
    """

    rotations: np.ndarray
    translation: np.ndarray
    expression: np.ndarray
