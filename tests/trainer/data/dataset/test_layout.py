"""The layout of a dataset: what is written is read again, and everything bad is one sentence."""

import json

import numpy as np
import pytest

from dinar.runtime.body import Pose
from dinar.runtime.camera import look_at
from dinar.trainer.data.dataset.layout import (
    DatasetError,
    DatasetInfo,
    View,
    create_dataset,
    decode,
    encode,
    people_of,
    person_folder,
    read_info,
    read_view,
    read_views,
    write_person,
)

INFO = DatasetInfo("test", "made by a test", "CC0-1.0", "ab" * 32, 13524)


def make_view(number: int, *, height: int = 40, width: int = 32) -> View:
    rng = np.random.default_rng(number)
    pose = Pose(
        rng.normal(0, 0.3, (55, 3)).astype(np.float32),
        rng.normal(0, 1, 3).astype(np.float32),
        rng.normal(0, 1, 10).astype(np.float32),
    )
    camera = look_at((0, 1, 3), (0, 1, 0), (0, 1, 0), 0.7, width, height)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = rng.integers(0, 256, (height, width), dtype=np.uint8)
    return View("anna", number, image, mask, pose, rng.normal(0, 1, 10).astype(np.float32), camera)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "data"
    create_dataset(folder, INFO)
    write_person(folder, "anna", [make_view(0), make_view(1)])
    return folder


def test_what_is_written_is_read_again(root):
    assert read_info(root) == INFO
    assert people_of(root) == ("anna",)
    for number in range(2):
        wanted, found = make_view(number), read_view(root, "anna", number)
        np.testing.assert_array_equal(found.image, wanted.image)
        np.testing.assert_array_equal(found.mask, wanted.mask)
        np.testing.assert_array_equal(found.pose.rotations, wanted.pose.rotations)
        np.testing.assert_array_equal(found.pose.expression, wanted.pose.expression)
        np.testing.assert_array_equal(found.betas, wanted.betas)
        np.testing.assert_array_equal(found.camera.T_camera_world, wanted.camera.T_camera_world)
        assert (found.camera.height, found.camera.width) == (40, 32)


def test_jpeg_keeps_the_colours(tmp_path):
    smooth = np.stack(np.broadcast_arrays(np.arange(64)[:, None] * 3, np.arange(64) * 2, 90), 2).astype(
        np.uint8
    )
    encode(tmp_path / "a.jpg", smooth)
    assert np.abs(decode(tmp_path / "a.jpg", colour=True).astype(int) - smooth).max() <= 4


def test_a_person_appears_whole_or_not_at_all(root):
    with pytest.raises(DatasetError):
        write_person(root, "bert", [])
    broken = make_view(0)
    object.__setattr__(broken, "mask", np.zeros((0, 3), np.uint8))
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever OpenCV says to an empty picture
        write_person(root, "bert", [make_view(1), broken])
    assert people_of(root) == ("anna",)


def test_writing_a_person_again_replaces_the_folder(root):
    write_person(root, "anna", [make_view(5)], more={"note.txt": b"hello"})
    assert len(read_views(root, "anna")) == 1
    assert not (person_folder(root, "anna") / "0001.png").exists()
    assert (person_folder(root, "anna") / "note.txt").read_bytes() == b"hello"


def test_a_dataset_goes_on_only_with_itself(root, tmp_path):
    create_dataset(root, INFO)
    with pytest.raises(DatasetError, match="another dataset"):
        create_dataset(root, DatasetInfo("other", "", "", "", 1))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"")
    with pytest.raises(DatasetError, match="not empty"):
        create_dataset(tmp_path / "photos", INFO)


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "x" * 200])
def test_ids_that_are_no_folder_names_are_refused(root, name):
    with pytest.raises(DatasetError, match="id may hold"):
        write_person(root, name, [make_view(0)])


def damage(root, change):
    file = person_folder(root, "anna") / "views.npz"
    with np.load(file) as arrays:
        entries = dict(arrays)
    change(entries)
    np.savez(file, **entries)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda e: e["rotations"].__setitem__((1, 4, 0), np.nan), "rotations of view 1 is not a finite"),
        (lambda e: e["K"].__setitem__((0, 0, 0), np.inf), "K of view 0 is not a finite"),
        (lambda e: e.update(betas=e["betas"][:1]), "betas has shape"),
        (lambda e: e.update(rotations=e["rotations"][:, :21]), "rotations has shape"),
        (lambda e: e.pop("size"), "size is missing"),
        (lambda e: e.update(size=e["size"] * 0), "between 1 and 8192"),
        (lambda e: e.update(translation=np.array(["a", "b"])), "expected little-endian numbers"),
    ],
)
def test_bad_parameters_are_named(root, change, sentence):
    damage(root, change)
    with pytest.raises(DatasetError, match=sentence) as error:
        read_view(root, "anna", 0)
    assert "views.npz" in str(error.value)


def test_a_matrix_that_is_no_camera_is_named(root):
    damage(root, lambda e: e["T_camera_world"].__imul__(2.0))
    with pytest.raises(DatasetError, match=r"view 0: .*T_camera_world"):
        read_view(root, "anna", 0)


def test_bad_pictures_are_named(root):
    folder = person_folder(root, "anna")
    encode(folder / "0000.mask.png", np.zeros((10, 12), np.uint8))
    with pytest.raises(DatasetError, match=r"0000.mask.png has 12 x 10 pixels, views.npz says 32 x 40"):
        read_view(root, "anna", 0)
    (folder / "0001.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(DatasetError, match=r"0001.png is not a picture"):
        read_view(root, "anna", 1)
    (folder / "0001.png").unlink()
    with pytest.raises(DatasetError, match=r"0001.png cannot be opened"):
        read_view(root, "anna", 1)
    with pytest.raises(DatasetError, match="there is no view 2"):
        read_view(root, "anna", 2)


def test_a_folder_that_is_no_dataset_is_one_sentence(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no dataset.json"):
        read_info(tmp_path)
    create_dataset(tmp_path / "d", INFO)
    with pytest.raises(DatasetError, match="holds nobody"):
        people_of(tmp_path / "d")
    file = tmp_path / "d" / "dataset.json"
    entries = json.loads(file.read_text())
    for change, sentence in (
        ({"version": 2}, "update dinar"),
        ({"format": "coco"}, "says format 'coco'"),
        ({"body": None}, "'body' is missing"),
    ):
        file.write_text(json.dumps({**entries, **change}))
        with pytest.raises(DatasetError, match=sentence):
            read_info(tmp_path / "d")
    file.write_text("{")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_info(tmp_path / "d")
