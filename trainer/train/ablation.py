"""Renderers that read a part of the texture alone: the first half of the paper's ablation (Table 2).

    both      T_gen, T_rgb, B_smp, B_fill: the whole of Eq. 2
    rgb       without T_gen: what the photo shows, and where
    neural    without T_rgb, B_smp and B_fill: what E and G make of the photo

All read where the body is. The weights of channels that are not read are 0 and stay 0: whoever draws with
such a renderer needs to know nothing of it.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch

from dinar.runtime.network_input import GEN_CHANNELS, RASTER_CHANNELS
from dinar.trainer.models.renderer import NeuralRenderer

Reads = Literal["both", "rgb", "neural"]
READS: tuple[Reads, ...] = get_args(Reads)

_GEN = RASTER_CHANNELS[:GEN_CHANNELS]
_PHOTO = ("red", "green", "blue", "smp", "fill")


def restrict(renderer: NeuralRenderer, reads: Reads) -> None:
    """Let a renderer that is about to be trained read a part of the texture alone."""
    if reads == "both":
        return
    unread = _GEN if reads == "rgb" else _PHOTO
    device = renderer.readers[0].weight.device
    read = torch.tensor([float(name not in unread) for name in RASTER_CHANNELS], device=device)[:, None, None]
    for layer in renderer.readers:
        with torch.no_grad():
            layer.weight.mul_(read)  # [outputs, 22, k, k]
        layer.weight.register_hook(lambda gradient: gradient * read)
