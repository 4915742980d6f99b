"""Who wears which haircut."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.hair.haircuts import STYLES, haircut
from dinar.trainer.data.people.hair.hairstyles import sample_hair
from dinar.trainer.data.people.individual import Individual
from dinar.trainer.data.people.skin.complexion import DEFAULT


def _person(femininity: float, age: float, african: float = 0.0) -> Individual:
    return Individual(femininity, age, (african, 0.0, 1 - african), np.zeros(10), np.zeros((0, 3)))


def _styles(individual: Individual, complexion=DEFAULT, count: int = 160) -> Counter:
    return Counter(sample_hair(Draw(k, "hair"), individual, complexion).style for k in range(count))


def test_the_same_draw_gives_the_same_haircut():
    person = _person(1.0, 30)
    assert sample_hair(Draw(4, "x"), person, DEFAULT) == sample_hair(Draw(4, "x"), person, DEFAULT)
    assert len({sample_hair(Draw(k), person, DEFAULT) for k in range(50)}) == 50


def test_everybody_gets_a_haircut_that_exists():
    worn = _styles(_person(0.0, 30)) + _styles(_person(1.0, 30))
    worn += _styles(_person(0.0, 40, african=1.0)) + _styles(_person(1.0, 40, african=1.0))
    bald = replace(DEFAULT, recession=0.9, crown=0.8)
    worn += _styles(_person(0.0, 65), bald)
    assert set(worn) <= set(STYLES)
    assert len(worn) >= len(STYLES) - 1


def test_women_more_often_wear_long_hair():
    long = {"long", "lob", "ponytail", "bun", "plait", "plaits", "bob", "page"}
    worn = [_styles(_person(sex, 35)) for sex in (0.0, 1.0)]
    men, women = (sum(styles[s] for s in long) for styles in worn)
    assert women > 3 * men


def test_who_lost_his_hair_wears_it_short():
    worn = _styles(_person(0.0, 60), replace(DEFAULT, crown=0.9, recession=0.8))
    assert set(worn) <= {"balding", "bald", "buzz"}
    assert worn["balding"] > 40


def test_the_scalp_knows_what_fell_out():
    recipe = sample_hair(Draw(1), _person(0.0, 40), replace(DEFAULT, recession=0.3, crown=0.2))
    assert (recipe.scalp.recession, recipe.scalp.crown) == (0.3, 0.2)


def test_an_unknown_style_is_named():
    with pytest.raises(ValueError, match="'mullet'"):
        haircut("mullet", Draw(1))
