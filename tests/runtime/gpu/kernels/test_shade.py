"""Texture colours on the GPU against the CPU's, from the same triangles."""

from __future__ import annotations

import numpy as np
import pytest

from dinar.runtime.camera import Camera, orbit, stereo_pair
from dinar.runtime.cpu.rasterize import Visibility
from dinar.runtime.cpu.shade import shade
from dinar.runtime.prepare.surface import DrawnSurface

from .on_arrays import keys_of, over_pixels, see_on_cpu


def look_from(distance: float, width: int, height: int) -> list[Camera]:
    camera = orbit((0, 0.9, 0), 0.4, 0.1, distance, fov_y=0.7, width=width, height=height)
    return stereo_pair(camera, 0.064)


def shade_on_cpu(drawn: DrawnSurface, seen: Visibility, samples: int) -> np.ndarray:
    side = 1 if samples == 1 else 2
    views, height, width = seen.triangle.shape
    rgba = np.full((views, height // side, width // side), 0xCDCDCDCD, np.uint32)
    for n in range(views):
        box = np.array([0, 0, width // side, height // side])
        shade(drawn.surface, seen.homogeneous[n], seen.triangle[n], samples, box, 1, rgba[n])
    return rgba.view(np.uint8).reshape(*rgba.shape, 4)


def shade_by_kernel(drawn: DrawnSurface, seen: Visibility, samples: int) -> np.ndarray:
    side = 1 if samples == 1 else 2
    views, height, width = seen.triangle.shape
    rgba = np.full((views, height // side, width // side), 0xCDCDCDCD, np.uint32)
    over_pixels(
        "shade",
        "shade",
        rgba.shape,
        keys_of(seen),
        width // side,
        height // side,
        samples,
        seen.homogeneous.shape[1],
        seen.homogeneous,
        drawn.surface.faces,
        drawn.surface.texels,
        drawn.surface.levels,
        drawn.surface.levels.shape[1],
        rgba,
    )
    return rgba.view(np.uint8).reshape(*rgba.shape, 4)


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("distance", [0.6, 3.2, 12.0], ids=["near", "whole", "far"])
def test_colours_and_alpha_are_those_of_the_cpu(
    drawn: DrawnSurface, dance: list[np.ndarray], distance: float, samples: int
) -> None:
    for vertices in dance[:2]:
        seen = see_on_cpu(vertices, drawn.faces, look_from(distance, 110, 130), drawn.cull, samples)
        found, wanted = shade_by_kernel(drawn, seen, samples), shade_on_cpu(drawn, seen, samples)
        np.testing.assert_array_equal(found[..., 3], wanted[..., 3])
        assert len(np.unique(wanted[..., 3])) == 1 + samples
        difference = np.abs(found.astype(int) - wanted)
        assert difference.max() <= 2
        assert (difference > 1).mean() < 1e-3


def test_every_pixel_is_written(drawn: DrawnSurface, dance: list[np.ndarray]) -> None:
    seen = see_on_cpu(dance[0] + np.float32(100), drawn.faces, look_from(3.2, 37, 21), drawn.cull, 4)
    assert not shade_by_kernel(drawn, seen, 4).any()
