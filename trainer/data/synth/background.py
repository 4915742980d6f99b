"""Drawing what is behind a person: rays into the surroundings, the person's own shadow, out of focus."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.ndimage import gaussian_filter

from dinar.runtime.camera import Camera, scaled
from dinar.trainer.data.synth.draw_view import eye_of
from dinar.trainer.data.synth.light import Light, Shadows, gather_ambient, gather_key
from dinar.trainer.data.synth.patterns import hashed
from dinar.trainer.data.synth.rays import OUTDOORS, ROOM, STUDIO, Cover, Scenery, Sight, trace
from dinar.trainer.data.synth.surroundings import Surroundings

_SHADOW_REACH = 2.2  # metres around the person in which the floor and the walls are in the person's shadow
_NEAREST = 0.9  # of the way to the person
_SHARPEST = 0.75  # pixels as drawn: no lens is sharper, and edges have no steps
_HALF_IS_ENOUGH = 1.4  # pixels of blur at 512 from which half the columns and rows tell as much
_SWEEP = (1.0, 2.6)  # metres behind the person at which a studio's paper goes from floor to wall


def draw_background(
    surroundings: Surroundings, light: Light, shadows: Shadows, ground: np.ndarray, camera: Camera
) -> np.ndarray:
    """Return what the camera sees past the person: linear RGB float32 [H, W, 3].

    Args:
        surroundings: the place.
        light: its light.
        shadows: what the person throws.
        ground: float64 [3], metres, world: where the person stands; the floor is at its height.
        camera: the camera.
    """
    if surroundings.place == "plain":
        return _plain(surroundings, camera.height, camera.width)
    if surroundings.blur < _HALF_IS_ENOUGH or camera.width % 2 or camera.height % 2:
        return _draw(surroundings, light, shadows, ground, camera)
    return _doubled(_draw(surroundings, light, shadows, ground, scaled(camera, 0.5)))


def _draw(
    surroundings: Surroundings, light: Light, shadows: Shadows, ground: np.ndarray, camera: Camera
) -> np.ndarray:
    """Draw a place: float32 [H, W, 3], linear RGB."""
    height, width = camera.height, camera.width
    eye = eye_of(camera) - ground
    rays = _rays(camera)
    count = len(rays)
    sight = Sight(
        albedo=np.zeros((count, 3), np.float32),
        normal=np.zeros((count, 3), np.float32),
        way=np.zeros(count),
        share=np.ones(count, np.float32),
        glow=np.zeros((count, 3), np.float32),
    )
    cosine, sine = np.cos(surroundings.yaw), np.sin(surroundings.yaw)
    turn = np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])  # world => surroundings
    turned = (turn * eye).sum(1)
    trace(turned, rays, 1 / camera.K[0, 0], turn, _scenery(surroundings, turned), sight)
    lit = _light(light, shadows, eye, rays, sight.way, sight.normal, ground, (height, width))
    if surroundings.place == "studio":
        lit = _sweep(light, lit, eye, rays, sight.way)
    image = (sight.albedo * lit * sight.share[:, None] + sight.glow).reshape(height, width, 3)
    return _defocus(image, sight.way.reshape(height, width), eye, surroundings.blur * camera.height / 512)


def _scenery(surroundings: Surroundings, eye: np.ndarray) -> Scenery:
    """Gather what the eye [3] sees past: things as near as the person are taken out of the way."""
    boxes = surroundings.boxes
    gap = np.maximum(np.maximum(boxes["low"] - eye, eye - boxes["high"]), 0)[:, [0, 2]]
    behind = np.sqrt((gap * gap).sum(1)) > _NEAREST * np.sqrt(eye[0] ** 2 + eye[2] ** 2)
    floor, wall = (Cover(s.kind, s.scale, s.seed, s.a, s.b) for s in (surroundings.floor, surroundings.wall))
    return Scenery(
        {"studio": STUDIO, "room": ROOM, "outdoors": OUTDOORS}[surroundings.place],
        floor,
        wall,
        surroundings.room,
        surroundings.ceiling,
        boxes[behind],
        surroundings.skyline,
        surroundings.sky,
        surroundings.clouds,
        surroundings.seed,
    )


def _doubled(image: np.ndarray) -> np.ndarray:
    """Twice as many columns and rows, in between linear."""
    for axis in (0, 1):
        before, after = (
            np.take(image, np.clip(np.arange(image.shape[axis]) + step, 0, image.shape[axis] - 1), axis)
            for step in (-1, 1)
        )
        quarter, rest = np.float32(0.25), np.float32(0.75)
        pair = np.stack([rest * image + quarter * before, rest * image + quarter * after], axis + 1)
        image = pair.reshape(*image.shape[:axis], 2 * image.shape[axis], *image.shape[axis + 1 :])
    return image


def _plain(surroundings: Surroundings, height: int, width: int) -> np.ndarray:
    """From one colour at the top to another at the bottom, darker towards the corners."""
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    far = (x[None, :] - 0.5) ** 2 + (y[:, None] - 0.5) ** 2
    vignette = 1 - 0.5 * hashed(1, 2, surroundings.seed) * far
    down = y[:, None, None]
    image = (surroundings.floor.a * (1 - down) + surroundings.floor.b * down) * vignette[..., None]
    return image.astype(np.float32)


def _rays(camera: Camera) -> np.ndarray:
    """Directions through the pixels' centres, float64 [H * W, 3], world, not scaled: depth 1."""
    x = (np.arange(camera.width) + 0.5 - camera.K[0, 2]) / camera.K[0, 0]
    y = (np.arange(camera.height) + 0.5 - camera.K[1, 2]) / camera.K[1, 1]
    R = camera.T_camera_world[:3, :3]
    rays = np.empty((camera.height, camera.width, 3))
    for c in range(3):
        rays[..., c] = x[None, :] * R[0, c] + y[:, None] * R[1, c] + R[2, c]
    return rays.reshape(-1, 3)


def _light(
    light: Light,
    shadows: Shadows,
    eye: np.ndarray,
    rays: np.ndarray,
    way: np.ndarray,
    normal: np.ndarray,
    ground: np.ndarray,
    shape: tuple[int, int],
) -> np.ndarray:
    """Irradiance where each ray ends, float32 [H * W, 3]; of shadows every second pixel is asked."""
    lit = np.empty((len(rays), 3), np.float32)
    _open_light(light.directions, light.colours, light.key_direction, light.key_colour, normal, lit)
    grid = np.arange(len(rays)).reshape(shape)[::2, ::2].ravel()
    point = eye + rays[grid] * way[grid, None]
    near = (np.abs(point).max(1) < _SHADOW_REACH) & (normal[grid, 1] > 0.5)
    if not near.any():
        return lit
    where = (point[near] + ground).astype(np.float32)
    up = np.ascontiguousarray(normal[grid[near]])
    ambient = gather_ambient(light, shadows, where, up, up, 0.0)
    key = gather_key(light, shadows, where, up) * np.float32(max(light.key_direction[1], 0.0))
    half = -(-shape[0] // 2), -(-shape[1] // 2)
    reached = np.zeros((len(grid), 3), np.float32)  # share of the dim lights' that arrives
    open_ambient = np.maximum(lit[grid[near]] - _key_on_floor(light), np.float32(1e-6))
    reached[near] = ambient / open_ambient - 1
    # Each dim light throws a silhouette; away from the feet they run into one soft shadow.
    soft = gaussian_filter(reached.reshape(*half, 3), (0.012 * shape[0], 0.012 * shape[0], 0), truncate=2.5)
    away = np.clip((np.sqrt(point[:, 0] ** 2 + point[:, 2] ** 2) - 0.2) / 0.4, 0, 1)[:, None].astype(
        np.float32
    )
    reached += away * (soft.reshape(-1, 3) - reached)
    lit_there = open_ambient * (1 + reached[near]) + key[:, None] * light.key_colour.astype(np.float32)
    factor = np.ones((len(grid), 3), np.float32)
    factor[near] = lit_there / lit[grid[near]]
    full = _doubled(factor.reshape(*half, 3))[: shape[0], : shape[1]].reshape(-1, 3)
    floor = normal[:, 1] > 0.5
    lit[floor] *= full[floor]
    return lit


def _key_on_floor(light: Light) -> np.ndarray:
    """Irradiance of a floor by the key light alone, float32 [3]."""
    return (max(light.key_direction[1], 0.0) * light.key_colour).astype(np.float32)


@njit(cache=True, nogil=True)
def _open_light(directions, colours, key_direction, key_colour, normal, lit):  # type: ignore[no-untyped-def]
    """Fill lit [M, 3] with the irradiance of surfaces that nothing shades."""
    for m in range(len(normal)):
        nx, ny, nz = normal[m, 0], normal[m, 1], normal[m, 2]
        # Neighbours often face the same way.
        if m > 0 and nx == normal[m - 1, 0] and ny == normal[m - 1, 1] and nz == normal[m - 1, 2]:
            for c in range(3):
                lit[m, c] = lit[m - 1, c]
            continue
        facing = max(nx * key_direction[0] + ny * key_direction[1] + nz * key_direction[2], 0.0)
        r, g, b = facing * key_colour[0], facing * key_colour[1], facing * key_colour[2]
        for k in range(len(directions)):
            facing = nx * directions[k, 0] + ny * directions[k, 1] + nz * directions[k, 2]
            if facing > 0.0:
                r += facing * colours[k, 0]
                g += facing * colours[k, 1]
                b += facing * colours[k, 2]
        lit[m, 0], lit[m, 1], lit[m, 2] = max(r, 1e-6), max(g, 1e-6), max(b, 1e-6)


def _sweep(light: Light, lit: np.ndarray, eye: np.ndarray, rays: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Bend a studio's paper up behind the person: lit as a floor in front, as a wall behind."""
    away = np.array([-eye[0], 0.0, -eye[2]])
    away /= np.sqrt((away * away).sum())
    depth = np.where(way > 0, (rays * away).sum(1) * way + (eye * away).sum(), np.inf)
    t = np.clip((depth - _SWEEP[0]) / (_SWEEP[1] - _SWEEP[0]), 0, 1)[:, None].astype(np.float32)
    t = t * t * (3 - 2 * t)
    facing = np.clip(-(light.directions * away).sum(1), 0, None)[:, None]
    key = max(-float((light.key_direction * away).sum()), 0.2)
    wall = (facing * light.colours).sum(0) + key * light.key_colour
    floor = (np.clip(light.directions[:, 1:2], 0, None) * light.colours).sum(0)
    floor = floor + max(light.key_direction[1], 0.0) * light.key_colour
    wall = (0.55 * wall + 0.45 * floor).astype(np.float32)  # paper lights itself
    return (1 - t) * lit + t * wall


def _defocus(image: np.ndarray, way: np.ndarray, eye: np.ndarray, blur: float) -> np.ndarray:
    """Blur what is far behind the person by `blur` pixels, what is as far away as the person hardly."""
    sharp = _blurred(image, _SHARPEST)
    if blur < _SHARPEST:
        return sharp
    soft = _blurred(image, blur)
    distance = float(np.sqrt((eye * eye).sum()))
    behind = np.where(way > 0, 1 - distance / np.maximum(way, 1e-3), 1.0)
    share = np.clip(2.2 * behind, 0, 1)[..., None].astype(np.float32)
    share = _blurred(share, blur)
    return sharp + share * (soft - sharp)


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=2.5)
