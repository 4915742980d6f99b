"""`dinar synth`: datasets of synthetic people, and the sheet to look at."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dinar.runtime.body import forward, load_body, open_body_path
from dinar.runtime.cli import main
from dinar.trainer.data.dataset.layout import people_of, person_folder, read_info, read_view, read_views
from dinar.trainer.data.dataset.truth import read_keypoints, read_parts, read_texture
from dinar.trainer.data.importers.pose_library import PoseLibrary, write_poses
from dinar.trainer.data.synth.generate import Order, make_into, open_workshop, start_dataset

GOLDEN = Path(__file__).parent / "golden_person.png"
FLAGS = ("--views", "2", "--size", "128")
ORDER = Order(views=2, poses=1, size=128, ending=".png")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("synth") / "people"
    assert (
        main(["synth", "--people", "2", "--seed", "40", "--out", str(root), "--processes", "2", *FLAGS]) == 0
    )
    return root


def bytes_of(root: Path, person: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in person_folder(root, person).iterdir()}


def test_everything_known_is_written(dataset):
    assert people_of(dataset) == ("000040", "000041")
    assert "generator 1" in read_info(dataset).source
    names = set(bytes_of(dataset, "000040"))
    assert names == {
        *(f"{k:04d}{e}" for k in range(2) for e in (".png", ".mask.png", ".parts.png", ".keypoints.json")),
        *("views.npz", "texture.png", "texture.mask.png", "recipe.json"),
    }


def test_the_check_of_datasets_finds_nothing(dataset, capsys):
    assert main(["data", "check", str(dataset)]) == 0
    assert "2 people, 4 views" in " ".join(capsys.readouterr().out.split())


def test_the_parameters_are_those_of_the_pictures(dataset):
    """The bare body's joints lie on the mask, and OpenPose's keypoints where the joints are."""
    body = load_body(open_body_path())
    for person in people_of(dataset):
        view = read_view(dataset, person, 0)
        joints = forward(body, view.betas, view.pose).joints
        seen = joints @ view.camera.T_camera_world[:3, :3].T + view.camera.T_camera_world[:3, 3]
        pixels = seen @ view.camera.K.T
        pixels = pixels[:, :2] / pixels[:, 2:]
        inside = (pixels > 1).all(1) & (pixels < 127).all(1)
        column, row = pixels[:22][inside[:22]].astype(int).T
        assert (view.mask[row, column] > 127).mean() > 0.9
        keypoints = read_keypoints(person_folder(dataset, person) / "0000.keypoints.json")
        if inside[16] and keypoints.body[5, 2] > 0:  # left shoulder
            assert np.linalg.norm(keypoints.body[5, :2] - pixels[16]) < 4


def test_parts_cover_the_mask(dataset):
    view = read_view(dataset, "000041", 1)
    parts = read_parts(dataset, "000041", 1)
    assert len(np.unique(parts)) > 3
    assert ((parts > 0) == (view.mask > 127)).mean() > 0.98


def test_the_true_texture_is_known_on_the_whole_body(dataset):
    texture, known = read_texture(dataset, "000040")
    assert texture.shape == (512, 512, 3)
    assert 0.4 < known.mean() < 0.7
    assert texture[known].std() > 15


def test_a_second_call_goes_on_where_the_first_one_stopped(dataset):
    before = bytes_of(dataset, "000040")
    times = [file.stat().st_mtime_ns for file in person_folder(dataset, "000040").iterdir()]
    assert main(["synth", "--people", "2", "--seed", "40", "--out", str(dataset), *FLAGS]) == 0
    assert [f.stat().st_mtime_ns for f in person_folder(dataset, "000040").iterdir()] == times
    assert bytes_of(dataset, "000040") == before


def test_a_person_is_the_same_in_any_company(dataset, tmp_path):
    """Made alone, in another process and with other threads, person 41 is the same within 1/255."""
    start_dataset(tmp_path / "d", ORDER)
    make_into(tmp_path / "d", open_workshop(), 41, ORDER)
    alone, among = bytes_of(tmp_path / "d", "000041"), bytes_of(dataset, "000041")
    assert alone["recipe.json"] == among["recipe.json"]
    assert alone["0001.keypoints.json"] == among["0001.keypoints.json"]
    for name in (n for n in among if n.endswith(".png")):
        first, second = (
            np.asarray(Image.open(io.BytesIO(made[name]))).astype(int) for made in (alone, among)
        )
        assert (np.abs(first - second) <= 1).mean() > 0.9999
    poses = [read_views(root, "000041").rotations for root in (tmp_path / "d", dataset)]
    np.testing.assert_allclose(*poses, atol=1e-6)


def test_recorded_poses_are_drawn_from_a_library(tmp_path, capsys):
    rotations = np.zeros((2, 55, 3), np.float32)
    rotations[:, 16, 2], rotations[:, 17, 2], rotations[1, 15, 1] = -1.0, 1.0, 0.4
    library = tmp_path / "poses.npz"
    write_poses(library, PoseLibrary(rotations, np.zeros(2, np.int32), np.ones(2, np.float32), ("anna",)))
    root = tmp_path / "d"
    flags = ["--poses", "3", "--views", "1", "--size", "64", "--poses-from", str(library)]
    assert main(["synth", "--people", "1", "--seed", "40", "--out", str(root), *flags]) == 0
    found = read_views(root, "000040").rotations
    assert all(np.abs(rotations - pose).max((1, 2)).min() < 1e-3 for pose in found)
    assert "poses of poses.npz" in read_info(root).source
    library.write_bytes(b"no library")
    assert main(["synth", "--people", "1", "--out", str(tmp_path / "e"), "--poses-from", str(library)]) == 1
    assert "poses.npz" in capsys.readouterr().err


def test_a_folder_holds_people_of_one_order(dataset, capsys):
    flags = ["synth", "--people", "1", "--seed", "40", "--out", str(dataset), "--views", "3", "--size", "128"]
    assert main(flags) == 1
    assert "another dataset" in capsys.readouterr().err
    assert len(read_views(dataset, "000040")) == 2


def test_person_40_looks_as_ever(dataset, tmp_path):
    """Whoever changes what a number looks like raises GENERATOR_VERSION, and the picture."""
    found = read_view(dataset, "000040", 0).image
    if not GOLDEN.exists():
        Image.fromarray(found).save(GOLDEN)
        pytest.fail(f"{GOLDEN} was missing and has been written: look at it")
    wanted = np.asarray(Image.open(GOLDEN))
    difference = np.abs(found.astype(int) - wanted)
    if (difference > 1).mean() > 1e-3:
        Image.fromarray(found).save(tmp_path / "found.png")
        pytest.fail(
            f"{(difference > 1).mean():.2%} of the values differ by more than 1: {tmp_path}/found.png"
        )


def test_recipes_say_where_the_pictures_were_taken(dataset):
    recipe = json.loads((person_folder(dataset, "000040") / "recipe.json").read_text())
    assert len(recipe["places"]) == 2
    assert recipe["number"] == 40


def test_the_sheet_shows_front_and_back(tmp_path):
    sheet = tmp_path / "sheet.png"
    assert main(["synth", "--people", "1", "--seed", "40", "--size", "128", "--sheet", str(sheet)]) == 0
    picture = np.asarray(Image.open(sheet)).astype(int)
    assert picture.shape == (128, 160, 3)
    assert np.abs(picture[:, :80] - picture[:, 80:]).mean() > 3


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ((), "name one"),
        (("--out", "x", "--people", "0"), "between 0 and 999999"),
        (("--out", "x", "--seed", "999990"), "between 0 and 999999"),
        (("--out", "x", "--views", "0"), "at least 1"),
        (("--out", "x", "--size", "9"), "between 64 and 2048"),
        (("--out", "x", "--processes", "0"), "at least 1"),
        (("--sheet", "sheet.jpg"), "must name a .png file"),
        (("--sheet", "nowhere/sheet.png"), "nowhere/sheet.png cannot be written"),
    ],
)
def test_flags_that_cannot_be_are_one_sentence(flags, sentence, capsys):
    try:
        status = main(["synth", *flags])
    except SystemExit as leaving:
        status = leaving.code
    assert status == 2
    assert sentence in " ".join(capsys.readouterr().err.replace("│", " ").split())
