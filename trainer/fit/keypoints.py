"""The keypoints of the one person in a photo, from an OpenPose file: body (BODY_25), both hands, face."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dinar.runtime.errors import DinarError
from dinar.trainer.data.dataset.layout import read_json
from dinar.trainer.data.dataset.truth import Keypoints, read_keypoints

BODY, LEFT_HAND, RIGHT_HAND, FACE = slice(0, 25), slice(25, 46), slice(46, 67), slice(67, 137)
"""Where the parts are among all points."""
POINT_COUNT = FACE.stop

RIGHT_SHOULDER, LEFT_SHOULDER, RIGHT_HIP, LEFT_HIP = 2, 5, 9, 12
SHOULDERS, HIPS = (RIGHT_SHOULDER, LEFT_SHOULDER), (RIGHT_HIP, LEFT_HIP)

LEAST_CONFIDENCE = 0.05  # OpenPose's own threshold for drawing a point
_LEAST_BODY_POINTS = 6
_LEAST_EXTENT = 64.0  # pixels
_MOST_OUTSIDE = 0.2  # share of the body's points beyond the picture's border


@dataclass(frozen=True, eq=False)
class Observed:
    """Keypoints in a picture.

    Attributes:
        place: float64 [137, 2], column and row, pixels, centres at .5.
        confidence: float64 [137], 0 to 1; 0 where nothing was found.
        extent: diagonal of the rectangle around the body's points, pixels.
    """

    place: np.ndarray
    confidence: np.ndarray
    extent: float

    @property
    def found(self) -> np.ndarray:
        """bool [137]."""
        return self.confidence > 0


def read_observed(file: Path, width: int, height: int) -> Observed:
    """Read the keypoints of the person in a picture of this size.

    Raises DinarError: nobody or several people in the file, points of another picture, too few of them, or a
    person too small to be fitted.
    """
    _check_one_person(file)
    return observed(read_keypoints(file), width, height, str(file))


def observed(keypoints: Keypoints, width: int, height: int, where: str) -> Observed:
    """Check keypoints and put them in a row; `where` is what messages call them. Raises DinarError."""
    parts = (keypoints.body, keypoints.left_hand, keypoints.right_hand, keypoints.face)
    points = np.concatenate(parts).astype(np.float64)
    place, confidence = points[:, :2], np.clip(points[:, 2], 0, 1)
    confidence[confidence < LEAST_CONFIDENCE] = 0
    outside = ((place < 0) | (place > (width, height))).any(1) & (confidence > 0)
    of_body = int((confidence[BODY] > 0).sum())
    if outside[BODY].sum() > _MOST_OUTSIDE * of_body:
        raise DinarError(
            f"{where}: {outside[BODY].sum()} of {of_body} keypoints of the body lie outside the photo of "
            f"{width} x {height} pixels: they were found in another picture, or at another size"
        )
    confidence[outside] = 0
    found = confidence[BODY] > 0
    if found.sum() < _LEAST_BODY_POINTS:
        raise DinarError(
            f"{where} shows no person that can be fitted: {found.sum()} of 25 keypoints of the body were "
            f"found, expected at least {_LEAST_BODY_POINTS}"
        )
    if not (found[list(SHOULDERS)].any() and found[list(HIPS)].any()):
        raise DinarError(
            f"{where} shows no torso, which a fit starts from: expected a shoulder and a hip among the "
            "keypoints; take a photo of the whole person"
        )
    extent = float(np.linalg.norm(np.ptp(place[BODY][found], axis=0)))
    if extent < _LEAST_EXTENT:
        raise DinarError(
            f"{where}: the person is {extent:.0f} pixels large in the photo, at least {_LEAST_EXTENT:.0f} "
            "are needed: take a larger photo"
        )
    return Observed(place, confidence, extent)


def _check_one_person(file: Path) -> None:
    """Raise DinarError unless the file holds exactly one person."""
    people = read_json(file).get("people")
    count = len(people) if isinstance(people, list) else 0
    if count == 0:
        raise DinarError(f"{file} shows nobody: run OpenPose again on a photo with the whole person in it")
    if count > 1:
        raise DinarError(
            f"{file} holds the keypoints of {count} people, expected one: crop the photo to one person, or "
            "run OpenPose with --number_people_max 1"
        )
