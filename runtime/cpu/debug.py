"""The `uv` and `normals` renderers on the CPU: what the bare body's surface is like, as colours."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Literal

import numba
import numpy as np
from numba import njit, prange

from dinar.runtime.avatar import Avatar
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.attributes import barycentric_at
from dinar.runtime.cpu.rasterize import Visibility, around
from dinar.runtime.cpu.renderer import CpuRenderer
from dinar.runtime.prepare.mesh import skinned_body
from dinar.runtime.trace import Stage


class CpuDebugRenderer(CpuRenderer):
    """Draws the bare body of one avatar in colours that mean something. See `Renderer`.

    `uv`: red is u and green is v, from 0 to 1. `normals`: red, green and blue are the world's x, y and z of
    the unit normals, from -1 to 1 (smooth: the mean of the faces around each vertex, by area).
    """

    def __init__(self, avatar: Avatar, mode: Literal["uv", "normals"]) -> None:
        """Prepare the avatar, drawn with its own betas."""
        mesh = skinned_body(avatar.body, avatar.betas)
        super().__init__(mesh, np.ascontiguousarray(mesh.faces, np.int32))
        self._normals = mode == "normals"
        if self._normals:
            self._colours = np.zeros((mesh.vertex_count, 3), np.float32)
            self._colour_faces = self._faces
        else:
            self._colours = np.pad(mesh.uv.astype(np.float32), ((0, 0), (0, 1)))
            self._colour_faces = np.ascontiguousarray(mesh.uv_faces, np.int32)
        self._drawn = np.zeros((0, 4), np.int64)  # rectangles of the last pictures, pixels

    def _start_pictures(self) -> None:
        self._drawn = np.zeros((len(self._rgba), 4), np.int64)

    def _draw(self, seen: Visibility, vertices: np.ndarray, cameras: Sequence[Camera]) -> tuple[Stage, ...]:
        start = perf_counter()
        if self._normals:
            normal_colours(vertices, self._faces, self._colours)
        for n in range(len(cameras)):
            box = seen.bbox[n].astype(np.int64)
            paint(
                seen.triangle[n],
                around(box, self._drawn[n]),
                self._faces,
                seen.homogeneous[n],
                self._colour_faces,
                self._colours,
                numba.get_num_threads(),
                self._rgba[n].view("<u4")[..., 0],
            )
            self._drawn[n] = box
        return (Stage("shade", 1e3 * (perf_counter() - start)),)


@njit(cache=True, nogil=True, error_model="numpy")
def normal_colours(vertices: np.ndarray, faces: np.ndarray, colours: np.ndarray) -> None:
    """Compute vertex normals as colours, (1 + n) / 2.

    Args:
        vertices: float32 [V, 3].
        faces: int32 [F, 3], counter-clockwise seen from outside.
        colours: float32 [V, 3], out, 0 to 1; grey where a vertex has no normal.
    """
    half = np.float32(0.5)
    colours[:] = 0
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay = vertices[j, 0] - vertices[i, 0], vertices[j, 1] - vertices[i, 1]
        bx, by = vertices[k, 0] - vertices[i, 0], vertices[k, 1] - vertices[i, 1]
        az, bz = vertices[j, 2] - vertices[i, 2], vertices[k, 2] - vertices[i, 2]
        x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx  # twice the area long
        for v in (i, j, k):
            colours[v, 0] += x
            colours[v, 1] += y
            colours[v, 2] += z
    for v in range(len(colours)):
        x, y, z = colours[v, 0], colours[v, 1], colours[v, 2]
        length = np.sqrt(x * x + y * y + z * z)
        scale = half / length if length > 0 else np.float32(0.0)
        colours[v, 0], colours[v, 1], colours[v, 2] = half + x * scale, half + y * scale, half + z * scale


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def paint(
    triangle: np.ndarray,
    box: np.ndarray,
    faces: np.ndarray,
    homogeneous: np.ndarray,
    colour_faces: np.ndarray,
    colours: np.ndarray,
    workers: int,
    rgba: np.ndarray,
) -> None:
    """Draw the pixels of a rectangle in colours given at the corners of faces.

    Args:
        triangle: int32 [H, W], see `Visibility`, one sample for each pixel.
        box: int64 [4], first column, first row, end column, end row.
        faces: int32 [F, 3], vertex ids.
        homogeneous: float32 [V, 3], see `Visibility`.
        colour_faces: int32 [F, 3], ids into `colours`, corner by corner as `faces`.
        colours: float32 [C, 3], 0 to 1.
        workers: rows are dealt out to so many threads in turn.
        rgba: uint32 [H, W], out: red in the lowest byte; 0 where nothing is seen.
    """
    half, full = np.float32(0.5), np.float32(255.0)
    opaque = np.uint32(0xFF000000)
    for worker in prange(workers):
        for y in range(box[1] + worker, box[3], workers):
            for x in range(box[0], box[2]):
                t = triangle[y, x]
                if t < 0:
                    rgba[y, x] = 0
                    continue
                i, j, k = faces[t, 0], faces[t, 1], faces[t, 2]
                column, row = np.float32(x) + half, np.float32(y) + half
                b0, b1, b2, _ = barycentric_at(homogeneous, i, j, k, column, row)
                i, j, k = colour_faces[t, 0], colour_faces[t, 1], colour_faces[t, 2]
                pixel = opaque
                for c in range(3):
                    value = b0 * colours[i, c] + b1 * colours[j, c] + b2 * colours[k, c]
                    pixel |= np.uint32(value * full + half) << np.uint32(8 * c)
                rgba[y, x] = pixel
