"""Pack flat charts into a square texture with a gutter between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import fft, ndimage

QUARTER_TURNS = np.array([[[1, 0], [0, 1]], [[0, -1], [1, 0]], [[-1, 0], [0, -1]], [[0, 1], [-1, 0]]], float)


@njit(cache=True, nogil=True)
def _scan(points, faces, first, count, width, height, owners, hits):  # type: ignore[no-untyped-def]
    """`owners` gets the last triangle strictly over one of a texel's samples, `hits` how many there are."""
    for f in range(faces.shape[0]):
        a, b, c = points[faces[f, 0]], points[faces[f, 1]], points[faces[f, 2]]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if area == 0:
            continue
        low_x = max(0, int(np.floor(min(a[0], b[0], c[0]) * count - first)))
        high_x = min(width * count - 1, int(np.ceil(max(a[0], b[0], c[0]) * count - first)))
        low_y = max(0, int(np.floor(min(a[1], b[1], c[1]) * count - first)))
        high_y = min(height * count - 1, int(np.ceil(max(a[1], b[1], c[1]) * count - first)))
        for j in range(low_y, high_y + 1):
            y = (j + first) / count
            for i in range(low_x, high_x + 1):
                x = (i + first) / count
                u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area
                v = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area
                if u > 1e-9 and v > 1e-9 and 1 - u - v > 1e-9:
                    owners[j // count, i // count] = f
                    hits[j // count, i // count] += 1


def texel_triangles(
    points: np.ndarray, faces: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which triangle covers each texel's centre.

    Args:
        points: float64 [T, 2], texture coordinates in texels (x right, y along the rows; centres at .5).
        faces: int [F, 3].
        width: texels.
        height: texels.

    Returns:
        owners int [height, width], a triangle strictly over the centre or -1; hits, how many there are.
    """
    owners, hits = np.full((height, width), -1), np.zeros((height, width), np.int64)
    _scan(
        np.ascontiguousarray(points, float),
        np.ascontiguousarray(faces, np.int64),
        0.5,
        1,
        width,
        height,
        owners,
        hits,
    )
    return owners, hits


def touched_texels(points: np.ndarray, faces: np.ndarray, width: int, height: int) -> np.ndarray:
    """Bool [height, width]: texels that the triangles touch, by 4x4 samples each, and by the vertices."""
    owners, hits = np.full((height, width), -1), np.zeros((height, width), np.int64)
    _scan(
        np.ascontiguousarray(points, float),
        np.ascontiguousarray(faces, np.int64),
        0.5,
        4,
        width,
        height,
        owners,
        hits,
    )
    touched = owners >= 0
    cell = np.floor(points).astype(int)
    touched[np.clip(cell[:, 1], 0, height - 1), np.clip(cell[:, 0], 0, width - 1)] = True
    return touched


@dataclass(frozen=True)
class Piece:
    """A flat chart to be packed.

    Attributes:
        points: float64 [N, 2], any unit, the same for all pieces.
        faces: int [K, 3].
        upright: the piece must not be turned.
    """

    points: np.ndarray
    faces: np.ndarray
    upright: bool = False


def pack(
    pieces: list[Piece], resolution: int, gutter: int = 2, steps: int = 9
) -> tuple[list[np.ndarray], float]:
    """Place the pieces at the largest common scale found by bisection.

    Args:
        pieces: what to place; large ones are placed first.
        resolution: texels along the square texture's side.
        gutter: empty texels between pieces, and half of that at the texture's edge.
        steps: bisections.

    Returns:
        the pieces' points [N, 2] in texels, and the scale (texels per unit).

    Raises:
        ValueError: when they do not fit at any scale tried.
    """
    area = sum(_area(p) for p in pieces)
    low, high = 0.3 * resolution / np.sqrt(area), resolution / np.sqrt(area)
    best = None
    for _ in range(steps):
        scale = 0.5 * (low + high)
        placed = place(pieces, scale, resolution, gutter)
        if placed is None:
            high = scale
        else:
            low, best = scale, (placed, scale)
    if best is None:
        raise ValueError(f"{len(pieces)} charts do not fit a texture of {resolution} texels")
    return best


def _area(piece: Piece) -> float:
    a, b, c = (piece.points[piece.faces[:, k]] for k in range(3))
    return float(
        np.abs((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])).sum()
        / 2
    )


def place(pieces: list[Piece], scale: float, resolution: int, gutter: int) -> list[np.ndarray] | None:
    """Place every piece where it touches most of what is there already; None when one finds no room."""
    margin = (gutter + 1) // 2
    blocked = np.ones((resolution, resolution), bool)
    blocked[margin:-margin, margin:-margin] = False
    result: list[np.ndarray] = [np.empty(0)] * len(pieces)
    for k in sorted(range(len(pieces)), key=lambda k: -_area(pieces[k])):
        piece = pieces[k]
        occupied = fft.rfft2(blocked.astype(np.float32))
        wall = ndimage.uniform_filter(blocked.astype(np.float32), 2 * gutter + 3, mode="constant", cval=1.0)
        closeness = fft.rfft2(wall)
        best = None
        for turn in QUARTER_TURNS[: 1 if piece.upright else 4]:
            points = piece.points @ turn.T * scale
            points = points - np.floor(points.min(0))
            width, height = np.ceil(points.max(0)).astype(int) + 1
            if max(width, height) >= resolution:
                continue
            mask = touched_texels(points, piece.faces, width, height)
            spectrum = np.conj(fft.rfft2(mask.astype(np.float32), s=blocked.shape))
            overlap = fft.irfft2(occupied * spectrum, s=blocked.shape)[
                : resolution - height, : resolution - width
            ]
            score = fft.irfft2(closeness * spectrum, s=blocked.shape)[
                : resolution - height, : resolution - width
            ]
            score = np.where(overlap < 0.5, score, -1.0)
            row, column = np.unravel_index(score.argmax(), score.shape)
            if score[row, column] >= 0 and (best is None or score[row, column] > best[0]):
                best = (score[row, column], points + np.array([column, row]), mask, row, column)
        if best is None:
            return None
        _, result[k], mask, row, column = best
        grown = np.zeros_like(blocked)
        grown[row : row + mask.shape[0], column : column + mask.shape[1]] = mask
        blocked |= ndimage.binary_dilation(grown, np.ones((2 * gutter + 1, 2 * gutter + 1)))
    return result
