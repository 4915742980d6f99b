"""All numbers of an evaluation: for each way, person, view and column one; means, and what one way gains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from dinar.trainer.evaluation.bootstrap import Interval, bootstrap_mean
from dinar.trainer.evaluation.cases import PhotoCase
from dinar.trainer.evaluation.measures import AnyMeasure

JudgingViews = Literal["same view", "back view", "other views", "unseen side"]
JUDGING_VIEWS: tuple[JudgingViews, ...] = get_args(JudgingViews)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        views: which views of a person judge; where the photo shows the front, the unseen side is the back.
        measure: what is measured of each.
    """

    views: JudgingViews
    measure: AnyMeasure

    def of(self, case: PhotoCase) -> tuple[int, ...]:
        """Numbers of the views."""
        match self.views:
            case "same view":
                return (case.photo,)
            case "back view" | "unseen side":
                return (case.opposite,)
            case "other views":
                return case.others


@dataclass(frozen=True)
class Score:
    """One number.

    Attributes:
        way: name of the row.
        person: the id; None: all people together.
        view: number of the view; None: all views together.
        views: kind of the view.
        measure: name.
        value: finite; decibels end at 100, which equal pictures get.
    """

    way: str
    person: str | None
    view: int | None
    views: JudgingViews
    measure: str
    value: float


class Results:
    """Scores, looked up by row and column."""

    def __init__(self, scores: tuple[Score, ...]) -> None:
        """Keep scores of the same people for each way."""
        self.scores = scores

    def per_person(self, way: str, column: Column) -> np.ndarray:
        """Means over each person's views: float64 [P], people in the order in which they were judged."""
        values: dict[str | None, list[float]] = {}
        for score in self.scores:
            if (score.way, score.views, score.measure) == (way, column.views, column.measure.name):
                values.setdefault(score.person, []).append(score.value)
        return np.array([np.mean(each) for each in values.values()])

    def mean(self, way: str, column: Column) -> float | None:
        """Mean over people, who count alike; None where nothing was measured."""
        values = self.per_person(way, column)
        return float(values.mean()) if len(values) else None

    def gain(self, way: str, other: str, column: Column) -> Interval | None:
        """How much higher `way` is than `other`, with the interval that pairs of the same people give.

        None where nothing was measured, or only of all people together.
        """
        ours, theirs = self.per_person(way, column), self.per_person(other, column)
        judged = [s for s in self.scores if s.measure == column.measure.name and s.person is None]
        if judged or not len(ours):
            return None
        return bootstrap_mean(ours - theirs)
