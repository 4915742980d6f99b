"""Rotations agree with scipy's, for every batch shape, in both precisions, at all angles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from dinar.runtime.rotations import (
    axis_angle_from_matrix,
    axis_angle_from_quaternion,
    matrix_from_axis_angle,
    matrix_from_quaternion,
    quaternion_from_axis_angle,
    quaternion_from_matrix,
    quaternion_multiply,
    rotate_vector,
    rotation_about,
    slerp,
)

# Radians: none, where sines lose their last bits, everyday, both sides of a half turn, beyond a full turn.
ANGLES = [0.0, 1e-30, 1e-9, 1e-4, 0.3, 2.0, np.pi - 1e-7, np.pi, np.pi + 1e-3, 2 * np.pi - 1e-6, 7.5]


def random_axis_angles(shape: tuple[int, ...] = (500,), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(*shape, 3)) * 1.5


def axis_angles_of(angle: float) -> np.ndarray:
    axes = random_axis_angles((50,))
    return angle * axes / np.linalg.norm(axes, axis=-1, keepdims=True)


def wxyz(rotation: Rotation) -> np.ndarray:
    return rotation.as_quat(scalar_first=True)


def assert_same_rotation(a: np.ndarray, b: np.ndarray, tolerance: float) -> None:
    """Quaternions up to their sign."""
    assert np.abs(np.abs((a * b).sum(-1)) - 1).max() < tolerance


@pytest.mark.parametrize("angle", ANGLES)
def test_every_form_of_a_rotation_is_scipys(angle: float) -> None:
    axis_angle = axis_angles_of(angle)
    expected = Rotation.from_rotvec(axis_angle)
    quaternion = quaternion_from_axis_angle(axis_angle)
    assert_same_rotation(quaternion, wxyz(expected), 1e-14)
    np.testing.assert_allclose(matrix_from_axis_angle(axis_angle), expected.as_matrix(), atol=1e-14)
    np.testing.assert_allclose(matrix_from_quaternion(quaternion), expected.as_matrix(), atol=1e-14)
    assert_same_rotation(quaternion_from_matrix(expected.as_matrix()), wxyz(expected), 1e-14)


@pytest.mark.parametrize("angle", ANGLES)
def test_axis_angle_comes_back_with_the_smallest_angle(angle: float) -> None:
    axis_angle = axis_angles_of(angle)
    for back in (
        axis_angle_from_quaternion(quaternion_from_axis_angle(axis_angle)),
        axis_angle_from_matrix(matrix_from_axis_angle(axis_angle)),
    ):
        assert np.linalg.norm(back, axis=-1).max() <= np.pi + 1e-12
        np.testing.assert_allclose(
            Rotation.from_rotvec(back).as_matrix(), Rotation.from_rotvec(axis_angle).as_matrix(), atol=1e-8
        )


def test_small_axis_angles_keep_their_relative_precision() -> None:
    axis_angle = axis_angles_of(1e-6)
    back = axis_angle_from_quaternion(quaternion_from_axis_angle(axis_angle))
    np.testing.assert_allclose(back, axis_angle, rtol=1e-12)


def test_a_quaternion_and_its_negative_are_the_same_rotation() -> None:
    quaternion = quaternion_from_axis_angle(random_axis_angles())
    np.testing.assert_array_equal(
        axis_angle_from_quaternion(quaternion), axis_angle_from_quaternion(-quaternion)
    )
    np.testing.assert_array_equal(matrix_from_quaternion(quaternion), matrix_from_quaternion(-quaternion))


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 3), (2, 1, 5)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batch_axes_and_precision_are_kept(shape: tuple[int, ...], dtype: type) -> None:
    axis_angle: np.ndarray = random_axis_angles(shape).astype(dtype)
    quaternion = quaternion_from_axis_angle(axis_angle)
    matrix = matrix_from_axis_angle(axis_angle)
    results = {
        (*shape, 4): (quaternion, quaternion_from_matrix(matrix), slerp(quaternion, -quaternion, 0.3)),
        (*shape, 3): (axis_angle_from_quaternion(quaternion), axis_angle_from_matrix(matrix)),
        (*shape, 3, 3): (matrix, matrix_from_quaternion(quaternion)),
    }
    for expected, arrays in results.items():
        for array in arrays:
            assert array.shape == expected
            assert array.dtype == dtype


def test_product_and_rotated_vector_are_scipys() -> None:
    a, b = random_axis_angles(seed=1), random_axis_angles(seed=2)
    qa, qb = quaternion_from_axis_angle(a), quaternion_from_axis_angle(b)
    ra, rb = Rotation.from_rotvec(a), Rotation.from_rotvec(b)
    assert_same_rotation(quaternion_multiply(qa, qb), wxyz(ra * rb), 1e-14)
    vector = random_axis_angles(seed=3)
    np.testing.assert_allclose(rotate_vector(qa, vector), ra.apply(vector), atol=1e-13)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_turn_about_a_coordinate_axis_is_scipys(axis: str) -> None:
    angles = np.linspace(-4, 4, 24).reshape(4, 6)
    expected = Rotation.from_euler(axis, angles.reshape(-1, 1)).as_matrix().reshape(4, 6, 3, 3)
    np.testing.assert_allclose(rotation_about(axis, angles), expected, atol=1e-15)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.77, 1.0])
def test_slerp_is_scipys(fraction: float) -> None:
    a, b = random_axis_angles(seed=4), random_axis_angles(seed=5)
    result = slerp(quaternion_from_axis_angle(a), quaternion_from_axis_angle(b), fraction)
    for i in range(0, len(a), 20):
        expected = Slerp([0, 1], Rotation.from_rotvec([a[i], b[i]]))(fraction)
        assert_same_rotation(result[i], wxyz(expected), 1e-13)


@pytest.mark.parametrize("apart", [0.0, 1e-12, 1e-7, 1e-4, 1.0, np.pi - 1e-9])
def test_slerp_runs_at_constant_speed_however_far_the_ends_are_apart(apart: float) -> None:
    start = quaternion_from_axis_angle(random_axis_angles((50,), seed=6))
    end = quaternion_multiply(start, quaternion_from_axis_angle(axis_angles_of(apart)))
    inverse = start * [1, -1, -1, -1]
    for fraction in (0.0, 0.25, 0.5, 1.0):
        between = slerp(start, end, fraction)
        np.testing.assert_allclose(np.linalg.norm(between, axis=-1), 1, atol=1e-12)
        way = axis_angle_from_quaternion(quaternion_multiply(inverse, between))
        np.testing.assert_allclose(np.linalg.norm(way, axis=-1), fraction * apart, rtol=1e-6, atol=1e-15)


def test_slerp_takes_the_shorter_way_whatever_the_signs() -> None:
    a = quaternion_from_axis_angle(np.array([0.0, 0.1, 0.0]))
    b = quaternion_from_axis_angle(np.array([0.0, 0.3, 0.0]))
    for sign in (1, -1):
        np.testing.assert_allclose(
            axis_angle_from_quaternion(slerp(a, sign * b, 0.5)), [0, 0.2, 0], atol=1e-15
        )


def test_slerp_takes_a_fraction_per_rotation() -> None:
    a, b = (quaternion_from_axis_angle(random_axis_angles((4,), seed=seed)) for seed in (7, 8))
    fractions = np.array([0.0, 0.2, 0.6, 1.0])
    each = np.stack([slerp(a[i], b[i], fractions[i]) for i in range(4)])
    np.testing.assert_allclose(slerp(a, b, fractions), each, atol=1e-15)
