"""The body in smplx: the same person as ours, for poses with everything in them."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar
from dinar.runtime.body import JOINT_COUNT, Pose
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.errors import DinarError
from dinar.runtime.prepare.mesh import skinned_body
from dinar.trainer.peers.smplx_body import SmplxBody


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(default_avatar_path())


def pose(expressions: int) -> Pose:
    random = np.random.default_rng(0)
    return Pose(
        random.normal(0, 0.3, (JOINT_COUNT, 3)).astype(np.float32),
        np.array([0.1, 0.9, -2.0], np.float32),
        random.normal(0, 1, expressions).astype(np.float32),
    )


@pytest.mark.parametrize("expressions", [0, 4, 10])
def test_its_vertices_are_those_that_we_draw(avatar: Avatar, expressions: int) -> None:
    posed = pose(expressions)
    expected = Skinner(skinned_body(avatar.body, avatar.betas))(posed)
    found = SmplxBody(avatar).vertices(posed)
    assert tuple(found.shape) == (1, *expected.shape)
    np.testing.assert_allclose(found[0].numpy(), expected, atol=2e-4)  # metres


def test_another_body_is_refused(avatar: Avatar) -> None:
    other = dataclasses.replace(avatar, body=dataclasses.replace(avatar.body, hash="0" * 64))
    with pytest.raises(DinarError, match="another body than the open one"):
        SmplxBody(other)


def test_a_missing_package_is_told(avatar: Avatar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smplx", None)
    with pytest.raises(DinarError, match="smplx is not installed"):
        SmplxBody(avatar)
