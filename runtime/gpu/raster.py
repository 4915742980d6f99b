"""Which triangle is seen at each sample of N pictures, on the GPU (formulas: `dinar.runtime.cpu.rasterize`).

A visibility buffer: each sample holds a key, the bits of the inverse depth above those of ~triangle, and the
largest key wins (`atomicMax`). The order in which triangles come does not matter, and nothing waits for the
host.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from dinar.runtime.gpu.device import Gpu
from dinar.runtime.gpu.memory import DeviceArray
from dinar.runtime.gpu.mesh import GpuMesh
from dinar.runtime.gpu.queue import Queue
from dinar.runtime.gpu.upload import FrameUpload

ROTATION = 64
"""Displacement of samples on the rotated grid, 1/256 sample."""

PIECE_BYTES = 56
"""A triangle, or a part of one, that waits to be filled by many threads."""

LARGE_PIECES = 16384
"""Room for those in each view (0.9 MB); what finds none is filled by the thread that found it."""

LARGE_BLOCKS = 512
"""Blocks that share out the large pieces of a view: all that run at once on a large GPU."""


class Filler(Protocol):
    """Another's way to find which triangle is seen, in place of our kernels; may wait for the GPU."""

    def fill(self, stream: int, homogeneous: DeviceArray, keys: DeviceArray) -> None:
        """Write keys whose lower half counts, on a raw CUstream handle; arrays as `GpuRaster` has them."""
        ...


class GpuRaster:
    """Work space for N pictures of one size of one mesh.

    Attributes:
        homogeneous: float32 [N, V, 3], homogeneous samples.
        keys: uint64 [N, H, W], with 4 samples [N, 2 H, 2 W]; 0 where nothing is seen.
    """

    def __init__(
        self,
        gpu: Gpu,
        mesh: GpuMesh,
        faces: np.ndarray,
        cull: np.ndarray,
        *,
        views: int,
        height: int,
        width: int,
        samples: Literal[1, 4],
        filler: Filler | None = None,
    ) -> None:
        """Allocate.

        Args:
            gpu: where.
            mesh: gives the vertices.
            faces: int32 [F, 3], vertex ids.
            cull: bool [F], faces that are not drawn when they show their back.
            views: N.
            height: rows of the pictures.
            width: columns of the pictures.
            samples: for each pixel, one at its centre or four on the rotated grid.
            filler: finds the triangles; none: our kernels.
        """
        side = 1 if samples == 1 else 2
        self._gpu, self._mesh, self._views, self._filler = gpu, mesh, views, filler
        self._height, self._width = side * height, side * width
        self._rotation = ROTATION if samples == 4 else 0
        self._project, self._fill = gpu.kernel("project_vertices"), gpu.kernel("fill_triangles")
        self._fill_large = gpu.kernel("fill_large")
        self._face_count, vertices = len(faces), mesh.vertex_count
        self.faces = gpu.upload(np.asarray(faces, np.int32))
        self._cull = gpu.upload(np.asarray(cull, np.uint8))
        self.homogeneous = gpu.empty((views, vertices, 3), np.float32)
        self._window = gpu.empty((views, vertices, 2), np.int32)
        self._inverse_depth = gpu.empty((views, vertices), np.float32)
        self._outside = gpu.empty((views, vertices), np.uint8)
        self.keys = gpu.empty((views, self._height, self._width), np.uint64)
        self._large = gpu.empty((views, LARGE_PIECES, PIECE_BYTES), np.uint8)
        self._large_count = gpu.empty((views,), np.int32)

    def record(self, queue: Queue, upload: FrameUpload) -> None:
        """Project the mesh's vertices and find what is seen."""
        queue.over_items(
            self._project,
            self._mesh.vertex_count,
            self._views,
            np.int32(self._mesh.vertex_count),
            self._mesh.vertices.address,
            upload.views,
            *self._vertex,
        )
        if self._filler is None:
            self._fill_keys(queue)
        else:
            self._filler.fill(queue.handle, self.homogeneous, self.keys)

    def _fill_keys(self, queue: Queue) -> None:
        """Fill the triangles that were projected."""
        queue.clear(self.keys)
        queue.clear(self._large_count)
        grid = (np.int32(self._width), np.int32(self._height), np.int32(self._rotation))
        large, room = (self._large.address, self._large_count.address), np.int32(LARGE_PIECES)
        queue.over_items(
            self._fill,
            self._face_count,
            self._views,
            np.int32(self._face_count),
            self.faces.address,
            self._cull.address,
            np.int32(self._mesh.vertex_count),
            *self._vertex,
            *grid,
            self.keys.address,
            *large,
            room,
        )
        queue.over_blocks(self._fill_large, LARGE_BLOCKS, self._views, *large, room, *grid, self.keys.address)

    @property
    def _vertex(self) -> tuple[int, int, int, int]:
        """Addresses of what projecting says of each vertex."""
        return (
            self.homogeneous.address,
            self._window.address,
            self._inverse_depth.address,
            self._outside.address,
        )

    def close(self) -> None:
        """Give the memory back."""
        self._gpu.release(
            self.faces,
            self._cull,
            self.homogeneous,
            self._window,
            self._inverse_depth,
            self._outside,
            self.keys,
            self._large,
            self._large_count,
        )
