"""Rays into the surroundings of a person: what each meets first, and its colour. Compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from dinar.trainer.data.synth.patterns import FOLIAGE, fractal_noise, hashed, pattern

STUDIO, ROOM, OUTDOORS = range(3)

# What a ray meets: nothing, the floor, one of four walls from 1 on, the ceiling, a box from 6 on.
_NOTHING, _FLOOR, _CEILING, _FIRST_BOX = -1, 0, 5, 6
_ROUND = 3  # side of an ellipsoid; of a flat thing: the axis that it faces


class Cover(NamedTuple):
    """A pattern and its colours, see `surroundings.Surface`."""

    kind: int
    scale: float
    seed: int
    a: np.ndarray
    b: np.ndarray


class Scenery(NamedTuple):
    """A place as kernels take it, see `surroundings.Surroundings`; `place` is STUDIO, ROOM or OUTDOORS."""

    place: int
    floor: Cover
    wall: Cover
    room: np.ndarray
    ceiling: float
    boxes: np.ndarray
    skyline: np.ndarray
    sky: np.ndarray
    clouds: float
    seed: int


class Sight(NamedTuple):
    """What M rays see.

    Attributes:
        albedo: float32 [M, 3], linear RGB.
        normal: float32 [M, 3], unit, world; 0 for the sky.
        way: float64 [M], where along the ray; 0 for the sky.
        share: float32 [M], of light that reaches into corners.
        glow: float32 [M, 3], linear RGB that things give off, and the sky.
    """

    albedo: np.ndarray
    normal: np.ndarray
    way: np.ndarray
    share: np.ndarray
    glow: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def trace(eye, rays, pixel, turn, scenery, sight):  # type: ignore[no-untyped-def]
    """Find what each ray hits and its colour.

    Args:
        eye: float64 [3], metres, in the surroundings' axes.
        rays: float64 [M, 3], world.
        pixel: width of a pixel at 1 m.
        turn: float64 [3, 3], world => surroundings.
        scenery: the place.
        sight: of M rays, out; `share` comes as 1, the others as 0.
    """
    colour, axes, ray = np.zeros(3), np.zeros(3), np.zeros(3)
    for m in range(len(rays)):
        for c in range(3):
            ray[c] = turn[c, 0] * rays[m, 0] + turn[c, 1] * rays[m, 1] + turn[c, 2] * rays[m, 2]
        best, what, side = 1e30, _NOTHING, 1
        if ray[1] < -1e-9:
            best, what = -eye[1] / ray[1], _FLOOR
        if scenery.place == STUDIO:
            sight.way[m] = best if what == _FLOOR else 0.0
            sight.normal[m, 1] = 1.0
            for c in range(3):
                sight.albedo[m, c] = scenery.floor.a[c]
            continue
        if scenery.place == ROOM:
            best, what, side = _meet_room(eye, ray, scenery, best, what)
        best, what, side = _meet_boxes(eye, ray, scenery.boxes, best, what, side)
        if scenery.place == OUTDOORS and (what == _NOTHING or best > 5.0):
            far, ring, row = _meet_skyline(eye, ray, scenery.skyline, best)
            if ring >= 0:
                _paint_skyline(eye, ray, far, scenery, ring, row, pixel, colour, axes, sight, m)
                _face(turn, axes, sight.normal, m)
                continue
        if what == _NOTHING:
            _paint_sky(ray, scenery, sight.glow, m)
            continue
        sight.way[m] = best
        _paint_thing(eye, ray, best, what, side, scenery, pixel, colour, axes, sight, m)
        _face(turn, axes, sight.normal, m)


@njit(cache=True, nogil=True, error_model="numpy")
def _face(turn, axes, normal, m):  # type: ignore[no-untyped-def]
    """Write a direction of the surroundings as a unit normal of the world."""
    size = np.sqrt(axes[0] * axes[0] + axes[1] * axes[1] + axes[2] * axes[2])
    for c in range(3):
        normal[m, c] = (turn[0, c] * axes[0] + turn[1, c] * axes[1] + turn[2, c] * axes[2]) / size


# --- What a ray meets -----------------------------------------------------------------------------


@njit(cache=True, nogil=True, error_model="numpy")
def _meet_room(eye, ray, scenery, best, what):  # type: ignore[no-untyped-def]
    """Walls are seen from inside only: one behind which the camera stands is open."""
    side = 1
    for wall in range(4):
        axis, sign = (0 if wall < 2 else 2), 1.0 - 2.0 * (wall % 2)
        if ray[axis] * sign > 1e-9:
            t = (sign * scenery.room[wall] - eye[axis]) / ray[axis]
            if 0.0 < t < best:
                best, what, side = t, 1 + wall, axis
    if ray[1] > 1e-9 and scenery.ceiling > eye[1]:
        t = (scenery.ceiling - eye[1]) / ray[1]
        if t < best:
            best, what, side = t, _CEILING, 1
    return best, what, side


@njit(cache=True, nogil=True, error_model="numpy")
def _meet_boxes(eye, ray, boxes, best, what, side):  # type: ignore[no-untyped-def]
    """Find the nearest box or ellipsoid; on a wall, a box as flat as paint comes before it."""
    for b in range(len(boxes)):
        if boxes[b].round == 1:
            t, s = _hit_ball(eye, ray, boxes[b].low, boxes[b].high), _ROUND
            if t > 0.0 and boxes[b].kind == FOLIAGE and _between_leaves(eye, ray, t, boxes[b]):
                t = -1.0
        else:
            t, s = _hit_box(eye, ray, boxes[b].low, boxes[b].high)
        if 0.0 < t < best + 1e-4:
            best, what, side = t, _FIRST_BOX + b, s
    return best, what, side


@njit(cache=True, nogil=True, error_model="numpy")
def _hit_box(eye, ray, low, high):  # type: ignore[no-untyped-def]
    """Return how far along the ray a box is entered (-1: never), and the axis of the side."""
    enter, leave, side = -1e30, 1e30, 0
    for c in range(3):
        if abs(ray[c]) < 1e-12:
            if eye[c] < low[c] or eye[c] > high[c]:
                return -1.0, 0
            continue
        a, b = (low[c] - eye[c]) / ray[c], (high[c] - eye[c]) / ray[c]
        if a > b:
            a, b = b, a
        if a > enter:
            enter, side = a, c
        leave = min(leave, b)
    if enter > leave or enter <= 0.0:
        return -1.0, 0
    return enter, side


@njit(cache=True, nogil=True, error_model="numpy")
def _hit_ball(eye, ray, low, high):  # type: ignore[no-untyped-def]
    """Return how far along the ray the ellipsoid in a box is met, -1 if never."""
    a, b, c = 0.0, 0.0, -1.0
    for k in range(3):
        half = 0.5 * (high[k] - low[k])
        e, d = (eye[k] - 0.5 * (low[k] + high[k])) / half, ray[k] / half
        a += d * d
        b += e * d
        c += e * e
    root = b * b - a * c
    if root <= 0.0:
        return -1.0
    t = (-b - np.sqrt(root)) / a
    return t if t > 0.0 else -1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _between_leaves(eye, ray, t, box):  # type: ignore[no-untyped-def]
    """Whether a ray that meets a bush at `t` goes through between its leaves, as many do at its rim."""
    slope, length = 0.0, 0.0
    size = 0.0
    for k in range(3):
        half = 0.5 * (box.high[k] - box.low[k])
        normal = (eye[k] + t * ray[k] - 0.5 * (box.low[k] + box.high[k])) / (half * half)
        slope += normal * ray[k]
        length += normal * normal
        size = max(size, half)
    facing = -slope / np.sqrt(length * (ray[0] * ray[0] + ray[1] * ray[1] + ray[2] * ray[2]))
    around = np.arctan2(eye[0] + t * ray[0] - 0.5 * (box.low[0] + box.high[0]), eye[2] + t * ray[2])
    leaf = 0.35 * size
    twig = fractal_noise(around * size / leaf * 2.0, (eye[1] + t * ray[1]) / leaf * 2.0, box.seed + 11, 4)
    return facing < 1.9 * (twig - 0.28)


@njit(cache=True, nogil=True, error_model="numpy")
def _meet_skyline(eye, ray, skyline, best):  # type: ignore[no-untyped-def]
    """Return where, which ring is met first (-1: none), and the axis that a row of houses faces."""
    for k in range(len(skyline)):
        row = 0
        if skyline[k].kind == FOLIAGE:
            # A circle around the person: x^2 + z^2 = distance^2, left outwards.
            a = ray[0] * ray[0] + ray[2] * ray[2]
            half = eye[0] * ray[0] + eye[2] * ray[2]
            root = half * half - a * (eye[0] * eye[0] + eye[2] * eye[2] - skyline[k].distance ** 2)
            if root < 0.0 or a < 1e-12:
                continue
            t = (-half + np.sqrt(root)) / a
        else:  # houses stand in straight rows
            t = 1e30
            for c in (0, 2):
                if abs(ray[c]) > 1e-9:
                    wall = skyline[k].distance if ray[c] > 0 else -skyline[k].distance
                    out = (wall - eye[c]) / ray[c]
                    if 0.0 < out < t:
                        t, row = out, c
        if t <= 0.0 or t >= best:
            continue
        y = eye[1] + t * ray[1]
        if -0.5 < y < _skyline_top(skyline[k], _along(eye, ray, t, skyline[k], row), y):
            return t, k, row
    return best, -1, 0


@njit(cache=True, nogil=True)
def _along(eye, ray, t, ring, row):  # type: ignore[no-untyped-def]
    """Return how far along a ring a ray meets it, metres from anywhere."""
    x, z = eye[0] + t * ray[0], eye[2] + t * ray[2]
    if ring.kind == FOLIAGE:
        return np.arctan2(x, z) * ring.distance
    return (z if row == 0 else x) + (500.0 if ray[row] > 0 else 900.0) + 1700.0 * row


@njit(cache=True, nogil=True)
def _skyline_top(ring, along, y):  # type: ignore[no-untyped-def]
    """Return how high a ring is, metres: ragged leaves, or house by house."""
    if ring.kind == FOLIAGE:
        rough = fractal_noise(along / ring.distance * 6.0 + 40.0, 0.5, ring.seed, 5)
        leaf = fractal_noise(along * 1.1, y * 1.1, ring.seed + 3, 3) - 0.5
        return ring.height + ring.relief * (2.0 * rough - 1.0 + 0.8 * leaf)
    house = np.floor(along / (0.45 * ring.distance))
    return ring.height + ring.relief * (2.0 * hashed(int(house), 3, ring.seed) - 1.0)


# --- What it looks like ---------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _paint_skyline(eye, ray, t, scenery, k, row, pixel, colour, axes, sight, m):  # type: ignore[no-untyped-def]
    """Paint a ring, paler the farther it is."""
    ring = scenery.skyline[k]
    along, y = _along(eye, ray, t, ring, row), eye[1] + t * ray[1]
    pattern(ring.kind, along, y, t * pixel, ring.scale, ring.seed, ring.a, ring.b, colour)
    haze = min(ring.distance / 160.0, 0.4)
    sight.way[m] = t
    for c in range(3):
        sight.albedo[m, c] = colour[c] * (1.0 - haze)
        sight.glow[m, c] = haze * 0.8 * scenery.sky[0, c]
    if ring.kind == FOLIAGE:
        axes[0], axes[1] = -(eye[0] + t * ray[0]) / ring.distance, 0.35
        axes[2] = -(eye[2] + t * ray[2]) / ring.distance
    else:
        axes[:] = 0.0
        axes[row] = -1.0 if ray[row] > 0 else 1.0


@njit(cache=True, nogil=True)
def _paint_sky(ray, scenery, glow, m):  # type: ignore[no-untyped-def]
    """Paint the sky: pale at the horizon, with clouds."""
    length = np.sqrt(ray[0] * ray[0] + ray[1] * ray[1] + ray[2] * ray[2])
    up = max(ray[1] / length, 0.0)
    rise, lift = min(up * 2.2, 1.0), 2.0 / (length * (up + 0.15))
    cloud = fractal_noise(ray[0] * lift + 50.0, ray[2] * lift + 50.0, scenery.seed, 5)
    cloud = min(max((cloud - 0.62 + 0.35 * scenery.clouds) * 4.0, 0.0), 1.0)
    for c in range(3):
        blue = scenery.sky[0, c] + rise * (scenery.sky[1, c] - scenery.sky[0, c])
        glow[m, c] = 1.15 * (blue + cloud * (0.95 - blue) * 0.8)


@njit(cache=True, nogil=True, error_model="numpy")
def _paint_thing(eye, ray, t, what, side, scenery, pixel, colour, axes, sight, m):  # type: ignore[no-untyped-def]
    """Paint floor, wall, ceiling or a box, and fill the axes with where it faces."""
    x, y, z = eye[0] + t * ray[0], eye[1] + t * ray[1], eye[2] + t * ray[2]
    axes[:] = 0.0
    if what == _FLOOR:
        floor = scenery.floor
        length = np.sqrt(ray[0] * ray[0] + ray[1] * ray[1] + ray[2] * ray[2])
        slant = t * pixel * min(length / max(abs(ray[1]), 1e-6), 8.0) ** 0.5
        pattern(floor.kind, x + 50.0, z + 50.0, slant, floor.scale, floor.seed, floor.a, floor.b, colour)
        axes[1] = 1.0
        sight.share[m] = _beside_boxes(x, z, scenery.boxes)
    elif what == _CEILING:
        colour[:] = 0.78
        axes[1] = -1.0
    elif what < _FIRST_BOX:
        wall, u = scenery.wall, (z if side == 0 else x) + 50.0
        pattern(wall.kind, u, y, t * pixel, wall.scale, wall.seed + what, wall.a, wall.b, colour)
        axes[side] = -1.0 if ray[side] > 0 else 1.0
    else:
        _paint_box(scenery.boxes[what - _FIRST_BOX], x, y, z, ray, side, t * pixel, colour, axes)
        for c in range(3):
            sight.glow[m, c] = scenery.boxes[what - _FIRST_BOX].glow * colour[c]
    for c in range(3):
        sight.albedo[m, c] = colour[c]
    if scenery.place == ROOM:
        sight.share[m] *= _corner(x, y, z, side, what, scenery.room, scenery.ceiling)


@njit(cache=True, nogil=True, error_model="numpy")
def _paint_box(box, x, y, z, ray, side, footprint, colour, axes):  # type: ignore[no-untyped-def]
    """Paint a box or an ellipsoid."""
    u = (z - box.low[2]) if side == 0 else (x - box.low[0])
    v = (z - box.low[2]) if side == 1 else (y - box.low[1])
    pattern(box.kind, u, v, footprint, box.scale, box.seed, box.a, box.b, colour)
    if side != _ROUND:
        axes[side] = -1.0 if ray[side] > 0 else 1.0
        return
    for c in range(3):
        point = x if c == 0 else (y if c == 1 else z)
        half = 0.5 * (box.high[c] - box.low[c])
        axes[c] = (point - 0.5 * (box.low[c] + box.high[c])) / (half * half)


@njit(cache=True, nogil=True)
def _beside_boxes(x, z, boxes):  # type: ignore[no-untyped-def]
    """Share of light that is left on the floor beside what stands on it."""
    share = 1.0
    for b in range(len(boxes)):
        box = boxes[b]
        if box.low[1] < 0.3:
            dx = max(max(box.low[0] - x, x - box.high[0]), 0.0)
            dz = max(max(box.low[2] - z, z - box.high[2]), 0.0)
            share *= 1.0 - 0.45 * np.exp(-np.sqrt(dx * dx + dz * dz) / 0.18)
    return share


@njit(cache=True, nogil=True)
def _corner(x, y, z, side, what, room, ceiling):  # type: ignore[no-untyped-def]
    """Share of light that is left near the corners of a room."""
    share = 1.0
    if side != 1 or what >= _FIRST_BOX:
        share *= 1.0 - 0.30 * np.exp(-max(y, 0.0) / 0.25)
        share *= 1.0 - 0.25 * np.exp(-max(ceiling - y, 0.0) / 0.35)
    if side != 0:
        share *= 1.0 - 0.30 * np.exp(-max(min(room[0] - x, x + room[1]), 0.0) / 0.35)
    if side != 2:
        share *= 1.0 - 0.30 * np.exp(-max(min(room[2] - z, z + room[3]), 0.0) / 0.35)
    return share
