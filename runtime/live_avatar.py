"""The avatar as a stream wants it: the newest pose, smoothed and predicted when asked, the stream's shape."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from dinar.runtime.avatar import Avatar
from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.renderer import Frame, Renderer
from dinar.runtime.reshape import with_betas
from dinar.runtime.smoothing import PASS_THROUGH, OneEuro, PoseFilter, ahead_seconds
from dinar.runtime.stream import PoseSubscriber
from dinar.runtime.wire import PoseFrame


@dataclass(frozen=True)
class Steadiness:
    """What is done to poses before they are drawn.

    Attributes:
        smoothing: parameters of the filter; None draws poses as they come.
        name: how the status calls the smoothing.
        predict: move poses on by their age.
    """

    smoothing: OneEuro | None = None
    name: str = "off"
    predict: bool = False


AS_THEY_COME = Steadiness()
"""Poses are drawn as they come."""


class LivePoses:
    """A source of poses, and the avatar in the shape of the stream.

    Args:
        avatar: as opened from its file.
        subscriber: gives poses; stays the caller's.
        topic: which of them.
        accept_betas: follow the shape in the stream.
        steadiness: what is done to poses.
        now_us: microseconds since the epoch, as the poses' `t_us`.
    """

    def __init__(
        self,
        avatar: Avatar,
        subscriber: PoseSubscriber,
        topic: str,
        *,
        accept_betas: bool,
        steadiness: Steadiness = AS_THEY_COME,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._original = self.avatar = avatar
        self._subscriber, self._topic, self._accept_betas = subscriber, topic, accept_betas
        self._steadiness, self._now_us = steadiness, now_us
        self._filter: PoseFilter | None = None
        if steadiness.smoothing is not None or steadiness.predict:
            self._filter = PoseFilter(steadiness.smoothing or PASS_THROUGH)
        self._session: int | None = None
        self._fastest_us = 0  # between the clocks of both ends, where they differ
        self._age_s = self._ahead_s = 0.0
        self._taken_us = 0

    def latest(self) -> Pose | None:
        """Return the newest pose that was not taken yet, or None.

        With prediction the last pose comes again, moved on, as long as that changes it.
        """
        frame = self._subscriber.latest(self._topic)
        if frame is None:
            return self._moved_on()
        if self._accept_betas and frame.betas is not None:
            self._reshape(frame.betas)
        expression_count = self.avatar.body.exprdirs.shape[2]
        pose = replace(frame.pose, expression=frame.pose.expression[:expression_count])
        if self._filter is None:
            return pose
        pose = self._filter.update(pose, frame.t_us, frame.session)
        if not self._steadiness.predict:
            return pose
        self._remember_age(frame)
        self._ahead_s = ahead_seconds(self._age_s, 0.0)
        return self._filter.predict(self._ahead_s)

    def latest_cameras(self) -> Sequence[Camera] | None:
        """Return the newest cameras of the stream that were not taken yet, or None."""
        frame = self._subscriber.latest_cameras()
        return None if frame is None else frame.cameras

    def status(self) -> str:
        """One line: smoothing and the latency it adds now, prediction and how far it reaches now."""
        if self._steadiness.smoothing is None or self._filter is None:
            smoothing = "smoothing off"
        else:
            smoothing = f"smoothing {self._steadiness.name} adds up to {1e3 * self._filter.lag_s:.0f} ms"
        ahead = f"{1e3 * self._ahead_s:.0f} ms ahead" if self._steadiness.predict else "off"
        return f"{smoothing}   prediction {ahead}"

    def _moved_on(self) -> Pose | None:
        """The last pose, further ahead than when it was last given; None when that changes nothing."""
        if not self._steadiness.predict or self._filter is None or self._filter.pose is None:
            return None
        ahead_s = ahead_seconds(self._age_s, (self._now_us() - self._taken_us) / 1e6)
        if ahead_s == self._ahead_s:
            return None
        self._ahead_s = ahead_s
        return self._filter.predict(ahead_s)

    def _remember_age(self, frame: PoseFrame) -> None:
        """Between clocks that differ, a session's fastest message counts as new: only more delay is seen."""
        self._taken_us = self._now_us()
        age_us = self._taken_us - frame.t_us
        if not self._subscriber.stats().age_synchronized:
            self._fastest_us = age_us if frame.session != self._session else min(age_us, self._fastest_us)
            age_us -= self._fastest_us
        self._session, self._age_s = frame.session, age_us / 1e6

    def _reshape(self, betas: np.ndarray) -> None:
        reshaped = with_betas(self._original, betas)
        if not np.array_equal(reshaped.betas, self.avatar.betas):
            self.avatar = reshaped


class FollowingRenderer:
    """A renderer of whatever avatar is the current one: opened again when that changes.

    Args:
        avatar: gives the current one.
        open_renderer: opens a renderer for an avatar.
    """

    def __init__(self, avatar: Callable[[], Avatar], open_renderer: Callable[[Avatar], Renderer]) -> None:
        self._avatar, self._open_renderer = avatar, open_renderer
        self._drawn = avatar()
        self._renderer = open_renderer(self._drawn)

    def render(self, pose: Pose, cameras: Sequence[Camera]) -> Frame:
        """Draw `pose`, as `Renderer.render`."""
        if self._avatar() is not self._drawn:
            self._renderer.close()
            self._drawn = self._avatar()
            self._renderer = self._open_renderer(self._drawn)
        return self._renderer.render(pose, cameras)

    def close(self) -> None:
        """Close the renderer; a second call does nothing."""
        self._renderer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
