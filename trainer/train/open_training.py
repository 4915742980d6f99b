"""What every training opens before its first step: processes, dataset, prepared views, Eq. 4's distance."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from dinar.runtime.errors import UsageError
from dinar.runtime.files.bodies import find_body
from dinar.trainer.data.avatar_samples import AvatarData, Samples
from dinar.trainer.data.dataset.dataset import PairDataset, PeopleDataset
from dinar.trainer.data.dataset.layout import DatasetError, DatasetInfo, people_of, read_info
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.data.dataset.splits import Split, read_splits
from dinar.trainer.data.prepared_views import ViewPreparer, ViewStore
from dinar.trainer.losses.lpips import PerceptualLoss, perceptual_loss
from dinar.trainer.models.presets import AvatarPreset
from dinar.trainer.rasterize.rasterizer import uses_nvdiffrast
from dinar.trainer.train.config import DrawingOptions, TrainOptions
from dinar.trainer.train.run.processes import Processes, open_processes
from dinar.trainer.train.views import PreviewSamples

Batch = TypeVar("Batch")

_PREVIEWS = 8  # samples


@dataclass(frozen=True, eq=False)
class Opened:
    """What a training stands on.

    Attributes:
        out: the run's folder.
        here: this process.
        info: of the dataset.
        views: prepared ones.
        pairs: of people to learn from.
    """

    out: Path
    here: Processes
    info: DatasetInfo
    views: ViewStore
    pairs: PairDataset


def open_training(config: TrainOptions, preset: AvatarPreset, console: Console) -> Opened:
    """Open all of it, and say what it is. Raises DinarError."""
    root, out = config.data, config.out
    assert root is not None
    assert out is not None  # TrainOptions sees to both
    here = open_processes(config.precision)
    _check_share(config, here)
    info = read_info(root)
    views = _open_views(config, preset, info, here)
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
    return Opened(out, here, info, views, PairDataset(people, config.seed))


def open_perceptual(config: DrawingOptions, here: Processes, console: Console) -> PerceptualLoss:
    """Open the distance of Eq. 4, and say which it is. Raises DinarError."""
    perceptual = perceptual_loss(config.lpips)
    if here.rank == 0:
        console.print(perceptual.sentence, soft_wrap=True, highlight=False)
    return perceptual


def _check_share(config: TrainOptions, here: Processes) -> None:
    share = here.ranks * config.group
    if config.batch_size % share:
        raise UsageError(
            f"{here.ranks} processes share each batch in groups of {config.group}: --batch must be a "
            f"multiple of {share}, not {config.batch_size}"
        )


def _open_views(config: TrainOptions, preset: AvatarPreset, info: DatasetInfo, here: Processes) -> ViewStore:
    assert config.data is not None
    assert config.out is not None  # TrainOptions sees to both
    side = preset.texture_size
    preparer = ViewPreparer(find_body(info.body, info.body_vertices), side, here.device)
    folder = None if config.keep_nothing else config.views or config.out / "views"
    kind = f"{info.body} {side}{' nvdiffrast' if uses_nvdiffrast(here.device) else ''}"
    return ViewStore(preparer, config.data, folder, kind)


def step_data(config: TrainOptions, samples: Samples[Batch], here: Processes) -> AvatarData[Batch]:
    """This process's share of the batches."""
    return AvatarData(
        samples,
        config.batch_size,
        _worker_count(config, here),
        here.rank,
        here.ranks,
        pin=here.device.type == "cuda",
    )


def _worker_count(config: TrainOptions, here: Processes) -> int:
    """Beside a GPU most of the processors, shared by all that train; where processors train, one worker."""
    if config.workers is not None:
        return config.workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, (cores - here.ranks) // here.ranks)) if here.device.type == "cuda" else 1


def open_previews(
    opened: Opened, samples_of: Callable[[PairDataset], Samples[Batch]]
) -> PreviewSamples[Batch]:
    """The samples that show how far the training is: whole views of people that it does not see, if any.

    Args:
        opened: what the training stands on; its first process alone has previews.
        samples_of: makes samples of pairs.
    """
    root, seed = opened.pairs.people.root, opened.pairs.seed
    kind: Split = "val" if read_splits(root, people_of(root)).val else "train"
    if opened.here.rank != 0:
        return PreviewSamples(kind, ())
    try:
        pairs = PairDataset(PeopleDataset(root, kind, on_bad="skip"), seed)
    except DatasetError:  # nobody there has two whole views
        kind = "train"
        pairs = PairDataset(PeopleDataset(root, kind, on_bad="skip"), seed)
    return PreviewSamples(kind, whole_samples(samples_of(pairs), range(min(_PREVIEWS, 2 * len(pairs)))))


def whole_samples(samples: Samples[Batch], indices: Iterable[int]) -> tuple[Batch, ...]:
    """Make some samples here and now; those of which something is wrong are left out."""
    made = (samples[index] for index in indices)
    return tuple(sample for sample in made if not isinstance(sample, DatasetError))
