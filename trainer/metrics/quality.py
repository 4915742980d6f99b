"""How near rendered people are to their photos, in numbers that need no downloads.

All of them are computed per picture: a mean over a batch is then the same in one process and in several.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from dinar.trainer.metrics.ms_ssim import ms_ssim
from dinar.trainer.picture import Picture

PERSON = 0.5
"""Mask value from which on a pixel is the person's."""


@dataclass(frozen=True)
class MeanQuality:
    """Means over pictures; see `Quality` for the ranges."""

    psnr: float
    person_psnr: float
    ms_ssim: float
    mask_iou: float


@dataclass(frozen=True, eq=False)
class Quality:
    """How near each of B pictures is to its target.

    Attributes:
        psnr: float32 [B], decibels over the whole picture; 0 for black against white, infinite for equal.
        person_psnr: float32 [B], decibels over the bounding box of the target's mask.
        ms_ssim: float32 [B], over that box, 0 to 1 (equal); see `dinar.trainer.metrics.ms_ssim`.
        mask_iou: float32 [B], 0 (apart) to 1 (the same pixels).
    """

    psnr: torch.Tensor
    person_psnr: torch.Tensor
    ms_ssim: torch.Tensor
    mask_iou: torch.Tensor

    def mean(self) -> MeanQuality:
        """Means over the batch. Decibels are averaged as such: every picture counts alike."""
        return MeanQuality(*(float(value.double().mean()) for value in vars(self).values()))


def join_quality(each: Iterable[Quality]) -> Quality:
    """That of several batches, one or more, as of one."""
    columns = zip(*(vars(quality).values() for quality in each), strict=True)
    return Quality(*(torch.cat(values) for values in columns))


def measure(predicted: Picture, target: Picture, background: torch.Tensor) -> Quality:
    """Compare pictures before one background.

    Args:
        predicted: what was rendered.
        target: what it should look like.
        background: sRGB in [0, 1], [B, 3, H, W] or [B, 3, 1, 1], of both.
    """
    a, b = predicted.before(background), target.before(background)
    boxes = mask_boxes(target.mask)
    return Quality(
        psnr=psnr(a, b),
        person_psnr=psnr(a, b, boxes),
        ms_ssim=torch.cat([ms_ssim(x, y) for x, y in zip(_cut(a, boxes), _cut(b, boxes), strict=True)]),
        mask_iou=mask_iou(predicted.mask, target.mask),
    )


def psnr(a: torch.Tensor, b: torch.Tensor, boxes: torch.Tensor | None = None) -> torch.Tensor:
    """Peak signal-to-noise ratio of pictures [B, C, H, W] with values in [0, 1]: float32 [B], decibels.

    Args:
        a: pictures.
        b: pictures.
        boxes: int64 [B, 4], what counts of each, see `mask_boxes`; None: everything.
    """
    error = (a.float() - b.float()).square()
    if boxes is None:
        return -10 * torch.log10(error.mean((1, 2, 3)))
    return -10 * torch.log10(torch.stack([part.mean() for part in _cut(error, boxes)]))


def mask_boxes(mask: torch.Tensor) -> torch.Tensor:
    """Smallest rectangles around the people of masks [B, 1, H, W], the whole picture where there is nobody.

    Returns:
        int64 [B, 4] on the host: first column, first row, end column, end row.
    """
    return torch.tensor([_box(person) for person in (mask[:, 0] >= PERSON).cpu()])


def _box(person: torch.Tensor) -> list[int]:
    """See `mask_boxes`; for one bool [H, W]."""
    rows, columns = person.any(1).nonzero(), person.any(0).nonzero()
    if not len(rows):
        return [0, 0, person.shape[1], person.shape[0]]
    return [int(n) for n in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]


def mask_iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Intersection over union of masks [B, 1, H, W], pixels from 0.5 on: float32 [B]; 1 if both are empty."""
    a, b = a >= PERSON, b >= PERSON
    both, either = (a & b).sum((1, 2, 3)), (a | b).sum((1, 2, 3))
    return torch.where(either > 0, both / either.clamp(min=1), torch.ones_like(both, dtype=torch.float32))


def _cut(pictures: torch.Tensor, boxes: torch.Tensor) -> list[torch.Tensor]:
    """Cut rectangles out of pictures [B, C, H, W]: B of [1, C, h, w]."""
    return [
        pictures[n : n + 1, :, top:bottom, left:right]
        for n, (left, top, right, bottom) in enumerate(boxes.tolist())
    ]
