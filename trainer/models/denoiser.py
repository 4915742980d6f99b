"""The denoising network of Sec. 3.3: the noise in a texture's latents, given what one photo shows.

    eps(x_t ⊕ T_c^j ⊕ b(B_fill^j), t)

The network is diffusers' `UNet2DModel`: residual blocks that halve and double as BigGAN's do, and attention
on all levels but the finest (the paper: on three). Latents are brought to a mean of 0 and a variance of 1 in
each channel on the way in.

Beyond the paper, small networks may be told where on the body each latent is, by learned features of each
place, and find the velocity of Salimans & Ho (2022, "Progressive Distillation", Sec. 4 and app. D) in place
of the noise:

    v = sqrt(ā_t) eps - sqrt(1 - ā_t) x_0

At the noisiest steps, where colours are decided, an error of the noise is fourteen times as large in the
texture it stands for; an error of v is as large.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional as F

from dinar.runtime.errors import DinarError
from dinar.trainer.models.network_file import load_network, save_network
from dinar.trainer.models.places import at_size

DENOISER = "denoiser.pt"
"""What a training run calls it in its folder."""

STEPS = 1000
"""T of Sec. 2: steps from a texture to pure noise."""

Target = Literal["noise", "velocity"]
"""What a network finds in noisy latents; see above."""


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes of the denoising network.

    Attributes:
        name: of the preset.
        code_size: channels of the latents.
        widths: channels of the levels, finest first; each halves the sides of the one before.
        layers: residual blocks of a level.
        head: channels that one head of attention looks at; divides all widths but the first.
        groups: of group norm; divide all widths.
        dropout: probability in residual blocks (Sec. 4.1).
        target: what the network finds: the noise, as in the paper, or the velocity.
        place_features: numbers that tell it where on the body it is; 0: none, as in the paper.
        side: rows and columns of the latents that those are for.
        block: side of the squares of latents that become one place before the first convolution.
    """

    name: str
    code_size: int
    widths: tuple[int, ...]
    layers: int
    head: int
    groups: int
    dropout: float
    target: Target = "noise"
    place_features: int = 0
    side: int = 64
    block: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError for sizes that do not fit together."""
        if len(self.widths) < 2 or any(width % self.groups for width in self.widths):
            raise ValueError(
                f"a denoiser expects 2 levels or more, in multiples of {self.groups} channels, "
                f"not {self.widths}"
            )
        if any(width % self.head for width in self.widths[1:]):
            raise ValueError(
                f"a denoiser expects widths in multiples of {self.head} after the first, not {self.widths}"
            )

    @property
    def multiple(self) -> int:
        """What the sides of latents must be multiples of."""
        return self.block * 2 ** (len(self.widths) - 1)


@dataclass(frozen=True, eq=False)
class Condition:
    """What photos show of B people.

    Attributes:
        partial: float [B, code_size, h, w], T_c^j: latents of the texture of one photo, as E_VQ gives them.
        fill: float [B, 1, h, w] in [0, 1], b(B_fill^j): where the photo shows it.
    """

    partial: torch.Tensor
    fill: torch.Tensor

    def __len__(self) -> int:
        return len(self.partial)


class Denoiser(nn.Module):
    """epsilon of Eq. 1, or the velocity."""

    centre: torch.Tensor
    """float32 [code_size]: mean of each channel of the latents trained on."""
    spread: torch.Tensor
    """float32 [code_size]: their standard deviations."""

    def __init__(self, config: DenoiserConfig) -> None:
        """Draw weights from torch's random generator. Raises DinarError: diffusers is missing."""
        super().__init__()
        try:
            from diffusers import UNet2DModel
        except ModuleNotFoundError as error:
            raise DinarError(
                f"the inpainting models need {error.name}, which is not installed: pip install 'dinar[train]'"
            ) from error
        self.config = config
        coarser = len(config.widths) - 1
        self.model: Any = UNet2DModel(
            in_channels=(2 * config.code_size + 1 + config.place_features) * config.block**2,
            out_channels=config.code_size * config.block**2,
            down_block_types=("ResnetDownsampleBlock2D", *("AttnDownBlock2D",) * coarser),
            up_block_types=(*("AttnUpBlock2D",) * coarser, "ResnetUpsampleBlock2D"),
            block_out_channels=config.widths,
            layers_per_block=config.layers,
            downsample_type="resnet",
            upsample_type="resnet",
            attention_head_dim=config.head,
            norm_num_groups=config.groups,
            dropout=config.dropout,
        )
        self.model.to(memory_format=torch.channels_last)
        places = (1, config.place_features, config.side, config.side)
        self.place = nn.Parameter(torch.randn(places)) if config.place_features else None
        self.register_buffer("centre", torch.zeros(config.code_size))
        self.register_buffer("spread", torch.ones(config.code_size))

    @torch.no_grad()
    def learn_range(self, latents: torch.Tensor) -> None:
        """Take mean and deviation of each channel from latents [N, code_size, h, w]."""
        self.centre.copy_(latents.mean((0, 2, 3)))
        self.spread.copy_(latents.std((0, 2, 3)).clamp(min=1e-6))

    def normalized(self, latents: torch.Tensor) -> torch.Tensor:
        """Bring latents [B, code_size, h, w] to mean 0 and variance 1 in each channel."""
        return (latents - self.centre[:, None, None]) / self.spread[:, None, None]

    def restored(self, normalized: torch.Tensor) -> torch.Tensor:
        """Undo `normalized`."""
        return normalized * self.spread[:, None, None] + self.centre[:, None, None]

    def forward(self, noisy: torch.Tensor, step: torch.Tensor, condition: Condition) -> torch.Tensor:
        """Find the noise, or the velocity, as `config.target` says.

        Args:
            noisy: float [B, code_size, h, w], x_t, normalized; sides multiples of `config.multiple`.
            step: int64 [B], t from 0 (nearly clean) to `STEPS` - 1.
            condition: of the same size.

        Returns:
            float32 [B, code_size, h, w].
        """
        given = torch.cat([noisy, self.normalized(condition.partial), 2 * condition.fill - 1], 1)
        if self.place is not None:
            place = at_size(self.place, noisy).expand(len(noisy), -1, -1, -1)
            given = torch.cat([given, place], 1)
        squares = F.pixel_unshuffle(given, self.config.block).contiguous(memory_format=torch.channels_last)
        return F.pixel_shuffle(self.model(squares, step).sample.float(), self.config.block)


def save_denoiser(path: Path, denoiser: Denoiser, step: int) -> None:
    """Write sizes, weights and the number of steps they were trained for, all or nothing."""
    save_network(path, "denoiser", asdict(denoiser.config), denoiser, step)


def load_denoiser(path: Path) -> Denoiser:
    """Read what `save_denoiser` wrote, in evaluation mode.

    Raises:
        DinarError: the file cannot be read, or holds something else; diffusers is missing.
    """

    def build(sizes: dict[str, Any]) -> Denoiser:
        return Denoiser(DenoiserConfig(**sizes | {"widths": tuple(sizes["widths"])}))

    return load_network(path, "denoiser", build, "a denoiser of `dinar train diffusion`")
