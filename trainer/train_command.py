"""`dinar train`: trains the networks of the paper, resumable."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
import tyro
from rich.console import Console

from dinar.runtime.errors import UsageError
from dinar.runtime.files.bodies import find_body
from dinar.trainer.data.avatar_samples import AvatarBatch, AvatarData, AvatarSamples, SampleSizes
from dinar.trainer.data.dataset.dataset import PairDataset, PeopleDataset
from dinar.trainer.data.dataset.layout import DatasetError, DatasetInfo, people_of, read_info
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.data.dataset.splits import Split, read_splits
from dinar.trainer.data.prepared_views import ViewPreparer, ViewStore
from dinar.trainer.lpips import PerceptualLoss, perceptual_loss
from dinar.trainer.models.description import HEADER, describe_preset
from dinar.trainer.models.presets import PRESETS, AvatarPreset
from dinar.trainer.train_avatar import AvatarTraining, PreviewSamples
from dinar.trainer.training.loop import Ended, RunOptions, train
from dinar.trainer.training.processes import Precision, Processes, open_processes

STOPPED = 130  # what a shell says of Ctrl-C
_PREVIEWS = 8  # samples
_STATES = 4  # float32 numbers kept for a parameter: itself, its gradient, two moments; E, G and θ an average


@dataclass(frozen=True)
class TrainConfig:
    """Train the avatar model end to end: encoder, generator and renderer (docs/training.md).

    The same command goes on where it was stopped. On several GPUs:
    torchrun --nproc-per-node N --no-python dinar train avatar ...
    """

    what: tyro.conf.Positional[Literal["avatar"]]
    """What to train."""
    data: Path | None = None
    """The dataset: the folder with dataset.json."""
    out: Path | None = None
    """Folder of the run: checkpoints, networks, sheets, curves."""
    preset: str = "small"
    """tiny, small or paper: sizes of all networks, of the pictures, batch and steps."""
    steps: int | None = None
    """Altogether; the preset's when left out."""
    batch: int | None = None
    """Pairs of pictures a step, of all processes together; the preset's when left out."""
    workers: int | None = None
    """Processes that prepare samples, for each one that trains; chosen by the processors when left out."""
    precision: Precision = "32"
    """Of networks while they train: 32 bits, or bf16."""
    lpips: Path | None = None
    """Folder with the weights of LPIPS; looked for where other programs leave them when left out."""
    seed: int = 0
    """Of weights, pairs, crops and backgrounds."""
    save_every: int = 200
    """Steps between checkpoints."""
    sheet_every: int = 500
    """Steps between sheets of pictures, and scores on people not trained on."""
    keep_nothing: bool = False
    """Prepare each view anew each time: saves 0.4 MB of disk a view, costs a third of a second of a core."""
    dry_run: bool = False
    """Print what would be trained, and end."""

    def __post_init__(self) -> None:
        """Raise UsageError for values that cannot be."""
        if self.preset not in PRESETS:
            raise UsageError(f"--preset must be one of {', '.join(PRESETS)}, not {self.preset}")
        if not self.dry_run and (self.data is None or self.out is None):
            raise UsageError("training needs a dataset (--data DIR) and a folder for the run (--out DIR)")
        for name in ("steps", "batch", "save_every", "sheet_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"--{name.replace('_', '-')} must be at least 1, not {value}")
        if self.workers is not None and self.workers < 0:
            raise UsageError(f"--workers must be at least 0, not {self.workers}")
        if self.seed < 0:
            raise UsageError(f"--seed must be at least 0, not {self.seed}")
        group = PRESETS[self.preset].minibatch_group
        if self.batch is not None and self.batch % group:
            raise UsageError(
                f"--batch must be a multiple of {group}, pictures that the discriminator of preset "
                f"{self.preset} compares with each other, not {self.batch}"
            )

    @property
    def sizes(self) -> AvatarPreset:
        """The preset."""
        return PRESETS[self.preset]

    @property
    def batch_size(self) -> int:
        """Samples of a step."""
        return self.batch or self.sizes.batch

    @property
    def step_count(self) -> int:
        """Steps altogether."""
        return self.steps or self.sizes.steps


def train_command(config: TrainConfig) -> int:
    """Run the training that was chosen; returns the exit status. Raises DinarError."""
    if config.dry_run:
        print_plan(config, Console())
        return 0
    return STOPPED if train_avatar(config, Console(stderr=True)).stopped else 0


def train_avatar(config: TrainConfig, console: Console) -> Ended:
    """Train, or go on, and say how it ended. Raises DinarError."""
    root, out = config.data, config.out
    assert root is not None
    assert out is not None  # TrainConfig sees to both
    here = open_processes(config.precision)
    _check_share(config, here)
    info = read_info(root)
    perceptual = perceptual_loss(config.lpips)
    if here.rank == 0:
        console.print(perceptual.sentence, soft_wrap=True, highlight=False)
    views = _open_views(config, info, root, out)
    data = _open_data(config, root, views, here, console)
    torch.manual_seed(config.seed)
    training = AvatarTraining(config.sizes, perceptual, _previews(config, root, views, here), here)
    options = RunOptions(
        folder=out,
        identity=_identity(config, info, perceptual),
        steps=config.step_count,
        seed=config.seed,
        save_every=config.save_every,
        preview_every=config.sheet_every,
        images=config.batch_size,
    )
    ended = train(training, data, options, here, console)
    if here.rank == 0:
        what = "stopped, run the same command to go on" if ended.stopped else "done"
        console.print(
            f"{out}: {what}: step {ended.step} of {options.steps}, {ended.images_per_second:.1f} images/s, "
            f"{100 * ended.waiting:.0f}% of the time waiting for data",
            soft_wrap=True,
            highlight=False,
        )
    return ended


def _check_share(config: TrainConfig, here: Processes) -> None:
    group = config.sizes.minibatch_group
    if config.batch_size % (here.ranks * group):
        raise UsageError(
            f"{here.ranks} processes share each batch in groups of {group}: --batch must be a multiple of "
            f"{here.ranks * group}, not {config.batch_size}"
        )


def _identity(config: TrainConfig, info: DatasetInfo, perceptual: PerceptualLoss) -> str:
    """What makes a run this one: all that its weights at some step depend on."""
    return json.dumps(
        {
            "training": config.what,
            "preset": asdict(config.sizes),
            "dataset": info.name,
            "body": info.body,
            "batch": config.batch_size,
            "seed": config.seed,
            "precision": config.precision,
            "LPIPS": perceptual.is_lpips,
        }
    )


def _open_views(config: TrainConfig, info: DatasetInfo, root: Path, out: Path) -> ViewStore:
    side = config.sizes.texture_size
    preparer = ViewPreparer(find_body(info.body, info.body_vertices), side)
    folder = None if config.keep_nothing else out / "views"
    return ViewStore(preparer, root, folder, f"{info.body} {side}")


def _open_data(
    config: TrainConfig, root: Path, views: ViewStore, here: Processes, console: Console
) -> AvatarData:
    with progress_bar(console) as bar:
        task = bar.add_task("looking through files")
        people = PeopleDataset(
            root,
            "train",
            on_bad="skip",
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if here.rank == 0:
        console.print(people.describe(), soft_wrap=True, highlight=False)
    size = config.sizes.image_size
    return AvatarData(
        AvatarSamples(PairDataset(people, config.seed), views, SampleSizes(size, size)),
        config.batch_size,
        _worker_count(config, here),
        here.rank,
        here.ranks,
        pin=here.device.type == "cuda",
    )


def _worker_count(config: TrainConfig, here: Processes) -> int:
    """Beside a GPU most of the processors, shared by all that train; where processors train, one worker."""
    if config.workers is not None:
        return config.workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, (cores - here.ranks) // here.ranks)) if here.device.type == "cuda" else 1


def _previews(config: TrainConfig, root: Path, views: ViewStore, here: Processes) -> PreviewSamples:
    """The samples that show how far the training is: whole views of people that it does not see, if any."""
    kind: Split = "val" if read_splits(root, people_of(root)).val else "train"
    if here.rank != 0:
        return PreviewSamples(kind, ())
    try:
        pairs = PairDataset(PeopleDataset(root, kind, on_bad="skip"), config.seed)
    except DatasetError:  # nobody there has two whole views
        kind = "train"
        pairs = PairDataset(PeopleDataset(root, kind, on_bad="skip"), config.seed)
    samples = AvatarSamples(pairs, views, SampleSizes(config.sizes.image_size, None))
    batches = [samples[index] for index in range(min(_PREVIEWS, 2 * len(pairs)))]
    return PreviewSamples(kind, tuple(batch for batch in batches if isinstance(batch, AvatarBatch)))


# --- Saying what would be done ----------------------------------------------------------------------


def print_plan(config: TrainConfig, console: Console) -> None:
    """Print a preset's networks, what they cost, and how long they are trained."""
    rows = describe_preset(config.sizes)
    console.print(f"preset {config.preset}, each network for one picture:", highlight=False)
    table = [HEADER, *(row.cells for row in rows)]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(HEADER))]
    for cells in table:
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        console.print(f"  {line}".rstrip(), soft_wrap=True, highlight=False)
    samples = config.step_count * config.batch_size
    console.print(
        f"{sum(row.parameters for row in rows) / 1e6:.2f} M parameters; {config.step_count:,} steps of "
        f"{config.batch_size} pairs, {samples:,} pairs; about {step_flops(config) / 1e12:.3f} TFLOP a step, "
        f"{training_memory(config) / 2**30:.2f} GiB of memory",
        soft_wrap=True,
        highlight=False,
    )


def step_flops(config: TrainConfig) -> float:
    """Operations of a step: E, G and θ forward and backward (three times forward), D as often as it is used.

    D sees the drawn pictures for E, G and θ (forward, and backward to the picture), then drawn and true ones
    for itself (forward and backward). R1, in one of sixteen steps, is left out.
    """
    *drawing, judging = (row.flops for row in describe_preset(config.sizes))
    return config.batch_size * (3 * sum(drawing) + (2 + 2 * 3) * judging)


def training_memory(config: TrainConfig) -> float:
    """Bytes of weights, their gradients, moments and averages, and of what the backward pass needs.

    An estimate from above for activations in float32: those of D for both kinds of pictures are kept at once.
    """
    *drawing, judging = describe_preset(config.sizes)
    numbers = sum((_STATES + 1) * row.parameters for row in drawing) + _STATES * judging.parameters
    kept = sum(row.kept for row in drawing) + 2 * judging.kept
    return 4 * numbers + config.batch_size * kept
