"""Diffusion as a way to complete textures: Sec. 3.4, from the partial texture to the blend of Eq. 6."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from dinar.runtime.errors import DinarError
from dinar.trainer.inpainting.condition import condition_of, texture_tensors
from dinar.trainer.inpainting.examples import colours_by_example
from dinar.trainer.inpainting.models import InpaintingModels
from dinar.trainer.inpainting.sampling import Sampling, sample_latents
from dinar.trainer.models.denoiser import Condition
from dinar.trainer.models.texture_batch import TextureBatch
from dinar.trainer.models.vqgan import REDUCTION
from dinar.trainer.texture.filling import MirrorFiller
from dinar.trainer.texture.merging import BodyTexture
from dinar.trainer.texture.texel_surface import TexelSurface


class DiffusionFiller:
    """A `Filler`: what photos do not show is drawn by chance, one plausible texture for each seed."""

    name, chance = "diffusion", True

    def __init__(
        self,
        models: InpaintingModels,
        surface: TexelSurface,
        sampling: Sampling,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Keep the networks, in evaluation mode and on one device.

        Args:
            models: autoencoder and denoiser.
            surface: of the body and of the textures' size.
            sampling: how latents are drawn. Where it begins with a guess, that is the mirrored photo.
            progress: told how many steps of a texture are done, and of how many.
        """
        self._vqgan, self._denoiser = models.vqgan, models.denoiser
        self._surface, self._mirror = surface, MirrorFiller(surface)
        self._sampling, self._progress = sampling, progress
        self._begin = functools.lru_cache(maxsize=1)(self._encoded)  # one texture, several seeds

    def fill(self, texture: BodyTexture, seed: int) -> BodyTexture:
        """See `Filler`."""
        multiple = REDUCTION * self._denoiser.config.multiple
        if len(texture.filled) % multiple:
            raise DinarError(
                f"inpainting needs textures with sides that are multiples of {multiple}, "
                f"not {len(texture.filled)}"
            )
        condition, guess = self._begin(texture)
        chance = torch.Generator().manual_seed(seed)
        latents = sample_latents(self._denoiser, condition, self._sampling, chance, guess, self._progress)
        with torch.no_grad():
            restored = self._vqgan.decode(latents).texture
        return blend(texture, restored, self._surface)

    def _encoded(self, texture: BodyTexture) -> tuple[Condition, torch.Tensor | None]:
        """What the photo shows, and the guess to begin with, if there is one."""
        device = self._denoiser.centre.device
        condition = condition_of(self._vqgan, texture_tensors(texture, device))
        if self._sampling.strength == 1:
            return condition, None
        mirrored = texture_tensors(self._mirror.fill(texture), device)
        return condition, condition_of(self._vqgan, mirrored).partial


def blend(texture: BodyTexture, restored: TextureBatch, surface: TexelSurface) -> BodyTexture:
    """Keep what photos show, take the rest from the restored texture (Eq. 6), in the photos' own colours.

    Args:
        texture: T^j, side x side texels.
        restored: T_res, a batch of one, of the same size.
        surface: likewise.

    Returns:
        T; everything that T_res holds to be known is `sampled` and `filled` besides. `facing` stays.
    """
    known = texture.filled[..., None]
    gen, rgb = (t[0].permute(1, 2, 0).numpy(force=True) for t in (restored.gen, restored.rgb))
    rgb = colours_by_example(rgb, texture, surface)
    smp, fill = (t[0, 0].numpy(force=True) >= 0.5 for t in (restored.smp, restored.fill))
    return replace(
        texture,
        gen=np.where(known, texture.gen, gen),
        rgb=np.where(known, texture.rgb, rgb),
        sampled=np.where(texture.filled, texture.sampled, smp),
        filled=texture.filled | fill,
    )
