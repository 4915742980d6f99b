"""Which view an avatar is made from, and which ones judge it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dinar.trainer.data.dataset.benchmark import azimuths
from dinar.trainer.data.dataset.layout import DatasetError, create_dataset, read_views, write_person
from dinar.trainer.data.dataset.plausibility import joint_model
from dinar.trainer.evaluation.cases import MOST_OTHERS, PhotoCase, front_cases, half_front_cases
from dinar.trainer.evaluation.held_out import same_pose

from ..data.dataset.small_people import info_of, make_dataset, make_view, open_body


def angle(root: Path, case: PhotoCase, view: int) -> float:
    """From straight ahead, degrees."""
    return abs(math.degrees(azimuths(read_views(root, case.person))[view]))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("people") / "data", ["a", "b", "c"], views=12, size=32)


def test_table_1_gives_the_front_and_judges_the_back(root: Path) -> None:
    cases = front_cases(root)
    assert [case.person for case in cases] == ["a", "b", "c"]
    for case in cases:
        assert case.from_front
        assert angle(root, case, case.photo) < 20
        assert angle(root, case, case.opposite) > 160


def test_table_2_gives_every_second_person_from_the_back(root: Path) -> None:
    cases = half_front_cases(root)
    assert [case.from_front for case in cases] == [True, False, True]
    assert angle(root, cases[1], cases[1].photo) > 160
    assert angle(root, cases[1], cases[1].opposite) < 20
    for case in cases:
        assert len(case.others) == MOST_OTHERS
        assert case.photo not in case.others


def test_numbers_of_synthetic_people_say_their_side(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", ["900001", "900003", "900004"], synthetic=True, size=32)
    assert [case.from_front for case in half_front_cases(root)] == [False, False, True]


def test_the_other_side_is_taken_in_the_photos_pose_where_there_is_one(tmp_path: Path) -> None:
    body = open_body()
    model = joint_model(body)
    create_dataset(tmp_path, info_of(body))
    one = [make_view(model, "a", n, 8, 32, np.random.default_rng(7)) for n in range(8)]
    two = [make_view(model, "a", n, 8, 32, np.random.default_rng(8)) for n in range(8)]
    # The first pose has the only front; its neighbours stand in for its back, not the other pose's back.
    kept = [*(view for view in one if view.view != 4), *(view for view in two if view.view != 0)]
    write_person(tmp_path, "a", [replace(view, view=n) for n, view in enumerate(kept)])
    (case,) = front_cases(tmp_path)
    assert same_pose(read_views(tmp_path, "a"), case.photo)[case.opposite]
    assert 120 < angle(tmp_path, case, case.opposite) < 160


def test_people_of_one_side_and_too_few_people_are_refused(root: Path, tmp_path: Path) -> None:
    one_side = make_dataset(tmp_path / "data", ["a"], views=1, size=32)
    with pytest.raises(DatasetError, match="not seen from both sides"):
        front_cases(one_side)
    with pytest.raises(DatasetError, match="holds 3 people, 4"):
        half_front_cases(root, 4)
