"""What the denoiser is told of a person: a partial texture's latents, and where photos show it (Sec. 3.3)."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from dinar.trainer.models.denoiser import Condition
from dinar.trainer.models.texture_batch import TextureBatch
from dinar.trainer.models.vqgan import TextureVqgan
from dinar.trainer.texture.merging import BodyTexture


@torch.no_grad()
def condition_of(vqgan: TextureVqgan, texture: TextureBatch) -> Condition:
    """T_c^j and b(B_fill^j) of partial textures (Sec. 3.3)."""
    partial = vqgan.encode(texture).float()
    fill = F.interpolate(
        texture.fill, partial.shape[2:], mode="bilinear", align_corners=False, antialias=True
    )
    return Condition(partial, fill)


def texture_tensors(texture: BodyTexture, device: torch.device) -> TextureBatch:
    """T as a batch of one."""

    def channels(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32)).permute(2, 0, 1)[None].to(device)

    return TextureBatch(
        gen=channels(texture.gen),
        rgb=channels(texture.rgb),
        smp=channels(texture.sampled[..., None]),
        fill=channels(texture.filled[..., None]),
    )
