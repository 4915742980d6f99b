"""The loss of Eq. 4, with the weights of Sec. 4.1.

    Loss = l1 L2 + l2 LPIPS + l3 Dice + l4 Adv + l5 R1

L2 and LPIPS count for the whole picture, and again, with a tenth of their weights, for the face. Pictures are
compared before the same random background: the network learns colours that are not mixed with any, and a
mask. Every term is a mean over pictures: means over the batches of several processes are those of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from dinar.trainer.picture import Picture

Distance = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Pictures [B, 3, H, W] twice, sRGB in [0, 1] => float32 [B]; see `losses.lpips.perceptual_loss`."""

_SMOOTHING = 1.0  # pixels: two empty masks are alike


@dataclass(frozen=True)
class LossWeights:
    """What counts how much; the paper's values (Sec. 4.1).

    Attributes:
        l2: of the pictures' mean squared difference.
        perceptual: of LPIPS, or what stands in for it.
        dice: of the masks' Dice loss.
        adversarial: of the non-saturating adversarial loss.
        r1: of the R1 penalty, in the discriminator's loss.
        r1_interval: steps from one R1 penalty to the next; it counts so many times as much.
        face: of L2 and LPIPS on the face, relative to those of the whole picture.
        crop: side of the random square that LPIPS looks at, pixels; smaller pictures are seen whole.
        face_side: pixels a side to which faces are resampled.
    """

    l2: float = 2.2
    perceptual: float = 1.0
    dice: float = 1.0
    adversarial: float = 0.01
    r1: float = 0.1
    r1_interval: int = 16
    face: float = 0.1
    crop: int = 256
    face_side: int = 64

    def r1_at(self, step: int) -> float:
        """Weight of the R1 penalty in a step: 0 in most, and interval times `r1` in one of every interval."""
        return self.r1 * self.r1_interval if step % self.r1_interval == 0 else 0.0


@dataclass(frozen=True, eq=False)
class Losses:
    """The terms of Eq. 4 for the renderer and the texture generator; scalars, before their weights.

    Attributes:
        l2: mean squared difference of the pictures.
        perceptual: LPIPS, or what stands in for it.
        dice: of the masks.
        face_l2: as l2, on the faces; pictures without one count as 0.
        face_perceptual: likewise.
        adversarial: 0 without a discriminator.
        total: their weighted sum, to be minimized.
    """

    l2: torch.Tensor
    perceptual: torch.Tensor
    dice: torch.Tensor
    face_l2: torch.Tensor
    face_perceptual: torch.Tensor
    adversarial: torch.Tensor
    total: torch.Tensor


def avatar_losses(
    predicted: Picture,
    target: Picture,
    background: torch.Tensor,
    face: torch.Tensor,
    corner: torch.Tensor,
    perceptual: Distance,
    weights: LossWeights,
    fake_logits: torch.Tensor | None = None,
) -> Losses:
    """Compute Eq. 4 for the renderer and all that feeds it.

    Args:
        predicted: what the renderer drew of B people, H x W pixels.
        target: the photos and their masks.
        background: float32 [B, 3, 1, 1] or [B, 3, H, W], sRGB in [0, 1], of both.
        face: int64 [B, 4], where each photo shows a face: first column, first row, end column, end row; four
            zeros where it shows none.
        corner: int64 [B, 2] on the host, see `random_corners`.
        perceptual: the perceptual distance.
        weights: of the terms.
        fake_logits: float [B, 1], the discriminator's on `predicted.before(background)`.
    """
    drawn, photo = predicted.before(background), target.before(background)
    crops = (crop_squares(picture, corner, weights.crop) for picture in (drawn, photo))
    faces = tuple(cut_faces(picture, face, weights.face_side) for picture in (drawn, photo))
    shown = (face[:, 2] > face[:, 0]).float()
    l2 = (drawn - photo).square().mean()
    distance = perceptual(*crops).mean()
    dice = dice_loss(predicted.mask, target.mask)
    face_l2 = (shown * (faces[0] - faces[1]).square().mean((1, 2, 3))).mean()
    face_distance = (shown * perceptual(*faces)).mean()
    adversarial = torch.zeros_like(l2) if fake_logits is None else generator_loss(fake_logits)
    total = (
        weights.l2 * (l2 + weights.face * face_l2)
        + weights.perceptual * (distance + weights.face * face_distance)
        + weights.dice * dice
        + weights.adversarial * adversarial
    )
    return Losses(l2, distance, dice, face_l2, face_distance, adversarial, total)


def random_corners(
    count: int, height: int, width: int, side: int, generator: torch.Generator
) -> torch.Tensor:
    """Draw where a square lies in each picture: top and left, int64 [count, 2]; 0 where there is no room.

    Args:
        count: B.
        height: rows of the pictures.
        width: columns.
        side: the square's, pixels.
        generator: on the host.
    """
    room = torch.tensor([max(height - side, 0), max(width - side, 0)])
    return (torch.rand(count, 2, generator=generator) * (room + 1)).long().minimum(room)


def crop_squares(pictures: torch.Tensor, corner: torch.Tensor, side: int) -> torch.Tensor:
    """Cut a square out of each picture [B, C, H, W], at its top and left int64 [B, 2]; at most all of it."""
    return torch.stack(
        [
            picture[:, top : top + side, left : left + side]
            for picture, (top, left) in zip(pictures, corner.tolist(), strict=True)
        ]
    )


def cut_faces(pictures: torch.Tensor, face: torch.Tensor, side: int) -> torch.Tensor:
    """Resample rectangles of pictures to squares of one size, bilinearly.

    Args:
        pictures: float [B, C, H, W].
        face: int64 [B, 4], as `avatar_losses` takes it.
        side: pixels.

    Returns:
        float32 [B, C, side, side]; the top left pixel where there is no face.
    """
    height, width = pictures.shape[2:]
    left, top, right, bottom = face.to(pictures.device, torch.float32).unbind(1)
    at = (torch.arange(side, device=pictures.device) + 0.5) / side  # pixel centres
    x = 2 * (left[:, None] + (right - left)[:, None] * at) / width - 1  # [B, side]; pixels => [-1, 1]
    y = 2 * (top[:, None] + (bottom - top)[:, None] * at) / height - 1
    grid = torch.stack([x[:, None].expand(-1, side, -1), y[:, :, None].expand(-1, -1, side)], 3)
    return F.grid_sample(pictures.float(), grid, padding_mode="border", align_corners=False)


def dice_loss(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """One minus the Dice overlap of masks [B, 1, H, W] in [0, 1]: 0 (equal) to 1 (apart); mean over B."""
    both = (predicted * target).sum((1, 2, 3))
    sizes = (predicted.square() + target.square()).sum((1, 2, 3))
    return (1 - (2 * both + _SMOOTHING) / (sizes + _SMOOTHING)).mean()


# --- The adversarial game (Goodfellow et al. 2014, non-saturating) ----------------------------------


def generator_loss(fake_logits: torch.Tensor) -> torch.Tensor:
    """Adv of Eq. 4 for what draws: -log D(fake), from the discriminator's logits."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
    """Adv for the discriminator: -log D(real) - log(1 - D(fake)). Its weight is 1: only R1 is beside it."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def r1_penalty(discriminator: Callable[[torch.Tensor], torch.Tensor], real: torch.Tensor) -> torch.Tensor:
    """R1 of Mescheder et al. 2018: half the squared length of the logits' gradient at real pictures, mean.

    Args:
        discriminator: pictures [B, 3, H, W] => logits [B, 1].
        real: float32 [B, 3, H, W], before the random background.
    """
    real = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    return 0.5 * gradient.square().sum((1, 2, 3)).mean()
