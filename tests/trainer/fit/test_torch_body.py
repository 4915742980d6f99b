"""The torch body: the same person as the runtime's, with gradients; all vertices or some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dinar.runtime.body import Body, Pose, forward, load_body, open_body_path
from dinar.runtime.rotations import matrix_from_axis_angle
from dinar.trainer.fit.torch_body import TorchBody, TorchPosed, matrices

from ...runtime.synthetic_smplx import licensed_arrays, random_pose

EXACT = 1e-5  # metres

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def open_body() -> Body:
    return load_body(open_body_path())


@pytest.fixture(scope="module")
def licensed(tmp_path_factory: pytest.TempPathFactory) -> Body:
    """A body in the layout of the licensed files; its pose correctives are dense."""
    arrays = licensed_arrays(np.random.default_rng(1), vertices=900, faces=1500)
    file: Path = tmp_path_factory.mktemp("licensed") / "SMPLX_NEUTRAL.npz"
    np.savez(file, **arrays)
    return load_body(file)


def posed(body: TorchBody, betas: np.ndarray, pose: Pose) -> TorchPosed:
    values = (betas, pose.expression, matrix_from_axis_angle(pose.rotations.astype(np.float64)))
    tensors = [
        torch.from_numpy(np.asarray(v, np.float64)).to(body.dtype) for v in (*values, pose.translation)
    ]
    return body(*tensors)


@pytest.mark.parametrize("kind", ["open_body", "licensed"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_it_is_the_runtimes_body(kind: str, dtype: torch.dtype, request: pytest.FixtureRequest) -> None:
    body: Body = request.getfixturevalue(kind)
    rng = np.random.default_rng(2)
    betas, pose = rng.normal(0, 1, 7), random_pose(rng, expressions=5)
    expected = forward(body, betas, pose)
    found = posed(TorchBody(body, dtype=dtype), betas, pose)
    np.testing.assert_allclose(found.vertices.numpy(), expected.vertices, atol=EXACT)
    np.testing.assert_allclose(found.joints.numpy(), expected.joints, atol=EXACT)
    np.testing.assert_allclose(found.turns.numpy(), expected.transforms[:, :3, :3], atol=EXACT)


def test_some_vertices_are_those_of_all(open_body: Body) -> None:
    rng = np.random.default_rng(3)
    betas, pose, chosen = rng.normal(0, 1, 10), random_pose(rng, expressions=10), np.array([9120, 5, 13000])
    found = posed(TorchBody(open_body, chosen), betas, pose)
    np.testing.assert_allclose(
        found.vertices.numpy(), forward(open_body, betas, pose).vertices[chosen], atol=1e-9
    )


@pytest.mark.parametrize("kind", ["open_body", "licensed"])
def test_gradients_are_those_of_finite_differences(kind: str, request: pytest.FixtureRequest) -> None:
    body: Body = request.getfixturevalue(kind)
    rng = np.random.default_rng(4)
    some = TorchBody(body, rng.choice(len(body.v_template), 40, replace=False))
    pose = random_pose(rng, expressions=3)
    inputs = (rng.normal(0, 1, 4), pose.expression, pose.rotations, pose.translation)
    tensors = [torch.from_numpy(np.asarray(v, np.float64)).requires_grad_() for v in inputs]

    def points(betas: torch.Tensor, expression: torch.Tensor, angles: torch.Tensor, place: torch.Tensor):
        result = some(betas, expression, matrices(angles), place)
        return torch.cat([result.vertices, result.joints])

    assert torch.autograd.gradcheck(points, tensors, fast_mode=True)


def test_rotations_are_smooth_where_nothing_turns() -> None:
    angles = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    turned = matrices(angles)
    np.testing.assert_array_equal(turned.detach().numpy(), np.tile(np.eye(3), (2, 1, 1)))
    (slope,) = torch.autograd.grad(turned[0, 1, 0] - turned[0, 0, 1], angles)
    np.testing.assert_allclose(slope.numpy(), [[0, 0, 2], [0, 0, 0]], atol=1e-9)


def test_rotations_are_the_runtimes() -> None:
    angles = np.random.default_rng(5).normal(0, 2, (20, 3))
    np.testing.assert_allclose(
        matrices(torch.from_numpy(angles)).numpy(), matrix_from_axis_angle(angles), atol=1e-12
    )
