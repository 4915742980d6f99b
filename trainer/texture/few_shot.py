"""The neural texture of a person from one photo or several: Eq. 2 for each, Eq. 5 for all together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from dinar.trainer.data.avatar_samples import channels_first, encoder_photo
from dinar.trainer.data.dataset.layout import View
from dinar.trainer.data.prepared_views import SeenTexture
from dinar.trainer.models.avatar_networks import AvatarNetworks
from dinar.trainer.texture.merging import TAU, BodyTexture, merge_textures


def few_shot_texture(
    networks: AvatarNetworks, views: Sequence[View], seen: Sequence[SeenTexture], tau: float = TAU
) -> BodyTexture:
    """Make the texture T of one person from N photos, N >= 1.

    Args:
        networks: in evaluation mode, on any device.
        views: the photos.
        seen: what each of them shows of the texture, of the networks' texture size.
        tau: of Eq. 5.

    Raises ValueError: no photo, or not as many views as textures.
    """
    return merge_textures(
        [body_texture(networks, view, known) for view, known in zip(views, seen, strict=True)], tau
    )


@torch.no_grad()
def body_texture(networks: AvatarNetworks, view: View, seen: SeenTexture) -> BodyTexture:
    """T of Eq. 2 from one photo: what E and G make of it, and what it shows."""
    device = next(networks.parameters()).device
    photo = channels_first(encoder_photo(view, networks.preset.image_size)).to(device).float() / 255
    return whole_texture(networks.generate(photo)[0].permute(1, 2, 0).float().numpy(force=True), seen)


def whole_texture(gen: np.ndarray, seen: SeenTexture) -> BodyTexture:
    """T of Eq. 2, bytes => [0, 1].

    Args:
        gen: float32 [side, side, C], T_gen.
        seen: what the photo shows, side x side texels.
    """
    return BodyTexture(
        gen=gen,
        rgb=(seen.rgb / np.float32(255)).astype(np.float32),
        sampled=seen.sampled,
        filled=seen.filled,
        facing=(seen.facing / np.float32(255)).astype(np.float32),
    )
