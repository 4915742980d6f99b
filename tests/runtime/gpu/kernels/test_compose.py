"""Logits to RGBA on the GPU, against what a network's last layers mean."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.gpu.upload import VIEW

from .on_arrays import over_pixels

HEIGHT, WIDTH = 50, 70
CROP = 32, 48
CORNERS = [(3, 5), (WIDTH - 30, HEIGHT - 20)]  # column, row: within the picture, and over its border


def compose(logits: np.ndarray, block: int, corners: list[tuple[int, int]] = CORNERS) -> np.ndarray:
    """RGBA uint8 [N, H, W, 4] of fp16 logits [N, h / block, w / block, stride]."""
    views = np.zeros(len(corners), VIEW)
    views["left"], views["top"] = np.transpose(corners)
    height, width = block * logits.shape[1], block * logits.shape[2]
    out = np.full((len(corners), HEIGHT, WIDTH, 4), 0xCD, np.uint8)
    arguments = (views, logits, block, logits.shape[3], height, width, WIDTH, HEIGHT, out)
    over_pixels("compose", "compose", out.shape[:3], *arguments)
    return out


def reference(logits: np.ndarray, block: int) -> np.ndarray:
    """255 times the sigmoid of the shuffled logits, float64 [N, h, w, 4] (as torch's PixelShuffle)."""
    views, rows, columns, _ = logits.shape
    cells = logits[..., : 4 * block * block].astype(np.float64)
    cells = cells.reshape(views, rows, columns, 4, block, block)
    picture = cells.transpose(0, 1, 4, 2, 5, 3).reshape(views, rows * block, columns * block, 4)
    with np.errstate(over="ignore"):
        return 255 / (1 + np.exp(-picture))


def noise(block: int, stride: int) -> np.ndarray:
    shape = (2, CROP[0] // block, CROP[1] // block, stride)
    return np.random.default_rng(block).normal(0, 3, shape).astype(np.float16)


def within(n: int) -> tuple[slice, slice]:
    """Rows and columns of the crop of view n that lie within the picture."""
    left, top = CORNERS[n]
    return slice(top, min(top + CROP[0], HEIGHT)), slice(left, min(left + CROP[1], WIDTH))


@pytest.mark.parametrize(("block", "stride"), [(1, 8), (2, 16), (2, 24), (4, 64)])
def test_pixels_are_the_nearest_bytes_of_the_sigmoid(block: int, stride: int) -> None:
    logits = noise(block, stride)
    found, wanted = compose(logits, block), reference(logits, block)
    for n in range(2):
        rows, columns = within(n)
        drawn = found[n, rows, columns]
        exact = wanted[n, : drawn.shape[0], : drawn.shape[1]]
        shown = exact[..., 3] > 0.501
        assert shown.mean() > 0.9
        assert (np.abs(drawn - exact)[shown] <= 0.5 + 1e-4).all()


@pytest.mark.parametrize(("block", "stride"), [(1, 8), (4, 64)])
def test_around_the_crop_every_pixel_is_emptied(block: int, stride: int) -> None:
    found = compose(noise(block, stride), block)
    for n in range(2):
        assert found[n][within(n)].any()
        found[n][within(n)] = 0
    assert not found.any()


@pytest.mark.parametrize(("block", "stride"), [(1, 8), (4, 64)])
def test_where_nothing_is_covered_there_is_no_colour_either(block: int, stride: int) -> None:
    logits = noise(block, stride)
    mask = logits[..., 3 * block * block : 4 * block * block]
    mask[:] = np.where(np.random.default_rng(0).random(mask.shape) < 0.5, -9, 9)  # alpha 0 and 255
    found = compose(logits, block)
    covered = found[..., 3] > 0
    assert set(np.unique(found[..., 3])) == {0, 255}
    assert not found[~covered].any()
    assert found[covered][:, :3].any(axis=1).all()


def test_logits_that_overflow_saturate() -> None:
    logits = np.zeros((2, *CROP, 8), np.float16)
    logits[..., 0], logits[..., 1], logits[..., 2], logits[..., 3] = np.inf, -np.inf, 65504, 65504
    found = compose(logits, 1)
    assert found[0][within(0)].reshape(-1, 4).tolist() == [[255, 0, 255, 255]] * (CROP[0] * CROP[1])


def test_halves_round_to_the_even_byte() -> None:
    logits = np.zeros((2, *CROP, 8), np.float16)  # the sigmoid of 0 is exactly a half: 127.5
    assert (compose(logits, 1)[0][within(0)] == 128).all()
