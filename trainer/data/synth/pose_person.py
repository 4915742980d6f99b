"""Posing a whole person: body, clothes and hair follow the joints; clothes inherit what the skin does.

The sums are taken one by one, in float64: the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from dinar.runtime.body import JOINT_COUNT, Body, Pose, check_pose, joint_transforms
from dinar.runtime.rotations import matrix_from_axis_angle
from dinar.trainer.data.synth.mesh import PersonMesh, smooth_normals

_HEAD = 15


@dataclass(frozen=True, eq=False)
class PoseSpace:
    """What poses and expressions do to a body, apart from skinning; made once for a body.

    Attributes:
        body: the body.
        start: int64 [3 V + 1], entries of each coordinate of each vertex in the next two.
        column: int32 [N], entry of R - I.
        value: float64 [N], metres.
        joint_exprdirs: float64 [55, 3, E], metres per unit of expression.
    """

    body: Body
    start: np.ndarray
    column: np.ndarray
    value: np.ndarray
    joint_exprdirs: np.ndarray


def pose_space(body: Body) -> PoseSpace:
    """Gather the pose correctives that are not zero."""
    flat = body.posedirs.reshape(-1, body.posedirs.shape[2])
    row, column = np.nonzero(flat)
    near = np.flatnonzero(body.J_regressor.any(axis=0))
    return PoseSpace(
        body,
        np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(flat)))]),
        column.astype(np.int32),
        flat[row, column].astype(np.float64),
        np.einsum("jv,vce->jce", body.J_regressor[:, near], body.exprdirs[near]),
    )


@dataclass(frozen=True, eq=False)
class PosedPerson:
    """A person's mesh in one pose.

    Attributes:
        vertices: float32 [n, 3], metres, world.
        normals: float32 [n, 3], unit, world.
        turns: float32 [m, 3, 3], R_world_rest of each face.
        joints: float64 [55, 3], metres, world.
        head_turn: float64 [3, 3], R_world_rest of the head.
    """

    vertices: np.ndarray
    normals: np.ndarray
    turns: np.ndarray
    joints: np.ndarray
    head_turn: np.ndarray


def pose_person(mesh: PersonMesh, space: PoseSpace, rest_joints: np.ndarray, pose: Pose) -> PosedPerson:
    """Pose a person.

    Args:
        mesh: the person.
        space: of the person's body.
        rest_joints: float64 [55, 3], metres, T-pose, neutral face.
        pose: as for the body.

    Raises:
        ValueError: the pose does not fit the body.
    """
    check_pose(pose, space.joint_exprdirs.shape[2])
    expression = np.asarray(pose.expression, np.float64)
    count = len(expression)
    rotations = matrix_from_axis_angle(np.asarray(pose.rotations, np.float64))
    joints = rest_joints + space.joint_exprdirs[:, :, :count] @ expression
    transforms = joint_transforms(rotations, joints, space.body.parents)
    transforms[:, :3, 3] += np.asarray(pose.translation, np.float64)
    offsets = np.empty((len(space.body.v_template), 3))
    feature = np.ascontiguousarray((rotations[1:] - np.eye(3)).reshape(-1))
    _body_offsets(space.start, space.column, space.value, feature, space.body.exprdirs, expression, offsets)
    vertices = np.empty((len(mesh.vertices), 3), np.float32)
    _move(
        mesh.vertices,
        mesh.anchor_vertex,
        mesh.anchor_weight,
        offsets,
        mesh.joint_index,
        mesh.joint_weight,
        transforms,
        vertices,
    )
    turns = np.empty((len(mesh.faces), 3, 3), np.float32)
    _turn_faces(mesh.vertices, vertices, mesh.faces, turns)
    world = np.empty((JOINT_COUNT, 3))
    for j in range(JOINT_COUNT):
        world[j] = (transforms[j, :3, :3] * joints[j]).sum(1) + transforms[j, :3, 3]
    normals = smooth_normals(vertices, mesh.faces)
    return PosedPerson(vertices, normals, turns, world, transforms[_HEAD, :3, :3])


@njit(cache=True, nogil=True)
def _body_offsets(start, column, value, feature, exprdirs, expression, offsets):  # type: ignore[no-untyped-def]
    """Add up what pose and expression add to the body's T-pose: offsets [V, 3], metres."""
    for v in range(len(offsets)):
        for c in range(3):
            total = 0.0
            for entry in range(start[3 * v + c], start[3 * v + c + 1]):
                total += value[entry] * feature[column[entry]]
            for e in range(len(expression)):
                total += exprdirs[v, c, e] * expression[e]
            offsets[v, c] = total


@njit(cache=True, nogil=True)
def _move(  # type: ignore[no-untyped-def]
    rest, anchor_vertex, anchor_weight, offsets, joint_index, joint_weight, transforms, vertices
):
    """Linear blend skinning of rest [n, 3] plus the offsets of its anchors => vertices [n, 3]."""
    for v in range(len(rest)):
        x, y, z = rest[v, 0], rest[v, 1], rest[v, 2]
        for a in range(3):
            w, b = anchor_weight[v, a], anchor_vertex[v, a]
            if w != 0.0:
                x += w * offsets[b, 0]
                y += w * offsets[b, 1]
                z += w * offsets[b, 2]
        px, py, pz = 0.0, 0.0, 0.0
        for s in range(joint_index.shape[1]):
            w = joint_weight[v, s]
            if w == 0.0:
                break
            T = transforms[joint_index[v, s]]
            px += w * (T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3])
            py += w * (T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3])
            pz += w * (T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3])
        vertices[v, 0], vertices[v, 1], vertices[v, 2] = px, py, pz


@njit(cache=True, nogil=True, error_model="numpy")
def _frame(vertices, i, j, k, out):  # type: ignore[no-untyped-def]
    """Fill out [3, 3] with a triangle's axes as rows: an edge, across it, its normal. False if flat."""
    ax = np.float64(vertices[j, 0]) - vertices[i, 0]
    ay = np.float64(vertices[j, 1]) - vertices[i, 1]
    az = np.float64(vertices[j, 2]) - vertices[i, 2]
    bx = np.float64(vertices[k, 0]) - vertices[i, 0]
    by = np.float64(vertices[k, 1]) - vertices[i, 1]
    bz = np.float64(vertices[k, 2]) - vertices[i, 2]
    nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    edge = np.sqrt(ax * ax + ay * ay + az * az)
    area = np.sqrt(nx * nx + ny * ny + nz * nz)
    if not (edge > 1e-9 and area > 1e-14):
        return False
    ax, ay, az = ax / edge, ay / edge, az / edge
    nx, ny, nz = nx / area, ny / area, nz / area
    out[0, 0], out[0, 1], out[0, 2] = ax, ay, az
    out[1, 0], out[1, 1], out[1, 2] = ny * az - nz * ay, nz * ax - nx * az, nx * ay - ny * ax
    out[2, 0], out[2, 1], out[2, 2] = nx, ny, nz
    return True


@njit(cache=True, nogil=True)
def _turn_faces(rest, posed, faces, turns):  # type: ignore[no-untyped-def]
    """Fill turns [m, 3, 3] with what takes a face's axes in the T-pose to those in the pose."""
    before, after = np.empty((3, 3)), np.empty((3, 3))
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        some = _frame(rest, i, j, k, before) and _frame(posed, i, j, k, after)
        for r in range(3):
            for c in range(3):
                if some:
                    turns[f, r, c] = (
                        after[0, r] * before[0, c] + after[1, r] * before[1, c] + after[2, r] * before[2, c]
                    )
                else:
                    turns[f, r, c] = 1.0 if r == c else 0.0
