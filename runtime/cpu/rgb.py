"""The `rgb` renderer on the CPU: the avatar's texture shown directly, no network and no lighting."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numba
import numpy as np

from dinar.runtime.avatar import Avatar
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.mipmap import build_mipmaps, pack_atlas, used_texels
from dinar.runtime.cpu.rasterize import Visibility, around, gather_corner_uv
from dinar.runtime.cpu.renderer import CpuRenderer
from dinar.runtime.cpu.shade import Surface, make_surface, shade
from dinar.runtime.cpu.skin import SkinnedMesh, attach_shell, skinned_body
from dinar.runtime.trace import Stage


class CpuRgbRenderer(CpuRenderer):
    """Draws the body, without the faces that clothes hide, and the shell of one avatar. See `Renderer`."""

    def __init__(self, avatar: Avatar, *, antialias: bool = True) -> None:
        """Prepare the avatar.

        Args:
            avatar: drawn with its own betas, texture and shell.
            antialias: four samples for each pixel, so that alpha has five steps; else one, and hard edges.
        """
        mesh = skinned_body(avatar.body, avatar.betas)
        if avatar.shell is not None:
            mesh = attach_shell(mesh, avatar.body, avatar.shell)
        self._surface, faces, cull = _surface(avatar, mesh)
        super().__init__(mesh, faces, cull_back_faces=cull, samples=4 if antialias else 1)
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


def _surface(avatar: Avatar, mesh: SkinnedMesh) -> tuple[Surface, np.ndarray, np.ndarray]:
    """Return what is drawn: the surface, its faces [F, 3], and which are culled when they show their back."""
    body_faces, shell = len(avatar.body.faces), avatar.shell
    is_shell = np.arange(len(mesh.faces)) >= body_faces
    drawn = np.ones(len(mesh.faces), bool)
    pictures = [avatar.texture.rgb]
    if shell is not None:
        drawn[:body_faces] = shell.body_face_visible
        pictures.append(shell.rgb)
    corner_uv = gather_corner_uv(mesh.uv, mesh.uv_faces, len(mesh.faces))
    texture = is_shell.astype(np.int32)
    atlas = pack_atlas(
        [
            build_mipmaps(rgb, used_texels(corner_uv[texture == k], rgb.shape[1], rgb.shape[0]))
            for k, rgb in enumerate(pictures)
        ]
    )
    faces = np.ascontiguousarray(mesh.faces[drawn], np.int32)
    surface = make_surface(faces, corner_uv[drawn], texture[drawn], atlas)
    return (
        surface,
        faces,
        ~is_shell[drawn],
    )  # the body is closed; sleeves, hems and hair also show their inside
