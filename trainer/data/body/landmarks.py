"""Face landmarks of the open body in the iBUG-68 scheme, stored as the smplx package does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Point = tuple[float, float]

# iBUG 17..67 on the neutral face, seen from the front: x (the person's left positive) and y, millimetres.
# Only the person's right side and the middle are listed; the left mirrors it.
_BROW: list[Point] = [(-50, 345), (-42, 350), (-33, 352), (-24, 350), (-14, 346)]
_BRIDGE: list[Point] = [(0, 335), (0, 322), (0, 310), (0, 298)]
_NOSTRILS: list[Point] = [(-12, 291), (-6, 289.5), (0, 288.5)]
_EYE: list[Point] = [
    (-42, 334),
    (-36, 338),
    (-26, 337.5),
    (-16.5, 331),
    (-26, 329),
    (-36, 329),
]  # outer, top, inner, bottom
_LIPS_TOP: list[Point] = [(-23, 265.5), (-14, 271.5), (-6, 274), (0, 273)]
_LIPS_BOTTOM: list[Point] = [(0, 255), (-6, 255.5), (-14, 259)]
_MOUTH_TOP: list[Point] = [(-19.5, 266.5), (-6, 268), (0, 267.5)]
_MOUTH_BOTTOM: list[Point] = [(0, 264.5), (-6, 264.5)]


def _mirrored(points: list[Point]) -> list[Point]:
    return [(-x, y) for x, y in reversed(points)]


FRONT_VIEW = (
    np.array(
        _BROW
        + _mirrored(_BROW)
        + _BRIDGE
        + _NOSTRILS
        + _mirrored(_NOSTRILS[:-1])
        + _EYE
        + [(-x, y) for x, y in (_EYE[3], _EYE[2], _EYE[1], _EYE[0], _EYE[5], _EYE[4])]
        + _LIPS_TOP
        + _mirrored(_LIPS_TOP[:-1])
        + _mirrored(_LIPS_BOTTOM[1:])
        + _LIPS_BOTTOM
        + _MOUTH_TOP
        + _mirrored(_MOUTH_TOP[:-1])
        + _mirrored(_MOUTH_BOTTOM[1:])
        + _MOUTH_BOTTOM
    )
    / 1000
)  # [51, 2], metres

CONTOUR_CENTRE = np.array([0.0, 0.31, 0.09])  # the contour is looked for around this point, metres
CONTOUR_ANGLES = np.radians(
    np.linspace(172, 368, 17)
)  # from the person's right ear over the chin to the left ear
YAWS = np.radians(-np.concatenate([np.arange(40), -np.arange(1, 40)]))  # smplx's order of its 79 head yaws


@dataclass(frozen=True)
class Landmarks:
    """Points on the surface: triangle ids and barycentric coordinates.

    Attributes:
        lmk_faces_idx: int64 [51], iBUG 17..67.
        lmk_bary_coords: float64 [51, 3].
        dynamic_lmk_faces_idx: int64 [79, 17], the face contour (iBUG 0..16) seen under 79 head yaws.
        dynamic_lmk_bary_coords: float64 [79, 17, 3].
    """

    lmk_faces_idx: np.ndarray
    lmk_bary_coords: np.ndarray
    dynamic_lmk_faces_idx: np.ndarray
    dynamic_lmk_bary_coords: np.ndarray


def frontmost(v: np.ndarray, faces: np.ndarray, point: np.ndarray) -> tuple[int, np.ndarray]:
    """The frontmost (+z) triangle that covers `point` [2], and the point's barycentric coordinates.

    Raises:
        ValueError: when no triangle covers it.
    """
    a, b, c = (v[faces[:, k]] for k in range(3))
    ab, ac, ap = b[:, :2] - a[:, :2], c[:, :2] - a[:, :2], point - a[:, :2]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (ap[:, 0] * ac[:, 1] - ap[:, 1] * ac[:, 0]) / area
        s = (ab[:, 0] * ap[:, 1] - ab[:, 1] * ap[:, 0]) / area
    weights = np.stack([1 - t - s, t, s], axis=1)
    hit = np.flatnonzero((weights >= 0).all(1) & (area > 0))
    if not len(hit):
        raise ValueError(f"no surface at landmark ({point[0]:.4f}, {point[1]:.4f}) m of the front view")
    depth = np.einsum("fk,fk->f", weights[hit], v[faces[hit], 2])
    best = hit[depth.argmax()]
    return int(best), weights[best]


def face_landmarks(v: np.ndarray, faces: np.ndarray, eyeballs: np.ndarray) -> Landmarks:
    """Find the landmarks on the neutral body.

    Args:
        v: [V, 3], T-pose, metres.
        faces: int [F, 3].
        eyeballs: bool [V].
    """
    skin = np.flatnonzero(~eyeballs[faces].any(1) & (v[faces, 1].min(1) > 0.15) & (v[faces, 2].min(1) > 0))
    inner = [frontmost(v, faces[skin], point) for point in FRONT_VIEW]

    # The face proper: in front of the ears, above the jaw line, not the underside of the chin.
    across = np.cross(v[faces[:, 1]] - v[faces[:, 0]], v[faces[:, 2]] - v[faces[:, 0]])
    downward = across[:, 1] < -0.8 * np.linalg.norm(across, axis=1)
    centre = v[faces].mean(1)
    jaw_line = 0.066 + 1.0 * np.clip(0.27 - centre[:, 1], 0, None)  # metres in z at a face's height
    mask = skin[~downward[skin] & (centre[skin, 2] > jaw_line[skin]) & (centre[skin, 1] > 0.215)]
    corner_face = {int(vertex): (int(f), k) for f in mask for k, vertex in enumerate(faces[f])}
    vertices = np.array(sorted(corner_face))

    contour_faces = np.empty((len(YAWS), 17), np.int64)
    contour_weights = np.zeros((len(YAWS), 17, 3))
    for row, yaw in enumerate(YAWS):
        p = v[vertices] - CONTOUR_CENTRE
        x, y = p[:, 0] * np.cos(yaw) + p[:, 2] * np.sin(yaw), p[:, 1]
        for k, angle in enumerate(CONTOUR_ANGLES):
            along, beside = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
            vertex = vertices[np.argmax(along - 2 * np.abs(beside))]
            contour_faces[row, k], corner = corner_face[int(vertex)]
            contour_weights[row, k, corner] = 1
    return Landmarks(
        lmk_faces_idx=skin[[f for f, _ in inner]].astype(np.int64),
        lmk_bary_coords=np.array([w for _, w in inner]),
        dynamic_lmk_faces_idx=contour_faces,
        dynamic_lmk_bary_coords=contour_weights,
    )
