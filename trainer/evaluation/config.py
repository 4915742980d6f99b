"""What `dinar evaluate` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import UseAppendAction

from dinar.runtime.errors import UsageError
from dinar.runtime.files.whole_file import check_file
from dinar.trainer.inpainting.sampling import STRENGTH, Sampler, check_sampling

FillName = Literal["nearest", "mirror", "mean"]


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure avatars of one photo as the paper does: its Tables 1 and 2, with its rows beside ours."""

    data: Path
    """The dataset: the folder with dataset.json. Best with people that nothing was trained on."""
    networks: Annotated[tuple[str, ...], UseAppendAction]
    """FILE or NAME=FILE, once for each: a run of `dinar train avatar`, or its avatar.pt. Each is a row; the
    last one's textures are completed as well, each way of --fill."""
    table: Literal[1, 2] | None = None
    """Of the paper: 1, photos from the front; 2, half from the front, half from the back; else both."""
    people: int | None = None
    """How many people; all when left out."""
    fill: tuple[FillName, ...] = ("nearest", "mirror")
    """Ways without a network to complete textures; `mean` needs --mean. Where the last networks' run has a
    diffusion model (`dinar train diffusion`), that is one more."""
    mean: Path | None = None
    """The mean texture: a file of `python -m dinar.trainer.texture.mean_texture`."""
    sampler: Sampler = "dpm++"
    """How the diffusion model draws: ddpm (1000 steps are its own), ddim or dpm++."""
    sampler_steps: int = 20
    """Steps of denoising, 1 to 1000, all the way from noise."""
    strength: float = STRENGTH
    """1 begins with pure noise, as the paper does; less with the mirrored photo, and so much noise."""
    ladder: bool = False
    """Add the rows of Table 2's second half, for the last networks: without the occlusion detector, then with
    inpainting, with the detector (in place of the row of the diffusion model), and with colours tuned to the
    photo."""
    tune_steps: int = 30
    """Steps that tune the colours of the ladder's last row."""
    tune_after: bool = False
    """One more row on the ladder: colours tuned after the texture was completed, not before."""
    weights: Path | None = None
    """A folder with weights of LPIPS, DISTS, KID and ReID; where other programs leave them if left out."""
    processes: int | None = None
    """People judged at the same time, each on one thread; as many as there are processors when left out."""
    json: Path | None = None
    """Write all numbers to this .json file."""
    sheet: Path | None = None
    """Write a picture to this .png or .jpg file: photo, truth and every way, of up to ten people a table."""

    def __post_init__(self) -> None:
        """Raise UsageError for values that cannot be."""
        names = [name for name, _ in self.runs]
        if not names or len(set(names)) < len(names):
            raise UsageError(
                "--networks expects FILE or NAME=FILE, each name once (--networks rgb=a.pt --networks "
                f"both=b.pt), not {' '.join(self.networks) or 'nothing'}"
            )
        if self.people is not None and self.people < 1:
            raise UsageError(f"--people must be at least 1, not {self.people}")
        check_sampling(self.sampler_steps, self.strength)
        if self.processes is not None and self.processes < 1:
            raise UsageError(f"--processes must be at least 1, not {self.processes}")
        if self.tune_steps < 1:
            raise UsageError(f"--tune-steps must be at least 1, not {self.tune_steps}")
        if self.tune_after and not self.ladder:
            raise UsageError("--tune-after is a row on the ladder: give --ladder as well")
        if len(set(self.fill)) < len(self.fill):
            raise UsageError(f"--fill expects each way once, not {' '.join(self.fill)}")
        if ("mean" in self.fill) != (self.mean is not None):
            raise UsageError(
                "--fill mean and --mean FILE belong together: `python -m dinar.trainer.texture.mean_texture` "
                "makes the file"
            )
        check_file("json", self.json, ".json")
        check_file("sheet", self.sheet, ".png", ".jpg")

    @property
    def runs(self) -> tuple[tuple[str, Path], ...]:
        """Names of rows, and folders or files of their networks."""
        parts = (given.rpartition("=") for given in self.networks)
        return tuple((name or "both textures", Path(file)) for name, _, file in parts)
