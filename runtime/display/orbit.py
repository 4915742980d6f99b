"""The view a person turns with the mouse: pure values, no window."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from dinar.runtime import camera
from dinar.runtime.camera import Camera

MIN_DISTANCE, MAX_DISTANCE = 0.3, 30.0  # metres
MAX_ELEVATION = math.radians(85)  # at the poles "up" in the picture has no direction
_ZOOM_PER_STEP = 0.9


@dataclass(frozen=True)
class Orbit:
    """A camera that circles a point. Every change returns a new one.

    Mouse ways are shares of the picture's height, so that a drag feels the same in every window.

    Attributes:
        target: world metres, the point shown in the middle.
        distance: metres from the target.
        azimuth: radians, as for `camera.orbit`: 0 looks at the face.
        elevation: radians above the horizontal plane.
        fov_y: full vertical field of view, radians.
    """

    target: tuple[float, float, float]
    distance: float
    azimuth: float = 0.0
    elevation: float = 0.0
    fov_y: float = math.radians(30)

    @classmethod
    def around(
        cls, lower: ArrayLike, upper: ArrayLike, *, width: int, height: int, azimuth: float = 0.0
    ) -> Self:
        """Return the view in which the box `lower`..`upper`, world metres, fits a picture of this size."""
        lower, upper = np.asarray(lower, np.float64), np.asarray(upper, np.float64)
        x, y, z = ((lower + upper) / 2).tolist()
        fitting = camera.framing(lower, upper, width=width, height=height, azimuth=azimuth, fov_y=cls.fov_y)
        centre_in_camera = fitting.T_camera_world @ (x, y, z, 1)
        return cls(target=(x, y, z), distance=float(centre_in_camera[2]), azimuth=azimuth)

    def camera(self, width: int, height: int) -> Camera:
        """Return the camera for a picture of this size."""
        return camera.orbit(
            self.target,
            self.azimuth,
            self.elevation,
            self.distance,
            fov_y=self.fov_y,
            width=width,
            height=height,
        )

    def dragged(self, right: float, up: float) -> Self:
        """Turn as if the mouse held the near side of the person: a whole picture height is half a turn."""
        elevation = min(max(self.elevation - math.pi * up, -MAX_ELEVATION), MAX_ELEVATION)
        return replace(self.turned(-math.pi * right), elevation=elevation)

    def turned(self, angle: float) -> Self:
        """Go round the target by `angle` radians."""
        return replace(self, azimuth=math.remainder(self.azimuth + angle, math.tau))

    def zoomed(self, steps: float) -> Self:
        """Come nearer by 10 percent per step; negative steps go away."""
        distance = self.distance * _ZOOM_PER_STEP**steps
        return replace(self, distance=min(max(distance, MIN_DISTANCE), MAX_DISTANCE))

    def panned(self, right: float, up: float) -> Self:
        """Move the target so that what the mouse holds follows it."""
        picture_height = 2 * self.distance * math.tan(self.fov_y / 2)  # metres, at the target
        x_axis, down_axis, _ = self.camera(1, 1).T_camera_world[:3, :3]
        x, y, z = (np.array(self.target) - picture_height * (right * x_axis - up * down_axis)).tolist()
        return replace(self, target=(x, y, z))
