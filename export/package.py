"""A trained renderer into an avatar: float32 for comparison, int8 for speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dinar.export.to_onnx import to_onnx
from dinar.export.to_openvino import compare, quantize
from dinar.runtime.avatar import Avatar, RendererNetwork
from dinar.trainer.models.renderer import NeuralRenderer


@dataclass(frozen=True)
class Packaged:
    """An avatar with its networks.

    Attributes:
        avatar: with the float32 and the int8 network.
        int8_psnr: of the int8 network's pictures against the float32 network's, decibels.
    """

    avatar: Avatar
    int8_psnr: float


def package(avatar: Avatar, network: NeuralRenderer, rasters: Sequence[np.ndarray]) -> Packaged:
    """Give an avatar its renderer, float32 and int8, in place of what it has of the same preset.

    Args:
        avatar: with all texture groups that the network reads.
        network: trained for this avatar's texture.
        rasters: uint8 [H, W, 22] each, sides in multiples of 32: views to calibrate and compare with.
    """
    preset = network.config.name
    float32 = to_onnx(network)
    int8 = quantize(float32, rasters)
    others = tuple(n for n in avatar.networks if n.preset != preset)
    networks = (RendererNetwork(preset, "fp32", float32), RendererNetwork(preset, "int8", int8))
    return Packaged(replace(avatar, networks=others + networks), compare(int8, float32, rasters).psnr)
