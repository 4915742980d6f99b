"""Individuals: their shapes follow from sex, age and build, and each number is one of them."""

from dataclasses import replace

import numpy as np
import pytest

from dinar.runtime.body import load_body, open_body_path, rest_vertices
from dinar.trainer.data.body.makehuman import Phenotype
from dinar.trainer.data.open_body import NEUTRAL
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.individuals import (
    BETA_LIMIT,
    load_population,
    population_path,
    sample_individual,
)


@pytest.fixture(scope="module")
def population():
    return load_population()


@pytest.fixture(scope="module")
def body():
    return load_body(open_body_path())


@pytest.fixture(scope="module")
def people(population):
    return [sample_individual(Draw(1, k), population) for k in range(60)]


def height(body, betas) -> float:
    vertices = rest_vertices(body, betas)
    return float(np.ptp(vertices[:, 1]))


def test_the_file_is_small_enough_to_ship():
    assert population_path().stat().st_size < 2_000_000


def test_the_neutral_phenotype_is_the_body_at_zero(population):
    np.testing.assert_allclose(population.betas(NEUTRAL), 0, atol=1e-4)
    still = np.zeros(len(population.detail_faces))
    assert np.abs(population.face(NEUTRAL, still)).max() < 1e-5


def test_phenotypes_have_the_shapes_of_their_names(population, body):
    man, woman = replace(NEUTRAL, gender=1.0), replace(NEUTRAL, gender=0.0)
    assert height(body, population.betas(man)) > height(body, population.betas(woman)) + 0.05
    tall = replace(NEUTRAL, height=0.65)
    assert height(body, population.betas(tall)) > height(body, population.betas(NEUTRAL)) + 0.05
    spine1 = body.weights[:, 3] > 0.4
    belly = [
        np.ptp(rest_vertices(body, population.betas(replace(NEUTRAL, weight=w)))[spine1, 2])
        for w in (0.3, 0.8)
    ]
    assert belly[1] > belly[0] + 0.015


def test_a_person_repeats_and_the_next_one_differs(population, people):
    again = sample_individual(Draw(1, 3), population)
    np.testing.assert_array_equal(again.betas, people[3].betas)
    np.testing.assert_array_equal(again.face, people[3].face)
    assert np.abs(people[4].betas - people[3].betas).max() > 0.1


def test_people_are_adults_of_both_sexes_and_all_ages(people, body):
    women = sum(p.femininity > 0.5 for p in people)
    assert 18 <= women <= 42
    assert min(p.age for p in people) >= 18
    assert max(p.age for p in people) > 60
    assert all(abs(sum(p.ancestry) - 1) < 1e-9 and min(p.ancestry) >= 0 for p in people)
    heights = [height(body, p.betas) for p in people]
    assert 1.40 < min(heights) < max(heights) < 2.10
    assert max(np.abs(p.betas).max() for p in people) <= BETA_LIMIT


def test_faces_differ_and_leave_the_body_alone(people, body):
    head = body.weights[:, [15, 22, 23, 24]].sum(1)
    moved = np.array([np.linalg.norm(p.face, axis=1) for p in people])
    assert (moved[:, head < 0.5] == 0).all()
    assert moved[:, head > 0.99].mean(1).min() > 0.001
    assert moved.max() < 0.03
    assert np.allclose(
        [p.face[:, 0].mean() for p in people], 0, atol=1e-5
    )  # left and right mirror each other


def test_a_phenotype_outside_its_range_is_refused():
    with pytest.raises(ValueError, match="weight must lie in"):
        Phenotype(weight=1.2)
