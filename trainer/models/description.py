"""How big a preset's networks are: parameters, operations and memory, counted without running them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dinar.runtime.network_input import CHANNELS
from dinar.trainer.models.denoiser import Condition, Denoiser, DenoiserConfig
from dinar.trainer.models.presets import AvatarPreset
from dinar.trainer.models.texture_batch import TEXTURE_CHANNELS
from dinar.trainer.models.vqgan import REDUCTION, TextureVqgan, VqganConfig


@dataclass(frozen=True)
class PartRow:
    """One network of a preset.

    Attributes:
        part: its name.
        widths: channels of its levels, finest first.
        takes: shape of what goes in, for one picture.
        gives: shape of what comes out.
        parameters: numbers that training changes.
        flops: of convolutions and matrix products for one picture, forward; a multiply-add is two.
        kept: bytes of float32 activations that the backward pass needs of one picture; parameters left out.
    """

    part: str
    widths: tuple[int, ...]
    takes: tuple[int, ...]
    gives: tuple[int, ...]
    parameters: int
    flops: int
    kept: int

    @property
    def cells(self) -> tuple[str, ...]:
        """For a table under `HEADER`."""
        return (
            self.part,
            "×".join(map(str, self.takes)),
            "×".join(map(str, self.gives)) or "1",
            " ".join(map(str, self.widths)),
            f"{self.parameters / 1e6:.3f} M",
            f"{self.flops / 1e9:.3f}",
            f"{self.kept / 2**20:.1f}",
        )


HEADER = ("part", "takes", "gives", "channels, finest level first", "parameters", "GFLOP", "MiB kept")
"""Above `PartRow.cells`; GFLOP and MiB of one picture."""


def describe_preset(preset: AvatarPreset) -> list[PartRow]:
    """Describe E, G, θ and D of a preset, in this order; on torch's `meta` device, in a second or two."""
    photo = (3, preset.image_size, preset.image_size)
    raster = (CHANNELS, preset.image_size, preset.image_size)
    batch = preset.minibatch_group  # D takes whole groups
    return [
        _describe("encoder E", preset.encoder, preset.encoder_widths, photo, batch),
        _describe("generator G", preset.generator, preset.generator_widths, (preset.style_dim,), batch),
        _describe("renderer θ", preset.neural_renderer, preset.renderer.widths, raster, batch),
        _describe("discriminator D", preset.discriminator, preset.discriminator_widths, photo, batch),
    ]


def describe_vqgan(config: VqganConfig, side: int, batch: int = 4) -> list[PartRow]:
    """Describe the two networks of an autoencoder of textures of `side` x `side` texels, in blocks."""

    def encoder() -> nn.Module:
        model = TextureVqgan(config).model
        return nn.Sequential(model.encoder, model.quant_conv)

    def decoder() -> nn.Module:
        model = TextureVqgan(config).model
        return nn.Sequential(model.post_quant_conv, model.decoder)

    blocks, latents = side // config.block, side // REDUCTION
    texture = (TEXTURE_CHANNELS * config.block**2, blocks, blocks)
    return [
        _describe("encoder E_VQ", encoder, config.widths, texture, batch),
        _describe("decoder D_VQ", decoder, config.widths, (config.code_size, latents, latents), batch),
    ]


def describe_denoiser(config: DenoiserConfig, side: int, batch: int = 2) -> PartRow:
    """Describe the denoising network for latents of `side` x `side` places."""

    class Denoising(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.denoiser = Denoiser(config)

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            noisy, partial, fill = given.split((config.code_size, config.code_size, 1), 1)
            step = torch.zeros(len(given), dtype=torch.int64, device=given.device)
            found: torch.Tensor = self.denoiser(noisy, step, Condition(partial, fill))
            return found

    return _describe("denoiser", Denoising, config.widths, (2 * config.code_size + 1, side, side), batch)


def _describe(
    part: str, build: Callable[[], nn.Module], widths: tuple[int, ...], takes: tuple[int, ...], batch: int
) -> PartRow:
    with torch.device("meta"):
        network = build()
        once = _run(network, torch.empty(batch, *takes, requires_grad=True))
        twice = _run(network, torch.empty(2 * batch, *takes, requires_grad=True))
    return PartRow(  # the difference leaves out what does not grow with the batch
        part=part,
        widths=widths,
        takes=takes,
        gives=once.gives,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        flops=(twice.flops - once.flops) // batch,
        kept=(twice.kept - once.kept) // batch,
    )


@dataclass(frozen=True)
class _Run:
    gives: tuple[int, ...]
    flops: int
    kept: int


def _run(network: nn.Module, batch: torch.Tensor) -> _Run:
    """Count what one pass does and what it keeps; each storage once, whatever views of it are kept."""
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.setdefault(tensor.untyped_storage()._cdata, tensor)  # held, so that no address comes twice
        return tensor

    with (
        FlopCounterMode(display=False) as counter,
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        made = network(batch)
    size = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    return _Run(tuple(made.shape[1:]), counter.get_total_flops(), size)
