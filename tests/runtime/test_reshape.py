"""Another body shape for an avatar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dinar.runtime.avatar import Avatar, Shell, Texture
from dinar.runtime.body import load_body, open_body_path, rest_vertices
from dinar.runtime.reshape import with_betas

BODY = load_body(open_body_path())
CLOSE = np.array([[5, 6, 7], [100, 200, 300], [0, 0, 0]], np.int32)
WEIGHTS = np.array([[0.2, 0.3, 0.5], [1, 0, 0], [0, 0, 0]], np.float32)


def avatar(betas: np.ndarray) -> Avatar:
    rest = rest_vertices(BODY, betas)
    above_skin = (rest[CLOSE] * WEIGHTS[..., None]).sum(1) + 0.01
    shell = Shell(
        vertices=above_skin.astype(np.float32),
        faces=np.array([[0, 1, 2]], np.int32),
        uv=np.zeros((3, 2), np.float32),
        uv_faces=np.array([[0, 1, 2]], np.int32),
        joint_index=np.zeros((3, 1), np.uint8),
        joint_weight=np.ones((3, 1), np.float32),
        anchor_vertex=CLOSE,
        anchor_weight=WEIGHTS,
        rgb=np.zeros((4, 4, 3), np.uint8),
        body_face_visible=np.ones(len(BODY.faces), bool),
    )
    texture = Texture(rgb=np.zeros((4, 4, 3), np.uint8))
    return Avatar("test", BODY, betas, texture, shell, "test", "CC0-1.0")


def test_clothes_stay_as_far_from_the_skin_as_they_were() -> None:
    wanted = np.array([1.5, -2, 0.5], np.float32)
    reshaped = with_betas(avatar(np.array([0.3], np.float32)), wanted)
    expected = avatar(wanted)
    np.testing.assert_array_equal(reshaped.betas, wanted)
    assert reshaped.shell is not None
    assert expected.shell is not None
    np.testing.assert_allclose(reshaped.shell.vertices, expected.shell.vertices, atol=1e-6)


def test_a_vertex_without_an_anchor_stays() -> None:
    plain = avatar(np.zeros(10, np.float32))
    reshaped = with_betas(plain, np.full(10, 2, np.float32))
    assert plain.shell is not None
    assert reshaped.shell is not None
    np.testing.assert_array_equal(reshaped.shell.vertices[2], plain.shell.vertices[2])
    assert np.abs(reshaped.shell.vertices[1] - plain.shell.vertices[1]).max() > 1e-3


def test_betas_beyond_the_body_are_left_out() -> None:
    plain = replace(avatar(np.zeros(10, np.float32)), shell=None)
    count = BODY.shapedirs.shape[2]
    assert len(with_betas(plain, np.ones(300, np.float32)).betas) == count
