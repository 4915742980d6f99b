"""Views to calibrate and compare with: of the whole person, always the same, never the same in both."""

from dataclasses import replace

import numpy as np
import pytest

from dinar.export.views import CALIBRATION_VIEWS, COMPARED_VIEWS, calibration_views, compared_views
from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar
from dinar.runtime.errors import DinarError
from dinar.runtime.network_input import RASTER_CHANNELS

COVERAGE = RASTER_CHANNELS.index("coverage")


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(default_avatar_path())


def test_every_view_shows_the_whole_person_and_no_two_are_the_same(avatar: Avatar) -> None:
    views = [*calibration_views(avatar, 96, 64), *compared_views(avatar, 96, 64)]
    assert len(views) == CALIBRATION_VIEWS + COMPARED_VIEWS
    for view in views:
        assert view.shape == (96, 64, 22)
        covered = view[..., COVERAGE] > 0
        assert covered.mean() > 0.03
        assert not covered[[0, -1]].any()
        assert not covered[:, [0, -1]].any()
        assert not view[~covered].any()
    assert len({view.tobytes() for view in views}) == len(views)


def test_views_are_the_same_each_time(avatar: Avatar) -> None:
    for first, again in zip(compared_views(avatar, 64, 64), compared_views(avatar, 64, 64), strict=True):
        np.testing.assert_array_equal(first, again)


def test_an_avatar_without_a_neural_texture_is_one_sentence(avatar: Avatar) -> None:
    bare = replace(avatar, texture=replace(avatar.texture, gen=None))
    with pytest.raises(DinarError, match="has no gen"):
        next(compared_views(bare, 64, 64))
