"""Several ways to make avatars of one photo, judged on the same people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dinar.trainer.data.prepared_views import ViewPreparer
from dinar.trainer.evaluation.cases import PhotoCase, front_cases
from dinar.trainer.evaluation.contest import Contestant, Way
from dinar.trainer.evaluation.judging import Shown, judge, results_of
from dinar.trainer.evaluation.measures import (
    BEST_PSNR,
    MASK_IOU,
    MS_SSIM,
    PATCHES,
    PERSON_PSNR,
    PSNR,
    Measure,
    MissingMeasure,
    SetMeasure,
    before_grey,
)
from dinar.trainer.evaluation.results import Column, Results
from dinar.trainer.models.presets import TINY
from dinar.trainer.picture import Picture
from dinar.trainer.texture.merging import BodyTexture

from ..create.people import untrained
from ..data.dataset.small_people import make_dataset, open_body

UNSEEN = Column("unseen side", PERSON_PSNR)
BEST = Column("unseen side", BEST_PSNR)
COLUMNS = (
    UNSEEN,
    BEST,
    Column("same view", MS_SSIM),
    Column("other views", PSNR),
    Column("back view", MissingMeasure("LPIPS", False, 4, "not here")),
    Column(
        "unseen side",
        SetMeasure(
            "colour",
            False,
            3,
            lambda picture: before_grey(picture).mean((2, 3))[0],
            lambda a, b: float((a - b).norm()) if len(a) > 1 else None,
        ),
    ),
)


class Dice:
    """A filler that knows nothing: every seed paints the whole texture in another grey."""

    name, chance = "dice", True

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def fill(self, texture: BodyTexture, seed: int) -> BodyTexture:
        self.seeds.append(seed)
        grey = np.float32(np.random.default_rng(seed).random())
        return replace(texture, rgb=np.full_like(texture.rgb, grey))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("people") / "data", ["a", "b"], size=64)


@pytest.fixture(scope="module")
def cases(root: Path) -> tuple[PhotoCase, ...]:
    return front_cases(root)


@pytest.fixture(scope="module")
def judged(root: Path, cases: tuple[PhotoCase, ...]) -> tuple[Results, list[Shown], Dice]:
    networks, dice = untrained(), Dice()
    preparer = ViewPreparer(open_body(), TINY.texture_size)
    people = [Contestant(root, case, preparer) for case in cases]
    ways = [Way("alone", networks, None), Way("dice", networks, dice)]
    each = [judge(person, ways, COLUMNS) for person in people]
    return results_of(each, COLUMNS), [person.shown for person in each], dice


def test_every_way_gets_a_number_for_every_person_view_and_column(
    judged: tuple[Results, list[Shown], Dice], cases: tuple[PhotoCase, ...]
) -> None:
    results, _, _ = judged
    found = {(s.way, s.person, s.view, s.views, s.measure) for s in results.scores}
    assert len(found) == len(results.scores)
    for way in ("alone", "dice"):
        for case in cases:
            assert (way, case.person, case.opposite, "unseen side", "person PSNR") in found
            assert (way, case.person, case.photo, "same view", "MS-SSIM") in found
            assert {v for w, p, v, k, _ in found if (w, p, k) == (way, case.person, "other views")} == set(
                case.others
            )
        assert (way, None, None, "unseen side", "colour") in found
    assert not any(s.measure == "LPIPS" for s in results.scores)


def test_of_eight_samples_the_best_counts_where_chance_has_a_part(
    judged: tuple[Results, list[Shown], Dice],
) -> None:
    results, _, dice = judged
    assert dice.seeds == [*range(8), *range(8)]
    assert (results.per_person("dice", BEST) > results.per_person("dice", UNSEEN)).all()
    assert (results.per_person("alone", BEST) == results.per_person("alone", UNSEEN)).all()


def test_numbers_of_all_people_together_have_no_interval(judged: tuple[Results, list[Shown], Dice]) -> None:
    results, _, _ = judged
    assert results.mean("alone", COLUMNS[-1]) is not None
    assert results.gain("dice", "alone", COLUMNS[-1]) is None
    assert results.gain("dice", "alone", UNSEEN) is not None


def test_what_is_shown_is_the_photo_the_other_side_and_every_way(
    judged: tuple[Results, list[Shown], Dice],
) -> None:
    _, shown, _ = judged
    assert [each.person for each in shown] == ["a", "b"]
    for each in shown:
        assert len(each.drawn) == 2
        assert each.photo.shape == each.truth.shape == (64, 64, 3)
        assert not np.array_equal(each.photo, each.truth)
        assert not np.array_equal(each.drawn[0], each.drawn[1])


def person(colour: float, left: int) -> Picture:
    """A square of one colour, with a grain, on nothing."""
    mask = torch.zeros(1, 1, 96, 96)
    mask[..., 24:72, left : left + 40] = 1
    grain = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    return Picture((colour + 0.2 * grain) * mask, mask)


@pytest.mark.parametrize("measure", [MS_SSIM, PSNR, PERSON_PSNR, MASK_IOU, PATCHES])
def test_what_is_nearer_to_the_photo_is_better(measure: Measure) -> None:
    photo, near, far = person(0.5, 24), person(0.55, 26), person(0.8, 40)
    sign = 1 if measure.higher else -1
    assert sign * measure.of(photo, photo) > sign * measure.of(near, photo) > sign * measure.of(far, photo)


@pytest.mark.parametrize("measure", [PSNR, PERSON_PSNR, BEST_PSNR])
def test_equal_pictures_have_a_number_of_decibels_that_has_a_mean(measure: Measure) -> None:
    photo = person(0.5, 24)
    assert measure.of(photo, photo) == 100


def test_where_nobody_was_drawn_patches_still_say_that_it_is_wrong() -> None:
    photo = person(0.5, 24)
    nobody = Picture(torch.zeros(1, 3, 96, 96), torch.zeros(1, 1, 96, 96))
    assert PATCHES.of(nobody, photo) > 0.1
