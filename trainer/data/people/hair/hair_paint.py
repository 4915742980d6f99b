"""Colour of the hair: strands along each lock, dark roots, a band of light, and a rim that shows the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.bake import decode_srgb
from dinar.trainer.data.people.head import Head, smoothstep
from dinar.trainer.data.people.noise import hash01, noise3
from dinar.trainer.data.people.part import Paint, SurfacePoints
from dinar.trainer.data.people.skin.skin import SkinPainter

RIM = 0.0004  # metres: the cap ends where the hair is this thick

ROOT = decode_srgb("#2a1d15")
MIDDLE = decode_srgb("#4d3627")
TIP = decode_srgb("#7a5940")
SHEEN = decode_srgb("#b89a80")


@dataclass(frozen=True)
class HairMesh:
    """The hair's mesh and what its painter interpolates over it.

    Attributes:
        vertices: float64 [n, 3], metres.
        faces: int32 [m, 3].
        anchor_vertex: int32 [n, 3].
        skin: float64 [n, 3], the skin under the cap.
        skin_normal: float64 [n, 3].
        tangent: float64 [n, 3], unit, root to tip.
        strand: float64 [n, 3]: metres along, metres across, and a number that belongs to the lock.
        shape: float64 [n, 3]: from root 0 to tip 1; from -1 to 1 across a lock; hair's thickness
            in metres, of a lock at its root.
        is_lock: bool [m].
    """

    vertices: np.ndarray
    faces: np.ndarray
    anchor_vertex: np.ndarray
    skin: np.ndarray
    skin_normal: np.ndarray
    tangent: np.ndarray
    strand: np.ndarray
    shape: np.ndarray
    is_lock: np.ndarray


@dataclass(frozen=True)
class HairPainter:
    """Paints points of the hair; see `make_hair`."""

    mesh: HairMesh
    head: Head
    skin: SkinPainter
    body_vertices: np.ndarray
    body_faces: np.ndarray

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint the points."""
        mesh = self.mesh
        strand, shape = self._lift(mesh.strand, points), self._lift(mesh.shape, points)
        tangent = self._lift(mesh.tangent, points)
        tangent -= points.normal * (tangent * points.normal).sum(1, keepdims=True)
        tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
        lock = mesh.is_lock[points.face]
        identity = np.where(lock, np.round(mesh.strand[mesh.faces[points.face, 0], 2]), -1.0)
        own = hash01(identity + 2, 7)
        fibre, clump = _fibres(strand, identity)
        tone = _tone(shape, lock, own, fibre, clump)
        albedo = _ramp(tone)
        albedo += _sheen(points, tangent, fibre, own)[:, None] * SHEEN
        side = np.cross(points.normal, tangent)
        bump = points.normal + (0.35 * fibre + 0.25 * clump)[:, None] * side
        normal = bump / np.linalg.norm(bump, axis=1, keepdims=True)
        rim_dark = smoothstep(0.55, 1.0, np.abs(shape[:, 1])) * lock
        root_dark = smoothstep(0.28, 0.0, shape[:, 0]) * lock
        cavity = (
            (1 - 0.45 * rim_dark)
            * (1 - 0.45 * root_dark)
            * np.where(lock, 1.0, 1 - 0.20 * smoothstep(0.003, 0.012, shape[:, 2]))
        )
        paint = Paint(np.clip(albedo, 0, 1), normal, cavity)
        return self._fade_into_skin(points, shape[:, 2], fibre, lock, paint)

    def _lift(self, per_vertex: np.ndarray, points: SurfacePoints) -> np.ndarray:
        corners = per_vertex[self.mesh.faces[points.face]]
        return (corners * points.barycentric[:, :, None]).sum(1)

    def _fade_into_skin(
        self, points: SurfacePoints, thick: np.ndarray, fibre: np.ndarray, lock: np.ndarray, paint: Paint
    ) -> Paint:
        """At the cap's rim show what the skin painter says about the skin below."""
        share = np.where(lock, 1.0, smoothstep(0.0002, 0.0032, thick * (1 + 0.5 * fibre) - RIM))
        rim = np.nonzero(share < 1)[0]
        if not len(rim):
            return paint
        here = SurfacePoints(
            points.position[rim], points.normal[rim], points.face[rim], points.barycentric[rim]
        )
        skin = self._lift(self.mesh.skin, here)
        normal = self._lift(self.mesh.skin_normal, here)
        plain = np.full(len(rim), np.nonzero(self._plain_faces)[0][0], np.int32)
        below = self.skin(SurfacePoints(skin, normal, plain, np.tile([1.0, 0, 0], (len(rim), 1))))
        s = share[rim, None]
        albedo, shaded, cavity = paint.albedo.copy(), paint.normal.copy(), paint.cavity.copy()
        albedo[rim] = below.albedo * (1 - s) + albedo[rim] * s
        mixed = below.normal * (1 - s) + shaded[rim] * s
        shaded[rim] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
        cavity[rim] = below.cavity * (1 - share[rim]) + cavity[rim] * share[rim]
        return Paint(albedo, shaded, cavity)

    @property
    def _plain_faces(self) -> np.ndarray:
        """Body faces that are neither eyeball, ear nor mouth: stand-ins for the skin under the cap."""
        head = self.head
        special = (head.ear_share + head.mouth_share)[self.body_faces].max(1) > 0
        return ~special & ~head.eyeball_faces


def _fibres(strand: np.ndarray, identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fine and coarse unevenness across the hairs, long along them; each about -1 to 1, [M]."""
    along, across = strand[:, 0], strand[:, 1]
    wander = 0.0008 * noise3(np.stack([along * 90, across * 90, identity * 3.1], 1), 211)
    fine = noise3(np.stack([along * 45, (across + wander) * 1000, identity * 7.3], 1), 212)
    finer = noise3(np.stack([along * 70, (across + wander) * 2100, identity * 5.7], 1), 213)
    clump = noise3(np.stack([along * 28, (across + 2 * wander) * 520, identity * 2.9], 1), 214)
    return 0.75 * fine + 0.35 * finer, clump


def _tone(
    shape: np.ndarray, lock: np.ndarray, own: np.ndarray, fibre: np.ndarray, clump: np.ndarray
) -> np.ndarray:
    """How light the hair is: 0 at dark roots, 1 at the lightest tips."""
    long = smoothstep(0.005, 0.018, shape[:, 2])  # short hair is bleached less
    tip = smoothstep(0.05, 0.95, shape[:, 0])
    along = np.where(lock, 0.20 - 0.06 * long + (0.20 + 0.32 * long) * tip, 0.34)
    rim = np.where(lock, 0.12 * np.abs(shape[:, 1]) ** 2, 0.0)
    return along - rim + (0.10 + 0.12 * long) * (own - 0.5) * lock + 0.42 * fibre + 0.15 * clump


def _ramp(tone: np.ndarray) -> np.ndarray:
    t = np.clip(tone, 0, 1)[:, None]
    return np.where(t < 0.5, ROOT + (MIDDLE - ROOT) * 2 * t, MIDDLE + (TIP - MIDDLE) * (2 * t - 1))


def _sheen(points: SurfacePoints, tangent: np.ndarray, fibre: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Band of light across combed hair, lamp above and in front (Kajiya and Kay 1989), broken by hairs."""
    lamp = np.array([-0.30, 0.85, 0.45])
    half = lamp + points.normal
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    shift = tangent + points.normal * (0.12 * fibre + 0.16 * (own - 0.5))[:, None]
    shift /= np.linalg.norm(shift, axis=1, keepdims=True)
    glint = np.clip(1 - (shift * half).sum(1) ** 2, 0, 1)
    facing = np.clip(points.normal @ lamp + 0.15, 0, 1)
    return (0.09 * glint**10 + 0.19 * glint**45) * facing * np.clip(0.75 + 0.5 * fibre, 0, 1.5)
