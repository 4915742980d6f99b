"""One small person with untrained networks, to make avatars of."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from rich.console import Console

from dinar.trainer.create.person import Person, read_person
from dinar.trainer.models.avatar_networks import AvatarNetworks
from dinar.trainer.models.presets import TINY
from dinar.trainer.texture.few_shot import few_shot_texture
from dinar.trainer.texture.merging import BodyTexture

from ..data.dataset.small_people import make_dataset

SIDE = 96  # pixels of the views


def silent() -> Console:
    return Console(file=io.StringIO())


def make_person(root: Path, numbers: tuple[int, ...] = (0, 2)) -> Person:
    """Person `anna`, four views of 96 x 96, of which some are given."""
    if not root.exists():
        make_dataset(root, ["anna", "ben"], size=SIDE)
    return read_person(root, "anna", numbers, TINY.texture_size, silent())


def untrained() -> AvatarNetworks:
    torch.manual_seed(0)
    return AvatarNetworks(TINY).eval()


def texture_of(networks: AvatarNetworks, person: Person) -> BodyTexture:
    return few_shot_texture(networks, [g.view for g in person.given], [g.texture for g in person.given])
