"""A window under test that shows what a GPU drew, and the software driver behind it, both in this process."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.gpu.device import Gpu
from dinar.runtime.gpu.frame import DeviceFrame
from dinar.runtime.gpu.memory import DeviceArray, PinnedArray
from dinar.runtime.gpu.queue import Queue
from dinar.runtime.renderer import HostFrame
from dinar.runtime.trace import Stage

from ..window_child import Marker, Session
from .software_cuda.handle import NAME

CUDA = ctypes.CDLL(NAME)
CUDA.software_cuda_log.restype = ctypes.c_char_p
CUDA.software_cuda_live.restype = ctypes.c_longlong
CUDA.software_cuda_configure.argtypes = [ctypes.c_char_p, ctypes.c_longlong]
LEFT_BEFORE = [0]  # buffers that CUDA could write when the scene began: of a scene in which giving back fails


def fail(function: str, error: int, after: int = 0) -> None:
    """Let a function of the driver fail, after so many good calls."""
    CUDA.software_cuda_fail(function.encode(), error, after)


def resources() -> int:
    """OpenGL buffers that CUDA may write now."""
    return CUDA.software_cuda_live(b"resources") - LEFT_BEFORE[0]


def start_scene() -> None:
    """Begin without faults, with a driver whose work waits until somebody waits for it; count from 0."""
    CUDA.software_cuda_reset()
    CUDA.software_cuda_configure(b"deferred", 1)
    LEFT_BEFORE[0] += resources()
    CountedFrame.copied = CountedFrame.timed = 0


class CountedFrame(DeviceFrame):
    """Counts how often it is copied to the host and how often its times are read."""

    copied = timed = 0

    @property
    def stages(self) -> tuple[Stage, ...]:
        CountedFrame.timed += 1
        return super().stages

    def numpy(self) -> np.ndarray:
        CountedFrame.copied += 1
        return super().numpy()


class MarkerOnGpu(Marker):
    """Draws what a Marker draws, into the memory of a GPU, and does not wait for it."""

    def __init__(self, gpu: Gpu, tint: tuple[int, int, int] | None = None) -> None:
        super().__init__(tint)
        self._gpu = gpu
        self._arrays: list[DeviceArray | PinnedArray] = []

    def render(self, pose: Pose, cameras: Sequence[Camera]) -> CountedFrame:
        rgba, gpu = super().render(pose, cameras).rgba, self._gpu
        gpu.release(*self._arrays)
        drawn, host, given = (make(rgba.shape, np.uint8) for make in (gpu.empty, gpu.pinned, gpu.pinned))
        self._arrays = [drawn, host, given]
        given.values[...] = rgba
        start, end = gpu.timer(), gpu.timer()
        gpu.stream.record(start)
        Queue(gpu.stream).copy(given, drawn)
        gpu.stream.record(end)
        stream, name = gpu.stream, gpu.info.name
        return CountedFrame(drawn, host, stream, gpu=name, start=start, end=end, marks=(), submit_ms=0.1)


class GpuSession(Session):
    """A window that shows what a GPU drew, and keeps what it said."""

    def __init__(self, gpu: Gpu, **options: Any) -> None:
        self.messages: list[str] = []
        super().__init__(marker=MarkerOnGpu(gpu), **options)

    def settle(self) -> None:
        """Take what the window says as well: its text would lie over the picture."""
        super().settle()
        if self.window._message:
            self.messages.append(self.window._message)
            self.window._message, self.window._message_end, self.window._panel_due = "", 0.0, 0.0
            super().settle()

    def told(self) -> dict[str, Any]:
        return {
            "pictures": self.marker.pictures,
            "copied": CountedFrame.copied,
            "timed": CountedFrame.timed,
            "messages": self.messages,
        }


class Still(Marker):
    """Always gives one picture."""

    def __init__(self, rgba: np.ndarray) -> None:
        super().__init__()
        self._rgba = rgba

    def render(self, pose: Pose, cameras: Sequence[Camera]) -> HostFrame:
        del pose, cameras
        return HostFrame(self._rgba, ())
