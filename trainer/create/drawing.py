"""Drawing one person's texture by the renderer network, in torch, and how near that is to photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dinar.runtime.network_input import MULTIPLE
from dinar.trainer.create.person import SeenView
from dinar.trainer.metrics import MeanQuality, join_quality, measure
from dinar.trainer.models.renderer import NeuralRenderer
from dinar.trainer.picture import Picture
from dinar.trainer.rasterize import BodyRaster, network_raster
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
    def of(cls, texture: BodyTexture) -> TextureTensors:
        """Copy a texture."""
        return cls(
            _channels_first(texture.gen),
            _channels_first(texture.rgb),
            _channels_first(texture.sampled[..., None]),
            _channels_first(texture.filled[..., None]),
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
        What was drawn, and what the photo shows there, [1, C, H, W] each: the whole view, down to multiples
        of 32 pixels.
    """
    height, width = (n // MULTIPLE * MULTIPLE for n in seen.view.mask.shape)
    part = np.s_[:height, :width]
    raster = BodyRaster(
        torch.from_numpy(np.ascontiguousarray(seen.body.uv[part]))[None],
        torch.from_numpy(np.ascontiguousarray(seen.body.coverage[part]))[None],
    )
    photo = Picture(
        _channels_first(seen.view.image[part]) / 255,  # bytes => [0, 1]
        _channels_first(seen.view.mask[part][..., None]) / 255,
    )
    return TextureTensors.of(texture).draw(renderer, raster), photo


def quality(renderer: NeuralRenderer, texture: BodyTexture, views: Sequence[SeenView]) -> MeanQuality:
    """How near the network's pictures are to one photo or more of the person, before grey; see `measure`."""
    grey = torch.full((1, 3, 1, 1), 0.5)
    each = []
    for seen in views:
        picture, photo = redraw(renderer, texture, seen)
        each.append(measure(picture, photo, grey))
    return join_quality(each).mean()


def _channels_first(values: np.ndarray) -> torch.Tensor:
    """[H, W, C] to a new float32 [1, C, H, W]."""
    return torch.from_numpy(np.array(values.transpose(2, 0, 1), np.float32, order="C"))[None]
