"""AMASS's motions become a library of poses: y up, without heading, none twice."""

import numpy as np
import pytest

from dinar.runtime.cli import main
from dinar.runtime.rotations import axis_angle_from_matrix, matrix_from_axis_angle, rotation_about
from dinar.trainer.data.importers.amass import without_heading
from dinar.trainer.data.importers.pose_library import PoseLibrary, read_poses, write_poses

Z_UP = rotation_about("x", np.pi / 2)  # y up => z up


def upright(heading):
    return axis_angle_from_matrix(Z_UP @ rotation_about("y", heading))


def poses_of(rng, count, *, spread=0.5):
    """SMPL+H poses [count, 156] in a z-up world, each with another heading."""
    poses = rng.normal(0, spread, (count, 52, 3)).clip(-1, 1)
    poses[:, 0] = [upright(rng.uniform(-3, 3)) for _ in range(count)]
    return poses.reshape(count, 156)


def write_motion(path, poses, *, rate=60.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, poses=poses, trans=np.zeros((len(poses), 3)), mocap_framerate=rate, gender="female")


def bring(source, out, *more):
    return main(["data", "import", "amass", str(source), "--out", str(out), *more])


@pytest.fixture
def source(tmp_path):
    rng, root = np.random.default_rng(0), tmp_path / "amass"
    write_motion(root / "CMU/01/walk_poses.npz", poses_of(rng, 300))
    write_motion(root / "CMU/02/run_poses.npz", poses_of(rng, 120), rate=120.0)
    np.savez(root / "CMU/01/shape.npz", betas=np.zeros(16))
    return root


def test_poses_are_those_of_the_files(source, tmp_path, capsys):
    assert bring(source, tmp_path / "p.npz") == 0, capsys.readouterr().err
    library = read_poses(tmp_path / "p.npz")
    assert len(library) == 10 + 2  # two a second
    assert library.subjects == ("CMU/01", "CMU/02")
    assert library.subject.tolist() == [0] * 10 + [1] * 2
    np.testing.assert_allclose(library.framerate, 2)
    with np.load(source / "CMU/01/walk_poses.npz") as motion:
        body = motion["poses"].reshape(-1, 52, 3)[::30]
    np.testing.assert_allclose(library.rotations[:10, 1:22], body[:, 1:22], atol=2e-3)
    np.testing.assert_allclose(library.rotations[:10, 25:], body[:, 22:], atol=2e-3)
    assert not library.rotations[:, 22:25].any()
    np.testing.assert_allclose(library.rotations[:, 0], 0, atol=3e-3)  # upright, facing +z
    assert (tmp_path / "p.npz").stat().st_size < 12 * 55 * 3 * 2 + 2000


def test_what_leans_still_leans():
    root = rotation_about("y", 1.1) @ rotation_about("x", 0.4)
    rotations = np.zeros((1, 55, 3))
    rotations[0, 0] = axis_angle_from_matrix(root)
    turned = matrix_from_axis_angle(without_heading(rotations)[0, 0].astype(float))
    np.testing.assert_allclose(turned, rotation_about("x", 0.4), atol=1e-6)


def test_who_lies_on_the_back_has_the_head_on_one_side():
    """Facing straight up there is no heading; the feet say it."""
    for heading in (-2.0, 0.3, 2.5):
        rotations = np.zeros((1, 55, 3))
        lying = rotation_about("y", heading) @ rotation_about("x", -np.pi / 2)
        rotations[0, 0] = axis_angle_from_matrix(lying)
        turned = matrix_from_axis_angle(without_heading(rotations)[0, 0].astype(float))
        np.testing.assert_allclose(turned, rotation_about("x", -np.pi / 2), atol=1e-6)


def rms_degrees(a, b):
    """Root mean square over the body's joints of the angle between poses [55, 3]."""
    between = matrix_from_axis_angle(a[:22].astype(float)).transpose(0, 2, 1) @ matrix_from_axis_angle(
        b[:22].astype(float)
    )
    angle = np.arccos(((between.trace(axis1=1, axis2=2) - 1) / 2).clip(-1, 1))
    return np.degrees(np.sqrt((angle**2).mean()))


@pytest.mark.parametrize("distance", [3.0, 12.0])
def test_poses_that_are_alike_are_kept_once(tmp_path, distance):
    rng = np.random.default_rng(1)
    poses = poses_of(rng, 3)[rng.integers(0, 3, 40)].reshape(40, 52, 3)
    poses[:, 1:] += rng.normal(0, 0.08, (40, 51, 3))
    for name in ("a", "b"):  # a second file of the same poses brings nothing new
        write_motion(tmp_path / "s" / name / "m.npz", poses.reshape(40, 156), rate=1.0)
    assert bring(tmp_path / "s", tmp_path / "p.npz", "--distance", str(distance)) == 0
    kept = read_poses(tmp_path / "p.npz").rotations
    pairs = [rms_degrees(a, b) for n, a in enumerate(kept) for b in kept[:n]]
    assert min(pairs) > 0.95 * distance
    assert len(kept) >= 3
    every = without_heading(
        np.pad(poses[:, :22], ((0, 0), (0, 33), (0, 0))) * np.array([1.0])
    )  # whatever was left out has a neighbour
    every[:, 0] = 0
    for pose in every:
        assert min(rms_degrees(pose, k) for k in kept) < 1.05 * distance


def test_at_most_so_many_are_kept_from_all_files(source, tmp_path):
    assert bring(source, tmp_path / "p.npz", "--rate", "10", "--most", "8") == 0
    library = read_poses(tmp_path / "p.npz")
    assert np.bincount(library.subject).tolist() == [4, 4]


def test_bad_files_are_left_out_or_refused(source, tmp_path, capsys):
    spoiled = poses_of(np.random.default_rng(2), 10)
    spoiled[3, 7] = np.nan
    write_motion(source / "bad/nan.npz", spoiled)
    np.savez(source / "bad/wide.npz", poses=np.zeros((4, 72)), trans=np.zeros((4, 3)), mocap_framerate=1.0)
    (source / "bad/cut.npz").write_bytes((source / "CMU/01/walk_poses.npz").read_bytes()[:5000])
    assert bring(source, tmp_path / "p.npz") == 1
    told = capsys.readouterr().err
    for sentence in (
        "rotations of frame 3 is not a finite number",
        "expected 165 numbers a frame",
        "cut.npz",
    ):
        assert sentence in told
    assert "3 files left out, each in a line above" in told
    assert len(read_poses(tmp_path / "p.npz")) == 12
    assert bring(source, tmp_path / "q.npz", "--strict") == 1
    assert capsys.readouterr().err.startswith("dinar: ")
    assert not (tmp_path / "q.npz").exists()


def test_flags_that_cannot_be_are_bad_usage(source, tmp_path, capsys):
    assert bring(source, tmp_path / "p.npz", "--rate", "0") == 2
    assert "--rate must lie in (0, 1000]" in capsys.readouterr().err


def library():
    rotations = np.random.default_rng(3).normal(0, 1, (4, 55, 3)).astype(np.float32)
    return PoseLibrary(rotations, np.array([0, 0, 1, 1], np.int32), np.ones(4, np.float32), ("A/ä", "B"))


def test_a_library_is_read_as_it_was_written(tmp_path):
    write_poses(tmp_path / "p.npz", library())
    read = read_poses(tmp_path / "p.npz")
    np.testing.assert_allclose(read.rotations, library().rotations, rtol=1e-3, atol=1e-4)
    assert (read.subjects, read.subject.tolist()) == (("A/ä", "B"), [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": None}, "is no pose library: make one with `dinar data import amass`"),
        ({"format": np.array([0x504F5345, 2], np.int32)}, "is no pose library of version 1"),
        ({"rotations": np.zeros((4, 24, 3), np.float16)}, "rotations has shape"),
        ({"rotations": np.full((4, 55, 3), np.nan, np.float16)}, "not finite"),
        ({"subject": np.array([0, 1, 2, 0], np.int32)}, "subjects without a name"),
        ({"framerate": np.ones(3, np.float32)}, "must have 4 entries"),
        ({"subjects": np.array(["x"], object)}, "expected little-endian numbers"),
    ],
)
def test_a_bad_library_is_one_sentence(tmp_path, change, sentence):
    file = tmp_path / "p.npz"
    write_poses(file, library())
    with np.load(file, allow_pickle=False) as arrays:
        entries = {name: value for name, value in (dict(arrays) | change).items() if value is not None}
    np.savez(file, **entries)
    with pytest.raises(ValueError, match=r"p\.npz") as caught:
        read_poses(file)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
