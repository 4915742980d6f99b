"""Photos from anywhere: they become views of a person; what does not belong together is refused."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from dinar.runtime.body import forward
from dinar.runtime.errors import DinarError
from dinar.trainer.create.photos import SIDE
from dinar.trainer.data.importers.stills import StillFiles

from ..fit.subjects import make_truth, open_body
from .photo_files import read, shrink, write_parameters, write_photo


@pytest.fixture
def files(tmp_path: Path) -> StillFiles:
    return write_photo(tmp_path)


def test_a_photo_becomes_a_square_view_of_the_person(files: StillFiles) -> None:
    person = read(files)
    (seen,) = person.given
    assert (person.origin.name, person.origin.licence) == ("anna", "mine")
    assert person.held_out == ()
    assert seen.view.image.shape == (SIDE, SIDE, 3)
    truth = make_truth(1)
    np.testing.assert_allclose(person.betas, truth.betas, atol=1e-6)
    overlap = seen.body.coverage & (seen.view.mask >= 128)
    assert overlap.sum() / (seen.body.coverage | (seen.view.mask >= 128)).sum() > 0.97
    known = seen.texture.sampled
    assert known.mean() > 0.1
    reddish = seen.texture.rgb[known][:, 0] > seen.texture.rgb[known][:, 2]
    assert 0.2 < reddish.mean() < 0.8


def test_the_body_stands_before_the_new_camera_as_before_the_old_one(files: StillFiles) -> None:
    truth = make_truth(1)
    view = read(files).given[0].view
    was = forward(open_body(), truth.betas, truth.pose).joints[:22]
    now = forward(open_body(), view.betas, view.pose).joints[:22]
    np.testing.assert_allclose(now - now[0], was - was[0], atol=1e-4)  # metres: both worlds have y up


def test_several_photos_of_one_person_are_given_together(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path, name="front"), write_photo(tmp_path, name="back", yaw=np.pi)]
    person = read(*photos)
    front, back = (seen.texture.sampled for seen in person.given)
    assert "2 photos of anna" in person.origin.source
    assert (front | back).sum() > 1.5 * front.sum()


def rewrite_mask(files: StillFiles, change: object) -> None:
    mask = cv2.imread(str(files.mask), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(files.mask), change(mask))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda mask: 0 * mask, "the mask is empty"),
        (lambda mask: 255 - mask, "the mask is inverted: expected 255 where the person is and 0 elsewhere"),
        (lambda mask: np.roll(mask, 120, 1), "the mask does not meet the body"),
        (lambda mask: mask[:, 1:], "has 239 x 320 pixels, the picture 240 x 320"),
    ],
)
def test_masks_that_cannot_be_the_persons_are_refused_with_what_to_do(
    files: StillFiles, change: object, reason: str
) -> None:
    rewrite_mask(files, change)
    with pytest.raises(DinarError, match=reason) as refused:
        read(files)
    assert str(files.mask) in str(refused.value)


def test_parameters_of_another_photo_are_refused(files: StillFiles) -> None:
    truth = make_truth(1)
    moved = replace(truth.pose, translation=truth.pose.translation + np.float32([2, 0, 0]))
    write_parameters(files.fit, replace(truth, pose=moved))
    with pytest.raises(DinarError, match=r"the body lies outside the picture.*dinar fit"):
        read(files)


def test_a_person_of_a_few_pixels_is_refused(files: StillFiles) -> None:
    shrink(files, 4)
    with pytest.raises(DinarError, match=r"the person is only \d\d pixels high, an avatar needs 128"):
        read(files)


def test_a_poor_fit_is_told_with_its_number(files: StillFiles) -> None:
    rewrite_mask(files, lambda mask: cv2.dilate(mask, np.ones((31, 31), np.uint8)))
    said = io.StringIO()
    read(files, console=Console(file=said, width=1000))
    assert "a poor fit: the body of" in said.getvalue()
    assert "overlap by 0." in said.getvalue()


def test_a_good_fit_is_not_complained_about(files: StillFiles) -> None:
    said = io.StringIO()
    read(files, console=Console(file=said, width=1000))
    assert "poor" not in said.getvalue()
