"""The camera, and the only home of axis conventions.

A camera looks along +z with x right and y down (OpenCV); the centre of the top-left pixel is at (0.5, 0.5).
The world is SMPL-X's: metres, y up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        T_camera_world: float64 [4, 4], rigid, world metres => camera metres (x right, y down, z forward).
        K: float64 [3, 3], camera metres => pixels; pixel centres at .5.
        width: columns of the picture.
        height: rows of the picture.
    """

    T_camera_world: np.ndarray
    K: np.ndarray
    width: int
    height: int
