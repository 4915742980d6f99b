"""The part of a person that no photo shows, drawn by diffusion (Sec. 3.4, Eq. 6)."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.inpainting.filler import DiffusionFiller
from dinar.trainer.inpainting.models import InpaintingModels
from dinar.trainer.inpainting.sampling import Sampler
from dinar.trainer.texture.merging import BodyTexture


@dataclass(frozen=True)
class CompleteOptions:
    """How to draw.

    Attributes:
        seed: another one gives another plausible person.
        sampler: see `Sampler`.
        steps: of denoising, 1 to 1000.
    """

    seed: int
    sampler: Sampler
    steps: int


def complete_texture(
    texture: BodyTexture, models: InpaintingModels, options: CompleteOptions, console: Console
) -> BodyTexture:
    """Complete a texture of one photo or several; what they show stays as it is.

    The same arguments give the same numbers, with the same number of threads.

    Args:
        texture: T of Eq. 2.
        models: that were trained for textures of this size.
        options: chance, sampler and steps.
        console: shows how far it is.

    Raises:
        DinarError: the texture has a size that the models cannot take.
    """
    with progress_bar(console) as bar:
        task = bar.add_task("drawing what no photo shows", total=options.steps)
        filler = DiffusionFiller(
            models.vqgan,
            models.denoiser,
            options.sampler,
            options.steps,
            progress=lambda done, _: bar.update(task, completed=done),
        )
        return filler.fill(texture, options.seed)
