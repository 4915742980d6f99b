"""Short tuning of an avatar to its person: T_gen, T_rgb and θ on the given photos (Eq. 4, no adversary).

The paper tunes T_rgb alone, for a few steps (Sec. 3.4). What the encoder and the generator know of thousands
of people is where this starts; a few hundred steps of everything bring back what is this person's alone.
T_rgb is changed only where photos show something, and batch norm keeps the statistics of training: a handful
of views of one person are none.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from rich.console import Console
from torch import nn

from dinar.runtime.errors import DinarError
from dinar.runtime.network_input import MULTIPLE
from dinar.trainer.create.drawing import TextureTensors, device_of
from dinar.trainer.create.person import GivenView
from dinar.trainer.data.avatar_samples import AvatarBatch, SampleSizes, join, sample_of
from dinar.trainer.data.dataset.dataset import Pair
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.losses.avatar_losses import Losses, LossWeights, avatar_losses
from dinar.trainer.losses.lpips import PerceptualLoss
from dinar.trainer.models.renderer import NeuralRenderer
from dinar.trainer.picture import Picture
from dinar.trainer.rasterize.rasterizer import BodyRaster
from dinar.trainer.texture.merging import BodyTexture

GEN_RATE, RGB_RATE, RENDERER_RATE = 1e-2, 5e-3, 2e-4
"""Adam's learning rates at the start, of T_gen, T_rgb and θ; they fall to nothing by a cosine."""

BATCH = 4
CROP = 256
"""Squares that a step learns from, and their side in pixels of the photos; less where photos are smaller."""


@dataclass(frozen=True)
class TuneOptions:
    """How to tune.

    Attributes:
        steps: 1 or more; some hundreds do.
        seed: of views, squares and backgrounds.
        gen_rate: T_gen's learning rate at the start; 0: it stays as it is.
        rgb_rate: T_rgb's.
        renderer_rate: θ's, likewise. The more photos, the further θ may go.
    """

    steps: int
    seed: int
    gen_rate: float = GEN_RATE
    rgb_rate: float = RGB_RATE
    renderer_rate: float = RENDERER_RATE

    @classmethod
    def colours_alone(cls, steps: int, seed: int) -> TuneOptions:
        """The paper's: a few steps of T_rgb (Sec. 3.4)."""
        return cls(steps, seed, gen_rate=0, renderer_rate=0)


@dataclass(frozen=True, eq=False)
class Tuned:
    """What was tuned to a person.

    Attributes:
        texture: as before but for `gen`, in [-1, 1], and `rgb`, in [0, 1] and 0 outside `filled` as before.
        renderer: in evaluation mode.
    """

    texture: BodyTexture
    renderer: NeuralRenderer


def tune(
    renderer: NeuralRenderer,
    texture: BodyTexture,
    views: Sequence[GivenView],
    options: TuneOptions,
    perceptual: PerceptualLoss,
    console: Console,
) -> Tuned:
    """Tune a texture and a copy of the renderer to photos of one person, on the renderer's device.

    On the CPU the same arguments give the same numbers, with the same number of threads.

    Args:
        renderer: θ, as it was trained; stays as it is.
        texture: T of Eq. 2 from these photos.
        views: the photos, one or more.
        options: steps and seed.
        perceptual: distance of Eq. 4.
        console: shows how far it is.

    Raises:
        DinarError: the loss became something that is no finite number.
    """
    own = copy.deepcopy(renderer).eval()  # batch norm: as trained
    device = device_of(own)
    distance = perceptual.distance.to(device)
    free = TextureTensors.of(texture, device)
    gen, rgb = free.gen, free.rgb
    optimizer = torch.optim.Adam(
        [
            {"params": [values.requires_grad_(rate > 0) for values in part], "lr": rate}
            for part, rate in (
                ([gen], options.gen_rate),
                ([rgb], options.rgb_rate),
                (list(own.parameters()), options.renderer_rate),
            )
        ]
    )
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    with progress_bar(console) as bar:
        task = bar.add_task("tuning", total=options.steps)
        for step in range(options.steps):
            known = replace(free, rgb=rgb * free.fill)  # no gradient where nothing is known
            loss = _losses(own, known, _squares(views, options.seed, step).to(device), distance).total
            _check_finite(float(loss.detach()), step)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            fall.step()
            with torch.no_grad():
                gen.clamp_(-1, 1)
                rgb.clamp_(0, 1)
            bar.update(task, advance=1, description=f"tuning, loss {float(loss.detach()):.3f}")
    return Tuned(replace(texture, gen=_channels_last(gen), rgb=_channels_last(rgb * free.fill)), own)


def _squares(views: Sequence[GivenView], seed: int, step: int) -> AvatarBatch:
    """A step's squares, of views and with backgrounds drawn by chance; each view is its own target."""
    side = min(CROP, *(n // MULTIPLE * MULTIPLE for seen in views for n in seen.view.mask.shape))
    sizes = SampleSizes(photo=MULTIPLE, target=side)  # E has no part in this: its photo may be tiny
    samples = []
    for n in range(BATCH):
        draw = Draw(seed, "tune", step, n)
        seen = views[draw.integer(0, len(views) - 1)]
        samples.append(sample_of(Pair(seen.view, seen.view), seen.texture, seen.body, sizes, draw))
    return join(samples)


def _losses(
    renderer: NeuralRenderer, texture: TextureTensors, batch: AvatarBatch, distance: nn.Module
) -> Losses:
    """Eq. 4 without the adversary; LPIPS sees whole squares."""
    return avatar_losses(
        texture.draw(renderer, BodyRaster(batch.uv, batch.coverage)),
        Picture(batch.image.float() / 255, batch.mask.float() / 255),  # bytes => [0, 1]
        batch.background,
        batch.face,
        torch.zeros(len(batch), 2, dtype=torch.int64),
        distance,
        LossWeights(crop=CROP),
    )


def _check_finite(loss: float, step: int) -> None:
    if not math.isfinite(loss):
        raise DinarError(
            f"tuning, step {step}: the loss became {loss}; make the avatar without tuning, or train the "
            "networks again"
        )


def _channels_last(values: torch.Tensor) -> np.ndarray:
    """[1, C, H, W] to float32 [H, W, C]."""
    return np.ascontiguousarray(values[0].permute(1, 2, 0).numpy(force=True))
