"""What trainings that draw views of people have in common: rasters, targets, sheets and scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from dinar.trainer.data.avatar_samples import AvatarBatch
from dinar.trainer.metrics.quality import join_quality, measure
from dinar.trainer.models.texture_batch import TextureBatch
from dinar.trainer.picture import Picture
from dinar.trainer.rasterize.rasterizer import BodyRaster, network_raster
from dinar.trainer.train.run.loop import Preview, Term
from dinar.trainer.train.run.sheets import lay_out

Batch = TypeVar("Batch")

_SHEET_SIDE, _SHEET_ROWS = 192, 6


@dataclass(frozen=True, eq=False)
class PreviewSamples(Generic[Batch]):
    """Samples that show how far a training is.

    Attributes:
        kind: of people: "val", or "train" where the dataset has no others.
        batches: whole views.
    """

    kind: str
    batches: tuple[Batch, ...]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Views that were drawn.

    Attributes:
        batch: what from, B samples.
        gen: float32 [B, 16, T, T] in [-1, 1], T_gen.
        predicted: B pictures.
    """

    batch: AvatarBatch
    gen: torch.Tensor
    predicted: Picture


def texture_of(gen: torch.Tensor, batch: AvatarBatch) -> TextureBatch:
    """Eq. 2: float [B, 16, T, T] in [-1, 1], T_gen, and the rest of the texture."""
    known = batch.known.float()
    return TextureBatch(gen, batch.rgb.float() / 255, known[:, :1], known[:, 1:])  # bytes => [0, 1]


def raster_of_texture(texture: TextureBatch, batch: AvatarBatch) -> torch.Tensor:
    """R of Eq. 3: a texture on a batch's bodies, float32 [B, 22, S, S] in [0, 1], see `network_raster`."""
    raster = BodyRaster(batch.uv, batch.coverage)
    return network_raster(texture.gen, texture.rgb, texture.smp, texture.fill, raster)


def raster_of(gen: torch.Tensor, batch: AvatarBatch) -> torch.Tensor:
    """Eq. 2 and R of Eq. 3: what θ is given, of T_gen, float [B, 16, T, T] in [-1, 1]."""
    return raster_of_texture(texture_of(gen, batch), batch)


def target_of(batch: AvatarBatch) -> Picture:
    """What a batch should look like: I_GT and its mask, bytes => [0, 1]."""
    return Picture(batch.image.float() / 255, batch.mask.float() / 255)


def preview_of(kind: str, drawn: Sequence[Drawn]) -> Preview:
    """A sheet, and means of PSNR, MS-SSIM and the mask's IoU before grey.

    Args:
        kind: of the people.
        drawn: one or more.
    """
    reached = join_quality(
        measure(v.predicted, target_of(v.batch), torch.full_like(v.batch.background, 0.5)) for v in drawn
    )
    scores = (("PSNR", reached.person_psnr), ("MS-SSIM", reached.ms_ssim), ("mask IoU", reached.mask_iou))
    return Preview(
        lay_out(_columns(drawn), _SHEET_SIDE),
        tuple(Term(f"{kind} {name}", values.mean()) for name, values in scores),
    )


def _columns(drawn: Sequence[Drawn]) -> list[torch.Tensor]:
    """A sheet's columns: photo, T_rgb, T_gen's first three channels, prediction, target, and their masks."""
    columns = []
    for views in drawn:
        batch, predicted, target = views.batch, views.predicted, target_of(views.batch)
        columns.append(
            (
                batch.photo.float() / 255,
                batch.rgb.float() / 255,
                0.5 * (1 + views.gen[:, :3]),  # [-1, 1] => [0, 1]
                predicted.before(batch.background),
                target.before(batch.background),
                predicted.mask.expand(-1, 3, -1, -1),
                target.mask.expand(-1, 3, -1, -1),
            )
        )
    return [
        torch.cat([pictures.cpu() for pictures in column])[:_SHEET_ROWS]
        for column in zip(*columns, strict=True)
    ]
