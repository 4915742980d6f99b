"""Views of an avatar to calibrate and compare networks with: built-in motions, seen from all sides."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dinar.runtime.avatar import Avatar
from dinar.runtime.camera import framing
from dinar.runtime.cpu.rasters import RasterSource
from dinar.runtime.motion import BUILTIN_MOTIONS, load_motion
from dinar.runtime.prepare.crop import STAND_OFF_M

CALIBRATION_VIEWS = 24
COMPARED_VIEWS = 4

_HELD_OUT = 2**31  # compared views are numbered from here: no network is calibrated with them


def calibration_views(avatar: Avatar, height: int, width: int) -> Iterator[np.ndarray]:
    """Draw `CALIBRATION_VIEWS` rasters, uint8 [height, width, 22] each, the same ones each time.

    Raises DinarError when the avatar's texture lacks what networks read.
    """
    return _views(avatar, height, width, range(CALIBRATION_VIEWS))


def compared_views(avatar: Avatar, height: int, width: int) -> Iterator[np.ndarray]:
    """Draw `COMPARED_VIEWS` others, as `calibration_views` does."""
    return _views(avatar, height, width, range(_HELD_OUT, _HELD_OUT + COMPARED_VIEWS))


def _views(avatar: Avatar, height: int, width: int, numbers: range) -> Iterator[np.ndarray]:
    source = RasterSource(avatar, height, width)
    motions = [load_motion(name, avatar.body, betas=avatar.betas) for name in BUILTIN_MOTIONS]
    for number in numbers:
        random = np.random.default_rng(number)
        motion = motions[number % len(motions)]
        pose = motion.sample(random.uniform(0, motion.duration))
        vertices = source.vertices(pose)
        camera = framing(
            vertices.min(0) - STAND_OFF_M,
            vertices.max(0) + STAND_OFF_M,
            width=width,
            height=height,
            azimuth=random.uniform(-math.pi, math.pi),
            elevation=math.radians(random.uniform(-15, 30)),
            fill=random.uniform(0.7, 1.0),
        )
        yield source.draw(pose, camera)
