"""`dinar evaluate`: the paper's Tables 1 and 2, on any dataset of people (docs/evaluation.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from rich.console import Console
from tyro.conf import UseAppendAction

from dinar.runtime.body import Body
from dinar.runtime.errors import DinarError, UsageError
from dinar.runtime.files.bodies import find_body
from dinar.trainer.create.tune import TuneOptions
from dinar.trainer.data.dataset.layout import DatasetInfo, people_of, read_info
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.data.prepared_views import ViewPreparer
from dinar.trainer.evaluation.cases import PhotoCase
from dinar.trainer.evaluation.contest import Contestant, Tuning, Way
from dinar.trainer.evaluation.judging import Shown, judge
from dinar.trainer.evaluation.ladder import ladder
from dinar.trainer.evaluation.perceptual import open_perceptual
from dinar.trainer.evaluation.results import Results
from dinar.trainer.evaluation.sheet import draw_sheet
from dinar.trainer.evaluation.tables import (
    WIDTH,
    TableSpec,
    print_gains,
    print_means,
    print_missing,
    table_1,
    table_2,
)
from dinar.trainer.inpainting.filler import DiffusionFiller
from dinar.trainer.inpainting.models import find_inpainting_models
from dinar.trainer.inpainting.sampling import Sampler
from dinar.trainer.lpips import find_lpips, perceptual_loss
from dinar.trainer.models.avatar_networks import AvatarNetworks, load_avatar_networks, networks_file
from dinar.trainer.models.denoiser import STEPS
from dinar.trainer.texture.filling import Filler, MeanFiller, MirrorFiller, NearestFiller
from dinar.trainer.texture.mean_texture import read_mean
from dinar.trainer.texture.texel_surface import texel_surface

FillName = Literal["nearest", "mirror", "mean"]

_SHOWN = 10  # people on the sheet
_TABLES = {1: table_1, 2: table_2}
_TUNING_SEED = 0


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
    """Steps of denoising, 1 to 1000."""
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
        if not 1 <= self.sampler_steps <= STEPS:
            raise UsageError(f"--sampler-steps must be from 1 to {STEPS}, not {self.sampler_steps}")
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
        _check_file("json", self.json, (".json",))
        _check_file("sheet", self.sheet, (".png", ".jpg"))

    @property
    def runs(self) -> tuple[tuple[str, Path], ...]:
        """Names of rows, and folders or files of their networks."""
        parts = (given.rpartition("=") for given in self.networks)
        return tuple((name or "both textures", Path(file)) for name, _, file in parts)


def evaluate(config: EvaluateConfig) -> int:
    """Measure, print the tables; returns the status. Raises DinarError."""
    console, out = Console(stderr=True), Console()
    out.width = max(out.width, WIDTH)
    info = read_info(config.data)
    body = find_body(info.body, info.body_vertices)
    networks = {name: load_avatar_networks(networks_file(run)) for name, run in config.runs}
    side = _texture_size(networks)
    diffusion = _diffusion(config)
    ways = _ways(networks, _fillers(config, body, side), None if config.ladder else diffusion)
    ways += _ladder(config, networks, diffusion, console)
    preparer, perceptual = ViewPreparer(body, side), open_perceptual(config.weights)
    names = [way.name for way in ways]
    shown: list[Shown] = []
    measured: list[tuple[TableSpec, Results]] = []
    specs = [_TABLES[number](perceptual) for number in ((1, 2) if config.table is None else (config.table,))]
    for spec, cases in [(spec, spec.cases(config.data, config.people)) for spec in specs]:  # all, then work
        people = _contestants(config.data, cases, f"table {spec.number}", preparer, console)
        measured.append((spec, judge(people, ways, spec.columns, _keep_first(shown))))
    for spec, results in measured:
        print_means(spec, _dataset(info, config), names, results, out)
        print_gains(spec, names, results, out)
    print_missing([column for spec, _ in measured for column in spec.columns], out)
    _write(config, info, names, measured, shown)
    return 0


def _texture_size(networks: dict[str, AvatarNetworks]) -> int:
    sizes = {name: each.preset.texture_size for name, each in networks.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise UsageError(f"networks that are compared must have textures of one size, not {listed}")
    return next(iter(sizes.values()))


def _fillers(config: EvaluateConfig, body: Body, side: int) -> tuple[Filler, ...]:
    """Ways to complete textures without a network."""
    surface = texel_surface(body, side)
    mean = None if config.mean is None else read_mean(config.mean, body)
    fillers: list[Filler] = []
    for name in config.fill:
        match name:
            case "nearest":
                fillers.append(NearestFiller(surface))
            case "mirror":
                fillers.append(MirrorFiller(surface))
            case "mean" if mean is not None:
                fillers.append(MeanFiller(surface, mean))
    return tuple(fillers)


def _diffusion(config: EvaluateConfig) -> Filler | None:
    """The last networks' diffusion model; None: their run has none."""
    _, last = config.runs[-1]
    models = find_inpainting_models(last)
    if models is None:
        return None
    return DiffusionFiller(models.vqgan, models.denoiser, config.sampler, config.sampler_steps)


def _ways(
    networks: dict[str, AvatarNetworks], fillers: tuple[Filler, ...], diffusion: Filler | None
) -> tuple[Way, ...]:
    """Each networks alone, then the last ones with each filler, diffusion last."""
    name, last = list(networks.items())[-1]
    alone = (Way(row, each, None) for row, each in networks.items())
    completing = fillers if diffusion is None else (*fillers, diffusion)
    return (*alone, *(Way(f"{name} + {filler.name}", last, filler) for filler in completing))


def _ladder(
    config: EvaluateConfig, networks: dict[str, AvatarNetworks], diffusion: Filler | None, console: Console
) -> tuple[Way, ...]:
    """The ladder's rows, if it was asked for; says what it lacks and what it tunes with."""
    if not config.ladder:
        return ()
    name, run = config.runs[-1]
    perceptual = perceptual_loss(config.weights if find_lpips(config.weights) else None)
    if diffusion is None:
        missing = f"{run} holds no diffusion model (`dinar train diffusion`): the ladder has no row for it."
        console.print(missing, soft_wrap=True, highlight=False, markup=False)
    console.print(perceptual.sentence, soft_wrap=True, highlight=False, markup=False)
    tuning = Tuning(TuneOptions.colours_alone(config.tune_steps, _TUNING_SEED), perceptual)
    return ladder(name, networks[name], diffusion, tuning, also_after=config.tune_after)


def _contestants(
    root: Path, cases: tuple[PhotoCase, ...], what: str, preparer: ViewPreparer, console: Console
) -> Iterator[Contestant]:
    """One person after the other, with a bar that shows how far it is."""
    with progress_bar(console) as bar:
        for case in bar.track(cases, description=what):
            yield Contestant(root, case, preparer)


def _keep_first(shown: list[Shown]) -> Callable[[Shown], None]:
    """Add a table's first people to what the sheet shows; pictures of all would fill the memory."""
    end = len(shown) + _SHOWN

    def keep(person: Shown) -> None:
        if len(shown) < end:
            shown.append(person)

    return keep


def _dataset(info: DatasetInfo, config: EvaluateConfig) -> str:
    count = config.people or len(people_of(config.data))
    return f"{info.name} in {config.data} ({count} people)"


def _write(
    config: EvaluateConfig,
    info: DatasetInfo,
    ways: list[str],
    measured: list[tuple[TableSpec, Results]],
    shown: list[Shown],
) -> None:
    """Write what was asked for. Raises DinarError."""
    try:
        if config.json is not None:
            content = {
                "dataset": asdict(info),
                "rows": ways,
                "tables": {
                    str(spec.number): [asdict(score) for score in results.scores]
                    for spec, results in measured
                },
            }
            config.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        if config.sheet is not None:
            draw_sheet(shown, ways).save(config.sheet)
    except OSError as error:
        raise DinarError(f"{error.filename} cannot be written ({error.strerror or error})") from error


def _check_file(flag: str, path: Path | None, endings: tuple[str, ...]) -> None:
    """Raise UsageError, before long work, for a file that cannot be written after it."""
    if path is None:
        return
    if path.suffix not in endings:
        raise UsageError(f"--{flag} must name a {' or '.join(endings)} file, not {path}")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise UsageError(f"--{flag} {path} cannot be written: give a file in a folder that is there")
