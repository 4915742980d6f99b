"""Keypoints: one person's, whole and large enough to be fitted; all else is told in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dinar.runtime.errors import DinarError
from dinar.trainer.data.dataset.truth import Keypoints
from dinar.trainer.fit.keypoints import BODY, FACE, LEFT_HAND, RIGHT_HAND, read_observed

WIDTH, HEIGHT = 400, 300


def person(scale: float = 1.0, shift: float = 0.0) -> Keypoints:
    """All points of a body on a diagonal, the other parts in a corner."""
    body = np.linspace([50, 20, 0.9], [250, 280, 0.9], 25)
    body[:, :2] = body[:, :2] * scale + shift
    parts = [np.tile([10.0 * n, 20.0, 0.5], (count, 1)) for n, count in ((1, 21), (2, 21), (3, 70))]
    return Keypoints(*(part.astype(np.float32) for part in (body, *parts)))


def write(root: Path, *people: Keypoints) -> Path:
    file = root / "op.json"
    entries = [json.loads(each.to_openpose())["people"][0] for each in people]
    file.write_text(json.dumps({"version": 1.3, "people": entries}))
    return file


def test_parts_are_put_in_a_row(tmp_path: Path) -> None:
    found = read_observed(write(tmp_path, person()), WIDTH, HEIGHT)
    np.testing.assert_allclose(found.place[BODY][[0, -1]], [[50, 20], [250, 280]])
    for part, column in ((LEFT_HAND, 10), (RIGHT_HAND, 20), (FACE, 30)):
        assert (found.place[part, 0] == column).all()
        np.testing.assert_allclose(found.confidence[part], 0.5)
    assert found.extent == pytest.approx(np.hypot(200, 260))


def test_what_was_hardly_found_and_what_lies_outside_does_not_count(tmp_path: Path) -> None:
    keypoints = person()
    keypoints.body[3, 2], keypoints.body[4, 0] = 0.02, -5
    found = read_observed(write(tmp_path, keypoints), WIDTH, HEIGHT).found[BODY]
    assert np.flatnonzero(~found).tolist() == [3, 4]


def test_one_person_is_expected(tmp_path: Path) -> None:
    with pytest.raises(DinarError, match="shows nobody: run OpenPose again"):
        read_observed(write(tmp_path), WIDTH, HEIGHT)
    with pytest.raises(DinarError, match="holds the keypoints of 2 people, expected one"):
        read_observed(write(tmp_path, person(), person()), WIDTH, HEIGHT)


def test_a_body_without_points_is_nobody(tmp_path: Path) -> None:
    keypoints = person()
    keypoints.body[5:, 2] = 0
    with pytest.raises(DinarError, match="no person that can be fitted: 5 of 25"):
        read_observed(write(tmp_path, keypoints), WIDTH, HEIGHT)


def test_a_torso_is_needed(tmp_path: Path) -> None:
    keypoints = person()
    keypoints.body[[9, 12], 2] = 0
    with pytest.raises(DinarError, match="shows no torso"):
        read_observed(write(tmp_path, keypoints), WIDTH, HEIGHT)


def test_keypoints_of_a_larger_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DinarError, match="lie outside the photo of 400 x 300 pixels"):
        read_observed(write(tmp_path, person(scale=3)), WIDTH, HEIGHT)


def test_a_person_of_few_pixels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DinarError, match="the person is 33 pixels large in the photo, at least 64"):
        read_observed(write(tmp_path, person(scale=0.1)), WIDTH, HEIGHT)
