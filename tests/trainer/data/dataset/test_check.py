"""`dinar data check`: each thing that can be wrong is one line, and the status says whether anything is."""

import json
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from dinar.runtime.body import forward
from dinar.runtime.cli import main
from dinar.trainer.data.dataset.check import CheckConfig, check, check_people
from dinar.trainer.data.dataset.layout import DatasetError, encode, mask_file_of, person_folder, read_view
from dinar.trainer.data.dataset.plausibility import joint_model

from .small_people import make_dataset, open_body

MODEL = joint_model(open_body())


@pytest.fixture
def root(tmp_path):
    return make_dataset(tmp_path / "d", ["anna", "bert", "carl"], views=3)


def run(root, capsys) -> tuple[int, str]:
    status = main(["data", "check", str(root)])
    return status, capsys.readouterr().out


def test_a_good_dataset_is_well(root, capsys):
    status, told = run(root, capsys)
    assert status == 0, told
    assert "3 people, 9 views" in told
    assert "train: 3 people, 9 views" in told
    assert "everything is well" in told


def change_views(root, **arrays):
    file = person_folder(root, "bert") / "views.npz"
    with np.load(file, allow_pickle=False) as found:
        entries = dict(found)
    for name, change in arrays.items():
        entries[name] = change(entries[name])
    np.savez(file, **entries)


def mask(root, view=1):
    return mask_file_of(root, "bert", view)


def edit_mask(root, change):
    encode(mask(root), change(cv2.imread(str(mask(root)), cv2.IMREAD_GRAYSCALE)))


def damage_pixels(root):
    """A PNG whose checksums agree while its pixels do not: only decoding finds it."""
    file = person_folder(root, "bert") / "0001.png"
    data = file.read_bytes()
    at = data.index(b"IDAT") - 4
    content = b"IDAT" + b"\x78\x9c" + bytes(40)
    end = data.index(b"IEND") - 4
    file.write_bytes(
        data[:at] + struct.pack(">I", 42) + content + struct.pack(">I", zlib.crc32(content)) + data[end:]
    )


def at_nan(array):
    array[1, 4, 0] = np.nan
    return array


BAD = {
    "a missing picture": (
        lambda root: (person_folder(root, "bert") / "0001.png").unlink(),
        r"bert/0001.png cannot be opened",
    ),
    "a cut picture": (
        lambda root: (person_folder(root, "bert") / "0001.png").write_bytes(b"\x89PNG\r\n\x1a\n"),
        r"bert/0001.png is not a picture that can be read: the file is cut off",
    ),
    "damaged pixels": (damage_pixels, r"bert/0001.png is not a picture that can be read"),
    "a mask of another size": (
        lambda root: encode(mask(root), np.full((10, 12), 255, np.uint8)),
        r"0001.mask.png has 12 x 10 pixels, views.npz says 48 x 48",
    ),
    "an empty mask": (lambda root: edit_mask(root, np.zeros_like), "the mask is empty"),
    "a mask of ones": (lambda root: edit_mask(root, lambda m: m // 255), "largest value is 1"),
    "a full mask": (lambda root: edit_mask(root, lambda m: m * 0 + 255), "there is no background"),
    "a mask inside out": (lambda root: edit_mask(root, lambda m: 255 - m), "does not meet the body: "),
    "a mask beside the body": (
        lambda root: edit_mask(root, lambda m: np.roll(m, 24, 1)),
        "does not meet the body: ",
    ),
    "a body elsewhere": (
        lambda root: change_views(root, translation=lambda t: t + np.float32(50)),
        "the body lies outside the picture",
    ),
    "NaN": (lambda root: change_views(root, rotations=at_nan), "rotations of view 1 is not a finite number"),
    "too many betas": (
        lambda root: change_views(root, betas=lambda b: np.pad(b, ((0, 0), (0, 5)))),
        "at most 10 shape coefficients, got 15",
    ),
    "no camera": (
        lambda root: change_views(root, T_camera_world=lambda T: T * 2),
        "view 1: a camera expects T_camera_world to be rigid",
    ),
    "a picture without parameters": (
        lambda root: encode(person_folder(root, "bert") / "0003.jpg", np.zeros((48, 48, 3), np.uint8)),
        r"0003.jpg has no parameters: views.npz holds 3 views",
    ),
    "two pictures": (
        lambda root: encode(person_folder(root, "bert") / "0001.jpg", np.zeros((48, 48, 3), np.uint8)),
        "view 1 has both a .png and a .jpg picture",
    ),
    "an empty folder": (lambda root: (root / "people/dora").mkdir(), "dora is an empty folder"),
    "a bad recipe": (
        lambda root: (person_folder(root, "bert") / "recipe.json").write_text("["),
        "recipe.json cannot be read",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_each_bad_thing_is_a_sentence(root, name):
    spoil, sentence = BAD[name]
    spoil(root)
    found = {check.person: check.problems for check in check_people(root, MODEL)}
    problems = [problem for person in found for problem in found[person]]
    assert any(re.search(sentence, problem) for problem in problems), problems
    assert found["anna"] == found["carl"] == ()
    assert all("\n" not in problem for problem in problems)


def test_what_is_bad_is_a_line_each_and_a_status(root, capsys):
    edit_mask(root, np.zeros_like)
    (root / "people/a b").mkdir()
    (root / "people/dora").mkdir()
    status, told = run(root, capsys)
    assert status == 1
    for sentence in (
        "0001.mask.png: the mask is empty",
        "dora is an empty folder",
        "a b is no person's folder",
    ):
        assert len([line for line in told.splitlines() if sentence in line]) == 1, told
    assert "3 bad, each in a line above" in told


def test_people_to_train_on_and_the_benchmark_are_kept_apart(tmp_path, capsys):
    root = make_dataset(tmp_path / "d", ["900000", "900001"], views=3, synthetic=True)
    status, told = run(root, capsys)
    assert status == 0
    assert "evaluation only: 2 people, 6 views" in told
    make_dataset(root, ["000001"], views=3, synthetic=True)
    status, told = run(root, capsys)
    assert status == 1
    assert "keep them in folders of their own" in told


def test_an_unknown_body_is_said_and_all_else_is_checked(root, capsys):
    file = root / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"body": "ab" * 32, "body_vertices": 77}))
    edit_mask(root, lambda m: np.roll(m, 24, 1))
    status, told = run(root, capsys)
    assert status == 0
    assert "body abababababab with 77 vertices is not on this computer" in told
    edit_mask(root, np.zeros_like)
    assert run(root, capsys)[0] == 1


def test_joints_are_those_of_the_whole_body(root):
    view = read_view(root, "anna", 1)
    view.pose.expression[:] = np.linspace(-1, 1, 10)
    wanted = forward(open_body(), view.betas, view.pose).joints
    np.testing.assert_allclose(joint_model(open_body()).joints(view.betas, view.pose), wanted, atol=1e-9)


def test_no_dataset_is_one_sentence(tmp_path):
    done = subprocess.run(
        [Path(sys.executable).with_name("dinar"), "data", "check", tmp_path], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("dinar: ")
    assert len(done.stderr.splitlines()) == 1


def test_what_must_be_installed_for_it_is_said():
    asking = (
        "import sys; sys.modules['cv2'] = None; from dinar.runtime.cli import main; sys.exit(main(['data']))"
    )
    done = subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True)
    assert done.returncode == 1
    told = "dinar: `dinar data` needs cv2, which is not installed: pip install 'dinar[train]'\n"
    assert done.stderr == told


def test_a_dataset_of_nobody_is_one_sentence(tmp_path):
    root = make_dataset(tmp_path / "d", [])
    with pytest.raises(DatasetError, match="holds nobody"):
        check(CheckConfig(root))
