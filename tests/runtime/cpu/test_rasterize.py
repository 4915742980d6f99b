"""The CPU rasterizer against its plain twin, pixel for pixel, and what any rasterizer must keep to."""

import numba
import numpy as np
import pytest

from dinar.runtime.camera import Camera, look_at, scaled, stereo_pair
from dinar.runtime.cpu.rasterize import Rasterizer, rasterize
from dinar.runtime.cpu.rasterize_reference import (
    project_reference,
    rasterize_reference,
    visibility_reference,
)
from dinar.runtime.cpu.visibility import NARROW

from ..scenes import (
    camera_at_origin,
    coplanar_copies,
    crossing_sheets,
    edges_through_centres,
    far_off_screen,
    flat,
    floor,
    grid_mesh,
    one_vertex_not_finite,
    pixel_camera,
    sheet_through_the_camera,
    sides_around,
    slivers,
    soup,
)


def assert_same(vertices, faces, cameras, cull=True):
    """Compare the fast rasterizer with its twin and return its result."""
    uv = np.random.default_rng(1).uniform(0, 1, (len(vertices), 2)).astype(np.float32)
    fast = rasterize(vertices, faces, uv, faces, cameras, cull_back_faces=cull)
    plain = rasterize_reference(vertices, faces, uv, faces, cameras, cull_back_faces=cull)
    np.testing.assert_array_equal(fast.triangle, plain.triangle)
    np.testing.assert_array_equal(fast.coverage, plain.coverage)
    np.testing.assert_allclose(fast.barycentric, plain.barycentric, atol=1e-6)
    np.testing.assert_allclose(fast.uv, plain.uv, atol=1e-6)
    for box, tight in zip(fast.bbox, plain.bbox, strict=True):
        assert tight[2] == 0 or ((box[:2] <= tight[:2]).all() and (box[2:] >= tight[2:]).all())
    return fast


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [(64, 48), (1, 1), (37, 5), (3, 61)])
@pytest.mark.parametrize("cull", [True, False])
def test_random_triangles(seed, size, cull):
    raster = assert_same(*soup(seed, 60), [camera_at_origin(*size)], cull)
    assert size == (1, 1) or raster.coverage.any()


@pytest.mark.parametrize("seed", range(6))
def test_triangles_behind_and_across_the_camera(seed):
    vertices, faces = soup(seed, 80, near=-2, far=2, size=1.5)
    raster = assert_same(vertices, faces, [camera_at_origin(64, 48)], cull=False)
    behind = (vertices[faces][..., 2] < 0).any(axis=1)
    seen = np.unique(raster.triangle[raster.triangle >= 0])
    assert behind[seen].any(), "the scene must show clipped triangles"


def test_everything_behind_the_camera_is_an_empty_picture():
    vertices, faces = soup(0, 40, near=-9, far=-6)
    raster = assert_same(vertices, faces, [camera_at_origin(32, 32)], cull=False)
    assert not raster.coverage.any()
    assert raster.bbox.tolist() == [[0, 0, 0, 0]]


def test_a_floor_that_runs_through_the_camera_is_seen_up_to_the_horizon():
    vertices, faces = floor()
    raster = assert_same(vertices, faces, [camera_at_origin(40, 40)], cull=False)
    assert (raster.coverage[0, 21:] == 1).all()
    assert (raster.coverage[0, :20] == 0).all()
    world = np.einsum("hwk,hwkx->hwx", raster.barycentric[0], vertices[faces[raster.triangle[0]]])[21:]
    rows, columns = np.mgrid[21:40, :40] + 0.5
    depth = 60 / (rows - 20)
    np.testing.assert_allclose(world[..., 2], depth, rtol=1e-3)
    np.testing.assert_allclose(world[..., 0], (columns - 20) / 60 * depth, atol=0.05)


@pytest.mark.parametrize("reach", [1e3, 1e5, 1e7, 1e12])
def test_huge_and_far_off_screen_triangles(reach):
    raster = assert_same(*far_off_screen(reach), [pixel_camera(20, 20)], cull=False)
    assert (raster.triangle == 0).all()


def test_a_vertex_that_is_not_finite_drops_its_triangles_only():
    raster = assert_same(*one_vertex_not_finite(), [pixel_camera(8, 8)], cull=False)
    assert set(np.unique(raster.triangle)) == {-1, 0}


def test_slivers_and_degenerate_triangles():
    raster = assert_same(*slivers(), [pixel_camera(40, 40)], cull=False)
    degenerate = np.zeros(200, bool)
    degenerate[::5] = degenerate[::7] = True
    assert not degenerate[raster.triangle[raster.triangle >= 0]].any()


def covered_times(points, faces, width, height):
    """How many of the triangles, drawn one by one, cover each pixel: int [H, W]."""
    camera = pixel_camera(width, height)
    rasterizer = Rasterizer(np.zeros((1, 3), np.int32), 3, width, height)
    rasterizer.faces[:] = [0, 1, 2]
    times = np.zeros((height, width), int)
    for face in faces:
        times += rasterizer.draw(flat(points[face]), [camera], cull_back_faces=False).triangle[0] >= 0
    return times


@pytest.mark.parametrize("seed", range(3))
def test_a_mesh_covers_every_pixel_exactly_once(seed):
    points, faces = grid_mesh(9, 7, seed)
    assert (covered_times(points * (41, 29), faces, 41, 29) == 1).all()


def test_shared_edges_through_pixel_centres_are_covered_exactly_once():
    times = covered_times(*edges_through_centres(), 42, 42)
    assert (times[:40, :40] == 1).all()  # the borders at 40.5 belong to a mesh further right or down
    assert times.sum() == 1600


def test_a_fan_covers_every_pixel_exactly_once():
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 60 + 16.5
    points = np.concatenate([[[16.5, 16.5]], ring])
    faces = np.array([[0, 1 + i, 1 + (i + 1) % 24] for i in range(24)])
    assert (covered_times(points, faces, 33, 33) == 1).all()


def test_a_clipped_mesh_has_no_holes():
    raster = assert_same(*sheet_through_the_camera(), [camera_at_origin(80, 80)], cull=False)
    below_the_far_border = raster.coverage[0, 47:]  # the far border is at row 40 + 60 * 0.5 / 6 = 45
    assert below_the_far_border.all()


def test_the_nearer_triangle_is_seen_also_where_two_cut_through_each_other():
    raster = assert_same(*crossing_sheets(), [camera_at_origin(40, 40, focal=15)], cull=False)
    sheet = raster.triangle[0, 12:28, 12:28] // 2
    assert (sheet[:, :8] == 0).all()
    assert (sheet[:, 8:] == 1).all()


def test_coplanar_copies_belong_to_the_lower_id():
    raster = assert_same(*coplanar_copies(), [pixel_camera(8, 8)], cull=False)
    assert set(np.unique(raster.triangle)) == {-1, 0}


def test_fronts_are_counter_clockwise_with_y_up():
    vertices = np.array([[-1, -1, 0], [1, -1, 0], [0, 1, 0]], np.float32)  # counter-clockwise seen from +z
    faces = np.array([[0, 1, 2]], np.int32)
    front = look_at((0, 0, 3), (0, 0, 0), (0, 1, 0), 1.0, 24, 24)
    behind = look_at((0, 0, -3), (0, 0, 0), (0, 1, 0), 1.0, 24, 24)
    raster = assert_same(vertices, faces, [front, behind])
    assert raster.coverage[0].any()
    assert not raster.coverage[1].any()
    both = assert_same(vertices, faces, [front, behind], cull=False)
    assert both.coverage[0].sum() == pytest.approx(both.coverage[1].sum(), abs=2)


def test_culling_can_be_chosen_face_by_face():
    vertices = flat([[0, 0], [8, 0], [0, 8], [8, 8]])
    faces = np.array([[0, 1, 2], [1, 3, 2]], np.int32)  # both show their back
    cull = np.array([True, False])
    seen = Rasterizer(faces, 4, 8, 8).draw(vertices, [pixel_camera(8, 8)], cull_back_faces=cull)
    assert set(np.unique(seen.triangle)) == {-1, 1}


def test_barycentrics_are_convex_and_find_the_point_on_the_triangle():
    vertices, faces = soup(3, 60)
    camera = camera_at_origin(64, 48)
    raster = assert_same(vertices, faces, [camera], cull=False)
    covered = raster.coverage[0] == 1
    b = raster.barycentric[0][covered]
    assert (b >= 0).all()
    np.testing.assert_allclose(b.sum(axis=1), 1, atol=1e-6)
    point = np.einsum("pk,pkx->px", b, vertices[faces[raster.triangle[0][covered]]])
    pixel = point @ camera.K.T
    rows, columns = np.nonzero(covered)
    error = np.abs(pixel[:, :2] / pixel[:, 2:] - np.stack([columns, rows], axis=1) - 0.5)
    assert np.quantile(error, 0.98) < 1e-3
    assert error.max() < 0.02  # where the snapped triangle reaches beyond the true one


@pytest.mark.parametrize("seed", range(4))
def test_permuted_triangles_give_the_same_picture(seed):
    vertices, faces = soup(seed, 120)
    order = np.random.default_rng(seed).permutation(len(faces))
    cameras = [camera_at_origin(64, 48)]
    uv = np.zeros((1, 2), np.float32)
    plain = rasterize(vertices, faces, uv, faces * 0, cameras, cull_back_faces=False)
    shuffled = rasterize(vertices, faces[order], uv, faces * 0, cameras, cull_back_faces=False)
    back = np.where(shuffled.triangle >= 0, order[shuffled.triangle], -1)
    np.testing.assert_array_equal(plain.triangle, back)
    np.testing.assert_array_equal(plain.barycentric, shuffled.barycentric)


def test_two_cameras_give_what_each_gives_alone():
    vertices, faces = soup(7, 80)
    pair = stereo_pair(camera_at_origin(64, 48), 0.2)
    both = assert_same(vertices, faces, pair)
    for n, camera in enumerate(pair):
        np.testing.assert_array_equal(both.triangle[n], assert_same(vertices, faces, [camera]).triangle[0])
    assert (both.triangle[0] != both.triangle[1]).any()


def test_one_thread_and_many_give_the_same():
    vertices, faces = soup(9, 300)
    rasterizer = Rasterizer(faces, len(vertices), 128, 96)
    threads = numba.get_num_threads()
    pictures = []
    try:
        for count in {1, threads}:
            numba.set_num_threads(count)
            seen = rasterizer.draw(vertices, [camera_at_origin(128, 96)], cull_back_faces=False)
            pictures.append((seen.triangle.copy(), seen.inverse_depth.copy()))
    finally:
        numba.set_num_threads(threads)
    for triangle, inverse_depth in pictures:
        np.testing.assert_array_equal(triangle, pictures[0][0])
        np.testing.assert_array_equal(inverse_depth, pictures[0][1])


def test_a_work_space_keeps_nothing_of_the_picture_before():
    camera = pixel_camera(32, 32)
    faces = np.array([[0, 2, 1]], np.int32)
    rasterizer = Rasterizer(faces, 3, 32, 32)
    triangles = [
        [[1, 1], [30, 1], [1, 30]],
        [[20, 20], [30, 20], [20, 30]],
        [[-9, 0], [-5, 0], [-9, 9]],
        [[2, 2], [5, 2], [2, 5]],
    ]
    for corners in triangles:
        again = rasterizer.draw(flat(corners), [camera], cull_back_faces=False)
        fresh = Rasterizer(faces, 3, 32, 32).draw(flat(corners), [camera], cull_back_faces=False)
        np.testing.assert_array_equal(again.triangle, fresh.triangle)
        np.testing.assert_array_equal(again.inverse_depth, fresh.inverse_depth)


@pytest.mark.parametrize("samples", [1, 4])
def test_pieces_on_both_sides_of_the_widest_that_32_bits_hold(samples):
    vertices, faces = sides_around(NARROW / 256 / (1 if samples == 1 else 2))
    camera = Camera(np.eye(4), np.eye(3), 97, 83)
    seen = Rasterizer(faces, len(vertices), 97, 83, samples=samples).draw(
        vertices, [camera], cull_back_faces=False
    )
    fine = scaled(camera, 2) if samples == 4 else camera
    triangle, inverse_depth = visibility_reference(
        project_reference(vertices, fine),
        faces,
        fine.width,
        fine.height,
        cull_back_faces=False,
        rotated_grid=samples == 4,
    )
    assert len(np.unique(triangle)) > len(faces) // 2
    np.testing.assert_array_equal(seen.triangle[0], triangle)
    np.testing.assert_array_equal(seen.inverse_depth[0], inverse_depth)


@pytest.mark.parametrize("samples", [1, 4])
def test_visibility_and_inverse_depth_on_both_sample_grids(samples):
    vertices, faces = soup(11, 60, near=-0.5)
    camera = camera_at_origin(31, 23)
    rasterizer = Rasterizer(faces, len(vertices), 31, 23, samples=samples)
    seen = rasterizer.draw(vertices, [camera], cull_back_faces=False)
    fine = scaled(camera, 2) if samples == 4 else camera
    homogeneous = project_reference(vertices, fine)
    triangle, inverse_depth = visibility_reference(
        homogeneous, faces, fine.width, fine.height, cull_back_faces=False, rotated_grid=samples == 4
    )
    np.testing.assert_array_equal(seen.homogeneous[0], homogeneous)
    np.testing.assert_array_equal(seen.triangle[0], triangle)
    np.testing.assert_array_equal(seen.inverse_depth[0], inverse_depth)


def test_the_rotated_grid_has_four_columns_and_four_rows_in_each_pixel():
    faces = np.array([[0, 1, 2], [1, 3, 2]], np.int32)
    rasterizer = Rasterizer(faces, 4, 1, 1, samples=4)

    def covered(border, axis):
        """Samples of one pixel on the low side of a border across `axis`."""
        corners = np.array([[-9, -9], [border, -9], [-9, 9], [border, 9]])
        vertices = flat(corners if axis == 0 else corners[:, ::-1])
        return (rasterizer.draw(vertices, [pixel_camera(1, 1)], cull_back_faces=False).triangle >= 0).sum()

    for axis in (0, 1):
        assert [covered(border, axis) for border in (0.1, 0.2, 0.5, 0.7, 0.9)] == [0, 1, 2, 3, 4]


FACE = np.array([[0, 1, 2]], np.int32)
VERTICES = flat([[0, 0], [8, 0], [0, 8]])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Rasterizer(np.zeros((2, 4), np.int32), 9, 8, 8),
        lambda: Rasterizer(np.array([[0, 1, 9]]), 9, 8, 8),
        lambda: Rasterizer(FACE, 3, 0, 8),
        lambda: Rasterizer(FACE, 3, 20000, 8),
        lambda: Rasterizer(FACE, 3, 8, 8, samples=2),
        lambda: Rasterizer(FACE, 3, 8, 8).draw(VERTICES.astype(np.float64), [pixel_camera(8, 8)]),
        lambda: Rasterizer(FACE, 3, 8, 8).draw(VERTICES[:2], [pixel_camera(8, 8)]),
        lambda: Rasterizer(FACE, 3, 8, 8).draw(VERTICES, [pixel_camera(8, 9)]),
        lambda: Rasterizer(FACE, 3, 8, 8).draw(VERTICES, []),
        lambda: Rasterizer(FACE, 3, 8, 8).draw(VERTICES, [pixel_camera(8, 8)], cull_back_faces=np.ones(2)),
        lambda: rasterize(VERTICES, FACE, np.zeros((1, 2)), np.zeros((2, 3)), [pixel_camera(8, 8)]),
        lambda: rasterize(VERTICES, FACE, np.zeros((1, 2)), np.zeros((1, 3)), []),
        lambda: rasterize(VERTICES, FACE, np.full((1, 2), np.nan), FACE * 0, [pixel_camera(8, 8)]),
    ],
)
def test_wrong_arguments_are_refused_with_a_sentence(wrong):
    with pytest.raises(ValueError, match="expects"):
        wrong()
