"""Percentiles, and when windows agree."""

from __future__ import annotations

import pytest

from dinar.runtime.measure.statistics import is_stable, percentiles


def test_percentiles_of_known_times() -> None:
    found = percentiles([float(k) for k in range(101)])
    assert (found.mean_ms, found.p50_ms, found.p90_ms) == (50, 50, 90)
    assert (found.p95_ms, found.p99_ms, found.max_ms) == (95, 99, 100)


def test_one_time_is_its_own_distribution() -> None:
    found = percentiles([3.0])
    assert {found.mean_ms, found.p50_ms, found.p99_ms, found.max_ms} == {3.0}


def test_no_times_have_no_percentiles() -> None:
    with pytest.raises(ValueError, match="one time or more"):
        percentiles([])


@pytest.mark.parametrize(
    ("medians", "stable"),
    [
        ([10, 10], False),  # too few
        ([10, 10.9, 10.2], True),
        ([10, 11.5, 10.2], False),
        ([10, 8.5, 10.2], False),
        ([50, 20, 10, 10.4, 9.8], True),  # only the last three count
        ([10, 10, 10, 20], False),
    ],
)
def test_windows_agree_when_the_last_three_medians_do(medians: list[float], stable: bool) -> None:
    assert is_stable(medians, tolerance=0.1) is stable
