"""The rows of Table 2's second half: each is the one above it and one thing more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dinar.trainer.create.tune import TuneOptions
from dinar.trainer.data.prepared_views import ViewPreparer
from dinar.trainer.evaluation.cases import front_cases
from dinar.trainer.evaluation.contest import Contestant, Tuning, Way
from dinar.trainer.evaluation.ladder import ladder
from dinar.trainer.losses.lpips import perceptual_loss
from dinar.trainer.models.presets import TINY
from dinar.trainer.texture.merging import BodyTexture

from ..create.people import untrained
from ..data.dataset.small_people import make_dataset, open_body

pytestmark = pytest.mark.usefixtures("one_thread")


class Grey:
    """A filler that counts."""

    name, chance = "grey", False

    def __init__(self) -> None:
        self.given: list[BodyTexture] = []

    def fill(self, texture: BodyTexture, seed: int) -> BodyTexture:  # noqa: ARG002
        self.given.append(texture)
        known = np.ones_like(texture.filled)
        rgb = np.where(texture.filled[..., None], texture.rgb, np.float32(0.5))
        return replace(texture, rgb=rgb, sampled=known, filled=known)


@pytest.fixture(scope="module")
def contestant(tmp_path_factory: pytest.TempPathFactory) -> Contestant:
    root = make_dataset(tmp_path_factory.mktemp("ladder") / "data", ["a"], size=96)
    return Contestant(root, front_cases(root)[0], ViewPreparer(open_body(), TINY.texture_size))


@pytest.fixture(scope="module")
def grey() -> Grey:
    return Grey()


@pytest.fixture(scope="module")
def ways(grey: Grey) -> dict[str, Way]:
    tuning = Tuning(TuneOptions.colours_alone(3, 0), perceptual_loss())
    return {way.name: way for way in ladder("both", untrained(), grey, tuning, also_after=True)}


@pytest.fixture(scope="module")
def textures(contestant: Contestant, ways: dict[str, Way]) -> dict[str, BodyTexture]:
    with torch.no_grad():  # as whoever judges
        return {name: contestant.texture(way) for name, way in ways.items()}


def test_rows_are_in_the_papers_order(ways: dict[str, Way]) -> None:
    assert list(ways) == [
        "both, no detector",
        "+ inpainting",
        "+ occlusion detector",
        "+ RGB tuning",
        "+ RGB tuning after",
    ]
    assert [way.occlusion for way in ways.values()] == [False, False, True, True, True]
    assert [way.filler is None for way in ways.values()] == [True, False, False, False, False]
    assert all(len(name) <= 32 for name in ways), "as wide as the tables' labels"


def test_without_inpainting_there_is_one_way_to_tune(ways: dict[str, Way]) -> None:
    tuning = ways["+ RGB tuning"].tuning
    assert tuning is not None
    rows = ladder("both", untrained(), None, tuning, also_after=True)
    assert [way.name for way in rows] == ["both, no detector", "+ occlusion detector", "+ RGB tuning"]
    assert all(way.filler is None for way in rows)


def test_tuning_before_the_blend_changes_what_the_photo_shows_alone(
    textures: dict[str, BodyTexture], grey: Grey
) -> None:
    partial, tuned = grey.given[1:3]  # of the rows from the detector on
    texture, plain = textures["+ RGB tuning"], textures["+ occlusion detector"]
    changed = (texture.rgb != plain.rgb).any(2)
    assert changed.sum() > 20
    assert not changed[~partial.filled].any()
    np.testing.assert_array_equal(tuned.rgb[partial.filled], texture.rgb[partial.filled])
    np.testing.assert_array_equal(texture.gen, plain.gen)


def test_tuning_after_the_blend_changes_what_the_photo_sees_of_the_rest_as_well(
    textures: dict[str, BodyTexture], grey: Grey
) -> None:
    partial = grey.given[1]
    changed = (textures["+ RGB tuning after"].rgb != textures["+ occlusion detector"].rgb).any(2)
    assert changed[partial.filled].any()
    assert changed[~partial.filled].any()
    assert not changed.all(), "the far side has no gradient"


def test_tuning_is_the_same_each_time_and_shared_by_seeds(
    contestant: Contestant, ways: dict[str, Way], textures: dict[str, BodyTexture], grey: Grey
) -> None:
    again = contestant.texture(ways["+ RGB tuning"], seed=5)
    np.testing.assert_array_equal(again.rgb, textures["+ RGB tuning"].rgb)
    assert grey.given[-1] is grey.given[2]
