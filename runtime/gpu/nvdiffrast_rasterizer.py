"""nvdiffrast as a rasterizer: another way to find which triangle is seen at each pixel.

It waits for the GPU at every picture, so that no graph can capture it, and it snaps vertices to a sixteenth
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
from dinar.runtime.gpu.networks.torch_network import torch_device

if TYPE_CHECKING:
    import torch

NEAR = 0.01
"""Nearest depth that is drawn, metres, as on the CPU."""


class NvdiffrastRasterizer:
    """Rasterizes pictures of one size of one mesh; everything is on torch's current stream."""

    def __init__(self, faces: np.ndarray, width: int, height: int, *, index: int = 0) -> None:
        """Upload the mesh.

        Args:
            faces: int32 [F, 3], vertex ids; both sides are drawn.
            width: columns of the pictures.
            height: rows of the pictures.
            index: which GPU.

        Raises:
            DinarError: torch or nvdiffrast is not installed, or torch has no CUDA.
        """
        self.device = torch_device(index)
        self._ops = import_nvdiffrast()
        import torch

        self._context = self._ops.RasterizeCudaContext(device=self.device)
        self._size = height, width
        self.faces = torch.from_numpy(np.array(faces, np.int32)).to(self.device)
        clip = clip_from_samples(width, height)
        self._clip_from_samples = torch.from_numpy(clip).to(self.device)

    def triangles(self, homogeneous: torch.Tensor) -> torch.Tensor:
        """Return int32 [N, H, W], the nearest triangle of each pixel, -1 for none.

        Args:
            homogeneous: float32 [N, V, 3], homogeneous pixels: (column * depth, row * depth, depth).
        """
        import torch

        # In double precision: in single precision torch may be told to use fewer digits than it takes.
        one = torch.nn.functional.pad(homogeneous.double(), (0, 1), value=1.0)
        return self.rasterize((one @ self._clip_from_samples.T).float())[..., 3].int() - 1

    def rasterize(self, clip: torch.Tensor) -> torch.Tensor:
        """Return nvdiffrast's own answer, float32 [N, H, W, 4]: two barycentrics, depth, triangle + 1 or 0.

        Args:
            clip: float32 [N, V, 4], vertices as `clip_from_samples` puts them.
        """
        answer: torch.Tensor = self._ops.rasterize(
            self._context, clip, self.faces, self._size, grad_db=False
        )[0]
        return answer


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
