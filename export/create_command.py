"""`dinar create`: a few photos of one person to an avatar file.

Here photo, trainer and avatar file meet: the trainer makes texture and renderer, this package the networks
within the file.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from rich.console import Console

from dinar.export.create_config import CreateConfig
from dinar.export.create_report import draw_report
from dinar.export.package import Packaged, package
from dinar.export.views import calibration_views
from dinar.runtime.avatar import Avatar, save_avatar
from dinar.runtime.body import open_body_path
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.rasters import RasterSource
from dinar.runtime.errors import UsageError
from dinar.runtime.files.whole_file import write_file
from dinar.runtime.prepare.crop import padded
from dinar.trainer.create.complete import CompleteOptions, complete_texture
from dinar.trainer.create.drawing import quality
from dinar.trainer.create.few_shot_avatar import About, few_shot_avatar
from dinar.trainer.create.person import GivenView, Person, SeenView, read_person
from dinar.trainer.create.photos import find_photos, read_photos
from dinar.trainer.create.stages import Stages
from dinar.trainer.create.tune import Tuned, TuneOptions, tune
from dinar.trainer.inpainting.models import find_inpainting_models
from dinar.trainer.losses.lpips import perceptual_loss
from dinar.trainer.metrics.quality import MeanQuality
from dinar.trainer.models.avatar_networks import AvatarNetworks, load_avatar_networks
from dinar.trainer.texture.few_shot import few_shot_texture
from dinar.trainer.texture.merging import BodyTexture

_CALIBRATION_SIDE = 512  # pixels, at most
_TUNING_SEED = 0  # one for all: what the photos show is the same whatever back is drawn


def create(config: CreateConfig) -> int:
    """Make the avatar, say how near it is to the photos and how long it took; returns the status.

    Raises DinarError.
    """
    console = Console(stderr=True)
    stages = Stages(console)
    with stages.stage("networks"):
        device = _device(config)
        networks = load_avatar_networks(config.networks_file).to(device)
        models = None if config.no_inpainting else find_inpainting_models(config.networks)
    with stages.stage("photos"):
        person = _person(config, networks.preset.texture_size, console)
    with stages.stage("texture"):
        shown = few_shot_texture(
            networks, [seen.view for seen in person.given], [seen.texture for seen in person.given]
        )
    made = _tuned(shown, networks, person, config, stages)
    if models is not None:
        with stages.stage("inpainting"):
            options = CompleteOptions(config.seed, config.sampling)
            texture = complete_texture(made.texture, person.body, models.to(device), options, console)
            made = replace(made, texture=texture)
    packaged = _packed(networks, person, made, config, stages, inpainted=models is not None)
    if config.report is not None:
        with stages.stage("report"):
            write_file(config.report, draw_report(packaged.avatar, person, shown))
    print_plainly(_summary(config, person, made, packaged))
    print_plainly(stages.summary())
    return 0


def print_plainly(line: str) -> None:
    """Print a line as it is, unbroken."""
    Console().print(line, soft_wrap=True, highlight=False, markup=False)


def _device(config: CreateConfig) -> torch.device:
    """Raises UsageError: a GPU was asked for, and there is none."""
    there = torch.cuda.is_available()
    if config.device == "cuda" and not there:
        raise UsageError("--device cuda: torch finds no NVIDIA GPU here; leave the flag out, or say cpu")
    return torch.device("cuda" if there and config.device != "cpu" else "cpu")


def _person(config: CreateConfig, texture_size: int, console: Console) -> Person:
    if config.data is not None and config.person is not None:
        person = read_person(config.data, config.person, config.views, texture_size, console)
        return replace(person, origin=replace(person.origin, name=config.name or config.person))
    photos = find_photos(config.photos, config.mask, config.fit, config.name)
    return read_photos(photos, config.body or open_body_path(), config.licence, texture_size, console)


def _tuned(
    texture: BodyTexture, networks: AvatarNetworks, person: Person, config: CreateConfig, stages: Stages
) -> Tuned:
    """Tune to the person what is to be tuned: everything, colours alone, or nothing."""
    if config.tune:
        options = TuneOptions(config.tune, _TUNING_SEED)
    elif config.colour_steps:
        options = TuneOptions.colours_alone(config.colour_steps, _TUNING_SEED)
    else:
        return Tuned(texture, networks.renderer)
    with stages.stage("tuning"):
        perceptual = perceptual_loss()
        stages.console.print(perceptual.sentence, soft_wrap=True, highlight=False)
        return tune(networks.renderer, texture, person.given, options, perceptual, stages.console)


def _packed(
    networks: AvatarNetworks,
    person: Person,
    made: Tuned,
    config: CreateConfig,
    stages: Stages,
    *,
    inpainted: bool,
) -> Packaged:
    """Make the file: texture, ONNX networks, preview."""
    with stages.stage("file"):
        renderer = made.renderer.to("cpu")
        avatar = few_shot_avatar(
            made.texture, renderer, person, _about(networks, person, config, inpainted=inpainted)
        )
        packaged = package(avatar, renderer, calibration_rasters(avatar, person.given))
        save_avatar(config.out, packaged.avatar)
    return packaged


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


def _about(networks: AvatarNetworks, person: Person, config: CreateConfig, *, inpainted: bool) -> About:
    tuned = ""
    if config.tune:
        tuned = f", tuned to them for {config.tune} steps"
    elif config.colour_steps:
        tuned = f", colours tuned to them for {config.colour_steps} steps"
    drawn = (
        f" What they do not show was drawn by diffusion ({config.sampler}, {config.sampler_steps} steps, "
        f"strength {config.strength:g}, seed {config.seed})."
    )
    return About(
        name=person.origin.name,
        provenance=(
            f"Made by dinar create from {person.origin.source}, with networks of preset "
            f"{networks.preset.name}{tuned}.{drawn if inpainted else ''}"
        ),
        licence=person.origin.licence,
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
    return f"wrote {config.out}: person {person.origin.name}{tuned}; {', '.join(parts)}"
