"""Skinning on the GPU, tile by tile, against the CPU's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from dinar.runtime.avatar import Avatar
from dinar.runtime.body import JOINT_COUNT, Pose
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.gpu.mesh import LANES, GpuMesh
from dinar.runtime.prepare.joints import JointPoser
from dinar.runtime.prepare.surface import draw_surface

from .on_arrays import over_items

MAX_ERROR_METRES = 1e-5


@dataclass(frozen=True, eq=False)
class HostArray:
    """An array whose address is itself."""

    address: np.ndarray


class HostGpu:
    """As much of a `Gpu` as a mesh asks for: memory and the name of its kernel."""

    def kernel(self, name: str) -> str:
        return name

    def upload(self, values: np.ndarray) -> HostArray:
        return HostArray(np.ascontiguousarray(values))

    def empty(self, shape: tuple[int, ...], dtype: type) -> HostArray:
        return HostArray(np.full(shape, np.nan, dtype))


class HostQueue:
    """Runs at once."""

    def over_items(self, kernel: str, count: int, views: int, *arguments: Any) -> None:
        over_items("skin", kernel, count, views, *arguments)


@dataclass(frozen=True, eq=False)
class HostUpload:
    """What `FrameUpload` sends."""

    transforms: np.ndarray
    features: np.ndarray
    expression: np.ndarray


class BothSkins:
    """The default avatar, body and clothes, posed by the kernel and by the CPU."""

    def __init__(self, avatar: Avatar) -> None:
        self._cpu = Skinner(draw_surface(avatar, lanes=16).mesh)
        mesh = draw_surface(avatar, lanes=LANES).mesh
        self._joints, self._mesh = JointPoser(mesh), GpuMesh(HostGpu(), mesh)  # type: ignore[arg-type]
        self.expressions = mesh.rest_joint_exprdirs.shape[2]

    def on_cpu(self, pose: Pose) -> np.ndarray:
        return self._cpu(pose).copy()

    def by_kernel(self, pose: Pose) -> np.ndarray:
        self._joints(pose)
        expression = np.zeros(self.expressions, np.float32)
        expression[: len(self._joints.expression)] = self._joints.expression
        upload = HostUpload(
            np.ascontiguousarray(self._joints.transforms[:, :3]),
            self._joints.features * self._joints.moving[:, None],
            expression,
        )
        self._mesh.vertices.address[...] = np.nan  # type: ignore[index]
        self._mesh.record(HostQueue(), upload)  # type: ignore[arg-type]
        return self._mesh.vertices.address  # type: ignore[return-value]


@pytest.fixture(scope="module")
def skins(avatar: Avatar) -> BothSkins:
    return BothSkins(avatar)


def assert_same(skins: BothSkins, pose: Pose) -> np.ndarray:
    found, wanted = skins.by_kernel(pose), skins.on_cpu(pose)
    assert np.isfinite(found).all(), "every vertex must be written"
    assert np.abs(found - wanted).max() < MAX_ERROR_METRES
    return wanted


def test_the_avatar_dances_as_on_the_cpu(skins: BothSkins, poses: list[Pose]) -> None:
    for pose in poses:
        assert_same(skins, pose)


def test_at_rest_nothing_but_the_rest_is_left(skins: BothSkins) -> None:
    assert_same(skins, Pose.rest())


def test_every_joint_alone_moves_what_it_moves_on_the_cpu(skins: BothSkins) -> None:
    rest = skins.on_cpu(Pose.rest())
    for joint in (0, 1, 4, 15, 18, 22, 24, 39, 54):
        rotations = np.zeros((JOINT_COUNT, 3), np.float32)
        rotations[joint] = [0.9, -0.4, 0.6]
        moved = assert_same(skins, replace(Pose.rest(), rotations=rotations))
        assert np.abs(moved - rest).max() > 1e-3


def test_expressions_move_the_face(skins: BothSkins) -> None:
    rest = skins.on_cpu(Pose.rest())
    for k in range(skins.expressions):
        expression = np.zeros(k + 1, np.float32)
        expression[k] = 2.0
        moved = assert_same(skins, replace(Pose.rest(), expression=expression))
        assert np.abs(moved - rest).max() > 1e-4


def test_any_pose(skins: BothSkins) -> None:
    rng = np.random.default_rng(3)
    for _ in range(3):
        turns = rng.normal(0, 0.7, (JOINT_COUNT, 3)).astype(np.float32)
        place = rng.normal(0, 1, 3).astype(np.float32)
        face = rng.normal(0, 1, skins.expressions).astype(np.float32)
        assert_same(skins, Pose(turns, place, face))
