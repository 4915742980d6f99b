"""The kernels called on arrays in host memory, with the grids and blocks that they have on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dinar.runtime.camera import Camera, projection_matrix
from dinar.runtime.cpu.project import project
from dinar.runtime.cpu.rasterize import ROTATION, Rasterizer, Visibility
from dinar.runtime.gpu.queue import BLOCK, TILE
from dinar.runtime.gpu.raster import LARGE_BLOCKS, LARGE_PIECES, PIECE_BYTES
from dinar.runtime.gpu.upload import VIEW

from ..software_cuda.host_kernels import Argument, open_host


@dataclass(frozen=True, eq=False)
class Projected:
    """Vertices as N views see them: [N, V, 3], [N, V, 2], [N, V] and [N, V] (see `project`)."""

    homogeneous: np.ndarray
    window: np.ndarray
    inverse_depth: np.ndarray
    outside: np.ndarray


def over_items(file: str, kernel: str, count: int, views: int, *arguments: Argument) -> None:
    """A thread for each item."""
    open_host(file).launch(kernel, (-(-count // BLOCK), views), (BLOCK,), *arguments)


def over_pixels(file: str, kernel: str, shape: tuple[int, ...], *arguments: Argument) -> None:
    """A thread for each pixel of pictures [N, H, W]."""
    views, height, width = shape
    grid = (-(-width // TILE[0]), -(-height // TILE[1]), views)
    open_host(file).launch(kernel, grid, TILE, *arguments)


def views_of(
    cameras: Sequence[Camera], *, samples: int = 1, corners: Sequence[tuple[int, int]] | None = None
) -> np.ndarray:
    """VIEW [N] of cameras; `corners` are first column and row of their crops."""
    views = np.zeros(len(cameras), VIEW)
    side = 1 if samples == 1 else 2
    for view, camera in zip(views, cameras, strict=True):
        view["matrix"] = np.diag([side, side, 1.0]) @ projection_matrix(camera)
    if corners is not None:
        views["left"], views["top"] = np.transpose(corners)
    return views


def empty_projection(views: int, count: int) -> Projected:
    return Projected(
        np.full((views, count, 3), -7, np.float32),
        np.full((views, count, 2), -7, np.int32),
        np.full((views, count), -7, np.float32),
        np.full((views, count), 77, np.uint8),
    )


def project_on_cpu(vertices: np.ndarray, views: np.ndarray) -> Projected:
    """What the CPU projects."""
    made = empty_projection(len(views), len(vertices))
    for n, view in enumerate(views):
        arrays = (made.homogeneous[n], made.window[n], made.inverse_depth[n], made.outside[n])
        project(vertices, np.ascontiguousarray(view["matrix"]), *arrays)
    return made


def see(
    projected: Projected,
    faces: np.ndarray,
    cull: np.ndarray,
    height: int,
    width: int,
    *,
    samples: int = 1,
    capacity: int = LARGE_PIECES,
) -> tuple[np.ndarray, np.ndarray]:
    """Keys uint64 [N, H, W] of so many rows and columns of samples, and how many slices were queued [N]."""
    views, count = projected.outside.shape
    keys = np.zeros((views, height, width), np.uint64)
    large = np.full((views, max(capacity, 1), PIECE_BYTES), 0xCD, np.uint8)
    large_count = np.zeros(views, np.int32)
    rotation = ROTATION if samples == 4 else 0
    over_items(
        "raster",
        "fill_triangles",
        len(faces),
        views,
        len(faces),
        np.ascontiguousarray(faces, np.int32),
        np.ascontiguousarray(cull, np.uint8),
        count,
        projected.homogeneous,
        projected.window,
        projected.inverse_depth,
        projected.outside,
        width,
        height,
        rotation,
        keys,
        large,
        large_count,
        capacity,
    )
    grid = (LARGE_BLOCKS, views)
    open_host("raster").launch(
        "fill_large", grid, (BLOCK,), large, large_count, capacity, width, height, rotation, keys
    )
    return keys, large_count


def see_on_cpu(
    vertices: np.ndarray, faces: np.ndarray, cameras: Sequence[Camera], cull: bool | np.ndarray, samples: int
) -> Visibility:
    """What the CPU's rasterizer sees."""
    width, height = cameras[0].width, cameras[0].height
    rasterizer = Rasterizer(
        faces, len(vertices), width, height, cameras=len(cameras), samples=1 if samples == 1 else 4
    )
    return rasterizer.draw(vertices, cameras, cull_back_faces=cull)


def keys_of(seen: Visibility) -> np.ndarray:
    """The keys that the CPU's triangles and inverse depths have: uint64 [N, H, W]."""
    depth = np.ascontiguousarray(seen.inverse_depth).view(np.uint32).astype(np.uint64)
    triangle = (~seen.triangle).astype(np.uint32).astype(np.uint64)
    return np.where(seen.triangle >= 0, depth << np.uint64(32) | triangle, np.uint64(0))
