"""The avatar's texture as the sampler of the network's input reads it (DINAR Sec. 3.1).

Pixels are bytes, channels last, as `network_input` says. The texture is kept the same way: a texel's
channels side by side, so that one look at the texture serves all of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dinar.runtime.avatar import Texture
from dinar.runtime.errors import DinarError
from dinar.runtime.network_input import GEN_CHANNELS, RASTER_CHANNELS

PADDED_CHANNELS = 32
"""Bytes of a texel: two vector registers of 16 lanes."""

_RED = RASTER_CHANNELS.index("red")

CORNERS = np.dtype(
    [
        *((name, np.int32) for name in ("i", "j", "k")),
        *((name, np.float32) for name in ("u0", "v0", "u1", "v1", "u2", "v2")),
    ]
)
"""A face: its vertices and its texture coordinates."""


class NeuralTexture(NamedTuple):
    """A texture as the network sees it; a named tuple, so that compiled code takes it as it is.

    Attributes:
        texels: uint8 [H, W, 32], the channels in the order of `RASTER_CHANNELS` (see `network_input` for
            what the bytes say), then nothing; coverage is 255.
        rgb: uint8 [Hr, Wr, 4], red, green and blue where their size is not that of the rest; else [0, 0, 4].
    """

    texels: np.ndarray
    rgb: np.ndarray


def make_neural_texture(texture: Texture) -> NeuralTexture:
    """Put the channels of a texture side by side.

    Raises:
        DinarError: a group that the network reads is missing, or gen, smp and fill differ in size.
    """
    gen, smp, fill = texture.gen, texture.smp, texture.fill
    if gen is None or smp is None or fill is None:
        missing = [name for name in ("gen", "smp", "fill") if getattr(texture, name) is None]
        raise DinarError(
            "the renderer network reads the texture groups gen, rgb, smp and fill; this avatar's texture "
            f"has no {' and no '.join(missing)}: show it with --mode rgb"
        )
    size = gen.shape[:2]
    if not smp.shape == fill.shape == size:
        raise DinarError(
            "the renderer network expects the texture groups gen, smp and fill in one size, "
            f"not {list(size)}, {list(smp.shape)} and {list(fill.shape)}: export the avatar again"
        )
    texels = np.zeros((*size, PADDED_CHANNELS), np.uint8)
    bounded = np.clip(gen.astype(np.float32), -1, 1)
    texels[..., :GEN_CHANNELS] = np.rint(127.5 * (1 + bounded))  # [-1, 1] => [0, 255]
    texels[..., RASTER_CHANNELS.index("smp")] = 255 * smp
    texels[..., RASTER_CHANNELS.index("fill")] = 255 * fill
    texels[..., RASTER_CHANNELS.index("coverage")] = 255
    rgb = np.zeros((0, 0, 4), np.uint8)
    photo = texture.rgb if texture.photo is None else texture.photo
    if photo.shape[:2] == size:
        texels[..., _RED : _RED + 3] = photo
    else:
        rgb = np.pad(photo, ((0, 0), (0, 0), (0, 1)))
    return NeuralTexture(texels, rgb)


def pack_corners(faces: np.ndarray, corner_uv: np.ndarray) -> np.ndarray:
    """Put vertices int32 [F, 3] and texture coordinates float32 [F, 3, 2] side by side: CORNERS [F]."""
    packed = np.zeros(len(faces), CORNERS)
    packed["i"], packed["j"], packed["k"] = faces.T
    for corner in range(3):
        packed[f"u{corner}"], packed[f"v{corner}"] = corner_uv[:, corner].T
    return packed
