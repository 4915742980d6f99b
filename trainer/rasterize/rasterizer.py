"""The rasterizer R of Eq. 3, differentiable with respect to the texture: T and a view => the network's input.

Which texel is seen at each pixel does not depend on anything that is trained, so it is found once for each
view (`BodyRaster`), by the runtime's rasterizer or by nvdiffrast; gradients go through the sampling of the
texture there. Conventions are the runtime's (`runtime.cpu.sample`, `runtime.network_input`).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numba import njit, prange
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from dinar.runtime.body import Body, Pose
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.attributes import interpolate
from dinar.runtime.cpu.rasterize import Rasterizer
from dinar.runtime.cpu.sample import sample, texel_pair
from dinar.runtime.network_input import GEN_CHANNELS
from dinar.runtime.prepare.faces import gather_corner_uv
from dinar.trainer.data.dataset.batch import ViewBatch
from dinar.trainer.rasterize.body_poser import BodyPoser


@dataclass(frozen=True, eq=False)
class BodyRaster:
    """Which texel of the bare body is seen at each pixel of B views.

    Attributes:
        uv: float32 [B, H, W, 2], texture coordinates in [0, 1], v down, 0 where the body is not seen.
        coverage: bool [B, H, W], where it is.
    """

    uv: torch.Tensor
    coverage: torch.Tensor


class BodyRasterizer(Protocol):
    """Rasterizes the bare bodies of a batch of views."""

    name: str

    def __call__(self, views: ViewBatch) -> BodyRaster:
        """See the bodies of B views as their cameras do; on the rasterizer's device.

        Raises ValueError: parameters that do not fit the body.
        """
        ...


def uses_nvdiffrast(device: torch.device) -> bool:
    """Whether bodies are rasterized by nvdiffrast: on CUDA devices, where it is installed."""
    return device.type == "cuda" and importlib.util.find_spec("nvdiffrast") is not None


def open_rasterizer(body: Body, device: torch.device) -> BodyRasterizer:
    """Return nvdiffrast's where it is used, else the runtime's: the same within a texel."""
    if uses_nvdiffrast(device):
        from dinar.trainer.rasterize.cuda import CudaBodyRasterizer

        return CudaBodyRasterizer(body, device)
    return CpuBodyRasterizer(body, device)


class CpuBodyRasterizer:
    """The runtime's rasterizer. Not thread-safe."""

    name = "the runtime's, on the processor"

    def __init__(self, body: Body, device: torch.device | str = "cpu") -> None:
        """Prepare the body; `device` is where rasters go."""
        self._poser, self._device = BodyPoser(body), device
        self._corner_uv = gather_corner_uv(body.uv, body.uv_faces, len(body.faces))
        self._rasterizer: Rasterizer | None = None
        self._size = (0, 0)

    def __call__(self, views: ViewBatch) -> BodyRaster:
        """See `BodyRasterizer`."""
        uv = np.zeros((*views.mask.shape, 2), np.float32)
        barycentric = np.empty((*views.mask.shape[1:], 3), np.float32)  # scratch
        coverage = np.zeros(views.mask.shape, bool)
        rasterizer = self._sized(*views.mask.shape[1:])
        for n in range(len(views)):
            betas, pose, camera = view_parameters(views, n)
            seen = rasterizer.draw(self._poser(betas, pose), [camera])
            interpolate(
                seen.triangle[0],
                seen.bbox[0],
                rasterizer.faces,
                seen.homogeneous[0],
                self._corner_uv,
                barycentric,
                uv[n],
            )
            coverage[n] = seen.triangle[0] >= 0
        return BodyRaster(torch.from_numpy(uv).to(self._device), torch.from_numpy(coverage).to(self._device))

    def _sized(self, height: int, width: int) -> Rasterizer:
        if self._rasterizer is None or self._size != (height, width):
            body = self._poser.body
            self._rasterizer = Rasterizer(body.faces, len(body.v_template), width, height)
            self._size = height, width
        return self._rasterizer


def view_parameters(views: ViewBatch, n: int) -> tuple[np.ndarray, Pose, Camera]:
    """Betas, pose and camera of one view of a batch, on the host."""
    height, width = views.mask.shape[1:]
    pose = Pose(*(t[n].numpy(force=True) for t in (views.rotations, views.translation, views.expression)))
    camera = Camera(views.T_camera_world[n].numpy(force=True), views.K[n].numpy(force=True), width, height)
    return views.betas[n].numpy(force=True), pose, camera


# --- Sampling ---------------------------------------------------------------------------------------


def network_raster(
    gen: torch.Tensor, rgb: torch.Tensor, smp: torch.Tensor, fill: torch.Tensor, raster: BodyRaster
) -> torch.Tensor:
    """Rasterize the texture T of Eq. 2: what the renderer network is given, as the runtime will give it.

    Args:
        gen: float [B, 16, Ht, Wt], T_gen in [-1, 1].
        rgb: float [B, 3, Hr, Wr], T_rgb, sRGB in [0, 1]; may have a size of its own.
        smp: float [B, 1, Ht, Wt], B_smp in [0, 1].
        fill: float [B, 1, Ht, Wt], B_fill in [0, 1].
        raster: of B views.

    Returns:
        float32 [B, 22, H, W] in [0, 1], channels in the order of `network_input.RASTER_CHANNELS`; 0 where
        the body is not seen.
    """
    gen = 0.5 * (1 + gen)  # [-1, 1] => [0, 1]
    if rgb.shape[2:] == gen.shape[2:]:
        sampled = sample_texture(torch.cat([gen, rgb, smp, fill], 1), raster)
    else:
        rest = sample_texture(torch.cat([gen, smp, fill], 1), raster)
        sampled = torch.cat([rest[:, :GEN_CHANNELS], sample_texture(rgb, raster), rest[:, GEN_CHANNELS:]], 1)
    return torch.cat([sampled, raster.coverage[:, None].to(sampled.dtype)], 1)


def sample_texture(texture: torch.Tensor, raster: BodyRaster) -> torch.Tensor:
    """Sample textures bilinearly where the body is seen; beyond the outermost texels' centres they go on.

    Args:
        texture: float [B, C, Ht, Wt].
        raster: of B views.

    Returns:
        float32 [B, C, H, W], 0 where the body is not seen. Gradients go to the texture alone.
    """
    if len(texture) != len(raster.uv):
        raise ValueError(f"expected a texture for each of {len(raster.uv)} views, not {len(texture)}")
    if texture.device.type == "cpu":
        sampled: torch.Tensor = _Sample.apply(texture.float(), raster.uv, raster.coverage)
        return sampled
    return sample_plainly(texture, raster)


def sample_plainly(texture: torch.Tensor, raster: BodyRaster) -> torch.Tensor:
    """Do the same by torch's own sampling, at all pixels: for GPUs; processors take many times longer."""
    with torch.autocast(texture.device.type, enabled=False):
        sampled = F.grid_sample(
            texture.float(), 2 * raster.uv - 1, padding_mode="border", align_corners=False
        )
    return sampled * raster.coverage[:, None]


class _Sample(torch.autograd.Function):
    """The runtime's `sample` and its transpose, on the processor: at covered pixels alone."""

    @staticmethod
    def forward(ctx: Any, texture: torch.Tensor, uv: torch.Tensor, coverage: torch.Tensor) -> torch.Tensor:
        texels = texture.permute(0, 2, 3, 1).contiguous().numpy(force=True)  # [B, Ht, Wt, C]
        ctx.save_for_backward(uv, coverage)
        ctx.shape = texels.shape
        covered = coverage.numpy().view(np.uint8)
        out = np.empty((*covered.shape, texels.shape[3]), np.float32)
        for n in range(len(texels)):
            sample(texels[n], uv[n].numpy(), covered[n], out[n])
        return torch.from_numpy(out).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        uv, coverage = ctx.saved_tensors
        texels = np.zeros(ctx.shape, np.float32)
        pixels = gradient.float().permute(0, 2, 3, 1).contiguous()  # [B, H, W, C]
        _scatter(pixels.numpy(), uv.contiguous().numpy(), coverage.contiguous().numpy(), texels)
        return torch.from_numpy(texels).permute(0, 3, 1, 2), None, None


@njit(cache=True, nogil=True, parallel=True)
def _scatter(pixels: np.ndarray, uv: np.ndarray, coverage: np.ndarray, texels: np.ndarray) -> None:
    """Add each covered pixel to the four texels that it was mixed from: the transpose of `sample`.

    A view is summed by one thread, row by row: the same sums whatever the number of threads.

    Args:
        pixels: float32 [B, H, W, C].
        uv: float32 [B, H, W, 2].
        coverage: bool [B, H, W].
        texels: float32 [B, Ht, Wt, C], added to.
    """
    one, channels = np.float32(1.0), pixels.shape[3]
    for n in prange(len(pixels)):
        for row in range(coverage.shape[1]):
            for column in range(coverage.shape[2]):
                if not coverage[n, row, column]:
                    continue
                left, right, across = texel_pair(uv[n, row, column, 0], texels.shape[2])
                top, bottom, down = texel_pair(uv[n, row, column, 1], texels.shape[1])
                weight_00, weight_01 = (one - across) * (one - down), across * (one - down)
                weight_10, weight_11 = (one - across) * down, across * down
                for c in range(channels):
                    value = pixels[n, row, column, c]
                    texels[n, top, left, c] += weight_00 * value
                    texels[n, top, right, c] += weight_01 * value
                    texels[n, bottom, left, c] += weight_10 * value
                    texels[n, bottom, right, c] += weight_11 * value
