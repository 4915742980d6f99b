"""A photo with its mask and keypoints, read and compared with one another before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dinar.runtime.camera import Camera
from dinar.runtime.errors import DinarError
from dinar.trainer.data.dataset.plausibility import PERSON, mask_problem
from dinar.trainer.data.importers.stills import person_mask, read_pixels
from dinar.trainer.fit.keypoints import BODY, Observed
from dinar.trainer.fit.unknowns import CAMERA_AXES

USUAL_FOCAL = 2.0
"""Focal length where nobody says it: the longer sides of the photo (28 degrees, people cut out of photos)."""

_LEAST_ON_MASK = 0.6  # share of the body's keypoints
_EXIF, _FOCAL_35MM = 0x8769, 0xA405
_DIAGONAL_35MM = 43.27  # mm, of the film that EXIF's equivalent focal length is for


@dataclass(frozen=True, eq=False)
class Subject:
    """Who is to be fitted.

    Attributes:
        mask: uint8 [H, W], 255 = the person.
        observed: keypoints.
        camera: at the origin, y up behind it, see `unknowns`.
        height: of the person, metres, if it is known: a photo hardly tells.
    """

    mask: np.ndarray
    observed: Observed
    camera: Camera
    height: float | None = None


def read_mask(file: Path, width: int, height: int) -> np.ndarray:
    """Read the mask of a photo of this size: uint8 [H, W], 255 = the person. Raises DinarError."""
    mask = person_mask(read_pixels(file))
    if mask.shape != (height, width):
        raise DinarError(
            f"{file} has {mask.shape[1]} x {mask.shape[0]} pixels, the photo {width} x {height}: "
            "make the mask of this photo, at its size"
        )
    return mask


def check_mask(mask: np.ndarray, observed: Observed, where: str) -> None:
    """Raise DinarError unless a mask, which messages call `where`, shows the person of the keypoints."""
    problem = mask_problem(mask)
    if problem:
        raise DinarError(f"{where}: {problem}")
    column, row = np.floor(observed.place[BODY][observed.found[BODY]]).astype(int).T
    on = mask[np.minimum(row, mask.shape[0] - 1), np.minimum(column, mask.shape[1] - 1)] >= PERSON
    if on.mean() < _LEAST_ON_MASK:
        guess = "it is inverted" if on.mean() < 1 - _LEAST_ON_MASK else "it shows somebody else"
        raise DinarError(
            f"{where}: only {on.sum()} of {len(on)} keypoints of the body lie on the mask, so {guess}, or "
            "the keypoints are of another photo: expected 255 where the person is and 0 elsewhere"
        )


def fit_camera(focal: float, width: int, height: int) -> Camera:
    """The camera that a photo of this size is fitted with; focal length in pixels."""
    T = np.eye(4)
    T[:3, :3] = CAMERA_AXES
    K = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    return Camera(T, K, width, height)


def focal_length(photo: Path, width: int, height: int) -> float:
    """The focal length that a photo's EXIF data tell, else the usual one; pixels."""
    try:
        with Image.open(photo) as image:
            told = image.getexif().get_ifd(_EXIF).get(_FOCAL_35MM)
    except (OSError, ValueError, SyntaxError):  # what damaged EXIF data bring up: it is only a hint
        told = None
    if isinstance(told, int | float) and told > 0:
        return float(told) * float(np.hypot(width, height)) / _DIAGONAL_35MM
    return USUAL_FOCAL * max(width, height)
