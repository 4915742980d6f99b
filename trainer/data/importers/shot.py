"""One picture of a person, as it comes from a source: is it sound, and squares cut out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.errors import DinarError
from dinar.trainer.data.dataset.layout import View
from dinar.trainer.data.dataset.plausibility import PERSON, JointModel, mask_problem, meeting_problem
from dinar.trainer.data.dataset.truth import Keypoints

MARGIN = 1.2
"""A square's side over the person's larger extent, as DINAR's authors cut theirs."""

_BACKGROUND = 255


@dataclass(frozen=True)
class Shot:
    """One picture of a person, as it comes from a source.

    Attributes:
        image: uint8 [H, W, 3], sRGB.
        mask: uint8 [H, W], 255 = the person.
        pose: of the body model.
        betas: float32 [S].
        camera: of H rows and W columns.
        keypoints: OpenPose's, if there are any.
    """

    image: np.ndarray
    mask: np.ndarray
    pose: Pose
    betas: np.ndarray
    camera: Camera
    keypoints: Keypoints | None = None


def check_shot(shot: Shot, joints: JointModel) -> None:
    """Raise DinarError unless parameters, camera and mask of a shot belong together."""
    height, width = shot.mask.shape
    if shot.image.shape[:2] != (height, width):
        raise DinarError(
            f"the mask has {width} x {height} pixels, "
            f"the picture {shot.image.shape[1]} x {shot.image.shape[0]}"
        )
    numbers = (shot.pose.rotations, shot.pose.translation, shot.pose.expression, shot.betas)
    if not all(np.isfinite(array).all() for array in numbers):
        raise DinarError("its body parameters hold numbers that are not finite")
    try:
        places = joints.joints(shot.betas, shot.pose)
    except ValueError as error:
        raise DinarError(f"its parameters do not fit the body: {error}") from error

    def problem(mask: np.ndarray) -> str | None:
        return mask_problem(mask) or meeting_problem(joints, places, shot.camera, mask)

    found = problem(shot.mask)
    if found and not problem(255 - shot.mask):
        raise DinarError("the mask is inverted: expected 255 where the person is and 0 elsewhere")
    if found:
        raise DinarError(found)


def views_of(person: str, shots: Sequence[Shot]) -> list[View]:
    """Shots of one person as views, numbered from 0, with as many betas each (padded with zeros)."""
    most = max(len(shot.betas) for shot in shots)
    return [
        View(
            person=person,
            view=number,
            image=shot.image,
            mask=shot.mask,
            pose=shot.pose,
            betas=np.pad(shot.betas, (0, most - len(shot.betas))).astype(np.float32),
            camera=shot.camera,
        )
        for number, shot in enumerate(shots)
    ]


def cropped(shot: Shot, size: int) -> Shot:
    """Cut the square around the person and scale it to `size` pixels a side; camera and keypoints follow.

    Where the square reaches beyond the picture it is white, and no person. Scaled down by areas, up linearly.

    Args:
        shot: with somebody on its mask.
        size: pixels.
    """
    rows, columns = (np.flatnonzero((shot.mask >= PERSON).any(axis)) for axis in (1, 0))
    lower = np.array([columns[0], rows[0]])
    upper = np.array([columns[-1], rows[-1]]) + 1
    side = max(2, round(MARGIN * float((upper - lower).max())))
    left, top = (int(n) for n in np.floor((lower + upper - side) / 2))
    scale = size / side
    K = shot.camera.K.copy()
    K[:2, 2] -= left, top
    K[:2] *= scale
    return replace(
        shot,
        image=_square(shot.image, left, top, side, size, _BACKGROUND),
        mask=_square(shot.mask, left, top, side, size, 0),
        camera=Camera(shot.camera.T_camera_world, K, size, size),
        keypoints=None if shot.keypoints is None else _moved(shot.keypoints, left, top, scale),
    )


def _square(picture: np.ndarray, left: int, top: int, side: int, size: int, beyond: int) -> np.ndarray:
    height, width = picture.shape[:2]
    square = np.full((side, side, *picture.shape[2:]), beyond, np.uint8)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    square[y0 - top : y1 - top, x0 - left : x1 - left] = picture[y0:y1, x0:x1]
    way = cv2.INTER_AREA if size < side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (size, size), interpolation=way))


def _moved(keypoints: Keypoints, left: int, top: int, scale: float) -> Keypoints:
    moved = {}
    for name, points in vars(keypoints).items():
        points = points.copy()
        seen = points[:, 2] > 0
        points[seen, :2] = (points[seen, :2] - (left, top)) * scale
        moved[name] = points
    return Keypoints(**moved)
