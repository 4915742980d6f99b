"""Lets all ways draw all people, and measures what comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch

from dinar.trainer.evaluation.contest import Contestant, Drawn, Way
from dinar.trainer.evaluation.measures import AnyMeasure, Measure, MissingMeasure, SetMeasure
from dinar.trainer.evaluation.results import Column, Results, Score
from dinar.trainer.picture import Picture


@dataclass(frozen=True, eq=False)
class Shown:
    """One person, for a sheet.

    Attributes:
        person: the id.
        photo: what the avatars were made from.
        truth: the view from the other side.
        drawn: that view as each way draws it, in their order.
    """

    person: str
    photo: Picture
    truth: Picture
    drawn: tuple[Picture, ...]


@dataclass(frozen=True, eq=False)
class _Features:
    """Of one drawn view and its photo: float32 [D]."""

    drawn: torch.Tensor
    photo: torch.Tensor


@torch.no_grad()
def judge(
    people: Iterable[Contestant],
    ways: Sequence[Way],
    columns: Sequence[Column],
    show: Callable[[Shown], None],
) -> Results:
    """Make and judge the avatars of all people.

    Args:
        people: one photo of each.
        ways: rows, of different names.
        columns: columns; missing measures are passed over.
        show: is given each person's pictures from the other side.

    Raises:
        DinarError: files are bad, or a photo shows nothing of the body.
    """
    measured = [column for column in columns if not isinstance(column.measure, MissingMeasure)]
    scores: list[Score] = []
    features: dict[tuple[str, Column], list[_Features]] = {}
    for person in people:
        opposite = []
        for way in ways:
            judged, drawn = _judge_person(person, way, measured, features)
            scores += judged
            opposite.append(drawn)
        pictures = tuple(each.picture for each in opposite)
        show(Shown(person.case.person, person.photo(), opposite[0].photo, pictures))
    for (way_name, column), each in features.items():
        scores += _judge_set(way_name, column, each)
    return Results(tuple(scores))


def _judge_person(
    person: Contestant,
    way: Way,
    columns: Sequence[Column],
    features: dict[tuple[str, Column], list[_Features]],
) -> tuple[list[Score], Drawn]:
    """Scores of one avatar, or the best of several, and its other side; adds to what sets are judged by."""
    found: dict[tuple[Column, int], list[float]] = {}
    opposite: Drawn | None = None
    for seed in range(max(_samples(way, column.measure) for column in columns)):
        asked = [column for column in columns if seed < _samples(way, column.measure)]
        drawn = _draw(person, way, seed, asked)
        opposite = opposite or drawn[person.case.opposite]
        for column in asked:
            for view in column.of(person.case):
                picture, photo = drawn[view].picture, drawn[view].photo
                match column.measure:
                    case Measure(of=number):
                        found.setdefault((column, view), []).append(number(picture, photo))
                    case SetMeasure(features=of):
                        features.setdefault((way.name, column), []).append(_Features(of(picture), of(photo)))
    assert opposite is not None
    return [_score(person, way, column, view, values) for (column, view), values in found.items()], opposite


def _draw(person: Contestant, way: Way, seed: int, columns: Sequence[Column]) -> dict[int, Drawn]:
    """The views that columns are about, and the other side, of one avatar."""
    texture = person.texture(way, seed)
    views = {person.case.opposite, *(view for column in columns for view in column.of(person.case))}
    return {view: person.draw(way, texture, view) for view in sorted(views)}


def _score(person: Contestant, way: Way, column: Column, view: int, values: Sequence[float]) -> Score:
    best = max(values) if column.measure.higher else min(values)
    return Score(way.name, person.case.person, view, column.views, column.measure.name, best)


def _samples(way: Way, measure: AnyMeasure) -> int:
    """How many avatars of a person a column is about."""
    return measure.samples if isinstance(measure, Measure) and way.chance else 1


def _judge_set(way: str, column: Column, features: Sequence[_Features]) -> list[Score]:
    """The score of all views together; none where they are too few."""
    assert isinstance(column.measure, SetMeasure)
    value = column.measure.distance(
        torch.stack([each.drawn for each in features]), torch.stack([each.photo for each in features])
    )
    return [] if value is None else [Score(way, None, None, column.views, column.measure.name, value)]
