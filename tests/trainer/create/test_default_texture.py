"""The default avatar's neural half, from few and small photos and a network that learned nothing."""

from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from dinar.runtime.avatar import Avatar, default_avatar_path, open_avatar
from dinar.trainer.create.default_texture import NeuralHalf, Session, make_neural_half
from dinar.trainer.create.photographs import Photographer
from dinar.trainer.models.avatar_networks import AvatarNetworks
from dinar.trainer.models.presets import TINY


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(default_avatar_path())


@pytest.fixture(scope="module")
def half(avatar: Avatar) -> NeuralHalf:
    torch.manual_seed(0)
    session = Session(inputs=4, input_side=128, tuned=3, held_out=2, side=96)
    return make_neural_half(avatar, AvatarNetworks(TINY).eval(), session, 2, Console(file=StringIO()))


def test_photos_of_the_same_number_are_the_same_and_show_the_whole_person(avatar: Avatar) -> None:
    photographer = Photographer(avatar, 96)
    first, again = next(photographer.moving(7, 1)), next(photographer.moving(7, 1))
    np.testing.assert_array_equal(first.image, again.image)
    for view in [first, *photographer.standing(3)]:
        edge = np.concatenate([view.mask[0], view.mask[-1], view.mask[:, 0], view.mask[:, -1]])
        assert not edge.any()
        assert 0.04 < (view.mask > 128).mean() < 0.6


def test_what_rgb_mode_shows_stays_as_it_is(avatar: Avatar, half: NeuralHalf) -> None:
    np.testing.assert_array_equal(half.avatar.texture.rgb, avatar.texture.rgb)
    assert half.avatar.shell is avatar.shell


def test_the_network_reads_what_photos_show_and_nothing_elsewhere(half: NeuralHalf) -> None:
    texture = half.avatar.texture
    assert texture.photo is not None
    assert texture.fill is not None
    known = texture.fill > 0
    assert known.mean() > 0.1
    assert texture.photo[known].mean() > 20
    assert not texture.photo[~known].any()


def test_the_bare_body_wears_the_photos_colours_before_they_are_tuned(half: NeuralHalf) -> None:
    assert half.bare_body.shell is None
    known = half.avatar.texture.fill > 0
    apart = half.bare_body.texture.rgb[known].astype(int) - half.avatar.texture.photo[known]
    assert 0 < np.abs(apart).max() <= 6, "two steps of 5e-3 at most"


def test_photos_are_kept_apart_to_judge_it_by(half: NeuralHalf) -> None:
    assert [seen.view.view for seen in half.held_out] == [1_000_000, 1_000_001]
