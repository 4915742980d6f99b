"""`dinar train`: trains the networks of the paper, resumable."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, TypeVar

import torch
from rich.console import Console
from tyro.conf import subcommand

from dinar.runtime.files.whole_file import whole_file
from dinar.trainer.data.avatar_samples import AvatarSamples, Samples, SampleSizes
from dinar.trainer.data.live_samples import MOST_PHOTOS, LiveSamples, PhotoCount
from dinar.trainer.data.person_latents import LatentEncoder, LatentSamples
from dinar.trainer.models.avatar_networks import load_avatar_networks
from dinar.trainer.models.denoiser import Denoiser
from dinar.trainer.models.presets import AvatarPreset
from dinar.trainer.models.renderer import LIVE
from dinar.trainer.models.vqgan import load_vqgan
from dinar.trainer.train.avatar import AvatarTraining
from dinar.trainer.train.config import (
    TrainAvatarConfig,
    TrainDiffusionConfig,
    TrainLiveConfig,
    TrainOptions,
    TrainVqganConfig,
)
from dinar.trainer.train.diffusion import DiffusionTraining
from dinar.trainer.train.live import LiveTraining
from dinar.trainer.train.open_latents import open_latents
from dinar.trainer.train.open_training import Opened, open_perceptual, open_previews, open_training, step_data
from dinar.trainer.train.plan import print_diffusion_plan, print_live_plan, print_plan, print_vqgan_plan
from dinar.trainer.train.run.loop import Ended, RunOptions, Trainee, train
from dinar.trainer.train.vqgan import VqganTraining

Batch = TypeVar("Batch")

Training = TrainAvatarConfig | TrainLiveConfig | TrainVqganConfig | TrainDiffusionConfig
TrainConfig = (
    Annotated[TrainAvatarConfig, subcommand("avatar")]
    | Annotated[TrainVqganConfig, subcommand("vqgan")]
    | Annotated[TrainDiffusionConfig, subcommand("diffusion")]
    | Annotated[TrainLiveConfig, subcommand("live")]
)

STOPPED = 130  # what a shell says of Ctrl-C


def train_command(config: Training) -> int:
    """Run the training that was chosen; returns the exit status. Raises DinarError."""
    if config.dry_run:
        _print_plan(config, Console())
        return 0
    console = Console(stderr=True)
    match config:
        case TrainAvatarConfig():
            ended = train_avatar(config, console)
        case TrainLiveConfig():
            ended = train_live(config, console)
        case TrainVqganConfig():
            ended = train_vqgan(config, console)
        case TrainDiffusionConfig():
            ended = train_diffusion(config, console)
    return STOPPED if ended.stopped else 0


def _print_plan(config: Training, console: Console) -> None:
    match config:
        case TrainAvatarConfig():
            print_plan(config, console)
        case TrainLiveConfig():
            print_live_plan(config, load_avatar_networks(config.teacher_file).preset, console)
        case TrainVqganConfig():
            print_vqgan_plan(config, console)
        case TrainDiffusionConfig():
            print_diffusion_plan(config, console)


def train_avatar(config: TrainAvatarConfig, console: Console) -> Ended:
    """Train E, G and θ, or go on, and say how it ended. Raises DinarError."""
    preset = config.sizes
    opened = open_training(config, preset, console)
    perceptual = open_perceptual(config, opened.here, console)
    previews = open_previews(
        opened, lambda pairs: AvatarSamples(pairs, opened.views, SampleSizes(preset.image_size, None))
    )
    torch.manual_seed(config.seed)
    training = AvatarTraining(preset, perceptual, previews, opened.here, reads=config.reads)
    samples = AvatarSamples(opened.pairs, opened.views, SampleSizes(preset.image_size, preset.image_size))
    identity = _identity(config, opened, preset) | {"LPIPS": perceptual.is_lpips}
    if config.reads != "both":
        identity["reads"] = config.reads
    return _run(training, samples, config, opened, identity, console)


def train_live(config: TrainLiveConfig, console: Console) -> Ended:
    """Train the renderer that is shown live, or go on, and say how it ended. Raises DinarError."""
    teacher = load_avatar_networks(config.teacher_file)
    size = teacher.preset.image_size
    opened = open_training(config, teacher.preset, console)
    perceptual = open_perceptual(config, opened.here, console)
    previews = open_previews(
        opened,
        lambda pairs: LiveSamples(
            pairs, opened.views, SampleSizes(size, None), PhotoCount(MOST_PHOTOS, MOST_PHOTOS)
        ),
    )
    samples = LiveSamples(opened.pairs, opened.views, SampleSizes(size, size))
    identity = _identity(config, opened, replace(teacher.preset, renderer=LIVE)) | {
        "LPIPS": perceptual.is_lpips,
        "teacher": _fingerprint(config.teacher_file),
        "steps": config.step_count,  # over which the learning rate falls
    }
    torch.manual_seed(config.seed)
    training = LiveTraining(teacher, perceptual, previews, config.step_count, opened.here)
    return _run(training, samples, config, opened, identity, console)


def train_vqgan(config: TrainVqganConfig, console: Console) -> Ended:
    """Train the autoencoder of textures, or go on, and say how it ended. Raises DinarError."""
    networks = load_avatar_networks(config.networks_file)
    size = networks.preset.image_size
    opened = open_training(config, networks.preset, console)
    perceptual = open_perceptual(config, opened.here, console)
    previews = open_previews(
        opened, lambda pairs: LiveSamples(pairs, opened.views, SampleSizes(size, None), PhotoCount())
    )
    samples = LiveSamples(opened.pairs, opened.views, SampleSizes(size, size))
    joint_from = config.step_count - config.joint_step_count
    identity = _identity(config, opened, networks.preset) | {
        "LPIPS": perceptual.is_lpips,
        "networks": _fingerprint(config.networks_file),
        "autoencoder": asdict(config.sizes.vqgan),
        "joint from step": joint_from,
    }
    torch.manual_seed(config.seed)
    training = VqganTraining(networks, config.sizes.vqgan, perceptual, previews, joint_from, opened.here)
    return _run(training, samples, config, opened, identity, console)


def train_diffusion(config: TrainDiffusionConfig, console: Console) -> Ended:
    """Train the diffusion model, or go on, and say how it ended. Raises DinarError."""
    networks, vqgan = load_avatar_networks(config.networks_file), load_vqgan(config.vqgan_file)
    opened = open_training(config, networks.preset, console)
    here, preset = opened.here, config.sizes
    encoder = LatentEncoder(networks.to(here.device), vqgan.to(here.device), opened.views)
    files = _fingerprint(config.networks_file), _fingerprint(config.vqgan_file)
    latents = open_latents(
        opened.out / "latents" / "-".join(files), opened, encoder, preset.colour_shifts, console
    )
    torch.manual_seed(config.seed)
    denoiser = Denoiser(preset.denoiser)
    denoiser.learn_range(latents.complete)
    training = DiffusionTraining(denoiser, vqgan, latents.previews, latents.kind, preset.diffusion_rate, here)
    identity = _identity(config, opened, networks.preset) | {
        "networks": files[0],
        "autoencoder": files[1],
        "denoiser": asdict(preset.denoiser),
    }
    if here.rank == 0:
        _copy((config.networks_file, config.vqgan_file), opened.out)
    return _run(training, LatentSamples(latents.known, config.seed), config, opened, identity, console)


def _run(
    training: Trainee[Batch],
    samples: Samples[Batch],
    config: TrainOptions,
    opened: Opened,
    identity: dict[str, object],
    console: Console,
) -> Ended:
    """Train to the end, and say how it went."""
    options = RunOptions(
        folder=opened.out,
        identity=json.dumps(identity),
        steps=config.step_count,
        seed=config.seed,
        save_every=config.save_every,
        preview_every=config.sheet_every,
        images=config.batch_size,
    )
    here = opened.here
    ended = train(training, step_data(config, samples, here), options, here, console)
    if here.rank == 0:
        what = "stopped, run the same command to go on" if ended.stopped else "done"
        console.print(
            f"{opened.out}: {what}: step {ended.step} of {options.steps}, {ended.images_per_second:.1f} "
            f"images/s, {100 * ended.waiting:.0f}% of the time waiting for data",
            soft_wrap=True,
            highlight=False,
        )
    return ended


def _identity(config: TrainOptions, opened: Opened, preset: AvatarPreset) -> dict[str, object]:
    """What makes a run this one: all that its weights at some step depend on."""
    return {
        "training": config.kind,
        "preset": asdict(preset),
        "dataset": opened.info.name,
        "body": opened.info.body,
        "batch": config.batch_size,
        "seed": config.seed,
        "precision": config.precision,
    }


def _copy(files: tuple[Path, ...], folder: Path) -> None:
    """Put files into a folder, each whole or not at all: a run of diffusion is all that makes avatars."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        with whole_file(folder / file.name) as part:
            shutil.copyfile(file, part)


def _fingerprint(file: Path) -> str:
    """A few letters for what a file holds."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
