"""What a training would take, said beforehand: `dinar train ... --dry-run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.console import Console

from dinar.trainer.data.live_samples import PhotoCount
from dinar.trainer.models.description import (
    HEADER,
    PartRow,
    describe_denoiser,
    describe_preset,
    describe_vqgan,
)
from dinar.trainer.models.presets import AvatarPreset
from dinar.trainer.models.renderer import LIVE, count_flops
from dinar.trainer.models.vqgan import REDUCTION
from dinar.trainer.train.config import (
    TrainAvatarConfig,
    TrainDiffusionConfig,
    TrainLiveConfig,
    TrainVqganConfig,
)

_STATES = 4  # float32 numbers kept for a parameter: itself, its gradient, two moments; E, G and θ an average


def print_plan(config: TrainAvatarConfig, console: Console) -> None:
    """Print a preset's networks, what they cost, and how long they are trained."""
    rows = describe_preset(config.sizes)
    console.print(f"preset {config.sizes.name}, each network for one picture:", highlight=False)
    _print_rows(rows, console)
    samples = config.step_count * config.batch_size
    console.print(
        f"{sum(row.parameters for row in rows) / 1e6:.2f} M parameters; {config.step_count:,} steps of "
        f"{config.batch_size} pairs, {samples:,} pairs; about {step_flops(config) / 1e12:.3f} TFLOP a step, "
        f"{training_memory(config) / 2**30:.2f} GiB of memory",
        soft_wrap=True,
        highlight=False,
    )


def step_flops(config: TrainAvatarConfig) -> float:
    """Operations of a step: E, G and θ forward and backward (three times forward), D as often as it is used.

    D sees the drawn pictures for E, G and θ (forward, and backward to the picture), then drawn and true ones
    for itself (forward and backward). R1, in one of sixteen steps, is left out.
    """
    *drawing, judging = (row.flops for row in describe_preset(config.sizes))
    return config.batch_size * (3 * sum(drawing) + (2 + 2 * 3) * judging)


def training_memory(config: TrainAvatarConfig) -> float:
    """Bytes of weights, their gradients, moments and averages, and of what the backward pass needs.

    An estimate from above for activations in float32: those of D for both kinds of pictures are kept at once.
    """
    *drawing, judging = describe_preset(config.sizes)
    numbers = sum((_STATES + 1) * row.parameters for row in drawing) + _STATES * judging.parameters
    kept = sum(row.kept for row in drawing) + 2 * judging.kept
    return 4 * numbers + config.batch_size * kept


# --- The renderer that is shown live ----------------------------------------------------------------


def print_live_plan(config: TrainLiveConfig, teacher: AvatarPreset, console: Console) -> None:
    """Print the student's size, what it starts from, what a step costs, and how long it is trained."""
    plan = plan_live(config, teacher)
    console.print(f"student {LIVE.name}, for one picture:", highlight=False)
    _print_rows([plan.student], console)
    beginning = (
        "starts from its teacher's weights and learns from photos"
        if teacher.renderer == LIVE
        else f"starts anew and learns from photos and from its teacher's renderer {teacher.renderer.name}"
    )
    samples = config.step_count * config.batch_size
    console.print(
        f"{beginning} (preset {teacher.name}); {config.step_count:,} steps of {config.batch_size} pictures, "
        f"{samples:,} pictures; about {plan.step_flops / 1e12:.3f} TFLOP a step",
        soft_wrap=True,
        highlight=False,
    )


@dataclass(frozen=True)
class LivePlan:
    """What training the live renderer takes.

    Attributes:
        student: its size.
        step_flops: operations of a step: the student forward and backward (three times forward), E and G
            forward for each photo of a sample, the teacher's θ forward where the student learns from it.
    """

    student: PartRow
    step_flops: float


def plan_live(config: TrainLiveConfig, teacher: AvatarPreset) -> LivePlan:
    """Count what a training takes whose teacher has this preset."""
    encoder, generator, student, _ = describe_preset(replace(teacher, renderer=LIVE))
    count, side = PhotoCount(), teacher.image_size
    photos = (count.least + count.most) / 2  # of a sample, in the mean
    taught = 0 if teacher.renderer == LIVE else count_flops(teacher.renderer, side, side)
    each = 3 * student.flops + photos * (encoder.flops + generator.flops) + taught
    return LivePlan(student, config.batch_size * each)


# --- The autoencoder of textures --------------------------------------------------------------------


def print_vqgan_plan(config: TrainVqganConfig, console: Console) -> None:
    """Print the autoencoder's networks, what a step costs, and how long it is trained. Raises DinarError."""
    vqgan, avatar = config.sizes.vqgan, config.avatar_sizes
    rows = describe_vqgan(vqgan, avatar.texture_size)
    console.print(f"autoencoder {vqgan.name}, for one texture:", highlight=False)
    _print_rows(rows, console)
    joint = config.joint_step_count
    console.print(
        f"{vqgan.codes:,} codes of {vqgan.code_size} numbers; {config.step_count - joint:,} steps of "
        f"{config.batch_size} pictures alone, then {joint:,} with encoder, generator and renderer; about "
        f"{vqgan_step_flops(config) / 1e12:.3f} TFLOP a step",
        soft_wrap=True,
        highlight=False,
    )


def vqgan_step_flops(config: TrainVqganConfig) -> float:
    """Operations of a step before the joint ones: the autoencoder forward and backward (three times forward).

    E and G forward for each photo of a sample, θ forward and backward to the raster, D as `step_flops` says.
    """
    coder = sum(row.flops for row in describe_vqgan(config.sizes.vqgan, config.avatar_sizes.texture_size))
    encoder, generator, renderer, judge = (row.flops for row in describe_preset(config.avatar_sizes))
    photos = (PhotoCount().least + PhotoCount().most) / 2
    each = 3 * coder + photos * (encoder + generator) + 2 * renderer + (2 + 2 * 3) * judge
    return config.batch_size * each


# --- The diffusion model ----------------------------------------------------------------------------


def print_diffusion_plan(config: TrainDiffusionConfig, console: Console) -> None:
    """Print the denoiser, what a step costs, and how long it is trained. Raises DinarError."""
    row = diffusion_row(config)
    console.print(f"denoiser {config.sizes.denoiser.name}, for the latents of one texture:", highlight=False)
    _print_rows([row], console)
    console.print(
        f"{config.step_count:,} steps of {config.batch_size} textures, each person's in "
        f"{config.sizes.colour_shifts} colour shifts; about {3 * config.batch_size * row.flops / 1e12:.3f} "
        "TFLOP a step",
        soft_wrap=True,
        highlight=False,
    )


def diffusion_row(config: TrainDiffusionConfig) -> PartRow:
    """Size and cost of the denoiser."""
    return describe_denoiser(config.sizes.denoiser, config.avatar_sizes.texture_size // REDUCTION)


def _print_rows(rows: Sequence[PartRow], console: Console) -> None:
    table = [HEADER, *(row.cells for row in rows)]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(HEADER))]
    for cells in table:
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        console.print(f"  {line}".rstrip(), soft_wrap=True, highlight=False)
