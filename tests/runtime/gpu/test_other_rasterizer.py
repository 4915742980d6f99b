"""Frames whose triangles another rasterizer finds: here a stand-in for nvdiffrast, which needs a GPU."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar
from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera, orbit
from dinar.runtime.cpu.debug import CpuDebugRenderer
from dinar.runtime.cpu.rasterize import Rasterizer
from dinar.runtime.cpu.rgb import CpuRgbRenderer
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu import device, nvdiffrast_rasterizer
from dinar.runtime.gpu.memory import DeviceArray
from dinar.runtime.gpu.renderer import GpuRenderer
from dinar.runtime.renderer import open_renderer

from .software_cuda.handle import SoftwareCuda
from .software_cuda.host_kernels import compile_host

SIZE = 96
CAMERAS = [orbit((0, 0.9, 0), azimuth, 0.1, 3.2, fov_y=0.7, width=SIZE, height=SIZE) for azimuth in (0.3, 2)]


class StandIn:
    """Our rasterizer of the CPU; the software driver's device memory is the host's."""

    def __init__(self, faces: np.ndarray, cull: np.ndarray, *, index: int) -> None:
        assert index == 0
        self._faces, self._cull, self.draws = faces, cull, 0

    def fill(self, stream: int, homogeneous: DeviceArray, keys: DeviceArray) -> None:
        assert stream != 0
        self.draws += 1
        points, found = on_host(homogeneous), on_host(keys)
        views, height, width = keys.shape
        pixels = Camera(np.eye(4), np.eye(3), width, height)  # vertices that are homogeneous pixels already
        rasterizer = Rasterizer(self._faces, points.shape[1], width, height)
        for n in range(views):
            seen = rasterizer.draw(points[n].copy(), [pixels], cull_back_faces=self._cull).triangle[0]
            found[n] = np.where(seen < 0, 0, (1 << 32) | (0xFFFFFFFF - seen.astype(np.int64)))


def on_host(array: DeviceArray) -> np.ndarray:
    memory = (ctypes.c_char * array.nbytes).from_address(array.address)
    return np.frombuffer(memory, array.dtype).reshape(array.shape)


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(default_avatar_path())


@pytest.fixture
def standing_in(software_cuda: SoftwareCuda, monkeypatch: pytest.MonkeyPatch) -> list[StandIn]:
    del software_cuda
    opened: list[StandIn] = []

    def open_stand_in(*arguments: Any, **named: Any) -> StandIn:
        opened.append(StandIn(*arguments, **named))
        return opened[-1]

    monkeypatch.setattr(device, "cached_cubin", compile_host)
    monkeypatch.setattr(nvdiffrast_rasterizer, "NvdiffrastRasterizer", open_stand_in)
    return opened


@pytest.mark.parametrize("mode", ["rgb", "normals"])
def test_frames_show_the_triangles_that_it_finds(
    avatar: Avatar, standing_in: list[StandIn], mode: Any
) -> None:
    pose, told = Pose.rest(), list[str]()
    cpu = CpuRgbRenderer(avatar, antialias=False) if mode == "rgb" else CpuDebugRenderer(avatar, mode)
    with (
        cpu,
        open_renderer(avatar, device="cuda", mode=mode, rasterizer="nvdiffrast", tell=told.append) as gpu,
    ):
        for _ in range(3):
            wanted = cpu.render(pose, CAMERAS).numpy().astype(int)
            difference = np.abs(gpu.render(pose, CAMERAS).numpy() - wanted).max(axis=-1)
            assert (difference > 1).mean() < 1e-3
        assert isinstance(gpu, GpuRenderer)
        assert not gpu.captured, "it waits for the GPU, which no graph can"
    assert told == []
    assert standing_in[0].draws >= 3


def test_what_it_lacks_is_told_and_nothing_stays_open(
    avatar: Avatar, standing_in: list[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise DinarError("nvdiffrast is not installed")

    monkeypatch.setattr(nvdiffrast_rasterizer, "NvdiffrastRasterizer", refuse)
    with pytest.raises(DinarError, match="nvdiffrast is not installed"):
        open_renderer(avatar, device="cuda", rasterizer="nvdiffrast")
    assert standing_in == []


def test_on_the_cpu_there_is_no_other(avatar: Avatar) -> None:
    with pytest.raises(DinarError, match="nvdiffrast needs an NVIDIA GPU: use --device cuda"):
        open_renderer(avatar, rasterizer="nvdiffrast")
