"""The avatar model's three networks, trained together and kept together: E, G and θ (DINAR Sec. 3.1)."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dinar.runtime.errors import DinarError
from dinar.trainer.models.presets import AvatarPreset
from dinar.trainer.models.renderer import RendererConfig


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


def save_avatar_networks(path: Path, networks: AvatarNetworks, step: int) -> None:
    """Write preset, weights and the number of steps they were trained for, all or nothing."""
    unfinished = path.with_suffix(".unfinished")
    preset = json.dumps(asdict(networks.preset))
    torch.save({"preset": preset, "step": step, "networks": networks.state_dict()}, unfinished)
    unfinished.replace(path)


def load_avatar_networks(path: Path) -> AvatarNetworks:
    """Read what `save_avatar_networks` wrote, in evaluation mode.

    Raises:
        DinarError: the file cannot be read, or holds something else.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        networks = AvatarNetworks(_preset(json.loads(content["preset"])))
        networks.load_state_dict(content["networks"])
    except OSError as error:
        raise DinarError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # what damaged files raise in torch.load has no common class
        raise DinarError(f"{path}: expected networks saved by `dinar train avatar`; train again") from error
    return networks.eval()


def _preset(entries: dict[str, Any]) -> AvatarPreset:
    """A preset from JSON, where tuples are lists. Raises TypeError or ValueError: it is none."""
    tuples = {name: tuple(value) for name, value in entries.items() if isinstance(value, list)}
    renderer = entries["renderer"] | {"widths": tuple(entries["renderer"]["widths"])}
    return AvatarPreset(**entries | tuples | {"renderer": RendererConfig(**renderer)})
