"""Colour of hands on the open body: palms, knuckles, finger tips, nails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.runtime.body import Body
from dinar.trainer.data.people.head import smoothstep
from dinar.trainer.data.people.noise import fbm
from dinar.trainer.data.people.part import SurfacePoints

_FINGERS = 25  # first of the left hand's 15 finger joints (index, middle, little, ring, thumb, three each)
_THUMB_ROOT = 12  # of the 15: lies deep in the ball of the thumb, not at a knuckle
_WRIST = 20  # left; the right's joints follow each of the left's
_NAILS = (
    *((2069, 2079), (2262, 2271), (2453, 2463), (2634, 2634), (2645, 2655), (2766, 2777), (2824, 2824)),
    *((2863, 2863), (2901, 2902), (2940, 2941), (2980, 2980), (3019, 3019), (3056, 3058), (3095, 3097)),
    *((8601, 8601), (8736, 8747), (8929, 8939), (9121, 9131), (9313, 9323), (9434, 9445), (9491, 9492)),
    *((9530, 9531), (9569, 9570), (9607, 9609), (9646, 9648), (9685, 9687), (9724, 9726), (9763, 9765)),
)
_NOT_NAILS = (
    *(2072, 2075, 2264, 2268, 2269, 2454, 2456, 2460, 2647, 2648, 2649, 2772, 2773),
    *(8743, 8932, 9124, 9127, 9316, 9319, 9438, 9440, 9441),
)


@dataclass(frozen=True)
class Hands:
    """What is painted on hands, of the T-pose with palms down; the right is the left's mirror image.

    Attributes:
        wrist: [3], metres.
        knuckles: [15, 3], the left hand's finger joints.
        tips: [5, 3], ends of the left hand's fingers.
        hand_share: float64 [V], 1 on hands, 0 above the wrists.
        nail_share: float64 [V].
    """

    wrist: np.ndarray
    knuckles: np.ndarray
    tips: np.ndarray
    hand_share: np.ndarray
    nail_share: np.ndarray

    def pigments(self, points: SurfacePoints, faces: np.ndarray) -> tuple[np.ndarray, ...]:
        """Blood, melanin, nails and creases at the points, [M] each; all 0 off the hands."""
        p = np.concatenate([np.abs(points.position[:, :1]), points.position[:, 1:]], axis=1)
        hand = _interpolate(self.hand_share, points, faces)
        nail = smoothstep(0.35, 0.75, _interpolate(self.nail_share, points, faces)) * (hand > 0)
        back = smoothstep(-0.5, 0.4, points.normal[:, 1])
        knuckle, crease = np.zeros(len(p)), np.zeros(len(p))
        for k, centre in enumerate(self.knuckles):
            if k == _THUMB_ROOT:
                continue
            size = (0.0085, 0.0060, 0.0050)[k % 3]
            near = np.exp(-0.5 * (((p - centre) / size) ** 2)[:, [0, 2]].sum(1))
            near *= np.abs(p[:, 1] - centre[1]) < 0.02
            knuckle += near
            waves = 0.5 + 0.5 * np.cos((p[:, 0] - centre[0]) * 3900 + 2.5 * fbm(p * 300, 2, 101 + k))
            crease += near**2 * (back * (k % 3 > 0) * waves * 0.6 + (1 - back) * (waves > 0.75) * 0.6)
        tip = sum(np.exp(-0.5 * ((p - t) ** 2).sum(1) / 0.007**2) for t in self.tips)
        blood = hand * (0.10 + 0.14 * (1 - back) + 0.34 * knuckle * back + 0.36 * tip)
        melanin = hand * (0.04 - 0.32 * (1 - back) + 0.16 * knuckle * back)
        return blood, melanin, nail, np.clip(hand * crease, 0, 1)


def _interpolate(per_vertex: np.ndarray, points: SurfacePoints, faces: np.ndarray) -> np.ndarray:
    return (per_vertex[faces[points.face]] * points.barycentric).sum(1)


def find_hands(body: Body, vertices: np.ndarray) -> Hands:
    """Find them on the open body's `vertices` [V, 3] in the T-pose."""
    joints = body.J_regressor @ vertices
    knuckles = joints[_FINGERS : _FINGERS + 15]
    tips = []
    for finger in range(5):
        base, end = knuckles[3 * finger], knuckles[3 * finger + 2]
        own = vertices[body.weights[:, _FINGERS + 3 * finger + 2] > 0.5]
        tips.append(own[((own - end) @ (end - base)).argmax()])
    hand_joints = [_WRIST, _WRIST + 1, *range(_FINGERS, _FINGERS + 30)]
    nails = np.zeros(len(vertices))
    for first, last in _NAILS:
        nails[first : last + 1] = 1
    nails[list(_NOT_NAILS)] = 0
    return Hands(joints[_WRIST], knuckles, np.array(tips), body.weights[:, hand_joints].sum(1), nails)
