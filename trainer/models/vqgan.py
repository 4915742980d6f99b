"""The autoencoder of neural textures, a VQGAN (Esser et al. 2021): 256x256x21 to 64x64x6 and back (Sec. 3.3).

    T --E_VQ--> latents z --nearest of K vectors--> z_q --D_VQ--> T_res

The networks are diffusers' `VQModel`. Diffusion works on z, before it is quantized; D_VQ quantizes what it is
given. Vectors of the dictionary that nothing is near to learn nothing: `revive` puts them where latents are.

Beyond the paper, small networks get a start. A texel is the same place of every body, which convolutions do
not know: they encode how a texture differs from the usual one, and D_VQ adds learned features of each place
to its latents. And beside E_VQ and D_VQ runs a linear way, which starts as principal components
(`patch_components`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from dinar.runtime.errors import DinarError
from dinar.trainer.models.network_file import load_network, save_network
from dinar.trainer.models.patch_components import PatchMoments
from dinar.trainer.models.places import at_size
from dinar.trainer.models.texture_batch import TEXTURE_CHANNELS, TextureBatch

VQGAN = "vqgan.pt"
"""What a training run calls it in its folder."""

REDUCTION = 4
"""Texels of the texture for one latent, along each side."""


@dataclass(frozen=True)
class VqganConfig:
    """Sizes of the autoencoder.

    Attributes:
        name: of the preset.
        block: side of the squares of texels that become one place before the first convolution: 1, 2 or 4.
        widths: channels of the levels, finest first; each level but the last halves the sides.
        layers: residual blocks of a level.
        attention: whether all latents see each other in the middle.
        codes: vectors in the dictionary.
        code_size: numbers in a vector.
        groups: of group norm; divide all widths.
        place_features: numbers that tell D_VQ where on the body it is; 0: none, and neither a usual texture
            nor a linear way, as in the paper.
        side: rows and columns of the latents that those are for.
        look_steps: first steps of a training, which look at textures alone: half of them for the usual
            texture, half for the linear way.
    """

    name: str
    block: int
    widths: tuple[int, ...]
    layers: int
    attention: bool
    codes: int
    code_size: int
    groups: int
    place_features: int = 0
    side: int = 64
    look_steps: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for sizes that do not fit together."""
        if self.block * 2 ** (len(self.widths) - 1) != REDUCTION:
            raise ValueError(
                f"a VQGAN expects blocks and levels that reduce textures {REDUCTION} times, "
                f"not {self.block} and {len(self.widths)}"
            )
        if any(width % self.groups for width in self.widths) or min(self.codes, self.code_size) < 1:
            raise ValueError(
                f"a VQGAN expects widths in multiples of its {self.groups} groups and at least one code of "
                f"one number, not {self.widths}, {self.codes} and {self.code_size}"
            )


@dataclass(frozen=True, eq=False)
class Restored:
    """Textures that went through the autoencoder.

    Attributes:
        channels: float32 [B, 21, side, side], T_res as `TextureBatch.stacked`, not cut to [-1, 1].
        commitment: float32 [], how far latents and the dictionary's vectors are apart: a loss.
        codes: int64 [B, side / 4, side / 4], which vector was nearest.
        latents: float32 [B, code_size, side / 4, side / 4], before they were quantized.
    """

    channels: torch.Tensor
    commitment: torch.Tensor
    codes: torch.Tensor
    latents: torch.Tensor

    @property
    def texture(self) -> TextureBatch:
        """T_res."""
        return TextureBatch.of_stacked(self.channels)


class TextureVqgan(nn.Module):
    """E_VQ, the dictionary and D_VQ."""

    idle: torch.Tensor
    """int64 [codes]: training steps since each vector was last the nearest of any latent."""
    usual: torch.Tensor
    """float32 [1, 21, side, side]: mean texture as `TextureBatch.stacked`, reduced; 0 without
    `place_features`."""

    def __init__(self, config: VqganConfig) -> None:
        """Draw weights from torch's random generator. Raises DinarError: diffusers is missing."""
        super().__init__()
        try:
            from diffusers import VQModel
        except ModuleNotFoundError as error:
            raise DinarError(
                f"the inpainting models need {error.name}, which is not installed: pip install 'dinar[train]'"
            ) from error
        self.config = config
        levels = len(config.widths)
        channels = TEXTURE_CHANNELS * config.block**2
        self.model: Any = VQModel(
            in_channels=channels,
            out_channels=channels,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=config.widths,
            layers_per_block=config.layers,
            latent_channels=config.place_features or config.code_size,
            num_vq_embeddings=config.codes,
            vq_embed_dim=config.code_size,
            norm_num_groups=config.groups,
            mid_block_add_attention=config.attention,
        )
        self.model.to(memory_format=torch.channels_last)
        self.register_buffer("idle", torch.full((config.codes,), _NEVER))
        self.register_buffer("usual", torch.zeros(1, TEXTURE_CHANNELS, config.side, config.side))
        self.start = _Start(config) if config.place_features else None
        if self.start is not None:  # what they add to the linear way
            for last in (self.model.quant_conv, self.model.decoder.conv_out):
                nn.init.zeros_(last.weight)
                nn.init.zeros_(last.bias)

    def encode(self, texture: TextureBatch) -> torch.Tensor:
        """E_VQ.

        Returns:
            float [B, code_size, side / 4, side / 4], before they are quantized.
        """
        difference = self.difference(texture)
        latents: torch.Tensor = self.model.encode(F.pixel_unshuffle(difference, self.config.block)).latents
        return latents if self.start is None else latents + self.start.reduce(difference)

    def difference(self, texture: TextureBatch) -> torch.Tensor:
        """How a texture differs from the usual one, float [B, 21, side, side]."""
        channels = texture.stacked()
        return channels - at_size(self.usual, channels)

    def decode(self, latents: torch.Tensor) -> Restored:
        """Quantize latents [B, code_size, h, w] and restore the texture: D_VQ."""
        quantized, commitment, (_, _, codes) = self.model.quantize(latents.float())
        features = self.model.post_quant_conv(quantized)
        if self.start is not None:
            features = features + at_size(self.start.place, features)
        restored = F.pixel_shuffle(self.model.decoder(features).float(), self.config.block)
        if self.start is not None:
            restored = restored + F.pixel_shuffle(self.start.restore(quantized), REDUCTION).float()
        return Restored(
            channels=restored + at_size(self.usual, restored),
            commitment=commitment,
            codes=codes.view(len(latents), *latents.shape[2:]),
            latents=latents,
        )

    def forward(self, texture: TextureBatch) -> Restored:
        """T to T_res."""
        return self.decode(self.encode(texture))

    @torch.no_grad()
    def learn_usual(self, mean: torch.Tensor, share: float) -> None:
        """Move the usual texture towards the mean of a batch.

        Args:
            mean: float32 [1, 21, T, T], of textures as `TextureBatch.stacked`.
            share: of it in the new one, 0 to 1.
        """
        self.usual.lerp_(F.interpolate(mean, self.usual.shape[2:], mode="area"), share)

    @torch.no_grad()
    def start_linear(self, moments: PatchMoments) -> None:
        """Start the linear way as principal components. Raises ValueError: this network has none."""
        if self.start is None:
            raise ValueError("a VQGAN without place_features has no linear way")
        reduce, restore = moments.components(self.config.code_size)
        self.start.reduce.weight.copy_(reduce.view_as(self.start.reduce.weight))
        self.start.restore.weight.copy_(restore.view_as(self.start.restore.weight))

    @torch.no_grad()
    def revive(self, candidates: torch.Tensor, used: torch.Tensor, patience: int) -> int:
        """Count idle steps, and give vectors that were idle for long the place of some latents.

        Args:
            candidates: float32 [N, code_size], latents, N >= 1; as many as there are idle vectors are best.
            used: bool [codes], whether each vector was the nearest of any latent in this step.
            patience: steps that a vector may be idle; all are when training begins.

        Returns:
            How many vectors were moved.
        """
        self.idle += 1
        self.idle[used] = 0
        tired = (self.idle > patience).nonzero()[:, 0]
        places = candidates[torch.arange(len(tired), device=candidates.device) % len(candidates)]
        self.model.quantize.embedding.weight[tired] = places.to(self.model.quantize.embedding.weight.dtype)
        self.idle[tired] = 0
        return len(tired)


class _Start(nn.Module):
    """What small networks have beside diffusers' model."""

    def __init__(self, config: VqganConfig) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.randn(1, config.place_features, config.side, config.side))
        self.reduce = nn.Conv2d(TEXTURE_CHANNELS, config.code_size, REDUCTION, stride=REDUCTION, bias=False)
        self.restore = nn.Conv2d(config.code_size, TEXTURE_CHANNELS * REDUCTION**2, 1, bias=False)


_NEVER = 2**40  # more steps than anybody's patience


def save_vqgan(path: Path, vqgan: TextureVqgan, step: int) -> None:
    """Write sizes, weights and the number of steps they were trained for, all or nothing."""
    save_network(path, "vqgan", asdict(vqgan.config), vqgan, step)


def load_vqgan(path: Path) -> TextureVqgan:
    """Read what `save_vqgan` wrote, in evaluation mode.

    Raises:
        DinarError: the file cannot be read, or holds something else; diffusers is missing.
    """

    def build(sizes: dict[str, Any]) -> TextureVqgan:
        return TextureVqgan(VqganConfig(**sizes | {"widths": tuple(sizes["widths"])}))

    return load_network(path, "vqgan", build, "a VQGAN saved by `dinar train vqgan`")
