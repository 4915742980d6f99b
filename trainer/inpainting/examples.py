"""Colours of a restored texture, exchanged for those of texels that a photo shows.

A small autoencoder blurs what it restores and changes its hues, on both sides of a garment alike; a shortly
trained denoiser leaves mottles. So for each texel that was drawn, one that photos show is looked for, which
was restored to a like colour, about as high and as far to the side on the body; on the head, one nearby. What
the photo has there is taken, cloth for cloth and hair for hair. Where the photo shows nothing like it, as
when a face is drawn for somebody who is seen from behind, what was restored stays. The paper has no such
step: its autoencoder is 80 times as large, its training a thousand times as long.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from dinar.trainer.inpainting.hues import hues_as_shown
from dinar.trainer.texture.merging import BodyTexture
from dinar.trainer.texture.texel_surface import TexelSurface

_BLUR = 1.0  # texels: mottles finer than that do not choose
_METRE = 8.0  # counts as much as that many times the distance from black to a full red
_HEAD = 1 / 6  # of a person's height are head and neck; behind a face there is hair
_DOUBT = 0.15  # of colours: as far apart, three fifths are taken; twice as far, an eighth


def colours_by_example(restored: np.ndarray, texture: BodyTexture, surface: TexelSurface) -> np.ndarray:
    """Exchange colours of a restored texture for those of texels that photos show.

    Args:
        restored: float32 [T, T, 3] in [0, 1], sRGB, of T_res.
        texture: T^j, of the same size.
        surface: likewise.

    Returns:
        float32 [T, T, 3] in [0, 1]; where `texture` is filled, nobody's.
    """
    colours = hues_as_shown(restored, texture.rgb, texture.filled)
    known, drawn = surface.covered & texture.filled, surface.covered & ~texture.filled
    if not known.any() or not drawn.any():
        return colours
    as_shown, as_drawn = _blurred(restored, known), _blurred(restored, drawn)
    places = np.zeros((*known.shape, 3))
    places[surface.covered] = _METRE * _places(surface.points)
    tree = KDTree(np.concatenate([as_shown, places[known]], 1))
    _, example = tree.query(np.concatenate([as_drawn, places[drawn]], 1))
    apart = np.linalg.norm(as_drawn - as_shown[example], axis=1, keepdims=True)
    trust = np.exp(-0.5 * (apart / _DOUBT) ** 2)
    colours[drawn] = trust * texture.rgb[known][example] + (1 - trust) * colours[drawn]
    return colours


def _places(points: np.ndarray) -> np.ndarray:
    """Where texels lie, metres [N, 3]: cloth goes around, so front and back are one place below the head."""
    height = points[:, 1]
    below = height < height.max() - _HEAD * np.ptp(height)
    places = points.copy()
    places[below, 2] = 0.0
    return places


def _blurred(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Means over the texels around, of those that are meant, at each that is meant: [N, 3]."""
    weight = gaussian_filter(where.astype(np.float32), _BLUR)
    total = gaussian_filter(values * where[..., None], (_BLUR, _BLUR, 0))
    return np.asarray(total[where] / weight[where][:, None])
