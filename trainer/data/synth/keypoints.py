"""Keypoints of a drawn person, as OpenPose would find them: 25 of the body, 21 of each hand, 70 of the face.

Their order is OpenPose's (https://cmu-perceptual-computing-lab.github.io/openpose, "Output Format"); where
they lie on an SMPL-X body follows SMPLify-X (Pavlakos et al. 2019), with the open body's landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dinar.runtime.body import open_body_path
from dinar.runtime.camera import Camera
from dinar.runtime.files.npz import open_arrays
from dinar.trainer.data.body.named_vertices import SMPLX_VERTEX_IDS
from dinar.trainer.data.dataset.truth import Keypoints
from dinar.trainer.data.synth.draw_view import eye_of

BODY_POINTS: tuple[int | str, ...] = (
    "nose",
    12,
    17,
    19,
    21,
    16,
    18,
    20,
    0,
    2,
    5,
    8,
    1,
    4,
    7,
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
    "left_big_toe",
    "left_small_toe",
    "left_heel",
    "right_big_toe",
    "right_small_toe",
    "right_heel",
)
"""Where BODY_25 lies: a joint of SMPL-X, or a named vertex."""
FINGERS = (
    ("thumb", 12),
    ("index", 0),
    ("middle", 3),
    ("ring", 9),
    ("pinky", 6),
)
"""Of a hand, in OpenPose's order; and the finger's first joint, counted from the hand's first."""
HANDS = (("left", 20, 25), ("right", 21, 40))
"""Side, wrist, first finger joint."""
_HEAD = 15

# How deep below the surface a joint lies at most, metres: nearer surface at its pixel is another limb.
_JOINT_DEPTH = {0: 0.17, 12: 0.10, 16: 0.11, 17: 0.11, 1: 0.15, 2: 0.15}
_USUAL_DEPTH, _FINGER_DEPTH, _SURFACE_DEPTH = 0.085, 0.025, 0.020
_CLOTH = 0.05  # metres of cloth or hair over a joint
GUESSED = 0.4
"""Confidence of a joint that lies behind another part of the person."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Points on the open body's face: triangles and barycentric coordinates, see `body.landmarks`.

    Attributes:
        inner_face: int [51].
        inner_weight: float64 [51, 3].
        contour_face: int [79, 17], for 79 turns of the head.
        contour_weight: float64 [79, 17, 3].
    """

    inner_face: np.ndarray
    inner_weight: np.ndarray
    contour_face: np.ndarray
    contour_weight: np.ndarray


def load_landmarks(body_file: Path | None = None) -> Landmarks:
    """Read the landmarks in a body's file; of the open body that comes with the package when left out.

    Raises ArrayFileError: the file holds none, or damaged ones.
    """
    with open_arrays(body_file or open_body_path()) as arrays:
        return Landmarks(
            arrays.read("lmk_faces_idx"),
            arrays.read("lmk_bary_coords"),
            arrays.read("dynamic_lmk_faces_idx"),
            arrays.read("dynamic_lmk_bary_coords"),
        )


@dataclass(frozen=True, eq=False)
class Points:
    """Keypoints in space.

    Attributes:
        position: float64 [K, 3], metres, world.
        depth: float64 [K], metres that each lies under the surface at most.
        drop: bool [K], not found where it cannot be seen (a part of the face); others are guessed.
    """

    position: np.ndarray
    depth: np.ndarray
    drop: np.ndarray


def find_keypoints(
    landmarks: Landmarks,
    faces: np.ndarray,
    vertices: np.ndarray,
    joints: np.ndarray,
    head_turn: np.ndarray,
    camera: Camera,
    inverse_depth: np.ndarray,
) -> Keypoints:
    """Find the keypoints of a posed body in a picture.

    Args:
        landmarks: of the body.
        faces: int [F, 3], the body's.
        vertices: float [V, 3], metres, world: the body's, as drawn.
        joints: float64 [55, 3], metres, world.
        head_turn: float64 [3, 3], R_world_rest of the head.
        camera: the camera.
        inverse_depth: float32 [2 H, 2 W], 1 / metre, 0 where nothing is; two samples a pixel each way.
    """
    body = _body_points(vertices, joints)
    face = _face_points(landmarks, faces, vertices, head_turn.T @ (eye_of(camera) - joints[_HEAD]))
    hands = [_hand_points(vertices, joints, *hand) for hand in HANDS]
    return Keypoints(*(_project(points, camera, inverse_depth) for points in (body, *hands, face)))


def _body_points(vertices: np.ndarray, joints: np.ndarray) -> Points:
    position, depth = [], []
    for source in BODY_POINTS:
        if isinstance(source, str):
            position.append(np.asarray(vertices[SMPLX_VERTEX_IDS[source]], np.float64))
            depth.append(_SURFACE_DEPTH + (_CLOTH if "toe" in source or "heel" in source else 0.0))
        else:
            position.append(joints[source])
            depth.append(_JOINT_DEPTH.get(source, _USUAL_DEPTH) + _CLOTH)
    drop = np.array(
        [source in ("nose", "right_eye", "left_eye", "right_ear", "left_ear") for source in BODY_POINTS]
    )
    return Points(np.array(position), np.array(depth), drop)


def _hand_points(vertices: np.ndarray, joints: np.ndarray, side: str, wrist: int, first: int) -> Points:
    position, depth = [joints[wrist]], [_USUAL_DEPTH]
    for finger, offset in FINGERS:
        position += [joints[first + offset + bone] for bone in range(3)]
        position.append(np.asarray(vertices[SMPLX_VERTEX_IDS[f"{side}_{finger}"]], np.float64))
        depth += [_FINGER_DEPTH] * 4
    return Points(np.array(position), np.array(depth), np.zeros(21, bool))


def _face_points(
    landmarks: Landmarks, faces: np.ndarray, vertices: np.ndarray, towards_camera: np.ndarray
) -> Points:
    """68 landmarks of iBUG, then the right and the left pupil; the contour is the one this camera sees."""
    azimuth = int(np.clip(np.rint(np.degrees(np.arctan2(towards_camera[0], towards_camera[2]))), -39, 39))
    row = azimuth if azimuth >= 0 else 39 - azimuth
    face = np.concatenate([landmarks.contour_face[row], landmarks.inner_face])
    weight = np.concatenate([landmarks.contour_weight[row], landmarks.inner_weight])
    corners = np.asarray(vertices, np.float64)[faces[face]]
    position = (corners * weight[..., None]).sum(1)
    pupils = vertices[[SMPLX_VERTEX_IDS["right_eye"], SMPLX_VERTEX_IDS["left_eye"]]].astype(np.float64)
    depth = np.full(70, _SURFACE_DEPTH)
    depth[:17] = 2 * _SURFACE_DEPTH  # the contour lies where the face turns away
    return Points(np.concatenate([position, pupils]), depth, np.ones(70, bool))


def _project(points: Points, camera: Camera, inverse_depth: np.ndarray) -> np.ndarray:
    """Bring points into a picture: [K, 3] (column, row, confidence)."""
    T = camera.T_camera_world
    seen = points.position @ T[:3, :3].T + T[:3, 3]
    pixel = seen @ camera.K.T
    depth = seen[:, 2]
    result = np.zeros((len(seen), 3))
    ahead = depth > 0.05
    result[ahead, :2] = pixel[ahead, :2] / depth[ahead, None]
    inside = ahead & (result[:, :2] >= 0).all(1)
    inside &= (result[:, 0] < camera.width) & (result[:, 1] < camera.height)
    place = np.where(inside[:, None], result[:, :2] * 2, 0).astype(int)
    nearest = inverse_depth[place[:, 1], place[:, 0]]
    hidden = (nearest > 0) & (1 / np.maximum(nearest, 1e-9) < depth - points.depth)
    result[:, 2] = np.where(hidden, np.where(points.drop, 0.0, GUESSED), 1.0) * inside
    result[result[:, 2] == 0] = 0
    return result
