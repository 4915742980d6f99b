"""Files beside a person's views that only some datasets have, such as synthetic ones, whose truth is known.

0000.keypoints.json     OpenPose's format: body, hands and face of one person, pixels
0000.parts.png          label of the body part or garment in each pixel, 0 for none
texture.png             the complete texture in the body's UV; texture.mask.png: where it is known
recipe.json             what the person and the pictures were made from
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dinar.trainer.data.dataset.layout import DatasetError, decode, person_folder, read_json

_BODY, _HAND, _FACE = 25, 21, 70
_LARGEST = 1e6  # pixels


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Keypoints of one person: x and y in pixels (pixel centres at .5), confidence in [0, 1], 0 = not seen.

    Attributes:
        body: float32 [25, 3], OpenPose's BODY_25.
        left_hand: float32 [21, 3].
        right_hand: float32 [21, 3].
        face: float32 [70, 3].
    """

    body: np.ndarray
    left_hand: np.ndarray
    right_hand: np.ndarray
    face: np.ndarray

    def to_openpose(self) -> bytes:
        """Return an OpenPose file, JSON."""
        entries = {
            "version": 1.3,
            "people": [
                {
                    "person_id": [-1],
                    "pose_keypoints_2d": _flat(self.body),
                    "face_keypoints_2d": _flat(self.face),
                    "hand_left_keypoints_2d": _flat(self.left_hand),
                    "hand_right_keypoints_2d": _flat(self.right_hand),
                    "pose_keypoints_3d": [],
                    "face_keypoints_3d": [],
                    "hand_left_keypoints_3d": [],
                    "hand_right_keypoints_3d": [],
                }
            ],
        }
        return json.dumps(entries).encode()


def _flat(points: np.ndarray) -> list[float]:
    return [round(float(value), 3) for value in points.reshape(-1)]


def read_keypoints(file: Path) -> Keypoints:
    """Read the first person of an OpenPose file; parts that it lacks have confidence 0.

    Raises DatasetError: missing, damaged, nobody in it, or another number of points.
    """
    people = read_json(file).get("people")
    if not isinstance(people, list) or not people or not isinstance(people[0], dict):
        raise DatasetError(f"{file} shows nobody: expected OpenPose's list of people")
    return Keypoints(
        body=_points(file, people[0], "pose_keypoints_2d", _BODY),
        left_hand=_points(file, people[0], "hand_left_keypoints_2d", _HAND),
        right_hand=_points(file, people[0], "hand_right_keypoints_2d", _HAND),
        face=_points(file, people[0], "face_keypoints_2d", _FACE),
    )


def _points(file: Path, person: dict[str, Any], name: str, count: int) -> np.ndarray:
    try:
        flat = np.array(person.get(name) or [0.0] * (3 * count), np.float64)
    except (TypeError, ValueError, OverflowError):
        flat = np.array(np.nan)
    if flat.shape != (3 * count,) or not (np.abs(flat) < _LARGEST).all():
        raise DatasetError(
            f"{file}: {name} must be {3 * count} numbers: x, y and confidence of {count} points"
        )
    return flat.reshape(count, 3).astype(np.float32)


def read_texture(root: Path, person: str) -> tuple[np.ndarray, np.ndarray]:
    """The complete texture of a person and where it is known: uint8 [S, S, 3] sRGB, bool [S, S].

    Raises DatasetError: missing, damaged, not square, or of two sizes.
    """
    folder = person_folder(root, person)
    texture = decode(folder / "texture.png", colour=True)
    known = decode(folder / "texture.mask.png", colour=False) >= 128
    if texture.shape[0] != texture.shape[1] or known.shape != texture.shape[:2]:
        raise DatasetError(
            f"{folder / 'texture.png'} and texture.mask.png must be squares of one size, "
            f"not {texture.shape[:2]} and {known.shape}"
        )
    return texture, known


def read_parts(root: Path, person: str, view: int) -> np.ndarray:
    """Which part of the person each pixel of a view shows: uint8 [H, W] labels, 0 for none.

    Raises DatasetError: missing or damaged.
    """
    return decode(person_folder(root, person) / f"{view:04d}.parts.png", colour=False)


def truth_problems(root: Path, person: str, sizes: np.ndarray) -> list[str]:
    """What is wrong with those of these files that are there, one sentence each.

    Args:
        root: the dataset's folder.
        person: whose.
        sizes: int [N, 2], height and width of the views.
    """
    folder, problems = person_folder(root, person), []

    def look(name: str, read: Callable[[], object]) -> None:
        if (folder / name).exists():
            try:
                read()
            except DatasetError as error:
                problems.append(str(error))

    def parts(view: int) -> None:
        if (found := read_parts(root, person, view).shape) != tuple(sizes[view]):
            raise DatasetError(
                f"{folder}: {view:04d}.parts.png has shape {found}, the view {tuple(sizes[view])}"
            )

    look("texture.png", lambda: read_texture(root, person))
    look("recipe.json", lambda: read_json(folder / "recipe.json"))
    for view in range(len(sizes)):
        keypoints = f"{view:04d}.keypoints.json"
        look(keypoints, partial(read_keypoints, folder / keypoints))
        look(f"{view:04d}.parts.png", partial(parts, view))
    return problems
