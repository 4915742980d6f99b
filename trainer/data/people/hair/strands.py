"""Curves of hair: combed over the skull, then falling over neck and shoulders, waved, cut to length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.hair.skull import Skull, Trunk, unit
from dinar.trainer.data.people.head import smoothstep
from dinar.trainer.data.people.noise import fbm, noise3

_STEP = 0.010  # metres
_GOLDEN = np.pi * (3 - np.sqrt(5))


@dataclass(frozen=True)
class Combing:
    """Which way hair lies on the scalp. Lengths in metres on a head of common size.

    Attributes:
        part: how far to the person's left of the middle the parting is.
        part_front: how far ahead of the skull's middle it begins: 0.13 or more is the brow; at the crown
            (-0.05) there is none, and all hair radiates from the crown.
        sweep: direction [3] added on top of the head (to the left, up, ahead).
        back: how strongly the sides are combed backwards, away from the face.
        down: how strongly hair falls at the sides.
        tie: where hair is drawn to, relative to the skull's middle, on the left and mirrored on the right; or
            None.
    """

    part: float = 0.0
    part_front: float = -0.05
    sweep: tuple[float, float, float] = (0.0, 0.0, 0.0)
    back: float = 0.3
    down: float = 0.9
    tie: tuple[float, float, float] | None = None

    def flow(self, skull: Skull, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Unit directions [M, 3] along the scalp in which hair lies, root to tip."""
        local = (points - skull.head.centre) / skull.size
        if self.tie is not None:
            sides = np.stack([np.where(local[:, 0] < 0, -1.0, 1.0), *np.ones((2, len(local)))], axis=1)
            return _along(np.array(self.tie) * sides - local, normals)
        behind = -0.05
        z = np.clip(local[:, 2], behind, max(self.part_front, behind))
        x = self.part * smoothstep(behind - 0.01, behind + 0.05, z)
        away = np.stack([local[:, 0] - x, np.zeros(len(points)), local[:, 2] - z], axis=1)
        away /= np.linalg.norm(away, axis=1, keepdims=True) + 0.004
        front = smoothstep(0.02, 0.06, local[:, 2])
        top = smoothstep(0.035, 0.075, local[:, 1] + 0.4 * np.maximum(local[:, 2], 0))
        side = np.abs(normals[:, 0])
        wish = away.copy()
        # Parted hair goes aside over the brow before it falls.
        aside = 0.6 * front * smoothstep(0.060, 0.025, np.abs(local[:, 0])) * (self.part_front > 0)
        wish[:, 1] -= self.down * (1 - aside)
        wish[:, 2] -= self.back * side * smoothstep(-0.06, 0.02, local[:, 2])
        wish += top[:, None] * np.array(self.sweep)
        return _along(wish, normals)


def _along(wish: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """The part of directions along a surface, unit."""
    return unit(wish - normals * (wish * normals).sum(1, keepdims=True))


@dataclass(frozen=True)
class Fall:
    """How hair grows on from its roots; one value for each of K strands, or one for all.

    Attributes:
        length: metres it grows at most.
        end: height at which it is cut, metres; no higher than where it leaves the head.
        root: metres its root lies above the skull.
        height: metres it lies above the skull a few centimetres on.
        lift: metres it arches up between root and tip.
        stiff: 0 to 1: keeps its direction.
        ears: 1 lies over the ears, 0 does not know of them.
        ahead: where it goes at the shoulders: 1 to the chest, -1 to the back.
        clearance: metres it keeps from the torso.
        stray: radians its direction is off.
        early: metres it begins before its root, under other hair: partings and crowns are closed that way.
    """

    length: np.ndarray
    end: np.ndarray | float
    root: np.ndarray
    height: np.ndarray
    lift: np.ndarray
    stiff: float
    ears: float
    ahead: np.ndarray
    clearance: np.ndarray
    stray: np.ndarray
    early: np.ndarray


@dataclass(frozen=True)
class Strands:
    """K strands of S + 1 points.

    Attributes:
        curve: float64 [K, S + 1, 3], metres, root to tip.
        outward: float64 [K, S + 1, 3], unit, away from the head.
    """

    curve: np.ndarray
    outward: np.ndarray


def roots(count: int, rng: np.random.RandomState, *, jitter: float = 0.4) -> np.ndarray:
    """Directions strewn evenly over the sphere, [count, 3], each moved by up to `jitter` of their spacing."""
    k = np.arange(count) + 0.5
    up = 1 - 2 * k / count
    turn = _GOLDEN * k
    flat = np.sqrt(1 - up**2)
    even = np.stack([flat * np.sin(turn), up, flat * np.cos(turn)], axis=1)
    spacing = np.sqrt(4 * np.pi / count)
    return unit(even + rng.uniform(-jitter, jitter, (count, 3)) * spacing)


def grow(
    skull: Skull, trunk: Trunk, combing: Combing, directions: np.ndarray, fall: Fall, rows: int
) -> Strands:
    """Grow strands from the scalp in unit `directions` [K, 3], and sample them at `rows` + 1 points."""
    normal = skull.normal(directions, fall.ears)
    place = skull.surface(directions)
    heading = combing.flow(skull, place, normal)
    place = place - heading * fall.early[:, None]
    place = place + unit(place - skull.head.centre) * fall.root[:, None]
    return _grow(skull, trunk, combing, fall, rows, place, heading, np.ones(len(place), bool))


def hang(
    skull: Skull, trunk: Trunk, place: np.ndarray, heading: np.ndarray, fall: Fall, rows: int
) -> Strands:
    """Let strands hang from points [K, 3] in the air, which they leave in unit directions `heading`."""
    return _grow(skull, trunk, Combing(), fall, rows, place, heading, np.zeros(len(place), bool))


def _grow(skull, trunk, combing, fall, rows, place, heading, attached):  # type: ignore[no-untyped-def]
    count = len(place)
    steps = max(2, int(np.ceil(float(fall.length.max()) / _STEP)))
    path, out = np.empty((count, steps + 1, 3)), np.empty((count, steps + 1, 3))
    path[:, 0], out[:, 0] = place, skull.normal(unit(place - skull.head.centre))
    ended = np.full(count, np.inf)
    for k in range(steps):
        t = (k + 1) * _STEP / np.maximum(fall.length, _STEP)
        place, heading, attached, outward = _step(
            skull, trunk, combing, fall, place, heading, attached, t, (k + 1) * _STEP
        )
        path[:, k + 1], out[:, k + 1] = place, outward
        below = (place[:, 1] < fall.end) & ~attached & np.isinf(ended)
        ended[below] = (k + 1) * _STEP
        if (ended < np.inf).all():
            path[:, k + 2 :], out[:, k + 2 :] = place[:, None], outward[:, None]
            break
    return _sample(path, out, np.minimum(ended, fall.length), rows)


def _step(skull, trunk, combing, fall, place, heading, attached, t, grown):  # type: ignore[no-untyped-def]
    """One step of all strands: along the flow on the skull, down in the air, out of whatever they touch."""
    head = skull.head
    direction = unit(place - head.centre)
    normal = skull.normal(direction, fall.ears)
    flow = combing.flow(skull, place, normal)
    flow = unit(flow + np.cross(normal, flow) * fall.stray[:, None])
    if combing.tie is None:
        attached = attached & (normal[:, 1] > -0.12) & (place[:, 1] > head.eye[1] - 0.055 * skull.size)
    falling = np.stack([-0.10 * normal[:, 0], np.full(len(place), -1.0), -0.10 * normal[:, 2]], 1)
    at_shoulder = smoothstep(trunk.shoulder + 0.13, trunk.shoulder + 0.03, place[:, 1])
    below = smoothstep(trunk.shoulder - 0.03, trunk.shoulder - 0.12, place[:, 1])
    beside = place[:, 2] - trunk.ridge
    # What already hangs well on the other side of the shoulder stays there.
    ahead = np.where(fall.ahead * beside < -0.045, -fall.ahead, fall.ahead)
    gone = ahead * beside / 0.075
    falling[:, 2] += 0.9 * ahead * at_shoulder * (1 - below) * np.clip(1 - gone, 0, 1)
    beyond = np.maximum(np.abs(place[:, 0]) - 0.75 * trunk.breadth, 0) / (0.25 * trunk.breadth)
    falling[:, 0] = falling[:, 0] * (1 - at_shoulder) - 0.9 * np.sign(place[:, 0]) * beyond * at_shoulder
    wish = np.where(attached[:, None], flow, falling)
    stiff = np.where(attached, 0.5 * fall.stiff, fall.stiff)[:, None]
    heading = unit(heading * stiff + wish * (1 - stiff))
    place = place + heading * _STEP
    # On the head: at its height above the skull, rising from the root.
    ray = place - head.centre
    radius = np.linalg.norm(ray, axis=1)
    direction = ray / radius[:, None]
    rise = smoothstep(0.0, 0.02, np.full(len(place), grown))
    climb = smoothstep(0.0, 0.045, np.full(len(place), grown))
    wanted = skull.radius(direction, fall.ears * rise) + fall.root + (fall.height - fall.root) * climb
    wanted += fall.lift * np.sin(np.pi * np.clip(t, 0, 1))
    near_head = place[:, 1] > head.chin[1] - 0.03
    new_radius = np.where(attached, wanted, np.where(near_head, np.maximum(radius, wanted), radius))
    place = head.centre + direction * new_radius[:, None]
    outward = normal.copy()
    low = np.flatnonzero((place[:, 1] < head.chin[1] + 0.02) & ~attached)
    if len(low):
        height, skin = trunk.height(place[low])
        soft = smoothstep(trunk.neck + 0.02, trunk.shoulder - 0.01, place[low, 1])
        clear = fall.clearance[low] * soft + (0.006 + 0.3 * fall.height[low]) * (1 - soft)
        push = np.maximum(clear - height, 0) - 0.22 * _STEP * smoothstep(0.004, 0.05, height - clear)
        place[low] += skin * push[:, None]
        into = np.minimum((heading[low] * skin).sum(1), 0) * (push > 0)
        heading[low] = unit(heading[low] - skin * into[:, None])
        round_neck = place[low] - [0.0, 0.0, head.centre[2] - 0.03]
        round_neck[:, 1] = 0
        outward[low] = unit(unit(round_neck) + 0.8 * skin * smoothstep(0.10, 0.03, height)[:, None])
    return place, heading, attached, outward


def _sample(path: np.ndarray, out: np.ndarray, length: np.ndarray, rows: int) -> Strands:
    """Even samples along paths [K, N, 3] up to their length."""
    gone = np.linalg.norm(np.diff(path, axis=1), axis=2)
    metres = np.concatenate([np.zeros((len(path), 1)), np.cumsum(gone, axis=1)], axis=1)
    steps = np.clip(length / _STEP, 1, path.shape[1] - 1)
    whole = np.take_along_axis(metres, np.floor(steps).astype(np.int64)[:, None], 1)[:, 0]
    curve = np.empty((len(path), rows + 1, 3))
    outward = np.empty_like(curve)
    at = whole[:, None] * np.linspace(0, 1, rows + 1)
    low = (metres[:, None, :] <= at[:, :, None] + 1e-12).sum(2) - 1
    low = np.clip(low, 0, path.shape[1] - 2)
    first = np.take_along_axis(metres, low, 1)
    span = np.take_along_axis(metres, low + 1, 1) - first
    share = np.clip((at - first) / np.maximum(span, 1e-9), 0, 1)[..., None]
    for values, result in ((path, curve), (out, outward)):
        a = np.take_along_axis(values, low[..., None], 1)
        b = np.take_along_axis(values, low[..., None] + 1, 1)
        result[:] = a + (b - a) * share
    curve[:, 1:-1] = 0.5 * curve[:, 1:-1] + 0.25 * (curve[:, :-2] + curve[:, 2:])
    return Strands(curve, unit(outward))


def tangents(curve: np.ndarray) -> np.ndarray:
    """Unit directions along curves [K, S + 1, 3]."""
    return unit(np.gradient(curve, axis=1))


def wave(
    strands: Strands,
    amplitude: float,
    wavelength: float,
    rng: np.random.RandomState,
    *,
    curl: float,
    seed: int,
) -> Strands:
    """Bend strands into waves or, with `curl` 1, into spirals.

    Args:
        strands: straight ones.
        amplitude: metres, reached after the first 12 cm.
        wavelength: metres.
        rng: draws how strands differ from their neighbours.
        curl: 0 waves to the sides, 1 turns round and round.
        seed: of the noise that lets neighbours wave together.
    """
    if amplitude <= 0:
        return strands
    curve = strands.curve
    along = np.linalg.norm(np.diff(curve, axis=1), axis=2)
    metres = np.concatenate([np.zeros((len(curve), 1)), np.cumsum(along, axis=1)], axis=1)
    middle = curve[:, curve.shape[1] // 2]
    together = 3.0 * fbm(middle * 14, 2, seed)
    phase = together + rng.uniform(-0.9, 0.9, len(curve)) * (1 + 2 * curl)
    turn = 2 * np.pi * metres / (wavelength * rng.uniform(0.85, 1.15, (len(curve), 1))) + phase[:, None]
    grows = amplitude * smoothstep(0.02, 0.12, metres) * rng.uniform(0.7, 1.2, (len(curve), 1))
    side = unit(np.cross(strands.outward, tangents(curve)))
    waved = curve + side * (grows * np.sin(turn))[..., None]
    waved += strands.outward * (grows * (0.25 + 0.75 * curl) * (1 + np.cos(turn)))[..., None]
    return Strands(waved, strands.outward)


def stray(strands: Strands, amount: float, seed: int) -> Strands:
    """Let strands wander by up to `amount` metres towards their tips, neighbours not quite together."""
    curve = strands.curve
    flat = curve.reshape(-1, 3)
    own = np.repeat(np.arange(len(curve)), curve.shape[1])[:, None] * np.array([[0.37, 0.71, 0.13]])
    offset = np.stack([noise3(flat * 22 + own, seed + k) for k in range(3)], 1).reshape(curve.shape)
    t = np.linspace(0, 1, curve.shape[1])[None, :, None]
    return Strands(curve + amount * t * offset, strands.outward)
