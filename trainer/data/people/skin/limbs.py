"""Arms and legs of the open body: knees and elbows, soles, the hairs on them, tattoos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.runtime.body import Body
from dinar.trainer.data.people.head import bump, smoothstep
from dinar.trainer.data.people.noise import noise3
from dinar.trainer.data.people.part import SurfacePoints
from dinar.trainer.data.people.skin.complexion import Complexion
from dinar.trainer.data.people.skin.pigment import blend, mean_hair

_KNEE, _ANKLE, _ELBOW, _WRIST = 4, 7, 18, 20  # left joints
_INK = np.array([0.020, 0.026, 0.034])


@dataclass(frozen=True)
class Limbs:
    """Joints of the left side in the T-pose, [3] each, metres; the right is its mirror image."""

    knee: np.ndarray
    ankle: np.ndarray
    elbow: np.ndarray
    wrist: np.ndarray
    floor: float

    def bony(self, points: SurfacePoints) -> np.ndarray:
        """Share of rougher, redder, browner skin on knees, elbows and heels: [M]."""
        p, n = points.position, points.normal
        knee = bump(p, self.knee, np.array([0.05, 0.032, 0.12])) * smoothstep(0.2, 0.9, n[:, 2])
        elbow = bump(p, self.elbow, np.array([0.024, 0.06, 0.08])) * smoothstep(-0.1, -0.9, n[:, 2])
        heel = bump(p, self.ankle - np.array([0.0, 0.05, 0.04]), np.array([0.05, 0.03, 0.03]))
        return knee + elbow + 0.8 * heel

    def sole(self, points: SurfacePoints) -> np.ndarray:
        """Share of the soles of the feet: [M]."""
        low = smoothstep(self.floor + 0.035, self.floor + 0.015, points.position[:, 1])
        return low * smoothstep(-0.35, -0.8, points.normal[:, 1])

    def forearm(self, p: np.ndarray) -> np.ndarray:
        """Which points [M, 3] lie on forearms or hands: bool [M]."""
        return np.abs(p[:, 0]) > self.elbow[0]

    def paint_hair(self, complexion: Complexion, albedo: np.ndarray, points: SurfacePoints) -> None:
        """Darken forearms and shins by the hairs on them."""
        p, n = points.position, points.normal
        arm = self.forearm(p) & (np.abs(p[:, 0]) < self.wrist[0] + 0.02)
        k = np.nonzero(arm | ((p[:, 1] < self.knee[1] + 0.05) & (p[:, 1] > self.ankle[1] - 0.02)))[0]
        on_arm = arm[k]
        # Hairs lie along the limb; fewer on the inside of the forearm.
        stretch = np.where(on_arm[:, None], [90.0, 420.0, 420.0], [420.0, 90.0, 420.0])
        streak = smoothstep(-0.8, 0.8, noise3(p[k] * stretch, 61 + complexion.seed))
        outside = np.where(on_arm, smoothstep(-0.5, 0.4, n[k, 1]), 1.0)
        end = np.where(on_arm, smoothstep(self.wrist[0] + 0.02, self.wrist[0] - 0.03, np.abs(p[k, 0])), 1.0)
        begin = np.where(on_arm, smoothstep(self.elbow[0], self.elbow[0] + 0.06, np.abs(p[k, 0])), 1.0)
        calf = np.where(on_arm, 1.0, smoothstep(self.knee[1] + 0.05, self.knee[1] - 0.04, p[k, 1]))
        cover = complexion.body_hair * outside * end * begin * calf * (0.04 + 0.26 * streak)
        albedo[k] = blend(albedo[k], 1.2 * mean_hair(complexion.brow_hair), cover)

    def paint_tattoo(self, complexion: Complexion, albedo: np.ndarray, points: SurfacePoints) -> None:
        """Ink: bands around the limb and curling lines between them."""
        side, limb = complexion.tattoo.split()
        p, seed = points.position, complexion.seed
        own = p[:, 0] > 0 if side == "left" else p[:, 0] < 0
        if limb == "forearm":
            along = (np.abs(p[:, 0]) - self.elbow[0]) / (self.wrist[0] - self.elbow[0])
        else:
            along = (self.knee[1] - p[:, 1]) / (self.knee[1] - self.ankle[1])
            own &= p[:, 1] < self.knee[1]
        k = np.nonzero(own & (along > 0.02) & (along < 0.98))[0]
        t = along[k]
        bent = p[k] + 0.006 * np.stack([noise3(p[k] * 30, 63 + seed + axis) for axis in range(3)], 1)
        curls = np.abs(noise3(bent * 42, 66 + seed))
        leaf = smoothstep(0.22, 0.30, noise3(bent * 55, 67 + seed))
        within = smoothstep(0.20, 0.24, t) * smoothstep(0.80, 0.76, t)
        shaded = 0.45 + 0.55 * smoothstep(0.0, 0.6, noise3(p[k] * 60, 68 + seed))
        ink = np.maximum(smoothstep(0.09, 0.045, curls), leaf * shaded) * within
        for middle, half in ((0.17, 0.016), (0.205, 0.005), (0.83, 0.016)):
            ink = np.maximum(ink, smoothstep(half + 0.006, half, np.abs(t - middle)))
        albedo[k] = blend(albedo[k], _INK, 0.72 * ink)


def find_limbs(body: Body, vertices: np.ndarray) -> Limbs:
    """Find them on the open body's `vertices` [V, 3] in the T-pose."""
    joints = body.J_regressor @ vertices
    return Limbs(joints[_KNEE], joints[_ANKLE], joints[_ELBOW], joints[_WRIST], float(vertices[:, 1].min()))
