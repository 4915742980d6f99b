"""The `neural` renderer on the CPU: the rasterized texture of the bare body through the renderer network."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numba
import numpy as np
from numba import njit

from dinar.runtime.avatar import Avatar, RendererNetwork
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.channels import make_neural_texture, pack_corners, sample_channels
from dinar.runtime.cpu.crop import Crop, CropChooser
from dinar.runtime.cpu.network import CpuNetwork
from dinar.runtime.cpu.rasterize import Visibility, gather_corner_uv
from dinar.runtime.cpu.renderer import CpuRenderer
from dinar.runtime.cpu.skin import skinned_body
from dinar.runtime.errors import DinarError
from dinar.runtime.network_input import CHANNELS
from dinar.runtime.trace import Stage

STAND_OFF_M = 0.1
"""Metres by which clothes and hair may stand off the body and are still drawn whole."""

MAX_OPEN_NETWORKS = 5
"""Rectangle sizes whose networks are kept open (16 MB each for `live` in int8 at 512 x 512, 40 MB in fp32);
beyond, the one that was not used for longest is closed."""

_DRAW_STAGES = ("sample", "network", "paste")


class CpuNeuralRenderer(CpuRenderer):
    """Draws one avatar through its renderer network; its shell takes no part. See `Renderer`.

    Only a rectangle around the person goes through the network. The first picture of each rectangle's size
    takes longer: a network is opened for it.
    """

    def __init__(
        self, avatar: Avatar, network: RendererNetwork | None = None, *, threads: int | None = None
    ) -> None:
        """Prepare the avatar.

        Args:
            avatar: drawn with its own betas and texture.
            network: one of the avatar's networks; the fastest of them when left out.
            threads: processor threads for the network; None: as many as OpenVINO finds best.

        Raises:
            DinarError: the avatar has no network, or lacks what the network reads.
        """
        mesh = skinned_body(avatar.body, avatar.betas)
        self._network = network or fastest_network(avatar)
        self._threads = threads
        self._texture = make_neural_texture(avatar.texture)
        super().__init__(mesh, np.ascontiguousarray(mesh.faces, np.int32))
        self._corners = pack_corners(self._faces, gather_corner_uv(mesh.uv, mesh.uv_faces, len(mesh.faces)))
        self._choosers: list[CropChooser] = []
        self._drawn: list[Crop | None] = []  # where the last pictures may not be empty
        self._open: dict[tuple[int, int], _CropNetwork] = {}  # by height and width, last used last

    @property
    def crops(self) -> tuple[Crop | None, ...]:
        """The rectangle of each last picture that went through the network; None where nobody was seen."""
        return tuple(self._drawn)

    def close(self) -> None:
        """Give the memory back, and close the networks."""
        super().close()
        while self._open:
            self._open.popitem()[1].network.close()

    def _start_pictures(self) -> None:
        count, height, width = self._rgba.shape[:3]
        self._choosers = [CropChooser(width, height) for _ in range(count)]
        self._drawn = [None] * count

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
        crop = self._choosers[n].choose(_with_stand_off(seen, n, camera))
        work = self._network_for(crop)
        opened = perf_counter()
        with self._kernel_threads.apart():
            sample_channels(
                self._texture,
                self._corners,
                seen.homogeneous[n],
                seen.triangle[n],
                crop.left,
                crop.top,
                numba.get_num_threads(),
                work.spans,
                work.network.inputs.reshape(crop.height, crop.width * CHANNELS),
            )
        sampled = perf_counter()
        rgba = work.network.run()
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

    def _network_for(self, crop: Crop) -> _CropNetwork:
        """Return the network for rectangles of this size, opened now if need be."""
        size = (crop.height, crop.width)
        found = self._open.pop(size, None)
        if found is None:
            if len(self._open) >= MAX_OPEN_NETWORKS:
                self._open.pop(next(iter(self._open))).network.close()
            found = _CropNetwork(self._network, size, self._threads)
        self._open[size] = found
        return found


class _CropNetwork:
    """A network opened for rectangles of one size, and what is in its input."""

    def __init__(self, network: RendererNetwork, size: tuple[int, int], threads: int | None) -> None:
        self.network = CpuNetwork(network.onnx, *size, threads=threads)
        self.spans = np.zeros((size[0], 2), np.int32)  # see `sample_channels`


def fastest_network(avatar: Avatar) -> RendererNetwork:
    """Return the network of an avatar that takes the least time on a CPU: `live` before `paper`, then int8.

    Raises DinarError when it has none.
    """
    if not avatar.networks:
        raise DinarError(
            f"the avatar {avatar.name!r} has no renderer network, so it cannot be shown with --mode neural: "
            "use --mode rgb, or an avatar that carries one"
        )
    return min(avatar.networks, key=lambda n: (n.preset != "live", n.precision != "int8"))


def _with_stand_off(seen: Visibility, n: int, camera: Camera) -> tuple[int, int, int, int]:
    """Return the rectangle around the body and whatever stands off it, pixels (see `CropChooser.choose`)."""
    first_column, first_row, end_column, end_row = (int(edge) for edge in seen.bbox[n])
    depth = float(seen.homogeneous[n, :, 2].mean())  # metres
    if not depth > STAND_OFF_M:  # the camera is within the body, or a vertex is nowhere (NaN)
        depth = STAND_OFF_M
    across, down = (int(np.ceil(focal * STAND_OFF_M / depth)) for focal in np.diag(camera.K)[:2])
    return first_column - across, first_row - down, end_column + across, end_row + down


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
