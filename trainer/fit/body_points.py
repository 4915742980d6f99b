"""Where OpenPose's 137 points lie on a body: joints, named vertices, and landmarks of the face.

The same places as those of `dinar synth`'s keypoints (`trainer.data.synth.keypoints`), after SMPLify-X.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dinar.runtime.body import JOINT_COUNT, Body
from dinar.runtime.errors import DinarError
from dinar.runtime.files.npz import ArrayFileError
from dinar.trainer.data.body.named_vertices import SMPLX_VERTEX_IDS
from dinar.trainer.data.synth.keypoints import BODY_POINTS, FINGERS, HANDS, Landmarks, load_landmarks
from dinar.trainer.fit.keypoints import POINT_COUNT
from dinar.trainer.fit.torch_body import TorchPosed

HEAD = 15
_PUPILS = ("right_eye", "left_eye")
_TURNS = 39  # degrees to either side that contours of the face are known for
_CORNERS = 3  # a point is the weighted sum of so many


class BodyPoints:
    """The points of a posed body.

    Attributes:
        vertices: int64 [N], ids of the vertices that are needed; `TorchPosed` must hold these, in this order.
    """

    def __init__(self, body: Body, landmarks: Landmarks) -> None:
        """Prepare the points of a body with the vertex numbers of SMPL-X."""
        inner, contour = body.faces[landmarks.inner_face], body.faces[landmarks.contour_face]
        named = np.array(sorted(SMPLX_VERTEX_IDS.values()))
        self.vertices = np.unique(np.concatenate([named, inner.ravel(), contour.ravel()]).astype(np.int64))
        before = [self._source(source) for source in (*BODY_POINTS, *_hand_points())]
        pupils = [self._source(name) for name in _PUPILS]
        rows = []
        for turn in range(len(contour)):
            face = self._of(contour[turn]), self._of(inner)
            rows.append(np.concatenate([before, *face, pupils]))
        self._index = torch.from_numpy(np.stack(rows))  # [79, 137, 3], joints, then vertices
        single = np.tile([1.0, 0.0, 0.0], (POINT_COUNT, 1))
        weight = np.repeat(single[None], len(rows), 0)
        first = len(before)
        middle = first + contour.shape[1]
        weight[:, first:middle] = landmarks.contour_weight
        weight[:, middle : middle + len(inner)] = landmarks.inner_weight
        self._weight = torch.from_numpy(weight)

    def contour(self, posed: TorchPosed, eye: np.ndarray) -> int:
        """Which contour of the face a camera sees.

        Args:
            posed: the body.
            eye: [3], the camera's place, world metres.
        """
        turn, head = posed.turns[HEAD].numpy(force=True), posed.joints[HEAD].numpy(force=True)
        x, _, z = turn.T @ (eye - head)
        azimuth = int(np.clip(np.rint(np.degrees(np.arctan2(x, z))), -_TURNS, _TURNS))
        return azimuth if azimuth >= 0 else _TURNS - azimuth

    def __call__(self, posed: TorchPosed, contour: int) -> torch.Tensor:
        """The 137 points in the order of `Observed`: [137, 3], world metres."""
        places = torch.cat([posed.joints, posed.vertices])
        return (places[self._index[contour]] * self._weight[contour, :, :, None].to(places.dtype)).sum(1)

    def _source(self, source: int | str) -> np.ndarray:
        row = source if isinstance(source, int) else self._of(np.array(SMPLX_VERTEX_IDS[source]))
        return np.full(_CORNERS, row, np.int64)

    def _of(self, ids: np.ndarray) -> np.ndarray:
        """Places of vertices behind the joints."""
        return JOINT_COUNT + np.searchsorted(self.vertices, ids).astype(np.int64)


def _hand_points() -> list[int | str]:
    points: list[int | str] = []
    for side, wrist, first in HANDS:
        points.append(wrist)
        for finger, offset in FINGERS:
            points += [*range(first + offset, first + offset + 3), f"{side}_{finger}"]
    return points


def open_body_points(body: Body, file: Path) -> BodyPoints:
    """Prepare the points of a body, whose file holds the face's landmarks. Raises DinarError: it does not."""
    try:
        landmarks = load_landmarks(file)
    except (ArrayFileError, OSError) as error:
        raise DinarError(f"{file} has no landmarks of the face (lmk_*, dynamic_lmk_*): {error}") from error
    most = max(int(landmarks.inner_face.max()), int(landmarks.contour_face.max()))
    if most >= len(body.faces) or max(SMPLX_VERTEX_IDS.values()) >= len(body.v_template):
        raise DinarError(f"{file}: its landmarks belong to another body of more faces or vertices")
    return BodyPoints(body, landmarks)
