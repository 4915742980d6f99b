"""One integer is one person."""

import json

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path
from dinar.trainer.data.synth.individuals import load_population
from dinar.trainer.data.synth.recipe import GENERATOR_VERSION, make_person, sample_person


@pytest.fixture(scope="module")
def population():
    return load_population()


@pytest.fixture(scope="module")
def recipes(population):
    return [sample_person(number, population) for number in range(120)]


def test_a_number_gives_the_same_person_again(population, recipes):
    assert sample_person(17, population).to_json() == recipes[17].to_json()
    assert len({json.dumps(r.to_json()["outfit"]) for r in recipes}) == len(recipes)


def test_a_recipe_fits_into_a_file(recipes):
    for recipe in recipes[:40]:
        entries = json.loads(json.dumps(recipe.to_json()))
        assert entries["generator"] == GENERATOR_VERSION
        assert entries["number"] == recipe.number
        assert len(entries["individual"]["betas"]) == 10


def test_people_wear_many_things(recipes):
    """Haircuts, beards and skin of all kinds occur."""
    styles = {r.hair.style for r in recipes}
    assert len(styles) > 15
    beards = [r.complexion.beard for r in recipes]
    assert 0.4 < beards.count("none") / len(beards) < 0.9
    assert len(set(beards)) > 4


@pytest.mark.parametrize("number", [3, 14])
def test_a_person_is_dressed(population, number):
    person = make_person(sample_person(number, population), load_body(open_body_path()))
    assert person.parts[0].name == "skin"
    assert len(person.parts) > 3
    for part in person.parts:
        assert part.uv is not None
        assert np.isfinite(part.vertices).all()
        assert len(part.uv.faces) == len(part.faces)
        np.testing.assert_allclose(part.joint_weights.sum(1), 1, atol=1e-6)
        high, low = person.form.rest.max(0), person.form.rest.min(0)
        assert (part.vertices < high + 0.4).all()
        assert (part.vertices > low - 0.4).all()
    covered = np.logical_or.reduce([p.hides for p in person.parts if p.hides is not None])
    assert 0.15 < covered.mean() < 0.9
