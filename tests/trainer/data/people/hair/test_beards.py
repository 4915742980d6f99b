"""Beards that stand off the skin."""

from dataclasses import replace

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.people.dress_form import DressForm, stand
from dinar.trainer.data.people.hair.beards import make_beard
from dinar.trainer.data.people.head import Head, find_head, signed_distance, smooth_curve
from dinar.trainer.data.people.part import Part
from dinar.trainer.data.people.skin.complexion import DEFAULT

MAN = (1.29, -0.56, -1.79, -0.79, -1.62, 0.21, 0.07, -1.27, -0.11, -0.95)
GROWN = ("moustache", "goatee", "short", "long")
JAW = 22


@pytest.fixture(scope="module")
def form() -> DressForm:
    return stand(load_body(open_body_path()), np.array(MAN))


@pytest.fixture(scope="module")
def head(form) -> Head:
    return find_head(form.body, form.rest)


@pytest.fixture(scope="module")
def beards(form) -> dict[str, list[Part]]:
    return {style: make_beard(form, replace(DEFAULT, beard=style, seed=3)) for style in GROWN}


def test_what_is_only_painted_has_no_parts(form):
    assert make_beard(form, replace(DEFAULT, beard="none")) == []
    assert make_beard(form, replace(DEFAULT, beard="stubble")) == []


@pytest.mark.parametrize("style", GROWN)
def test_it_stands_off_the_skin_and_follows_the_face(beards, form, style):
    for part in beards[style]:
        assert part.name == "beard"
        np.testing.assert_allclose(part.joint_weights.sum(1), 1, atol=1e-6)
        np.testing.assert_allclose(part.anchor_weight.sum(1), 1, atol=1e-6)
        skin = (form.rest[part.anchor_vertex] * part.anchor_weight[..., None]).sum(1)
        away = np.linalg.norm(part.vertices - skin, axis=1)
        assert away.max() < (0.09 if style == "long" else 0.025)
    bulk = beards[style][0]
    skin = (form.rest[bulk.anchor_vertex] * bulk.anchor_weight[..., None]).sum(1)
    assert np.linalg.norm(bulk.vertices - skin, axis=1).max() > 0.002


def test_a_full_beard_moves_with_the_jaw(beards):
    locks = beards["short"][1]
    assert locks.joint_weights[:, JAW].max() > 0.5


@pytest.mark.parametrize("style", GROWN)
def test_lips_stay_free(beards, head, style):
    half = smooth_curve(head.lip_border[:, :2], 3)
    outline = np.concatenate([half, half[-2:0:-1] * [-1, 1]])
    bulk = beards[style][0].vertices
    inside = signed_distance(np.stack([np.abs(bulk[:, 0]), bulk[:, 1]], 1), outline)
    assert inside[bulk[:, 2] > head.lip_line[-1, 2]].max() < 0.0005


def test_long_hairs_hang_below_the_chin(beards, head):
    assert beards["long"][1].vertices[:, 1].min() < head.chin[1] - 0.03
    assert beards["short"][1].vertices[:, 1].min() > head.chin[1] - 0.05


def test_the_same_complexion_gives_the_same_beard(form, beards):
    again = make_beard(form, replace(DEFAULT, beard="long", seed=3))
    for first, second in zip(beards["long"], again, strict=True):
        np.testing.assert_array_equal(first.vertices, second.vertices)
