"""Pictures are compared by their numbers; a half-precision network's numbers become pictures first."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from dinar.export.parity import Parity, compare_pictures, draw, import_onnxruntime, pictures


def test_the_same_pictures_have_no_error() -> None:
    views = [np.full((4, 2, 2), 0.25), np.zeros((4, 2, 2))]
    assert compare_pictures(iter(views), views) == Parity(0.0, math.inf, 2)


def test_error_and_psnr_are_over_all_views() -> None:
    theirs = [np.full((4, 2, 2), 0.5), np.zeros((4, 2, 2))]
    theirs[0][3] = 1
    ours = [theirs[0].copy(), np.zeros((4, 2, 2))]
    ours[0][:3] += 0.1
    parity = compare_pictures(ours, theirs)
    assert parity.max_error == pytest.approx(0.1)
    assert parity.psnr == pytest.approx(-10 * math.log10(0.1**2 * 3 / 4 / 2))


def test_colours_that_masks_hide_do_not_count() -> None:
    theirs, ours = np.zeros((4, 2, 2)), np.zeros((4, 2, 2))
    ours[:3] = 1
    assert compare_pictures([ours], [theirs]).max_error == 0
    ours[3] = theirs[3] = 0.25
    assert compare_pictures([ours], [theirs]).max_error == 0.25


def test_different_numbers_of_views_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        compare_pictures([np.zeros((4, 2, 2))], [np.zeros((4, 2, 2))] * 2)


@pytest.mark.parametrize("block", [1, 4])
def test_logits_become_pictures_as_torch_makes_them(block: int) -> None:
    logits = torch.randn(2, max(8, 4 * block**2), 3, 5).half()
    expected = torch.sigmoid(torch.pixel_shuffle(logits[:, : 4 * block**2].float(), block))
    np.testing.assert_allclose(pictures(logits.numpy(), block), expected.numpy(), atol=1e-6)


def test_onnx_runtime_draws_what_torch_draws(small: Any) -> None:
    rasters = np.random.default_rng(0).integers(0, 256, (2, 32, 64, 22), np.uint8)
    with torch.no_grad():
        expected = small.network(torch.from_numpy(rasters).permute(0, 3, 1, 2) / 255).numpy()
    drawn = np.stack(list(draw(import_onnxruntime(), small.onnx, list(rasters))))
    assert np.abs(drawn - expected).max() < 1e-4
