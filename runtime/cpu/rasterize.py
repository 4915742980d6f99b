"""Rasterizing on the CPU: which triangle is seen at each sample of N pictures, and where on it.

The stages, and the formulas that every implementation of them shares. With the same homogeneous pixels (the
result of 1), all give the same triangle at every sample. f32, f64 and i64 name the arithmetic; every
operation rounds on its own (no fused multiply-add), sums are taken from left to right.

1. Project (`project`, f64). A vertex (x, y, z) in the world and M = K [R | t] give homogeneous pixels
       (hx, hy, hz) = (column * depth, row * depth, depth),  h_r = f32(M_r0 x + M_r1 y + M_r2 z + M_r3).
   A vertex is outside when it is not finite, hz < 0.01 m, or |hx| or |hy| > 65536 hz. All others snap to
   24.8 fixed point, X = floor(256 (hx / hz) + 0.5), Y likewise, and get the inverse depth w = f32(1 / hz).
2. Set up (`pieces`, i64). A triangle with no corner outside is one piece. One with all corners outside the
   same plane, or with a corner that is not finite, is dropped. The others are clipped (`clip`, f64, planes in
   the order near, left, right, top, bottom) and fall into a fan of pieces with the triangle's id. A piece of
   doubled area
       a = (X1 - X0) (Y2 - Y0) - (X2 - X0) (Y1 - Y0)
   is dropped when a = 0. a < 0 shows its front, and corners 1 and 2 are exchanged, so that a > 0; a > 0 from
   the start shows its back and may be culled.
3. Fill (`visibility`). Samples lie at X = 256 c + 128, Y = 256 r + 128: the pixel centres. The rotated grid
   serves 2x2 supersampling: its samples are moved to X + 64 on even and X - 64 on odd rows, to Y - 64 on even
   and Y + 64 on odd columns: the four samples of a pixel have four different columns and rows. With (i64)
       E0 = (X2 - X1) (Y - Y1) - (Y2 - Y1) (X - X1),  E1 with corners 2 and 0, E2 with corners 0 and 1,
   a sample is covered when each E > 0, or E = 0 on an edge i to j that is left (Yj < Yi) or top (Yj = Yi,
   Xj > Xi): a sample on an edge that two pieces share is covered once. |E| < 2^52. There the inverse depth is
       w = f32(E0) k0 + f32(E1) k1 + f32(E2) k2,  k_i = w_i (1 / f32(a)),  (f32)
   and the largest w is seen. No term is negative, so w's bits compare as an integer in the same way. Equal w
   go to the lower triangle id: the order of drawing does not matter. Reordering the triangles of a mesh can
   change a sample only where different triangles have exactly the same w (such as a triangle given twice).
4. Attributes (`attributes`, f32). With q_i = hx_i - column hz_i and r_i = hy_i - row hz_i of the original
   triangle, b_0 = q_1 r_2 - q_2 r_1, and cyclically b_1 and b_2, are its barycentrics up to a factor: their
   sign is changed if their sum is below 0, then what is below 0 becomes 0, then they are scaled to the sum 1
   (a third each, should all be 0).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np

from dinar.runtime.camera import MAX_SIZE, Camera, projection_matrix
from dinar.runtime.cpu.attributes import interpolate
from dinar.runtime.cpu.clip import MAX_PIECES, clip
from dinar.runtime.cpu.pieces import BAND, PIECE, Grid, bounding_box, count_per_band, list_by_band, set_up
from dinar.runtime.cpu.project import project
from dinar.runtime.cpu.threads import KernelThreads, let_threads_sleep
from dinar.runtime.cpu.visibility import LANES, resolve_visibility
from dinar.runtime.prepare.faces import checked_faces, gather_corner_uv

ROTATION = 64
"""Displacement of samples on the rotated grid, 1/256 sample."""


@dataclass(frozen=True, eq=False)
class Visibility:
    """What is seen at each sample; memory of the `Rasterizer`, valid until its next `draw`.

    Attributes:
        triangle: int32 [N, H, W], nearest triangle, -1 for none; with 4 samples [N, 2 H, 2 W].
        inverse_depth: float32 [N, H, W] likewise, 1 / metre, 0 for none.
        homogeneous: float32 [N, V, 3], homogeneous samples (column * depth, row * depth, depth) in metres.
        bbox: int32 [N, 4], first column, first row, end column, end row of a rectangle around the covered
            samples; four zeros when there is none.
    """

    triangle: np.ndarray
    inverse_depth: np.ndarray
    homogeneous: np.ndarray
    bbox: np.ndarray


@dataclass(frozen=True, eq=False)
class Raster:
    """N rasterized pictures of a textured mesh.

    Attributes:
        triangle: int32 [N, H, W], nearest triangle, -1 for none.
        barycentric: float32 [N, H, W, 3], perspective-correct weights of the corners, 0 where none.
        uv: float32 [N, H, W, 2], texture coordinates, v down, 0 where none.
        coverage: uint8 [N, H, W], 1 where a triangle is seen, else 0.
        bbox: int32 [N, 4], first column, first row, end column, end row of a rectangle around it.
    """

    triangle: np.ndarray
    barycentric: np.ndarray
    uv: np.ndarray
    coverage: np.ndarray
    bbox: np.ndarray


class Rasterizer:
    """Work space for pictures of one size of one mesh; allocates once, then draws without allocating.

    Only the rectangle that the mesh covers (or covered last time) is touched. Not thread-safe.
    """

    def __init__(
        self,
        faces: np.ndarray,
        vertex_count: int,
        width: int,
        height: int,
        *,
        cameras: int = 1,
        samples: Literal[1, 4] = 1,
        threads: KernelThreads | None = None,
    ) -> None:
        """Allocate.

        Args:
            faces: int32 [F, 3], vertex ids, counter-clockwise seen from outside.
            vertex_count: V.
            width: columns of the pictures, up to 8192.
            height: rows of the pictures, up to 8192.
            cameras: most cameras that one `draw` takes.
            samples: for each pixel one at its centre, or four on the rotated grid (see this module's text).
            threads: those of the caller's other kernels, if it has any.
        """
        if not (1 <= width <= MAX_SIZE and 1 <= height <= MAX_SIZE and cameras >= 1 and samples in (1, 4)):
            raise ValueError(
                f"a rasterizer expects 1 to {MAX_SIZE} columns and rows, at least one camera, and 1 or 4 "
                f"samples, not {width} x {height}, {cameras} and {samples}"
            )
        side = 1 if samples == 1 else 2
        let_threads_sleep()
        self._threads = threads or KernelThreads()
        self.faces = checked_faces(faces, vertex_count)
        self._size = width, height
        self._to_samples = np.diag([side, side, 1.0])  # pixels => samples
        self._grid = Grid(side * width, side * height, ROTATION if samples == 4 else 0)
        self._window = np.zeros((vertex_count, 2), np.int32)
        self._inverse_depth = np.zeros(vertex_count, np.float32)
        self._outside = np.zeros(vertex_count, np.uint8)
        self._to_clip = np.zeros(len(self.faces), np.int32)
        self._pieces = np.zeros(len(self.faces), PIECE)
        self._rows = np.zeros((len(self.faces), 2), np.int32)
        self._bands = -(-side * height // BAND)
        self._keys = np.zeros((0, BAND, side * width + LANES), np.int64)
        self._columns = np.tile(np.array([side * width, 0]), (cameras, self._bands, 1))  # drawn last
        self._deal_out(1)
        self._seen = Visibility(
            triangle=np.full((cameras, side * height, side * width), -1, np.int32),
            inverse_depth=np.zeros((cameras, side * height, side * width), np.float32),
            homogeneous=np.zeros((cameras, vertex_count, 3), np.float32),
            bbox=np.zeros((cameras, 4), np.int32),
        )

    def draw(
        self, vertices: np.ndarray, cameras: Sequence[Camera], *, cull_back_faces: bool | np.ndarray = True
    ) -> Visibility:
        """Find what each camera sees.

        Args:
            vertices: float32 [V, 3], world metres.
            cameras: N cameras, 1 to the number given at the start, all of the given width and height.
            cull_back_faces: do not draw triangles that show their back: right for closed meshes. Or bool [F].
        """
        self._check(vertices, cameras)
        cull = np.atleast_1d(np.asarray(cull_back_faces, np.bool_))
        if cull.shape not in ((1,), (len(self.faces),)):
            raise ValueError(
                f"draw expects cull_back_faces as a bool or {len(self.faces)} bools, not {cull.shape}"
            )
        for n, camera in enumerate(cameras):
            self._draw_one(vertices, camera, cull, n)
        seen, N = self._seen, len(cameras)
        return Visibility(seen.triangle[:N], seen.inverse_depth[:N], seen.homogeneous[:N], seen.bbox[:N])

    def _draw_one(self, vertices: np.ndarray, camera: Camera, cull: np.ndarray, n: int) -> None:
        seen = self._seen
        vertex = (self._window, self._inverse_depth, self._outside)
        project(vertices, self._to_samples @ projection_matrix(camera), seen.homogeneous[n], *vertex)
        workers = numba.get_num_threads()
        if len(self._keys) != workers:
            self._deal_out(workers)
        shares = (self._count[:-1], self._box[:-1], self._start[:-1], self._order[:-1])
        self._threads.keep_apart()
        set_up(
            self.faces,
            *vertex,
            cull,
            self._grid,
            self._pieces,
            self._rows,
            self._to_clip,
            self._first,
            *shares,
        )
        self._clip(seen.homogeneous[n], cull)
        self._list_the_rest()
        seen.bbox[n] = functools.reduce(around, self._box)
        self._threads.keep_apart()
        resolve_visibility(
            self._pieces,
            self._rows,
            self._start,
            self._order,
            self._grid.rotation,
            self._columns[n],
            self._keys,
            seen.triangle[n],
            seen.inverse_depth[n],
        )

    def _deal_out(self, workers: int) -> None:
        """Divide faces and bands between so many threads. The last of the shares holds what was clipped."""
        faces = len(self.faces)
        self._keys = np.zeros((workers, *self._keys.shape[1:]), np.int64)
        self._first = np.linspace(0, faces, workers + 1).astype(np.int64)
        self._count = np.zeros((workers + 1, 2), np.int64)
        self._box = np.zeros((workers + 1, 4), np.int64)
        self._start = np.zeros((workers + 1, self._bands + 1), np.int64)
        self._order = np.zeros((workers + 1, 2 * faces // workers), np.int32)

    def _clip(self, homogeneous: np.ndarray, cull: np.ndarray) -> None:
        """Put the pieces of clipped faces behind all others."""
        behind, clip_count = len(self.faces), int(self._count[:-1, 1].sum())
        if clip_count == 0:
            self._count[-1], self._box[-1], self._start[-1] = 0, 0, 0
            return
        room = behind + MAX_PIECES * clip_count
        if room > len(self._pieces):  # for views that cut through the mesh, at most to 7 pieces a face
            self._pieces = np.resize(self._pieces, room)
            self._rows = np.resize(self._rows, (room, 2))
        to_clip = np.concatenate(
            [
                self._to_clip[first : first + count]
                for first, count in zip(self._first[:-1], self._count[:-1, 1], strict=True)
            ]
        )
        end = clip(self.faces, homogeneous, to_clip, cull, self._grid, self._pieces, self._rows, behind)
        count = end - behind
        self._count[-1, 0] = count
        rows = self._rows[behind : behind + count]
        bounding_box(self._pieces[behind : behind + count], rows, self._box[-1])
        count_per_band(rows, self._start[-1])

    def _list_the_rest(self) -> None:
        """List the pieces of each band for the clipped ones, and for shares whose lists were too long."""
        room, listed = self._order.shape[1], self._start[:, -1]
        longest = int(listed.max())
        if longest <= room and listed[-1] == 0:
            return
        rest = range(len(listed)) if longest > room else (len(listed) - 1,)
        if longest > room:
            self._order = np.zeros((len(listed), longest), np.int32)
        for share in rest:
            first = int(self._first[share])
            rows = self._rows[first : first + int(self._count[share, 0])]
            list_by_band(rows, first, self._start[share], self._order[share])

    def _check(self, vertices: np.ndarray, cameras: Sequence[Camera]) -> None:
        wanted = (len(self._outside), 3)
        if vertices.shape != wanted or vertices.dtype != np.float32 or not vertices.flags.c_contiguous:
            raise ValueError(
                f"draw expects vertices as contiguous float32 {wanted}, not {vertices.dtype} {vertices.shape}"
            )
        if not 1 <= len(cameras) <= len(self._seen.triangle):
            raise ValueError(f"draw expects 1 to {len(self._seen.triangle)} cameras, not {len(cameras)}")
        for camera in cameras:
            if (camera.width, camera.height) != self._size:
                raise ValueError(
                    f"draw expects cameras of {self._size[0]} x {self._size[1]}, "
                    f"not {camera.width} x {camera.height}"
                )


def rasterize(
    vertices: np.ndarray,
    faces: np.ndarray,
    uv: np.ndarray,
    uv_faces: np.ndarray,
    cameras: Sequence[Camera],
    *,
    cull_back_faces: bool | np.ndarray = True,
) -> Raster:
    """Rasterize a textured mesh once, with fresh memory (frame after frame, use a `Rasterizer`).

    Args:
        vertices: float32 [V, 3], world metres.
        faces: int32 [F, 3], vertex ids, counter-clockwise seen from outside.
        uv: float32 [T, 2], texture coordinates.
        uv_faces: int32 [F, 3], texture-coordinate ids, corner by corner as `faces`.
        cameras: N cameras of one width and height.
        cull_back_faces: do not draw triangles that show their back. Or bool [F].
    """
    if not cameras:
        raise ValueError("rasterize expects at least one camera")
    corner_uv = gather_corner_uv(uv, uv_faces, len(faces))
    width, height = cameras[0].width, cameras[0].height
    rasterizer = Rasterizer(faces, len(vertices), width, height, cameras=len(cameras))
    seen = rasterizer.draw(vertices, cameras, cull_back_faces=cull_back_faces)
    barycentric = np.zeros((len(cameras), height, width, 3), np.float32)
    picture_uv = np.zeros((len(cameras), height, width, 2), np.float32)
    for n in range(len(cameras)):
        interpolate(
            seen.triangle[n],
            seen.bbox[n],
            rasterizer.faces,
            seen.homogeneous[n],
            corner_uv,
            barycentric[n],
            picture_uv[n],
        )
    coverage = (seen.triangle >= 0).astype(np.uint8)
    return Raster(seen.triangle, barycentric, picture_uv, coverage, seen.bbox)


def around(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return int64 [4], the smallest rectangle around two (see `Visibility.bbox`; ending at 0: empty)."""
    if a[2] == 0 or b[2] == 0:
        return np.array(b if a[2] == 0 else a, np.int64)
    return np.concatenate([np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])]).astype(np.int64)
