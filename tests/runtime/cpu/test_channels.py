"""The network's input against the plain way there: interpolate, then sample each group."""

import numpy as np
import pytest

from dinar.runtime.avatar import Texture
from dinar.runtime.camera import look_at
from dinar.runtime.cpu.channels import sample_channels
from dinar.runtime.cpu.rasterize import Rasterizer, rasterize
from dinar.runtime.cpu.sample import sample
from dinar.runtime.errors import DinarError
from dinar.runtime.network_input import CHANNELS, RASTER_CHANNELS
from dinar.runtime.prepare.faces import gather_corner_uv
from dinar.runtime.prepare.neural_texture import make_neural_texture, pack_corners

WIDTH, HEIGHT = 150, 110
CAMERA = look_at((0, 0, 3), (0.2, 0, 0), (0, 1, 0), 0.8, WIDTH, HEIGHT)


def make_texture(size=(40, 56), rgb_size=None):
    rng = np.random.default_rng(1)
    return Texture(
        rgb=rng.integers(0, 256, (*(rgb_size or size), 3), dtype=np.uint8),
        gen=rng.uniform(-1, 1, (*size, 16)).astype(np.float16),
        smp=rng.integers(0, 2, size, dtype=np.uint8),
        fill=rng.integers(0, 2, size, dtype=np.uint8),
    )


def make_mesh():
    """Triangles that overlap, near and far, at all angles, with texture coordinates of their own."""
    rng = np.random.default_rng(2)
    centres = rng.uniform((-1, -0.8, -1), (1, 0.8, 1), (200, 1, 3))
    vertices = (centres + 0.2 * rng.standard_normal((200, 3, 3))).reshape(-1, 3).astype(np.float32)
    faces = np.arange(600, dtype=np.int32).reshape(-1, 3)
    return vertices, faces, rng.random((600, 2)).astype(np.float32), faces


MESH = make_mesh()


def reference(texture):
    """Float [H, W, 22], by interpolation of texture coordinates and one look at each group."""
    raster = rasterize(*MESH, [CAMERA], cull_back_faces=False)
    uv, coverage = raster.uv[0], raster.coverage[0]

    def sampled(values):
        out = np.zeros((HEIGHT, WIDTH, values.shape[2]), np.float32)
        sample(np.ascontiguousarray(values, np.float32), uv, coverage, out)
        return out

    groups = [127.5 * (1 + texture.gen.astype(np.float32)), texture.rgb, 255 * texture.smp[..., None]]
    groups += [255 * texture.fill[..., None], np.full((1, 1, 1), 255)]
    return np.concatenate([sampled(group) for group in groups], axis=-1)


def drawn(texture, left=0, top=0, width=160, height=128, *, workers=2, out=None, spans=None):
    vertices, faces, uv, uv_faces = MESH
    rasterizer = Rasterizer(faces, len(vertices), WIDTH, HEIGHT)
    seen = rasterizer.draw(vertices, [CAMERA], cull_back_faces=False)
    out = np.zeros((height, width * CHANNELS), np.uint8) if out is None else out
    spans = np.zeros((height, 2), np.int32) if spans is None else spans
    sample_channels(
        make_neural_texture(texture),
        pack_corners(faces, gather_corner_uv(uv, uv_faces, len(faces))),
        seen.homogeneous[0],
        seen.triangle[0],
        left,
        top,
        workers,
        spans,
        out,
    )
    return out.reshape(height, width, CHANNELS)


@pytest.mark.parametrize("rgb_size", [None, (64, 31)], ids=["one size", "rgb of another size"])
def test_equals_interpolating_and_sampling(rgb_size):
    texture = make_texture(rgb_size=rgb_size)
    found, expected = drawn(texture)[:HEIGHT, :WIDTH].astype(float), reference(texture)
    np.testing.assert_array_equal(found[..., 21], expected[..., 21])
    assert expected[..., 21].mean() > 50
    error = np.abs(found - expected)
    # Texture coordinates jump here by the whole texture from face to face: slim faces magnify rounding.
    assert np.quantile(error[..., 16:], 0.999) <= 0.6  # half a step, for rounding to bytes
    assert np.quantile(error[..., :16], 0.999) <= 1.1  # half more: texels are bytes as well
    assert error.max() <= 5


def test_a_rectangle_is_that_part_of_the_picture_and_nothing_beyond_it():
    texture = make_texture()
    whole = drawn(texture)
    assert not whole[HEIGHT:].any()
    assert not whole[:, WIDTH:].any()
    part = drawn(texture, 96, 64, 96, 64)
    expected = np.zeros_like(part)
    expected[: HEIGHT - 64, : WIDTH - 96] = whole[64:HEIGHT, 96:WIDTH]
    assert np.abs(part.astype(int) - expected).max() <= 1  # rounding: a row's faces are entered elsewhere


def test_what_the_last_picture_left_is_cleared():
    texture = make_texture()
    out, spans = np.zeros((64, 64 * CHANNELS), np.uint8), np.zeros((64, 2), np.int32)
    for left, top in ((0, 0), (96, 64), (64, 32), (96, 96), (128, 0), (0, 0)):
        found = drawn(texture, left, top, 64, 64, out=out, spans=spans)
        np.testing.assert_array_equal(found, drawn(texture, left, top, 64, 64))


def test_the_number_of_threads_changes_nothing():
    texture = make_texture()
    for workers in (1, 3, 200):
        np.testing.assert_array_equal(drawn(texture, workers=workers), drawn(texture))


def test_gen_is_bounded_and_channels_are_in_the_networks_order():
    values = np.array([-7, -1, -0.5, 0, 0.5, 1, 7, *range(9)], np.float16)
    one, zero = np.ones((2, 2), np.uint8), np.zeros((2, 2), np.uint8)
    rgb = np.full((2, 2, 3), (10, 20, 30), np.uint8)
    texels = make_neural_texture(Texture(rgb, np.broadcast_to(values, (2, 2, 16)), one, zero)).texels[0, 0]
    named = dict(zip(RASTER_CHANNELS, texels.tolist(), strict=False))
    assert [named[f"gen{i}"] for i in range(8)] == [0, 0, 64, 128, 191, 255, 255, 128]
    expected = {"red": 10, "green": 20, "blue": 30, "smp": 255, "fill": 0, "coverage": 255}
    assert {name: named[name] for name in expected} == expected


def test_a_texture_without_what_the_network_reads_is_refused_with_a_sentence():
    texture = make_texture()
    with pytest.raises(DinarError, match=r"no gen and no fill.*--mode rgb"):
        make_neural_texture(Texture(texture.rgb, None, texture.smp, None))
    with pytest.raises(DinarError, match=r"\[40, 56\].*\[3, 3\]"):
        make_neural_texture(Texture(texture.rgb, texture.gen, np.zeros((3, 3), np.uint8), texture.fill))
