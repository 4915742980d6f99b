"""The GPU's visibility buffer: vertices projected alike give the very keys of the CPU's rasterizer."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.camera import Camera, look_at, orbit, stereo_pair
from dinar.runtime.cpu.visibility import NARROW
from dinar.runtime.prepare.surface import DrawnSurface

from ...scenes import (
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
from .on_arrays import keys_of, project_on_cpu, see, see_on_cpu, views_of

Scene = tuple[np.ndarray, np.ndarray]

CENTRES, CENTRE_FACES = edges_through_centres()
GOLDEN: dict[str, tuple[Scene, Camera]] = {
    "random": (soup(0, 60), camera_at_origin(64, 48)),
    "random in a narrow picture": (soup(1, 60), camera_at_origin(3, 61)),
    "one pixel": (soup(2, 60), camera_at_origin(1, 1)),
    "across the near plane": (soup(3, 80, near=-2, far=2, size=1.5), camera_at_origin(64, 48)),
    "behind": (soup(0, 40, near=-9, far=-6), camera_at_origin(32, 32)),
    "floor": (floor(), camera_at_origin(40, 40)),
    "sheet": (sheet_through_the_camera(), camera_at_origin(80, 80)),
    "far off screen": (far_off_screen(1e5), pixel_camera(20, 20)),
    "further off screen": (far_off_screen(1e12), pixel_camera(20, 20)),
    "not finite": (one_vertex_not_finite(), pixel_camera(8, 8)),
    "slivers": (slivers(), pixel_camera(40, 40)),
    "edges through centres": ((flat(CENTRES), CENTRE_FACES), pixel_camera(42, 42)),
    "crossing sheets": (crossing_sheets(), camera_at_origin(40, 40, focal=15)),
    "copies": (coplanar_copies(), pixel_camera(8, 8)),
    "as wide as 32 bits hold": (sides_around(NARROW / 256), Camera(np.eye(4), np.eye(3), 97, 83)),
    "as wide, finer samples": (sides_around(NARROW / 512), Camera(np.eye(4), np.eye(3), 97, 83)),
}


def assert_same_keys(
    scene: Scene,
    cameras: list[Camera],
    cull: bool | np.ndarray,
    samples: int,
    *,
    least_queued: int = 0,
    **queue: int,
) -> np.ndarray:
    vertices, faces = scene
    side = 1 if samples == 1 else 2
    projected = project_on_cpu(vertices, views_of(cameras, samples=samples))
    found, queued = see(
        projected,
        faces,
        np.broadcast_to(cull, len(faces)),
        side * cameras[0].height,
        side * cameras[0].width,
        samples=samples,
        **queue,
    )
    seen = see_on_cpu(vertices, faces, cameras, cull, samples)
    np.testing.assert_array_equal(seen.homogeneous, projected.homogeneous)
    np.testing.assert_array_equal(found, keys_of(seen))
    assert (queued >= least_queued).all(), "the scene must show large pieces"
    return found


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("cull", [True, False])
@pytest.mark.parametrize("name", GOLDEN)
def test_golden_scenes(name: str, cull: bool, samples: int) -> None:
    scene, camera = GOLDEN[name]
    keys = assert_same_keys(scene, [camera], cull, samples)
    assert cull or name in ("behind", "one pixel") or keys.any()


def test_equal_depths_belong_to_the_lower_id() -> None:
    scene, camera = GOLDEN["copies"]
    keys = assert_same_keys(scene, [camera], False, 1)
    assert set(np.unique(keys.astype(np.uint32))) == {0, 0xFFFFFFFF}  # nothing, and ~0


def test_a_mesh_is_covered_without_holes_and_edges_once() -> None:
    points, faces = grid_mesh(9, 7)
    for vertices, width, height in ((points * (41, 29), 41, 29), (CENTRES, 42, 42)):
        own_faces = faces if width == 41 else CENTRE_FACES
        projected = project_on_cpu(flat(vertices), views_of([pixel_camera(width, height)]))
        times = np.zeros((height, width), int)
        for face in own_faces:
            times += see(projected, face[None], np.zeros(1), height, width)[0][0] > 0
        assert times.max() == 1
        assert times[:29, :40].all()


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("capacity", [0, 1, 5, 4096])
def test_a_full_queue_of_large_pieces_changes_nothing(capacity: int, samples: int) -> None:
    vertices, faces = soup(4, 40, size=1.2)
    camera = camera_at_origin(160, 120)
    assert_same_keys((vertices, faces), [camera], False, samples, capacity=capacity, least_queued=20)


def test_one_triangle_over_a_large_picture() -> None:
    corners = flat([[-1, -1], [700, -1], [-1, 700]])
    scene = corners, np.array([[0, 1, 2]], np.int32)
    keys = assert_same_keys(scene, [pixel_camera(350, 340)], False, 4, least_queued=100)
    assert keys.all()


def test_large_pieces_that_are_clipped() -> None:
    scene = soup(5, 40, near=-1.5, far=1.5, size=2)
    for capacity in (3, 4096):
        assert_same_keys(scene, [camera_at_origin(200, 150)], False, 1, capacity=capacity)


def test_two_views_keep_to_their_own_pictures() -> None:
    eyes = stereo_pair(camera_at_origin(96, 64), 0.2)
    keys = assert_same_keys(soup(6, 80), eyes, False, 4, capacity=2)
    assert (keys[0] != keys[1]).any()


@pytest.mark.parametrize("samples", [1, 4])
def test_the_default_avatar_dancing(drawn: DrawnSurface, dance: list[np.ndarray], samples: int) -> None:
    eyes = stereo_pair(orbit((0, 0.9, 0), 0.4, 0.1, 3.2, fov_y=0.7, width=150, height=200), 0.064)
    for vertices in dance:
        keys = assert_same_keys((vertices, drawn.faces), eyes, drawn.cull, samples)
        assert (keys > 0).mean() > 0.05


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("at", [0, 2000, 5000, 9000])
def test_a_camera_on_the_skin_of_the_default_avatar(
    drawn: DrawnSurface, dance: list[np.ndarray], at: int, samples: int
) -> None:
    vertices = dance[1]
    camera = look_at(tuple(vertices[at]), (0, 0.9, 0.02), (0.1, 0.2, 1), 1.9, 96, 128)
    keys = assert_same_keys((vertices, drawn.faces), [camera], False, samples, capacity=64)
    depth = (vertices @ camera.T_camera_world[:3, :3].T + camera.T_camera_world[:3, 3])[:, 2]
    seen = ~np.unique(keys[keys > 0].astype(np.uint32))
    assert (depth[drawn.faces[seen]] < 0.01).any(), "the near plane must cut through what is seen"


def test_vertices_that_are_not_finite_drop_their_faces_only(
    drawn: DrawnSurface, dance: list[np.ndarray]
) -> None:
    vertices = dance[0].copy()
    vertices[::97], vertices[50::97, 1] = np.nan, -np.inf
    camera = orbit((0, 0.9, 0), 0.4, 0.1, 3.2, fov_y=0.7, width=150, height=200)
    keys = assert_same_keys((vertices, drawn.faces), [camera], drawn.cull, 1)
    broken = ~np.isfinite(vertices).all(axis=1)[drawn.faces].all(axis=1)
    seen = ~np.unique(keys[keys > 0].astype(np.uint32))
    assert not broken[seen].any()
