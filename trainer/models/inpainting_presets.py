"""The sizes of the inpainting models (Sec. 3.3, 4.1), by the names of the avatar model's presets."""

from __future__ import annotations

from dataclasses import dataclass

from dinar.trainer.models.denoiser import DenoiserConfig
from dinar.trainer.models.vqgan import VqganConfig


@dataclass(frozen=True)
class InpaintingPreset:
    """Sizes and schedules of the inpainting models.

    Attributes:
        name: of the avatar model's preset that they go with.
        vqgan: the autoencoder of textures.
        batch: samples of a step that trains it, of all processes.
        vqgan_steps: of the autoencoder alone.
        joint_steps: after those, of the autoencoder and the avatar model together.
        denoiser: the network of the diffusion model.
        diffusion_batch: samples of a step that trains it, of all processes.
        diffusion_steps: of its training.
        diffusion_rate: AdamW's learning rate.
        colour_shifts: how often each person's textures are encoded, in shifted colours but for the first.
    """

    name: str
    vqgan: VqganConfig
    batch: int
    vqgan_steps: int
    joint_steps: int
    denoiser: DenoiserConfig
    diffusion_batch: int
    diffusion_steps: int
    diffusion_rate: float
    colour_shifts: int


PAPER = InpaintingPreset(
    name="paper",
    vqgan=VqganConfig(
        name="paper",
        block=1,
        widths=(128, 256, 512),
        layers=2,
        attention=True,
        codes=8192,
        code_size=6,
        groups=32,
    ),
    batch=4,
    vqgan_steps=300_000,
    joint_steps=20_000,
    denoiser=DenoiserConfig(
        name="paper",
        code_size=6,
        widths=(256, 512, 768, 768),
        layers=2,
        head=32,
        groups=32,
        dropout=0.5,
    ),
    diffusion_batch=128,
    diffusion_steps=50_000,
    diffusion_rate=1e-6,
    colour_shifts=9,
)
"""DINAR's own: latents of 64 x 64 x 6, 8192 codes. What the paper does not name is as in latent diffusion's
autoencoder of the same reduction (Rombach et al. 2022, VQ-f4) and in its denoisers. Each of its scans was
seen in nine shifts of camera and colour; ours are of colour."""

SMALL = InpaintingPreset(
    name="small",
    vqgan=VqganConfig(
        name="small",
        block=2,
        widths=(32, 64),
        layers=1,
        attention=False,
        codes=8192,
        code_size=6,
        groups=8,
        place_features=16,
        look_steps=50,
    ),
    batch=4,
    vqgan_steps=2_000,
    joint_steps=500,
    denoiser=DenoiserConfig(
        name="small",
        code_size=6,
        widths=(64, 64, 96),
        layers=1,
        head=32,
        groups=8,
        dropout=0.0,
        target="velocity",
        place_features=8,
        block=2,
    ),
    diffusion_batch=16,
    diffusion_steps=8_000,
    diffusion_rate=1e-3,
    colour_shifts=2,
)
"""For two CPU cores: the same latents and dictionary, from squares of 2 x 2 texels; a denoiser of squares of
2 x 2 latents, whose step takes a third of the time of one with a finer level. No dropout, unlike
the paper's: a network of this size does not overfit."""

TINY = InpaintingPreset(
    name="tiny",
    vqgan=VqganConfig(
        name="tiny",
        block=2,
        widths=(8, 16),
        layers=1,
        attention=True,
        codes=64,
        code_size=6,
        groups=4,
        place_features=8,
        side=16,
        look_steps=2,
    ),
    batch=2,
    vqgan_steps=4,
    joint_steps=2,
    denoiser=DenoiserConfig(
        name="tiny",
        code_size=6,
        widths=(8, 16),
        layers=1,
        head=8,
        groups=4,
        dropout=0.1,
        target="velocity",
        place_features=4,
        side=16,
        block=2,
    ),
    diffusion_batch=2,
    diffusion_steps=4,
    diffusion_rate=1e-3,
    colour_shifts=2,
)
"""For tests."""

INPAINTING_PRESETS = {preset.name: preset for preset in (PAPER, SMALL, TINY)}
