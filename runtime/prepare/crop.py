"""Which part of a picture the renderer network draws: a rectangle around the person, of one of a few sizes.

A network is compiled for each size, so sizes are few, and a rectangle changes its size rarely. Rectangles
start at multiples of 32 pixels: every level of the network then sees the same grid wherever the rectangle is,
and what does not move looks the same when the rectangle does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.runtime.camera import Camera
from dinar.runtime.network_input import MULTIPLE

STAND_OFF_M = 0.1
"""Metres by which clothes and hair may stand off the body and are still drawn whole."""

EIGHTHS = (2, 3, 4, 5, 6, 8)
"""Lengths of a rectangle's side, in eighths of the picture's."""

PATIENCE = 30
"""Pictures for which a smaller side must have been enough before a rectangle shrinks."""


@dataclass(frozen=True)
class Crop:
    """A rectangle of a picture; all four are multiples of 32, so it may end beyond the right or lower border.

    Attributes:
        left: its first column.
        top: its first row.
        width: columns.
        height: rows.
    """

    left: int
    top: int
    width: int
    height: int


class CropChooser:
    """Chooses the rectangle for one camera, picture after picture."""

    def __init__(self, width: int, height: int, eighths: tuple[int, ...] = EIGHTHS) -> None:
        """Start with no rectangle, for pictures of this size.

        Args:
            width: columns of the picture.
            height: rows of the picture.
            eighths: lengths that a side may have, ascending; the last is 8, the whole side.
        """
        self._columns, self._rows = _Side(width, eighths), _Side(height, eighths)

    def choose(self, box: tuple[int, int, int, int]) -> Crop:
        """Return a rectangle that holds `box` as far as that lies in the picture.

        Args:
            box: first column, first row, end column, end row; it overlaps the picture.
        """
        left, width = self._columns.place(box[0], box[2])
        top, height = self._rows.place(box[1], box[3])
        return Crop(left, top, width, height)


class _Side:
    """The columns (or the rows) of a rectangle."""

    def __init__(self, size: int, eighths: tuple[int, ...]) -> None:
        self._size = size
        self._lengths = side_lengths(size, eighths)
        self._start = self._length = self._waited = 0

    def place(self, first: int, end: int) -> tuple[int, int]:
        """Return start and length for what spans `first` to `end`."""
        first, end = max(first, 0), min(end, self._size)
        full = self._lengths[-1]
        aligned = first // MULTIPLE * MULTIPLE
        wanted = next(n for n in self._lengths if min(aligned, full - n) + n >= end)
        self._waited = self._waited + 1 if wanted < self._length else 0
        resized = wanted > self._length or self._waited >= PATIENCE
        if resized:
            self._length, self._waited = wanted, 0
        if resized or first < self._start or end > self._start + self._length:
            centred = (first + end - self._length) // 2 // MULTIPLE * MULTIPLE
            least = -(-(end - self._length) // MULTIPLE) * MULTIPLE
            self._start = min(max(centred, least, 0), aligned, full - self._length)
        return self._start, self._length


def side_lengths(size: int, eighths: tuple[int, ...] = EIGHTHS) -> tuple[int, ...]:
    """Return the lengths, ascending, that a rectangle's side can have in a picture of so many pixels."""
    return tuple(sorted({padded(eighth / 8 * padded(size)) for eighth in eighths}))


def padded(length: float) -> int:
    """Return the next multiple of 32, `length` itself if it is one."""
    return int(-(-length // MULTIPLE)) * MULTIPLE


def enlarged(crop: Crop, size: tuple[int, int], whole: tuple[int, int]) -> Crop:
    """Return a rectangle of `size` (height, width) that holds `crop`, in a picture of `whole`."""
    height, width = size
    return Crop(min(crop.left, whole[1] - width), min(crop.top, whole[0] - height), width, height)


def with_stand_off(box: tuple[int, int, int, int], depth: float, camera: Camera) -> tuple[int, int, int, int]:
    """Return the rectangle around the body and whatever stands off it.

    Args:
        box: first column, first row, end column, end row of the body, pixels.
        depth: its mean depth, metres; the camera may be within the body, or a vertex nowhere (NaN).
        camera: sees it.
    """
    depth = depth if depth > STAND_OFF_M else STAND_OFF_M
    across, down = (int(np.ceil(focal * STAND_OFF_M / depth)) for focal in np.diag(camera.K)[:2])
    return box[0] - across, box[1] - down, box[2] + across, box[3] + down
