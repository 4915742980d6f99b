"""Texture coordinates and normals as colours on the GPU against the CPU's."""

from __future__ import annotations

import numpy as np

from dinar.runtime.camera import orbit, stereo_pair
from dinar.runtime.cpu.debug import normal_colours, paint
from dinar.runtime.prepare.surface import DrawnSurface

from .on_arrays import keys_of, over_items, over_pixels, see_on_cpu


def colours_by_kernel(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    around: list[list[int]] = [[] for _ in vertices]
    for f, face in enumerate(faces.tolist()):
        for v in face:
            around[v].append(f)
    start = np.cumsum([0, *(len(of_vertex) for of_vertex in around)]).astype(np.int32)
    listed = np.array([f for of_vertex in around for f in of_vertex], np.int32)
    colours = np.full(vertices.shape, np.nan, np.float32)
    count = len(vertices)
    over_items("debug", "normal_colours", count, 1, count, start, listed, faces, vertices, colours)
    return colours


def colours_on_cpu(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    colours = np.zeros(vertices.shape, np.float32)
    normal_colours(vertices, faces, colours)
    return colours


def test_normals_are_those_of_the_cpu(drawn: DrawnSurface, dance: list[np.ndarray]) -> None:
    for vertices in dance[:2]:
        wanted = colours_on_cpu(vertices, drawn.faces)
        np.testing.assert_allclose(colours_by_kernel(vertices, drawn.faces), wanted, atol=1e-6)


def test_a_vertex_without_a_face_or_with_flat_ones_alone_is_grey() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [5, 5, 5]], np.float32)
    assert (colours_by_kernel(vertices, np.array([[0, 1, 2]], np.int32)) == 0.5).all()


def test_pictures_are_those_of_the_cpu(drawn: DrawnSurface, dance: list[np.ndarray]) -> None:
    vertices, faces = dance[2], drawn.faces
    eyes = stereo_pair(orbit((0, 0.9, 0), 0.4, 0.1, 3.2, fov_y=0.7, width=90, height=120), 0.064)
    seen, colours = see_on_cpu(vertices, faces, eyes, drawn.cull, 1), colours_on_cpu(vertices, faces)
    found = np.full(seen.triangle.shape, 0xCDCDCDCD, np.uint32)
    picture = (keys_of(seen), 90, 120, len(vertices), seen.homogeneous, faces, faces, colours, found)
    over_pixels("debug", "paint", found.shape, *picture)
    wanted = np.zeros_like(found)
    for n in range(len(eyes)):
        box = np.array([0, 0, 90, 120], np.int64)
        paint(seen.triangle[n], box, faces, seen.homogeneous[n], faces, colours, 1, wanted[n])
    difference = np.abs(found.view(np.uint8).astype(int) - wanted.view(np.uint8))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3
    np.testing.assert_array_equal(found > 0, seen.triangle >= 0)
