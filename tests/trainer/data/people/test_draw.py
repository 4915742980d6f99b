"""Chance that repeats."""

import numpy as np
import pytest

from dinar.trainer.data.people.draw import Draw


def test_a_key_gives_the_same_draws_on_every_machine():
    draw = Draw(1, 7, "hair")
    assert draw.uniform(0, 1) == 0.9966296078907694
    assert draw.integer(0, 999) == 987
    assert draw.pick("abcdef") == "a"


def test_other_keys_give_other_draws():
    firsts = {Draw(*key).uniform(0, 1) for key in ((1,), (2,), (1, "a"), (1, "b"), ("a", 1))}
    assert len(firsts) == 5


def test_a_child_does_not_depend_on_what_was_drawn_before():
    used, fresh = Draw(3), Draw(3)
    used.uniform(0, 1)
    assert (
        used.child("shoes").uniform(0, 1)
        == fresh.child("shoes").uniform(0, 1)
        == Draw(3, "shoes").uniform(0, 1)
    )


def test_options_come_as_often_as_their_weights_say():
    draw = Draw(4)
    picked = [draw.pick("abc", (1, 0, 3)) for _ in range(4000)]
    assert picked.count("b") == 0
    assert picked.count("c") / len(picked) == pytest.approx(0.75, abs=0.03)


def test_whole_numbers_reach_both_ends():
    draw = Draw(5)
    assert {draw.integer(2, 5) for _ in range(200)} == {2, 3, 4, 5}


def test_normal_numbers_are_clipped():
    draw = Draw(6)
    values = np.array([draw.normal(10, 2, clip=1.5) for _ in range(3000)])
    assert values.min() == 7
    assert values.max() == 13
    assert values.mean() == pytest.approx(10, abs=0.15)
