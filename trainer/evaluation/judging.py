"""Lets all ways draw all people, and measures what comes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dinar.trainer.evaluation.contest import Contestant, Drawn, Way
from dinar.trainer.evaluation.measures import AnyMeasure, Measure, MissingMeasure, SetMeasure, before_grey
from dinar.trainer.evaluation.results import Column, Results, Score
from dinar.trainer.picture import Picture


@dataclass(frozen=True, eq=False)
class Shown:
    """One person, for a sheet.

    Attributes:
        person: the id.
        photo: uint8 [H, W, 3], sRGB, before grey: what the avatars were made from.
        truth: likewise, the view from the other side.
        drawn: likewise, that view as each way draws it, in their order.
    """

    person: str
    photo: np.ndarray
    truth: np.ndarray
    drawn: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class _Features:
    """Of one drawn view and its photo: float32 [D]."""

    drawn: np.ndarray
    photo: np.ndarray


@dataclass(frozen=True, eq=False)
class Judged:
    """One person, judged.

    Attributes:
        scores: of every way and view.
        features: name of the way, number of the column, features of a view: what sets are judged by.
        shown: for a sheet.
    """

    scores: tuple[Score, ...]
    features: tuple[tuple[str, int, _Features], ...]
    shown: Shown


@torch.no_grad()
def judge(person: Contestant, ways: Sequence[Way], columns: Sequence[Column]) -> Judged:
    """Make and judge one person's avatars.

    Args:
        person: with one photo.
        ways: rows, of different names.
        columns: missing measures are passed over.

    Raises:
        DinarError: files are bad, or a photo shows nothing of the body.
    """
    scores: list[Score] = []
    features: list[tuple[str, int, _Features]] = []
    opposite: list[Drawn] = []
    for way in ways:
        judged, drawn = _judge_way(person, way, columns, features)
        scores += judged
        opposite.append(drawn)
    photo, truth = (_bytes(picture) for picture in (person.photo(), opposite[0].photo))
    shown = Shown(person.case.person, photo, truth, tuple(_bytes(each.picture) for each in opposite))
    return Judged(tuple(scores), tuple(features), shown)


def results_of(judged: Iterable[Judged], columns: Sequence[Column]) -> Results:
    """Join the scores of people that were judged by the same columns, and judge all their views as sets."""
    scores: list[Score] = []
    sets: dict[tuple[str, int], list[_Features]] = {}
    for person in judged:
        scores += person.scores
        for way, number, features in person.features:
            sets.setdefault((way, number), []).append(features)
    for (way, number), each in sets.items():
        scores += _judge_set(way, columns[number], each)
    return Results(tuple(scores))


def _bytes(picture: Picture) -> np.ndarray:
    """A picture before grey: uint8 [H, W, 3]."""
    return np.round(255 * before_grey(picture)[0].clamp(0, 1).permute(1, 2, 0).numpy()).astype(np.uint8)


def _judge_way(
    person: Contestant,
    way: Way,
    columns: Sequence[Column],
    features: list[tuple[str, int, _Features]],
) -> tuple[list[Score], Drawn]:
    """Scores of one avatar, or the best of several, and its other side; adds to what sets are judged by."""
    found: dict[tuple[Column, int], list[float]] = {}
    opposite: Drawn | None = None
    for seed in range(max(_samples(way, column.measure) for column in columns)):
        asked = [(n, column) for n, column in enumerate(columns) if seed < _samples(way, column.measure)]
        drawn = _draw(person, way, seed, [column for _, column in asked])
        opposite = opposite or drawn[person.case.opposite]
        for number, column in asked:
            for view in column.of(person.case):
                picture, photo = drawn[view].picture, drawn[view].photo
                match column.measure:
                    case Measure(of=measured):
                        found.setdefault((column, view), []).append(measured(picture, photo))
                    case SetMeasure(features=of):
                        features.append((way.name, number, _Features(of(picture).numpy(), of(photo).numpy())))
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
    if isinstance(measure, MissingMeasure):
        return 0
    return measure.samples if isinstance(measure, Measure) and way.chance else 1


def _judge_set(way: str, column: Column, features: Sequence[_Features]) -> list[Score]:
    """The score of all views together; none where they are too few."""
    assert isinstance(column.measure, SetMeasure)
    drawn, photos = (np.stack(sets) for sets in zip(*((f.drawn, f.photo) for f in features), strict=True))
    value = column.measure.distance(torch.from_numpy(drawn), torch.from_numpy(photos))
    return [] if value is None else [Score(way, None, None, column.views, column.measure.name, value)]
