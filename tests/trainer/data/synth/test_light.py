"""Light with shadows: dark where something is in the way, even where nothing is."""

import numpy as np
import pytest

from dinar.trainer.data.synth.light import (
    Light,
    cast_shadows,
    gather_ambient,
    gather_key,
    sphere_directions,
    unit,
)


def grid(half, height, count=40):
    """A square, seen from both sides: vertices float32, faces int32."""
    x = np.linspace(-half, half, count)
    xx, zz = np.meshgrid(x, x)
    vertices = np.stack([xx.ravel(), np.full(count * count, height), zz.ravel()], 1).astype(np.float32)
    r, c = np.meshgrid(np.arange(count - 1), np.arange(count - 1), indexing="ij")
    a = (r * count + c).ravel()
    faces = np.concatenate(
        [np.stack([a, a + count, a + 1], 1), np.stack([a + 1, a + count, a + count + 1], 1)]
    )
    return vertices, faces.astype(np.int32)


def ball(radius=0.5, count=96):
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, count), np.linspace(0, np.pi, count // 2))
    normal = np.stack([np.sin(rise) * np.sin(turn), np.cos(rise), np.sin(rise) * np.cos(turn)], -1).reshape(
        -1, 3
    )
    r, c = np.meshgrid(np.arange(count // 2 - 1), np.arange(count - 1), indexing="ij")
    a = (r * count + c).ravel()
    faces = np.concatenate(
        [np.stack([a, a + count, a + 1], 1), np.stack([a + 1, a + count, a + count + 1], 1)]
    )
    return (radius * normal).astype(np.float32), faces.astype(np.int32), normal.astype(np.float32)


def light(direction=(0.0, 1.0, 0.0), softness=0.01, count=40):
    return Light(
        key_direction=unit(np.array(direction)),
        key_colour=np.ones(3),
        key_softness=softness,
        directions=sphere_directions(count),
        colours=np.full((count, 3), 4.0 / count),
    )


def under_a_roof(points, softness=0.01):
    floor, floor_faces = grid(1.0, 0.0)
    roof, roof_faces = grid(0.3, 0.5)
    vertices = np.concatenate([floor, roof])
    faces = np.concatenate([floor_faces, roof_faces + len(floor)])
    lamp = light(softness=softness)
    up = np.tile(np.array([0, 1, 0], np.float32), (len(points), 1))
    shadows = cast_shadows(lamp, vertices, faces)
    return (
        gather_key(lamp, shadows, points.astype(np.float32), up),
        gather_ambient(lamp, shadows, points.astype(np.float32), up, up, 0.0)[:, 0],
    )


def test_a_roof_keeps_the_key_light_off_and_dims_the_rest():
    points = np.array([[0.0, 0, 0], [0.8, 0, 0.8], [0.6, 0, 0]])
    key, ambient = under_a_roof(points)
    assert key.tolist() == [0, 1, 1]
    assert ambient[0] < 0.75 * ambient[1]
    assert ambient[0] < ambient[2] < ambient[1] + 0.05


def test_a_broad_light_has_a_broad_penumbra():
    across = np.stack([np.linspace(0.1, 0.5, 81), np.zeros(81), np.zeros(81)], 1)

    def width(softness):
        key, _ = under_a_roof(across, softness)
        return ((key > 0.1) & (key < 0.9)).sum()

    assert width(0.3) > width(0.15) > width(0.01)
    assert width(0.01) <= 4


def test_an_open_floor_gets_the_whole_half_sphere():
    floor, faces = grid(1.0, 0.0)
    lamp = light(count=400)
    up = np.tile(np.array([0, 1, 0], np.float32), (3, 1))
    points = np.array([[0, 0, 0], [0.5, 0, 0.2], [-0.3, 0, -0.6]], np.float32)
    # Mean of cos over the sphere's upper half, times 4: 4 * 1/4.
    found = gather_ambient(lamp, cast_shadows(lamp, floor, faces), points, up, up, 0.0)
    np.testing.assert_allclose(found, 1.0, atol=0.02)


@pytest.mark.parametrize("direction", [(0, 1, 0), (1, 0.2, 0.3), (-0.3, 0.1, 1)])
def test_a_ball_does_not_shade_its_own_lit_side(direction):
    vertices, faces, normals = ball()
    lamp = light(direction)
    shadows = cast_shadows(lamp, vertices, faces)
    centre = vertices[faces].mean(1)
    outward = normals[faces].mean(1)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    facing = outward @ lamp.key_direction
    key = gather_key(lamp, shadows, centre, outward)
    assert key[facing > 0.15].min() > 0.99
    assert key[facing < -0.3].max() < 0.01
    ambient = gather_ambient(lamp, shadows, centre, outward, outward, 0.0)[:, 0]
    assert ambient.min() > 0.9
    assert ambient.max() < 1.1
