"""Fits a renderer network to rendered views of one avatar, on the CPU, in minutes.

It proves the neural path from the texture to the picture before a trained network exists; it is no measure
of quality. The network sees what the runtime will show it: the bare body's rasterized texture. It learns to
draw what `rgb` mode draws: the same person with clothes and hair, which are in no channel of the texture. An
avatar without `gen` gets a fixed code of texture coordinates there: the network can tell places apart.

    python -m dinar.trainer.fit_views --out FOLDER                 resumes where FOLDER stands
    python -m dinar.export.package FOLDER --out fitted.dinar       int8 and float32, in one avatar file
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar, save_avatar
from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera, framing
from dinar.runtime.cpu.rasters import RasterSource
from dinar.runtime.cpu.rgb import CpuRgbRenderer
from dinar.runtime.errors import DinarError, UsageError
from dinar.runtime.motion import BUILTIN_MOTIONS, load_motion
from dinar.runtime.network_input import GEN_CHANNELS
from dinar.trainer.models.renderer import PRESETS, NeuralRenderer, load_renderer, save_renderer
from dinar.trainer.models.run_folder import RunFolder

CODE_SIDE = 256  # texels, as the paper's neural texture

_SAVE_SECONDS = 30.0
_CLOTHES = 0.15  # metres that clothes and hair may stand off the body
_HELD_OUT = 2**31  # views from this step on are never trained on


@dataclass(frozen=True)
class FitConfig:
    """Fit a renderer network to views of an avatar."""

    out: Path
    """Folder for checkpoint, avatar and calibration views; what is there is resumed."""
    avatar: Path | None = None
    """The .dinar file; the default avatar when left out."""
    preset: str = "live"
    """live, small or paper."""
    steps: int = 1500
    """Optimizer steps altogether."""
    batch: int = 4
    """Views a step."""
    size: int = 512
    """Width and height of the rendered views, pixels."""
    crop: int = 256
    """Width and height of the part of each view that is learned from, pixels."""
    learning_rate: float = 2e-3
    """Adam's, at its highest."""
    seed: int = 0
    """Of weights, poses, cameras and backgrounds."""

    def __post_init__(self) -> None:
        """Raise UsageError for values that cannot be."""
        if self.preset not in PRESETS:
            raise UsageError(f"--preset must be {' or '.join(PRESETS)}, not {self.preset}")
        if not (self.steps >= 1 and self.batch >= 1 and self.learning_rate > 0):
            raise UsageError("--steps, --batch and --learning-rate must be above 0")
        if not 32 <= self.crop <= self.size <= 2048 or self.crop % 32:
            raise UsageError(
                f"--crop must be a multiple of 32 up to --size, and --size at most 2048, "
                f"not {self.crop} and {self.size}"
            )


@dataclass(frozen=True, eq=False)
class Views:
    """N views of an avatar.

    Attributes:
        rasters: uint8 [N, H, W, 22], the bare body's texture, as `CpuNetwork.inputs`.
        targets: uint8 [N, H, W, 4], sRGB and straight alpha, as `rgb` mode draws the dressed person.
    """

    rasters: np.ndarray
    targets: np.ndarray


def positional_code(side: int = CODE_SIDE) -> np.ndarray:
    """Return float16 [side, side, 16] in [-1, 1]: sine and cosine of u and v at 1, 2, 4 and 8 periods.

    Channels by frequency: sin u, cos u, sin v, cos v. (u, v) as in `Body.uv`.
    """
    at = (np.arange(side) + 0.5) / side  # texel centres
    v, u = np.meshgrid(at, at, indexing="ij")
    code = [
        wave(2 * math.pi * 2**octave * coordinate)
        for octave in range(GEN_CHANNELS // 4)
        for coordinate in (u, v)
        for wave in (np.sin, np.cos)
    ]
    return np.stack(code, axis=-1).astype(np.float16)


def with_neural_texture(avatar: Avatar) -> Avatar:
    """Return the avatar with all groups that a network reads: those it lacks are the code, and ones."""
    texture = avatar.texture
    side = (CODE_SIDE, CODE_SIDE) if texture.gen is None else texture.gen.shape[:2]
    ones = np.ones(side, np.uint8)
    return replace(
        avatar,
        texture=replace(
            texture,
            gen=positional_code() if texture.gen is None else texture.gen,
            smp=ones if texture.smp is None else texture.smp,
            fill=ones if texture.fill is None else texture.fill,
        ),
    )


class ViewSource:
    """Renders views of one avatar in random poses of the built-in motions, from random sides."""

    def __init__(self, avatar: Avatar, size: int) -> None:
        """Prepare.

        Args:
            avatar: with all texture groups, see `with_neural_texture`.
            size: width and height of the views, pixels.
        """
        self._size = size
        self._rasters = RasterSource(avatar, size, size)
        self._dressed = CpuRgbRenderer(avatar)
        self._motions = [load_motion(name, avatar.body, betas=avatar.betas) for name in BUILTIN_MOTIONS]

    def random(self, random: np.random.Generator, crop: int) -> Views:
        """Render one view and cut a square of `crop` pixels out of it, somewhere around the person."""
        motion = self._motions[random.integers(len(self._motions))]
        pose = motion.sample(random.uniform(0, motion.duration))
        view = self.render(pose, self._random_camera(pose, random))
        rows, columns = np.nonzero(view.targets[0, ..., 3])
        middle = random.integers(len(rows)) if len(rows) else None
        top, left = (
            0
            if middle is None
            else int(np.clip(at[middle] - random.integers(crop // 4, 3 * crop // 4), 0, self._size - crop))
            for at in (rows, columns)
        )
        part = np.s_[:, top : top + crop, left : left + crop]
        return Views(view.rasters[part], view.targets[part])

    def render(self, pose: Pose, camera: Camera) -> Views:
        """Render one view, whole."""
        raster = self._rasters.draw(pose, camera)[None]
        return Views(raster, self._dressed.render(pose, [camera]).numpy().copy())

    def _random_camera(self, pose: Pose, random: np.random.Generator) -> Camera:
        vertices = self._rasters.vertices(pose)
        return framing(
            vertices.min(0) - _CLOTHES,
            vertices.max(0) + _CLOTHES,
            width=self._size,
            height=self._size,
            azimuth=random.uniform(-math.pi, math.pi),
            elevation=math.radians(random.uniform(-15, 30)),
            fill=random.uniform(0.7, 1.0),
        )


def training_batch(source: ViewSource, config: FitConfig, step: int) -> Views:
    """Render the views of a step: the same ones whenever the same step is asked for."""
    random = np.random.default_rng((config.seed, step))
    views = [source.random(random, config.crop) for _ in range(config.batch)]
    return Views(np.concatenate([v.rasters for v in views]), np.concatenate([v.targets for v in views]))


def from_bytes(pixels: np.ndarray) -> torch.Tensor:
    """uint8 [N, H, W, C] to float32 [N, C, H, W] in [0, 1], channels last in memory."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def loss(predicted: torch.Tensor, target: torch.Tensor, background: torch.Tensor) -> torch.Tensor:
    """L1 of the pictures before a background, and of the masks.

    Args:
        predicted: float32 [N, 4, H, W], sRGB and mask in [0, 1].
        target: float32 [N, 4, H, W] likewise.
        background: float32 [N, 3, 1, 1], sRGB; random ones teach colours that are not mixed with any.
    """
    return nn.functional.l1_loss(
        _before(predicted, background), _before(target, background)
    ) + nn.functional.l1_loss(predicted[:, 3], target[:, 3])


def psnr(predicted: torch.Tensor, target: torch.Tensor) -> float:
    """Decibels between pictures [N, 4, H, W] before green, which no part of a person is: masks count as well.

    Over all pixels, so that which ones count does not depend on what was predicted.
    """
    green = torch.tensor([0.0, 1.0, 0.0])[None, :, None, None]
    error = _before(predicted, green) - _before(target, green)
    return -10 * math.log10(float(error.square().mean()))


def mean_colour_psnr(target: torch.Tensor) -> float:
    """Return the PSNR, as `psnr` takes it, of the best single colour: what drawing without looking gives."""
    green = torch.tensor([0.0, 1.0, 0.0])[None, :, None, None]
    pictures = _before(target, green)
    return -10 * math.log10(float((pictures - pictures.mean((0, 2, 3), keepdim=True)).square().mean()))


def _before(rgba: torch.Tensor, background: torch.Tensor) -> torch.Tensor:
    """Composite [N, 4, H, W] over [N, 3, 1, 1]."""
    mask = rgba[:, 3:]
    return rgba[:, :3] * mask + background * (1 - mask)


class Fit:
    """A network on its way to an avatar's views."""

    def __init__(self, config: FitConfig, network: NeuralRenderer, source: ViewSource) -> None:
        """Start with `network` as it is."""
        self.config, self.network, self.step = config, network, 0
        self._source = source
        self._optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate)

    def advance(self) -> float:
        """Take one step and return its loss."""
        batch = training_batch(self._source, self.config, self.step)
        target = from_bytes(batch.targets)
        generator = torch.Generator().manual_seed(self.config.seed + self.step)
        background = torch.rand(len(target), 3, 1, 1, generator=generator)
        for group in self._optimizer.param_groups:
            group["lr"] = self.config.learning_rate * _schedule(self.step / self.config.steps)
        self.network.train()
        error = loss(self.network(from_bytes(batch.rasters)), target, background)
        self._optimizer.zero_grad()
        error.backward()
        self._optimizer.step()
        self.step += 1
        return float(error.detach())

    def save(self) -> None:
        """Write the checkpoint."""
        save_renderer(
            RunFolder(self.config.out).checkpoint,
            self.network,
            optimizer=self._optimizer.state_dict(),
            step=self.step,
        )

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one. Raises DinarError if it is of another network."""
        path = RunFolder(self.config.out).checkpoint
        if not path.exists():
            return
        network, others = load_renderer(path)
        if network.config != self.network.config:
            raise DinarError(
                f"{path} is a {network.config.name} network; continue it as such, or name another folder"
            )
        self.network.load_state_dict(network.state_dict())
        self._optimizer.load_state_dict(others["optimizer"])
        self.step = int(others["step"])


def _schedule(done: float) -> float:
    """Learning rate over its highest at a share of all steps: up within 2%, then down by a cosine."""
    return min(done / 0.02 + 0.05, 1.0) * (0.5 + 0.5 * math.cos(math.pi * min(done, 1.0)))


@dataclass(frozen=True)
class Quality:
    """How near a network is to views that no step trains on.

    Attributes:
        psnr: of its pictures, decibels; see `psnr`.
        mean_colour: see `mean_colour_psnr`.
    """

    psnr: float
    mean_colour: float


@torch.no_grad()
def evaluate(network: NeuralRenderer, source: ViewSource, config: FitConfig) -> Quality:
    """Compare with views that no step trains on."""
    views = training_batch(source, config, _HELD_OUT)
    target = from_bytes(views.targets)
    return Quality(psnr(network.eval()(from_bytes(views.rasters)), target), mean_colour_psnr(target))


def fit(config: FitConfig, console: Console) -> Quality:
    """Fit or resume; leaves checkpoint, avatar and calibration views in `config.out`. Raises DinarError."""
    avatar = with_neural_texture(open_avatar(config.avatar or default_avatar_path()))
    config.out.mkdir(parents=True, exist_ok=True)
    source = ViewSource(avatar, config.size)
    torch.manual_seed(config.seed)
    state = Fit(config, NeuralRenderer(PRESETS[config.preset]), source)
    state.resume()
    saved = perf_counter()
    with _progress(console) as progress:
        task = progress.add_task("", total=config.steps, completed=state.step, loss=math.nan)
        while state.step < config.steps:
            error = state.advance()
            progress.update(task, completed=state.step, loss=error)
            if perf_counter() - saved > _SAVE_SECONDS:
                state.save()
                saved = perf_counter()
    state.save()
    save_avatar(RunFolder(config.out).avatar, avatar)
    rasters = np.concatenate([training_batch(source, config, _HELD_OUT + i).rasters for i in range(1, 9)])
    np.savez_compressed(RunFolder(config.out).calibration, rasters=rasters)
    quality = evaluate(state.network, source, config)
    console.print(
        f"{config.out}: {state.step} steps, PSNR {quality.psnr:.1f} dB on views not trained on "
        f"(their mean colour: {quality.mean_colour:.1f} dB)"
    )
    return quality


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("fitting"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}  loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def main() -> int:
    """Fit as the command line says; returns the exit status."""
    console = Console(stderr=True)
    try:
        fit(tyro.cli(FitConfig, description=FitConfig.__doc__), console)
    except DinarError as error:
        console.print(str(error), highlight=False, soft_wrap=True)
        return 2 if isinstance(error, UsageError) else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
