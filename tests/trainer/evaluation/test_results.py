"""Means and gains of rows, over people who count alike."""

from __future__ import annotations

import pytest

from dinar.trainer.evaluation.measures import MS_SSIM, PSNR
from dinar.trainer.evaluation.paper import TABLE_1, TABLE_2
from dinar.trainer.evaluation.perceptual import open_perceptual
from dinar.trainer.evaluation.results import Column, Results, Score
from dinar.trainer.evaluation.tables import compared, table_1, table_2

COLUMN = Column("other views", PSNR)


def scores(way: str, *people: tuple[float, ...]) -> tuple[Score, ...]:
    """One tuple of views a person."""
    return tuple(
        Score(way, f"p{n}", view, "other views", "PSNR", value)
        for n, values in enumerate(people)
        for view, value in enumerate(values)
    )


def test_people_count_alike_however_many_views_they_have() -> None:
    results = Results(scores("a", (20.0,), (30.0, 30.0, 30.0)))
    assert results.mean("a", COLUMN) == 25
    assert results.per_person("a", COLUMN).tolist() == [20, 30]


def test_a_gain_is_that_of_pairs_of_the_same_people() -> None:
    """People differ by 10 dB, each gains 1: the interval knows no doubt."""
    results = Results(scores("a", (20.0,), (30.0,), (25.0,)) + scores("b", (21.0,), (31.0,), (26.0,)))
    gain = results.gain("b", "a", COLUMN)
    assert gain is not None
    assert (gain.low, gain.mean, gain.high) == pytest.approx((1, 1, 1))


def test_what_was_not_measured_is_nothing_not_nought() -> None:
    results = Results((*scores("a", (20.0,)), Score("a", None, None, "back view", "KID", 0.1)))
    assert results.mean("a", Column("other views", MS_SSIM)) is None
    assert results.gain("a", "a", Column("other views", MS_SSIM)) is None


def test_each_row_is_compared_with_the_one_above_and_the_last_with_all() -> None:
    assert compared(["a", "b", "c"]) == [("a", "b"), ("b", "c"), ("a", "c")]
    assert compared(["a"]) == []


def test_our_tables_begin_with_the_papers_columns() -> None:
    perceptual = open_perceptual(None)
    for spec, paper in ((table_1(perceptual), TABLE_1), (table_2(perceptual), TABLE_2)):
        ours = [(column.views, column.measure.name) for column in spec.columns]
        assert tuple(ours[: len(paper.columns)]) == paper.columns
        assert len(set(ours)) == len(ours)
        assert all(len(row.values) == len(paper.columns) for row in paper.rows)
