"""What the CPU renderers share: skin, rasterize, then whatever each does with the triangles seen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from time import perf_counter
from typing import Literal, Self

import numpy as np

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.rasterize import Rasterizer, Visibility
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.cpu.threads import KernelThreads
from dinar.runtime.memory import give_back_freed_memory
from dinar.runtime.prepare.mesh import SkinnedMesh
from dinar.runtime.renderer import HostFrame
from dinar.runtime.trace import Stage


class CpuRenderer(ABC):
    """A renderer of one mesh; see `Renderer`."""

    def __init__(
        self,
        mesh: SkinnedMesh,
        faces: np.ndarray,
        *,
        cull_back_faces: bool | np.ndarray = True,
        samples: Literal[1, 4] = 1,
    ) -> None:
        """Prepare the mesh.

        Args:
            mesh: skinned for each frame.
            faces: int32 [F, 3], those of its faces that are drawn.
            cull_back_faces: of all faces, or bool [F].
            samples: for each pixel.
        """
        self._skinner: Skinner | None = Skinner(mesh)
        self._vertex_count = mesh.vertex_count
        self._faces, self._cull = faces, cull_back_faces
        self._samples: Literal[1, 4] = samples
        self._rasterizer: Rasterizer | None = None
        self._kernel_threads = KernelThreads()
        self._rgba = np.zeros((0, 0, 0, 4), np.uint8)
        give_back_freed_memory()

    def render(self, pose: Pose, cameras: Sequence[Camera]) -> HostFrame:
        """Draw `pose` seen by each camera; see `Renderer.render`."""
        if self._skinner is None:
            raise ValueError("render expects an open renderer, and this one is closed: open another")
        rasterizer = self._work_space(cameras)
        start = perf_counter()
        vertices = self._skinner(pose)
        skinned = perf_counter()
        seen = rasterizer.draw(vertices, cameras, cull_back_faces=self._cull)
        rastered = perf_counter()
        self._kernel_threads.keep_apart()
        drawn = self._draw(seen, vertices, cameras)
        stages = (
            Stage("skin", 1e3 * (skinned - start)),
            Stage("raster", 1e3 * (rastered - skinned)),
            *drawn,
        )
        return HostFrame(self._rgba[: len(cameras)], stages)

    def close(self) -> None:
        """Give the memory back."""
        self._skinner = self._rasterizer = None
        self._rgba = np.zeros((0, 0, 0, 4), np.uint8)
        give_back_freed_memory()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @abstractmethod
    def _draw(self, seen: Visibility, vertices: np.ndarray, cameras: Sequence[Camera]) -> tuple[Stage, ...]:
        """Fill `_rgba` from the triangles seen; return what took how long."""

    @abstractmethod
    def _start_pictures(self) -> None:
        """Forget what earlier pictures held: `_rgba` is new and empty."""

    def _work_space(self, cameras: Sequence[Camera]) -> Rasterizer:
        """Return a rasterizer for so many cameras of this size: the last one where it serves."""
        if not cameras:
            raise ValueError("render expects at least one camera")
        count, height, width = len(cameras), cameras[0].height, cameras[0].width
        fits = self._rgba.shape[1:3] == (height, width) and len(self._rgba) >= count
        if self._rasterizer is None or not fits:
            self._rasterizer = Rasterizer(
                self._faces,
                self._vertex_count,
                width,
                height,
                cameras=count,
                samples=self._samples,
                threads=self._kernel_threads,
            )
            self._rgba = np.zeros((count, height, width, 4), np.uint8)
            self._start_pictures()
        return self._rasterizer
