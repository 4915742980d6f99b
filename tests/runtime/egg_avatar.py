"""A small avatar made by hand: an ellipsoid whose every vertex follows the pelvis, in a checker texture."""

from dataclasses import replace

import numpy as np

from dinar.runtime.avatar import Avatar, Shell, Texture
from dinar.runtime.body import JOINT_COUNT, Body, Pose

RADII = np.array([0.5, 0.9, 0.3])  # metres


def ellipsoid(radii, rings=24, columns=32):
    """Vertices [V, 3], faces [F, 3], uv [T, 2], uv_faces [F, 3]; u goes around once, v from top to bottom."""
    polar = np.linspace(0, np.pi, rings + 1)[:, None]
    turn = np.linspace(-np.pi, np.pi, columns + 1)[None]
    around, up = np.sin(polar), np.cos(polar) + 0 * turn
    grid = np.stack([around * np.sin(turn), up, around * np.cos(turn)], -1)
    u, v = np.meshgrid(np.linspace(0.02, 0.98, columns + 1), np.linspace(0.02, 0.98, rings + 1))
    i = np.arange((rings + 1) * (columns + 1)).reshape(rings + 1, columns + 1)
    a, b, c, d = (q.ravel() for q in (i[:-1, :-1], i[:-1, 1:], i[1:, :-1], i[1:, 1:]))
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)
    vertices = grid.reshape(-1, 3) * radii
    return vertices, faces, np.stack([u.ravel(), v.ravel()], 1).astype(np.float32), faces


def checker(size, colours=((230, 60, 30), (30, 90, 220)), squares=8):
    rows, columns = np.mgrid[:size, :size] * squares // size
    return np.array(colours, np.uint8)[(rows + columns) % 2]


def make_body():
    vertices, faces, uv, uv_faces = ellipsoid(RADII)
    count = len(vertices)
    weights = np.zeros((count, JOINT_COUNT))
    weights[:, 0] = 1
    return Body(
        v_template=vertices,
        faces=faces,
        shapedirs=np.zeros((count, 3, 10)),
        exprdirs=np.zeros((count, 3, 10)),
        posedirs=np.zeros((count, 3, 9 * (JOINT_COUNT - 1))),
        J_regressor=np.full((JOINT_COUNT, count), 1 / count),
        parents=np.concatenate([[-1], np.arange(JOINT_COUNT - 1)]).astype(np.int32),
        weights=weights,
        uv=uv,
        uv_faces=uv_faces,
        hash="0" * 64,
    )


def make_shell(radii, rgb, body_face_visible):
    vertices, faces, uv, uv_faces = ellipsoid(radii, 16, 20)
    count = len(vertices)
    return Shell(
        vertices=vertices.astype(np.float32),
        faces=faces,
        uv=uv,
        uv_faces=uv_faces,
        joint_index=np.zeros((count, 1), np.uint8),
        joint_weight=np.ones((count, 1), np.float32),
        anchor_vertex=np.zeros((count, 3), np.int32),
        anchor_weight=np.zeros((count, 3), np.float32),
        rgb=rgb,
        body_face_visible=body_face_visible,
    )


BODY = make_body()
AVATAR = Avatar(
    "egg", BODY, np.zeros(0, np.float32), Texture(checker(128)), None, "made in a test", "CC0-1.0"
)
REST = Pose.rest()


def turned(angle, translation=(0, 0, 0)):
    rotations = np.zeros((JOINT_COUNT, 3), np.float32)
    rotations[0, 1] = angle
    return replace(REST, rotations=rotations, translation=np.asarray(translation, np.float32))
