"""Fast skinning: within a tenth of a millimetre of the plain forward pass, shells included."""

import dataclasses
import io

import numpy as np
import pytest

from dinar.runtime.avatar import Shell
from dinar.runtime.body import JOINT_COUNT, Body, Pose, PosedBody, forward, load_body, open_body_path
from dinar.runtime.cpu import skin
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.prepare import joints
from dinar.runtime.prepare.mesh import attach_shell, skinned_body
from dinar.runtime.rotations import matrix_from_axis_angle

from ..synthetic_smplx import licensed_arrays, random_pose

MAX_ERROR_METRES = 1e-4
BETAS = np.array([1.5, -1, 0.5, 2], np.float32)


@pytest.fixture(scope="module")
def dense_body() -> Body:
    """Every pose corrective and expression moves every vertex; a vertex count that leaves lanes over."""
    file = io.BytesIO()
    np.savez(file, **licensed_arrays(np.random.default_rng(1), vertices=3_003, faces=6_000))
    file.seek(0)
    return load_body(file)


@pytest.fixture(scope="module")
def open_body() -> Body:
    return load_body(open_body_path())


@pytest.fixture(scope="module", params=["dense_body", "open_body"])
def body(request: pytest.FixtureRequest) -> Body:
    return request.getfixturevalue(request.param)


def error(fast: np.ndarray, plain: np.ndarray) -> float:
    assert fast.shape == plain.shape
    assert fast.dtype == np.float32
    return float(np.abs(fast - plain).max())


def random_shell(body: Body, rng: np.random.Generator, *, vertices: int = 501) -> Shell:
    """Vertices near the body, with joints and anchors all over it; one in ten inherits nothing."""
    anchor_weight = rng.dirichlet(np.ones(3), vertices).astype(np.float32)
    anchor_weight[::10] = 0
    return Shell(
        vertices=rng.uniform(-1, 1, (vertices, 3)).astype(np.float32),
        faces=rng.integers(0, vertices, (900, 3)).astype(np.int32),
        uv=rng.random((600, 2)).astype(np.float32),
        uv_faces=rng.integers(0, 600, (900, 3)).astype(np.int32),
        joint_index=rng.integers(0, JOINT_COUNT, (vertices, 4)).astype(np.uint8),
        joint_weight=rng.dirichlet(np.ones(4), vertices).astype(np.float32),
        anchor_vertex=rng.integers(0, len(body.v_template), (vertices, 3)).astype(np.int32),
        anchor_weight=anchor_weight,
        rgb=np.zeros((4, 4, 3), np.uint8),
        body_face_visible=np.ones(len(body.faces), bool),
    )


def shell_vertices(body: Body, shell: Shell, pose: Pose, posed: PosedBody) -> np.ndarray:
    """The plain reference: inherit the body's offsets in the T-pose, then linear blend skinning."""
    pose_feature = matrix_from_axis_angle(pose.rotations[1:].astype(np.float64)) - np.eye(3)
    offsets = body.posedirs @ pose_feature.reshape(-1)  # [V, 3]
    offsets += body.exprdirs[:, :, : len(pose.expression)] @ pose.expression
    moved = np.empty(shell.vertices.shape)
    for v in range(len(shell.vertices)):
        t_pose = shell.vertices[v] + shell.anchor_weight[v] @ offsets[shell.anchor_vertex[v]]
        matrix = np.einsum("k,krc->rc", shell.joint_weight[v], posed.transforms[shell.joint_index[v]])
        moved[v] = matrix[:3, :3] @ t_pose + matrix[:3, 3]
    return moved


# --- As the reference -----------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [0.0, 1e-7, 1e-3, 0.3, 1.5])
def test_vertices_and_transforms_are_those_of_the_reference(body: Body, angle: float) -> None:
    skinner, rng = Skinner(skinned_body(body, BETAS)), np.random.default_rng(2)
    for _ in range(3):
        pose = random_pose(rng, expressions=10, angle=angle)
        plain = forward(body, BETAS, pose)
        assert error(skinner(pose), plain.vertices) < MAX_ERROR_METRES
        assert error(skinner.transforms, plain.transforms) < MAX_ERROR_METRES


def test_all_hundred_expressions_of_the_licensed_model_work(dense_body: Body) -> None:
    pose = random_pose(np.random.default_rng(3), expressions=100)
    fast = Skinner(skinned_body(dense_body, BETAS))(pose)
    assert error(fast, forward(dense_body, BETAS, pose).vertices) < MAX_ERROR_METRES


@pytest.mark.parametrize("joint", [0, 1, 18, 22, 24, 39, 54])
def test_one_joint_alone_moves_what_it_moves_in_the_reference(body: Body, joint: int) -> None:
    rotations = np.zeros((JOINT_COUNT, 3), np.float32)
    rotations[joint] = [0.9, -0.4, 0.6]
    pose = dataclasses.replace(Pose.rest(), rotations=rotations)
    fast = Skinner(skinned_body(body, BETAS))(pose)
    assert error(fast, forward(body, BETAS, pose).vertices) < MAX_ERROR_METRES


def test_faint_correctives_are_left_out_and_never_missed(dense_body: Body) -> None:
    rng = np.random.default_rng(4)
    fading = 10.0 ** rng.uniform(-8, 0, JOINT_COUNT - 1)  # from half a millimetre to nothing, joint by joint
    body = dataclasses.replace(dense_body, posedirs=dense_body.posedirs * np.repeat(fading, 9))
    mesh, all_kept = skinned_body(body, BETAS), skinned_body(dense_body, BETAS)
    assert len(mesh.correctives.tile) < 0.8 * len(all_kept.correctives.tile)
    for _ in range(5):  # half turns have the largest correctives
        axes = rng.standard_normal((JOINT_COUNT, 3))
        turns = np.pi * axes / np.linalg.norm(axes, axis=1, keepdims=True)
        pose = dataclasses.replace(Pose.rest(), rotations=turns.astype(np.float32))
        assert error(Skinner(mesh)(pose), forward(body, BETAS, pose).vertices) < MAX_ERROR_METRES


def test_joints_without_correctives_cost_no_memory(dense_body: Body) -> None:
    body = dataclasses.replace(dense_body, posedirs=np.zeros_like(dense_body.posedirs))
    assert skinned_body(body, BETAS).correctives.block.shape == (0, 27, 16)
    pose = random_pose(np.random.default_rng(5), expressions=10)
    fast = Skinner(skinned_body(body, BETAS))(pose)
    assert error(fast, forward(body, BETAS, pose).vertices) < MAX_ERROR_METRES


# --- Shells ---------------------------------------------------------------------------------------


def test_shell_moves_with_its_joints_and_its_anchors(body: Body) -> None:
    rng = np.random.default_rng(6)
    shell = random_shell(body, rng)
    skinner = Skinner(attach_shell(skinned_body(body, BETAS), body, shell))
    for _ in range(3):
        pose = random_pose(rng, expressions=10)
        posed = forward(body, BETAS, pose)
        expected = np.concatenate([posed.vertices, shell_vertices(body, shell, pose, posed)])
        assert error(skinner(pose), expected) < MAX_ERROR_METRES


def test_shell_comes_after_the_body_in_faces_and_uv(open_body: Body) -> None:
    shell = random_shell(open_body, np.random.default_rng(7))
    mesh = attach_shell(skinned_body(open_body, BETAS), open_body, shell)
    face_count = len(open_body.faces)
    assert mesh.vertex_count == len(open_body.v_template) + len(shell.vertices)
    np.testing.assert_array_equal(mesh.faces[:face_count], open_body.faces)
    np.testing.assert_array_equal(mesh.faces[face_count:] - len(open_body.v_template), shell.faces)
    np.testing.assert_array_equal(mesh.uv[mesh.uv_faces[:face_count]], open_body.uv[open_body.uv_faces])
    np.testing.assert_array_equal(mesh.uv[mesh.uv_faces[face_count:]], shell.uv[shell.uv_faces])
    assert (mesh.faces.dtype, mesh.uv_faces.dtype) == (np.int32, np.int32)


# --- Pose after pose ------------------------------------------------------------------------------


def test_nothing_of_the_last_pose_is_left(open_body: Body) -> None:
    skinner, rng = Skinner(skinned_body(open_body, BETAS)), np.random.default_rng(8)
    first = random_pose(rng, expressions=2)
    before = skinner(first).copy()
    skinner(random_pose(rng, expressions=10))
    np.testing.assert_array_equal(skinner(first), before)


def test_vertices_are_written_into_the_same_memory(open_body: Body) -> None:
    skinner = Skinner(skinned_body(open_body, BETAS))
    assert skinner(Pose.rest()) is skinner(Pose.rest())


def test_read_only_poses_as_messages_bring_them_compile_nothing_new(open_body: Body) -> None:
    skinner = Skinner(skinned_body(open_body, BETAS))
    skinner(Pose.rest())
    compiled = len(skin._skin.signatures), len(joints._pose_joints.signatures)
    numbers = np.frombuffer(bytes(4 * 178), np.float32)
    skinner(Pose(numbers[:165].reshape(55, 3), numbers[165:168], numbers[168:178]))
    skinner(Pose(np.zeros((55, 3)), np.zeros(3), np.zeros(10)))
    assert (len(skin._skin.signatures), len(joints._pose_joints.signatures)) == compiled


def test_a_pose_or_shape_that_does_not_fit_is_refused(open_body: Body) -> None:
    with pytest.raises(ValueError, match="at most 10"):
        skinned_body(open_body, np.zeros(11))
    skinner = Skinner(skinned_body(open_body, BETAS))
    with pytest.raises(ValueError, match="at most 10 expression"):
        skinner(Pose(np.zeros((55, 3)), np.zeros(3), np.zeros(11)))
    with pytest.raises(ValueError, match=r"\[55, 3\]"):
        skinner(Pose(np.zeros((54, 3)), np.zeros(3), np.zeros(10)))
