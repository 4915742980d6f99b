"""The `rgb` renderer on the CPU: the avatar's texture shown directly, no network and no lighting."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numba
import numpy as np

from dinar.runtime.avatar import Avatar
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.rasterize import Visibility, around
from dinar.runtime.cpu.renderer import CpuRenderer
from dinar.runtime.cpu.shade import shade
from dinar.runtime.prepare.mesh import CPU_LANES
from dinar.runtime.prepare.surface import draw_surface
from dinar.runtime.trace import Stage


class CpuRgbRenderer(CpuRenderer):
    """Draws the body, without the faces that clothes hide, and the shell of one avatar. See `Renderer`."""

    def __init__(self, avatar: Avatar, *, antialias: bool = True) -> None:
        """Prepare the avatar.

        Args:
            avatar: drawn with its own betas, texture and shell.
            antialias: four samples for each pixel, so that alpha has five steps; else one, and hard edges.
        """
        drawn = draw_surface(avatar, lanes=CPU_LANES)
        self._surface = drawn.surface
        super().__init__(drawn.mesh, drawn.faces, cull_back_faces=drawn.cull, samples=4 if antialias else 1)
        self._drawn = np.zeros((0, 4), np.int64)  # rectangles of the last pictures, pixels

    def _start_pictures(self) -> None:
        self._drawn = np.zeros((len(self._rgba), 4), np.int64)

    def _draw(self, seen: Visibility, _vertices: np.ndarray, cameras: Sequence[Camera]) -> tuple[Stage, ...]:
        start = perf_counter()
        for n in range(len(cameras)):
            self._shade(seen, n)
        return (Stage("shade", 1e3 * (perf_counter() - start)),)

    def _shade(self, seen: Visibility, n: int) -> None:
        """Draw picture `n`, and clear what the last one left around it."""
        side = 1 if self._samples == 1 else 2
        box = seen.bbox[n].astype(np.int64)
        box[:2], box[2:] = box[:2] // side, -(-box[2:] // side)  # samples => pixels
        touched = around(box, self._drawn[n])
        self._drawn[n] = box
        workers = numba.get_num_threads()
        shade(
            self._surface,
            seen.homogeneous[n],
            seen.triangle[n],
            self._samples,
            touched,
            workers,
            self._rgba[n].view("<u4")[..., 0],
        )
