"""Pieces of a surface: cutting, refining, rims."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from dinar.trainer.data.people.patch import (
    Patch,
    body_patch,
    cut,
    neighbour_average,
    refine,
    refined_location,
    remesh,
    rim_edges,
    unique_edges,
)


@pytest.fixture(scope="module")
def sphere() -> tuple[np.ndarray, Patch]:
    points = np.random.default_rng(5).normal(size=(400, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    faces = ConvexHull(points).simplices
    corners = points[faces]
    outward = np.einsum(
        "fa,fa->f", np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), corners[:, 0]
    )
    faces = np.where((outward < 0)[:, None], faces[:, ::-1], faces)
    return points, body_patch(faces, len(points))


def area(points: np.ndarray, faces: np.ndarray) -> float:
    corners = points[faces]
    return float(
        np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
        / 2
    )


def test_a_cut_runs_exactly_along_the_zero_line(sphere):
    points, patch = sphere
    part, value = cut(patch, patch.lift(points[:, 1] - 0.3))
    heights = part.lift(points)[:, 1]
    assert heights.min() == pytest.approx(0.3, abs=1e-12)
    np.testing.assert_allclose(value, heights - 0.3, atol=1e-9)
    rim = np.unique(rim_edges(part.faces))
    np.testing.assert_allclose(heights[rim], 0.3, atol=1e-12)


def test_the_two_sides_of_a_cut_make_up_the_whole(sphere):
    points, patch = sphere
    above, _ = cut(patch, patch.lift(points[:, 1] - 0.3))
    below, _ = cut(patch, patch.lift(0.3 - points[:, 1]))
    total = area(above.lift(points), above.faces) + area(below.lift(points), below.faces)
    assert total == pytest.approx(area(points, patch.faces), rel=1e-9)


def test_a_second_cut_keeps_every_vertex_on_one_body_triangle(sphere):
    points, patch = sphere
    part, _ = cut(patch, patch.lift(points[:, 1]))
    part, _ = cut(part, part.lift(points[:, 0] + 0.2 * points[:, 2]))
    np.testing.assert_allclose(part.anchor_weight.sum(1), 1)
    triangles = {tuple(sorted(face)) for face in patch.faces.tolist()}
    for vertices, weights in zip(part.anchor_vertex.tolist(), part.anchor_weight, strict=True):
        corners = {v for v, w in zip(vertices, weights, strict=True) if w > 1e-12}
        assert any(corners <= set(triangle) for triangle in triangles)
    positions = part.lift(points)
    assert positions[:, 1].min() > -1e-12
    assert (positions[:, 0] + 0.2 * positions[:, 2]).min() > -1e-12


def test_cutting_keeps_the_winding(sphere):
    points, patch = sphere
    part, _ = cut(patch, patch.lift(points[:, 2]))
    corners = part.lift(points)[part.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("fa,fa->f", normal, corners.mean(1)) > -1e-15).all()


def test_refining_keeps_the_surface_and_the_old_vertices(sphere):
    points, patch = sphere
    fine = refine(patch)
    assert len(fine.faces) == 4 * len(patch.faces)
    assert len(fine.anchor_vertex) == len(points) + len(unique_edges(patch.faces))
    np.testing.assert_array_equal(fine.lift(points)[: len(points)], points)
    assert area(fine.lift(points), fine.faces) == pytest.approx(area(points, patch.faces), rel=1e-12)


def test_a_point_is_the_same_point_on_the_refined_faces(sphere):
    points, patch = sphere
    fine = refine(patch)
    rng = np.random.default_rng(0)
    face = rng.integers(0, len(patch.faces), 500)
    weight = rng.dirichlet([1, 1, 1], 500)
    there = (points[patch.faces[face]] * weight[..., None]).sum(1)
    fine_face, fine_weight = refined_location(face, weight)
    assert fine_weight.min() >= 0
    np.testing.assert_allclose(fine_weight.sum(1), 1)
    again = (fine.lift(points)[fine.faces[fine_face]] * fine_weight[..., None]).sum(1)
    np.testing.assert_allclose(again, there, atol=1e-12)


def test_smoothing_moves_the_inside_and_leaves_the_rim(sphere):
    points, patch = sphere
    part, _ = cut(patch, patch.lift(points[:, 1]))
    positions = part.lift(points)
    average = neighbour_average(part.faces, len(positions))
    smooth = average @ positions
    rim = np.unique(rim_edges(part.faces))
    np.testing.assert_array_equal(smooth[rim], positions[rim])
    np.testing.assert_allclose(np.asarray(average.sum(1)).ravel(), 1)
    inner = np.setdiff1d(np.arange(len(positions)), rim)
    assert (np.linalg.norm(smooth[inner], axis=1) < 1).all()


def test_remeshing_gives_even_edges_on_the_surface_and_keeps_the_rim_line(sphere):
    points, patch = sphere
    part, _ = cut(patch, patch.lift(points[:, 1] - 0.3))
    even = remesh(part, points, patch.faces, edge_length=0.1)
    positions = even.lift(points)
    edges = unique_edges(even.faces)
    length = np.linalg.norm(positions[edges[:, 0]] - positions[edges[:, 1]], axis=1)
    assert np.percentile(length, 5) > 0.05
    assert np.percentile(length, 95) < 0.15
    rim = np.unique(rim_edges(even.faces))
    np.testing.assert_allclose(positions[rim, 1], 0.3, atol=2e-3)
