"""Photos of an avatar that has clothes and hair of its own, as `rgb` mode draws them.

A person whose every pose and camera is known: what the default avatar's neural half is made from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dinar.runtime.avatar import Avatar
from dinar.runtime.body import Pose, forward
from dinar.runtime.camera import framing
from dinar.runtime.cpu.rgb import CpuRgbRenderer
from dinar.runtime.motion import BUILTIN_MOTIONS, load_motion
from dinar.runtime.prepare.crop import STAND_OFF_M
from dinar.trainer.data.dataset.layout import View
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.people.dress_form import fitting_pose

_LOWEST, _HIGHEST = math.radians(-15), math.radians(30)  # from where the avatar is seen


class Photographer:
    """Takes photos of one avatar."""

    def __init__(self, avatar: Avatar, side: int) -> None:
        """Prepare.

        Args:
            avatar: drawn with its shell, if it has one.
            side: pixels a side of the photos, a multiple of 32.
        """
        self._avatar, self._side = avatar, side
        self._renderer = CpuRgbRenderer(avatar)
        self._motions = [load_motion(name, avatar.body, betas=avatar.betas) for name in BUILTIN_MOTIONS]

    def standing(self, count: int) -> Iterator[View]:
        """Photos from all around, as it stands with its arms off the body; numbered from 0."""
        for number in range(count):
            yield self._take(number, fitting_pose(), 2 * math.pi * number / count, 0.0, 0.95)

    def moving(self, first: int, count: int) -> Iterator[View]:
        """Photos in moments of the built-in motions, from anywhere: the same ones for the same numbers.

        Args:
            first: number of the first one.
            count: how many.
        """
        for number in range(first, first + count):
            draw = Draw("photograph", number)
            motion = self._motions[number % len(self._motions)]
            pose = motion.sample(draw.uniform(0, motion.duration))
            azimuth, elevation = draw.uniform(-math.pi, math.pi), draw.uniform(_LOWEST, _HIGHEST)
            yield self._take(number, pose, azimuth, elevation, draw.uniform(0.7, 1.0))

    def _take(self, number: int, pose: Pose, azimuth: float, elevation: float, fill: float) -> View:
        avatar = self._avatar
        vertices = forward(avatar.body, avatar.betas, pose).vertices
        camera = framing(
            vertices.min(0) - STAND_OFF_M,
            vertices.max(0) + STAND_OFF_M,
            width=self._side,
            height=self._side,
            azimuth=azimuth,
            elevation=elevation,
            fill=fill,
        )
        rgba = self._renderer.render(pose, [camera]).numpy()[0]
        return View(
            person=avatar.name,
            view=number,
            image=np.ascontiguousarray(rgba[..., :3]),
            mask=np.ascontiguousarray(rgba[..., 3]),
            pose=pose,
            betas=avatar.betas,
            camera=camera,
        )
