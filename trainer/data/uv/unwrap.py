"""Texture coordinates for any body in the SMPL-X schema: the back is whole, the face is large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.uv.charts import CHARTS, EYES, HEAD, label_triangles
from dinar.trainer.data.uv.flatten import flatten, jacobians, triangle_gradients
from dinar.trainer.data.uv.pack import Piece, pack
from dinar.trainer.data.uv.seams import Chart, cut_open, seam_edges
from dinar.trainer.data.uv.surface import BodyMesh, dual_graph

NOSE_VERTEX = 9120  # fixed by the schema
RESOLUTION = 256  # the texture size at which the gutter holds

# Texels per metre, relative to the torso's.
CHART_SIZES = dict.fromkeys(CHARTS, 1.0) | {
    "head": 1.1,
    **{f"{side}_{part}": 1.4 for side in ("left", "right") for part in ("hand_back", "palm", "ear")},
    **{f"{side}_sole": 0.5 for side in ("left", "right")},
    **{f"{side}_eye_front": 2.2 for side in ("left", "right")},
    **{f"{side}_eye_back": 0.8 for side in ("left", "right")},
    "cavity": 0.3,
}
FACE_SIZE = 2.9
FACE_IMPORTANCE = 6.0
UPRIGHT = ("body", "head")


@dataclass(frozen=True)
class Unwrapping:
    """Texture coordinates and how good they are.

    Attributes:
        uv: float64 [T, 2] in [0, 1], v up (OBJ's convention).
        uv_faces: int [F, 3].
        labels: int [F], each triangle's chart, an index into `charts.CHARTS`.
        stretch: float64 [F, 2], largest and smallest singular value of the map over the wished-for scale.
        face: bool [F], the triangles of the face.
    """

    uv: np.ndarray
    uv_faces: np.ndarray
    labels: np.ndarray
    stretch: np.ndarray
    face: np.ndarray


def smoothstep(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high` (either order), smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def facial(mesh: BodyMesh) -> np.ndarray:
    """How much each triangle belongs to the face, [F] in [0, 1]: front of the head from chin to hairline."""
    eyes, nose = mesh.joints[list(EYES)].mean(0), mesh.v[NOSE_VERTEX]
    unit = eyes[1] - nose[1]  # metres; the chin is about two of them below the nose
    p = mesh.centres
    azimuth = np.abs(np.arctan2(p[:, 0], p[:, 2] - mesh.joints[HEAD, 2]))
    return (
        smoothstep(azimuth, np.radians(100), np.radians(55))
        * smoothstep(p[:, 1], nose[1] - 2.4 * unit, nose[1] - 1.7 * unit)
        * smoothstep(p[:, 1], eyes[1] + 2.6 * unit, eyes[1] + 1.6 * unit)
    )


def flatten_chart(mesh: BodyMesh, chart: Chart, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One chart's flat points [N, 2], sized, and the wished-for scale [K] of its triangles."""
    size = np.full(len(chart.triangles), CHART_SIZES[chart.name])
    importance = None
    if chart.name == "head":
        size = size + (FACE_SIZE - size) * face[chart.triangles]
        importance = 1 + (FACE_IMPORTANCE - 1) * face[chart.triangles]
    v = mesh.v[chart.vertices]
    try:
        points = flatten(v, chart.faces, size, importance)
    except ValueError as error:
        raise ValueError(f"chart {chart.name} of this body cannot be flattened: {error}") from error
    return straighten(points, v, chart.name in UPRIGHT), size


def straighten(points: np.ndarray, v: np.ndarray, upright: bool) -> np.ndarray:
    """Turn flat points [N, 2]: up is up (`upright`), otherwise into the smallest bounding box."""
    points = points - points.mean(0)
    if upright:
        across, up = points.T @ (v[:, 1] - v[:, 1].mean())
        angle = np.arctan2(across, up)
        return points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    angles = np.radians(np.arange(90))
    turned = [points @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) for a in angles]
    return min(turned, key=lambda p: np.ptp(p, axis=0).prod())


def unwrap(mesh: BodyMesh, resolution: int = RESOLUTION) -> Unwrapping:
    """Cut, flatten and pack a body's surface.

    Args:
        mesh: the body.
        resolution: texels along the texture's side at which charts keep two texels apart.
    """
    dual = dual_graph(mesh.v, mesh.faces)
    labels = label_triangles(mesh, dual)
    charts = cut_open(mesh.faces, labels, dual, seam_edges(mesh, labels, dual))
    face = facial(mesh) * (labels == CHARTS.index("head"))

    flat = [flatten_chart(mesh, chart, face) for chart in charts]
    # Rows run down: the pieces are packed with y down, so that `upright` means what it says.
    pieces = [
        Piece(points * [1, -1], chart.faces, chart.name in UPRIGHT)
        for chart, (points, _) in zip(charts, flat, strict=True)
    ]
    placed, scale = pack(pieces, resolution)

    uv_faces = np.empty_like(mesh.faces)
    stretch = np.empty((len(mesh.faces), 2))
    offset = 0
    for chart, points, (_, size) in zip(charts, placed, flat, strict=True):
        uv_faces[chart.triangles] = chart.faces + offset
        offset += len(chart.vertices)
        gradients, _ = triangle_gradients(mesh.v[chart.vertices][chart.faces])
        singular = np.linalg.svd(jacobians(points, chart.faces, gradients), compute_uv=False)
        stretch[chart.triangles] = singular / (scale * size[:, None])
    uv = np.concatenate(placed) / resolution
    uv[:, 1] = 1 - uv[:, 1]
    return Unwrapping(uv, uv_faces, labels, stretch, face > 0.5)
