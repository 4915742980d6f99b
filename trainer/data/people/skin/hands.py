"""Colour of hands on the open body: palms, knuckles, finger tips, nails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.runtime.body import Body
from dinar.trainer.data.people.bake import vertex_normals
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
class Nail:
    """One nail: a rounded rectangle on the finger.

    Attributes:
        centre: [3], metres.
        frame: [3, 3], rows: along the finger to its tip, across it, out of the nail.
        half: [2], metres, half its length and width.
    """

    centre: np.ndarray
    frame: np.ndarray
    half: np.ndarray

    def place(self, p: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Share of the nail at points [M, 3], and how far along it they lie (-1 root, 1 edge): [M] each."""
        local = (p - self.centre) @ self.frame.T
        along, across = local[:, 0] / self.half[0], local[:, 1] / self.half[1]
        inside = 1 - (along**4 + across**4) ** 0.25
        share = smoothstep(-0.06, 0.10, inside) * (np.abs(local[:, 2]) < 0.006)
        return share * smoothstep(-0.1, 0.25, normal @ self.frame[2]), along


@dataclass(frozen=True)
class Hands:
    """What is painted on hands, of the T-pose with palms down; the right is the left's mirror image.

    Attributes:
        wrist: [3], metres.
        knuckles: [15, 3], the left hand's finger joints.
        tips: [5, 3], ends of the left hand's fingers.
        hand_share: float64 [V], 1 on hands, 0 above the wrists.
        nails: the left hand's five.
    """

    wrist: np.ndarray
    knuckles: np.ndarray
    tips: np.ndarray
    hand_share: np.ndarray
    nails: tuple[Nail, ...]

    def pigments(self, points: SurfacePoints, faces: np.ndarray) -> HandPigments:
        """Find the points on hands, and what is painted on them."""
        share = _interpolate(self.hand_share, points.face, points.barycentric, faces)
        index = np.nonzero(share > 0)[0]
        hand, p = (
            share[index],
            np.abs(points.position[index] * [1, 0, 0]) + points.position[index] * [0, 1, 1],
        )
        back = smoothstep(-0.5, 0.4, points.normal[index, 1])
        knuckle, crease, tip, nail, edge = np.zeros((5, len(p)))
        normal = points.normal[index] * np.where(points.position[index, :1] < 0, [-1, 1, 1], [1, 1, 1])
        for k, centre in enumerate(self.knuckles):
            if k == _THUMB_ROOT:
                continue
            size = (0.0085, 0.0060, 0.0050)[k % 3]
            at = np.nonzero((np.abs(p - centre) < [5 * size, 0.02, 5 * size]).all(1))[0]
            near = np.exp(-0.5 * (((p[at] - centre) / size) ** 2)[:, [0, 2]].sum(1))
            knuckle[at] += near
            waves = 0.5 + 0.5 * np.cos((p[at, 0] - centre[0]) * 3900 + 2.5 * fbm(p[at] * 300, 2, 101 + k))
            on_back = back[at] * (k % 3 > 0) * waves * 0.6
            crease[at] += near**2 * (on_back + (1 - back[at]) * (waves > 0.75) * 0.6)
        for end in self.tips:
            at = np.nonzero((np.abs(p - end) < 0.04).all(1))[0]
            tip[at] += np.exp(-0.5 * ((p[at] - end) ** 2).sum(1) / 0.007**2)
        for plate in self.nails:
            at = np.nonzero((np.abs(p - plate.centre) < 0.016).all(1))[0]
            share, along = plate.place(p[at], normal[at])
            nail[at] += share
            edge[at] += share * smoothstep(0.72, 0.80, along)
        return HandPigments(
            index=index,
            blood=hand * (0.10 + 0.14 * (1 - back) + 0.34 * knuckle * back + 0.36 * tip),
            melanin=hand * (0.04 - 0.32 * (1 - back) + 0.16 * knuckle * back),
            nail=nail,
            edge=edge,
            crease=np.clip(hand * crease, 0, 1),
            palm=hand * (1 - back),
        )


@dataclass(frozen=True)
class HandPigments:
    """Those of N points that lie on hands.

    Attributes:
        index: int [N], among the points asked for.
        blood: float64 [N], relative to the skin's tone.
        melanin: float64 [N], likewise.
        nail: float64 [N], 1 on nails.
        edge: float64 [N], 1 on their free edges.
        crease: float64 [N], depth of creases, 0 to 1.
        palm: float64 [N], 1 on palms.
    """

    index: np.ndarray
    blood: np.ndarray
    melanin: np.ndarray
    nail: np.ndarray
    edge: np.ndarray
    crease: np.ndarray
    palm: np.ndarray


def _interpolate(
    per_vertex: np.ndarray, face: np.ndarray, barycentric: np.ndarray, faces: np.ndarray
) -> np.ndarray:
    return (per_vertex[faces[face]] * barycentric).sum(1)


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
    return Hands(
        wrist=joints[_WRIST],
        knuckles=knuckles,
        tips=np.array(tips),
        hand_share=body.weights[:, hand_joints].sum(1),
        nails=_find_nails(vertices, vertex_normals(vertices, body.faces), knuckles, np.array(tips)),
    )


def _find_nails(
    vertices: np.ndarray, normals: np.ndarray, knuckles: np.ndarray, tips: np.ndarray
) -> tuple[Nail, ...]:
    """Fit a nail to the vertices that lie on each of the left hand's."""
    ids = np.concatenate([np.arange(first, last + 1) for first, last in _NAILS])
    ids = np.setdiff1d(ids, _NOT_NAILS)
    ids = ids[vertices[ids, 0] > 0]
    finger = np.linalg.norm(vertices[ids][:, None] - tips, axis=2).argmin(1)
    nails = []
    for k in range(5):
        own = ids[finger == k]
        out = normals[own].mean(0)
        along = tips[k] - knuckles[3 * k + 2]
        along -= out * (along @ out) / (out @ out)
        frame = np.stack([along / np.linalg.norm(along), np.zeros(3), out / np.linalg.norm(out)])
        frame[1] = np.cross(frame[2], frame[0])
        local = (vertices[own] - vertices[own].mean(0)) @ frame.T
        low, high = np.percentile(local[:, :2], 4, axis=0), np.percentile(local[:, :2], 96, axis=0)
        middle = np.append((low + high) / 2, 0.0)
        nails.append(Nail(vertices[own].mean(0) + middle @ frame, frame, (high - low) / 2))
    return tuple(nails)
