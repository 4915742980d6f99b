"""Colours of a restored texture brought back to those that photos show.

A small autoencoder changes hues: a pink skirt may come back orange, on both of its sides alike. Where photos
show the texture, what it changed is known for each colour that it came to; elsewhere the same colours are
changed back. The paper has no such step: its autoencoder is eighty times as large.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

_CELLS = 32  # of the colour cube, along each side
_BLUR = 1.0  # cells: colours that near to each other are changed alike
_DOUBT = 8.0  # texels in a cell that count as much as "unchanged"


def hues_as_shown(restored: np.ndarray, shown: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Change colours of a restored texture as the known ones among them must be changed.

    Args:
        restored: float32 [T, T, 3] in [0, 1], T_res.
        shown: likewise, T^j; other values mean nothing where nothing is known.
        known: bool [T, T].

    Returns:
        float32 [T, T, 3] in [0, 1].
    """
    places = np.clip(restored, 0, 1) * (_CELLS - 1)
    cells = tuple(np.rint(places[known]).astype(np.intp).T)
    changes = np.zeros((_CELLS, _CELLS, _CELLS, 4), np.float32)
    np.add.at(changes, cells, np.insert(shown[known] - restored[known], 3, 1, axis=1))
    changes = gaussian_filter(changes, (_BLUR, _BLUR, _BLUR, 0), mode="constant")
    change = changes[..., :3] / (changes[..., 3:] + _DOUBT)
    found = [map_coordinates(change[..., c], places.reshape(-1, 3).T, order=1) for c in range(3)]
    return np.clip(restored + np.stack(found, 1).reshape(restored.shape), 0, 1).astype(np.float32)
