"""Cloth falls, comes to rest, and stays outside the body."""

import numpy as np
import pytest

from dinar.trainer.data.people.clothes.drape import Cloth, drape


def sheet(side: int = 21, width: float = 0.5, height: float = 0.30) -> tuple[np.ndarray, np.ndarray]:
    u, v = np.meshgrid(
        np.linspace(-width / 2, width / 2, side), np.linspace(-width / 2, width / 2, side), indexing="ij"
    )
    positions = np.stack([u.ravel(), np.full(side * side, height), v.ravel()], 1)
    a = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + side], 1), np.stack([a + 1, a + side + 1, a + side], 1)])
    return positions, faces


def ball(count: int = 4000, radius: float = 0.12) -> tuple[np.ndarray, np.ndarray]:
    k = np.arange(count)
    y = 1 - (2 * k + 1) / count
    angle = k * np.pi * (3 - np.sqrt(5))
    normals = np.stack([np.sqrt(1 - y**2) * np.cos(angle), y, np.sqrt(1 - y**2) * np.sin(angle)], 1)
    return normals * radius, normals


@pytest.fixture(scope="module")
def fallen() -> np.ndarray:
    positions, faces = sheet()
    count = len(positions)
    cloth = Cloth(positions, faces, np.ones(count), np.full(count, 0.004), np.zeros(count, bool), 0.05)
    return drape(cloth, *ball(), steps=150)


def test_cloth_stays_outside_the_body_by_its_clearance(fallen):
    assert np.linalg.norm(fallen, axis=1).min() > 0.12 + 0.004 - 0.0015


def test_cloth_hangs_down_around_the_body(fallen):
    corners = fallen[[0, 20, 420, 440], 1]
    assert corners.max() < 0.0
    assert fallen[220, 1] == pytest.approx(0.124, abs=0.01)


def test_cloth_does_not_stretch(fallen):
    positions, _ = sheet()
    before = np.linalg.norm(positions[1] - positions[0])
    rows = fallen.reshape(21, 21, 3)
    assert np.linalg.norm(np.diff(rows, axis=1), axis=2).max() < 1.25 * before


def test_pinned_vertices_stay_where_they_are():
    positions, faces = sheet()
    count = len(positions)
    pinned = positions[:, 0] < -0.24
    cloth = Cloth(positions, faces, np.ones(count), np.zeros(count), pinned, 0.05)
    hung = drape(cloth, *ball(), steps=30)
    np.testing.assert_array_equal(hung[pinned], positions[pinned])
    assert (hung[~pinned, 1] < positions[~pinned, 1]).all()
