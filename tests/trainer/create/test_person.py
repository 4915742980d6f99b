"""Which photos an avatar is made from, by which others it is judged, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dinar.runtime.body import Pose
from dinar.runtime.errors import DinarError
from dinar.trainer.create.person import choose_views, read_person
from dinar.trainer.data.dataset.layout import create_dataset, read_info, read_view, write_person

from ..data.dataset.small_people import make_dataset
from .people import make_person, silent


def test_the_views_that_are_not_given_are_held_out(tmp_path: Path) -> None:
    person = make_person(tmp_path / "people", (2, 0))
    assert [one.view.view for one in person.given] == [2, 0]
    assert [one.view.view for one in person.held_out] == [1, 3]
    assert person.given[0].texture.filled.any()
    assert person.given[0].body.coverage.any()
    expected = np.mean([one.view.betas for one in person.given], axis=0)
    np.testing.assert_allclose(person.betas, expected, rtol=1e-6)


def test_without_numbers_the_first_eight_are_given_and_eight_others_are_spread_over_the_rest() -> None:
    assert choose_views("anna", (), 3) == ((0, 1, 2), ())
    assert choose_views("anna", (), 10) == (tuple(range(8)), (8, 9))
    given, others = choose_views("anna", (7,), 1000)
    assert given == (7,)
    assert len(others) == 8
    assert (others[0], others[-1]) == (0, 999)


@pytest.mark.parametrize(
    ("name", "numbers", "reason"),
    [
        ("zoe", (), "has no person 'zoe', but anna, ben"),
        ("anna", (0, 4), "person anna has views 0 to 3, there is no view 4"),
        ("anna", (-1,), "person anna has views 0 to 3, there is no view -1"),
    ],
)
def test_who_or_what_is_not_there_is_named_with_what_is(
    tmp_path: Path, name: str, numbers: tuple[int, ...], reason: str
) -> None:
    root = make_dataset(tmp_path / "people", ["anna", "ben"])
    with pytest.raises(DinarError, match=reason):
        read_person(root, name, numbers, 64, silent())


def test_pictures_that_are_too_small_for_the_network_are_refused(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "people", ["anna"], size=24)
    with pytest.raises(
        DinarError, match="view 0 has 24 x 24 pixels, an avatar is made from photos of 32 x 32"
    ):
        read_person(root, "anna", (0,), 64, silent())


def test_parameters_that_the_body_does_not_have_are_refused(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "people", ["anna"])
    view = read_view(root, "anna", 0)
    pose = Pose(view.pose.rotations, view.pose.translation, np.zeros(500, np.float32))
    other = tmp_path / "other"
    create_dataset(other, read_info(root))
    write_person(other, "anna", [type(view)(**vars(view) | {"pose": pose})])
    with pytest.raises(DinarError, match="has 500 expression coefficients, the body takes at most"):
        read_person(other, "anna", (), 64, silent())
