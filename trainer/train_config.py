"""The flags of `dinar train`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from dinar.runtime.errors import UsageError
from dinar.trainer.ablation import Reads
from dinar.trainer.models.presets import PRESETS, SMALL, AvatarPreset
from dinar.trainer.models.run_folder import RunFolder
from dinar.trainer.training.processes import Precision

LIVE_BATCH, LIVE_STEPS = 4, 1000


@dataclass(frozen=True)
class TrainConfig:
    """Train the networks that avatars are made of and drawn with (docs/training.md).

    avatar: encoder, generator and renderer, end to end. live: the renderer that is shown live, from those.
    The same command goes on where it was stopped. On several GPUs:
    torchrun --nproc-per-node N --no-python dinar train avatar ...
    """

    what: tyro.conf.Positional[Literal["avatar", "live"]]
    """What to train."""
    data: Path | None = None
    """The dataset: the folder with dataset.json."""
    out: Path | None = None
    """Folder of the run: checkpoints, networks, sheets, curves."""
    preset: str | None = None
    """avatar: tiny, small or paper: sizes of all networks, of the pictures, batch and steps; small when left
    out. live has its teacher's."""
    reads: Reads = "both"
    """avatar: what the renderer reads of the texture: both, rgb (the photo's colours) or neural (what the
    generator makes of it), to compare with (Table 2)."""
    steps: int | None = None
    """Altogether; the preset's when left out, 1000 for live."""
    batch: int | None = None
    """Pictures drawn in a step, of all processes together; the preset's when left out, 4 for live."""
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
    teacher: Path | None = None
    """live: the run of `dinar train avatar` to learn from, its folder or its avatar.pt."""
    views: Path | None = None
    """Folder for what is prepared of each view, for several runs on one dataset; OUT/views when left out."""

    def __post_init__(self) -> None:
        """Raise UsageError for values that cannot be."""
        self._check_kind()
        if self.preset is not None and self.preset not in PRESETS:
            raise UsageError(f"--preset must be one of {', '.join(PRESETS)}, not {self.preset}")
        if not self.dry_run and (self.data is None or self.out is None):
            raise UsageError("training needs a dataset (--data DIR) and a folder for the run (--out DIR)")
        if self.views is not None and self.keep_nothing:
            raise UsageError("--views says where to keep prepared views, --keep-nothing keeps none: give one")
        for name in ("steps", "batch", "save_every", "sheet_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"--{name.replace('_', '-')} must be at least 1, not {value}")
        if self.workers is not None and self.workers < 0:
            raise UsageError(f"--workers must be at least 0, not {self.workers}")
        if self.seed < 0:
            raise UsageError(f"--seed must be at least 0, not {self.seed}")
        if self.batch is not None and self.batch % self.group:
            raise UsageError(
                f"--batch must be a multiple of {self.group}, pictures that the discriminator of preset "
                f"{self.sizes.name} compares with each other, not {self.batch}"
            )

    def _check_kind(self) -> None:
        """Raise UsageError for flags of the other kind of training, or one that this kind misses."""
        if self.what == "avatar":
            if self.teacher is not None:
                raise UsageError("`dinar train avatar` has no teacher: leave --teacher out, or train live")
            return
        if self.teacher is None:
            raise UsageError(
                "`dinar train live` learns from a run of `dinar train avatar`: name it (--teacher DIR)"
            )
        if self.preset is not None:
            raise UsageError("`dinar train live` has its teacher's preset: leave --preset out")
        if self.reads != "both":
            raise UsageError("`dinar train live` reads what its teacher does: leave --reads out")
        if self.out is not None and self.out.resolve() == self.teacher_file.parent.resolve():
            raise UsageError(f"--out {self.out} is the teacher's own folder: name another")

    @property
    def sizes(self) -> AvatarPreset:
        """The preset of `avatar`."""
        return SMALL if self.preset is None else PRESETS[self.preset]

    @property
    def group(self) -> int:
        """Pictures that each process's batch is a multiple of."""
        return self.sizes.minibatch_group if self.what == "avatar" else 1

    @property
    def batch_size(self) -> int:
        """Samples of a step."""
        return self.batch or (self.sizes.batch if self.what == "avatar" else LIVE_BATCH)

    @property
    def step_count(self) -> int:
        """Steps altogether."""
        return self.steps or (self.sizes.steps if self.what == "avatar" else LIVE_STEPS)

    @property
    def teacher_file(self) -> Path:
        """The networks of the teacher of `live`."""
        assert self.teacher is not None  # seen to above
        return RunFolder(self.teacher).networks if self.teacher.is_dir() else self.teacher
