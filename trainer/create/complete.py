"""The part of a person that no photo shows, drawn by diffusion (Sec. 3.4, Eq. 6)."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from dinar.runtime.body import Body
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.inpainting.filler import DiffusionFiller
from dinar.trainer.inpainting.models import InpaintingModels
from dinar.trainer.inpainting.sampling import Sampling
from dinar.trainer.texture.merging import BodyTexture
from dinar.trainer.texture.texel_surface import texel_surface


@dataclass(frozen=True)
class CompleteOptions:
    """How to draw.

    Attributes:
        seed: another one gives another plausible person.
        sampling: from noise, or from the mirrored photo, to latents.
    """

    seed: int
    sampling: Sampling


def complete_texture(
    texture: BodyTexture, body: Body, models: InpaintingModels, options: CompleteOptions, console: Console
) -> BodyTexture:
    """Complete a texture of one photo or several; what they show stays as it is.

    The same arguments give the same numbers, with the same number of threads.

    Args:
        texture: T of Eq. 2.
        body: that it belongs to.
        models: that were trained for textures of this size.
        options: chance and sampler.
        console: shows how far it is.

    Raises:
        DinarError: the texture has a size that the models cannot take.
    """
    with progress_bar(console) as bar:
        task = bar.add_task("drawing what no photo shows", total=None)
        filler = DiffusionFiller(
            models,
            texel_surface(body, len(texture.filled)),
            options.sampling,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        return filler.fill(texture, options.seed)
