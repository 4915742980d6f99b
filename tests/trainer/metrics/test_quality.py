"""Figures for rendered people."""

import math

import pytest
import torch

from dinar.trainer.metrics.ms_ssim import ms_ssim
from dinar.trainer.metrics.quality import Quality, mask_boxes, mask_iou, measure, psnr
from dinar.trainer.picture import Picture

GREY = torch.full((1, 3, 1, 1), 0.5)


def mask_of(*boxes: tuple[int, int, int, int], side: int = 40) -> torch.Tensor:
    """Masks [B, 1, side, side]: 1 in a rectangle each (left, top, right, bottom)."""
    mask = torch.zeros(len(boxes), 1, side, side)
    for n, (left, top, right, bottom) in enumerate(boxes):
        mask[n, 0, top:bottom, left:right] = 1
    return mask


def test_psnr_is_decibels_of_the_mean_squared_error():
    a = torch.full((3, 3, 8, 8), 0.5)
    b = a.clone()
    b[1] += 0.1
    b[2, :, :4] += 0.1  # half of the picture
    value = psnr(a, b)
    assert value[0] == math.inf
    assert float(value[1]) == pytest.approx(20, abs=1e-3)
    assert float(value[2]) == pytest.approx(20 + 10 * math.log10(2), abs=1e-3)
    assert float(psnr(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4))) == 0


def test_psnr_of_boxes_sees_nothing_else():
    a, b = torch.zeros(2, 3, 40, 40), torch.ones(2, 3, 40, 40)
    b[0, :, 5:15, 10:30] = 0.1
    b[1, :, 20:21, 3:4] = 0.01
    boxes = torch.tensor([[10, 5, 30, 15], [3, 20, 4, 21]])
    torch.testing.assert_close(psnr(a, b, boxes), torch.tensor([20.0, 40.0]))


def test_mask_boxes_hold_the_person_and_nothing_more():
    mask = mask_of((10, 5, 30, 15), (39, 39, 40, 40), (0, 0, 0, 0))
    mask[0, 0, 0, 0] = 0.4  # not the person's
    assert mask_boxes(mask).tolist() == [[10, 5, 30, 15], [39, 39, 40, 40], [0, 0, 40, 40]]


def test_mask_iou():
    a = mask_of((0, 0, 10, 10), (0, 0, 10, 10), (0, 0, 10, 10), (0, 0, 0, 0), (0, 0, 0, 0))
    b = mask_of((0, 0, 10, 10), (5, 0, 15, 10), (20, 20, 30, 30), (0, 0, 0, 0), (0, 0, 1, 1))
    torch.testing.assert_close(mask_iou(a, b), torch.tensor([1, 1 / 3, 0, 1, 0]))
    torch.testing.assert_close(mask_iou(0.51 * a, 0.5 * b), mask_iou(a, b))


def test_measure_puts_both_before_one_background():
    generator = torch.Generator().manual_seed(0)
    mask = mask_of((8, 2, 30, 38), (0, 0, 40, 40))
    target = Picture(torch.rand(2, 3, 40, 40, generator=generator), mask)
    hidden = Picture(torch.where(mask > 0, target.rgb, 0.123), mask)  # differs where nobody is
    same = measure(hidden, target, GREY)
    assert same.psnr.tolist() == same.person_psnr.tolist() == [math.inf, math.inf]
    torch.testing.assert_close(same.ms_ssim, torch.ones(2))

    noisy = Picture((target.rgb + 0.1).clamp(0, 1), 0.9 * mask)
    quality = measure(noisy, target, GREY)
    a, b = noisy.before(GREY), target.before(GREY)
    torch.testing.assert_close(quality.psnr, psnr(a, b))
    torch.testing.assert_close(quality.person_psnr[:1], psnr(a[:1, :, 2:38, 8:30], b[:1, :, 2:38, 8:30]))
    torch.testing.assert_close(quality.ms_ssim[:1], ms_ssim(a[:1, :, 2:38, 8:30], b[:1, :, 2:38, 8:30]))
    assert quality.person_psnr[0] < quality.psnr[0]  # what nobody gets wrong does not count
    assert quality.mask_iou.tolist() == [1, 1]


def test_means_count_every_picture_alike():
    values = torch.tensor([10.0, 30.0])
    mean = Quality(values, values + 1, values / 100, values / 50).mean()
    assert (mean.psnr, mean.person_psnr) == (20, 21)
    assert mean.ms_ssim == pytest.approx(0.2)
    assert mean.mask_iou == pytest.approx(0.4)
