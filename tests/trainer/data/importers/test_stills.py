"""Pictures with SMPLify-X fits: parameters, cameras, masks and keypoints arrive, in one convention."""

import json
import math
import pickle

import cv2
import numpy as np
import pytest
import torch

from dinar.runtime.body import forward
from dinar.runtime.camera import Camera
from dinar.runtime.cli import main
from dinar.trainer.data.dataset.layout import people_of, read_info, read_view, read_views
from dinar.trainer.data.dataset.truth import read_keypoints
from dinar.trainer.data.importers.shot import Shot, cropped
from dinar.trainer.data.importers.stills import person_mask
from dinar.trainer.data.importers.vposer import read_vposer

from .small_sources import (
    BODY,
    SIZE,
    make_truth,
    open_body,
    openpose_text,
    project,
    smplify_entries,
    write_picture,
)

FOCAL, DEPTH = 5000.0, 85.0


@pytest.fixture(scope="module")
def truths():
    return {name: make_truth(seed, focal=FOCAL, depth=DEPTH) for seed, name in enumerate(("anna", "bert"))}


def write_source(root, truths, change=lambda entries: entries):
    """The layout of DINAR's authors."""
    for name, truth in truths.items():
        write_picture(root / f"rgb/{name}.png", truth.image)
        write_picture(root / f"segm/{name}.png", np.repeat(truth.mask[..., None], 3, axis=2))
        for folder in ("openpose", "smplx"):
            (root / folder).mkdir(exist_ok=True)
        (root / f"openpose/{name}_keypoints.json").write_text(openpose_text(truth.pixels))
        entries = change(smplify_entries(truth))
        (root / f"smplx/{name}.pkl").write_bytes(pickle.dumps(entries, protocol=2))
    return root


def bring(kind, source, out, *more):
    return main(["data", "import", kind, str(source), "--out", str(out), "--body", str(BODY), *more])


def joint_pixels(view):
    """Where the joints of an imported view are, pixels."""
    joints = forward(open_body(), view.betas, view.pose).joints
    T = view.camera.T_camera_world
    return project(joints @ T[:3, :3].T + T[:3, 3], view.camera.K)


def assert_same_person(view, truth, *, atol=1e-6):
    np.testing.assert_allclose(view.pose.rotations[1:], truth.pose.rotations[1:], atol=atol)
    np.testing.assert_array_equal(view.betas, truth.betas)
    np.testing.assert_array_equal(view.pose.expression, truth.pose.expression)


def assert_joints_on_mask(view):
    column, row = joint_pixels(view)[:23].astype(int).T
    assert (view.mask[row, column] >= 128).mean() > 0.9


def test_a_folder_of_dinars_authors_arrives_whole(tmp_path, truths, capsys):
    source, out = write_source(tmp_path / "s", truths), tmp_path / "d"
    assert bring("dinar-folder", source, out, "--size", "0", "--licence", "mine") == 0, (
        capsys.readouterr().err
    )
    assert people_of(out) == ("anna", "bert")
    assert (read_info(out).body, read_info(out).licence) == (open_body().hash, "mine")
    for name, truth in truths.items():
        view = read_view(out, name, 0)
        assert_same_person(view, truth)
        np.testing.assert_allclose(joint_pixels(view), truth.pixels, atol=0.02)
        np.testing.assert_array_equal(view.image, truth.image)
        np.testing.assert_array_equal(view.mask, truth.mask)
        assert_joints_on_mask(view)
        head, feet = forward(open_body(), view.betas, view.pose).joints[[15, 7], 1]
        assert head - feet > 1  # metres: the world's y is up
        keypoints = read_keypoints(out / f"people/{name}/0000.keypoints.json")
        np.testing.assert_allclose(keypoints.body[1, :2], truth.pixels[12], atol=1e-2)
    assert main(["data", "check", str(out)]) == 0, capsys.readouterr().out


def test_squares_are_cut_around_the_person(tmp_path, truths, capsys):
    source, out = write_source(tmp_path / "s", truths), tmp_path / "d"
    assert bring("dinar-folder", source, out, "--size", "96", "--format", "jpg") == 0, capsys.readouterr().err
    for name, truth in truths.items():
        view = read_view(out, name, 0)
        assert view.image.shape == (96, 96, 3)
        assert_joints_on_mask(view)
        assert_same_person(view, truth)
        rows = np.flatnonzero((view.mask >= 128).any(1))
        assert np.ptp(rows) + 1 == pytest.approx(96 / 1.2, abs=2)
        neck = read_keypoints(out / f"people/{name}/0000.keypoints.json").body[1, :2]
        np.testing.assert_allclose(neck, joint_pixels(view)[12], atol=0.02)
    assert main(["data", "check", str(out)]) == 0


def test_a_square_may_reach_beyond_the_picture(truths):
    truth = truths["anna"]
    column = int(np.flatnonzero(truth.mask.any(0)).mean())
    camera = Camera(np.eye(4), truth.K, SIZE[1] - column, SIZE[0])
    shot = Shot(truth.image[:, column:], truth.mask[:, column:], truth.pose, truth.betas, camera)
    square = cropped(shot, 64)
    assert (square.image[:, :5] == 255).all()
    assert not square.mask[:, :5].any()
    assert square.mask.any()


@pytest.mark.parametrize(
    ("source_folders", "options", "people"),
    [
        (["."], [], {"a_0": 1, "a_1": 1, "b_0": 1}),
        (["."], ["--group", "prefix"], {"a": 2, "b": 1}),
        (["."], ["--group", "folder"], {"s": 3}),
        (["cleo", "dora"], [], {"cleo": 3, "dora": 3}),
        (["cleo"], ["--every", "2"], {"cleo": 2}),
    ],
)
def test_pictures_are_grouped_to_people(tmp_path, truths, source_folders, options, people):
    pictures = dict(zip(("a_0", "a_1", "b_0"), (*truths.values(), truths["anna"]), strict=True))
    for folder in source_folders:
        write_source(tmp_path / "s" / folder, pictures)
    assert bring("dinar-folder", tmp_path / "s", tmp_path / "d", "--size", "64", *options) == 0
    found = {person: len(read_views(tmp_path / "d", person)) for person in people_of(tmp_path / "d")}
    assert found == people


def with_hand_coefficients(truth):
    return lambda entries: (
        entries
        | {
            name: values
            for name, values in smplify_entries(truth, hand_numbers=12).items()
            if name.endswith("_hand_pose")
        }
    )


def test_hands_may_be_coefficients(tmp_path, truths):
    truth = truths["anna"]
    source = write_source(tmp_path / "s", {"anna": truth}, with_hand_coefficients(truth))
    assert bring("dinar-folder", source, tmp_path / "d") == 0
    view = read_view(tmp_path / "d", "anna", 0)
    coefficients = smplify_entries(truth, hand_numbers=12)["left_hand_pose"][0]
    with np.load(BODY, allow_pickle=False) as arrays:
        wanted = arrays["hands_meanl"].ravel() + coefficients @ arrays["hands_componentsl"][:12]
    np.testing.assert_allclose(view.pose.rotations[25:40].ravel(), wanted, atol=1e-5)


def test_what_was_fitted_to_a_part_of_the_picture_stays_there(tmp_path):
    """DINAR's authors cut the picture by `ltrb`; the whole one is kept here, and the camera moved."""
    left, top, right, bottom = 10, 6, 110, 146
    truth = make_truth(
        3, focal=FOCAL, depth=DEPTH, centre=(left + (right - left) // 2, top + (bottom - top) // 2)
    )
    ltrb = {"ltrb": (left, top, right, bottom)}
    source = write_source(tmp_path / "s", {"anna": truth}, lambda e: {"result": {"smplx": e | ltrb}})
    assert bring("dinar-folder", source, tmp_path / "d", "--size", "0") == 0
    np.testing.assert_allclose(joint_pixels(read_view(tmp_path / "d", "anna", 0)), truth.pixels, atol=0.02)


@pytest.mark.parametrize("ending", ["npz", "json", "000.pkl"])
def test_photos_are_one_person_each(tmp_path, truths, ending, capsys):
    source, out = tmp_path / "s", tmp_path / "d"
    for name, truth in truths.items():
        write_picture(source / f"images/{name} 1.jpg", truth.image)
        write_picture(source / f"masks/{name} 1.png", truth.mask // 255)  # labels
        params = source / "smplx"
        params.mkdir(exist_ok=True)
        entries = smplify_entries(truth) | {"focal_length": np.array([FOCAL])}
        if ending == "npz":
            np.savez(params / f"{name} 1.npz", **entries)
        elif ending == "json":
            lists = {key: value.tolist() for key, value in entries.items()}
            (params / f"{name} 1.json").write_text(json.dumps(lists))
            (source / f"images/{name} 1.jpg").rename(source / f"images/{name} 1.JPG")
        else:
            (params / f"{name} 1").mkdir()
            (params / f"{name} 1" / "000.pkl").write_bytes(pickle.dumps(entries))
    assert bring("photos", source, out, "--size", "0", "--focal", "77") == 0, capsys.readouterr().err
    assert people_of(out) == ("anna_1", "bert_1")
    for name, truth in truths.items():
        view = read_view(out, f"{name}_1", 0)
        assert_same_person(view, truth)
        np.testing.assert_allclose(joint_pixels(view), truth.pixels, atol=0.02)
        np.testing.assert_array_equal(view.mask, truth.mask)


def test_segmentations_become_masks():
    labels = np.array([[0, 5, 19]], np.uint8)
    assert person_mask(labels).tolist() == [[0, 255, 255]]
    assert person_mask(np.array([[0, 128, 255]], np.uint8)).tolist() == [[0, 128, 255]]
    coloured = np.array([[[0, 0, 0], [0, 85, 0], [254, 0, 0]]], np.uint8)
    assert person_mask(coloured).tolist() == [[0, 255, 255]]
    grey = np.repeat(np.array([[0, 200]], np.uint8)[..., None], 3, axis=2)
    assert person_mask(grey).tolist() == [[0, 200]]


def edited(**entries):
    return lambda found: {k: v for k, v in (found | entries).items() if v is not None}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (edited(betas=np.full((1, 10), np.nan)), "betas is not finite"),
        (edited(betas=np.zeros((1, 300), np.float32)), "300 betas"),
        (edited(betas=None), "has no betas"),
        (edited(body_pose=np.zeros((1, 32))), "VPoser's 32 numbers: name its weights with --vposer"),
        (edited(body_pose=np.zeros((1, 69))), "69 numbers; expected 63"),
        (edited(left_hand_pose=np.zeros((1, 46))), "46 numbers, expected up to 45"),
        (edited(global_orient=np.zeros((1, 4))), "global_orient has 4 numbers, expected 3"),
        (edited(camera_rotation=2 * np.eye(3)[None]), "camera_rotation is no rotation"),
        (edited(camera_translation=np.array([[0.5, 0.2, DEPTH]])), "the mask does not meet the body"),
        (edited(camera_translation=np.array([[0, 0, -9.0]])), "the body lies outside the picture"),
        (edited(jaw_pose="open"), "jaw_pose holds something other than numbers"),
        (lambda _: [1, 2], "holds no map of SMPL-X parameters, but a list"),
    ],
)
def test_bad_parameters_are_one_sentence_and_the_others_arrive(tmp_path, truths, change, sentence, capsys):
    source, out = write_source(tmp_path / "s", truths), tmp_path / "d"
    bad = change(smplify_entries(truths["bert"]))
    (source / "smplx/bert.pkl").write_bytes(pickle.dumps(bad))
    assert bring("dinar-folder", source, out, "--size", "64") == 1
    told = capsys.readouterr().err.splitlines()
    assert len([line for line in told if sentence in line and "bert" in line]) == 1, told
    assert told[-1].endswith("1 people with 1 pictures imported, 1 left out, each in a line above")
    assert people_of(out) == ("anna",)


def test_bad_files_are_one_sentence(tmp_path, truths, capsys):
    """Each is mended in turn; people who are there already are not imported again."""
    source, out = write_source(tmp_path / "s", truths), tmp_path / "d"
    mask, rgb, points = (
        source / "segm/bert.png",
        source / "rgb/bert.png",
        source / "openpose/bert_keypoints.json",
    )
    whole = {file: file.read_bytes() for file in (mask, rgb, points)}
    small = cv2.imencode(".png", np.full((20, 20), 255, np.uint8))[1].tobytes()
    empty = cv2.imencode(".png", np.zeros(SIZE, np.uint8))[1].tobytes()
    for file, content, sentence in (
        (mask, None, "bert.png is missing"),
        (mask, small, "20 x 20 pixels, the picture 120 x 150"),
        (mask, empty, "the mask is empty"),
        (rgb, whole[rgb][:-200], "the file is cut off"),
        (points, b'{"people": []}', "shows nobody"),
        (points, b"{", "cannot be read"),
    ):
        file.unlink() if content is None else file.write_bytes(content)
        assert bring("dinar-folder", source, out, "--size", "64") == 1
        told = capsys.readouterr().err
        assert sentence in told, told
        file.write_bytes(whole[file])
    assert bring("dinar-folder", source, out, "--size", "64") == 0
    assert "1 people with 1 pictures imported, 1 were there already" in capsys.readouterr().err


def test_a_folder_without_pictures_is_told(tmp_path, truths, capsys):
    write_source(tmp_path / "s/cleo", truths)
    (tmp_path / "s/dora/rgb").mkdir(parents=True)
    assert bring("dinar-folder", tmp_path / "s", tmp_path / "d", "--size", "64") == 1
    assert "dora: there is no picture" in capsys.readouterr().err
    assert people_of(tmp_path / "d") == ("cleo",)


def test_strict_stops_at_the_first_bad_file(tmp_path, truths, capsys):
    source = write_source(tmp_path / "s", truths)
    (source / "segm/anna.png").unlink()
    assert bring("dinar-folder", source, tmp_path / "d", "--strict") == 1
    assert capsys.readouterr().err.startswith("dinar: ")
    assert not list((tmp_path / "d/people").iterdir())


def test_fits_of_another_model_are_left_out(tmp_path, truths, capsys):
    source = write_source(tmp_path / "s", truths, edited(gender="male"))
    assert bring("dinar-folder", source, tmp_path / "d", "--gender", "neutral") == 1
    assert "was fitted with the male model, not the neutral one" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["dinar-folder", "people-snapshot", "scans", "photos", "amass"])
def test_an_empty_folder_is_one_sentence(tmp_path, kind, capsys):
    (tmp_path / "s").mkdir()
    body = [] if kind == "amass" else ["--body", str(BODY)]
    extra = ["--betas", "neutral"] if kind == "people-snapshot" else []
    out = tmp_path / "d.npz"
    assert main(["data", "import", kind, str(tmp_path / "s"), "--out", str(out), *body, *extra]) == 1
    told = capsys.readouterr().err
    assert told.startswith("dinar: ")
    assert len(told.splitlines()) == 1
    assert not out.exists()


# --- VPoser ---------------------------------------------------------------------------------------


def decoder(rng, width=16):
    sizes = [(width, 32), (width, width), (126, width)]
    return [torch.tensor(rng.normal(0, 0.3, size)) for size in sizes], [
        torch.tensor(rng.normal(0, 0.1, size[0])) for size in sizes
    ]


@pytest.mark.parametrize(
    ("names", "slope"),
    [
        (("bodyprior_dec_fc1", "bodyprior_dec_fc2", "bodyprior_dec_out"), 0.2),
        (("vp_model.decoder_net.0", "vp_model.decoder_net.3", "vp_model.decoder_net.5"), 0.01),
    ],
)
def test_vposers_numbers_become_angles(tmp_path, names, slope):
    rng = np.random.default_rng(5)
    weights, biases = decoder(rng)
    state = {f"{n}.weight": w for n, w in zip(names, weights, strict=True)}
    state |= {f"{n}.bias": b for n, b in zip(names, biases, strict=True)}
    torch.save({"state_dict": state} if slope == 0.01 else state, tmp_path / "v.pt")
    code = rng.normal(0, 1, 32)
    value = torch.tensor(code)
    for layer in range(2):
        value = torch.nn.functional.leaky_relu(weights[layer] @ value + biases[layer], slope)
    columns = (weights[2] @ value + biases[2]).reshape(21, 3, 2).numpy()
    angles = read_vposer(tmp_path / "v.pt").decode(code).reshape(21, 3)
    for joint in range(21):
        R = cv2.Rodrigues(angles[joint])[0]
        first, second = columns[joint].T
        np.testing.assert_allclose(R[:, 0], first / np.linalg.norm(first), atol=1e-9)
        assert R[:, 1] @ second > 0
        assert abs(R[:, 2] @ second) < 1e-9
    assert math.isclose(np.linalg.det(R), 1)


def test_other_weights_are_one_sentence(tmp_path):
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "v.pt")
    with pytest.raises(ValueError, match=r"holds no decoder of VPoser 1 or 2 \(layer.weight"):
        read_vposer(tmp_path / "v.pt")
    (tmp_path / "v.pt").write_bytes(pickle.dumps({"x": Exception("no")}, protocol=2))
    with pytest.raises(ValueError, match="is no PyTorch file with weights alone"):
        read_vposer(tmp_path / "v.pt")


@pytest.mark.parametrize(
    ("kind", "flags", "sentence"),
    [
        ("photos", ["--size", "7"], "--size must lie between 64 and 4096"),
        ("dinar-folder", ["--every", "0"], "--every must be at least 1"),
        ("scans", ["--size", "9000"], "--size must lie between 64 and 2048"),
        ("scans", ["--variants", "-1"], "--variants 0"),
        ("scans", ["--colour", "2"], "--colour in 0 to 0.9"),
    ],
)
def test_flags_that_cannot_be_are_bad_usage(tmp_path, kind, flags, sentence, capsys):
    assert bring(kind, tmp_path, tmp_path / "d", *flags) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert len(told.splitlines()) == 1
