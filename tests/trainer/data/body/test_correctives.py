"""Delta mush and the pose correctives fitted to it, on a bending tube."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dinar.trainer.data.body.correctives import RANGES, fit_joint, keep_apart, mirrored, sample_rotations
from dinar.trainer.data.body.delta_mush import DeltaMush, vertex_normals

AROUND, ALONG = 12, 41


@pytest.fixture(scope="module")
def tube() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A tube along x with its joint at the origin: vertices, faces, and weights of the bending half."""
    k, n = np.meshgrid(np.arange(AROUND), np.arange(ALONG))
    angle = 2 * np.pi * k / AROUND
    x = (n - ALONG // 2) * 0.02
    v = np.stack([x, 0.05 * np.cos(angle), 0.05 * np.sin(angle)], axis=-1).reshape(-1, 3)
    i = np.arange(AROUND * ALONG).reshape(ALONG, AROUND)
    a, b, c, d = i[:-1], np.roll(i, -1, 1)[:-1], np.roll(i, -1, 1)[1:], i[1:]
    faces = np.concatenate([np.stack([p.ravel() for p in t], 1) for t in ((a, b, c), (a, c, d))])
    return v, faces, np.clip(0.5 + v[:, 0] / 0.04, 0, 1)


def edges_of(faces: np.ndarray) -> np.ndarray:
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def bend(v: np.ndarray, share: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    return np.einsum("vij,vj->vi", np.eye(3) + share[:, None, None] * (rotation - np.eye(3)), v)


def test_normals_point_out_of_the_tube(tube):
    v, faces, _ = tube
    middle = slice(AROUND, -AROUND)
    outward = v[middle] * [0, 1, 1] / 0.05
    np.testing.assert_allclose(vertex_normals(v, faces)[middle], outward, atol=0.02)


def test_delta_mush_leaves_rigid_motions_alone(tube):
    v, faces, _ = tube
    turn = Rotation.from_rotvec([0.3, -0.8, 0.5]).as_matrix()
    moved = v @ turn.T + [0.1, 0.2, 0.3]
    np.testing.assert_allclose(DeltaMush(edges_of(faces), faces, 8)(v, moved), moved, atol=1e-9)


def test_delta_mush_spreads_a_sharp_bend(tube):
    v, faces, share = tube
    posed = bend(v, share, Rotation.from_rotvec([0, -1.5, 0]).as_matrix())
    corrected = DeltaMush(edges_of(faces), faces, 8)(v, posed)

    def roughness(p: np.ndarray) -> float:
        rings = p.reshape(ALONG, AROUND, 3)
        return float(np.abs(np.diff(rings, 2, axis=0)).max())

    assert roughness(corrected) < 0.8 * roughness(posed)
    np.testing.assert_allclose(corrected[:AROUND], posed[:AROUND], atol=1e-9)  # the far end does not move


def test_only_the_named_vertices_are_corrected(tube):
    v, faces, share = tube
    mush = DeltaMush(edges_of(faces), faces, 8)
    posed = bend(v, share, Rotation.from_rotvec([0, -1.5, 0]).as_matrix())
    ids = mush.reach((share > 0) & (share < 1))
    assert len(ids) < len(v)
    np.testing.assert_allclose(mush(v, posed, ids), mush(v, posed), atol=1e-9)


def test_fitted_correctives_follow_their_target(tube):
    v, faces, share = tube
    mush = DeltaMush(edges_of(faces), faces, 8)
    turns = Rotation.from_rotvec(np.linspace(0, -1.5, 24)[:, None] * [0, 1.0, 0]).as_matrix()
    directions = fit_joint(v, np.zeros(3), share, turns, lambda posed, _: mush(v, posed))
    turn = Rotation.from_rotvec([0, -1.1, 0]).as_matrix()
    plain = bend(v, share, turn)
    wanted = mush(v, plain)
    got = bend(v + directions @ (turn - np.eye(3)).ravel(), share, turn)
    before, after = (np.linalg.norm(p - wanted, axis=1).max() for p in (plain, got))
    assert after < 0.4 * before
    assert (directions == 0).mean() > 0.5  # far from the joint nothing is stored


def test_a_mirrored_corrective_is_the_corrective_in_the_mirror():
    rng = np.random.default_rng(2)
    mirror = np.array([1, 0, 2])
    directions = rng.normal(size=(3, 3, 9))
    flip = np.diag([-1.0, 1, 1])
    turn = Rotation.from_rotvec([0.4, 0.7, -0.2]).as_matrix()
    here = directions @ (turn - np.eye(3)).ravel()
    there = mirrored(directions, mirror) @ (flip @ turn @ flip - np.eye(3)).ravel()
    np.testing.assert_allclose(there, here[mirror] @ flip)


def test_folded_flesh_stops_at_the_plane_that_halves_the_bend(tube):
    v, _, share = tube
    turn = Rotation.from_rotvec([0, -2.2, 0]).as_matrix()
    posed = bend(v, share, turn)
    inward, outward = np.array([-1.0, 0, 0]), np.array([1.0, 0, 0])
    apart = keep_apart(posed, v, np.zeros(3), inward, outward, turn)
    plane = inward - turn @ outward
    crook = posed @ (inward + turn @ outward) > 0.012
    parent = (v[:, 0] < 0) & crook
    assert (posed[parent] @ plane).min() < -0.005  # skinning alone crosses it
    assert (apart[parent] @ plane).min() > -1e-9
    np.testing.assert_array_equal(keep_apart(v, v, np.zeros(3), inward, outward, np.eye(3)), v)


def test_samples_stay_within_the_joint_limits():
    for name, limits in RANGES.items():
        turns = sample_rotations(limits, 28, np.random.default_rng(1))
        vectors = np.degrees(Rotation.from_matrix(turns).as_rotvec())
        assert turns.shape == (28, 3, 3)
        assert (np.linalg.norm(vectors, axis=1) < 180).all(), name
        assert (vectors >= np.array(limits.low) - 1e-6).all(), name
        assert (vectors <= np.array(limits.high) + 1e-6).all(), name
