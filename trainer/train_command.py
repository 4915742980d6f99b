"""`dinar train`: trains the networks of the paper, resumable."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import TypeVar

import torch
from rich.console import Console

from dinar.trainer.data.avatar_samples import AvatarSamples, Samples, SampleSizes
from dinar.trainer.data.live_samples import MOST_PHOTOS, LiveSamples, PhotoCount
from dinar.trainer.models.avatar_networks import load_avatar_networks
from dinar.trainer.models.presets import AvatarPreset
from dinar.trainer.models.renderer import LIVE
from dinar.trainer.open_training import Opened, open_previews, open_training, step_data, whole_samples
from dinar.trainer.train_avatar import AvatarTraining
from dinar.trainer.train_config import TrainConfig
from dinar.trainer.train_live import LiveTraining
from dinar.trainer.train_plan import print_live_plan, print_plan
from dinar.trainer.training.loop import Ended, RunOptions, Trainee, train

Batch = TypeVar("Batch")

STOPPED = 130  # what a shell says of Ctrl-C
_CALIBRATION = 8  # samples


def train_command(config: TrainConfig) -> int:
    """Run the training that was chosen; returns the exit status. Raises DinarError."""
    if config.dry_run:
        if config.what == "avatar":
            print_plan(config, Console())
        else:
            print_live_plan(config, load_avatar_networks(config.teacher_file).preset, Console())
        return 0
    train_it = train_avatar if config.what == "avatar" else train_live
    return STOPPED if train_it(config, Console(stderr=True)).stopped else 0


def train_avatar(config: TrainConfig, console: Console) -> Ended:
    """Train E, G and θ, or go on, and say how it ended. Raises DinarError."""
    preset = config.sizes
    opened = open_training(config, preset, console)
    previews = open_previews(
        opened, lambda pairs: AvatarSamples(pairs, opened.views, SampleSizes(preset.image_size, None))
    )
    torch.manual_seed(config.seed)
    training = AvatarTraining(preset, opened.perceptual, previews, opened.here, reads=config.reads)
    samples = AvatarSamples(opened.pairs, opened.views, SampleSizes(preset.image_size, preset.image_size))
    identity = _identity(config, opened, preset)
    if config.reads != "both":
        identity["reads"] = config.reads
    return _run(training, samples, config, opened, identity, console)


def train_live(config: TrainConfig, console: Console) -> Ended:
    """Train the renderer that is shown live, or go on, and say how it ended. Raises DinarError."""
    teacher = load_avatar_networks(config.teacher_file)
    size = teacher.preset.image_size
    opened = open_training(config, teacher.preset, console)
    previews = open_previews(
        opened,
        lambda pairs: LiveSamples(
            pairs, opened.views, SampleSizes(size, None), PhotoCount(MOST_PHOTOS, MOST_PHOTOS)
        ),
    )
    samples = LiveSamples(opened.pairs, opened.views, SampleSizes(size, size))
    calibration = whole_samples(samples, range(_CALIBRATION)) if opened.here.rank == 0 else ()
    identity = _live_identity(config, opened, teacher.preset)
    torch.manual_seed(config.seed)
    training = LiveTraining(teacher, opened.perceptual, previews, calibration, config.step_count, opened.here)
    return _run(training, samples, config, opened, identity, console)


def _run(
    training: Trainee[Batch],
    samples: Samples[Batch],
    config: TrainConfig,
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


def _identity(config: TrainConfig, opened: Opened, preset: AvatarPreset) -> dict[str, object]:
    """What makes a run this one: all that its weights at some step depend on."""
    return {
        "training": config.what,
        "preset": asdict(preset),
        "dataset": opened.info.name,
        "body": opened.info.body,
        "batch": config.batch_size,
        "seed": config.seed,
        "precision": config.precision,
        "LPIPS": opened.perceptual.is_lpips,
    }


def _live_identity(config: TrainConfig, opened: Opened, preset: AvatarPreset) -> dict[str, object]:
    """The same of `live`, whose learning rate falls over a number of steps, and which has a teacher."""
    return _identity(config, opened, replace(preset, renderer=LIVE)) | {
        "teacher": hashlib.sha256(config.teacher_file.read_bytes()).hexdigest()[:12],
        "steps": config.step_count,
    }
