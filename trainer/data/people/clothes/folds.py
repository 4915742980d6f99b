"""Folds of tops as heights over the cloth: pulled from armpits, stacked at elbows and belts, falling free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import bump, ramp
from dinar.trainer.data.people.noise import noise3


@dataclass(frozen=True)
class TopFolds:
    """What folds a top has; called with points of the T-pose skin [k, 3] it gives metres [k], 0 and more.

    Attributes:
        form: the body.
        amount: height of the folds, 1 for a shirt.
        loose: 0 (tight: short creases) to 1 (wide: long soft folds).
        gathered: metres, height (T-pose) above which cloth is stacked: a belt or a ribbed hem.
        gathering: how much, 0 to 1.
        sleeve: metres, where along x the sleeve ends.
        cuffed: how much cloth is stacked above the sleeve's end, 0 to 1.
        seed: of the noise.
    """

    form: DressForm
    amount: float
    loose: float
    gathered: float
    gathering: float
    sleeve: float
    cuffed: float
    seed: int

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Heights of the folds, float64 [k], metres."""
        shoulder = self.form.joints[16][0]
        arm = ramp(np.abs(points[:, 0]), shoulder - 0.01, shoulder + 0.07)
        height = np.zeros(len(points))
        sleeve = arm > 0
        height[sleeve] += arm[sleeve] * self._sleeve(points[sleeve])
        trunk = arm < 1
        height[trunk] += (1 - arm[trunk]) * (self._trunk(points[trunk]) + self._armpit(points[trunk]))
        return self.amount * height

    def _sleeve(self, points: np.ndarray) -> np.ndarray:
        """Rings and slanting folds, most at the elbow and above the cuff."""
        x, y, z = points.T
        reach, elbow = np.abs(x), self.form.joints[18]
        inner = ramp(z, elbow[2] - 0.03, elbow[2] + 0.05)  # the arm bends forwards
        bent = bump(reach, elbow[0], 0.085) * (0.45 + 0.8 * inner)
        stacked = self.cuffed * np.exp(-np.maximum(self.sleeve - reach, 0) / 0.075)
        slant = reach + 0.55 * (y - elbow[1]) + 0.35 * z * np.sign(x)
        rings = np.stack([slant * 27, y * 9, z * 9 + 31 * np.sign(x)], 1)
        drawn = np.stack([reach * 5, y * 24, z * 24 + 31 * np.sign(x)], 1)
        long = 0.35 + 0.3 * self.loose
        return 0.0068 * (long * 0.55 + bent + stacked) * _creases(rings, self.seed) + (
            0.0040 * self.loose * _waves(drawn, self.seed + 1)
        )

    def _armpit(self, points: np.ndarray) -> np.ndarray:
        """Lines that run from the armpits over chest and shoulder blades."""
        x, y, z = points.T
        shoulder = self.form.joints[16]
        across, up = shoulder[0] - 0.012 - np.abs(x), y - (shoulder[1] - 0.075)
        away = np.hypot(across, up)
        turn = np.arctan2(up, across)
        lines = np.stack([turn * 3.1, away * 7, 5.0 * np.sign(x) + 2.3 * np.sign(z - shoulder[2])], 1)
        strength = np.exp(-((away / 0.12) ** 2)) * ramp(away, 0.005, 0.05) * bump(turn, -0.35, 0.95)
        return 0.0075 * strength * _creases(lines, self.seed + 2)

    def _trunk(self, points: np.ndarray) -> np.ndarray:
        """Long folds that fall from chest and shoulder blades, and cloth stacked above a belt or hem."""
        x, y, z = points.T
        waist, chest = self.form.joints[3][1] + 0.06, self.form.joints[9][1]
        around = np.arctan2(x, z - self.form.joints[6][2])
        side = np.abs(np.sin(around))
        ring = np.stack([np.sin(around), np.cos(around)], 1)
        fall = np.column_stack([ring * 2.1, y * 2.2 + 0.8 * np.sin(2 * around)])
        falling = (0.15 + 0.85 * ramp(chest + 0.05 - y, 0.0, 0.35)) * (0.25 + 0.75 * self.loose)
        slack = y + 0.10 * np.abs(x) * np.sign(z)
        level = np.column_stack([ring * 0.95, slack * 24])
        above = np.maximum(y - self.gathered, 0)
        stacked = self.gathering * np.exp(-(((above - 0.03) / 0.055) ** 2))
        crumpled = bump(y, waist, 0.08) * (0.20 + 0.45 * side)
        return (
            0.0085 * falling * _waves(fall * 2.0, self.seed + 3)
            + 0.0062 * (crumpled + 1.3 * stacked) * _creases(level, self.seed + 4)
            + 0.0030 * _waves(points * np.array([8.0, 6.0, 8.0]), self.seed + 5)
        )


def _creases(points: np.ndarray, seed: int) -> np.ndarray:
    """Narrow ridges that begin and end, 0 to about 1."""
    line = noise3(points, seed)
    alive = ramp(noise3(points * 0.45 + 7.5, seed + 101), -0.35, 0.35)
    return alive * np.exp(-((line / 0.30) ** 2))


def _waves(points: np.ndarray, seed: int) -> np.ndarray:
    """Soft folds, 0 to 1: rounder above than below."""
    wave = 0.5 + 0.62 * noise3(points, seed)
    return np.clip(wave, 0, 1) ** 1.3
