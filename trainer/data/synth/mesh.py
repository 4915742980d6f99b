"""All parts of a person as one mesh: what is posed, lit and drawn together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from dinar.trainer.data.people.part import Part

JOINTS_PER_VERTEX = 8


@dataclass(frozen=True, eq=False)
class PersonMesh:
    """n vertices and m faces of all parts; the skin's vertices come first, as the body numbers them.

    Attributes:
        vertices: float64 [n, 3], metres, T-pose.
        normals: float32 [n, 3], unit, T-pose.
        faces: int32 [m, 3], counter-clockwise seen from outside; skin that lies under cloth is left out.
        part: int32 [m], the part of each face.
        part_face: int32 [m], the face's number within its part.
        corner_uv: float32 [m, 3, 2], in its part's texture, v down.
        joint_index: int32 [n, 8], joints that move each vertex, strongest first.
        joint_weight: float64 [n, 8], rows sum to 1.
        anchor_vertex: int32 [n, 3], body vertices whose offsets are inherited.
        anchor_weight: float64 [n, 3].
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    part: np.ndarray
    part_face: np.ndarray
    corner_uv: np.ndarray
    joint_index: np.ndarray
    joint_weight: np.ndarray
    anchor_vertex: np.ndarray
    anchor_weight: np.ndarray


def join_parts(parts: tuple[Part, ...]) -> PersonMesh:
    """Join parts, the skin first; each must carry its own uv.

    Raises:
        ValueError: a part has no uv.
    """
    for part in parts:
        if part.uv is None:
            raise ValueError(f"the part {part.name!r} has no uv; give it a PartUv")
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts])
    kept = [np.arange(len(part.faces), dtype=np.int32) for part in parts]
    hiding = [part.hides for part in parts if part.hides is not None]
    if hiding:
        hidden = np.logical_or.reduce(hiding)
        kept[0] = np.flatnonzero(~hidden[parts[0].faces].all(1)).astype(np.int32)
    vertices = np.concatenate([part.vertices for part in parts]).astype(np.float64)
    faces = np.concatenate(
        [part.faces[own] + offset for part, own, offset in zip(parts, kept, offsets, strict=False)]
    ).astype(np.int32)
    all_faces = np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=False)])
    weights = np.concatenate([np.asarray(part.joint_weights, np.float64) for part in parts])
    index, weight = strongest(weights)
    return PersonMesh(
        vertices=vertices,
        normals=smooth_normals(vertices.astype(np.float32), all_faces.astype(np.int32)),
        faces=faces,
        part=np.repeat(np.arange(len(parts), dtype=np.int32), [len(own) for own in kept]),
        part_face=np.concatenate(kept),
        corner_uv=np.concatenate(
            [
                np.asarray(part.uv.coordinates, np.float32)[part.uv.faces[own]]
                for part, own in zip(parts, kept, strict=True)
                if part.uv is not None
            ]
        ),
        joint_index=index,
        joint_weight=weight,
        anchor_vertex=np.concatenate([part.anchor_vertex for part in parts]).astype(np.int32),
        anchor_weight=np.concatenate([part.anchor_weight for part in parts]).astype(np.float64),
    )


@njit(cache=True, nogil=True)
def strongest(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eight strongest joints int32 [n, 8] of weights [n, 55], and their weights, summing to 1."""
    index = np.zeros((len(weights), JOINTS_PER_VERTEX), np.int32)
    kept = np.zeros((len(weights), JOINTS_PER_VERTEX))
    for v in range(len(weights)):
        total = 0.0
        for j in range(weights.shape[1]):
            w = weights[v, j]
            if w <= kept[v, JOINTS_PER_VERTEX - 1]:
                continue
            slot = JOINTS_PER_VERTEX - 1
            while slot > 0 and kept[v, slot - 1] < w:
                kept[v, slot], index[v, slot] = kept[v, slot - 1], index[v, slot - 1]
                slot -= 1
            kept[v, slot], index[v, slot] = w, j
        for slot in range(JOINTS_PER_VERTEX):
            total += kept[v, slot]
        for slot in range(JOINTS_PER_VERTEX):
            kept[v, slot] /= total
    return index, kept


@njit(cache=True, nogil=True, error_model="numpy")
def smooth_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return unit normals float32 [n, 3], the area-weighted mean of the faces around each vertex.

    Args:
        vertices: float32 [n, 3].
        faces: int32 [m, 3].
    """
    total = np.zeros((len(vertices), 3))
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax = np.float64(vertices[j, 0]) - vertices[i, 0]
        ay = np.float64(vertices[j, 1]) - vertices[i, 1]
        az = np.float64(vertices[j, 2]) - vertices[i, 2]
        bx = np.float64(vertices[k, 0]) - vertices[i, 0]
        by = np.float64(vertices[k, 1]) - vertices[i, 1]
        bz = np.float64(vertices[k, 2]) - vertices[i, 2]
        x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for v in (i, j, k):
            total[v, 0] += x
            total[v, 1] += y
            total[v, 2] += z
    normals = np.zeros((len(vertices), 3), np.float32)
    for v in range(len(vertices)):
        x, y, z = total[v, 0], total[v, 1], total[v, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 1e-18:
            normals[v, 0], normals[v, 1], normals[v, 2] = x / length, y / length, z / length
        else:
            normals[v, 1] = 1.0
    return normals
