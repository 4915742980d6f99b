"""What judges people: the rows and columns that a configuration asks for, opened once in each process."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from dinar.runtime.body import Body
from dinar.runtime.errors import UsageError
from dinar.runtime.files.bodies import find_body
from dinar.trainer.create.tune import TuneOptions
from dinar.trainer.data.dataset.layout import DatasetInfo, read_info
from dinar.trainer.data.prepared_views import ViewPreparer
from dinar.trainer.evaluation.cases import PhotoCase
from dinar.trainer.evaluation.config import EvaluateConfig
from dinar.trainer.evaluation.contest import Contestant, Tuning, Way
from dinar.trainer.evaluation.judging import Judged, judge
from dinar.trainer.evaluation.ladder import ladder
from dinar.trainer.evaluation.perceptual import open_perceptual
from dinar.trainer.evaluation.tables import TableSpec, table_1, table_2
from dinar.trainer.inpainting.filler import DiffusionFiller
from dinar.trainer.inpainting.models import find_inpainting_models
from dinar.trainer.inpainting.sampling import Sampling
from dinar.trainer.losses.lpips import find_lpips, perceptual_loss
from dinar.trainer.models.avatar_networks import AvatarNetworks, load_avatar_networks, networks_file
from dinar.trainer.texture.filling import Filler, MeanFiller, MirrorFiller, NearestFiller
from dinar.trainer.texture.mean_texture import read_mean
from dinar.trainer.texture.texel_surface import TexelSurface, texel_surface

_TABLES = {1: table_1, 2: table_2}
_TUNING_SEED = 0


@dataclass(frozen=True, eq=False)
class Panel:
    """Rows, columns, and what prepares views.

    Attributes:
        config: what was asked for.
        info: of the dataset.
        ways: rows.
        specs: tables, with their columns.
        preparer: of the dataset's body and the networks' texture size.
    """

    config: EvaluateConfig
    info: DatasetInfo
    ways: tuple[Way, ...]
    specs: tuple[TableSpec, ...]
    preparer: ViewPreparer

    def judge(self, table: int, case: PhotoCase) -> Judged:
        """Judge a person by the table at a place in `specs`. Raises DinarError: see `judge`."""
        person = Contestant(self.config.data, case, self.preparer)
        return judge(person, self.ways, self.specs[table].columns)


def open_panel(config: EvaluateConfig, console: Console) -> Panel:
    """Load networks and weights; tells what the ladder lacks and what it tunes with. Raises DinarError."""
    info = read_info(config.data)
    body = find_body(info.body, info.body_vertices)
    networks = {name: load_avatar_networks(networks_file(run)) for name, run in config.runs}
    side = _texture_size(networks)
    surface = texel_surface(body, side)
    diffusion = _diffusion(config, surface)
    ways = _ways(networks, _fillers(config, body, surface), None if config.ladder else diffusion)
    ways += _ladder(config, networks, diffusion, console)
    perceptual = open_perceptual(config.weights)
    numbers = (1, 2) if config.table is None else (config.table,)
    specs = tuple(_TABLES[number](perceptual) for number in numbers)
    return Panel(config, info, ways, specs, ViewPreparer(body, side))


def _texture_size(networks: dict[str, AvatarNetworks]) -> int:
    sizes = {name: each.preset.texture_size for name, each in networks.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise UsageError(f"networks that are compared must have textures of one size, not {listed}")
    return next(iter(sizes.values()))


def _fillers(config: EvaluateConfig, body: Body, surface: TexelSurface) -> tuple[Filler, ...]:
    """Ways to complete textures without a network."""
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


def _diffusion(config: EvaluateConfig, surface: TexelSurface) -> Filler | None:
    """The last networks' diffusion model; None: their run has none."""
    _, last = config.runs[-1]
    models = find_inpainting_models(last)
    if models is None:
        return None
    return DiffusionFiller(models, surface, Sampling(config.sampler, config.sampler_steps, config.strength))


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
