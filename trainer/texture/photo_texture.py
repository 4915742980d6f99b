"""Colours of a photo in the body's texture: T_rgb, B_smp and B_fill of Sec. 3.1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import ndimage

from dinar.runtime.body import Body
from dinar.trainer.texture.body_view import BodyView

GAP_REACH = 3
"""Texels: gaps up to twice as wide are small ones, and are filled."""


@dataclass(frozen=True, eq=False)
class PhotoTexture:
    """What one photo shows of the texture, side x side texels.

    Attributes:
        rgb: float32 [side, side, 3] in [0, 1], sRGB, T_rgb; 0 where nothing is known.
        sampled: bool [side, side], B_smp: texels that pixels fell on.
        filled: bool [side, side], B_fill: those, and small gaps filled by their neighbours.
        facing: float32 [side, side], cosine between normal and direction to the camera (see
            `BodyView.facing`), 0 outside `filled`.
    """

    rgb: np.ndarray
    sampled: np.ndarray
    filled: np.ndarray
    facing: np.ndarray


def photo_texture(
    image: np.ndarray, keep: np.ndarray, view: BodyView, covered: np.ndarray, *, gap_reach: int = GAP_REACH
) -> PhotoTexture:
    """Carry a photo's colours to the texels that its pixels show (Sec. 3.1).

    Each texel takes the mean of the pixels that fall on it; small gaps between sampled texels take the mean
    of their neighbours, ring by ring.

    Args:
        image: uint8 [H, W, 3], sRGB.
        keep: bool [H, W], pixels that may be used: the person's, without occlusion outlines (Sec. 3.5).
        view: the body in the photo, H x W.
        covered: bool [side, side], texels that belong to the body (`covered_texels`).
        gap_reach: texels from each side by which gaps are closed; 0 fills none.
    """
    if image.shape[:2] != view.coverage.shape or keep.shape != view.coverage.shape:
        raise ValueError(
            f"photo_texture expects image and keep of {view.coverage.shape}, "
            f"not {image.shape[:2]} and {keep.shape}"
        )
    side = len(covered)
    seen = view.coverage & keep
    values = np.concatenate([image / np.float32(255), view.facing()[..., None]], 2).astype(np.float32)
    mean, sampled = _mean_per_texel(view.uv[seen], values[seen], side)
    sampled &= covered
    mean[~sampled] = 0
    filled_values, filled = fill_gaps(mean, sampled, covered, gap_reach)
    return PhotoTexture(filled_values[..., :3], sampled, filled, filled_values[..., 3])


def covered_texels(body: Body, side: int) -> np.ndarray:
    """Texels whose square a triangle of the body's UV map touches: bool [side, side]."""
    corners = np.ascontiguousarray(body.uv[body.uv_faces], np.float64) * side
    covered = np.zeros((side, side), bool)
    _cover(corners, covered)
    return covered


def _mean_per_texel(uv: np.ndarray, values: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of values [M, C] that fall on each texel: float32 [side, side, C]; and where there are any."""
    cell = np.clip((uv * side).astype(np.int64), 0, side - 1)
    index = cell[:, 1] * side + cell[:, 0]
    count = np.bincount(index, minlength=side * side)
    total = np.stack([np.bincount(index, column, side * side) for column in values.T], 1)
    mean = total / np.maximum(count, 1)[:, None]
    return mean.reshape(side, side, -1).astype(np.float32), (count > 0).reshape(side, side)


def fill_gaps(
    values: np.ndarray, known: np.ndarray, covered: np.ndarray, reach: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fill small gaps between known texels with the mean of their neighbours, ring by ring.

    A gap is small when closing (dilating and eroding by `reach` texels) covers it: the known region's outline
    stays where it is. Values cross no chart's border, as charts lie two texels apart.

    Args:
        values: float32 [side, side, C].
        known: bool [side, side].
        covered: bool [side, side], texels that may be filled.
        reach: texels.

    Returns:
        float32 [side, side, C], and bool [side, side], what is known now.
    """
    if reach == 0:
        return values.copy(), known.copy()
    cross = ndimage.generate_binary_structure(2, 1)
    grown = ndimage.binary_dilation(known, cross, iterations=reach, mask=covered | known)
    closed = ndimage.binary_erosion(grown | ~covered, cross, iterations=reach, border_value=1)
    gaps = closed & covered & ~known
    values, now = values.copy(), known.copy()
    ring = np.ones((3, 3), np.float32)
    for _ in range(2 * reach):
        if not (gaps & ~now).any():
            break
        count = ndimage.convolve(now.astype(np.float32), ring, mode="constant")
        fresh = gaps & ~now & (count > 0)
        for c in range(values.shape[2]):
            total = ndimage.convolve(np.where(now, values[..., c], 0), ring, mode="constant")
            values[..., c][fresh] = total[fresh] / count[fresh]
        now |= fresh
    return values, now


@njit(cache=True)
def _cover(corners: np.ndarray, covered: np.ndarray) -> None:
    """Mark texels that triangles [F, 3, 2] (in texels) touch, by separating axes."""
    side = covered.shape[0]
    for f in range(corners.shape[0]):
        a, b, c = corners[f, 0], corners[f, 1], corners[f, 2]
        first_x, end_x = int(min(a[0], b[0], c[0])), int(max(a[0], b[0], c[0])) + 1
        first_y, end_y = int(min(a[1], b[1], c[1])), int(max(a[1], b[1], c[1])) + 1
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        sign = 1.0 if area > 0 else -1.0
        for y in range(max(first_y, 0), min(end_y, side)):
            for x in range(max(first_x, 0), min(end_x, side)):
                apart = False
                for k in range(3):
                    p, q = corners[f, k], corners[f, (k + 1) % 3]
                    nx, ny = sign * -(q[1] - p[1]), sign * (q[0] - p[0])
                    reach = nx * (x + 0.5 - p[0]) + ny * (y + 0.5 - p[1])
                    apart |= reach + 0.5 * (abs(nx) + abs(ny)) <= 0.0
                if not apart:
                    covered[y, x] = True
