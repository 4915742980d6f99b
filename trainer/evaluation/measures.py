"""What is measured of a drawn view against its photo, without any weights: the columns of the tables.

As far as the paper tells, its numbers are of whole pictures with the person cut out; so are these, before
grey. Two columns of ours say more where most of a picture is background: the PSNR within the rectangle around
the person, and how well the outline fits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from dinar.trainer.metrics.ms_ssim import ms_ssim
from dinar.trainer.metrics.quality import PERSON, mask_boxes, mask_iou, psnr
from dinar.trainer.metrics.sliced_wasserstein import PatchOptions, sliced_wasserstein
from dinar.trainer.picture import Picture

_GREY = 0.5  # behind everybody
_MOST_DB = 100.0
"""What equal pictures get, for infinity has no mean and no place in JSON; no eye sees what is beyond."""

_PATCHES = PatchOptions(patches=2048, directions=64)


@dataclass(frozen=True)
class Measure:
    """A number for one drawn view.

    Attributes:
        name: of the column.
        higher: whether higher is better.
        digits: after the point.
        of: what was drawn and the photo, B = 1 each => the number.
        samples: where chance has a part, so many avatars are made, and the best one of each view counts.
    """

    name: str
    higher: bool
    digits: int
    of: Callable[[Picture, Picture], float]
    samples: int = 1


@dataclass(frozen=True)
class SetMeasure:
    """A number for all drawn views together.

    Attributes:
        name: of the column.
        higher: whether higher is better.
        digits: after the point.
        features: a picture, B = 1 => float32 [D].
        distance: features of what was drawn, float32 [N, D], and of the photos, likewise => the number; None
            where there are too few.
    """

    name: str
    higher: bool
    digits: int
    features: Callable[[Picture], torch.Tensor]
    distance: Callable[[torch.Tensor, torch.Tensor], float | None]


@dataclass(frozen=True)
class MissingMeasure:
    """A column that stays empty.

    Attributes:
        name: of the column.
        higher: whether higher is better.
        digits: after the point.
        sentence: why, and what to do.
    """

    name: str
    higher: bool
    digits: int
    sentence: str


AnyMeasure = Measure | SetMeasure | MissingMeasure


def before_grey(picture: Picture) -> torch.Tensor:
    """As measures see it: float32 [B, 3, H, W]."""
    return picture.before(torch.full((1, 3, 1, 1), _GREY))


def _ms_ssim(drawn: Picture, photo: Picture) -> float:
    return float(ms_ssim(before_grey(drawn), before_grey(photo)))


def _psnr(drawn: Picture, photo: Picture) -> float:
    return min(float(psnr(before_grey(drawn), before_grey(photo))), _MOST_DB)


def _person_psnr(drawn: Picture, photo: Picture) -> float:
    return min(float(psnr(before_grey(drawn), before_grey(photo), mask_boxes(photo.mask))), _MOST_DB)


def _mask_iou(drawn: Picture, photo: Picture) -> float:
    return 100 * float(mask_iou(drawn.mask, photo.mask))


def _patches(drawn: Picture, photo: Picture) -> float:
    """Mean over levels; patches around pixels of the person, wherever each picture has them."""
    inside, truly_inside = (picture.mask >= PERSON for picture in (drawn, photo))
    if not inside.any():  # nobody was drawn: what is there instead is compared
        inside = torch.ones_like(inside)
    a, b = before_grey(drawn), before_grey(photo)
    return float(sliced_wasserstein(a, b, inside, truly_inside, _PATCHES).mean())


MS_SSIM = Measure("MS-SSIM", True, 4, _ms_ssim)
PSNR = Measure("PSNR", True, 2, _psnr)
PERSON_PSNR = Measure("person PSNR", True, 2, _person_psnr)
MASK_IOU = Measure("mask IoU, %", True, 1, _mask_iou)
PATCHES = Measure("patch SWD", False, 4, _patches)
BEST_PSNR = Measure("person PSNR, best of 8", True, 2, _person_psnr, samples=8)
"""One sample loses PSNR to a blurred mean by construction; the best of several need not."""
