"""Diffusion as a way to complete textures: Sec. 3.4, from the partial texture to the blend of Eq. 6."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from dinar.runtime.errors import DinarError
from dinar.trainer.inpainting.condition import condition_of, texture_tensors
from dinar.trainer.inpainting.hues import hues_as_shown
from dinar.trainer.inpainting.sampling import Sampler, sample_latents
from dinar.trainer.models.denoiser import Denoiser
from dinar.trainer.models.texture_batch import TextureBatch
from dinar.trainer.models.vqgan import REDUCTION, TextureVqgan
from dinar.trainer.texture.merging import BodyTexture


class DiffusionFiller:
    """A `Filler`: what photos do not show is drawn by chance, one plausible texture for each seed."""

    name, chance = "diffusion", True

    def __init__(
        self,
        vqgan: TextureVqgan,
        denoiser: Denoiser,
        sampler: Sampler,
        steps: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Keep the networks, in evaluation mode and on one device.

        Args:
            vqgan: the autoencoder that the denoiser was trained with.
            denoiser: of its latents.
            sampler: see `Sampler`.
            steps: M of Sec. 3.4.
            progress: told how many steps of a texture are done, and of how many.
        """
        self._vqgan, self._denoiser = vqgan, denoiser
        self._sampler, self._steps, self._progress = sampler, steps, progress

    def fill(self, texture: BodyTexture, seed: int) -> BodyTexture:
        """See `Filler`."""
        multiple = REDUCTION * self._denoiser.config.multiple
        if len(texture.filled) % multiple:
            raise DinarError(
                f"inpainting needs textures with sides that are multiples of {multiple}, "
                f"not {len(texture.filled)}"
            )
        given = texture_tensors(texture, self._denoiser.centre.device)
        condition = condition_of(self._vqgan, given)
        chance = torch.Generator().manual_seed(seed)
        latents = sample_latents(
            self._denoiser, condition, self._sampler, self._steps, chance, self._progress
        )
        with torch.no_grad():
            restored = self._vqgan.decode(latents).texture
        return blend(texture, restored)


def blend(texture: BodyTexture, restored: TextureBatch) -> BodyTexture:
    """Keep what the photos show, take the rest from the restored texture (Eq. 6), in hues that photos show.

    Args:
        texture: T^j, side x side texels.
        restored: T_res, a batch of one, of the same size.

    Returns:
        T; everything that T_res holds to be known is `sampled` and `filled` besides. `facing` stays.
    """
    known = texture.filled[..., None]
    gen, rgb = (t[0].permute(1, 2, 0).numpy(force=True) for t in (restored.gen, restored.rgb))
    rgb = hues_as_shown(rgb, texture.rgb, texture.filled)
    smp, fill = (t[0, 0].numpy(force=True) >= 0.5 for t in (restored.smp, restored.fill))
    return replace(
        texture,
        gen=np.where(known, texture.gen, gen),
        rgb=np.where(known, texture.rgb, rgb),
        sampled=np.where(texture.filled, texture.sampled, smp),
        filled=texture.filled | fill,
    )
