"""A puppet: a body's skeleton moved by few, nameable handles (trunk, head, arms, hands, feet, face) over a
whole loop.

Angles are radians. "Left" is the body's own left, +x; the body looks to +z; the ground is y = 0. Handles of
the left and the right side mean the same thing mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dinar.runtime.body import JOINT_COUNT, Body, rest_vertices
from dinar.runtime.motions.curves import TAU
from dinar.runtime.rotations import axis_angle_from_matrix, matrix_from_axis_angle, rotation_about

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")
FPS = 60.0
Angle = np.ndarray | float

_HIP, _KNEE, _ANKLE, _FOOT = (1, 2), (4, 5), (7, 8), (10, 11)
_COLLAR_DROP = 0.25  # radians by which a hanging arm lowers the collar bone
_COLLAR, _SHOULDER, _ELBOW, _WRIST = (13, 14), (16, 17), (18, 19), (20, 21)
_SPINE, _NECK, _HEAD = (3, 6, 9), 12, 15
_FINGERS = (25, 40)  # first of 15: index, middle, pinky, ring, thumb, three joints each
_SMILE, _BLINK, _EXPRESSIONS = 0, 6, 10  # the open body's
_STRAIGHTEST_LEG = 0.9995  # of thigh plus shank: a knee bends by 4 degrees at least


@dataclass(frozen=True)
class Skeleton:
    """What a puppet needs to know of a body (of one shape).

    Attributes:
        joints: float64 [55, 3], metres, T-pose.
        heel: for each side float64 [N, 3], T-pose: the ankle joint, then the vertices that turn with it.
        toes: for each side float64 [N, 3], T-pose: the foot joint, then the vertices that turn with it.
        hip_breadth: half the width of the body where the hands hang, metres.
    """

    joints: np.ndarray
    heel: tuple[np.ndarray, np.ndarray]
    toes: tuple[np.ndarray, np.ndarray]
    hip_breadth: float

    @classmethod
    def of(cls, body: Body, betas: np.ndarray | None = None) -> Skeleton:
        """Measure a body; `betas` float [S'], zeros when left out."""
        vertices = rest_vertices(body, np.zeros(0) if betas is None else betas)
        joints = body.J_regressor @ vertices

        def moved_by(joint: int) -> np.ndarray:
            return np.concatenate([joints[joint : joint + 1], vertices[body.weights[:, joint] > 0.9]])

        below_pelvis = joints[0, 1] - vertices[:, 1]
        near_hands = (below_pelvis > 0) & (below_pelvis < 0.25)
        return cls(
            joints=joints,
            heel=(moved_by(_ANKLE[0]), moved_by(_ANKLE[1])),
            toes=(moved_by(_FOOT[0]), moved_by(_FOOT[1])),
            hip_breadth=float(np.abs(vertices[near_hands, 0]).max(initial=0)),
        )

    @property
    def ground(self) -> float:
        """Height of the soles in the T-pose."""
        return float(min(points[:, 1].min() for points in (*self.heel, *self.toes)))

    def clear_lift(self, side: Side) -> float:
        """How far a hanging arm is lifted sideways for the hand to clear the hips by 3 cm, radians."""
        i = SIDES.index(side)
        shoulder, wrist = self.joints[_SHOULDER[i]], self.joints[_WRIST[i]]
        half_hand = 0.06  # fingers curl towards the body
        sine = (self.hip_breadth + half_hand + 0.03 - abs(shoulder[0])) / np.linalg.norm(wrist - shoulder)
        return float(np.arcsin(np.clip(sine, 0.08, 0.6)))

    @property
    def leg_length(self) -> float:
        """Length of thigh plus shank."""
        j = self.joints
        return float(np.linalg.norm(j[4] - j[1]) + np.linalg.norm(j[7] - j[4]))


@dataclass(frozen=True)
class FootPath:
    """Where one foot is.

    Attributes:
        ankle: [T, 3], metres, world.
        rotation: [T, 3, 3], T-pose foot => world.
        heading: [T] or one, direction that the knee points to, about y; 0 is +z, positive to the left (+x).
        toes: [T] or one, bend of the toes; positive up.
    """

    ankle: np.ndarray
    rotation: np.ndarray
    heading: Angle = 0.0
    toes: Angle = 0.0


class Puppet:
    """Collects a loop of `seconds`, frame by frame; every handle sets the joints it names, the others rest.

    Attributes:
        skeleton: the body's.
        clock: float64 [T], seconds.
        turn: float64 [T], the same as an angle from 0 to 2 pi: sines of its multiples close the loop.
        rotations: float64 [T, 55, 3, 3], each joint relative to its parent; the pelvis relative to the world.
        pelvis: float64 [T, 3], metres, world.
        expression: float64 [T, 10], in the open body's expressions.
    """

    def __init__(self, skeleton: Skeleton, seconds: float):
        frames = round(seconds * FPS)
        self.skeleton = skeleton
        self.clock = np.arange(frames) / FPS
        self.turn = self.clock * (TAU * FPS / frames)
        self.rotations = np.tile(np.eye(3), (frames, JOINT_COUNT, 1, 1))
        self.pelvis = np.tile(skeleton.joints[0] - [0, skeleton.ground, 0], (frames, 1))
        self.expression = np.zeros((frames, _EXPRESSIONS))

    def smile(self, amount: Angle) -> None:
        """Smile: 0 is neutral, 0.4 friendly, 1 wide."""
        self.expression[:, _SMILE] = amount

    def blink(self, *moments: float) -> None:
        """Blink at these seconds of the clock, for about a sixth of a second each."""
        for moment in moments:
            self.expression[:, _BLINK] += 0.7 * np.exp(-(((self.clock - moment) / 0.06) ** 2))

    def trunk(self, rotation: np.ndarray, bend: np.ndarray) -> None:
        """Turn the pelvis to `rotation` [T, 3, 3], world, and the chest by `bend` [T, 3, 3] against it."""
        self.rotations[:, 0] = rotation
        third = matrix_from_axis_angle(axis_angle_from_matrix(bend) / len(_SPINE))
        self.rotations[:, _SPINE] = third[:, None]

    def head(self, rotation: np.ndarray) -> None:
        """Turn the head to `rotation` [T, 3, 3], world; call it after `trunk`."""
        local = np.swapaxes(self._chest(), -1, -2) @ rotation
        half = matrix_from_axis_angle(axis_angle_from_matrix(local) / 2)
        self.rotations[:, _NECK] = self.rotations[:, _HEAD] = half

    def arm(
        self,
        side: Side,
        *,
        lift: Angle,
        swing: Angle = 0.0,
        turn: Angle = 0.0,
        elbow: Angle = 0.0,
        pronation: Angle = 0.0,
        wrist: Angle = 0.0,
        deviation: Angle = 0.0,
        forward: Angle = 0.0,
        shrug: Angle = 0.0,
    ) -> None:
        """Pose an arm against the chest.

        Args:
            side: which.
            lift: upper arm away from the body sideways: 0 hangs down, pi / 2 is the T-pose.
            swing: then forwards, about the axis through both shoulders.
            turn: first, about the upper arm itself; positive inwards (the forearm of a bent, hanging arm goes
                across the belly; a lifted one goes down).
            elbow: bend, 0 is straight.
            pronation: forearm about itself; positive turns the palm of a hanging hand backwards.
            wrist: bend; positive towards the palm.
            deviation: hand sideways in its own plane; positive towards the thumb.
            forward: last, the whole arm about the vertical; positive to the front.
            shrug: collar bone up; a hanging arm lowers it by itself.
        """
        i = SIDES.index(side)
        s = 1 - 2 * i
        about = rotation_about
        collar = shrug - _COLLAR_DROP * (1 - np.tanh(2 * (np.asarray(lift) - 0.8))) / 2
        self.rotations[:, _COLLAR[i]] = about("z", s * collar)
        down = about("z", -s * (np.pi / 2 - np.asarray(lift) + collar))
        self.rotations[:, _SHOULDER[i]] = (
            about("y", -s * np.asarray(forward)) @ about("x", -np.asarray(swing)) @ down @ about("x", turn)
        )
        self.rotations[:, _ELBOW[i]] = about("y", -s * np.asarray(elbow)) @ about("x", pronation)
        self.rotations[:, _WRIST[i]] = about("z", -s * np.asarray(wrist)) @ about(
            "y", -s * np.asarray(deviation)
        )

    def hand(self, side: Side, curl: Angle, *, spread: Angle = 0.0) -> None:
        """Close a hand: `curl` 0 is flat, 0.25 relaxed, 1 a fist; `spread` fans the fingers out, radians."""
        i = SIDES.index(side)
        s = 1 - 2 * i
        curl, spread = np.asarray(curl), np.asarray(spread)
        first = _FINGERS[i]
        # A relaxed hand closes more towards the little finger.
        for finger, (more, fan) in enumerate(((0.8, 0.8), (1.0, 0.1), (1.25, -1.2), (1.15, -0.5))):
            for bone, full in enumerate((1.3, 1.6, 1.0)):
                bend = rotation_about("z", -s * np.minimum(curl * more, 1) * full)
                fanned = rotation_about("y", -s * spread * fan) if bone == 0 else np.eye(3)
                self.rotations[:, first + 3 * finger + bone] = fanned @ bend
        # The thumb comes alongside the fingers.
        thumb = self.skeleton.joints[first + 14] - self.skeleton.joints[first + 12]
        axis = np.cross(thumb, [s, 0, 0])
        axis /= np.linalg.norm(axis)
        for bone, full in enumerate((1.3, 0.7, 0.8)):
            self.rotations[:, first + 12 + bone] = matrix_from_axis_angle(axis * full * curl[..., None])

    def settle(self, left: FootPath, right: FootPath, stretch: float) -> None:
        """Raise or lower the whole path of the pelvis so that the legs are never longer than `stretch`.

        `stretch` is a share of thigh plus shank: 0.996 is a knee bent by 10 degrees. Call it after `trunk`.
        """
        rest = self.skeleton.joints
        room = np.full(len(self.pelvis), np.inf)
        for i, foot in enumerate((left, right)):
            hip = self.pelvis + self.rotations[:, 0] @ (rest[_HIP[i]] - rest[0])  # [T, 3]
            across = np.hypot(hip[:, 0] - foot.ankle[:, 0], hip[:, 2] - foot.ankle[:, 2])
            up = np.sqrt((stretch * self.skeleton.leg_length) ** 2 - across**2)
            room = np.minimum(room, foot.ankle[:, 1] + up - hip[:, 1])
        self.pelvis[:, 1] += room.min()

    def legs(self, left: FootPath, right: FootPath) -> None:
        """Bring the feet to their places by bending hips, knees and ankles; call it after `settle`.

        Two bones, in closed form: the law of cosines gives the knee; thigh and shank share its hinge axis.
        """
        rest = self.skeleton.joints
        pelvis = self.rotations[:, 0]  # [T, 3, 3]
        for i, foot in enumerate((left, right)):
            hip, knee, ankle = rest[_HIP[i]], rest[_KNEE[i]], rest[_ANKLE[i]]
            start = self.pelvis + pelvis @ (hip - rest[0])  # [T, 3]
            thigh, shank, hinge = _two_bones(
                start, foot.ankle, np.linalg.norm(knee - hip), np.linalg.norm(ankle - knee), foot.heading
            )
            world_thigh = _turn(knee - hip, thigh, hinge)  # [T, 3, 3]
            world_shank = _turn(ankle - knee, shank, hinge)
            self.rotations[:, _HIP[i]] = np.swapaxes(pelvis, -1, -2) @ world_thigh
            self.rotations[:, _KNEE[i]] = np.swapaxes(world_thigh, -1, -2) @ world_shank
            self.rotations[:, _ANKLE[i]] = np.swapaxes(world_shank, -1, -2) @ foot.rotation
            self.rotations[:, _FOOT[i]] = rotation_about("x", -np.asarray(foot.toes))

    def standing_foot(
        self, side: Side, place: np.ndarray, heading: Angle = 0.0, *, heel: Angle = 0.0, height: Angle = 0.0
    ) -> FootPath:
        """Return a foot on the ground.

        Args:
            side: which.
            place: [2] or [T, 2] (x, z), where the ankle is when the sole is flat.
            heading: turn about y.
            heel: lift of the heel about the ball of the foot, whose toes stay flat; 0 is a flat sole.
            height: of the whole foot above the ground, metres.
        """
        i = SIDES.index(side)
        ankle, ball = self.skeleton.joints[_ANKLE[i]], self.skeleton.joints[_FOOT[i]]
        frames = len(self.pelvis)
        path = np.zeros((frames, 3))
        path[:, 0::2] = place
        path[:, 1] = height - self.skeleton.ground + ankle[1]
        turned = np.broadcast_to(rotation_about("y", heading), (frames, 3, 3))
        lifted = turned @ rotation_about("x", heel)
        path += (lifted - turned) @ (ankle - ball)
        return FootPath(path, lifted, heading, heel)

    def _chest(self) -> np.ndarray:
        chest = self.rotations[:, 0]
        for joint in _SPINE:
            chest = chest @ self.rotations[:, joint]
        return chest


def _two_bones(
    start: np.ndarray, end: np.ndarray, upper: np.floating, lower: np.floating, heading: Angle
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions of thigh and shank and the knee's hinge axis, each [T, 3], for hip `start` and ankle `end`
    [T, 3].

    A place out of reach is approached as far as the leg goes.
    """
    reach = np.linalg.norm(end - start, axis=-1, keepdims=True)  # [T, 1]
    straight = (end - start) / reach
    reach = np.minimum(reach, _STRAIGHTEST_LEG * (upper + lower))
    forward = np.stack([np.sin(heading), np.zeros_like(heading), np.cos(heading)], axis=-1)  # [T, 3] or [3]
    forward = forward - (straight * forward).sum(axis=-1, keepdims=True) * straight
    forward = forward / np.linalg.norm(forward, axis=-1, keepdims=True)
    cosine = (upper**2 + reach**2 - lower**2) / (2 * upper * reach)
    thigh = cosine * straight + np.sqrt(1 - cosine**2) * forward
    shank = (reach * straight - upper * thigh) / lower
    return thigh, shank, np.cross(forward, straight)


def _turn(rest: np.ndarray, direction: np.ndarray, hinge: np.ndarray) -> np.ndarray:
    """Rotations [T, 3, 3]: the bone `rest` [3] goes to `direction` [T, 3], the x axis to `hinge` [T, 3]."""

    def frame(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        y = y / np.linalg.norm(y, axis=-1, keepdims=True)
        x = x - (x * y).sum(axis=-1, keepdims=True) * y
        x = x / np.linalg.norm(x, axis=-1, keepdims=True)
        return np.stack([x, y, np.cross(x, y)], axis=-1)

    return frame(direction, hinge) @ frame(rest, np.array([1.0, 0, 0])).T
