"""The `uv` and `normals` modes on the GPU: what the other renderers see of the bare body."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from dinar.runtime.avatar import Avatar
from dinar.runtime.camera import Camera
from dinar.runtime.gpu.device import Gpu
from dinar.runtime.gpu.errors import explained
from dinar.runtime.gpu.mesh import LANES
from dinar.runtime.gpu.queue import Queue
from dinar.runtime.gpu.raster import GpuRaster
from dinar.runtime.gpu.renderer import GpuRenderer, Slot, Way
from dinar.runtime.prepare.mesh import skinned_body


class GpuDebugRenderer(GpuRenderer):
    """Draws the bare body of one avatar in colours that mean something. See `Renderer`.

    `uv`: red is u and green is v, from 0 to 1. `normals`: red, green and blue are the world's x, y and z of
    the unit normals, from -1 to 1 (smooth: the mean of the faces around each vertex, by area).
    """

    def __init__(
        self,
        gpu: Gpu,
        avatar: Avatar,
        mode: Literal["uv", "normals"],
        *,
        trace: bool = False,
        tell: Callable[[str], None],
    ) -> None:
        """Upload the avatar, drawn with its own betas; for the others see `GpuRenderer`."""
        mesh = skinned_body(avatar.body, avatar.betas, lanes=LANES)
        faces = np.ascontiguousarray(mesh.faces, np.int32)
        super().__init__(gpu, mesh, faces, np.ones(len(faces), bool), trace=trace, tell=tell)
        self._normals = mode == "normals"
        with explained(gpu.info.name):
            self._paint, self._normal_colours = gpu.kernel("paint"), gpu.kernel("normal_colours")
            if self._normals:
                self._colours = gpu.empty((mesh.vertex_count, 3), np.float32)
                self._colour_faces = gpu.upload(faces)
                start, around = _faces_around(faces, mesh.vertex_count)
                self._start, self._around = gpu.upload(start), gpu.upload(around)
            else:
                self._colours = gpu.upload(np.pad(mesh.uv.astype(np.float32), ((0, 0), (0, 1))))
                self._colour_faces = gpu.upload(np.ascontiguousarray(mesh.uv_faces, np.int32))

    def _start_pictures(self, views: int, height: int, width: int) -> None:
        """Nothing depends on them."""

    def _choose_way(self, cameras: Sequence[Camera]) -> Way:
        return Way("debug", ((0, 0),) * len(cameras))

    def _record_pictures(self, queue: Queue, slot: Slot, raster: GpuRaster, key: str) -> None:
        del key
        views, height, width, _ = slot.rgba.shape
        vertices, colours = self._mesh, self._colours.address
        if self._normals:
            queue.over_items(
                self._normal_colours,
                vertices.vertex_count,
                1,
                np.int32(vertices.vertex_count),
                self._start.address,
                self._around.address,
                raster.faces.address,
                vertices.vertices.address,
                colours,
            )
        queue.over_pixels(
            self._paint,
            height,
            width,
            views,
            raster.keys.address,
            np.int32(width),
            np.int32(height),
            np.int32(vertices.vertex_count),
            raster.homogeneous.address,
            raster.faces.address,
            self._colour_faces.address,
            colours,
            slot.rgba.address,
        )
        self._mark(queue, slot, "shade")


def _faces_around(faces: np.ndarray, vertex_count: int) -> tuple[np.ndarray, np.ndarray]:
    """List the faces of each vertex: start int32 [V + 1] and faces int32 [3 F], ascending for a vertex."""
    order = np.argsort(faces.ravel(), kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(faces.ravel(), minlength=vertex_count))])
    return start.astype(np.int32), (order // 3).astype(np.int32)
