"""nvdiffrast as a rasterizer: another way to find which triangle is seen at each pixel.

It waits for the GPU in every picture, so that no graph can capture it, and it snaps vertices to a sixteenth
of a pixel where ours takes a 256th: pixels at the edges of triangles may differ. nvdiffrast is no part of any
installation: its licence allows research and evaluation only.

torch and nvdiffrast are imported when a rasterizer is opened, never before.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.memory import DeviceArray
from dinar.runtime.gpu.networks.torch_network import cuda_errors_named, torch_device

if TYPE_CHECKING:
    import torch

NEAR = 0.01
"""Nearest depth that is drawn, metres, as on the CPU."""


class NvdiffrastRasterizer:
    """Rasterizes one mesh; see `Filler`."""

    def __init__(self, faces: np.ndarray, cull: np.ndarray, *, index: int) -> None:
        """Upload the mesh.

        Args:
            faces: int32 [F, 3], vertex ids.
            cull: bool [F], faces that are not drawn when they show their back.
            index: which GPU.

        Raises:
            DinarError: torch or nvdiffrast is not installed, or torch has no CUDA.
        """
        self._device = torch_device(index)
        self._ops = import_nvdiffrast()
        import torch

        self._context = self._ops.RasterizeCudaContext(device=self._device)
        self._faces = torch.from_numpy(np.array(faces, np.int32)).to(self._device)
        self._cull = torch.from_numpy(np.array(cull, np.bool_)).to(self._device)

    def fill(self, stream: int, homogeneous: DeviceArray, keys: DeviceArray) -> None:
        """See `Filler`."""
        import torch

        external = torch.cuda.ExternalStream(stream, device=self._device)
        with cuda_errors_named(), torch.cuda.stream(external), torch.no_grad():
            points = torch.as_tensor(homogeneous, device=self._device)
            found = torch.as_tensor(_SignedKeys(keys), device=self._device)
            found.copy_(to_keys(self.triangles(points, keys.shape[1], keys.shape[2])))

    def triangles(self, homogeneous: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Return int32 [N, height, width], the nearest triangle of each pixel, -1 for none.

        On torch's current stream. N pictures are N draws: each leaves out other faces.

        Args:
            homogeneous: float32 [N, V, 3], homogeneous pixels: (column * depth, row * depth, depth).
            height: rows of the pictures.
            width: columns of the pictures.
        """
        import torch

        clip = torch.from_numpy(clip_from_samples(width, height)).to(self._device)
        pictures = []
        for points in homogeneous.double():
            shown = shown_faces(points, self._faces, self._cull)  # waits: how many are they?
            picture = torch.full((height, width), -1, dtype=torch.int32, device=self._device)
            if len(shown):
                # In double precision: torch may have been told to be lax with single precision.
                vertices = torch.nn.functional.pad(points, (0, 1), value=1.0) @ clip.T
                faces = self._faces[shown].contiguous()
                drawn, _ = self._ops.rasterize(self._context, vertices.float()[None], faces, (height, width))
                seen = drawn[0, ..., 3].long()  # counted from 1, 0 for none
                picture = torch.where(seen > 0, shown.int()[(seen - 1).clamp(min=0)], picture)
            pictures.append(picture)
        return torch.stack(pictures)


class _SignedKeys:
    """Keys as signed integers, the only ones of 64 bits that torch computes with."""

    def __init__(self, keys: DeviceArray) -> None:
        self.__cuda_array_interface__ = keys.__cuda_array_interface__ | {"typestr": "<i8"}


def shown_faces(homogeneous: torch.Tensor, faces: torch.Tensor, cull: torch.Tensor) -> torch.Tensor:
    """Return which faces are drawn, int64 [S], ascending: all but those culled that show their backs.

    Args:
        homogeneous: float64 [V, 3], homogeneous pixels.
        faces: int32 [F, 3].
        cull: bool [F].
    """
    import torch

    a, b, c = homogeneous[faces.long()].unbind(1)
    # the sign of the doubled area (`dinar.runtime.cpu.rasterize`), for corners behind the camera as well
    back = (a * torch.linalg.cross(b, c)).sum(dim=1) > 0
    return torch.nonzero(~(back & cull))[:, 0]


def to_keys(triangles: torch.Tensor) -> torch.Tensor:
    """Return int64 keys of triangles int32, -1 for none: 1 above the bits of ~triangle; 0 for none."""
    import torch

    ids = triangles.long()
    return torch.where(ids < 0, 0, (1 << 32) | (0xFFFFFFFF - ids))


def import_nvdiffrast() -> ModuleType:
    """Import nvdiffrast's operators for torch; raises DinarError where it is not installed."""
    try:
        return importlib.import_module("nvdiffrast.torch")
    except (ImportError, OSError) as error:
        raise DinarError(
            "nvdiffrast is not installed: pip install --no-build-isolation "
            "git+https://github.com/NVlabs/nvdiffrast"
        ) from error


def clip_from_samples(width: int, height: int, near: float = NEAR) -> np.ndarray:
    """Return float64 [4, 4]: homogeneous pixels (column * depth, row * depth, depth, 1) => clip space.

    In clip space x / w from -1 to 1 are columns 0 to `width`; y / w from -1 to 1 are rows 0 to `height`:
    nvdiffrast writes y = -1 first, as we write the top row. z / w is -1 at `near` and 1 at infinity:
    there is no far plane. w is the depth, metres.
    """
    return np.array(
        [
            [2 / width, 0, -1, 0],
            [0, 2 / height, -1, 0],
            [0, 0, 1, -2 * near],
            [0, 0, 1, 0],
        ]
    )
