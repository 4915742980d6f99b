"""Steady poses from a trembling stream: the One Euro filter on rotations, and prediction by a pose's age.

The One Euro filter (Casiez, Roussel, Vogel: "1 Euro Filter", CHI 2012) is a first-order low-pass whose cutoff
grows with speed: what rests is smoothed strongly, what moves is delayed little. Here each joint is one signal
on SO(3). Between two poses it turns by the rotation vector log(q_t q_(t-1)^-1), always the shorter way, so
neither the sign of a quaternion nor an angle of pi is a seam; divided by the time between them and low-passed
it is the angular velocity, whose length sets the joint's cutoff; and the low-pass itself is a slerp from the
last filtered rotation to the new one. Translation and expression are vectors, each with a cutoff of its own.

As in the authors' own code, and unlike Algorithm 1 of the paper, the speed that sets the cutoff is the
difference of raw values, not of the raw and the last filtered one: it does not grow with the filter's own
lag. Prediction moves the last filtered pose on by the velocity of the filtered poses, low-passed once more:
exact for constant velocity, and calmer than the velocity of what came.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from dinar.runtime.body import Pose
from dinar.runtime.rotations import (
    axis_angle_from_quaternion,
    quaternion_from_axis_angle,
    quaternion_multiply,
    slerp,
)

MAX_GAP_SECONDS = 0.5
"""After a longer silence the filter starts anew: what was before says nothing about now."""

MAX_AHEAD_SECONDS = 0.1
"""How far ahead is predicted at most; beyond it people do something else too often."""

MAX_PREDICTED_TURN = 0.5
"""Radians by which prediction turns a joint at most."""

MAX_PREDICTED_WAY = 0.2
"""Metres by which prediction moves the person at most."""

_LAG_WINDOW_SECONDS = 2.0
_STILL = 1e-6  # (rad/s)^2: keeps the mean lag defined when nothing moves
_INVERSE = np.array([1.0, -1.0, -1.0, -1.0])  # unit quaternion => its inverse


@dataclass(frozen=True)
class OneEuro:
    """Parameters of the filter, named as in the paper.

    Attributes:
        min_cutoff: Hz, above 0, the cutoff at rest: lower trembles less and delays slow movement more.
        beta: Hz per unit of speed (rad/s, m/s, coefficients/s), from 0, by which the cutoff grows: higher
            delays fast movement less and lets more noise through meanwhile.
        d_cutoff: Hz, above 0, the cutoff of the speed itself.
    """

    min_cutoff: float
    beta: float
    d_cutoff: float = 3.0


STRENGTHS = MappingProxyType(
    {
        "light": OneEuro(min_cutoff=3.0, beta=1.0),
        "medium": OneEuro(min_cutoff=1.5, beta=0.7),
        "strong": OneEuro(min_cutoff=0.7, beta=0.4),
    }
)
"""Presets; `dinar bench --steadiness` measures what each takes away and adds."""

PASS_THROUGH = OneEuro(min_cutoff=math.inf, beta=0.0)
"""Smooths nothing: poses stay as they are, and only the velocities for prediction are filtered."""


class PoseFilter:
    """Filters the poses of one stream, and predicts from the last. Looks at no clock but the poses' own."""

    def __init__(self, parameters: OneEuro) -> None:
        self._parameters = parameters
        self._session: int | None = None
        self._t_us = 0
        self._rotations = _Rotations(np.zeros((0, 3)))
        self._translation = self._expression = _Vector(np.zeros(0))
        self._lag = _Lag()
        self.pose: Pose | None = None

    @property
    def lag_s(self) -> float:
        """Seconds by which smoothing delays movement at most, over the last two seconds (see `_Lag`)."""
        return self._lag.seconds

    def update(self, pose: Pose, t_us: int, session: int = 0) -> Pose:
        """Take the pose of time `t_us`, microseconds, and return it filtered.

        Starts anew, giving the pose as it is, with a new `session`, after `MAX_GAP_SECONDS`, and when the
        clock goes back or stands still.
        """
        seconds = (t_us - self._t_us) / 1e6
        if session != self._session or not 0 < seconds <= MAX_GAP_SECONDS:
            self._rotations = _Rotations(pose.rotations)
            self._translation, self._expression = _Vector(pose.translation), _Vector(pose.expression)
            self._lag = _Lag()
            self.pose = pose
        else:
            if len(pose.expression) != len(self._expression.filtered):
                self._expression = _Vector(pose.expression)
            self._rotations.update(pose.rotations, seconds, self._parameters)
            self._translation.update(pose.translation, seconds, self._parameters)
            self._expression.update(pose.expression, seconds, self._parameters)
            self._lag.update(self._rotations, seconds)
            self.pose = Pose(
                axis_angle_from_quaternion(self._rotations.filtered).astype(np.float32),
                self._translation.filtered.astype(np.float32),
                self._expression.filtered.astype(np.float32),
            )
            if self._parameters is PASS_THROUGH:
                self.pose = pose  # to the last bit
        self._session, self._t_us = session, t_us
        return self.pose

    def predict(self, ahead_s: float) -> Pose:
        """Return the last filtered pose moved on by `ahead_s` seconds, from 0, at its filtered velocities.

        At most `MAX_AHEAD_SECONDS`, `MAX_PREDICTED_TURN` and `MAX_PREDICTED_WAY`. Expression stays as it is:
        a blink that is predicted on overshoots. Raises ValueError before the first pose.
        """
        if self.pose is None:
            raise ValueError("there is no pose to predict from: call update first")
        ahead = min(ahead_s, MAX_AHEAD_SECONDS)
        turn = quaternion_from_axis_angle(_capped(ahead * self._rotations.velocity, MAX_PREDICTED_TURN))
        rotations = axis_angle_from_quaternion(quaternion_multiply(turn, self._rotations.filtered))
        way = _capped(ahead * self._translation.velocity, MAX_PREDICTED_WAY)
        return replace(
            self.pose,
            rotations=rotations.astype(np.float32),
            translation=(self._translation.filtered + way).astype(np.float32),
        )


def ahead_seconds(age_s: float, silent_s: float) -> float:
    """How far to predict from a pose that was `age_s` seconds old when it was the newest `silent_s` ago.

    Its age now, up to `MAX_AHEAD_SECONDS`. A stream that stays silent takes the guess back: between one and
    two such spans of silence it goes to 0, so that the pose that stays is the last one that was sent.
    """
    trusted = min(max(2 - silent_s / MAX_AHEAD_SECONDS, 0.0), 1.0)
    return trusted * min(max(age_s + silent_s, 0.0), MAX_AHEAD_SECONDS)


class _Rotations:
    """Joint rotations [J]: quaternions [J, 4], and velocities, rad/s about the parent's axes [J, 3].

    Attributes:
        filtered: the quaternions, smoothed.
        raw_velocity: low-passed velocity of what came; sets the cutoff.
        velocity: low-passed velocity of what was given out; predicts.
        time_constant: seconds [J], of each joint's low-pass at its cutoff.
    """

    def __init__(self, axis_angle: np.ndarray) -> None:
        self._raw = self.filtered = quaternion_from_axis_angle(np.asarray(axis_angle, np.float64))
        self.raw_velocity = self.velocity = np.zeros(np.shape(axis_angle))
        self.time_constant = np.zeros(len(axis_angle))

    def update(self, axis_angle: np.ndarray, seconds: float, parameters: OneEuro) -> None:
        """Take the next rotations, axis-angle [J, 3]."""
        raw = quaternion_from_axis_angle(np.asarray(axis_angle, np.float64))
        share = _smoothing_factor(parameters.d_cutoff, seconds)
        self.raw_velocity = self.raw_velocity + share * (_turn(self._raw, raw) / seconds - self.raw_velocity)
        cutoff = parameters.min_cutoff + parameters.beta * np.linalg.norm(self.raw_velocity, axis=-1)  # [J]
        mixed = slerp(self.filtered, raw, _smoothing_factor(cutoff, seconds))
        filtered = mixed / np.linalg.norm(mixed, axis=-1, keepdims=True)
        self.velocity = self.velocity + share * (_turn(self.filtered, filtered) / seconds - self.velocity)
        self.time_constant = _time_constant(cutoff)
        self._raw, self.filtered = raw, filtered


class _Lag:
    """The latency that the filter adds, as a mean over joints and the last two seconds.

    A first-order low-pass of cutoff f shifts slow movement by 1 / (2 pi f), and fast movement by less: for
    joint angles it is a bound. For joint positions, which the person's translation moves as well,
    `dinar bench --steadiness` measures an eighth more (light) to an eighth less (strong). Joints and moments
    count with their squared speed, as in a least-squares fit of one time shift to all.
    """

    def __init__(self) -> None:
        self._weighted = self._weights = 0.0

    @property
    def seconds(self) -> float:
        """The latency; 0 before two poses."""
        return self._weighted / self._weights if self._weights else 0.0

    def update(self, rotations: _Rotations, seconds: float) -> None:
        """Count the last `seconds`."""
        weights = (rotations.velocity**2).sum(axis=-1) + _STILL  # [J]
        kept = math.exp(-seconds / _LAG_WINDOW_SECONDS)
        self._weighted = kept * self._weighted + seconds * float(weights @ rotations.time_constant)
        self._weights = kept * self._weights + seconds * float(weights.sum())


class _Vector:
    """A vector [N], and velocities [N] per second, as in `_Rotations`."""

    def __init__(self, value: np.ndarray) -> None:
        self._raw = self.filtered = np.asarray(value, np.float64)
        self.raw_velocity = self.velocity = np.zeros(np.shape(value))

    def update(self, value: np.ndarray, seconds: float, parameters: OneEuro) -> None:
        """Take the next value [N]."""
        raw = np.asarray(value, np.float64)
        share = _smoothing_factor(parameters.d_cutoff, seconds)
        self.raw_velocity = self.raw_velocity + share * ((raw - self._raw) / seconds - self.raw_velocity)
        cutoff = parameters.min_cutoff + parameters.beta * float(np.linalg.norm(self.raw_velocity))
        filtered = self.filtered + _smoothing_factor(cutoff, seconds) * (raw - self.filtered)
        self.velocity = self.velocity + share * ((filtered - self.filtered) / seconds - self.velocity)
        self._raw, self.filtered = raw, filtered


def _turn(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The shortest rotation vector [..., 3], radians, that turns unit quaternions `before` into `after`."""
    return axis_angle_from_quaternion(quaternion_multiply(after, before * _INVERSE))


def _time_constant(cutoff: np.ndarray | float) -> np.ndarray:
    """Hz => seconds: tau = 1 / (2 pi f)."""
    return 1 / (2 * np.pi * np.asarray(cutoff))


def _smoothing_factor(cutoff: np.ndarray | float, seconds: float) -> np.ndarray:
    """Alpha of Eq. 3 and 4 of the paper, 1 / (1 + tau / T), for poses `seconds` apart."""
    return 1 / (1 + _time_constant(cutoff) / seconds)


def _capped(vectors: np.ndarray, longest: float) -> np.ndarray:
    """Shorten vectors [..., N] to at most `longest`."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors * np.minimum(1, longest / np.maximum(length, 1e-12))
