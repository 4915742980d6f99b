"""The segmentation loss through nvdiffrast (Laine et al. 2020): its antialiasing has gradients for vertices.

nvdiffrast is imported when the loss is opened; it does not come along (see `trainer.rasterize_cuda`).
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch

from dinar.runtime.camera import projection_matrix
from dinar.trainer.fit.silhouette import Target, tversky_loss
from dinar.trainer.rasterize.cuda import clip_space


class CudaSilhouette:
    """The loss on one GPU. Not thread-safe."""

    def __init__(self, faces: np.ndarray, target: Target, device: torch.device) -> None:
        """Prepare a mesh of int [F, 3] faces on a CUDA device."""
        self._nvdiffrast: Any = importlib.import_module("nvdiffrast.torch")
        self._context = self._nvdiffrast.RasterizeCudaContext(device)
        self._faces = torch.from_numpy(np.ascontiguousarray(faces, np.int32)).to(device)
        self._mask = torch.from_numpy(target.mask).to(device)
        self._projection = torch.from_numpy(projection_matrix(target.camera)).to(device)
        self._device = device

    def __call__(self, vertices: torch.Tensor) -> torch.Tensor:
        """See `SilhouetteLoss`; the vertices may be on another device."""
        height, width = self._mask.shape
        seen = vertices.to(self._device).double() @ self._projection[:, :3].T + self._projection[:, 3]
        clip = clip_space(seen, width, height)[None]
        raster, _ = self._nvdiffrast.rasterize(self._context, clip, self._faces, [height, width])
        covered = (raster[..., 3:] > 0).float()
        smooth = self._nvdiffrast.antialias(covered, raster, clip, self._faces)
        return tversky_loss(smooth[0, ..., 0], self._mask).to(vertices.device, vertices.dtype)
