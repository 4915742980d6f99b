"""Frames on a real GPU: what the CPU draws, from one captured graph, in every pose; two under way at once."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar
from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera, look_at, orbit, stereo_pair
from dinar.runtime.gpu.device import find_gpu
from dinar.runtime.gpu.renderer import GpuRenderer
from dinar.runtime.motion import load_motion
from dinar.runtime.renderer import Mode, open_renderer

SIZE = 512


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(default_avatar_path())


@pytest.fixture(scope="module")
def poses(avatar: Avatar) -> list[Pose]:
    motion = load_motion("dance", avatar.body, betas=avatar.betas)
    return [motion.sample(0.4 * k) for k in range(10)]


def look_from(azimuth: float, size: int = SIZE) -> Camera:
    return orbit((0, 0.9, 0), azimuth, 0.1, 3.2, fov_y=0.7, width=size, height=size)


def differing(drawn: np.ndarray, wanted: np.ndarray) -> float:
    """Share of pixels that differ by more than one step of 255."""
    assert drawn.shape == wanted.shape
    assert drawn[..., 3].any()
    return float((np.abs(drawn.astype(int) - wanted) > 1).any(axis=-1).mean())


def test_the_gpu_is_known() -> None:
    info = find_gpu(0)
    assert info.name
    assert info.capability >= (7, 5)


@pytest.mark.parametrize("mode", ["rgb", "uv", "normals"])
def test_every_pose_is_what_the_cpu_draws(mode: Mode, avatar: Avatar, poses: list[Pose]) -> None:
    with open_renderer(avatar, mode=mode) as cpu, open_renderer(avatar, device="cuda", mode=mode) as gpu:
        for k, pose in enumerate(poses):
            cameras = [look_from(0.6 * k)]
            wanted = cpu.render(pose, cameras).numpy()
            assert differing(gpu.render(pose, cameras).numpy(), wanted) < 1e-3
        assert isinstance(gpu, GpuRenderer)
        assert gpu.captured, "frames must be CUDA graphs here"


def test_stereo_and_another_size_and_a_camera_among_the_triangles(avatar: Avatar, poses: list[Pose]) -> None:
    near = look_at((0.1, 0.2, 0.3), (0, 1.2, 0), (0, 0, 1), 1.9, 256, 256)
    with open_renderer(avatar) as cpu, open_renderer(avatar, device="cuda") as gpu:
        for cameras in (stereo_pair(look_from(0.3), 0.064), [look_from(1, 1024)], [near]):
            wanted = cpu.render(poses[3], cameras).numpy()
            assert differing(gpu.render(poses[3], cameras).numpy(), wanted) < 3e-3


def test_two_frames_under_way_keep_their_own_pose_over_a_thousand_frames(
    avatar: Avatar, poses: list[Pose]
) -> None:
    with open_renderer(avatar, device="cuda") as gpu:
        alone = [gpu.render(pose, [look_from(0)]).numpy().copy() for pose in poses]
        last = None
        for k in range(1000):
            frame = gpu.render(poses[k % len(poses)], [look_from(0)])
            if last is not None and k % 97 == 0:
                assert np.array_equal(last.numpy(), alone[(k - 1) % len(poses)])
            last = frame
        assert np.array_equal(last.numpy(), alone[999 % len(poses)])


def test_stages_are_timed_within_the_graph(avatar: Avatar, poses: list[Pose]) -> None:
    with open_renderer(avatar, device="cuda", trace=True) as gpu:
        for pose in poses:
            stages = gpu.render(pose, [look_from(0)]).stages
    assert [stage.name for stage in stages] == ["submit", "upload", "skin", "raster", "shade"]
    assert all(stage.ms > 0 for stage in stages)
    assert sum(stage.ms for stage in stages[1:]) < 10


def test_torch_reads_the_picture_where_it_is(avatar: Avatar, poses: list[Pose]) -> None:
    torch = pytest.importorskip("torch")
    with open_renderer(avatar, device="cuda") as gpu:
        frame = gpu.render(poses[0], [look_from(0)])
        there = torch.as_tensor(frame.rgba, device="cuda").cpu().numpy()
        assert np.array_equal(there, frame.numpy())
