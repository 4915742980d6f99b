"""Files that only some datasets have: read whole, or one sentence."""

import json

import numpy as np
import pytest

from dinar.trainer.data.dataset.layout import DatasetError, encode, person_folder
from dinar.trainer.data.dataset.truth import read_keypoints, read_parts, read_texture, truth_problems

from .small_people import make_dataset

SIZES = np.full((2, 2), 48)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("t") / "d", ["anna"], views=2)


@pytest.fixture
def folder(root):
    folder = person_folder(root, "anna")
    yield folder
    for file in folder.iterdir():
        if not file.name.startswith(("views", "0000.png", "0001.png", "0000.mask", "0001.mask")):
            file.unlink()


def put_keypoints(folder, **change):
    person = {
        "pose_keypoints_2d": np.arange(75.0).tolist(),
        "hand_left_keypoints_2d": np.arange(63.0).tolist(),
        "hand_right_keypoints_2d": [],
        "face_keypoints_2d": np.arange(210.0).tolist(),
    }
    (folder / "0000.keypoints.json").write_text(json.dumps({"people": [person | change]}))
    return folder / "0000.keypoints.json"


def test_keypoints_are_openposes(root, folder):
    found = read_keypoints(put_keypoints(folder))
    np.testing.assert_array_equal(found.body[2], [6, 7, 8])
    np.testing.assert_array_equal(found.left_hand[20], [60, 61, 62])
    assert found.right_hand.shape == (21, 3)
    assert not found.right_hand.any()
    assert found.face.shape == (70, 3)
    assert truth_problems(root, "anna", SIZES) == []


@pytest.mark.parametrize(
    "change",
    [
        {"pose_keypoints_2d": [1, 2, 3]},
        {"face_keypoints_2d": ["x"] * 210},
        {"pose_keypoints_2d": [1e99] * 75},
    ],
)
def test_keypoints_of_another_kind_are_one_sentence(root, folder, change):
    with pytest.raises(DatasetError, match="must be"):
        read_keypoints(put_keypoints(folder, **change))
    assert len(truth_problems(root, "anna", SIZES)) == 1


def test_keypoints_of_nobody_are_one_sentence(folder):
    (folder / "0000.keypoints.json").write_text('{"people": []}')
    with pytest.raises(DatasetError, match="shows nobody"):
        read_keypoints(folder / "0000.keypoints.json")


def test_texture_and_parts(root, folder):
    texture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    known = np.zeros((32, 32), np.uint8)
    known[:, 8:] = 255
    labels = np.arange(48 * 48, dtype=np.uint8).reshape(48, 48)
    encode(folder / "texture.png", texture)
    encode(folder / "texture.mask.png", known)
    encode(folder / "0001.parts.png", labels)
    found = read_texture(root, "anna")
    np.testing.assert_array_equal(found[0], texture)
    np.testing.assert_array_equal(found[1], known > 0)
    np.testing.assert_array_equal(read_parts(root, "anna", 1), labels)
    assert truth_problems(root, "anna", SIZES) == []


def test_what_is_wrong_is_named(root, folder):
    encode(folder / "texture.png", np.zeros((32, 32, 3), np.uint8))
    encode(folder / "0001.parts.png", np.zeros((8, 8), np.uint8))
    (folder / "recipe.json").write_text("{")
    problems = truth_problems(root, "anna", SIZES)
    assert [
        any(name in p for p in problems) for name in ("texture.mask.png", "recipe.json", "0001.parts.png")
    ]
    assert len(problems) == 3
