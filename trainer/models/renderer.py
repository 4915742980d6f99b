"""The neural renderer θ (DINAR Eq. 3, Sec. 3.1): a rasterized neural texture to a picture and its mask.

A U-Net of ResNet blocks, in two presets of one class. `paper` has the size that the authors' configuration
counts. `live` is for two CPU cores: its first convolution takes a block of pixels to one (as a pixel
unshuffle and a convolution would), the last one gives a block of pixels back (pixel shuffle), and nothing
runs at full resolution in between; beside it one convolution takes colours straight from raster to picture
("direct"): what a photo shows need not be learned anew. Both use only what inference engines fuse well:
convolution, ReLU, addition or concatenation, nearest upsampling, pixel shuffle, and a sigmoid at the end;
batch norm folds into convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dinar.runtime.network_input import CHANNELS, GEN_CHANNELS

RGBA_CHANNELS = 4
_LOGIT_SLOPE = 4.0


@dataclass(frozen=True)
class RendererConfig:
    """What a `NeuralRenderer` is made of.

    Attributes:
        name: of the preset, or of what you made of it.
        block: pixels on a side that the first convolution takes to one and the last gives back; 1: none.
        widths: channels of each level, finest first; each level has half the columns and rows of the last.
        stem_kernel: side of the first convolution's kernel, in blocks; odd.
        encoder_convs: 3x3 convolutions at each level on the way down.
        middle_blocks: ResNet blocks at the coarsest level.
        decoder_blocks: ResNet blocks at each level on the way up.
        skip: how a level on the way up takes in the one on the way down: "concat" and a 3x3 convolution, or
            "add", which engines do within the convolution before.
        batch_norm: normalize after each convolution but the last.
        direct: add one convolution of each block of the raster to what all others make; it starts as the
            colours of T_rgb as they are.
    """

    name: str
    block: int
    widths: tuple[int, ...]
    stem_kernel: int
    encoder_convs: int
    middle_blocks: int
    decoder_blocks: int
    skip: Literal["concat", "add"]
    batch_norm: bool
    direct: bool = False

    def __post_init__(self) -> None:
        if self.block < 1 or self.stem_kernel < 1 or self.stem_kernel % 2 == 0:
            raise ValueError(
                f"a renderer expects a block of 1 or more and an odd stem_kernel, "
                f"not {self.block} and {self.stem_kernel}"
            )
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"a renderer expects one width or more, each 1 or more, not {self.widths}")
        if min(self.encoder_convs, self.middle_blocks, self.decoder_blocks) < 0:
            raise ValueError("a renderer expects counts of blocks and convolutions of 0 or more")

    @property
    def multiple(self) -> int:
        """Pixels that both sides of a picture must be a multiple of."""
        return self.block * 2 ** (len(self.widths) - 1)


PAPER = RendererConfig(
    name="paper",
    block=1,
    widths=(64, 128, 256, 512),
    stem_kernel=7,
    encoder_convs=1,
    middle_blocks=3,
    decoder_blocks=1,
    skip="concat",
    batch_norm=True,
)
"""64 base filters, 3 levels down, 3 ResNet blocks: 19.8 M parameters, 475 GFLOP at 512 x 512."""

LIVE = RendererConfig(
    name="live",
    block=4,
    widths=(64, 64, 96),
    stem_kernel=1,
    encoder_convs=0,
    middle_blocks=2,
    decoder_blocks=1,
    skip="add",
    batch_norm=True,
    direct=True,
)
"""For two CPU cores: 0.7 M parameters, 6.8 GFLOP at 512 x 512."""

PRESETS = {config.name: config for config in (PAPER, LIVE)}


class NeuralRenderer(nn.Module):
    """θ of DINAR Eq. 3. Fully convolutional: any picture whose sides are multiples of `config.multiple`."""

    def __init__(self, config: RendererConfig) -> None:
        """Build the network with fresh weights from torch's random generator."""
        super().__init__()
        self.config = config
        block, widths, norm = config.block, config.widths, config.batch_norm
        kernel = block * config.stem_kernel
        padding = block * (config.stem_kernel // 2)
        self.stem = _conv(CHANNELS, widths[0], kernel, norm, stride=block, padding=padding)
        self.encode = nn.ModuleList(
            nn.Sequential(*(_conv(width, width, 3, norm) for _ in range(config.encoder_convs)))
            for width in widths[:-1]
        )
        self.down = nn.ModuleList(_conv(fine, coarse, 3, norm, stride=2) for fine, coarse in pairwise(widths))
        self.middle = nn.Sequential(*(ResNetBlock(widths[-1], norm) for _ in range(config.middle_blocks)))
        self.up = nn.ModuleList(
            _Up(widths[i + 1], widths[i], config) for i in reversed(range(len(widths) - 1))
        )
        self.head = nn.Conv2d(widths[0], RGBA_CHANNELS * block**2, 3, padding=1)
        self.direct = _direct_conv(block) if config.direct else None
        self.spread = nn.PixelShuffle(block) if block > 1 else nn.Identity()

    @property
    def readers(self) -> tuple[nn.Conv2d, ...]:
        """The layers that read the raster."""
        layer = self.stem[0]
        assert isinstance(layer, nn.Conv2d)
        return (layer,) if self.direct is None else (layer, self.direct)

    def forward(self, raster: torch.Tensor) -> torch.Tensor:
        """Draw.

        Args:
            raster: float32 [B, 22, H, W], in [0, 1], channels as in `network_input`; H and W are multiples
                of `config.multiple`.

        Returns:
            float32 [B, 4, H, W]: sRGB and mask, in [0, 1].
        """
        x = self.stem(raster)
        skips = []
        for encode, down in zip(self.encode, self.down, strict=True):
            x = encode(x)
            skips.append(x)
            x = down(x)
        x = self.middle(x)
        for up in self.up:
            x = up(x, skips.pop())
        logits = self.head(x)
        if self.direct is not None:
            logits = logits + self.direct(raster)
        return torch.sigmoid(self.spread(logits))


def _direct_conv(block: int) -> nn.Conv2d:
    """From a block's 22 channels to logits of its pixels: red to red, green to green, blue to blue.

    The weight is the slope of the logit at 0.5, where it is least: sigmoid(4 x - 2) is near x. The constant
    is left to the last convolution.
    """
    conv = nn.Conv2d(CHANNELS, RGBA_CHANNELS * block**2, block, stride=block, bias=False)
    with torch.no_grad():
        conv.weight.zero_()
        by_pixel = conv.weight.view(RGBA_CHANNELS, block, block, CHANNELS, block, block)
        for colour in range(3):
            for row, column in product(range(block), repeat=2):
                by_pixel[colour, row, column, GEN_CHANNELS + colour, row, column] = _LOGIT_SLOPE
    return conv


class ResNetBlock(nn.Module):
    """Two 3x3 convolutions added to their input (He et al. 2016), `width` channels in and out."""

    def __init__(self, width: int, batch_norm: bool) -> None:
        super().__init__()
        self.change = nn.Sequential(
            _conv(width, width, 3, batch_norm), *_linear_conv(width, width, 3, batch_norm)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, width, h, w] to the same shape."""
        return torch.relu(x + self.change(x))


class _Up(nn.Module):
    """From a coarse level to the next finer one. (A 1x1 convolution commutes with nearest upsampling.)"""

    def __init__(self, coarse: int, fine: int, config: RendererConfig) -> None:
        super().__init__()
        norm = config.batch_norm
        self.narrow = nn.Sequential(*_linear_conv(coarse, fine, 1, norm))
        self.merge = _conv(2 * fine, fine, 3, norm) if config.skip == "concat" else nn.ReLU()
        self.blocks = nn.Sequential(*(ResNetBlock(fine, norm) for _ in range(config.decoder_blocks)))
        self.concat = config.skip == "concat"

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """[B, coarse, h, w] and [B, fine, 2 h, 2 w] to [B, fine, 2 h, 2 w]."""
        x = nn.functional.interpolate(self.narrow(x), scale_factor=2.0, mode="nearest")
        return self.blocks(self.merge(torch.cat([x, skip], dim=1) if self.concat else x + skip))


def _conv(
    inputs: int, outputs: int, kernel: int, batch_norm: bool, *, stride: int = 1, padding: int | None = None
) -> nn.Sequential:
    """A convolution, maybe batch norm, and ReLU."""
    layers = _linear_conv(inputs, outputs, kernel, batch_norm, stride=stride, padding=padding)
    return nn.Sequential(*layers, nn.ReLU())


def _linear_conv(
    inputs: int, outputs: int, kernel: int, batch_norm: bool, *, stride: int = 1, padding: int | None = None
) -> list[nn.Module]:
    """A convolution and maybe batch norm; padded by half its kernel unless told otherwise."""
    padding = kernel // 2 if padding is None else padding
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=not batch_norm)
    return [conv, nn.BatchNorm2d(outputs)] if batch_norm else [conv]


def count_parameters(config: RendererConfig) -> int:
    """Return how many numbers training may change."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in NeuralRenderer(config).parameters())


def count_flops(config: RendererConfig, height: int, width: int) -> int:
    """Return the operations of all convolutions for one picture; a multiply-add is two (FLOP = 2 MAC)."""
    with torch.device("meta"), torch.no_grad():
        network = NeuralRenderer(config).eval()
        raster = torch.empty(1, CHANNELS, height, width)
        with FlopCounterMode(display=False) as counter:
            network(raster)
    return int(counter.get_total_flops())
