"""The `rgb` renderer on the GPU: the avatar's texture shown directly, no network and no lighting."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dinar.runtime.avatar import Avatar
from dinar.runtime.camera import Camera
from dinar.runtime.gpu.device import Gpu
from dinar.runtime.gpu.errors import explained
from dinar.runtime.gpu.mesh import LANES
from dinar.runtime.gpu.queue import Queue
from dinar.runtime.gpu.raster import GpuRaster
from dinar.runtime.gpu.renderer import GpuRenderer, Slot, Way
from dinar.runtime.prepare.surface import draw_surface


class GpuRgbRenderer(GpuRenderer):
    """Draws the body, without the faces that clothes hide, and the shell of one avatar. See `Renderer`."""

    def __init__(
        self,
        gpu: Gpu,
        avatar: Avatar,
        *,
        antialias: bool = True,
        trace: bool = False,
        tell: Callable[[str], None],
    ) -> None:
        """Upload the avatar.

        Args:
            gpu: draws; the renderer closes it.
            avatar: drawn with its own betas, texture and shell.
            antialias: four samples for each pixel, so that alpha has five steps; else one, and hard edges.
            trace: see `GpuRenderer`.
            tell: see `GpuRenderer`.
        """
        drawn = draw_surface(avatar, lanes=LANES)
        super().__init__(
            gpu, drawn.mesh, drawn.faces, drawn.cull, samples=4 if antialias else 1, trace=trace, tell=tell
        )
        with explained(gpu.info.name):
            self._kernel = gpu.kernel("shade")
            self._surface_faces = gpu.upload(drawn.surface.faces.view(np.uint8))
            self._texels, self._levels = gpu.upload(drawn.surface.texels), gpu.upload(drawn.surface.levels)
        self._level_count = drawn.surface.levels.shape[1]

    def _start_pictures(self, views: int, height: int, width: int) -> None:
        """Nothing depends on them."""

    def _choose_way(self, cameras: Sequence[Camera]) -> Way:
        return Way("rgb", ((0, 0),) * len(cameras))

    def _record_pictures(self, queue: Queue, slot: Slot, raster: GpuRaster, key: str) -> None:
        del key
        views, height, width, _ = slot.rgba.shape
        queue.over_pixels(
            self._kernel,
            height,
            width,
            views,
            raster.keys.address,
            np.int32(width),
            np.int32(height),
            np.int32(self._samples),
            np.int32(self._mesh.vertex_count),
            raster.homogeneous.address,
            self._surface_faces.address,
            self._texels.address,
            self._levels.address,
            np.int32(self._level_count),
            slot.rgba.address,
        )
        self._mark(queue, slot, "shade")
