"""Drawing one person's texture by the renderer network, in torch, and how near that is to photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from dinar.runtime.network_input import MULTIPLE
from dinar.trainer.create.person import SeenView
from dinar.trainer.metrics.quality import MeanQuality, join_quality, measure
from dinar.trainer.models.renderer import NeuralRenderer
from dinar.trainer.picture import Picture
from dinar.trainer.rasterize.rasterizer import BodyRaster, network_raster
from dinar.trainer.texture.merging import BodyTexture


@dataclass(frozen=True, eq=False)
class TextureTensors:
    """The texture T of Eq. 2 as `network_raster` takes it.

    Attributes:
        gen: float32 [1, 16, T, T], T_gen in [-1, 1].
        rgb: float32 [1, 3, T, T], T_rgb, sRGB in [0, 1].
        smp: float32 [1, 1, T, T], B_smp.
        fill: float32 [1, 1, T, T], B_fill.
    """

    gen: torch.Tensor
    rgb: torch.Tensor
    smp: torch.Tensor
    fill: torch.Tensor

    @classmethod
    def of(cls, texture: BodyTexture, device: torch.device) -> TextureTensors:
        """Copy a texture to a device."""
        return cls(
            _channels_first(texture.gen, device),
            _channels_first(texture.rgb, device),
            _channels_first(texture.sampled[..., None], device),
            _channels_first(texture.filled[..., None], device),
        )

    def draw(self, renderer: NeuralRenderer, raster: BodyRaster) -> Picture:
        """Eq. 3 for B views of the person."""
        gen, rgb, smp, fill = (
            values.expand(len(raster.uv), -1, -1, -1) for values in (self.gen, self.rgb, self.smp, self.fill)
        )
        return Picture.of_rgba(renderer(network_raster(gen, rgb, smp, fill, raster)))


@torch.no_grad()
def redraw(renderer: NeuralRenderer, texture: BodyTexture, seen: SeenView) -> tuple[Picture, Picture]:
    """Draw a view of the person.

    Args:
        renderer: in evaluation mode.
        texture: the person's.
        seen: the view.

    Returns:
        What was drawn, and what the photo shows there, [1, C, H, W] each, on the renderer's device: the whole
        view, down to multiples of 32 pixels.
    """
    device = device_of(renderer)
    height, width = (n // MULTIPLE * MULTIPLE for n in seen.view.mask.shape)
    part = np.s_[:height, :width]
    raster = BodyRaster(
        torch.from_numpy(np.ascontiguousarray(seen.body.uv[part]))[None].to(device),
        torch.from_numpy(np.ascontiguousarray(seen.body.coverage[part]))[None].to(device),
    )
    photo = Picture(
        _channels_first(seen.view.image[part], device) / 255,  # bytes => [0, 1]
        _channels_first(seen.view.mask[part][..., None], device) / 255,
    )
    return TextureTensors.of(texture, device).draw(renderer, raster), photo


def quality(renderer: NeuralRenderer, texture: BodyTexture, views: Sequence[SeenView]) -> MeanQuality:
    """How near the network's pictures are to one photo or more of the person, before grey; see `measure`."""
    grey = torch.full((1, 3, 1, 1), 0.5, device=device_of(renderer))
    each = []
    for seen in views:
        picture, photo = redraw(renderer, texture, seen)
        each.append(measure(picture, photo, grey))
    return join_quality(each).mean()


def device_of(network: nn.Module) -> torch.device:
    """Where a network's weights are."""
    return next(network.parameters()).device


def _channels_first(values: np.ndarray, device: torch.device) -> torch.Tensor:
    """[H, W, C] to a new float32 [1, C, H, W]."""
    return torch.from_numpy(np.array(values.transpose(2, 0, 1), np.float32, order="C"))[None].to(device)
