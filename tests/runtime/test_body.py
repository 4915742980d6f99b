"""The body model: what smplx loads loads here and poses the same; any other file gives one sentence."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from dinar.runtime.body import Body, BodyError, Pose, forward, load_body, open_body_path

from .synthetic_smplx import PARENTS, licensed_arrays, open_smplx, random_pose, smplx_forward

TORCH_DTYPE = {np.float64: torch.float64, np.float32: torch.float32}
MAX_ERROR_METRES = {np.float64: 1e-5, np.float32: 1e-4}


@pytest.fixture(scope="module")
def licensed_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("licensed") / "SMPLX_NEUTRAL.npz"
    np.savez(path, **licensed_arrays(np.random.default_rng(1)))
    return path


@pytest.fixture(scope="module")
def licensed_body(licensed_path: Path) -> Body:
    return load_body(licensed_path)


@pytest.fixture(scope="module")
def open_body() -> Body:
    return load_body(open_body_path())


# --- The same as smplx ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_licensed_model_poses_as_smplx_does(licensed_path: Path, licensed_body: Body, dtype: type) -> None:
    oracle = open_smplx(licensed_path, dtype=TORCH_DTYPE[dtype], shapes=300, expressions=100)
    rng = np.random.default_rng(2)
    for _ in range(3):
        betas, pose = rng.standard_normal(300), random_pose(rng, expressions=100)
        vertices, joints = smplx_forward(oracle, betas, pose)
        posed = forward(licensed_body, betas, pose, dtype=dtype)
        assert posed.vertices.dtype == posed.joints.dtype == posed.transforms.dtype == dtype
        assert np.abs(posed.vertices - vertices).max() < MAX_ERROR_METRES[dtype]
        assert np.abs(posed.joints - joints).max() < MAX_ERROR_METRES[dtype]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_open_body_poses_as_smplx_does(open_body: Body, dtype: type, tmp_path: Path) -> None:
    with np.load(open_body_path(), allow_pickle=False) as file:
        arrays = dict(file) | {"weights": open_body.weights}  # smplx takes it that they sum to 1
    np.savez(tmp_path / "body.npz", **arrays)
    oracle = open_smplx(tmp_path / "body.npz", dtype=TORCH_DTYPE[dtype])
    rng = np.random.default_rng(3)
    for _ in range(3):
        betas, pose = rng.standard_normal(10), random_pose(rng, expressions=10)
        vertices, joints = smplx_forward(oracle, betas, pose)
        posed = forward(open_body, betas, pose, dtype=dtype)
        assert np.abs(posed.vertices - vertices).max() < MAX_ERROR_METRES[dtype]
        assert np.abs(posed.joints - joints).max() < MAX_ERROR_METRES[dtype]


def test_left_out_betas_and_expressions_count_as_zero(licensed_body: Body) -> None:
    rng = np.random.default_rng(4)
    pose = random_pose(rng, expressions=3)
    padded = Pose(pose.rotations, pose.translation, np.pad(pose.expression, (0, 97)))
    betas = rng.standard_normal(2)
    short = forward(licensed_body, betas, pose)
    long = forward(licensed_body, np.pad(betas, (0, 298)), padded)
    np.testing.assert_allclose(short.vertices, long.vertices, atol=1e-12)


# --- What forward means ---------------------------------------------------------------------------


def test_rest_pose_is_the_template(licensed_body: Body) -> None:
    posed = forward(licensed_body, np.zeros(0), Pose.rest())
    np.testing.assert_allclose(posed.vertices, licensed_body.v_template, atol=1e-12)
    np.testing.assert_array_equal(posed.transforms, np.broadcast_to(np.eye(4), (55, 4, 4)))


def test_transforms_take_rest_joints_to_posed_joints(licensed_body: Body) -> None:
    rng = np.random.default_rng(5)
    pose = Pose(random_pose(rng, expressions=0).rotations, np.array([1, 2, 3], np.float32), np.zeros(0))
    rest = forward(licensed_body, np.zeros(0), Pose.rest()).joints
    posed = forward(licensed_body, np.zeros(0), pose)
    moved = (posed.transforms @ np.pad(rest, ((0, 0), (0, 1)), constant_values=1)[:, :, None])[:, :3, 0]
    np.testing.assert_allclose(moved, posed.joints, atol=1e-12)


@pytest.mark.parametrize(
    ("betas", "pose", "says"),
    [
        (np.zeros(301), Pose.rest(), "at most 300"),
        (np.array([np.nan]), Pose.rest(), "finite"),
        (np.zeros(0), Pose(np.zeros(165), np.zeros(3), np.zeros(0)), r"\[55, 3\]"),
        (np.zeros(0), Pose(np.zeros((55, 3)), np.zeros(4), np.zeros(0)), "translation"),
        (np.zeros(0), Pose(np.zeros((55, 3)), np.zeros(3), np.zeros(101)), "at most 100"),
    ],
)
def test_parameters_that_do_not_fit_are_named(
    licensed_body: Body, betas: np.ndarray, pose: Pose, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        forward(licensed_body, betas, pose)


# --- What a file becomes --------------------------------------------------------------------------


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """Entries of a small valid body."""
    return licensed_arrays(np.random.default_rng(6), vertices=80, faces=90, directions=20)


def npz(arrays: dict[str, np.ndarray]) -> io.BytesIO:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    file.seek(0)
    return file


def load(arrays: dict[str, np.ndarray]) -> Body:
    return load_body(npz(arrays), name="test.npz")


def test_licensed_directions_are_300_shape_and_100_expression(licensed_body: Body) -> None:
    assert licensed_body.shapedirs.shape == (10_475, 3, 300)
    assert licensed_body.exprdirs.shape == (10_475, 3, 100)


@pytest.mark.parametrize(
    ("width", "shapes", "expressions"),
    [(7, 7, 0), (10, 10, 0), (16, 10, 6), (20, 10, 10), (399, 10, 10), (400, 300, 100), (410, 300, 100)],
)
def test_directions_are_split_as_smplx_does(
    arrays: dict[str, np.ndarray], width: int, shapes: int, expressions: int
) -> None:
    directions = np.random.default_rng(7).standard_normal((80, 3, width))
    body = load(arrays | {"shapedirs": directions})
    np.testing.assert_array_equal(body.shapedirs, directions[:, :, :shapes])
    np.testing.assert_array_equal(body.exprdirs, directions[:, :, shapes : shapes + expressions])


def test_types_and_conventions(arrays: dict[str, np.ndarray]) -> None:
    body = load(arrays)
    assert body.parents.tolist() == PARENTS
    np.testing.assert_array_equal(body.faces, arrays["f"])
    np.testing.assert_array_equal(body.uv_faces, arrays["ft"])
    np.testing.assert_allclose(body.uv, [0, 1] + [1, -1] * arrays["vt"], atol=1e-6)  # v up => v down
    assert (body.faces.dtype, body.uv_faces.dtype, body.uv.dtype) == (np.int32, np.int32, np.float32)
    for values in (body.v_template, body.shapedirs, body.posedirs, body.J_regressor, body.weights):
        assert values.dtype == np.float64
        assert values.flags.c_contiguous


def test_root_may_be_minus_one(arrays: dict[str, np.ndarray]) -> None:
    arrays["kintree_table"][0, 0] = -1
    assert load(arrays).parents.tolist() == PARENTS


def test_half_precision_weights_are_made_to_sum_to_one(arrays: dict[str, np.ndarray]) -> None:
    weights = load(arrays | {"weights": arrays["weights"].astype(np.float16)}).weights
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-15)
    np.testing.assert_allclose(weights, arrays["weights"], atol=1e-3)


def test_hash_names_the_values_not_their_precision(arrays: dict[str, np.ndarray]) -> None:
    half = {k: v.astype(np.float16) if v.dtype == np.float64 else v for k, v in arrays.items()}
    double = {k: v.astype(np.float64) if v.dtype == np.float16 else v for k, v in half.items()}
    assert load(half).hash == load(double).hash
    assert re.fullmatch("[0-9a-f]{64}", load(half).hash)


@pytest.mark.parametrize(
    "key", ["v_template", "f", "shapedirs", "posedirs", "J_regressor", "weights", "vt", "ft"]
)
def test_hash_changes_with_every_array(arrays: dict[str, np.ndarray], key: str) -> None:
    before = load(arrays).hash
    changed = arrays[key].copy()
    changed.flat[-1] = 0 if changed.dtype.kind == "u" else changed.flat[-1] + 1e-4
    assert load(arrays | {key: changed}).hash != before


def test_paths_and_open_files_give_the_same_body(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    (tmp_path / "body.npz").write_bytes(npz(arrays).getvalue())
    assert (
        load_body(tmp_path / "body.npz").hash
        == load_body(str(tmp_path / "body.npz")).hash
        == load(arrays).hash
    )


# --- What is no body ------------------------------------------------------------------------------


def with_value(key: str, value: float, index: tuple[int, ...] = (0, 0)) -> Callable[[dict], dict]:
    def change(arrays: dict) -> dict:
        array = arrays[key].astype(np.float64) if isinstance(value, float) else arrays[key].astype(np.int64)
        array[index] = value
        return arrays | {key: array}

    return change


BAD_FILES: dict[str, tuple[Callable[[dict], dict], str]] = {
    "no posedirs": (lambda a: {k: v for k, v in a.items() if k != "posedirs"}, "posedirs is missing"),
    "no uv": (lambda a: {k: v for k, v in a.items() if k != "vt"}, "vt is missing"),
    "pickled template": (lambda a: a | {"v_template": a["v_template"].astype(object)}, "v_template.*object"),
    "complex template": (lambda a: a | {"v_template": a["v_template"] * 1j}, "v_template.*complex"),
    "words for faces": (lambda a: a | {"f": np.array([["a", "b", "c"]])}, "f: .*whole numbers"),
    "whole-number weights": (lambda a: a | {"weights": a["weights"].astype(int)}, "weights.*floating-point"),
    "SMPL, not SMPL-X": (
        lambda a: a | {"posedirs": a["posedirs"][:, :, :207]},
        r"\[80, 3, 486\], got \[80, 3, 207\]",
    ),
    "other vertex count": (lambda a: a | {"weights": a["weights"][1:]}, r"weights.*\[80, 55\].*\[79, 55\]"),
    "other face count": (lambda a: a | {"ft": a["ft"][1:]}, r"ft.*\[90, 3\].*\[89, 3\]"),
    "flat directions": (lambda a: a | {"shapedirs": a["shapedirs"][:, :, 0]}, r"shapedirs.*\[80, 3, \?\]"),
    "no directions": (lambda a: a | {"shapedirs": a["shapedirs"][:, :, :0]}, r"shapedirs.*got \[80, 3, 0\]"),
    "no vertices": (lambda a: a | {"v_template": a["v_template"][:0]}, r"v_template.*got \[0, 3\]"),
    "vertex id too large": (with_value("f", 80), "f: .*0 to 79, got 80"),
    "vertex id negative": (with_value("f", -1), "f: .*0 to 79, got -1"),
    "vertex id between": (with_value("f", 1.5), "f: .*whole numbers.*got 1.5"),
    "uv id too large": (with_value("ft", 880), "ft: .*0 to 879, got 880"),
    "NaN": (with_value("posedirs", np.nan, (0, 0, 0)), "posedirs.*NaN"),
    "infinity": (with_value("v_template", -np.inf), "v_template.*larger"),
    "root is not joint 0": (with_value("kintree_table", 3), "kintree_table.*joint 0.*root.*got parent 3"),
    "cycle": (with_value("kintree_table", 7, (0, 4)), "parent of joint 4.*0 to 3, got 7"),
    "own parent": (with_value("kintree_table", 4, (0, 4)), "parent of joint 4.*0 to 3, got 4"),
    "two roots": (with_value("kintree_table", -1, (0, 9)), "parent of joint 9.*0 to 8, got -1"),
    "weights of 1.5": (
        lambda a: a | {"weights": a["weights"] * 1.5},
        "weights.*sum to 1, got 1.5 for vertex",
    ),
    "weights of 0": (lambda a: a | {"weights": a["weights"] * 0}, "weights.*sum to 1, got 0 for vertex 0"),
    "uv in pixels": (lambda a: a | {"vt": a["vt"] * 512}, r"vt.*\[0, 1\]"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_file_gets_one_sentence(arrays: dict[str, np.ndarray], kind: str) -> None:
    change, says = BAD_FILES[kind]
    with pytest.raises(BodyError, match=says) as caught:
        load(change(arrays))
    message = str(caught.value)
    assert message.startswith("test.npz: ")
    assert message.endswith(".")
    assert "\n" not in message


def test_truncated_file_gets_one_sentence(arrays: dict[str, np.ndarray]) -> None:
    whole = npz(arrays).getvalue()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        with pytest.raises(BodyError, match=r"^test\.npz: .*\.$"):
            load_body(io.BytesIO(whole[:length]), name="test.npz")


def test_damaged_bytes_get_one_sentence(arrays: dict[str, np.ndarray]) -> None:
    damaged = bytearray(npz(arrays).getvalue())
    with zipfile.ZipFile(io.BytesIO(damaged)) as archive:
        entry = archive.getinfo("posedirs.npy")
    start = entry.header_offset + entry.compress_size // 2
    damaged[start : start + 64] = bytes(64)
    with pytest.raises(BodyError, match=r"^test\.npz: .*posedirs.*\.$"):
        load_body(io.BytesIO(damaged), name="test.npz")


def test_missing_file_and_folder_get_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(BodyError, match=re.escape(f"{path}: cannot read")):
            load_body(path)


def test_a_file_that_would_not_fit_into_memory_is_refused_unread(arrays: dict[str, np.ndarray]) -> None:
    del arrays["shapedirs"]
    file, header = npz(arrays), io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f2", "fortran_order": False, "shape": (80, 3, 600_000)}
    )
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("shapedirs.npy", header.getvalue())
    with pytest.raises(BodyError, match=r"at most 1024 MB in memory, got 1\d\d\d MB"):
        load_body(file, name="test.npz")
