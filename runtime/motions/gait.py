"""The path of a walking foot on a treadmill: what touches the belt moves with the belt, exactly.

One stride of a foot, in its phase from one heel strike to the next (shares of a stride after Perry 1992):

    0 .. HEEL_ROCKER    the foot tips from the heel to flat; the heel stays on its place on the belt
    .. FLAT             the sole stays on its place
    .. STANCE           the heel rises about the ball joint; the toes stay on their place
    .. 1                swing: splines that meet both ends in position and velocity
"""

from __future__ import annotations

import numpy as np

from dinar.runtime.motions.curves import clamped_spline
from dinar.runtime.motions.puppet import SIDES, FootPath, Side, Skeleton
from dinar.runtime.rotations import rotation_about

HEEL_ROCKER, FLAT, STANCE = 0.10, 0.36, 0.62
STRIDE = 1.5  # in leg lengths
BELOW_HIP = 0.246  # when the ankle passes the hip
HEEL_STRIKE_PITCH = np.radians(20)
TOE_OFF_PITCH = np.radians(-59)

# The swing between toe-off and heel strike. These numbers and the pelvis's path in `walk` were fitted so
# that hip and knee follow the curves of level walking in Perry (1992).
_KNOTS = np.array([STANCE, 0.67, 0.74, 0.80, 0.86, 0.93, 1.0])
_PITCH = np.radians([-67, -46, -14, 8, 21])
_TOES = np.radians([53, 14, 0, 0, 0])
_ANKLE_HEIGHT = np.array([0.138, 0.138, 0.086, 0.034, 0.027])  # above the one at heel strike, in leg lengths
_ANKLE_WAY = np.array([0.13, 0.33, 0.555, 0.88, 1.06])  # share of the way forward


class Gait:
    """Foot paths of one body, with strides natural to its legs."""

    def __init__(self, skeleton: Skeleton):
        self._skeleton = skeleton
        self.stride = STRIDE * skeleton.leg_length  # metres of belt per stride

    def foot(self, side: Side, phase: np.ndarray) -> FootPath:
        """Path of one foot at `phase` [T], in [0, 1), 0 at its heel strike."""
        stance = phase < STANCE
        pitch, ankle = self._stance(side, np.where(stance, phase, 0))
        toes = np.maximum(-pitch, 0)  # flat on the belt
        swing_pitch, swing_toes, swing_ankle = self._swing(side, np.where(stance, 1, phase))
        return FootPath(
            ankle=np.where(stance[:, None], ankle, swing_ankle),
            rotation=rotation_about("x", -np.where(stance, pitch, swing_pitch)),
            toes=np.where(stance, toes, swing_toes),
        )

    def _stance(self, side: Side, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pitch [T], positive toes up, and ankle [T, 3] of a foot on the belt."""
        tip = np.clip(1 - phase / HEEL_ROCKER, 0, 1)
        rise = np.clip((phase - FLAT) / (STANCE - FLAT), 0, None)
        pitch = HEEL_STRIKE_PITCH * tip**2 * (3 - 2 * tip) + TOE_OFF_PITCH * rise**3
        i = SIDES.index(side)
        rest = self._skeleton.joints
        ankle = rest[7 + i]
        pivot = np.where((pitch > 0)[:, None], ankle, rest[10 + i])  # [T, 3], T-pose
        turned = pivot + (rotation_about("x", -pitch) @ (ankle - pivot)[:, :, None])[:, :, 0]
        turned[:, 1:] += self._roll(side, pitch)
        hip = rest[1 + i]
        place = np.array([0.055 * (1 - 2 * i) - ankle[0], -self._skeleton.ground, hip[2] - ankle[2]])
        belt = np.zeros((len(phase), 3))
        belt[:, 2] = self.stride * (BELOW_HIP - phase)
        return pitch, turned + place + belt

    def _roll(self, side: Side, pitch: np.ndarray) -> np.ndarray:
        """Way of the ankle (y, z) [T, 2] of a foot that rolls on its heel from flat to `pitch` [T] >= 0.

        The heel is round: whatever is its lowest point now is on the belt and does not slip.
        """
        heel = self._skeleton.heel[SIDES.index(side)]
        pitches = np.linspace(0, HEEL_STRIKE_PITCH, 33)
        below = rotation_about("x", -pitches)[:, 1] @ (heel - heel[0]).T  # [33, N]
        lowest = below.min(axis=1)  # against the ankle
        slip = np.concatenate([[0], np.cumsum((lowest[1:] + lowest[:-1]) / 2 * np.diff(pitches))])
        up = lowest[0] - lowest
        return np.stack([np.interp(pitch, pitches, up), np.interp(pitch, pitches, slip)], axis=1)

    def _swing(self, side: Side, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pitch [T], bend of the toes [T] and ankle [T, 3] of a foot in the air."""
        h = 1e-4
        pitches, ankles = self._stance(side, np.array([STANCE, STANCE - h]))
        pitch0, (x, y0, z0) = pitches[0], ankles[0]
        pitch_slope, (_, y_slope, z_slope) = (pitches[0] - pitches[1]) / h, (ankles[0] - ankles[1]) / h
        landing_pitches, landing_ankles = self._stance(side, np.zeros(1))
        pitch1, (_, y1, z1) = landing_pitches[0], landing_ankles[0]

        def curve(
            start: float, between: np.ndarray, end: float, slope: float, end_slope: float
        ) -> np.ndarray:
            return clamped_spline(_KNOTS, np.array([start, *between, end]), slope, end_slope, phase)

        pitch = curve(pitch0, _PITCH, pitch1, pitch_slope, 0)
        toes = curve(-pitch0, _TOES, 0, -pitch_slope, 0)
        y = curve(y0, y1 + self._skeleton.leg_length * _ANKLE_HEIGHT, y1, y_slope, 0)
        z = curve(z0, z0 + (z1 - z0) * _ANKLE_WAY, z1, z_slope, -self.stride)
        return pitch, toes, np.stack([np.full_like(z, x), y, z], axis=1)
