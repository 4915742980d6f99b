"""The built-in dance: 16 beats at 120 beats per minute, written as a score with a key per beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dinar.runtime.motions.curves import TAU, cyclic_spline, ease
from dinar.runtime.motions.puppet import SIDES, FootPath, Puppet, Side, Skeleton
from dinar.runtime.rotations import rotation_about

BEATS = 16
SECONDS_PER_BEAT = 0.5

# Steps of a foot: beat it starts, beat it lands, and where: x in distances of the hip joint from the middle.
# Beats 0 to 8: side together, both ways, twice. Then a wide stand for the hips, and back.
_Step = tuple[int, int, float]
_RIGHT_STEPS: tuple[_Step, ...] = (
    (0, 1, -2.1), (3, 4, 0.1), (4, 5, -2.1), (7, 8, 0.1), (8, 9, -1.7), (15, 16, 0.1),
)  # fmt: skip
_LEFT_STEPS: tuple[_Step, ...] = (
    (1, 2, -0.1), (2, 3, 2.1), (5, 6, -0.1), (6, 7, 2.1), (9, 10, 1.7), (14, 15, 2.1),
)  # fmt: skip

# The score: a key per beat, in shares of each movement. Pelvis to the left; its left side up; pelvis turned
# to the left and chest to the right; arms up; pelvis up.
# fmt: off
_SWAY  = ( 1.2, -1.0, -1.3,  1.0,  1.3, -1.0, -1.3,  1.0,  1.2, -0.7,  0.8, -0.9,  0.9, -0.9,  0.9, -0.2)
_HIPS  = ( 0.6, -0.8,  0.6,  0.8, -0.6, -0.8,  0.6,  0.8, -0.4, -1.0,  1.0, -1.2,  1.2, -1.2,  1.0,  0.0)
_TWIST = ( 0.3,  0.7, -0.5, -0.7,  0.5,  0.7, -0.5, -0.7,  0.0,  0.4, -0.7,  0.8, -0.8,  0.8, -0.6,  0.0)
_HIGH  = ( 0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.1, 0.75,  1.0,  1.0,  1.0,  1.0,  0.7,  0.1)
_RISE  = ( 1.0,  0.3,  1.0,  0.3,  1.0,  0.3,  1.0,  0.3,  0.9,  0.3,  0.3,  0.0,  0.3,  0.0,  0.3,  0.4)
# fmt: on


def dance(skeleton: Skeleton) -> Puppet:
    """Dance: step and touch with low arms for eight beats, then hips and high arms for eight."""
    puppet = Puppet(skeleton, BEATS * SECONDS_PER_BEAT)
    beat = puppet.clock / SECONDS_PER_BEAT  # [T]

    sway = _score(beat, _SWAY)
    hips = _score(beat, _HIPS)
    twist = _score(beat, _TWIST)
    high = _score(beat, _HIGH)
    rise = _score(beat, _RISE)
    bounce = np.cos(TAU * beat)  # lowest on the beat

    puppet.pelvis += np.stack(
        [0.095 * sway, 0.045 * rise - 0.022 * bounce, 0.01 * np.cos(TAU * beat / 2)], axis=1
    )
    pelvis = rotation_about("y", 0.22 * twist) @ rotation_about("x", 0.05 + 0.03 * bounce)
    puppet.trunk(
        pelvis @ rotation_about("z", 0.13 * hips),
        rotation_about("y", -0.50 * twist)
        @ rotation_about("z", -0.24 * hips)
        @ rotation_about("x", 0.03 + 0.05 * bounce),
    )
    nod = np.cos(TAU * beat - 0.5)
    head = rotation_about("y", -0.25 * twist + 0.10 * sway) @ rotation_about("x", 0.04 + 0.09 * nod)
    puppet.head(head @ rotation_about("z", -0.06 * hips))

    feet = _foot(puppet, "left", beat, hips, high), _foot(puppet, "right", beat, hips, high)
    puppet.settle(*feet, 0.985)
    puppet.legs(*feet)
    for side in SIDES:
        _arm(puppet, side, beat, high)
    puppet.blink(0.7, 2.9, 5.2, 7.1)
    puppet.smile(0.33 + 0.14 * high)
    return puppet


def _foot(puppet: Puppet, side: Side, beat: np.ndarray, hips: np.ndarray, high: np.ndarray) -> FootPath:
    """Path of a foot: its steps, and while the arms are high a heel that gives way to the hips."""
    i = SIDES.index(side)
    s = 1 - 2 * i
    hip = puppet.skeleton.joints[1 + i]
    x, air = _steps(beat, (_LEFT_STEPS, _RIGHT_STEPS)[i])
    relief = np.maximum(-s * hips, 0)  # the lower hip's leg bends
    heel = 0.32 * high * relief**2 / (1 + relief) + 0.35 * air
    place = np.stack([x * abs(hip[0]) + 0.02 * s, np.full_like(x, hip[2] - 0.02)], axis=1)
    return puppet.standing_foot(side, place, 0.16 * s, heel=heel, height=0.06 * air)


def _steps(beat: np.ndarray, steps: Sequence[_Step]) -> tuple[np.ndarray, np.ndarray]:
    """Place [T] of a foot, and how far in the air it is [T], 0 to 1. The last step leads to the first."""
    x = np.full_like(beat, steps[-1][2])
    air = np.zeros_like(beat)
    for start, land, target in steps:
        # Up first, then across, then down: what touches the ground does not slide.
        x = x + (target - x) * ease(beat, start + 0.16, land - 0.16)
        lifted = ease(beat, start, land)
        air = air + 16 * lifted**2 * (1 - lifted) ** 2
    return x, air


def _arm(puppet: Puppet, side: Side, beat: np.ndarray, high: np.ndarray) -> None:
    """Low, an arm opens on the steps and closes on the touches; high, it pumps in turn with the other."""
    s = 1 if side == "left" else -1
    open_ = 0.5 + 0.5 * np.cos(TAU * (beat - 1) / 2)  # 1 on the steps, 0 on the touches
    across = np.cos(TAU * (beat - 1) / 4)  # 1 and -1 on the steps to the right and to the left
    pump = 0.5 + 0.5 * s * np.sin(TAU * (beat - 0.25) / 2)
    low = 1 - high
    rest = puppet.skeleton.clear_lift(side)
    puppet.arm(
        side,
        lift=low * (rest + 0.12 + 0.42 * open_) + high * (2.15 + 0.40 * pump),
        forward=0.35 * high,
        swing=low * (0.42 - 0.20 * open_ - 0.15 * s * across),
        turn=low * (0.15 - 0.35 * open_) + high * (-1.25),
        elbow=low * (1.75 - 0.35 * open_) + high * (1.15 - 0.75 * pump),
        pronation=-0.2 * low,
        wrist=low * 0.15 * np.cos(TAU * beat) + high * (0.25 * np.cos(TAU * beat - 0.8) - 0.15),
        shrug=0.05 * low * open_ + high * (0.28 + 0.10 * pump),
    )
    puppet.hand(side, 0.55 * low + high * (0.18 + 0.12 * pump), spread=0.12 * high - 0.04)


def _score(beat: np.ndarray, keys: Sequence[float]) -> np.ndarray:
    """Smooth periodic curve [T] through one key per beat."""
    return cyclic_spline(np.arange(float(BEATS)), np.array(keys, dtype=float), BEATS, beat)
