"""The rasterizer's CUDA source, compiled as C++, sees the very triangles that the CPU's sees."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.avatar import default_avatar_path, open_avatar
from dinar.runtime.camera import Camera, look_at, orbit, projection_matrix, stereo_pair
from dinar.runtime.cpu.rasterize import ROTATION, Rasterizer
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.gpu import raster
from dinar.runtime.gpu.upload import VIEW
from dinar.runtime.motion import load_motion
from dinar.runtime.prepare.surface import draw_surface

from ..cpu.test_rasterize import camera_at_origin, flat, grid_mesh, pixel_camera, soup
from .software_cuda.host_kernels import open_host

BLOCK = 128


def blocks(count: int) -> int:
    return -(-count // BLOCK)


def keys_of(
    vertices: np.ndarray,
    faces: np.ndarray,
    cameras: list[Camera],
    *,
    cull: bool | np.ndarray = False,
    samples: int = 1,
    room: int = raster.LARGE_PIECES,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keys uint64 [N, H, W], homogeneous samples float32 [N, V, 3] and how many pieces were large [N]."""
    side = 1 if samples == 1 else 2
    N, V, F = len(cameras), len(vertices), len(faces)
    height, width = side * cameras[0].height, side * cameras[0].width
    views = np.zeros(N, VIEW)
    for view, camera in zip(views, cameras, strict=True):
        view["matrix"] = np.diag([side, side, 1.0]) @ projection_matrix(camera)
    homogeneous, window = np.zeros((N, V, 3), np.float32), np.zeros((N, V, 2), np.int32)
    inverse_depth, outside = np.zeros((N, V), np.float32), np.zeros((N, V), np.uint8)
    vertex = (homogeneous, window, inverse_depth, outside)
    open_host("project").launch(
        "project_vertices",
        (blocks(V), N, 1),
        (BLOCK, 1, 1),
        V,
        np.ascontiguousarray(vertices, np.float32),
        views.view(np.uint8),
        *vertex,
    )
    keys, large_count = np.zeros((N, height, width), np.uint64), np.zeros(N, np.int32)
    large = np.zeros((N, room, raster.PIECE_BYTES), np.uint8)
    rotation = ROTATION if samples == 4 else 0
    culled = np.broadcast_to(np.asarray(cull, np.uint8), (F,)).copy()
    library = open_host("raster")
    library.launch(
        "fill_triangles",
        (blocks(F), N, 1),
        (BLOCK, 1, 1),
        F,
        np.ascontiguousarray(faces, np.int32),
        culled,
        V,
        *vertex,
        width,
        height,
        rotation,
        keys,
        large,
        large_count,
        room,
    )
    library.launch(
        "fill_large", (7, N, 1), (BLOCK, 1, 1), large, large_count, room, width, height, rotation, keys
    )
    return keys, homogeneous, large_count


def assert_same(
    vertices: np.ndarray,
    faces: np.ndarray,
    cameras: list[Camera],
    *,
    cull: bool | np.ndarray = False,
    samples: int = 1,
    room: int = raster.LARGE_PIECES,
) -> tuple[np.ndarray, np.ndarray]:
    """Compare ids and depths, bit for bit; return the ids and how many pieces were large."""
    vertices = np.ascontiguousarray(vertices, np.float32)
    camera = cameras[0]
    cpu = Rasterizer(faces, len(vertices), camera.width, camera.height, cameras=len(cameras), samples=samples)
    seen = cpu.draw(vertices, cameras, cull_back_faces=cull)
    keys, homogeneous, large = keys_of(vertices, faces, cameras, cull=cull, samples=samples, room=room)
    np.testing.assert_array_equal(homogeneous, seen.homogeneous)
    triangle = ~(keys & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
    np.testing.assert_array_equal(triangle, seen.triangle)
    depth = (keys >> np.uint64(32)).astype(np.uint32).view(np.float32)
    np.testing.assert_array_equal(depth, seen.inverse_depth)
    return triangle, large


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [(64, 48), (1, 1), (37, 5)])
@pytest.mark.parametrize(("cull", "samples"), [(True, 1), (False, 1), (False, 4)])
def test_random_triangles(seed: int, size: tuple[int, int], cull: bool, samples: int) -> None:
    triangle, _ = assert_same(*soup(seed, 60), [camera_at_origin(*size)], cull=cull, samples=samples)
    assert size == (1, 1) or (triangle >= 0).any()


@pytest.mark.parametrize("seed", range(4))
def test_triangles_behind_and_across_the_camera(seed: int) -> None:
    vertices, faces = soup(seed, 80, near=-2, far=2, size=1.5)
    triangle, _ = assert_same(vertices, faces, [camera_at_origin(64, 48)], samples=4)
    behind = (vertices[faces][..., 2] < 0).any(axis=1)
    assert behind[np.unique(triangle[triangle >= 0])].any(), "the scene must show clipped triangles"


@pytest.mark.parametrize("reach", [1e3, 1e5, 1e7, 1e12])
def test_huge_and_far_off_screen_triangles(reach: float) -> None:
    corners = np.array([[-1, -1], [3, -1], [-1, 3], [1, 1], [2, 1]]) * reach
    faces = np.array([[0, 1, 2], [1, 3, 4]], np.int32)
    triangle, _ = assert_same(flat(corners), faces, [pixel_camera(20, 20)])
    assert (triangle == 0).all()


def test_a_vertex_that_is_not_finite_drops_its_triangles_only() -> None:
    vertices = flat([[0, 0], [8, 0], [0, 8], [8, 8]])
    vertices[3] = np.nan
    faces = np.array([[0, 1, 2], [1, 2, 3]], np.int32)
    cpu = Rasterizer(faces, 4, 8, 8)
    seen = cpu.draw(vertices, [pixel_camera(8, 8)], cull_back_faces=False)
    keys, _, _ = keys_of(vertices, faces, [pixel_camera(8, 8)])
    np.testing.assert_array_equal(~(keys & 0xFFFFFFFF).astype(np.uint32).view(np.int32), seen.triangle)
    assert set(np.unique(seen.triangle)) == {-1, 0}


def test_slivers_and_degenerate_triangles() -> None:
    rng = np.random.default_rng(5)
    start, direction = rng.uniform(0, 40, (200, 2)), rng.normal(0, 15, (200, 2))
    corners = np.stack([start, start + direction, start + direction / 2 + rng.normal(0, 0.02, (200, 2))], 1)
    corners[::5, 2] = corners[::5, 1]  # a line
    corners[::7] = corners[::7, :1]  # a point
    faces = np.arange(600, dtype=np.int32).reshape(-1, 3)
    assert_same(flat(corners.reshape(-1, 2)), faces, [pixel_camera(40, 40)])


def test_shared_edges_through_sample_centres() -> None:
    points, faces = grid_mesh(10, 10)
    on_centres = np.rint(points * 40) + 0.5
    triangle, _ = assert_same(flat(on_centres), faces, [pixel_camera(42, 42)])
    assert (triangle[0, :40, :40] >= 0).all()


def test_copies_of_a_triangle_belong_to_the_lower_id() -> None:
    vertices = flat([[0, 0], [9, 0], [0, 9]])
    triangle, _ = assert_same(vertices, np.array([[0, 1, 2]] * 3, np.int32), [pixel_camera(8, 8)])
    assert set(np.unique(triangle)) == {-1, 0}


@pytest.mark.parametrize("room", [0, 1, 3, raster.LARGE_PIECES])
def test_large_triangles_are_shared_out_and_those_that_find_no_room_are_drawn_all_the_same(room: int) -> None:
    vertices, faces = soup(3, 40, near=0.5, far=3, size=1.5)
    _, large = assert_same(vertices, faces, [camera_at_origin(160, 120)], room=room)
    assert (large > 3).all(), "the scene must show large triangles"


@pytest.mark.parametrize("samples", [1, 4])
def test_the_default_avatar_dancing_in_stereo(samples: int) -> None:
    avatar = open_avatar(default_avatar_path())
    drawn = draw_surface(avatar, lanes=16)
    skinner = Skinner(drawn.mesh)
    motion = load_motion("dance", avatar.body, betas=avatar.betas)
    for k in range(3):
        camera = orbit((0, -0.25, 0), 1.3 * k, 0.1, 2.5, fov_y=0.8, width=96, height=120)
        triangle, _ = assert_same(
            skinner(motion.sample(0.9 * k)),
            drawn.faces,
            list(stereo_pair(camera, 0.06)),
            cull=drawn.cull,
            samples=samples,
        )
        assert (triangle >= 0).mean() > 0.05


def test_the_default_avatar_around_the_camera() -> None:
    avatar = open_avatar(default_avatar_path())
    drawn = draw_surface(avatar, lanes=16)
    vertices = Skinner(drawn.mesh)(load_motion("dance", avatar.body, betas=avatar.betas).sample(0.0))
    camera = look_at((0.1, -1.0, 0.2), (0, 0.1, 0), (0, 0, 1), 1.9, 80, 80)
    assert_same(vertices, drawn.faces, [camera], cull=drawn.cull, samples=4)
