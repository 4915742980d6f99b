"""The differentiable rasterizer gives the network in training what the runtime gives it live."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from dinar.runtime.avatar import default_avatar_path, open_avatar
from dinar.runtime.body import load_body, open_body_path
from dinar.runtime.cpu.rasters import RasterSource
from dinar.runtime.cpu.sample import sample
from dinar.runtime.network_input import CHANNELS
from dinar.trainer.rasterize.rasterizer import (
    BodyRaster,
    CpuBodyRasterizer,
    network_raster,
    open_rasterizer,
    sample_plainly,
    sample_texture,
    view_parameters,
)
from dinar.trainer.texture.body_view import view_body

from .body_views import body_view, body_views


@pytest.fixture(scope="module")
def body():
    return load_body(open_body_path())


def random_raster(count: int, height: int, width: int, seed: int = 0) -> BodyRaster:
    """Any texture coordinates, also at and beyond the border texels' centres, at two thirds of the pixels."""
    generator = torch.Generator().manual_seed(seed)
    uv = torch.rand(count, height, width, 2, generator=generator)
    uv[:, 0, :4] = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.999, 0.001]])
    return BodyRaster(uv, torch.rand(count, height, width, generator=generator) < 0.67)


def random_texture(count: int, channels: int, height: int, width: int) -> torch.Tensor:
    """Values in [-1, 1]."""
    return 2 * torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(1)) - 1


# --- Which texel is where ---


def test_the_body_is_where_its_view_has_it(body):
    views = body_views(body, (0, 1, 2), 96)
    raster = CpuBodyRasterizer(body)(views)
    assert raster.uv.shape == (3, 96, 104, 2)
    for n, seed in enumerate((0, 1, 2)):
        view = body_view(body, seed, 96)
        wanted = view_body(body, view.betas, view.pose, view.camera)
        coverage, uv = raster.coverage[n].numpy(), raster.uv[n].numpy()
        assert (coverage == wanted.coverage).mean() > 0.9995  # the batch rounds cameras to float32
        error = np.abs(uv - wanted.uv).max(2)[coverage & wanted.coverage]
        assert np.mean(error < 1e-3) > 0.998  # but for pixels that see another triangle
        assert (uv[~coverage] == 0).all()
        assert 0.05 < coverage.mean() < 0.6


def test_a_rasterizer_takes_pictures_of_any_size_in_turn(body):
    rasterizer = CpuBodyRasterizer(body)
    first = rasterizer(body_views(body, (3,), 64))
    assert rasterizer(body_views(body, (3,), 40)).uv.shape == (1, 40, 48, 2)
    again = rasterizer(body_views(body, (3,), 64))
    assert torch.equal(first.uv, again.uv)
    assert torch.equal(first.coverage, again.coverage)


def test_the_runtimes_rasterizer_is_taken_where_nvdiffrast_is_not(body, monkeypatch):
    monkeypatch.setitem(sys.modules, "nvdiffrast", None)
    for device in ("cpu", "cuda"):
        assert isinstance(open_rasterizer(body, torch.device(device)), CpuBodyRasterizer)


def test_parameters_of_a_view_are_those_it_was_batched_from(body):
    view = body_view(body, 5, 32)
    betas, pose, camera = view_parameters(body_views(body, (4, 5), 32), 1)
    np.testing.assert_array_equal(betas, view.betas)
    np.testing.assert_array_equal(pose.rotations, view.pose.rotations)
    np.testing.assert_allclose(camera.K, view.camera.K, rtol=1e-6)
    assert (camera.width, camera.height) == (40, 32)


# --- Sampling ---


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 1, 1), (3, 37, 53), (22, 64, 64)])
def test_sampling_is_the_runtimes(channels, height, width):
    raster, texture = random_raster(2, 24, 31), random_texture(2, channels, height, width)
    sampled = sample_texture(texture, raster)
    for n in range(2):
        wanted = np.zeros((24, 31, channels), np.float32)
        texels = np.ascontiguousarray(texture[n].permute(1, 2, 0).numpy())
        sample(texels, raster.uv[n].numpy(), raster.coverage[n].numpy().astype(np.uint8), wanted)
        np.testing.assert_allclose(sampled[n].permute(1, 2, 0), wanted, atol=1e-5)
    assert (sampled.permute(0, 2, 3, 1)[~raster.coverage] == 0).all()


def test_torchs_own_sampling_is_the_same():
    raster, plain = random_raster(2, 24, 31), random_texture(2, 5, 37, 53).requires_grad_()
    fast = plain.detach().clone().requires_grad_()
    one, other = sample_plainly(plain, raster), sample_texture(fast, raster)
    torch.testing.assert_close(one, other, atol=1e-4, rtol=0)
    weight = torch.rand(one.shape, generator=torch.Generator().manual_seed(2))
    (one * weight).sum().backward()
    (other * weight).sum().backward()
    torch.testing.assert_close(plain.grad, fast.grad, atol=1e-3, rtol=1e-3)


def test_gradients_are_finite_differences():
    raster, texture = random_raster(2, 9, 8), random_texture(2, 2, 3, 4).requires_grad_()
    weight = random_texture(2, 2, 9, 8)

    def value(t: torch.Tensor) -> torch.Tensor:
        return (sample_texture(t, raster) * weight).double().sum()

    value(texture).backward()
    step = 0.5  # sampling is linear: any step will do
    for at in np.ndindex(2, 2, 3, 4):
        higher, lower = texture.detach().clone(), texture.detach().clone()
        higher[at] += step
        lower[at] -= step
        slope = (value(higher) - value(lower)) / (2 * step)
        assert float(texture.grad[at]) == pytest.approx(float(slope), abs=1e-5)


def test_a_texel_that_nobody_sees_gets_no_gradient():
    uv = torch.full((1, 4, 4, 2), 0.25)  # between texels 1 and 2 of 8, in both directions
    raster = BodyRaster(uv, torch.ones(1, 4, 4, dtype=torch.bool))
    texture = random_texture(1, 2, 8, 8).requires_grad_()
    sample_texture(texture, raster).sum().backward()
    seen = torch.zeros(8, 8)
    seen[1:3, 1:3] = 4.0  # 16 pixels, a quarter each
    torch.testing.assert_close(texture.grad, seen.expand(1, 2, 8, 8))

    texture.grad = None
    hidden = BodyRaster(uv, torch.zeros(1, 4, 4, dtype=torch.bool))
    sample_texture(texture, hidden).sum().backward()
    assert (texture.grad == 0).all()


def test_gradients_do_not_depend_on_the_number_of_threads():
    import numba

    raster, texture = random_raster(3, 40, 40), random_texture(3, 4, 16, 16).requires_grad_()
    gradients, threads = [], numba.get_num_threads()
    try:
        for count in (1, threads):
            numba.set_num_threads(count)
            texture.grad = None
            sample_texture(texture, raster).square().sum().backward()
            gradients.append(texture.grad.clone())
    finally:
        numba.set_num_threads(threads)
    assert torch.equal(*gradients)


def test_a_texture_for_each_view_is_needed():
    with pytest.raises(ValueError, match="a texture for each of 2 views, not 1"):
        sample_texture(random_texture(1, 3, 4, 4), random_raster(2, 4, 4))


# --- The network's input ---


@pytest.mark.parametrize("rgb_side", [256, 512])
def test_the_networks_input_is_the_runtimes_within_a_byte(rgb_side):
    random = np.random.default_rng(0)
    avatar = open_avatar(default_avatar_path())
    bits = random.integers(0, 2, (2, 256, 256), np.uint8)
    texture = replace(
        avatar.texture,
        gen=random.uniform(-1, 1, (256, 256, 16)).astype(np.float16),
        rgb=random.integers(0, 256, (rgb_side, rgb_side, 3), np.uint8),
        smp=bits[0],
        fill=bits[1],
        photo=None,
    )
    avatar = replace(avatar, texture=texture)
    view = body_view(avatar.body, 6, 120)
    view = replace(view, betas=avatar.betas)
    live = RasterSource(avatar, 120, 128).draw(view.pose, view.camera)

    seen = view_body(avatar.body, view.betas, view.pose, view.camera)
    raster = BodyRaster(torch.from_numpy(seen.uv)[None], torch.from_numpy(seen.coverage)[None])
    trained = network_raster(
        torch.from_numpy(texture.gen.astype(np.float32)).permute(2, 0, 1)[None],
        torch.from_numpy(texture.rgb).permute(2, 0, 1)[None] / 255,
        torch.from_numpy(bits[:1])[None].float(),
        torch.from_numpy(bits[1:])[None].float(),
        raster,
    )
    assert trained.shape == (1, CHANNELS, 120, 128)
    difference = np.abs(trained[0].permute(1, 2, 0).numpy() - live / np.float32(255))
    same = seen.coverage == (live[..., -1] > 0)
    assert same.mean() > 0.9995
    off = difference.max(2)[same]
    assert np.mean(off < 1.05 / 255) > 0.997  # but for pixels that see another triangle, on noise


def test_gradients_reach_all_that_is_trained():
    raster = random_raster(1, 12, 12)
    gen, rgb = random_texture(1, 16, 8, 8).requires_grad_(), random_texture(1, 3, 8, 8).requires_grad_()
    ones = torch.ones(1, 1, 8, 8)
    result = network_raster(gen, rgb, ones, ones, raster)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result[:, -1], raster.coverage.float())
    torch.testing.assert_close(result[:, -2], raster.coverage.float())
    result.sum().backward()
    torch.testing.assert_close(gen.grad.sum(), 0.5 * 16 * raster.coverage.sum())
    torch.testing.assert_close(rgb.grad.sum(), 3.0 * raster.coverage.sum())
