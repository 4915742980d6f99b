"""The sizes in which the avatar model comes: all that E, G, θ and D are made of, in one place.

`paper` has the sizes of DINAR Sec. 3.1 and 4.1; where the paper names none, those of StyleGAN2's
configuration F (32768 / side channels, 512 at most). `small` trains on two CPU cores. `tiny` is for tests.
"""

from __future__ import annotations

from dataclasses import dataclass

from dinar.trainer.models.discriminator import COARSEST, Discriminator
from dinar.trainer.models.encoder import Encoder
from dinar.trainer.models.generator import Generator
from dinar.trainer.models.renderer import LIVE, NeuralRenderer, RendererConfig
from dinar.trainer.models.renderer import PAPER as PAPER_RENDERER


@dataclass(frozen=True)
class AvatarPreset:
    """Sizes of the avatar model.

    Attributes:
        name: of the preset.
        image_size: rows and columns of the pictures that E and D see.
        texture_size: rows and columns of the neural texture.
        style_dim: numbers in E's vector.
        encoder_widths: channels of E's levels, the picture's own first, 4x4 last.
        generator_widths: channels of G's levels, the texture's own first, 4x4 last.
        discriminator_widths: channels of D's levels, the picture's own first, 4x4 last.
        minibatch_group: pictures that D compares with each other; each process's batch is a multiple of it.
        renderer: θ.
        batch: pairs of frames in a step of all processes.
        steps: of a whole training.
    """

    name: str
    image_size: int
    texture_size: int
    style_dim: int
    encoder_widths: tuple[int, ...]
    generator_widths: tuple[int, ...]
    discriminator_widths: tuple[int, ...]
    minibatch_group: int
    renderer: RendererConfig
    batch: int
    steps: int

    def __post_init__(self) -> None:
        for what, widths, size in (
            ("encoder_widths", self.encoder_widths, self.image_size),
            ("generator_widths", self.generator_widths, self.texture_size),
            ("discriminator_widths", self.discriminator_widths, self.image_size),
        ):
            levels = len(widths)
            if levels < 1 or COARSEST * 2 ** (levels - 1) != size or min(widths) < 1:
                raise ValueError(
                    f"preset {self.name} expects {what} of 1 or more, one for each level from {size} down to "
                    f"{COARSEST}, not {widths}"
                )
        if self.image_size % self.renderer.multiple:
            raise ValueError(
                f"preset {self.name} expects an image_size that is a multiple of the renderer's "
                f"{self.renderer.multiple}, not {self.image_size}"
            )
        if self.batch < 1 or self.minibatch_group < 1 or self.batch % self.minibatch_group:
            raise ValueError(
                f"preset {self.name} expects a batch of whole groups of {self.minibatch_group}, "
                f"not {self.batch}"
            )

    def encoder(self) -> Encoder:
        """E with fresh weights."""
        return Encoder(self.encoder_widths, self.style_dim)

    def generator(self) -> Generator:
        """G with fresh weights."""
        return Generator(self.generator_widths, self.style_dim)

    def neural_renderer(self) -> NeuralRenderer:
        """Give θ with fresh weights."""
        return NeuralRenderer(self.renderer)

    def discriminator(self) -> Discriminator:
        """D with fresh weights."""
        return Discriminator(self.discriminator_widths, self.minibatch_group)


def level_widths(size: int, base: int, most: int, least: int) -> tuple[int, ...]:
    """StyleGAN2's rule: base / side channels at the level of that side, within `least` and `most`.

    Returns:
        The channels of each level, from `size` to 4.
    """
    sides = [size]
    while sides[-1] > COARSEST:
        sides.append(sides[-1] // 2)
    return tuple(min(max(base // side, least), most) for side in sides)


PAPER = AvatarPreset(
    name="paper",
    image_size=512,
    texture_size=256,
    style_dim=512,
    encoder_widths=level_widths(512, base=32768, most=512, least=1),
    generator_widths=level_widths(256, base=32768, most=512, least=1),
    discriminator_widths=level_widths(512, base=32768, most=512, least=1),
    minibatch_group=4,
    renderer=PAPER_RENDERER,
    batch=4,
    steps=100_000,
)
"""DINAR's own: pictures of 512 x 512, textures of 256 x 256 x 16, a vector of 512."""

SMALL = AvatarPreset(
    name="small",
    image_size=256,
    texture_size=256,
    style_dim=512,
    encoder_widths=level_widths(256, base=2048, most=128, least=16),
    generator_widths=level_widths(256, base=2048, most=128, least=16),
    discriminator_widths=level_widths(256, base=2048, most=128, least=16),
    minibatch_group=4,
    renderer=LIVE,
    batch=4,
    steps=4_000,
)
"""For two CPU cores and two hours: pictures of 256 x 256, and the renderer that is shown live.
Never fewer than 16 channels, as many as a vector register of AVX-512 holds: eight are hardly faster.
Never more than 128: all that makes avatars has to be a small download."""

TINY = AvatarPreset(
    name="tiny",
    image_size=64,
    texture_size=64,
    style_dim=32,
    encoder_widths=(8, 16, 16, 16, 16),
    generator_widths=(8, 16, 16, 16, 16),
    discriminator_widths=(8, 16, 16, 16, 16),
    minibatch_group=2,
    renderer=RendererConfig(
        name="tiny",
        block=2,
        widths=(16, 24),
        stem_kernel=1,
        encoder_convs=0,
        middle_blocks=1,
        decoder_blocks=1,
        skip="add",
        batch_norm=True,
    ),
    batch=4,
    steps=20,
)
"""For tests: a step takes some hundredths of a second."""

PRESETS = {preset.name: preset for preset in (PAPER, SMALL, TINY)}
