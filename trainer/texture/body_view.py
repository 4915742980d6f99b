"""The bare body as a camera sees it: which texel is at which pixel (the rasterizer R of Sec. 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.runtime.body import Body, Pose, forward
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.rasterize import rasterize


@dataclass(frozen=True, eq=False)
class BodyView:
    """The posed body M(p, s) rasterized at the resolution of an image.

    Attributes:
        camera: H rows, W columns.
        vertices: float32 [V, 3], world metres.
        faces: int32 [F, 3].
        triangle: int32 [H, W], visible triangle, -1 for none.
        barycentric: float32 [H, W, 3], perspective-correct, 0 where there is none.
        uv: float32 [H, W, 2], texture coordinates in [0, 1], v down, 0 where there is none.
        coverage: bool [H, W], where the body is seen.
    """

    camera: Camera
    vertices: np.ndarray
    faces: np.ndarray
    triangle: np.ndarray
    barycentric: np.ndarray
    uv: np.ndarray
    coverage: np.ndarray

    def interpolate(self, values: np.ndarray) -> np.ndarray:
        """Interpolate values on vertices [V, C] at the pixels: float32 [H, W, C], 0 where no body is seen."""
        picture = np.zeros((*self.triangle.shape, values.shape[1]), np.float32)
        corners = self.faces[self.triangle[self.coverage]]  # [M, 3]
        weight = self.barycentric[self.coverage]
        picture[self.coverage] = np.einsum("mk,mkc->mc", weight, values[corners])
        return picture

    def depth(self) -> np.ndarray:
        """Distance along the viewing direction: float32 [H, W], metres, 0 where no body is seen."""
        row = self.camera.T_camera_world[2]
        return (self.interpolate(self.vertices) @ row[:3] + row[3]).astype(np.float32) * self.coverage

    def facing(self) -> np.ndarray:
        """Cosine between the surface's normal and the direction to the camera: float32 [H, W], 0 to 1.

        The λ of Eq. 5: 1 where the surface faces the camera, 0 at its outline and where no body is seen.
        """
        normals = self.interpolate(vertex_normals(self.vertices, self.faces))
        points = self.interpolate(self.vertices)
        eye = -self.camera.T_camera_world[:3, :3].T @ self.camera.T_camera_world[:3, 3]
        to_eye = eye - points
        length = np.linalg.norm(normals, axis=2) * np.linalg.norm(to_eye, axis=2)
        cosine = np.einsum("hwa,hwa->hw", normals, to_eye) / np.maximum(length, 1e-12)
        return np.where(self.coverage, np.clip(cosine, 0, 1), 0).astype(np.float32)


def view_body(body: Body, betas: np.ndarray, pose: Pose, camera: Camera) -> BodyView:
    """Rasterize the bare body of some shape in some pose as `camera` sees it."""
    vertices = forward(body, betas, pose).vertices.astype(np.float32)
    raster = rasterize(vertices, body.faces, body.uv, body.uv_faces, [camera])
    return BodyView(
        camera,
        vertices,
        body.faces,
        raster.triangle[0].copy(),
        raster.barycentric[0],
        raster.uv[0],
        raster.coverage[0].astype(bool),
    )


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals, float32 [V, 3]."""
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(normal[:, a], 3), len(vertices)) for a in range(3)], 1
    )
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)
