"""Projection on the GPU: bit by bit what the CPU projects."""

from __future__ import annotations

import numpy as np

from dinar.runtime.camera import look_at, stereo_pair

from ...scenes import camera_at_origin, soup
from .on_arrays import Projected, empty_projection, over_items, project_on_cpu, views_of


def project(vertices: np.ndarray, views: np.ndarray) -> Projected:
    made = empty_projection(len(views), len(vertices))
    arrays = (made.homogeneous, made.window, made.inverse_depth, made.outside)
    over_items(
        "project", "project_vertices", len(vertices), len(views), len(vertices), vertices, views, *arrays
    )
    return made


def assert_same_bits(vertices: np.ndarray, views: np.ndarray) -> Projected:
    found, wanted = project(vertices, views), project_on_cpu(vertices, views)
    np.testing.assert_array_equal(found.outside, wanted.outside)
    np.testing.assert_array_equal(found.homogeneous, wanted.homogeneous)
    np.testing.assert_array_equal(found.window, wanted.window)  # what is outside stays unset in both
    np.testing.assert_array_equal(found.inverse_depth, wanted.inverse_depth)
    return found


def test_every_view_gets_the_bits_of_the_cpu() -> None:
    vertices, _ = soup(1, 400)
    eyes = stereo_pair(look_at((0.3, -0.2, -2), (0, 0.1, 2), (0, 1, 0), 0.9, 640, 480), 0.064)
    for samples in (1, 4):
        found = assert_same_bits(vertices, views_of(eyes, samples=samples))
        assert (found.outside == 0).mean() > 0.5
        assert (found.window[0] != found.window[1]).any()


def test_what_is_behind_beside_or_not_finite_is_marked_as_on_the_cpu() -> None:
    vertices, _ = soup(2, 400, near=-2, far=2, spread=1)
    vertices[::7] *= np.float32([1e4, 1, 1e-2])
    vertices[1::7] *= np.float32([1, 1e4, 1e-2])
    vertices[2::50], vertices[3::50, 1] = np.nan, np.inf
    vertices[4::50, 2] = 0.01  # a hair before the near plane
    found = assert_same_bits(vertices, views_of([camera_at_origin(64, 48)]))
    assert {1 << bit for bit in range(6)} <= set(np.unique(found.outside)), "each reason must occur alone"


def test_halves_are_rounded_up_on_both_sides_of_zero() -> None:
    steps = np.arange(-9, 10) / 512  # halves of the fixed point's unit
    vertices = np.stack([steps, -steps, np.ones_like(steps)], axis=1).astype(np.float32)
    camera = camera_at_origin(2, 2, focal=1)
    found = assert_same_bits(vertices, views_of([camera]))
    np.testing.assert_array_equal(found.window[0, :, 0], np.floor(256 * (steps + 1) + 0.5))
