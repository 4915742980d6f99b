"""Which triangle is seen at each sample of N pictures, on the GPU (formulas: `dinar.runtime.cpu.rasterize`).

A visibility buffer: each sample holds a key, the bits of the inverse depth above those of ~triangle, and the
largest key wins (`atomicMax`). The order in which triangles come does not matter, and nothing waits for the
host.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from dinar.runtime.gpu.device import Gpu
from dinar.runtime.gpu.mesh import GpuMesh
from dinar.runtime.gpu.queue import Queue
from dinar.runtime.gpu.upload import FrameUpload

ROTATION = 64
"""Displacement of samples on the rotated grid, 1/256 sample."""

PIECE_BYTES = 56
"""A triangle, or a part of one, that waits to be filled by many threads."""

LARGE_PIECES = 4096
"""Room for those in each view; what finds none is filled by the thread that found it."""

LARGE_BLOCKS = 256
"""Blocks that share out the large pieces of a view."""


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
        """
        side = 1 if samples == 1 else 2
        self._gpu, self._mesh, self._views = gpu, mesh, views
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
        """Project the mesh's vertices and fill its triangles."""
        count, grid = np.int32(self._mesh.vertex_count), (np.int32(self._width), np.int32(self._height))
        vertex = (
            self.homogeneous.address,
            self._window.address,
            self._inverse_depth.address,
            self._outside.address,
        )
        queue.clear(self.keys)
        queue.clear(self._large_count)
        queue.over_items(
            self._project,
            self._mesh.vertex_count,
            self._views,
            count,
            self._mesh.vertices.address,
            upload.views,
            *vertex,
        )
        rotation, large = np.int32(self._rotation), (self._large.address, self._large_count.address)
        queue.over_items(
            self._fill,
            self._face_count,
            self._views,
            np.int32(self._face_count),
            self.faces.address,
            self._cull.address,
            count,
            *vertex,
            *grid,
            rotation,
            self.keys.address,
            *large,
            np.int32(LARGE_PIECES),
        )
        queue.over_blocks(
            self._fill_large,
            LARGE_BLOCKS,
            self._views,
            *large,
            np.int32(LARGE_PIECES),
            *grid,
            rotation,
            self.keys.address,
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
