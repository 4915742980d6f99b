"""Cutting, flattening and packing of surfaces, on small meshes; one slow test on a whole body."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dinar.runtime.body import load_body, open_body_path, rest_vertices
from dinar.trainer.data.uv.charts import CHARTS
from dinar.trainer.data.uv.flatten import (
    boundary_loops,
    close_gaps,
    disk_map,
    flatten,
    jacobians,
    largest_step,
    merge_notches,
    overlapping_pairs,
    slim,
    symmetric_dirichlet,
    triangle_gradients,
)
from dinar.trainer.data.uv.pack import Piece, pack, texel_triangles, touched_texels
from dinar.trainer.data.uv.seams import cut_open
from dinar.trainer.data.uv.surface import BodyMesh, absorb_islands, cheapest_path, dual_graph, shortest_border
from dinar.trainer.data.uv.unwrap import straighten, unwrap
from dinar.trainer.data.uv.visible import sphere_directions, visibility


def grid(columns: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """A flat sheet [rows * columns, 2] of unit squares, two counter-clockwise triangles each."""
    x, y = np.meshgrid(np.arange(columns, dtype=float), np.arange(rows, dtype=float))
    i = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = i[:-1, :-1].ravel(), i[:-1, 1:].ravel(), i[1:, 1:].ravel(), i[1:, :-1].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return np.stack([x.ravel(), y.ravel()], axis=1), faces


def half_pipe(radius: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Three quarters of a cylinder's wall, 12 x 9 vertices, seen from outside counter-clockwise."""
    flat, faces = grid(12, 9)
    angle = flat[:, 0] / 11 * 1.5 * np.pi
    return np.stack([radius * np.sin(angle), flat[:, 1] * 0.4, radius * np.cos(angle)], axis=1), faces


def dome() -> tuple[np.ndarray, np.ndarray]:
    """A hemisphere-like bowl over a 15 x 15 grid: it cannot be flattened without stretch."""
    flat, faces = grid(15, 15)
    p = (flat - 7) / 7
    return np.column_stack([p, np.sqrt(np.maximum(2.2 - (p**2).sum(1), 0))]), faces


def stretch(v: np.ndarray, uv: np.ndarray, faces: np.ndarray) -> np.ndarray:
    gradients, _ = triangle_gradients(v[faces])
    return np.linalg.svd(jacobians(uv, faces, gradients), compute_uv=False)


def signed_areas(uv: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (uv[faces[:, k]] for k in range(3))
    return 0.5 * ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]))


# --- Flattening ---


def test_a_developable_surface_flattens_without_stretch():
    v, faces = half_pipe()
    np.testing.assert_allclose(stretch(v, flatten(v, faces), faces), 1, atol=0.03)


def test_a_dome_flattens_without_flips():
    v, faces = dome()
    uv = flatten(v, faces)
    assert signed_areas(uv, faces).min() > 0
    assert np.percentile(stretch(v, uv, faces), [5, 95]) == pytest.approx([1, 1], abs=0.3)


def test_triangles_take_the_size_they_are_asked_for():
    flat, faces = grid(8, 8)
    v = np.column_stack([flat, np.zeros(len(flat))])
    np.testing.assert_allclose(stretch(v, flatten(v, faces, np.full(len(faces), 2.5)), faces), 2.5, atol=0.02)


def test_important_triangles_are_stretched_less():
    v, faces = dome()
    centre = (np.abs(v[faces].mean(1)[:, :2]) < 0.4).all(1)
    error = [
        np.abs(np.log(stretch(v, flatten(v, faces, None, importance), faces)))[centre].mean()
        for importance in (None, np.where(centre, 50.0, 1.0))
    ]
    assert error[1] < 0.5 * error[0]


def test_a_hole_keeps_its_border_apart():
    v, faces = dome()
    ring = np.linalg.norm(v[faces].mean(1)[:, :2], axis=1) > 0.3
    used, open_faces = np.unique(faces[ring], return_inverse=True)
    open_faces = open_faces.reshape(-1, 3)
    assert len(boundary_loops(open_faces)) == 2
    uv = flatten(v[used], open_faces)
    assert signed_areas(uv, open_faces).min() > 0
    assert not len(overlapping_pairs(uv, open_faces))


def test_the_disk_map_is_injective_even_on_a_spiral():
    flat, faces = grid(40, 4)
    angle, radius = flat[:, 0] * 0.4, 1 + 0.1 * flat[:, 0] + 0.2 * flat[:, 1]
    v = np.stack([radius * np.cos(angle), radius * np.sin(angle), 0.01 * flat[:, 0]], axis=1)
    faces = faces[:, ::-1]
    points, closed, outer = close_gaps(v, faces, [])
    assert signed_areas(disk_map(points, closed, outer), closed).min() > 0


def test_parts_that_would_overlap_are_kept_apart():
    """Two prongs of a fork, the second leaning over the first: without stretch, they would cross."""
    flat, faces = grid(9, 15)
    x, y = flat[faces].mean(1).T
    fork = (y < 3) | ((x > 1) & (x < 3)) | ((x > 5) & (x < 7))
    used, faces = np.unique(faces[fork], return_inverse=True)
    v, faces = np.column_stack([flat[used], np.zeros(len(used))]), faces.reshape(-1, 3)
    leaning = (v[:, 0] > 4) & (v[:, 1] > 3)
    v[leaning] += np.outer(v[leaning, 1] - 3, [-0.5, 0, 0.2])  # in space it passes above

    clash = overlapping_pairs(v[:, :2], faces)
    assert len(clash)
    (notch,) = merge_notches([], clash, v[:, :2], faces, v)
    valley = np.flatnonzero((v[:, 1] == 3) & (v[:, 0] > 2.5) & (v[:, 0] < 5.5))
    assert set(valley) <= set(notch)
    assert v[notch, 1].min() >= 3

    points, closed, outer = close_gaps(v, faces, [notch])
    gradients, areas = triangle_gradients(points[closed])
    weights = np.where(np.arange(len(closed)) < len(faces), areas, 1e-3 * areas)
    uv = slim(disk_map(points, closed, outer), closed, gradients, weights, iterations=400, tolerance=0)
    assert signed_areas(uv, closed).min() > 0
    assert not len(overlapping_pairs(uv[: len(v)], faces))


def test_a_closed_surface_is_refused():
    tetrahedron = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
    with pytest.raises(ValueError, match="no boundary"):
        boundary_loops(tetrahedron)


def test_the_energy_is_least_without_distortion_and_infinite_when_flipped():
    flat, faces = grid(3, 3)
    v = np.column_stack([flat, np.zeros(len(flat))])
    gradients, areas = triangle_gradients(v[faces])
    assert symmetric_dirichlet(jacobians(flat, faces, gradients), areas) == pytest.approx(4 * areas.sum())
    assert symmetric_dirichlet(jacobians(flat * 1.1, faces, gradients), areas) > 4 * areas.sum()
    assert symmetric_dirichlet(jacobians(flat * [-1, 1], faces, gradients), areas) == np.inf


def test_the_largest_step_stops_where_a_triangle_collapses():
    uv = np.array([[0.0, 0], [1, 0], [0, 1]])
    down = np.array([[0.0, 0], [0, 0], [0, -0.25]])
    assert largest_step(uv, down, np.array([[0, 1, 2]])) == pytest.approx(4)
    assert largest_step(uv, -down, np.array([[0, 1, 2]])) == np.inf


def test_upright_means_that_up_is_up():
    v, _ = half_pipe()
    turned = v[:, :2] @ np.array([[0.0, 1], [-1, 0]])
    assert np.corrcoef(straighten(turned, v, upright=True)[:, 1], v[:, 1])[0, 1] == pytest.approx(1)


# --- Packing ---


def plain_owners(points: np.ndarray, faces: np.ndarray, width: int, height: int) -> np.ndarray:
    """`texel_triangles` by the definition: a loop over texels and triangles."""
    owners = np.full((height, width), -1)
    for f, face in enumerate(faces):
        a, b, c = points[face]
        for row in range(height):
            for column in range(width):
                p = np.array([column + 0.5, row + 0.5])
                sides = [np.linalg.det(np.stack([q - p, r - p])) for q, r in ((a, b), (b, c), (c, a))]
                if min(sides) > 1e-9 or max(sides) < -1e-9:
                    owners[row, column] = f
    return owners


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
def test_texels_get_the_triangle_over_their_centre(seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-2, 14, (9, 2))
    faces = rng.permutation(9).reshape(3, 3)
    owners, hits = texel_triangles(points, faces, 12, 10)
    np.testing.assert_array_equal(owners, plain_owners(points, faces, 12, 10))
    assert ((hits > 0) == (owners >= 0)).all()


def test_packed_pieces_keep_the_gutter_and_fill_the_square_well():
    rng = np.random.default_rng(0)
    pieces = []
    for _ in range(9):
        flat, faces = grid(5, 7)
        pieces.append(Piece(flat * rng.uniform(0.4, 2, 2), faces))
    placed, scale = pack(pieces, 96, gutter=2)
    chart = np.full((96, 96), -1)
    for k, (points, piece) in enumerate(zip(placed, pieces, strict=True)):
        growth = signed_areas(points, piece.faces) / signed_areas(piece.points, piece.faces)
        np.testing.assert_allclose(growth, scale**2)
        chart[touched_texels(points, piece.faces, 96, 96)] = k
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            other = np.roll(chart, (dy, dx), (0, 1))
            assert not ((chart >= 0) & (other >= 0) & (chart != other)).any()
    assert (chart >= 0).mean() > 0.5


def test_a_piece_that_does_not_fit_at_any_scale_is_refused():
    flat, faces = grid(2, 2)
    with pytest.raises(ValueError, match="do not fit"):
        pack([Piece(flat * [1000, 0.01], faces, upright=True)], 32)


# --- Cutting ---


def test_the_shortest_border_finds_the_waist():
    flat, faces = grid(15, 9)
    narrow = 0.2 + 0.02 * (flat[:, 0] - 7) ** 2  # an hourglass
    v = np.column_stack([flat[:, 0], (flat[:, 1] - 4) * narrow, np.zeros(len(flat))])
    x = v[faces].mean(1)[:, 0]
    inside = shortest_border(dual_graph(v, faces), x < 2, x > 12)
    assert x[inside].max() < 7.5 < 8 < x[~inside].max()
    assert x[inside].max() > 6


def test_islands_join_the_neighbour_with_the_longest_border():
    flat, faces = grid(9, 9)
    v = np.column_stack([flat, np.zeros(len(flat))])
    x, y = v[faces].mean(1)[:, :2].T
    labels = (x > 5).astype(int)
    labels[(x < 1) & (y < 1)] = 1
    clean = absorb_islands(labels, dual_graph(v, faces), scattered=-1)
    np.testing.assert_array_equal(clean, x > 5)


def test_the_cheapest_path_avoids_what_is_dear():
    flat, faces = grid(7, 7)
    v = np.column_stack([flat, np.zeros(len(flat))])
    edges = dual_graph(v, faces).edges
    cost = np.where((flat[:, 0] == 3) & (flat[:, 1] < 5), 100.0, 1.0)
    start, goal = 1 + 7, 5 + 7  # (1, 1) and (5, 1), on either side of a dear wall
    path = cheapest_path(v, edges, cost, start, np.array([goal]))
    assert path[0] == start
    assert path[-1] == goal
    assert cost[path].max() == 1


def test_a_tube_cut_along_a_path_becomes_a_disk():
    flat, faces = grid(9, 5)
    around = np.arange(45).reshape(5, 9)
    around[:, 8] = around[:, 0]  # glue the sides
    glued = around.ravel()[faces]
    angle = flat[:, 0] / 8 * 2 * np.pi
    v = np.stack([np.cos(angle), flat[:, 1], np.sin(angle)], axis=1)
    dual = dual_graph(v, glued)
    labels = np.zeros(len(faces), int)
    (tube,) = cut_open(glued, labels, dual, np.zeros(len(dual.edges), bool))
    assert len(boundary_loops(tube.faces)) == 2
    (disk,) = cut_open(glued, labels, dual, np.isin(dual.edges, around[:, 0]).all(1))
    assert len(boundary_loops(disk.faces)) == 1
    assert disk.name == CHARTS[0]
    np.testing.assert_array_equal(disk.vertices[disk.faces], glued[disk.triangles])


def test_what_is_inside_a_box_cannot_be_seen():
    def box(size: float) -> np.ndarray:
        return np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float) * size

    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    faces = np.array([t for q in quads for t in (q[:3], [q[0], *q[2:]])])
    v, both = np.concatenate([box(1), box(0.5)]), np.concatenate([faces, faces + 8])
    seen = visibility(v, both, sphere_directions(20), resolution=64)
    assert seen[:12].min() > 0.2
    assert seen[12:].max() == 0


# --- A whole body ---


@pytest.mark.slow
def test_another_persons_body_can_be_unwrapped_too():
    body = load_body(open_body_path())
    v = rest_vertices(body, np.array([-0.85, 0.5, 1.35, 1.05, 1.7, -1.63, 0.33, 0.76, 0.25, 0.74]))
    result = unwrap(BodyMesh(v, body.faces.astype(int), body.J_regressor @ v, body.weights))
    points = result.uv * [1, -1] * 256 + [0, 256]
    owners, hits = texel_triangles(points, result.uv_faces, 256, 256)
    assert hits.max() == 1
    assert result.face[owners[owners >= 0]].mean() > 0.075
    assert signed_areas(result.uv, result.uv_faces).min() > 0
    assert set(np.unique(result.labels)) == set(range(len(CHARTS)))
