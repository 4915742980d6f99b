"""The avatar model's three networks, trained together and kept together: E, G and θ (DINAR Sec. 3.1)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dinar.trainer.models.network_file import load_network, save_network
from dinar.trainer.models.presets import AvatarPreset
from dinar.trainer.models.renderer import RendererConfig

NETWORKS = "avatar.pt"
"""What a training run calls them in its folder."""


class AvatarNetworks(nn.Module):
    """E, G and θ of one preset."""

    def __init__(self, preset: AvatarPreset) -> None:
        """Draw fresh weights from torch's random generator."""
        super().__init__()
        self.preset = preset
        self.encoder = preset.encoder()
        self.generator = preset.generator()
        self.renderer = preset.neural_renderer().to(memory_format=torch.channels_last)

    def generate(self, photo: torch.Tensor) -> torch.Tensor:
        """T_gen = G(E(I_rgb)).

        Args:
            photo: float32 [B, 3, P, P], P = `preset.image_size`, sRGB in [0, 1].

        Returns:
            float32 [B, 16, T, T], T = `preset.texture_size`, in [-1, 1].
        """
        return self.generator(self.encoder(photo))


def networks_file(run: Path) -> Path:
    """Where the networks of a run are: in its folder, or in the file itself if `run` is one."""
    return run / NETWORKS if run.is_dir() else run


def save_avatar_networks(path: Path, networks: AvatarNetworks, step: int) -> None:
    """Write preset, weights and the number of steps they were trained for, all or nothing."""
    save_network(path, "preset", asdict(networks.preset), networks, step)


def load_avatar_networks(path: Path) -> AvatarNetworks:
    """Read what `save_avatar_networks` wrote, in evaluation mode.

    Raises:
        DinarError: the file cannot be read, or holds something else.
    """
    return load_network(
        path,
        "preset",
        lambda entries: AvatarNetworks(_preset(entries)),
        "networks saved by `dinar train avatar`",
    )


def _preset(entries: dict[str, Any]) -> AvatarPreset:
    """A preset from JSON, where tuples are lists. Raises TypeError or ValueError: it is none."""
    tuples = {name: tuple(value) for name, value in entries.items() if isinstance(value, list)}
    renderer = entries["renderer"] | {"widths": tuple(entries["renderer"]["widths"])}
    return AvatarPreset(**entries | tuples | {"renderer": RendererConfig(**renderer)})
