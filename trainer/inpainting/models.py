"""The inpainting models that a run holds beside encoder, generator and renderer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from dinar.runtime.errors import DinarError
from dinar.trainer.models.denoiser import DENOISER, Denoiser, load_denoiser
from dinar.trainer.models.vqgan import VQGAN, TextureVqgan, load_vqgan


@dataclass(frozen=True, eq=False)
class InpaintingModels:
    """What completes textures.

    Attributes:
        vqgan: the autoencoder, in evaluation mode.
        denoiser: of its latents, in evaluation mode.
    """

    vqgan: TextureVqgan
    denoiser: Denoiser

    def to(self, device: torch.device) -> InpaintingModels:
        """The same on a device."""
        return InpaintingModels(self.vqgan.to(device), self.denoiser.to(device))


def find_inpainting_models(run: Path) -> InpaintingModels | None:
    """Load the models of a run's folder; None: there are none, or `run` is no folder.

    Raises:
        DinarError: a file is damaged; the two do not belong together; diffusers is missing.
    """
    if not (run / DENOISER).is_file():
        return None
    models = InpaintingModels(load_vqgan(run / VQGAN), load_denoiser(run / DENOISER))
    sizes = models.vqgan.config.code_size, models.denoiser.config.code_size
    if sizes[0] != sizes[1]:
        raise DinarError(
            f"{run}: {DENOISER} is for latents of {sizes[1]} channels, {VQGAN} makes {sizes[0]}: name the "
            "folder of one run of `dinar train diffusion`"
        )
    return models
