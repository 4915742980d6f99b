"""Atlases: texels on triangles, light, gutters, colour spaces."""

import numpy as np
import pytest

from dinar.trainer.data.people.bake import (
    Light,
    decode_srgb,
    encode_srgb,
    find_texels,
    irradiance,
    studio,
    to_image,
    vertex_normals,
)

SQUARE_UV = np.array([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]])
SQUARE_FACES = np.array([[0, 1, 2], [0, 2, 3]])


def test_texels_inside_a_chart_interpolate_exactly():
    texels = find_texels(SQUARE_UV, SQUARE_FACES, height=32, width=64, reach=0)
    assert len(texels.face) == 16 * 32
    centre = np.stack([(texels.column + 0.5) / 64, (texels.row + 0.5) / 32], 1)
    np.testing.assert_allclose(texels.interpolate(SQUARE_FACES, SQUARE_UV), centre, atol=1e-12)


def test_reach_adds_a_rim_that_repeats_the_edge():
    texels = find_texels(SQUARE_UV, SQUARE_FACES, height=32, width=32, reach=1.6)
    found = texels.interpolate(SQUARE_FACES, SQUARE_UV)
    assert len(texels.face) > 16 * 16
    assert found.min() >= 0.25 - 1e-12
    assert found.max() <= 0.75 + 1e-12


def test_gutters_take_the_nearest_colour_and_fade_to_the_background():
    texels = find_texels(SQUARE_UV, SQUARE_FACES, height=64, width=64)
    image = to_image(texels, np.tile([0.8, 0.1, 0.1], (len(texels.face), 1)), background=np.zeros(3))
    assert (image[12, 32] == encode_srgb(np.array([0.8, 0.1, 0.1]))).all()
    assert (image[0, 0] == 0).all()


def floor_and_roof() -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[-1.0, 0, -1], [-1, 0, 1], [1, 0, 1], [1, 0, -1]])
    roof = corners * [0.5, 1, 0.5] + [0, 0.5, 0]
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    return np.concatenate([corners, roof]), np.concatenate([faces, faces + 4])


def test_a_roof_casts_a_shadow():
    vertices, faces = floor_and_roof()
    sun = (Light(np.array([0.0, 1.0, 0.0]), np.ones(3)),)
    points = np.array([[0.0, 0, 0], [0.8, 0, 0.8]])
    light = irradiance(points, np.tile([0.0, 1, 0], (2, 1)), vertices, faces, sun, resolution=256, wrap=0.0)
    assert light[0].max() == 0
    np.testing.assert_allclose(light[1], 1)


def test_a_surface_does_not_shade_itself_and_its_back_is_dark():
    vertices, faces = floor_and_roof()
    slanted = (Light(np.array([0.6, 0.8, 0.0]), np.ones(3)),)
    points = np.array([[0.2, 0.5, 0.1]])
    lit = irradiance(points, np.array([[0.0, 1, 0]]), vertices, faces, slanted, resolution=256, wrap=0.0)
    np.testing.assert_allclose(lit, 0.8, rtol=1e-6)
    assert (
        irradiance(points, np.array([[0.0, -1, 0]]), vertices, faces, slanted, resolution=256, wrap=0.0).max()
        == 0
    )


def test_the_studio_gives_a_surface_that_faces_the_key_about_unit_light():
    key = np.array([-0.45, 0.60, 0.66])
    normals = np.stack([key / np.linalg.norm(key), [0.0, -1, 0]])
    far_away = np.array([[0.0, 100, 0], [1, 100, 0], [0, 100, 1]])
    light = irradiance(
        np.zeros((2, 3)), normals, far_away, np.array([[0, 1, 2]]), studio(), resolution=64, wrap=0.0
    )
    assert 0.9 < light[0].mean() < 1.2
    assert light[1].mean() < 0.5


def test_normals_point_outwards():
    vertices, faces = floor_and_roof()
    np.testing.assert_allclose(vertex_normals(vertices, faces), np.tile([0.0, 1, 0], (8, 1)), atol=1e-12)


@pytest.mark.parametrize("colour", ["#000000", "#ffffff", "#c4572f"])
def test_srgb_round_trip(colour):
    linear = decode_srgb(colour)
    assert encode_srgb(linear).tolist() == [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
