"""People-Snapshot: SMPL's poses stand where SMPL stood, in SMPL-X, on the frames of the video."""

import os
import pickle
import shutil
from dataclasses import replace

import av
import cv2
import h5py
import numpy as np
import pytest

from dinar.runtime.body import Pose, forward
from dinar.runtime.cli import main
from dinar.runtime.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from dinar.trainer.data.dataset.layout import people_of, read_view, read_views
from dinar.trainer.data.dataset.plausibility import joint_model
from dinar.trainer.data.dataset.truth import read_keypoints
from dinar.trainer.data.importers.fits import rest_pelvis
from dinar.trainer.data.importers.shape_fit import COCO_JOINTS, fit_to_keypoints
from dinar.trainer.data.importers.snapshot_files import SnapshotCamera

from .small_sources import BODY, SIZE, draw, make_truth, open_body, project, python2_pickle
from .test_stills import assert_joints_on_mask, joint_pixels

FRAMES, FOCAL, DEPTH = 7, 220.0, 4.0
SMPL_PELVIS = np.array([0.004, -0.21, 0.02])
NAME = "female-1-sport"


@pytest.fixture(scope="module")
def truths():
    """Somebody who turns around; hands and face at rest, as SMPL has none."""
    first = make_truth(1, focal=FOCAL, depth=DEPTH)
    turned = []
    for frame in range(FRAMES):
        rotations = first.pose.rotations.copy()
        rotations[22:] = 0
        turn = cv2.Rodrigues(np.array([0, 2 * np.pi * frame / FRAMES, 0]))[0]
        root = matrix_from_axis_angle(rotations[0].astype(np.float64))
        rotations[0] = axis_angle_from_matrix(turn @ root)
        rotations[16:20] += np.random.default_rng(frame).normal(0, 0.1, (4, 3))
        nothing = np.zeros(0, np.float32)
        pelvis = rest_pelvis(joint_model(open_body()), first.betas, nothing)
        translation = np.array([0.01 * frame, -0.1, DEPTH]) - pelvis
        pose = Pose(rotations, translation.astype(np.float32), nothing)
        posed = forward(open_body(), first.betas, pose)
        image, mask = draw(posed.vertices, first.K, np.random.default_rng(9))
        image[mask > 0] = (200, 30 * frame, 40)
        turned.append(replace(first, pose=pose, joints=posed.joints, image=image, mask=mask))
    return turned


def coco(truth):
    points = np.zeros((18, 3))
    points[list(COCO_JOINTS), :2] = truth.pixels[list(COCO_JOINTS.values())]
    points[list(COCO_JOINTS), 2] = 0.8
    return points


def smpl_translation(truth):
    pelvis = rest_pelvis(joint_model(open_body()), truth.betas, truth.pose.expression)
    return truth.pose.translation + pelvis - SMPL_PELVIS


def camera_values(truth, **more):
    return {
        "camera_t": np.zeros(3),
        "camera_rt": np.zeros(3),
        "camera_f": np.array([truth.K[0, 0], truth.K[1, 1]]),
        "camera_c": truth.K[:2, 2],
        "camera_k": np.zeros(5),
        "width": SIZE[1],
        "height": SIZE[0],
    } | more


def write_video(path, pictures):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "8"})
        stream.height, stream.width, stream.pix_fmt = (*SIZE, "yuv420p")
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())


def write_sequence(folder, truths, **camera):
    """The files that People-Snapshot's tools write; there is a pose more than masks, as in theirs."""
    folder.mkdir(parents=True)
    (folder / "camera.pkl").write_bytes(python2_pickle(camera_values(truths[0], **camera)))
    compressed = {"chunks": True, "compression": "lzf"}
    with h5py.File(folder / "masks.hdf5", "w") as file:
        masks = np.stack([t.mask > 0 for t in truths])
        file.create_dataset("masks", data=masks, dtype="b", **compressed)
    with h5py.File(folder / "reconstructed_poses.hdf5", "w") as file:
        poses = np.zeros((len(truths) + 1, 24, 3), "f")
        poses[:-1, :22] = [t.pose.rotations[:22] for t in truths]
        poses[:, 22:] = 0.3  # SMPL's hands, which SMPL-X has not
        file.create_dataset("pose", data=poses.reshape(-1, 72), **compressed)
        translation = [smpl_translation(t) for t in truths] + [np.zeros(3)]
        file.create_dataset("trans", data=np.array(translation), dtype="f", **compressed)
        file.create_dataset("betas", data=truths[0].betas, dtype="f", **compressed)
    with h5py.File(folder / "keypoints.hdf5", "w") as file:
        points = np.stack([coco(t).ravel() for t in truths])
        file.create_dataset("keypoints", data=points, dtype="f", **compressed)
    write_video(folder / f"{folder.name}.mp4", [t.image for t in truths])
    return folder


def bring(source, out, *more):
    command = ["data", "import", "people-snapshot", str(source), "--out", str(out), "--body", str(BODY)]
    return main([*command, *more])


@pytest.fixture(scope="module")
def written(tmp_path_factory, truths):
    return write_sequence(tmp_path_factory.mktemp("written") / NAME, truths)


@pytest.fixture
def sequence(tmp_path, written):
    return shutil.copytree(written, tmp_path / "s" / NAME)


def test_every_third_frame_arrives_with_a_shape_from_the_keypoints(sequence, truths, tmp_path, capsys):
    out = tmp_path / "d"
    arguments = ["--every", "3", "--betas", "keypoints", "--size", "0"]
    assert bring(sequence.parent, out, *arguments) == 0, capsys.readouterr().err
    assert people_of(out) == (NAME,)
    assert len(read_views(out, NAME)) == 3
    for number, truth in enumerate(truths[::3]):
        view = read_view(out, NAME, number)
        np.testing.assert_allclose(view.pose.rotations[1:22], truth.pose.rotations[1:22], atol=1e-6)
        assert not view.pose.rotations[22:].any()
        np.testing.assert_array_equal(view.mask, truth.mask)
        off = np.linalg.norm(joint_pixels(view) - truth.pixels, axis=1)
        assert off[:22].max() < 2.5
        colour = view.image[truth.mask > 0].mean(0)
        np.testing.assert_allclose(colour, truth.image[truth.mask > 0].mean(0), atol=12)
        assert_joints_on_mask(view)
        points = read_keypoints(out / f"people/{NAME}/{number:04d}.keypoints.json")
        np.testing.assert_allclose(points.body[[5, 13, 11], :2], truth.pixels[[16, 4, 8]], atol=1e-2)
        assert points.body[8, 2] == 0  # hips were not seen, nor is their middle
    assert main(["data", "check", str(out)]) == 0


def smpl_file(folder, *, pickled):
    """A SMPL model whose shapes are the open body's, and whose pelvis lies elsewhere."""
    body = open_body()
    shift = SMPL_PELVIS - rest_pelvis(joint_model(body), make_truth(1, focal=1, depth=1).betas, np.zeros(0))
    arrays = {
        "v_template": body.v_template + shift,
        "shapedirs": body.shapedirs,
        "J_regressor": body.J_regressor[:24],
    }
    if pickled:
        (folder / "smpl.pkl").write_bytes(pickle.dumps(arrays, protocol=2))
        return folder / "smpl.pkl"
    np.savez(folder / "smpl.npz", **arrays)
    return folder / "smpl.npz"


@pytest.mark.parametrize("pickled", [True, False])
def test_with_smpls_model_shapes_and_places_are_found_again(sequence, truths, tmp_path, pickled):
    (sequence / "keypoints.hdf5").unlink()
    out = tmp_path / "d"
    smpl = smpl_file(tmp_path, pickled=pickled)
    assert bring(sequence, out, "--every", "6", "--smpl", str(smpl), "--size", "0") == 0
    for number, truth in enumerate(truths[::6]):
        view = read_view(out, NAME, number)
        assert np.abs(joint_pixels(view) - truth.pixels)[:22].max() < 1.0


def test_the_mean_person_stands_in_the_right_place(sequence, truths, tmp_path):
    out = tmp_path / "d"
    assert bring(sequence, out, "--every", "6", "--betas", "neutral", "--size", "0") == 0
    view = read_view(out, NAME, 1)
    assert not view.betas.any()
    assert np.abs(joint_pixels(view)[0] - truths[6].pixels[0]).max() < 4


def test_where_shapes_come_from_must_be_said(sequence, tmp_path, capsys):
    assert bring(sequence, tmp_path / "d") == 2
    told = capsys.readouterr().err
    assert "People-Snapshot's shapes are SMPL's" in told
    assert "--betas keypoints" in told


def test_a_shape_is_found_from_many_frames(truths):
    """Far-off and unseen keypoints do not spoil it."""
    points = np.stack([coco(t) for t in truths])
    points[2, 5, :2] += 60
    points[3, 6] = (0, 0, 0)
    shape = fit_to_keypoints(
        joint_model(open_body()),
        np.stack([t.pose.rotations for t in truths]),
        np.stack([smpl_translation(t) for t in truths]),
        points,
        np.eye(4),
        truths[0].K,
    )
    pixels = []
    for truth in truths:
        pelvis = rest_pelvis(joint_model(open_body()), shape.betas, np.zeros(0))
        pose = replace(truth.pose, translation=shape.pelvis + smpl_translation(truth) - pelvis)
        pixels.append(project(forward(open_body(), shape.betas, pose).joints, truth.K) - truth.pixels)
    assert np.abs(np.stack(pixels)[:, list(COCO_JOINTS.values())]).max() < 1.5


def test_a_distorted_camera_and_one_that_is_elsewhere(truths, tmp_path):
    """rt and t move the world; the picture is undistorted."""
    rt, t = np.array([0.0, 0.2, 0.0]), np.array([0.1, 0.0, 0.3])
    R = cv2.Rodrigues(rt)[0]
    moved = []
    for truth in truths[:2]:  # the same joints before the camera, said in another world
        pelvis = rest_pelvis(joint_model(open_body()), truth.betas, truth.pose.expression)
        rotations = truth.pose.rotations.copy()
        rotations[0] = axis_angle_from_matrix(R.T @ matrix_from_axis_angle(rotations[0].astype(np.float64)))
        translation = R.T @ (pelvis + truth.pose.translation - t) - pelvis
        moved.append(
            replace(truth, pose=Pose(rotations, translation.astype(np.float32), truth.pose.expression))
        )
    source = write_sequence(tmp_path / NAME, moved, camera_rt=rt, camera_t=t)
    smpl = smpl_file(tmp_path, pickled=False)
    assert bring(source, tmp_path / "d", "--every", "1", "--smpl", str(smpl), "--size", "0") == 0
    for number, truth in enumerate(moved):
        assert np.abs(joint_pixels(read_view(tmp_path / "d", NAME, number)) - truth.pixels)[:22].max() < 1.0


def test_pictures_and_points_are_undistorted_alike():
    K = np.array([[200.0, 0, 60], [0, 200, 75], [0, 0, 1]])
    camera = SnapshotCamera(K, np.array([-0.4, 0.1, 0, 0, 0]), np.eye(4), 120, 150)
    picture = np.zeros((150, 120), np.uint8)
    picture[19:22, 99:102] = 255
    row, column = (np.flatnonzero(camera.undistorted(picture).sum(axis)).mean() for axis in (1, 0))
    np.testing.assert_allclose(
        camera.undistorted_points(np.array([[100.0, 20.0]]))[0], (column, row), atol=0.6
    )
    assert abs(column - 100) > 1


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def change(file, name, edit):
    with h5py.File(file, "r+") as found:
        value = edit(np.asarray(found[name]))
        del found[name]
        if value is not None:
            found[name] = value


class Evil:
    def __reduce__(self):
        return os.system, ("false",)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: (f / "masks.hdf5").unlink(), "masks.hdf5 is missing"),
        (lambda f: cut(f / "masks.hdf5"), "masks.hdf5 is no HDF5 file, or damaged"),
        (
            lambda f: cut(f / "reconstructed_poses.hdf5"),
            "reconstructed_poses.hdf5 is no HDF5 file, or damaged",
        ),
        (lambda f: change(f / "masks.hdf5", "masks", lambda m: m[:, :50]), "expected (frames, 150, 120)"),
        (lambda f: change(f / "masks.hdf5", "masks", lambda _: None), "dataset masks is missing"),
        (lambda f: change(f / "reconstructed_poses.hdf5", "pose", lambda p: p[:4]), "pose has shape (4, 72)"),
        (lambda f: change(f / "reconstructed_poses.hdf5", "trans", lambda _: "x"), "does not hold numbers"),
        (lambda f: (f / f"{NAME}.mp4").unlink(), "holds 0 videos: expected one"),
        (lambda f: (f / f"{NAME}.mp4").write_bytes(b"no video"), ".mp4 cannot be read from frame 0 on"),
        (lambda f: cut(f / f"{NAME}.mp4"), ".mp4 cannot be read from frame"),
        (lambda f: (f / "camera.pkl").write_bytes(pickle.dumps(Evil())), "the name 'posix.system'"),
        (lambda f: (f / "camera.pkl").write_bytes(pickle.dumps({})), "camera_f must be 2 finite numbers"),
        (lambda f: (f / "keypoints.hdf5").unlink(), "keypoints.hdf5 is missing: without it"),
    ],
)
def test_a_bad_file_is_one_sentence(sequence, tmp_path, spoil, sentence, capsys):
    spoil(sequence)
    assert bring(sequence, tmp_path / "d", "--betas", "keypoints") == 1
    told = capsys.readouterr().err.splitlines()
    assert any(sentence in line for line in told), told
    assert not list((tmp_path / "d/people").iterdir())


def test_a_bad_frame_is_left_out(sequence, tmp_path, capsys):
    def spoil(pose):
        pose[2, 5] = np.nan
        return pose

    change(sequence / "reconstructed_poses.hdf5", "pose", spoil)
    change(sequence / "masks.hdf5", "masks", lambda m: m * (np.arange(len(m)) != 4)[:, None, None])
    assert bring(sequence, tmp_path / "d", "--betas", "keypoints", "--every", "2") == 1
    told = capsys.readouterr().err
    assert f"{NAME}.mp4, frame 2: its pose holds numbers that are not finite" in told
    assert f"{NAME}.mp4, frame 4: the mask is empty" in told
    assert len(read_views(tmp_path / "d", NAME)) == 2


def test_a_video_that_ends_early_gives_what_it_has(truths, sequence, tmp_path, capsys):
    write_video(sequence / f"{NAME}.mp4", [t.image for t in truths[:3]])
    assert bring(sequence, tmp_path / "d", "--betas", "keypoints", "--every", "2") == 1
    assert "ends at frame 3, before frame 4" in capsys.readouterr().err
    assert len(read_views(tmp_path / "d", NAME)) == 2
