"""What `dinar create` can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro

from dinar.runtime.errors import UsageError
from dinar.runtime.files.whole_file import check_file
from dinar.trainer.create.person import MOST_VIEWS
from dinar.trainer.inpainting.sampling import STRENGTH, Sampler, Sampling, check_sampling
from dinar.trainer.models.avatar_networks import networks_file
from dinar.trainer.models.shipped import shipped_networks

_MOST_STEPS = 100_000


@dataclass(frozen=True)
class CreateConfig:
    """Make an avatar of one person from 1 to 8 photos, with trained networks (docs/create.md)."""

    out: Path
    """The .dinar file to write; one that is there is replaced once the new one is complete."""
    photos: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Photos (.png, .jpg) of one person, each seen whole."""
    mask: tuple[Path, ...] = ()
    """Of each photo who is in it, in their order; PHOTO's name with .mask.png when left out."""
    fit: tuple[Path, ...] = ()
    """Of each photo the parameters that `dinar fit` wrote; PHOTO's name with .npz when left out."""
    body: Path | None = None
    """The body (.npz) that photos were fitted with; the open body that comes with dinar when left out."""
    name: str = ""
    """Of the avatar; the first photo's, or the person's id, when left out."""
    licence: str = "not stated: ask those whom the photos show"
    """Who may use what is made of the photos."""
    data: Path | None = None
    """Instead of photos: a dataset, the folder with dataset.json, whose masks and parameters are known."""
    person: str | None = None
    """The person's id there: the name of a folder in DATA/people."""
    views: tuple[int, ...] = ()
    """Numbers of that person's photos to use; all of them, up to 8, when left out."""
    colour_steps: int = 30
    """Steps that tune the texture's colours to the photos, as the paper does (Sec. 3.4); 0: none."""
    tune: int = 0
    """Steps that tune everything to this person, instead of colours alone; 0: none, 300 do."""
    report: Path | None = None
    """Write a picture to this .png file: photos, redrawn views, and the avatar from all sides."""
    networks: Path = field(default_factory=shipped_networks)
    """The folder of a training run, or its avatar.pt; one of `dinar train diffusion` completes people. When
    left out, those that come with dinar: they have seen synthetic people alone."""
    seed: int = 0
    """Of what no photo shows: another one gives another back."""
    no_inpainting: bool = False
    """Leave what no photo shows to the renderer, also where NETWORKS has a diffusion model for it."""
    sampler: Sampler = "dpm++"
    """How that model draws: ddpm (1000 steps are its own), ddim or dpm++."""
    sampler_steps: int = 20
    """Steps of it, all the way from noise."""
    strength: float = STRENGTH
    """1 begins with pure noise, as the paper does; less with the mirrored photo, and so much noise: clothes
    come nearer to the photo's, faces and hair are lost, seeds differ less."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What computes: an NVIDIA GPU where there is one, or the CPU."""

    def __post_init__(self) -> None:
        """Raise UsageError for values that cannot be."""
        check_file("out", self.out, ".dinar")
        check_file("report", self.report, ".png")
        self._check_source()
        if len(self.views) > MOST_VIEWS or len(set(self.views)) < len(self.views):
            raise UsageError(
                f"--views expects 1 to {MOST_VIEWS} numbers of views, each once, "
                f"not {' '.join(map(str, self.views))}"
            )
        for flag in ("tune", "colour_steps"):
            if not 0 <= getattr(self, flag) <= _MOST_STEPS:
                name = flag.replace("_", "-")
                raise UsageError(f"--{name} must be from 0 to {_MOST_STEPS}, not {getattr(self, flag)}")
        check_sampling(self.sampler_steps, self.strength)
        if self.seed < 0:
            raise UsageError(f"--seed must be at least 0, not {self.seed}")

    def _check_source(self) -> None:
        """Raise UsageError unless there are either photos or a person of a dataset."""
        from_dataset = self.data is not None and self.person is not None
        if bool(self.photos) == from_dataset or (self.data is None) != (self.person is None):
            raise UsageError(
                "name either photos (dinar create me.jpg --out me.dinar ...) or a person of a dataset "
                "(--data DIR --person ID)"
            )
        if len(self.photos) > MOST_VIEWS:
            raise UsageError(f"an avatar is made from 1 to {MOST_VIEWS} photos, not {len(self.photos)}")
        for flag, files in (("mask", self.mask), ("fit", self.fit)):
            if files and len(files) != len(self.photos):
                raise UsageError(
                    f"--{flag} expects one file for each photo: {len(self.photos)}, not {len(files)}"
                )

    @property
    def sampling(self) -> Sampling:
        """How what no photo shows is drawn."""
        return Sampling(self.sampler, self.sampler_steps, self.strength)

    @property
    def networks_file(self) -> Path:
        """Encoder, generator and renderer."""
        return networks_file(self.networks)
