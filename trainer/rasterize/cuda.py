"""The bodies of a batch of views through nvdiffrast (Laine et al. 2020), for training on a GPU.

nvdiffrast follows OpenGL: clip space, rows from the bottom, triangle ids from 1. Our row 0 is put at y = -1,
where nvdiffrast has its row 0, so that nothing has to be turned over. It is imported when a rasterizer is
opened, and does not come along with this package: its licence is non-commercial.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch

from dinar.runtime.body import Body
from dinar.runtime.camera import projection_matrix
from dinar.trainer.data.dataset.batch import ViewBatch
from dinar.trainer.rasterize.body_poser import BodyPoser
from dinar.trainer.rasterize.rasterizer import BodyRaster, view_parameters

_NEAR, _FAR = 0.01, 1000.0  # metres; the near plane is the runtime's


class CudaBodyRasterizer:
    """nvdiffrast's rasterizer, on one GPU. Not thread-safe."""

    name = "nvdiffrast, on the GPU"

    def __init__(self, body: Body, device: torch.device) -> None:
        """Prepare the body on a CUDA device."""
        self._nvdiffrast: Any = importlib.import_module("nvdiffrast.torch")
        self._context = self._nvdiffrast.RasterizeCudaContext(device)
        self._poser, self._device = BodyPoser(body), device
        self._faces, self._uv_faces, self._uv = (
            torch.from_numpy(np.ascontiguousarray(a)).to(device) for a in (body.faces, body.uv_faces, body.uv)
        )

    def __call__(self, views: ViewBatch) -> BodyRaster:
        """See `BodyRasterizer`."""
        seen = [self._draw(views, n) for n in range(len(views))]
        return BodyRaster(torch.cat([uv for uv, _ in seen]), torch.cat([covered for _, covered in seen]))

    def _draw(self, views: ViewBatch, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw the fronts of one view's faces: uv [1, H, W, 2], coverage [1, H, W]."""
        betas, pose, camera = view_parameters(views, n)
        vertices = self._poser(betas, pose).astype(np.float64)
        matrix = projection_matrix(camera)
        homogeneous = torch.from_numpy(vertices @ matrix[:, :3].T + matrix[:, 3]).to(self._device)  # float64
        front = front_faces(homogeneous, self._faces)
        clip = clip_space(homogeneous, camera.width, camera.height)[None]
        size = [camera.height, camera.width]
        raster, _ = self._nvdiffrast.rasterize(self._context, clip, self._faces[front], size)
        uv, _ = self._nvdiffrast.interpolate(self._uv[None], raster, self._uv_faces[front])
        covered = raster[..., 3] > 0
        return uv.clamp(0, 1) * covered[..., None], covered


def clip_space(homogeneous: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Bring homogeneous pixels into nvdiffrast's clip space.

    Args:
        homogeneous: float64 [V, 3], (column * depth, row * depth, depth), pixel centres at .5, metres.
        width: columns of the picture.
        height: rows.

    Returns:
        float32 [V, 4]; x / w = -1 and 1 at the left and right border, y / w = -1 at row 0, 1 at the last.
    """
    column, row, depth = homogeneous.unbind(1)
    x, y = 2 * column / width - depth, 2 * row / height - depth
    z = ((_FAR + _NEAR) * depth - 2 * _FAR * _NEAR) / (_FAR - _NEAR)  # z / w from -1, near, to 1, far
    return torch.stack([x, y, z, depth], 1).float().contiguous()


def front_faces(homogeneous: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """Whether each face int [F, 3] shows its front, corners behind the camera or not: bool [F]."""
    a, b, c = homogeneous[faces.long()].unbind(1)
    return (a * torch.linalg.cross(b, c)).sum(1) < 0
