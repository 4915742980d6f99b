"""A skinned mesh in a GPU's memory, tile by tile.

The CPU goes through joints and reads what each moves; a GPU has a thread for every vertex, so here each tile
lists what moves it. A tile is a warp: its 32 threads read side by side.
"""

from __future__ import annotations

import numpy as np

from dinar.runtime.gpu.device import Gpu
from dinar.runtime.gpu.memory import DeviceArray
from dinar.runtime.gpu.queue import Queue
from dinar.runtime.gpu.upload import FrameUpload
from dinar.runtime.prepare.mesh import SkinnedMesh, TileBlocks

LANES = 32
"""Vertices of a tile: the threads of a warp."""


class _Movers:
    """What moves each tile: `TileBlocks` sorted by tile."""

    def __init__(self, gpu: Gpu, blocks: TileBlocks, tiles: int) -> None:
        mover = np.repeat(np.arange(len(blocks.start) - 1, dtype=np.int32), np.diff(blocks.start))
        order = np.argsort(blocks.tile, kind="stable")
        counts = np.bincount(blocks.tile, minlength=tiles)
        self.start = gpu.upload(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
        self.mover = gpu.upload(mover[order])
        self.block = gpu.upload(blocks.block[order])
        self.scale = gpu.upload(blocks.scale[order])


class GpuMesh:
    """Poses one mesh: vertices float32 [V, 3], world metres, in memory of its own."""

    def __init__(self, gpu: Gpu, mesh: SkinnedMesh) -> None:
        """Upload `mesh`, whose tiles hold LANES vertices."""
        tiles, lanes = mesh.vertex_ids.shape
        if lanes != LANES:
            raise ValueError(f"a mesh on the GPU expects tiles of {LANES} vertices, not {lanes}")
        self._tiles = tiles
        self._kernel = gpu.kernel("skin_vertices")
        self._vertex_ids, self._rest = gpu.upload(mesh.vertex_ids), gpu.upload(mesh.rest)
        self._weights = _Movers(gpu, mesh.weights, tiles)
        self._correctives = _Movers(gpu, mesh.correctives, tiles)
        self._expressions = _Movers(gpu, mesh.expressions, tiles)
        self.vertex_count = mesh.vertex_count
        self.vertices: DeviceArray = gpu.empty((mesh.vertex_count, 3), np.float32)

    def record(self, queue: Queue, upload: FrameUpload) -> None:
        """Move the vertices as a frame's joints say."""
        weights, correctives, expressions = self._weights, self._correctives, self._expressions
        queue.over_items(
            self._kernel,
            self._tiles * LANES,
            1,
            np.int32(self._tiles),
            self._vertex_ids.address,
            self._rest.address,
            weights.start.address,
            weights.mover.address,
            weights.block.address,
            correctives.start.address,
            correctives.mover.address,
            correctives.block.address,
            correctives.scale.address,
            expressions.start.address,
            expressions.mover.address,
            expressions.block.address,
            upload.transforms,
            upload.features,
            upload.expression,
            self.vertices.address,
        )
