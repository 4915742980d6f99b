"""Bilinear sampling against a plain twin."""

import numpy as np
import pytest

from dinar.runtime.cpu.sample import sample


def sample_reference(texture, uv, coverage):
    """The plain twin, in float64: clamp, then mix the four texels around each point."""
    height, width, _ = texture.shape
    texture = texture.astype(np.float64)
    x = np.clip(uv[..., 0].astype(np.float64) * width - 0.5, 0, width - 1)
    y = np.clip(uv[..., 1].astype(np.float64) * height - 0.5, 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[..., None], (y - top)[..., None]
    upper = texture[top, left] * (1 - across) + texture[top, right] * across
    lower = texture[bottom, left] * (1 - across) + texture[bottom, right] * across
    return np.where(coverage[..., None] > 0, upper * (1 - down) + lower * down, 0)


def sampled(texture, uv, coverage=None):
    uv = np.asarray(uv, np.float32)
    coverage = np.ones(uv.shape[:-1], np.uint8) if coverage is None else coverage
    out = np.full((*coverage.shape, texture.shape[2]), np.nan, np.float32)
    sample(texture, uv, coverage, out)
    return out


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.uint8])
@pytest.mark.parametrize("shape", [(16, 16, 21), (7, 33, 3), (1, 1, 1), (1, 5, 16)])
@pytest.mark.parametrize("pictures", [(), (2,)])
def test_equals_the_plain_twin(dtype, shape, pictures):
    rng = np.random.default_rng(0)
    texture = rng.uniform(0, 255, shape).astype(dtype)
    uv = rng.uniform(-0.2, 1.2, (*pictures, 19, 23, 2)).astype(np.float32)
    coverage = rng.integers(0, 2, uv.shape[:-1]).astype(np.uint8)
    np.testing.assert_allclose(
        sampled(texture, uv, coverage), sample_reference(texture, uv, coverage), atol=2e-3
    )


def test_texel_centres_give_the_texels():
    texture = np.random.default_rng(1).uniform(0, 1, (5, 8, 4)).astype(np.float32)
    rows, columns = np.mgrid[:5, :8]
    uv = np.stack([(columns + 0.5) / 8, (rows + 0.5) / 5], axis=-1)
    np.testing.assert_allclose(sampled(texture, uv), texture, atol=1e-6)


def test_the_border_goes_on_beyond_the_outermost_centres():
    texture = np.arange(4, dtype=np.float32).reshape(2, 2, 1)
    corners = [[[0, 0], [1, 0], [0, 1], [1, 1], [-3, -3], [9, 9]]]
    assert sampled(texture, corners).ravel().tolist() == [0, 1, 2, 3, 0, 3]


def test_coordinates_that_are_not_finite_stay_inside_the_texture():
    texture = np.arange(1, 5, dtype=np.float32).reshape(2, 2, 1)
    wild = [[[np.nan, 0], [0, np.nan], [np.inf, 0], [-np.inf, np.inf]]]
    assert sampled(texture, wild).ravel().tolist() == [1, 1, 2, 3]


def test_views_that_are_not_contiguous_are_read_right():
    rng = np.random.default_rng(2)
    texture = rng.uniform(0, 1, (3, 9, 8)).astype(np.float32).transpose(2, 1, 0)
    uv = rng.uniform(0, 1, (2, 11, 7)).astype(np.float32).transpose(2, 1, 0)
    np.testing.assert_allclose(
        sampled(texture, uv), sample_reference(texture, uv, np.ones((7, 11))), atol=1e-6
    )


UV, COVERED = np.zeros((4, 4, 2), np.float32), np.ones((4, 4), np.uint8)
TEXTURE, OUT = np.zeros((2, 2, 3), np.float32), np.zeros((4, 4, 3), np.float32)


@pytest.mark.parametrize(
    "arguments",
    [
        (TEXTURE[0], UV, COVERED, OUT),
        (TEXTURE[:0], UV, COVERED, OUT),
        (TEXTURE.astype(np.int32), UV, COVERED, OUT),
        (TEXTURE, UV[:2], COVERED, OUT),
        (TEXTURE, UV, COVERED, OUT[..., :2]),
        (TEXTURE, UV.astype(np.float64), COVERED, OUT),
        (TEXTURE, UV, COVERED.astype(bool), OUT),
        (TEXTURE, UV, COVERED, OUT.astype(np.float64)),
        (TEXTURE, UV, COVERED, np.zeros((3, 4, 4), np.float32).transpose(1, 2, 0)),
    ],
)
def test_wrong_arguments_are_refused_with_a_sentence(arguments):
    with pytest.raises(ValueError, match="sample expects"):
        sample(*arguments)
