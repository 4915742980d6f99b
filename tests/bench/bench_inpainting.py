"""How well a run's inpainting models do, and what each sampler costs (Sec. 3.3, 3.4).

    python -m tests.bench.bench_inpainting RUN benchmark --people 4

RUN is a folder of `dinar train diffusion`, benchmark a dataset of people that nothing was trained on. First
the autoencoder alone: the share of its dictionary that people's merged textures use, and what drawn views
lose when that texture goes through it. Then the diffusion model, for each sampler and number of steps: the
seconds of one texture, how near one sample comes to the side that the photo does not show, and for few steps
how near the best of eight does; and the same for other strengths, which begin with the mirrored photo.
The last row takes the unseen part from the merged texture of all views, gone through the autoencoder: no
sample of its latents can be nearer.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from dinar.runtime.errors import DinarError
from dinar.runtime.files.bodies import find_body
from dinar.trainer.data.dataset.layout import read_info, read_view, read_views
from dinar.trainer.data.prepared_views import ViewPreparer
from dinar.trainer.evaluation.bootstrap import bootstrap_mean
from dinar.trainer.evaluation.cases import half_front_cases
from dinar.trainer.evaluation.contest import Contestant, Way
from dinar.trainer.evaluation.judging import judge
from dinar.trainer.evaluation.measures import BEST_PSNR, MS_SSIM, PATCHES, PERSON_PSNR
from dinar.trainer.evaluation.results import Column, Results, Score
from dinar.trainer.inpainting.condition import texture_tensors
from dinar.trainer.inpainting.filler import DiffusionFiller, blend
from dinar.trainer.inpainting.models import InpaintingModels, find_inpainting_models
from dinar.trainer.inpainting.sampling import SAMPLERS, Sampling
from dinar.trainer.models.avatar_networks import AvatarNetworks, load_avatar_networks, networks_file
from dinar.trainer.models.denoiser import STEPS
from dinar.trainer.texture.few_shot import few_shot_texture
from dinar.trainer.texture.filling import Filler
from dinar.trainer.texture.merging import BodyTexture
from dinar.trainer.texture.texel_surface import TexelSurface, texel_surface

ALL_STEPS = (5, 10, 20, 50, 250, STEPS)
STRENGTHS = (0.8, 0.65, 0.5, 0.3)
"""Beside the usual one, of which the rows of samplers are."""
FEW = 20
"""Steps up to which eight samples of everybody are drawn."""

OTHERS = Column("other views", PERSON_PSNR)
ONE_SAMPLE = (Column("unseen side", PATCHES), Column("unseen side", MS_SSIM))
EIGHT_SAMPLES = (*ONE_SAMPLE, Column("unseen side", BEST_PSNR))
MERGED, ROUND_TRIP, TRUTH = "merged", "round trip", "decoded truth"


class Timed:
    """A filler, and how long it took for each texture."""

    chance = True

    def __init__(self, filler: Filler) -> None:
        self.name, self._filler = filler.name, filler
        self.seconds: list[float] = []

    def fill(self, texture: BodyTexture, seed: int) -> BodyTexture:
        """See `Filler`; it ends on the processor, so a GPU has done its work."""
        start = perf_counter()
        made = self._filler.fill(texture, seed)
        self.seconds.append(perf_counter() - start)
        return made


class Known:
    """A filler for one person: it knows what to make of the photo's texture."""

    name, chance = "known", False

    def __init__(self, make: Callable[[BodyTexture], BodyTexture]) -> None:
        self._make = make

    def fill(self, texture: BodyTexture, seed: int) -> BodyTexture:  # noqa: ARG002
        """See `Filler`."""
        return self._make(texture)


@dataclass(frozen=True, eq=False)
class Row:
    """A sampler with a number of steps.

    Attributes:
        way: whose filler it is.
        filler: with its times.
        columns: what is measured.
    """

    way: Way
    filler: Timed
    columns: tuple[Column, ...]


def rows_of(
    networks: AvatarNetworks,
    models: InpaintingModels,
    surface: TexelSurface,
    steps: Sequence[int],
    strengths: Sequence[float],
) -> list[Row]:
    """Each sampler with each number of steps, then other strengths.

    All 1000 steps of the process as it was trained are for ddpm alone.
    """

    def row(name: str, sampling: Sampling, columns: tuple[Column, ...]) -> Row:
        filler = Timed(DiffusionFiller(models, surface, sampling))
        return Row(Way(name, networks, filler), filler, columns)

    rows = []
    for sampler in SAMPLERS:
        for count in steps:
            if count == STEPS and sampler != "ddpm":
                continue
            columns = EIGHT_SAMPLES if count <= FEW else ONE_SAMPLE
            rows.append(row(f"{sampler} {count}", Sampling(sampler, count), columns))
    return [*rows, *(row(f"strength {each:g}", Sampling(strength=each), EIGHT_SAMPLES) for each in strengths)]


@dataclass(frozen=True, eq=False)
class Decoded:
    """One person's merged texture, and what the autoencoder makes of it.

    Attributes:
        ways: drawn with the merged texture, with the restored one, and with the photo's texture completed by
            the restored one (Eq. 6).
        codes: which vectors of the dictionary were used, sorted.
    """

    ways: tuple[Way, Way, Way]
    codes: torch.Tensor


@torch.no_grad()
def decode(
    root: Path,
    person: str,
    preparer: ViewPreparer,
    surface: TexelSurface,
    networks: AvatarNetworks,
    models: InpaintingModels,
) -> Decoded:
    """Merge the textures of all of a person's views (Eq. 5), and let them through the autoencoder."""
    parameters = read_views(root, person)
    views = [read_view(root, person, view, parameters) for view in range(len(parameters))]
    merged = few_shot_texture(networks, views, [preparer.texture(view) for view in views])
    restored = models.vqgan(texture_tensors(merged, models.denoiser.centre.device))
    nothing = replace(merged, filled=np.zeros_like(merged.filled))
    whole = blend(nothing, restored.texture, surface)
    return Decoded(
        (
            Way(MERGED, networks, Known(lambda _: merged)),
            Way(ROUND_TRIP, networks, Known(lambda _: whole)),
            Way(TRUTH, networks, Known(lambda partial: blend(partial, restored.texture, surface))),
        ),
        restored.codes.unique().cpu(),
    )


@dataclass(frozen=True, eq=False)
class Measured:
    """What was found.

    Attributes:
        rows: samplers.
        results: of rows, and of the three ways of `Decoded`.
        used: share of the dictionary.
    """

    rows: list[Row]
    results: Results
    used: float


def measure(
    root: Path,
    people: int,
    run: Path,
    steps: Sequence[int],
    strengths: Sequence[float],
    device: torch.device,
) -> Measured:
    """Let all samplers draw people. Raises DinarError: files are bad, or there are no models."""
    networks, models = load_avatar_networks(networks_file(run)), find_inpainting_models(run)
    if models is None:
        raise DinarError(f"{run} holds no diffusion model: name a folder of `dinar train diffusion`")
    models = models.to(device)
    info = read_info(root)
    body, side = find_body(info.body, info.body_vertices), networks.preset.texture_size
    preparer, surface = ViewPreparer(body, side), texel_surface(body, side)
    rows = rows_of(networks, models, surface, steps, strengths)
    scores: list[Score] = []
    codes: list[torch.Tensor] = []
    for case in track(half_front_cases(root, people), "drawing", console=Console(stderr=True)):
        person = Contestant(root, case, preparer)
        decoded = decode(root, case.person, preparer, surface, networks, models)
        codes.append(decoded.codes)
        scores += _scores(person, decoded.ways, (OTHERS, *EIGHT_SAMPLES))
        for row in rows:
            scores += _scores(person, (row.way,), row.columns)
    used = len(torch.cat(codes).unique()) / models.vqgan.config.codes
    return Measured(rows, Results(tuple(scores)), used)


def _scores(person: Contestant, ways: Sequence[Way], columns: Sequence[Column]) -> tuple[Score, ...]:
    return judge(person, ways, columns).scores


def print_autoencoder(measured: Measured, people: int, console: Console) -> None:
    """Print the dictionary's use, and what drawn views lose by the round trip."""
    results = measured.results
    lost = bootstrap_mean(results.per_person(ROUND_TRIP, OTHERS) - results.per_person(MERGED, OTHERS))
    before, after = (results.mean(way, OTHERS) for way in (MERGED, ROUND_TRIP))
    console.print(
        f"autoencoder, people: {people}; {measured.used:.1%} of the dictionary used; person PSNR of drawn "
        f"views {before:.2f} dB, after the round trip {after:.2f}: {lost} [95%]",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


def print_samplers(measured: Measured, console: Console) -> None:
    """Print a row for each sampler and number of steps, and the truth's."""
    headers = [f"{c.measure.name} {'↑' if c.measure.higher else '↓'}" for c in EIGHT_SAMPLES]
    table = Table("unseen side", "s a texture", *headers)
    seconds = {row.way.name: f"{np.median(row.filler.seconds):.2f}" for row in measured.rows}
    for name in (*seconds, TRUTH):
        values = [(measured.results.mean(name, column), column.measure.digits) for column in EIGHT_SAMPLES]
        cells = ["-" if value is None else f"{value:.{digits}f}" for value, digits in values]
        table.add_row(name, seconds.get(name, "-"), *cells)
    console.print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of dinar train diffusion")
    parser.add_argument("root", type=Path, help="the dataset of people to draw")
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--steps", type=int, nargs="+", default=ALL_STEPS)
    parser.add_argument("--strengths", type=float, nargs="*", default=STRENGTHS, help="of dpm++ 20")
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    measured = measure(
        arguments.root, arguments.people, arguments.run, arguments.steps, arguments.strengths, device
    )
    console = Console()
    print_autoencoder(measured, arguments.people, console)
    console.print(f"diffusion, on {device}, {torch.get_num_threads()} threads", highlight=False)
    print_samplers(measured, console)


if __name__ == "__main__":
    main()
