"""The network's input on the GPU: the bytes of the CPU's sampler as fp16, channels padded to 24."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.avatar import Avatar, Texture
from dinar.runtime.body import Pose
from dinar.runtime.camera import orbit, stereo_pair
from dinar.runtime.cpu.channels import sample_channels
from dinar.runtime.cpu.rasterize import Visibility
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.network_input import CHANNELS, RASTER_CHANNELS
from dinar.runtime.prepare.faces import gather_corner_uv
from dinar.runtime.prepare.mesh import SkinnedMesh, skinned_body
from dinar.runtime.prepare.neural_texture import NeuralTexture, make_neural_texture, pack_corners

from .on_arrays import keys_of, over_pixels, see_on_cpu, views_of

PADDED = 24
WIDTH, HEIGHT = 120, 170
CAMERAS = stereo_pair(orbit((0, 0.9, 0), 0.4, 0.1, 3.0, fov_y=0.7, width=WIDTH, height=HEIGHT), 0.3)


def noise(*size: int, rgb_size: tuple[int, int] | None = None) -> NeuralTexture:
    rng = np.random.default_rng(1)
    return make_neural_texture(
        Texture(
            rgb=rng.integers(0, 256, (*(rgb_size or size), 3), dtype=np.uint8),
            gen=rng.uniform(-1, 1, (*size, 16)).astype(np.float16),
            smp=rng.integers(0, 2, size, dtype=np.uint8),
            fill=rng.integers(0, 2, size, dtype=np.uint8),
        )
    )


class Sampler:
    """The bare body in one pose, seen by two cameras, sampled in both ways."""

    def __init__(self, mesh: SkinnedMesh, pose: Pose) -> None:
        faces = np.ascontiguousarray(mesh.faces, np.int32)
        self.seen: Visibility = see_on_cpu(Skinner(mesh)(pose), faces, CAMERAS, True, 1)
        self._corners = pack_corners(faces, gather_corner_uv(mesh.uv, mesh.uv_faces, len(faces)))

    def on_cpu(
        self, texture: NeuralTexture, height: int, width: int, corners: list[tuple[int, int]]
    ) -> np.ndarray:
        """Bytes [N, h, w, 22]."""
        out = np.zeros((len(corners), height, width * CHANNELS), np.uint8)
        for n, (left, top) in enumerate(corners):
            picture = self.seen.homogeneous[n], self.seen.triangle[n]
            spans = np.zeros((height, 2), np.int32)
            sample_channels(texture, self._corners, *picture, left, top, 1, spans, out[n])
        return out.reshape(len(corners), height, width, CHANNELS)

    def by_kernel(
        self, texture: NeuralTexture, height: int, width: int, corners: list[tuple[int, int]]
    ) -> np.ndarray:
        """fp16 [N, h, w, 24]."""
        rgb = texture.rgb if texture.rgb.size else None
        out = np.full((len(corners), height, width, PADDED), np.nan, np.float16)
        over_pixels(
            "channels",
            "sample_channels",
            (len(corners), height, width),
            views_of(CAMERAS, corners=corners),
            keys_of(self.seen),
            WIDTH,
            HEIGHT,
            self.seen.homogeneous.shape[1],
            self.seen.homogeneous,
            self._corners,
            texture.texels,
            *texture.texels.shape[:2],
            rgb,
            *texture.rgb.shape[:2],
            height,
            width,
            out,
        )
        return out


@pytest.fixture(scope="module")
def sampler(avatar: Avatar, poses: list[Pose]) -> Sampler:
    return Sampler(skinned_body(avatar.body, avatar.betas), poses[1])


@pytest.mark.parametrize(
    "texture",
    [noise(64, 48), noise(64, 48, rgb_size=(100, 90)), noise(1, 1), noise(2, 2, rgb_size=(1, 3))],
    ids=["one size", "rgb of another size", "one texel", "tiny"],
)
def test_equals_the_bytes_of_the_cpu(sampler: Sampler, texture: NeuralTexture) -> None:
    corners = [(8, 10), (20, 4)]
    found = sampler.by_kernel(texture, 160, 96, corners)
    wanted = sampler.on_cpu(texture, 160, 96, corners)
    values = 255 * found.astype(np.float64)
    assert np.abs(values[..., :CHANNELS] - wanted).max() <= 1.07  # one byte, and what fp16 rounds
    assert (np.rint(values[..., :CHANNELS]) == wanted).mean() > 0.999
    assert not found[..., CHANNELS:].any()


def test_values_are_bytes_over_255_and_coverage_is_one(sampler: Sampler) -> None:
    found = sampler.by_kernel(noise(64, 48), 160, 96, [(8, 10), (20, 4)])
    steps = (np.arange(256, dtype=np.float32) / np.float32(255)).astype(np.float16)
    assert np.isin(found, steps).all()
    coverage = found[..., RASTER_CHANNELS.index("coverage")]
    np.testing.assert_array_equal(coverage[0], sampler.seen.triangle[0, 10:170, 8:104] >= 0)
    np.testing.assert_array_equal(coverage[1], sampler.seen.triangle[1, 4:164, 20:116] >= 0)
    assert not found[coverage == 0].any()
    assert 0.05 < coverage.mean() < 0.95


def test_a_crop_over_the_border_is_empty_beyond_it(sampler: Sampler) -> None:
    texture, corners = noise(64, 48), [(WIDTH - 60, HEIGHT - 100), (0, HEIGHT - 100)]
    found = sampler.by_kernel(texture, 128, 128, corners)
    whole = sampler.by_kernel(texture, HEIGHT, WIDTH, [(0, 0), (0, 0)])
    for n, (left, top) in enumerate(corners):
        wanted = np.zeros_like(found[n])
        part = whole[n, top : top + 128, left : left + 128]
        wanted[: part.shape[0], : part.shape[1]] = part
        np.testing.assert_array_equal(found[n], wanted)
        assert part.any()
