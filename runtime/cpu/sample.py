"""Bilinear sampling of textures with any number of channels at rasterized coordinates (DINAR Sec. 3.1)."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


def sample(texture: np.ndarray, uv: np.ndarray, coverage: np.ndarray, out: np.ndarray) -> None:
    """Sample a texture at every covered pixel; the others become 0.

    The centre of texel (row r, column c) is at uv ((c + .5) / Wt, (r + .5) / Ht); beyond the outermost
    centres the border texels go on (NaN counts as 0). Values keep their unit: uint8 texels give 0 to 255.

    Args:
        texture: float16, float32 or uint8 [Ht, Wt, C]. float16 is widened on each call.
        uv: float32 [..., H, W, 2], texture coordinates, v down.
        coverage: uint8 [..., H, W], 0 where nothing is to be sampled.
        out: float32 [..., H, W, C], written.
    """
    if texture.ndim != 3 or texture.size == 0:
        raise ValueError(f"sample expects a texture [Ht, Wt, C], not {texture.shape}")
    if texture.dtype not in (np.float16, np.float32, np.uint8):
        raise ValueError(f"sample expects a texture of float16, float32 or uint8, not {texture.dtype}")
    shape, channels = coverage.shape, texture.shape[2]
    if coverage.ndim < 2 or uv.shape != (*shape, 2) or out.shape != (*shape, channels):
        raise ValueError(
            f"sample expects coverage [..., H, W], uv [..., H, W, 2] and out [..., H, W, {channels}], "
            f"not {shape}, {uv.shape} and {out.shape}"
        )
    if (uv.dtype, coverage.dtype, out.dtype) != (np.float32, np.uint8, np.float32):
        raise ValueError(
            f"sample expects uv float32, coverage uint8 and out float32, "
            f"not {uv.dtype}, {coverage.dtype} and {out.dtype}"
        )
    if not out.flags.c_contiguous:
        raise ValueError("sample expects out to be contiguous")
    if texture.dtype == np.float16:
        texture = texture.astype(np.float32)
    width = shape[-1]
    _sample_rows(
        np.ascontiguousarray(texture),
        np.ascontiguousarray(uv).reshape(-1, width, 2),
        np.ascontiguousarray(coverage).reshape(-1, width),
        out.reshape(-1, width, channels),
    )


@njit(inline="always")
def texel_pair(coordinate: np.float32, count: int) -> tuple[int, int, np.float32]:
    """Return the two texels on either side of a texture coordinate, and the weight of the second.

    Args:
        coordinate: u or v.
        count: texels along it.
    """
    at = coordinate * np.float32(count) - np.float32(0.5)
    if not at > np.float32(0.0):  # NaN as well
        at = np.float32(0.0)
    at = min(at, np.float32(count - 1))
    low = int(at)
    return low, min(low + 1, count - 1), at - np.float32(low)


@njit(cache=True, nogil=True, parallel=True)
def _sample_rows(texture: np.ndarray, uv: np.ndarray, coverage: np.ndarray, out: np.ndarray) -> None:
    """Sample texture [Ht, Wt, C] for rows of pixels: uv [R, W, 2], coverage [R, W], out [R, W, C]."""
    texture_height, texture_width, channels = texture.shape
    one = np.float32(1.0)
    for row in prange(coverage.shape[0]):
        for column in range(coverage.shape[1]):
            if coverage[row, column] == 0:
                for c in range(channels):
                    out[row, column, c] = 0
                continue
            left, right, across = texel_pair(uv[row, column, 0], texture_width)
            top, bottom, down = texel_pair(uv[row, column, 1], texture_height)
            weight_00, weight_01 = (one - across) * (one - down), across * (one - down)
            weight_10, weight_11 = (one - across) * down, across * down
            for c in range(channels):
                upper = texture[top, left, c] * weight_00 + texture[top, right, c] * weight_01
                lower = texture[bottom, left, c] * weight_10 + texture[bottom, right, c] * weight_11
                out[row, column, c] = upper + lower
