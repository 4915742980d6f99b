"""One photo of a person, and the views that judge what was made of it: the protocol of Tables 1 and 2.

Table 1 gives a front view and judges that very view and the back. Table 2 gives half of the people from the
front and half from the back, and judges other poses and sides. Synthetic people of the benchmark are on the
side that their number says (`benchmark`); of all others every second one is seen from the back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dinar.trainer.data.dataset.benchmark import azimuths
from dinar.trainer.data.dataset.layout import DatasetError, Views, people_of, read_info, read_views
from dinar.trainer.data.dataset.splits import synthetic_number
from dinar.trainer.evaluation.held_out import same_pose

MOST_OTHERS = 8
"""Views of a person that judge in Table 2, at most: everybody counts alike, and a video has thousands."""

_TOLERANCE = math.radians(60)  # from straight ahead, or straight behind


@dataclass(frozen=True)
class PhotoCase:
    """One person.

    Attributes:
        person: the id.
        from_front: whether the photo shows the front; else it shows the back.
        photo: the one view that an avatar is made from: the one nearest to that side.
        opposite: the view nearest to the other side, of the same pose where there is one: what the photo does
            not show.
        others: up to `MOST_OTHERS` views but the photo, evenly spread over all.
    """

    person: str
    from_front: bool
    photo: int
    opposite: int
    others: tuple[int, ...]


def front_cases(root: Path, people: int | None = None) -> tuple[PhotoCase, ...]:
    """The first people of a dataset (all: None), each given from the front: Table 1.

    Raises:
        DatasetError: fewer people, somebody's files are bad, or nobody is seen from both sides.
    """
    return _cases(root, [(person, True) for person in _people(root, people)])


def half_front_cases(root: Path, people: int | None = None) -> tuple[PhotoCase, ...]:
    """The first people of a dataset, half of them given from the front and half from the back: Table 2.

    Raises DatasetError: see `front_cases`.
    """
    info = read_info(root)
    chosen = _people(root, people)
    numbers = [synthetic_number(info, person) for person in chosen]
    return _cases(
        root,
        [
            (person, (place if number is None else number) % 2 == 0)
            for place, (person, number) in enumerate(zip(chosen, numbers, strict=True))
        ],
    )


def _people(root: Path, count: int | None) -> tuple[str, ...]:
    everybody = people_of(root)
    if count is not None and len(everybody) < count:
        raise DatasetError(f"{root} holds {len(everybody)} people, {count} were asked for")
    return everybody[:count]


def _cases(root: Path, people: list[tuple[str, bool]]) -> tuple[PhotoCase, ...]:
    return tuple(_case(person, read_views(root, person), from_front) for person, from_front in people)


def _case(person: str, views: Views, from_front: bool) -> PhotoCase:
    """Choose views. Raises DatasetError: the person is not seen from both sides."""
    front = np.abs(azimuths(views))  # [N], 0 = front
    near, far = (front, math.pi - front) if from_front else (math.pi - front, front)
    photo = int(np.argmin(np.round(near, 6)))
    opposite = _nearest(far, same_pose(views, photo))
    if near[photo] > _TOLERANCE or far[opposite] > _TOLERANCE:
        raise DatasetError(
            f"person {person} is not seen from both sides: evaluation takes a view within 60 degrees of the "
            "front and one within 60 degrees of the back of each person"
        )
    rest = [view for view in range(len(front)) if view != photo]
    at = np.linspace(0, len(rest) - 1, min(len(rest), MOST_OTHERS)).round().astype(int)
    return PhotoCase(person, from_front, photo, opposite, tuple(rest[place] for place in at))


def _nearest(away: np.ndarray, alike: np.ndarray) -> int:
    """The view at the smallest angle; of those within tolerance, one of the same pose before any other."""
    later = np.where(alike & (away <= _TOLERANCE), 0.0, 2 * math.pi)
    return int(np.argmin(np.round(away + later, 6)))
