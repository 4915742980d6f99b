"""The flags of `dinar train`: what all trainings take, and what each kind takes beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dinar.runtime.errors import DinarError, UsageError
from dinar.trainer.models.avatar_networks import NETWORKS, load_avatar_networks, networks_file
from dinar.trainer.models.inpainting_presets import INPAINTING_PRESETS, InpaintingPreset
from dinar.trainer.models.presets import PRESETS, AvatarPreset
from dinar.trainer.models.vqgan import VQGAN
from dinar.trainer.train.ablation import Reads
from dinar.trainer.train.run.processes import Precision

LIVE_BATCH, LIVE_STEPS = 4, 1000


@dataclass(frozen=True)
class TrainOptions(ABC):
    """What every training takes."""

    data: Path | None = None
    """The dataset: the folder with dataset.json."""
    out: Path | None = None
    """Folder of the run: checkpoints, networks, sheets, curves."""
    steps: int | None = None
    """Altogether; see docs/training.md for how many when left out."""
    batch: int | None = None
    """Pictures drawn in a step, of all processes together; the preset's when left out."""
    workers: int | None = None
    """Processes that prepare samples, for each one that trains; chosen by the processors when left out."""
    precision: Precision = "32"
    """Of networks while they train: 32 bits, or bf16."""
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
    views: Path | None = None
    """Folder for what is prepared of each view, for several runs on one dataset; OUT/views when left out."""

    def __post_init__(self) -> None:
        """Raise UsageError for values that cannot be."""
        self.check()
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
                f"--batch must be a multiple of {self.group}, pictures that the discriminator compares with "
                f"each other, not {self.batch}"
            )

    @property
    @abstractmethod
    def kind(self) -> str:
        """What is trained, as it is called on the command line."""

    @abstractmethod
    def check(self) -> None:
        """Raise UsageError for values of this kind's own flags that cannot be."""

    @property
    @abstractmethod
    def group(self) -> int:
        """Pictures that each process's batch is a multiple of."""

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """Samples of a step."""

    @property
    @abstractmethod
    def step_count(self) -> int:
        """Steps altogether."""


@dataclass(frozen=True)
class DrawingOptions(TrainOptions):
    """What trainings take that draw people and compare them with photos."""

    lpips: Path | None = None
    """Folder with the weights of LPIPS; looked for where other programs leave them when left out."""


@dataclass(frozen=True)
class TrainAvatarConfig(DrawingOptions):
    """Train encoder, generator and renderer of avatars, end to end (docs/training.md).

    The same command goes on where it was stopped. On several GPUs:
    torchrun --nproc-per-node N --no-python dinar train avatar ...
    """

    preset: str = "small"
    """tiny, small or paper: sizes of all networks, of the pictures, batch and steps."""
    reads: Reads = "both"
    """What the renderer reads of the texture: both, rgb (the photo's colours) or neural (what the generator
    makes of it), to compare with (Table 2)."""

    kind = "avatar"

    def check(self) -> None:
        """See `TrainOptions`."""
        if self.preset not in PRESETS:
            raise UsageError(f"--preset must be one of {', '.join(PRESETS)}, not {self.preset}")

    @property
    def sizes(self) -> AvatarPreset:
        """The preset."""
        return PRESETS[self.preset]

    @property
    def group(self) -> int:
        """See `TrainOptions`."""
        return self.sizes.minibatch_group

    @property
    def batch_size(self) -> int:
        """See `TrainOptions`."""
        return self.batch or self.sizes.batch

    @property
    def step_count(self) -> int:
        """See `TrainOptions`."""
        return self.steps or self.sizes.steps


@dataclass(frozen=True)
class TrainLiveConfig(DrawingOptions):
    """Train the renderer that is shown live, from networks that are trained already (docs/training.md).

    The same command goes on where it was stopped.
    """

    teacher: Path | None = None
    """The run of `dinar train avatar` to learn from, its folder or its avatar.pt."""

    kind = "live"
    group = 1

    def check(self) -> None:
        """See `TrainOptions`."""
        if self.teacher is None:
            raise UsageError(
                "`dinar train live` learns from a run of `dinar train avatar`: name it (--teacher DIR)"
            )
        if self.out is not None and self.out.resolve() == self.teacher_file.parent.resolve():
            raise UsageError(f"--out {self.out} is the teacher's own folder: name another")

    @property
    def batch_size(self) -> int:
        """See `TrainOptions`."""
        return self.batch or LIVE_BATCH

    @property
    def step_count(self) -> int:
        """See `TrainOptions`."""
        return self.steps or LIVE_STEPS

    @property
    def teacher_file(self) -> Path:
        """The networks of the teacher."""
        assert self.teacher is not None  # seen to above
        return networks_file(self.teacher)


class InpaintingOptions(ABC):
    """What trainings of the inpainting models know by the avatar networks that they go with."""

    @property
    @abstractmethod
    def networks_file(self) -> Path:
        """E, G and θ."""

    @cached_property
    def avatar_sizes(self) -> AvatarPreset:
        """Sizes of E, G and θ; reads their file. Raises DinarError."""
        return load_avatar_networks(self.networks_file).preset

    @property
    def sizes(self) -> InpaintingPreset:
        """The preset that goes with them. Raises DinarError: there is none of the same name."""
        name = self.avatar_sizes.name
        if name not in INPAINTING_PRESETS:
            raise DinarError(
                f"{self.networks_file} is of preset {name}, for which there are no inpainting models: "
                f"train one of {', '.join(INPAINTING_PRESETS)}"
            )
        return INPAINTING_PRESETS[name]


@dataclass(frozen=True)
class TrainVqganConfig(InpaintingOptions, DrawingOptions):
    """Train the autoencoder of neural textures, in whose latents diffusion works (docs/training.md).

    The same command goes on where it was stopped.
    """

    networks: Path | None = None
    """The run of `dinar train avatar` that makes the textures and draws them, its folder or its avatar.pt."""
    joint_steps: int | None = None
    """The last of all steps, in which encoder, generator and renderer learn as well; the preset's when left
    out."""

    kind = "vqgan"

    def check(self) -> None:
        """See `TrainOptions`."""
        if self.networks is None:
            raise UsageError(
                "`dinar train vqgan` works on textures of a run of `dinar train avatar`: name it "
                "(--networks DIR)"
            )
        if self.out is not None and self.out.resolve() == self.networks_file.parent.resolve():
            raise UsageError(f"--out {self.out} is the folder of --networks: name another")
        joint, steps = self.joint_steps, self.steps
        if joint is not None and joint < 0:
            raise UsageError(f"--joint-steps must be at least 0, not {joint}")
        if joint is not None and steps is not None and joint > steps:
            raise UsageError(f"--joint-steps must be at most --steps, all of them, not {joint} of {steps}")

    @property
    def networks_file(self) -> Path:
        """E, G and θ."""
        assert self.networks is not None  # seen to above
        return networks_file(self.networks)

    @property
    def group(self) -> int:
        """See `TrainOptions`."""
        return self.avatar_sizes.minibatch_group

    @property
    def batch_size(self) -> int:
        """See `TrainOptions`."""
        return self.batch or self.sizes.batch

    @property
    def step_count(self) -> int:
        """See `TrainOptions`."""
        return self.steps or self.sizes.vqgan_steps + self.joint_step_count

    @property
    def joint_step_count(self) -> int:
        """Steps in which all learn, at the end."""
        return self.sizes.joint_steps if self.joint_steps is None else self.joint_steps


@dataclass(frozen=True)
class TrainDiffusionConfig(InpaintingOptions, TrainOptions):
    """Train the diffusion model that completes textures of one photo (docs/training.md).

    The same command goes on where it was stopped.
    """

    vqgan: Path | None = None
    """The folder of a run of `dinar train vqgan`: avatar.pt and vqgan.pt make the latents."""

    kind = "diffusion"
    group = 1

    def check(self) -> None:
        """See `TrainOptions`."""
        if self.vqgan is None:
            raise UsageError(
                "`dinar train diffusion` works on latents of a run of `dinar train vqgan`: name it "
                "(--vqgan DIR)"
            )
        if self.out is not None and self.out.resolve() == self.vqgan.resolve():
            raise UsageError(f"--out {self.out} is the folder of --vqgan: name another")

    @property
    def networks_file(self) -> Path:
        """E, G and θ."""
        assert self.vqgan is not None  # seen to above
        return self.vqgan / NETWORKS

    @property
    def vqgan_file(self) -> Path:
        """The autoencoder."""
        assert self.vqgan is not None  # seen to above
        return self.vqgan / VQGAN

    @property
    def batch_size(self) -> int:
        """See `TrainOptions`."""
        return self.batch or self.sizes.diffusion_batch

    @property
    def step_count(self) -> int:
        """See `TrainOptions`."""
        return self.steps or self.sizes.diffusion_steps
