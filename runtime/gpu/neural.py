"""The `neural` renderer on the GPU: the rasterized texture of the bare body through the renderer network.

Only a rectangle around the person goes through the network. Which one is known before the GPU has drawn
anything (`prepare.extent`), so the host never waits to find out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dinar.runtime.avatar import Avatar
from dinar.runtime.camera import Camera, projection_matrix
from dinar.runtime.gpu.device import Gpu
from dinar.runtime.gpu.errors import explained, lost_anyway
from dinar.runtime.gpu.mesh import LANES
from dinar.runtime.gpu.networks.network import CudaNetwork, NetworkOpener
from dinar.runtime.gpu.queue import Queue
from dinar.runtime.gpu.raster import GpuRaster
from dinar.runtime.gpu.renderer import GpuRenderer, Slot, Way
from dinar.runtime.prepare.crop import Crop, CropChooser, enlarged, padded, with_stand_off
from dinar.runtime.prepare.crop_networks import CropNetworks
from dinar.runtime.prepare.extent import find_extent, joint_boxes
from dinar.runtime.prepare.faces import gather_corner_uv
from dinar.runtime.prepare.mesh import skinned_body
from dinar.runtime.prepare.neural_texture import make_neural_texture, pack_corners


class _SizedNetwork:
    """A network opened for one size; knows that size, and is its own key."""

    def __init__(self, gpu: Gpu, network: CudaNetwork, height: int, width: int) -> None:
        self._gpu, self.network, self.height, self.width = gpu, network, height, width

    def close(self) -> None:
        self._gpu.stream.sync()  # a frame may be under way in it
        self.network.close()


class GpuNeuralRenderer(GpuRenderer):
    """Draws one avatar through its renderer network; its shell takes no part. See `Renderer`."""

    def __init__(
        self,
        gpu: Gpu,
        avatar: Avatar,
        opener: NetworkOpener,
        *,
        live: bool = False,
        trace: bool = False,
        tell: Callable[[str], None],
    ) -> None:
        """Upload the avatar.

        Args:
            gpu: draws; the renderer closes it.
            avatar: drawn with its own betas and texture.
            opener: opens its network for a number of views and a size.
            live: never keep a picture waiting for a network where a larger one can stand in (see
                `CropNetworks`): which rectangle is drawn then depends on the time, too.
            trace: see `GpuRenderer`.
            tell: see `GpuRenderer`.

        Raises:
            DinarError: the avatar lacks what the network reads.
        """
        texture = make_neural_texture(avatar.texture)
        mesh = skinned_body(avatar.body, avatar.betas, lanes=LANES)
        faces = np.ascontiguousarray(mesh.faces, np.int32)
        super().__init__(gpu, mesh, faces, np.ones(len(faces), bool), trace=trace, tell=tell)
        self._opener, self._live = opener, live
        self._boxes = joint_boxes(mesh)
        corner_uv = gather_corner_uv(mesh.uv, mesh.uv_faces, len(faces))
        with explained(gpu.info.name):
            self._sample, self._compose = gpu.kernel("sample_channels"), gpu.kernel("compose")
            self._corners = gpu.upload(pack_corners(faces, corner_uv).view(np.uint8))
            self._texels, self._rgb = gpu.upload(texture.texels), gpu.upload(texture.rgb)
        self._networks: CropNetworks[_SizedNetwork] | None = None
        self._choosers: list[CropChooser] = []
        self._whole = (0, 0)  # height and width that rectangles can have
        self._crops: tuple[Crop, ...] = ()

    @property
    def engine(self) -> str:
        """What runs the network."""
        return self._opener.name

    @property
    def crops(self) -> tuple[Crop, ...]:
        """The rectangle of each last picture that went through the network."""
        return self._crops

    def close(self) -> None:
        """Wait for what is under way, and give everything back."""
        with explained(self._gpu.info.name), lost_anyway():
            self._close_networks()
        super().close()

    def _start_pictures(self, views: int, height: int, width: int) -> None:
        self._close_networks()
        self._choosers = [CropChooser(width, height, self._opener.eighths) for _ in range(views)]
        self._whole = padded(height), padded(width)

        def open_network(rows: int, columns: int) -> _SizedNetwork:
            self._gpu.make_current()  # it may be another thread
            return _SizedNetwork(self._gpu, self._opener.open(views, rows, columns), rows, columns)

        self._networks = CropNetworks(open_network, background=self._live and self._opener.background)

    def _choose_way(self, cameras: Sequence[Camera]) -> Way:
        assert self._networks is not None, "pictures were started"
        crops = [
            chooser.choose(self._around_person(camera))
            for chooser, camera in zip(self._choosers, cameras, strict=True)
        ]
        size = max(crop.height for crop in crops), max(crop.width for crop in crops)
        network, _ = self._networks.take(enlarged(crops[0], size, self._whole), self._whole)
        size = network.height, network.width
        self._crops = tuple(enlarged(crop, size, self._whole) for crop in crops)
        corners = tuple((crop.left, crop.top) for crop in self._crops)
        return Way(network, corners, network.network.capture)

    def _record_pictures(self, queue: Queue, slot: Slot, raster: GpuRaster, key: _SizedNetwork) -> None:
        views, height, width, _ = slot.rgba.shape
        network, size = key.network, (np.int32(key.height), np.int32(key.width))
        texels, rgb = self._texels, self._rgb
        queue.over_pixels(
            self._sample,
            key.height,
            key.width,
            views,
            slot.upload.views,
            raster.keys.address,
            np.int32(width),
            np.int32(height),
            np.int32(self._mesh.vertex_count),
            raster.homogeneous.address,
            self._corners.address,
            texels.address,
            np.int32(texels.shape[0]),
            np.int32(texels.shape[1]),
            rgb.address if rgb.shape[0] else 0,
            np.int32(rgb.shape[0]),
            np.int32(rgb.shape[1]),
            *size,
            network.input_address,
        )
        self._mark(queue, slot, "sample")
        network.enqueue(queue.handle)
        self._mark(queue, slot, "network")
        queue.over_pixels(
            self._compose,
            height,
            width,
            views,
            slot.upload.views,
            network.logits_address,
            np.int32(network.block),
            np.int32(network.stride),
            *size,
            np.int32(width),
            np.int32(height),
            slot.rgba.address,
        )
        self._mark(queue, slot, "compose")

    def _around_person(self, camera: Camera) -> tuple[int, int, int, int]:
        """Return the rectangle around the person, with a pixel or more of it in the picture."""
        width, height = camera.width, camera.height
        extent = find_extent(self._boxes, self._joints.transforms, projection_matrix(camera), width, height)
        left, top, right, bottom = with_stand_off(extent.box, extent.depth, camera)
        left, top = min(left, width - 1), min(top, height - 1)
        return left, top, max(right, 1, left + 1), max(bottom, 1, top + 1)

    def _close_networks(self) -> None:
        if self._networks is not None:
            self._gpu.stream.sync()
            self._networks.close()
            self._networks = None
