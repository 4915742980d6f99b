"""Which pictures are taken of a person: cameras around it, and what each camera does to colours.

Eight views and colour shifts, as the paper augments its renders (Sec. 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from dinar.runtime.camera import Camera, orbit
from dinar.trainer.data.people.draw import Draw

_SHOULDER = 0.75  # linear light from which on a camera presses highlights together

_BRIGHTEST = 8.0  # linear light at which the curve ends
_CURVE_STEPS = 2048


@dataclass(frozen=True)
class Look:
    """What a camera does to colours.

    Attributes:
        exposure: factor on linear light.
        white: factors on linear red, green and blue.
        gamma: exponent on encoded values; below 1 brightens the middle.
        contrast: factor on encoded values around 0.45.
        saturation: factor on the distance from grey.
        noise: standard deviation of the sensor's noise at middle grey, encoded values in [0, 1].
        seed: of the noise.
    """

    exposure: float
    white: tuple[float, float, float]
    gamma: float
    contrast: float
    saturation: float
    noise: float
    seed: int


NEUTRAL_LOOK = Look(1.0, (1.0, 1.0, 1.0), 1.0, 1.0, 1.0, 0.0, 0)


def sample_look(draw: Draw) -> Look:
    """Draw the colour shift of one picture."""
    warm, green = draw.normal(0, 0.035), draw.normal(0, 0.012)
    return Look(
        exposure=float(np.exp(draw.normal(0.0, 0.12))),
        white=(1 + warm, 1 + green, 1 - warm),
        gamma=float(np.exp(draw.normal(0.0, 0.05))),
        contrast=1 + draw.normal(0.02, 0.04),
        saturation=1 + draw.normal(0.0, 0.07),
        noise=draw.uniform(0.002, 0.012) if draw.chance(0.5) else 0.0,
        seed=draw.seed(),
    )


def develop(linear: np.ndarray, look: Look) -> np.ndarray:
    """Turn linear light float32 [H, W, 3] into a picture, sRGB float32 [H, W, 3] in [0, 1], without noise."""
    # Root of the light that the sensor gets => encoded value: evenly fine for dark and bright.
    light = (np.arange(_CURVE_STEPS + 1) / _CURVE_STEPS) ** 2 * _BRIGHTEST
    over = np.maximum(light - _SHOULDER, 0)
    light = np.minimum(light, _SHOULDER) + (1 - _SHOULDER) * over / (over + 1 - _SHOULDER)
    # linear => sRGB
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    curve = (encoded**look.gamma - 0.45) * look.contrast + 0.45
    picture = np.empty(linear.shape, np.float32)
    gains = (np.array(look.white) * look.exposure).astype(np.float32)
    _apply(linear, gains, curve.astype(np.float32), np.float32(look.saturation), picture)
    return picture


@njit(cache=True, nogil=True)
def _apply(linear, gains, curve, saturation, picture):  # type: ignore[no-untyped-def]
    """Apply gains, curve and saturation to every pixel."""
    zero, one = np.float32(0.0), np.float32(1.0)
    steps = np.float32(len(curve) - 1)
    per_light = one / np.float32(_BRIGHTEST)
    for y in range(linear.shape[0]):
        for x in range(linear.shape[1]):
            for c in range(3):
                light = min(max(linear[y, x, c] * gains[c] * per_light, zero), one)
                place = np.sqrt(light) * steps
                k = min(int(place), len(curve) - 2)
                picture[y, x, c] = curve[k] + (place - np.float32(k)) * (curve[k + 1] - curve[k])
            r, g, b = picture[y, x, 0], picture[y, x, 1], picture[y, x, 2]
            grey = np.float32(0.299) * r + np.float32(0.587) * g + np.float32(0.114) * b
            for c in range(3):
                value = grey + (picture[y, x, c] - grey) * saturation
                picture[y, x, c] = min(max(value, zero), one)


def sensor_noise(look: Look, height: int, width: int) -> np.ndarray:
    """Return what the sensor adds to a picture: float32 [H, W, 3], or zeros [1, 1, 3] for a clean one."""
    if look.noise == 0:
        return np.zeros((1, 1, 3), np.float32)
    grain = Draw(look.seed, "noise").normals((height, width, 3)).astype(np.float32)
    return grain * np.float32(look.noise)


def to_bytes(encoded: np.ndarray) -> np.ndarray:
    """Encoded values in [0, 1] => uint8, rounded."""
    return (np.clip(encoded, 0, 1) * 255 + 0.5).astype(np.uint8)


def sample_cameras(
    draw: Draw, vertices: np.ndarray, joints: np.ndarray, *, views: int, size: int
) -> tuple[Camera, ...]:
    """Draw cameras around a person, the first about in front; most show the whole person.

    Args:
        draw: chance.
        vertices: float32 [n, 3], metres, world, as drawn.
        joints: float64 [55, 3], metres, world.
        views: how many.
        size: pixels a side of the pictures.
    """
    start = draw.normal(0.0, 0.15)
    return tuple(
        _camera(draw.child("camera", k), start + 2 * np.pi * k / views, vertices, joints, size)
        for k in range(views)
    )


def _camera(draw: Draw, azimuth: float, vertices: np.ndarray, joints: np.ndarray, size: int) -> Camera:
    shown = vertices
    if draw.chance(0.2):  # closer: from somewhere between knees and chest upwards
        bottom = draw.uniform(float(joints[4, 1]), float(joints[6, 1]))
        shown = vertices[vertices[:, 1] > bottom]
    camera = frame(
        shown,
        azimuth + draw.normal(0, 0.18),
        float(np.clip(draw.normal(0.07, 0.10), -0.15, 0.5)),
        fov_y=np.radians(draw.uniform(16, 48)),
        fill=draw.uniform(0.80, 0.96),
        size=size,
    )
    roll = draw.normal(0, 0.015)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]]
    K = camera.K.copy()
    K[:2, 2] += draw.uniforms(-0.02, 0.02, 2) * size
    return Camera(turn @ camera.T_camera_world, K, size, size)


def frame(
    points: np.ndarray, azimuth: float, elevation: float, *, fov_y: float, fill: float, size: int
) -> Camera:
    """Return the nearest orbiting camera with all points [n, 3] in the middle of its square picture."""
    target = (points.min(0) + points.max(0)).astype(np.float64) / 2
    half = fill * np.tan(fov_y / 2)
    distance = 1.0
    for _ in range(3):  # the middle of the picture is not that of the box: perspective
        probe = orbit(target, azimuth, elevation, 1.0, fov_y=fov_y, width=size, height=size)
        R = probe.T_camera_world[:3, :3]
        offset = (points - target) @ R.T
        distance = float((np.abs(offset[:, :2]) / half - offset[:, 2:]).max())
        seen = offset[:, :2] / (offset[:, 2:] + distance)
        middle = (seen.min(0) + seen.max(0)) / 2
        target = target + distance * (middle[0] * R[0] + middle[1] * R[1])
    return orbit(target, azimuth, elevation, distance, fov_y=fov_y, width=size, height=size)
