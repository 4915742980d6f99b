"""Textures: what painters say is what texels hold, at every level."""

from dataclasses import replace

import numpy as np

from dinar.trainer.data.people.part import Paint, Part, PartUv
from dinar.trainer.data.synth.mesh import join_parts
from dinar.trainer.data.synth.textures import LEVELS, bake


def square(painter, size=64):
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    weights = np.zeros((4, 55))
    weights[:, 0] = 1
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    uv = PartUv(np.array([[0.25, 0.75], [0.75, 0.75], [0.75, 0.25], [0.25, 0.25]]), faces, size)
    nothing = np.zeros((4, 3), np.int32)
    return Part("skin", vertices, faces, weights, nothing, nothing.astype(float), painter, uv=uv)


def ramp(points):
    albedo = np.stack([points.position[:, 0], points.position[:, 1], np.full(len(points.position), 0.2)], 1)
    tilted = points.normal + np.array([0.3, -0.1, 0])
    cavity = np.where(points.position[:, 0] < 0.5, 1.0, 0.4)
    return Paint(albedo, tilted, cavity)


def level(textures, k):
    first, width, height = textures.levels[0, k]
    return textures.texels[first : first + width * height].reshape(height, width, -1).astype(float)


def test_texels_hold_albedo_normal_and_cavity():
    parts = (square(ramp),)
    textures = bake(parts, join_parts(parts))
    image = level(textures, 0)
    inside = image[16:48, 16:48]
    x = (np.arange(32) + 0.5) / 32
    np.testing.assert_allclose((inside[..., 0] / 255) ** 2, np.tile(x, (32, 1)), atol=0.006)
    np.testing.assert_allclose((inside[..., 1] / 255) ** 2, np.tile(1 - x[:, None], (1, 32)), atol=0.006)
    np.testing.assert_allclose(
        (inside[..., 3:6] - 128) / 127, np.tile([0.3, -0.1, 0], (32, 32, 1)), atol=0.005
    )
    np.testing.assert_allclose(inside[4, [2, 29], 6] / 255, [1, 0.4], atol=0.003)


def test_coarser_levels_are_the_mean_of_light_and_gutters_bring_in_nothing_foreign():
    parts = (square(lambda p: replace(ramp(p), albedo=np.full((len(p.position), 3), 0.49))),)
    textures = bake(parts, join_parts(parts))
    for k in range(LEVELS):
        image = level(textures, k)
        assert image.shape[0] == 64 >> k
        middle = image[image.shape[0] // 4 : -image.shape[0] // 4 or None]
        np.testing.assert_allclose((middle[:, len(middle) // 2 :][:, :1, :3] / 255) ** 2, 0.49, atol=0.01)
    # Whatever bilinear fetches at the chart's rim find is the chart's own colour.
    near = level(textures, 0)[12:52, 12:52, :3]
    np.testing.assert_allclose((near / 255) ** 2, 0.49, atol=0.01)


def test_each_part_has_its_own_texels():
    red = square(
        lambda p: Paint(np.tile([1.0, 0, 0], (len(p.position), 1)), p.normal, np.ones(len(p.position)))
    )
    parts = (square(ramp), replace(red, uv=replace(red.uv, size=32)))
    textures = bake(parts, join_parts(parts))
    assert textures.levels[1, 0].tolist() == [sum((64 >> k) ** 2 for k in range(LEVELS)), 32, 32]
    first = textures.levels[1, 0, 0]
    assert textures.texels[first + 16 * 32 + 16, :3].tolist() == [255, 0, 0]
