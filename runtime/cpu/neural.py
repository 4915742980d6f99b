"""The `neural` renderer on the CPU: the rasterized texture of the bare body through the renderer network."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numba
import numpy as np
from numba import njit

from dinar.runtime.avatar import Avatar, RendererNetwork
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.channels import sample_channels
from dinar.runtime.cpu.network import CpuNetwork
from dinar.runtime.cpu.rasterize import Visibility
from dinar.runtime.cpu.renderer import CpuRenderer
from dinar.runtime.network_input import CHANNELS
from dinar.runtime.prepare.crop import Crop, CropChooser, padded, with_stand_off
from dinar.runtime.prepare.crop_networks import CropNetworks
from dinar.runtime.prepare.faces import gather_corner_uv
from dinar.runtime.prepare.fastest import fastest_network
from dinar.runtime.prepare.mesh import skinned_body
from dinar.runtime.prepare.neural_texture import make_neural_texture, pack_corners
from dinar.runtime.trace import Stage

MOST_SPARE_BYTES = 16 * 1024**2
"""Largest network, as a file, of which one is opened to stand in for others: `live` has 3 MB; `paper`, too
slow to be drawn live on a processor, has 80 MB, and takes hundreds more once it is open."""

_DRAW_STAGES = ("sample", "network", "paste")


class CpuNeuralRenderer(CpuRenderer):
    """Draws one avatar through its renderer network; its shell takes no part. See `Renderer`.

    Only a rectangle around the person goes through the network. The first picture takes longer, because a
    network is opened for it, and so does the first one of each other size of the rectangle unless `live`.
    """

    def __init__(
        self,
        avatar: Avatar,
        network: RendererNetwork | None = None,
        *,
        threads: int | None = None,
        live: bool = False,
    ) -> None:
        """Prepare the avatar.

        Args:
            avatar: drawn with its own betas and texture.
            network: one of the avatar's networks; the fastest of them when left out.
            threads: processor threads for the network; None: as many as OpenVINO finds best.
            live: never keep a picture waiting for a network where a larger one can stand in (see
                `CropNetworks`): which rectangle is drawn then depends on the time, too.

        Raises:
            DinarError: the avatar has no network, or lacks what the network reads.
        """
        mesh = skinned_body(avatar.body, avatar.betas)
        onnx = (network or fastest_network(avatar, "int8")).onnx
        self._networks = CropNetworks(
            lambda height, width: CpuNetwork(onnx, height, width, threads=threads),
            background=live and len(onnx) <= MOST_SPARE_BYTES,
        )
        self._texture = make_neural_texture(avatar.texture)
        super().__init__(mesh, np.ascontiguousarray(mesh.faces, np.int32))
        self._corners = pack_corners(self._faces, gather_corner_uv(mesh.uv, mesh.uv_faces, len(mesh.faces)))
        self._choosers: list[CropChooser] = []
        self._whole = (0, 0)  # height and width that rectangles can have
        self._drawn: list[Crop | None] = []  # where the last pictures may not be empty

    @property
    def crops(self) -> tuple[Crop | None, ...]:
        """The rectangle of each last picture that went through the network; None where nobody was seen."""
        return tuple(self._drawn)

    def close(self) -> None:
        """Give the memory back, and close the networks."""
        super().close()
        self._networks.close()

    def _start_pictures(self) -> None:
        count, height, width = self._rgba.shape[:3]
        self._choosers = [CropChooser(width, height) for _ in range(count)]
        self._drawn = [None] * count
        self._whole = padded(height), padded(width)

    def _draw(self, seen: Visibility, _vertices: np.ndarray, cameras: Sequence[Camera]) -> tuple[Stage, ...]:
        times = np.zeros(len(_DRAW_STAGES))
        for n, camera in enumerate(cameras):
            times += self._draw_picture(seen, n, camera)
        return tuple(Stage(name, 1e3 * float(t)) for name, t in zip(_DRAW_STAGES, times, strict=True))

    def _draw_picture(self, seen: Visibility, n: int, camera: Camera) -> tuple[float, float, float]:
        """Draw picture `n` and return the seconds spent on sampling, on the network and on pasting."""
        if seen.bbox[n, 2] == 0:
            self._clear(n)
            return 0.0, 0.0, 0.0
        start = perf_counter()
        crop = self._choosers[n].choose(_around_person(seen, n, camera))
        network, crop = self._networks.take(crop, self._whole)
        opened = perf_counter()
        sample_channels(
            self._texture,
            self._corners,
            seen.homogeneous[n],
            seen.triangle[n],
            crop.left,
            crop.top,
            numba.get_num_threads(),
            network.spans,
            network.inputs.reshape(crop.height, crop.width * CHANNELS),
        )
        sampled = perf_counter()
        rgba = network.run()
        ran = perf_counter()
        if self._drawn[n] != crop:
            self._clear(n)
        self._drawn[n] = crop
        paste(rgba[0].view("<u4")[..., 0], crop.left, crop.top, self._rgba[n].view("<u4")[..., 0])
        return sampled - opened, (opened - start) + (ran - sampled), perf_counter() - ran

    def _clear(self, n: int) -> None:
        """Empty picture `n`."""
        crop = self._drawn[n]
        if crop is not None:
            self._rgba[n, crop.top : crop.top + crop.height, crop.left : crop.left + crop.width] = 0
        self._drawn[n] = None


def _around_person(seen: Visibility, n: int, camera: Camera) -> tuple[int, int, int, int]:
    """Return the rectangle around the body and whatever stands off it, pixels (see `CropChooser.choose`)."""
    first_column, first_row, end_column, end_row = (int(edge) for edge in seen.bbox[n])
    depth = float(seen.homogeneous[n, :, 2].mean())  # metres
    return with_stand_off((first_column, first_row, end_column, end_row), depth, camera)


@njit(cache=True, nogil=True)
def paste(source: np.ndarray, left: int, top: int, picture: np.ndarray) -> None:
    """Copy a rectangle into a picture as far as it lies there; what is transparent becomes 0 altogether.

    Args:
        source: uint32 [h, w], sRGB and straight alpha, red in the lowest byte.
        left: the rectangle's first column.
        top: its first row.
        picture: uint32 [H, W], out.
    """
    opaque_enough, none = np.uint32(1 << 24), np.uint32(0)
    columns = min(source.shape[1], picture.shape[1] - left)
    for y in range(min(source.shape[0], picture.shape[0] - top)):
        pixels, out = source[y, :columns], picture[top + y, left : left + columns]
        for x in range(columns):
            out[x] = pixels[x] if pixels[x] >= opaque_enough else none
