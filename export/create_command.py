"""`dinar create`: a few photos of one person to an avatar file.

Here photo, trainer and avatar file meet: the trainer makes texture and renderer, this package the networks
within the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from dinar.export.create_report import draw_report
from dinar.export.package import Packaged, package
from dinar.export.views import calibration_views
from dinar.export.whole_file import write_file
from dinar.runtime.avatar import Avatar, save_avatar
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.rasters import RasterSource
from dinar.runtime.errors import UsageError
from dinar.runtime.prepare.crop import padded
from dinar.trainer.create.drawing import quality
from dinar.trainer.create.few_shot_avatar import About, few_shot_avatar
from dinar.trainer.create.person import MOST_VIEWS, GivenView, Person, SeenView, read_person
from dinar.trainer.create.tune import Tuned, TuneOptions, tune
from dinar.trainer.lpips import perceptual_loss
from dinar.trainer.metrics import MeanQuality
from dinar.trainer.models.avatar_networks import AvatarNetworks, load_avatar_networks
from dinar.trainer.texture.few_shot import few_shot_texture

_CALIBRATION_SIDE = 512  # pixels, at most
_MOST_STEPS = 100_000


@dataclass(frozen=True)
class CreateConfig:
    """Make an avatar of one person from 1 to 8 photos, with trained networks (docs/create.md)."""

    data: Path
    """The dataset: the folder with dataset.json. It knows each photo's mask, body parameters and camera."""
    person: str
    """The person's id: the name of a folder in DATA/people."""
    networks: Path
    """The folder of a training run (`dinar train avatar`), or its avatar.pt."""
    out: Path
    """The .dinar file to write; one that is there is replaced once the new one is complete."""
    views: tuple[int, ...] = ()
    """Numbers of the photos to use; all of them, up to 8, when left out."""
    tune: int = 0
    """Steps of tuning to this person; 0: none, 300 do."""
    report: Path | None = None
    """Write a picture to this .png file: photos, redrawn views, and the avatar from four sides."""
    seed: int = 0
    """Of tuning."""

    def __post_init__(self) -> None:
        """Raise UsageError for values that cannot be."""
        _check_file("out", self.out, ".dinar")
        if self.report is not None:
            _check_file("report", self.report, ".png")
        if len(self.views) > MOST_VIEWS or len(set(self.views)) < len(self.views):
            raise UsageError(
                f"--views expects 1 to {MOST_VIEWS} numbers of views, each once, "
                f"not {' '.join(map(str, self.views))}"
            )
        if not 0 <= self.tune <= _MOST_STEPS:
            raise UsageError(f"--tune must be from 0 to {_MOST_STEPS}, not {self.tune}")
        if self.seed < 0:
            raise UsageError(f"--seed must be at least 0, not {self.seed}")

    @property
    def networks_file(self) -> Path:
        """Encoder, generator and renderer."""
        return self.networks / "avatar.pt" if self.networks.is_dir() else self.networks


def create(config: CreateConfig) -> int:
    """Make the avatar, and say how near it is to the photos; returns the status. Raises DinarError."""
    console = Console(stderr=True)
    networks = load_avatar_networks(config.networks_file)
    person = read_person(config.data, config.person, config.views, networks.preset.texture_size, console)
    made = make_texture(networks, person, config, console)
    avatar = few_shot_avatar(made.texture, made.renderer, person, _about(networks, person, config))
    console.print("making the networks of the file: ONNX, int8")
    packaged = package(avatar, made.renderer, calibration_rasters(avatar, person.given))
    report = None if config.report is None else draw_report(packaged.avatar, person)
    save_avatar(config.out, packaged.avatar)
    if config.report is not None and report is not None:
        write_file(config.report, report)
    Console().print(_summary(config, person, made, packaged), soft_wrap=True, highlight=False, markup=False)
    return 0


def make_texture(networks: AvatarNetworks, person: Person, config: CreateConfig, console: Console) -> Tuned:
    """Make texture and renderer, tuned to the person if that is asked for."""
    texture = few_shot_texture(
        networks, [seen.view for seen in person.given], [seen.texture for seen in person.given]
    )
    if config.tune == 0:
        return Tuned(texture, networks.renderer)
    perceptual = perceptual_loss()
    console.print(perceptual.sentence, soft_wrap=True, highlight=False)
    options = TuneOptions(config.tune, config.seed)
    return tune(networks.renderer, texture, person.given, options, perceptual, console)


def calibration_rasters(avatar: Avatar, views: tuple[GivenView, ...]) -> list[np.ndarray]:
    """Draw what the int8 network is calibrated with: the person's own views, and built-in motions.

    Args:
        avatar: with its texture.
        views: of the person; the largest says how large the pictures are, up to 512 pixels.

    Returns:
        uint8 [side, side, 22] each.
    """
    largest = max(max(seen.view.mask.shape) for seen in views)
    side = min(padded(largest), _CALIBRATION_SIDE)
    source = RasterSource(avatar, side, side)
    own = [source.draw(seen.view.pose, _within(seen.view.camera, side)) for seen in views]
    return [*own, *calibration_views(avatar, side, side)]


def _within(camera: Camera, side: int) -> Camera:
    """The same view, as large as a square takes it; the square goes on to its right or below."""
    K = camera.K.copy()
    K[:2] *= side / max(camera.width, camera.height)
    return Camera(camera.T_camera_world, K, side, side)


def _about(networks: AvatarNetworks, person: Person, config: CreateConfig) -> About:
    numbers = ", ".join(str(seen.view.view) for seen in person.given)
    tuned = f", tuned to them for {config.tune} steps (seed {config.seed})" if config.tune else ""
    return About(
        name=person.name,
        provenance=(
            f"Made by dinar create from views {numbers} of person {person.name} in the dataset "
            f"{person.info.name!r} ({person.info.source}), with networks of preset "
            f"{networks.preset.name}{tuned}."
        ),
        licence=person.info.licence,
    )


def _summary(config: CreateConfig, person: Person, made: Tuned, packaged: Packaged) -> str:
    def near(views: tuple[SeenView, ...], kind: str) -> str:
        reached: MeanQuality = quality(made.renderer, made.texture, views)
        return (
            f"PSNR {reached.person_psnr:.1f} dB and mask IoU {100 * reached.mask_iou:.1f}% "
            f"on {len(views)} {kind} views"
        )

    parts = [near(person.given, "given")]
    if person.held_out:
        parts.append(near(person.held_out, "held-out"))
    parts.append(f"int8 within {packaged.int8_psnr:.1f} dB of float32")
    tuned = f", tuned for {config.tune} steps" if config.tune else ""
    return f"wrote {config.out}: person {person.name}{tuned}; {', '.join(parts)}"


def _check_file(name: str, path: Path, ending: str) -> None:
    if path.suffix != ending:
        raise UsageError(f"--{name} must name a {ending} file, not {path}")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise UsageError(f"--{name} {path} cannot be written: give a file in a folder that is there")
