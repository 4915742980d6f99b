"""nvdiffrast gets our pixels in its own coordinates, and what is missing is said.

What it draws is in tests/gpu: it needs a GPU.
"""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch

from dinar.runtime.camera import Camera, look_at, projection_matrix, to_opengl
from dinar.runtime.cpu.project import project
from dinar.runtime.cpu.rasterize import Rasterizer
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.nvdiffrast_rasterizer import (
    NEAR,
    NvdiffrastRasterizer,
    clip_from_samples,
    import_nvdiffrast,
    shown_faces,
    to_keys,
)

WIDTH, HEIGHT = 96, 56


def to_clip(homogeneous: np.ndarray) -> np.ndarray:
    return np.append(homogeneous, 1.0) @ clip_from_samples(WIDTH, HEIGHT).T


def to_index(clip: np.ndarray) -> np.ndarray:
    """Column and row of nvdiffrast's answer, as its documentation has it: centres at whole numbers."""
    return (clip[:2] / clip[3] + 1) / 2 * (WIDTH, HEIGHT) - 0.5


@pytest.mark.parametrize("depth", [0.011, 1.0, 7.5])
@pytest.mark.parametrize(("column", "row"), [(0, 0), (95, 0), (0, 55), (40, 13)])
def test_the_centre_of_a_pixel_is_nvdiffrasts_pixel_of_the_same_column_and_row(
    column: int, row: int, depth: float
) -> None:
    clip = to_clip(np.array([(column + 0.5) * depth, (row + 0.5) * depth, depth]))
    np.testing.assert_allclose(to_index(clip), (column, row), atol=1e-9)
    assert -clip[3] < clip[2] < clip[3]


def test_the_near_plane_is_ours_and_nothing_is_too_far() -> None:
    def is_cut(depth: float) -> bool:
        clip = to_clip(np.array([3 * depth, 3 * depth, depth]))
        return not -clip[3] <= clip[2] <= clip[3]

    assert is_cut(0.999 * NEAR)
    assert not is_cut(1.001 * NEAR)
    assert not is_cut(1e6)
    depths = [to_clip(np.array([0, 0, depth]))[2] / depth for depth in (0.02, 0.5, 3.0, 100.0)]
    assert depths == sorted(depths), "what is nearer has the smaller depth"


def camera() -> Camera:
    return look_at((0.4, 1.3, 2.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0), math.radians(50), WIDTH, HEIGHT)


def test_vertices_land_where_our_rasterizer_puts_them() -> None:
    vertices = np.random.default_rng(0).uniform(-0.5, 1.5, (50, 3)).astype(np.float32)
    homogeneous, window = np.zeros((50, 3), np.float32), np.zeros((50, 2), np.int32)
    outside = np.zeros(50, np.uint8)
    project(vertices, projection_matrix(camera()), homogeneous, window, np.zeros(50, np.float32), outside)
    assert not outside.any()
    for vertex in range(50):
        found = to_index(to_clip(homogeneous[vertex].astype(np.float64)))
        np.testing.assert_allclose(found, window[vertex] / 256 - 0.5, atol=1 / 256)


def test_it_is_opengls_clip_space_with_the_rows_upside_down() -> None:
    view, projection = to_opengl(camera(), NEAR, 1e9)
    point = np.array([0.3, 1.1, -0.2, 1.0])
    expected = projection @ view @ point
    found = to_clip(projection_matrix(camera()) @ point)
    np.testing.assert_allclose(found, expected * (1, -1, 1, 1), rtol=1e-6)


def test_faces_are_left_out_as_ours_are() -> None:
    rng = np.random.default_rng(2)
    vertices = rng.uniform((-2, -0.5, -2), (2, 2.5, 3), (3 * 150, 3)).astype(
        np.float32
    )  # some behind the camera
    faces = np.arange(3 * 150, dtype=np.int32).reshape(-1, 3)
    cull = rng.random(150) < 0.7
    seen = {False: set(), True: set()}
    homogeneous = np.zeros((1, 450, 3), np.float32)
    for face in range(150):  # alone: nothing hides it
        corners = np.ascontiguousarray(vertices[faces[face]])
        rasterizer = Rasterizer(np.array([[0, 1, 2]], np.int32), 3, WIDTH, HEIGHT)
        for culls in (False, True):
            drawn = rasterizer.draw(corners, [camera()], cull_back_faces=culls and bool(cull[face]))
            homogeneous[0, faces[face]] = drawn.homogeneous[0]
            if (drawn.triangle >= 0).any():
                seen[culls].add(face)
    points = torch.from_numpy(homogeneous[0]).double()
    shown = shown_faces(points, torch.from_numpy(faces), torch.from_numpy(cull)).tolist()
    assert len(seen[True]) < len(seen[False])
    assert shown == sorted(shown)
    assert seen[False] & set(shown) == seen[True]


def test_keys_name_a_triangle_as_those_of_our_kernels_do() -> None:
    triangles = torch.tensor([-1, 0, 5, 2**31 - 1], dtype=torch.int32)
    keys = to_keys(triangles).numpy().view(np.uint64)
    assert keys[0] == 0, "none"
    low = (keys[1:] & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    np.testing.assert_array_equal(~low, triangles[1:].numpy().astype(np.uint32))
    assert (keys[1:] >> np.uint64(32) > 0).all()


def test_without_nvdiffrast_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nvdiffrast", None)
    monkeypatch.setitem(sys.modules, "nvdiffrast.torch", None)
    with pytest.raises(DinarError, match="nvdiffrast is not installed: pip install"):
        import_nvdiffrast()


def test_without_cuda_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DinarError, match="has no CUDA"):
        NvdiffrastRasterizer(np.array([[0, 1, 2]], np.int32), np.ones(1, bool), index=0)
