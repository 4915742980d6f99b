"""A frame on a GPU as it is usually done: `smplx`, nvdiffrast, and a renderer in torch in half precision.

From a pose to RGBA, each step a library call: the body posed, projected and rasterized, texture coordinates
interpolated, the texture sampled for the whole picture, the network run on all of it, bytes made of that. It
shows the bare body; in `rgb`, where there is no network, the texture's colours with hard edges.

Where nvdiffrast is not installed, `PartialFrame` does the rest: less than the usual way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from dinar.runtime.avatar import Avatar
from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera, projection_matrix
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.nvdiffrast_rasterizer import clip_from_samples, import_nvdiffrast
from dinar.runtime.network_input import CHANNELS, GEN_CHANNELS, MULTIPLE
from dinar.runtime.prepare.neural_texture import make_neural_texture
from dinar.trainer.models.renderer import NeuralRenderer
from dinar.trainer.peers.smplx_body import SmplxBody

NEAR = 0.1
"""Nearest depth that is drawn, metres: nvdiffrast tells depths apart the better the farther it is."""


class _Frame:
    """What becomes of pixels, and where."""

    def __init__(
        self, network: NeuralRenderer | None, size: int, device: torch.device, compiled: bool
    ) -> None:
        if size % MULTIPLE:
            raise DinarError(f"a network draws whole pictures of multiples of {MULTIPLE} pixels, not {size}")
        self._device = device
        self._network = half_network(network, device) if network is not None else None
        self._draw: Callable[[torch.Tensor], torch.Tensor] = self._picture
        if compiled:
            self._draw = torch.compile(self._picture, mode="reduce-overhead", dynamic=False)

    def _picture(self, pixels: torch.Tensor) -> torch.Tensor:
        return to_bytes(pixels if self._network is None else run_network(self._network, pixels))

    def _sent(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._device)


class UsualFrame(_Frame):
    """Draws pictures of one avatar of one size on torch's current stream."""

    def __init__(
        self,
        avatar: Avatar,
        network: NeuralRenderer | None,
        size: int,
        device: torch.device,
        *,
        compiled: bool,
    ) -> None:
        """Upload the avatar.

        Args:
            avatar: is drawn, without its shell.
            network: draws it; None: the texture's colours.
            size: width and height of the pictures, a multiple of 32.
            device: a CUDA device.
            compiled: let torch compile what follows sampling, and run that as a graph.

        Raises:
            DinarError: smplx, nvdiffrast or CUDA is not there, or the avatar or the size does not fit.
        """
        super().__init__(network, size, device, compiled)
        self._ops = import_nvdiffrast()
        self._context, self._resolution = self._ops.RasterizeCudaContext(device=device), (size, size)
        self._body = SmplxBody(avatar, device)
        self._uv = self._sent(avatar.body.uv)[None]
        self._faces = self._sent(avatar.body.faces.astype(np.int32))
        self._uv_faces = self._sent(avatar.body.uv_faces.astype(np.int32))
        self._textures = [self._sent(texture)[None] for texture in textures(avatar, network is not None)]

    def render(self, pose: Pose, camera: Camera) -> torch.Tensor:
        """Start drawing; returns uint8 [1, size, size, 4], which the next call may use again."""
        with torch.no_grad():
            matrix = self._sent(clip_matrix(camera))
            vertices = torch.nn.functional.pad(self._body.vertices(pose), (0, 1), value=1.0)
            seen, _ = self._ops.rasterize(self._context, vertices @ matrix.T, self._faces, self._resolution)
            uv, _ = self._ops.interpolate(self._uv, seen, self._uv_faces)
            sampled = [self._sample(texture, uv) for texture in self._textures]
            covered = (seen[..., 3:] > 0).float()
            pixels = with_alpha(sampled[0]) if self._network is None else raster(sampled)
            return self._draw(covered * pixels)

    def _sample(self, texture: torch.Tensor, uv: torch.Tensor) -> torch.Tensor:
        """Sample float32 [1, Ht, Wt, C] at [1, H, W, 2]; v is down, as are nvdiffrast's rows."""
        sampled: torch.Tensor = self._ops.texture(texture, uv, filter_mode="linear", boundary_mode="clamp")
        return sampled


class PartialFrame(_Frame):
    """Poses the body as usual, then makes the same picture of pixels that never change."""

    def __init__(
        self,
        avatar: Avatar,
        network: NeuralRenderer | None,
        size: int,
        device: torch.device,
        *,
        compiled: bool,
    ) -> None:
        """Load the body; arguments and errors are those of `UsualFrame`, but for nvdiffrast."""
        super().__init__(network, size, device, compiled)
        self._body = SmplxBody(avatar, device)
        channels = 4 if network is None else CHANNELS
        self._pixels = torch.rand((1, size, size, channels), generator=torch.Generator().manual_seed(0))
        self._pixels = self._pixels.to(device)

    def render(self, pose: Pose, camera: Camera) -> torch.Tensor:
        """Start drawing; returns uint8 [1, size, size, 4], which the next call may use again."""
        with torch.no_grad():
            matrix = self._sent(clip_matrix(camera))
            vertices = torch.nn.functional.pad(self._body.vertices(pose), (0, 1), value=1.0)
            torch.matmul(vertices, matrix.T)
            return self._draw(self._pixels)


def textures(avatar: Avatar, neural: bool) -> list[np.ndarray]:
    """Return what is sampled, float32 [Ht, Wt, C] each, in [0, 1].

    For a network all 22 channels and, where their size is another, the colours again; else the colours.
    """
    if not neural:
        return [avatar.texture.rgb.astype(np.float32) / 255]
    texture = make_neural_texture(avatar.texture)
    found = [texture.texels[..., :CHANNELS]]
    if texture.rgb.size:
        found.append(texture.rgb[..., :3])
    return [texels.astype(np.float32) / 255 for texels in found]


def half_network(network: NeuralRenderer, device: torch.device) -> NeuralRenderer:
    """Return a network in half precision on a device, its channels last."""
    half: Any = network.eval().requires_grad_(False).to(device=device, dtype=torch.float16)
    moved: NeuralRenderer = half.to(memory_format=torch.channels_last)
    return moved


def clip_matrix(camera: Camera) -> np.ndarray:
    """Return float32 [4, 4], world metres => nvdiffrast's clip space; its first row of pixels is the top."""
    world = np.vstack([projection_matrix(camera), [0, 0, 0, 1]])
    return (clip_from_samples(camera.width, camera.height, NEAR) @ world).astype(np.float32)


def raster(sampled: list[torch.Tensor]) -> torch.Tensor:
    """Put what was sampled in the network's order, [1, H, W, 22]: colours of their own replace the others."""
    if len(sampled) == 1:
        return sampled[0]
    channels, colours = sampled
    behind = channels[..., GEN_CHANNELS + 3 :]
    return torch.cat([channels[..., :GEN_CHANNELS], colours, behind], dim=3)


def with_alpha(colours: torch.Tensor) -> torch.Tensor:
    """Colours [..., 3] as opaque ones [..., 4]."""
    return torch.nn.functional.pad(colours, (0, 1), value=1.0)


def run_network(network: NeuralRenderer, pixels: torch.Tensor) -> torch.Tensor:
    """Draw float32 [1, H, W, 4] from float32 [1, H, W, 22], channels last in memory as well."""
    drawn: torch.Tensor = network(pixels.half().permute(0, 3, 1, 2))
    return drawn.permute(0, 2, 3, 1).float()


def to_bytes(picture: torch.Tensor) -> torch.Tensor:
    """RGBA in [0, 1] to uint8, contiguous; what is transparent is 0 altogether."""
    rgba = torch.round(255 * picture).to(torch.uint8)
    return torch.where(rgba[..., 3:] > 0, rgba, 0).contiguous()
