"""What a network must do for a picture, and the least time that takes."""

from __future__ import annotations

import pytest

from dinar.trainer.models.renderer import LIVE, PAPER, RendererConfig, count_flops
from dinar.trainer.peers.gpu_floor import Rates, Work, count_work, floor_ms

ONE_STEP = RendererConfig("one", 1, (8,), 1, 0, 0, 0, "add", False)
"""Two convolutions: 22 to 8 channels, 1 x 1, and 8 to 4, 3 x 3."""


def test_each_pixel_and_weight_of_a_convolution_is_counted_once() -> None:
    stem = 22 * 8 + 8 + 32 * 64 * (22 + 8)
    head = 8 * 4 * 9 + 4 + 32 * 64 * (8 + 4)
    assert count_work(ONE_STEP, 32, 64).bytes == 2 * (stem + head)


@pytest.mark.parametrize("config", [LIVE, PAPER], ids=["live", "paper"])
def test_operations_are_those_of_the_model(config: RendererConfig) -> None:
    work = count_work(config, 512, 512)
    assert work.flops == count_flops(config, 512, 512)
    assert work.bytes > 2 * 512 * 512 * 22


def test_the_floor_is_computing_or_moving_whichever_takes_longer() -> None:
    rates = Rates(flops=8e14, bytes=4e12)
    assert floor_ms(Work(flops=475 * 10**9, bytes=10**9), rates) == pytest.approx(0.594, abs=1e-3)
    assert floor_ms(Work(flops=6 * 10**9, bytes=2 * 10**9), rates) == pytest.approx(0.5)
