"""Complexions fit the person: ancestry, age and sex, and the same chance gives the same one."""

import numpy as np
import pytest

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.skin.complexion import BEARDS, Complexion, sample_complexion

AFRICAN, ASIAN, EUROPEAN = np.eye(3)


def _person(femininity: float, age: float, ancestry: np.ndarray) -> Individual:
    shares = (float(ancestry[0]), float(ancestry[1]), float(ancestry[2]))
    return Individual(femininity, age, shares, np.zeros(10), np.zeros((1, 3)))


def _many(count: int = 150, femininity: float = 0.0, age: float = 35, ancestry=EUROPEAN) -> list[Complexion]:
    person = _person(femininity, age, ancestry)
    return [sample_complexion(Draw("test", k), person) for k in range(count)]


def test_the_same_draw_gives_the_same_complexion():
    person = _person(1.0, 30, ASIAN)
    assert sample_complexion(Draw(5), person) == sample_complexion(Draw(5), person)
    assert sample_complexion(Draw(5), person) != sample_complexion(Draw(6), person)


@pytest.mark.parametrize("femininity", [0.0, 1.0])
@pytest.mark.parametrize("age", [18, 45, 80])
@pytest.mark.parametrize("ancestry", [AFRICAN, ASIAN, EUROPEAN, np.full(3, 1 / 3)])
def test_shares_stay_in_their_range(femininity, age, ancestry):
    for c in _many(20, femininity, age, ancestry):
        for name in ("melanin", "freckles", "moles", "sheen", "wrinkles", "spots", "bags", "folds"):
            assert 0 <= getattr(c, name) <= 1, name
        for name in ("stubble", "recession", "crown", "body_hair"):
            assert 0 <= getattr(c, name) <= 1, name
        assert -1 <= c.undertone <= 1
        assert 0 <= c.flush <= 1.6
        assert c.beard in BEARDS
        for hair in (c.hair, c.brow_hair, c.beard_hair):
            assert 0 <= hair.grey <= 1
            assert min(*hair.root, *hair.tip, *hair.white) >= 0
            assert max(*hair.root, *hair.tip, *hair.white) <= 1


def test_skin_goes_with_ancestry():
    african, asian, european = (
        np.mean([c.melanin for c in _many(ancestry=ancestry)]) for ancestry in (AFRICAN, ASIAN, EUROPEAN)
    )
    assert african > asian + 0.25
    assert asian > european - 0.05


def test_light_eyes_and_hair_come_with_light_skin():
    dark = [c for c in _many(ancestry=AFRICAN) if c.melanin > 0.5]
    assert max(c.brow_hair.root[1] for c in dark) < 0.06
    blue = [c for c in _many(300) if c.iris[0][2] > c.iris[0][0]]
    assert len(blue) > 20
    assert max(c.melanin for c in blue) < 0.45


def test_age_brings_lines_grey_hair_and_less_of_it():
    young, old = _many(age=22), _many(age=75)
    for name in ("wrinkles", "spots", "bags", "folds", "recession", "crown"):
        assert np.mean([getattr(c, name) for c in old]) > np.mean([getattr(c, name) for c in young]) + 0.1, (
            name
        )
    assert max(c.hair.grey for c in young) == 0
    assert np.median([c.hair.grey for c in old]) > 0.7


def test_beards_are_men_s_and_make_up_is_women_s():
    men, women = _many(femininity=0.0), _many(femininity=1.0)
    assert {c.beard for c in men} == set(BEARDS)
    assert {c.beard for c in women} == {"none"}
    assert max(c.makeup.lipstick[1] for c in men) == 0
    assert 0.4 < np.mean([c.makeup.lipstick[1] > 0 for c in women]) < 0.8
    assert np.mean([c.brows.thickness for c in men]) > np.mean([c.brows.thickness for c in women]) + 0.2
