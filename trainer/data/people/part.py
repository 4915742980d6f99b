"""What an avatar is made of before it is baked: meshes tied to the body, and functions that paint them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class SurfacePoints:
    """M points on a mesh, in the T-pose of the avatar's shape.

    Attributes:
        position: float64 [M, 3], metres.
        normal: float64 [M, 3], unit, interpolated from the vertices.
        face: int32 [M], triangle each point lies on.
        barycentric: float64 [M, 3].
    """

    position: np.ndarray
    normal: np.ndarray
    face: np.ndarray
    barycentric: np.ndarray


@dataclass(frozen=True)
class Paint:
    """What a painter says about M points.

    Attributes:
        albedo: float64 [M, 3], linear RGB in [0, 1], without light.
        normal: float64 [M, 3], unit, T-pose: the surface's normal with folds, weave, pores.
        cavity: float64 [M] in [0, 1], light that reaches into small creases (1 = all);
            multiplies the irradiance.
    """

    albedo: np.ndarray
    normal: np.ndarray
    cavity: np.ndarray


class Painter(Protocol):
    """Paints points of one mesh; must not depend on which points are asked for together."""

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint the points."""
        ...


@dataclass(frozen=True)
class PartUv:
    """Where a part keeps its own texture.

    Attributes:
        coordinates: float64 [T, 2] in [0, 1], v down; triangles may share texels only where they are to show
            the same paint.
        faces: int32 [m, 3], corners of the part's triangles in `coordinates`.
        size: texels a side of the square texture.
        of_body: the coordinates are the body's own: a texel lies over the skin's texel at the same place.
    """

    coordinates: np.ndarray
    faces: np.ndarray
    size: int
    of_body: bool = False


@dataclass(frozen=True)
class Part:
    """One garment, shoe or head of hair: n vertices, m faces; becomes a piece of the avatar's shell.

    Attributes:
        name: "shirt", "hair" ...
        vertices: float64 [n, 3], metres, T-pose of the avatar's shape.
        faces: int32 [m, 3], counter-clockwise seen from outside.
        joint_weights: float64 [n, 55], rows sum to 1.
        anchor_vertex: int32 [n, 3], body vertices whose pose correctives and expressions are inherited.
        anchor_weight: float64 [n, 3], rows sum to 1, or to 0 for what is rigid.
        painter: paints it.
        texel_density: texels per metre relative to the other parts (1 = the same).
        hides: bool [V], body vertices that lie safely under it, or None when it hides nothing.
        uv: its own texture coordinates; None: whoever assembles the parts unwraps it.
    """

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    joint_weights: np.ndarray
    anchor_vertex: np.ndarray
    anchor_weight: np.ndarray
    painter: Painter
    texel_density: float = 1.0
    hides: np.ndarray | None = None
    uv: PartUv | None = None
