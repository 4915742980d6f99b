"""Strokes cover what lies under them, found through boxes of space as if every segment were looked at."""

import numpy as np
import pytest

from dinar.trainer.data.people.strokes import Strokes, from_curves, join


def _coverage(strokes: Strokes, points: np.ndarray, soft: float) -> tuple[np.ndarray, np.ndarray]:
    """The plain twin: every segment at every point."""
    uncovered, tone, weight = np.ones(len(points)), np.zeros(len(points)), np.full(len(points), 1e-9)
    for start, end, radius, own in zip(strokes.start, strokes.end, strokes.radius, strokes.tone, strict=True):
        along = end - start
        t = np.clip((points - start) @ along / (along @ along), 0, 1)
        distance = np.linalg.norm(points - start - t[:, None] * along, axis=1)
        half = radius[0] * (1 - t) + radius[1] * t
        alpha = np.clip((half + soft / 2 - distance) / soft, 0, 1) * np.minimum(1, 2 * half / soft)
        uncovered *= 1 - alpha
        tone += alpha * own
        weight += alpha
    return 1 - uncovered, tone / weight


@pytest.fixture
def strokes() -> Strokes:
    rng = np.random.default_rng(0)
    roots = rng.uniform(0, 0.02, (60, 1, 3))
    curves = roots + np.cumsum(rng.normal(0, 0.0012, (60, 4, 3)), axis=1)
    return from_curves(curves, rng.uniform(0.0001, 0.0006, 60), rng.uniform(-1, 1, 60))


@pytest.mark.parametrize("soft", [0.0003, 0.002])
def test_it_agrees_with_looking_at_every_segment(strokes, soft):
    rng = np.random.default_rng(1)
    near = np.repeat((strokes.start + strokes.end) / 2, 5, axis=0)
    points = np.concatenate([near + rng.normal(0, 0.0004, near.shape), rng.uniform(-0.005, 0.025, (400, 3))])
    covered, tone = strokes(points, soft=soft)
    expected_cover, expected_tone = _coverage(strokes, points, soft)
    assert (expected_cover > 0.01).sum() > 50
    np.testing.assert_allclose(covered, expected_cover, atol=1e-12)
    np.testing.assert_allclose(tone, expected_tone, atol=1e-9)


def test_flat_strokes_are_found_in_their_plane(strokes):
    flat = Strokes(strokes.start * [1, 1, 0], strokes.end * [1, 1, 0], strokes.radius, strokes.tone)
    middles = (flat.start + flat.end) / 2
    covered, _ = flat(middles, soft=0.0001)
    assert (covered > 0.2).all()


def test_far_from_all_strokes_nothing_is_covered(strokes):
    covered, tone = strokes(np.full((3, 3), 5.0), soft=0.001)
    assert (covered == 0).all()
    assert (tone == 0).all()


def test_no_strokes_cover_nothing():
    nothing = Strokes(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 2)), np.zeros(0))
    covered, _ = nothing(np.zeros((5, 3)), soft=0.001)
    assert (covered == 0).all()


def test_a_thin_hair_covers_little_of_a_soft_edge():
    hair = from_curves(np.array([[[0.0, 0, 0], [0.01, 0, 0]]]), np.array([0.0001]), np.array([0.3]), tip=1.0)
    covered, tone = hair(np.array([[0.005, 0, 0]]), soft=0.001)
    assert covered[0] == pytest.approx(0.055, abs=1e-9)  # 0.1 mm of 1 mm, halfway up the soft edge
    assert tone[0] == pytest.approx(0.3, abs=1e-6)


def test_joined_strokes_cover_as_both(strokes):
    other = Strokes(strokes.start + 0.004, strokes.end + 0.004, strokes.radius, strokes.tone)
    points = np.random.default_rng(2).uniform(0, 0.02, (500, 3))
    both, _ = join(strokes, other)(points, soft=0.0005)
    one, _ = strokes(points, soft=0.0005)
    two, _ = other(points, soft=0.0005)
    np.testing.assert_allclose(1 - both, (1 - one) * (1 - two), atol=1e-12)
