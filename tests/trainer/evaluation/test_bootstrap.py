"""Intervals of means over people."""

import numpy as np
import pytest

from dinar.trainer.evaluation.bootstrap import bootstrap_mean


def test_intervals_hold_the_true_mean_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    held = [
        interval.low <= 2.0 <= interval.high
        for _ in range(60)
        if (interval := bootstrap_mean(random.normal(2.0, 1.0, 40)))
    ]
    assert 0.85 <= np.mean(held) < 1.0


def test_more_people_narrow_it_by_the_square_root() -> None:
    random = np.random.default_rng(2)
    few, many = (bootstrap_mean(random.normal(size=n)) for n in (25, 400))
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(4, rel=0.35)


def test_equal_people_leave_no_doubt() -> None:
    interval = bootstrap_mean(np.full(5, 0.25))
    assert (interval.low, interval.mean, interval.high) == (0.25, 0.25, 0.25)
    assert str(interval) == "+0.25 [+0.25, +0.25]"


def test_no_people_are_refused() -> None:
    with pytest.raises(ValueError, match="one person or more"):
        bootstrap_mean(np.zeros(0))
