"""A person's whole texture, known because the person is made: all layers laid over one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.ndimage import binary_dilation

from dinar.trainer.data.people.bake import encode_srgb, find_texels
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.part import Part
from dinar.trainer.data.synth.mesh import PersonMesh
from dinar.trainer.data.synth.textures import Textures, texel_points

TEXELS = 512
"""Texels a side."""

_CELL = 0.016  # metres: side of a cell in which rays look for triangles
_REACH = 0.32  # metres from the skin to the outermost cloth
_START = 0.0005
_ARM = np.array([18, 19, 20, 21, *range(25, 55)])  # elbows, wrists, fingers
_OVER = 0.03  # metres: cloth this close outside of a part lies over it


@dataclass(frozen=True, eq=False)
class TrueTexture:
    """What a person looks like all round, without light, on the body's UV.

    Attributes:
        rgb: uint8 [512, 512, 3], sRGB albedo; what lies in gutters means nothing.
        used: bool [512, 512], texels on the body.
        cover: uint8 [512, 512]: 1 + number of the part that lies over the texel and has a texture of its own
            (shoe, skirt, long hair), 0 for none. Its colour is what is met first from outside along the
            skin's normal, in the fitting pose.
    """

    rgb: np.ndarray
    used: np.ndarray
    cover: np.ndarray


def true_texture(
    form: DressForm, parts: tuple[Part, ...], mesh: PersonMesh, textures: Textures
) -> TrueTexture:
    """Lay all parts' textures over one another.

    Args:
        form: the body.
        parts: the skin first, inner to outer.
        mesh: of the same parts.
        textures: of the same parts.
    """
    albedo = np.zeros((TEXELS, TEXELS, 3), np.float32)
    starts = np.searchsorted(mesh.part, np.arange(len(parts) + 1))
    for p, part in enumerate(parts):
        if part.uv is not None and part.uv.of_body:
            _lay(albedo, mesh, slice(starts[p], starts[p + 1]), textures, p)
    body = form.body
    on_body = find_texels(body.uv, body.uv_faces, height=TEXELS, width=TEXELS, reach=1e-3)
    used = np.zeros((TEXELS, TEXELS), bool)
    used[on_body.row, on_body.column] = True
    cover = np.zeros((TEXELS, TEXELS), np.uint8)
    foreign = np.array([part.uv is not None and not part.uv.of_body for part in parts])
    if foreign.any():
        posed = form.pose(mesh.vertices, _dense(mesh), mesh.anchor_vertex, mesh.anchor_weight)
        start = on_body.interpolate(body.faces, form.posed)
        outward = on_body.interpolate(body.faces, form.normals)
        of_arm = on_body.interpolate(body.faces, _moved_by(mesh, _ARM)[: len(form.rest)]) > 0.5
        _cast_out(
            start, outward, of_arm, posed, mesh, foreign, textures, on_body.row, on_body.column, albedo, cover
        )
    return TrueTexture(encode_srgb(albedo), used, cover)


def _moved_by(mesh: PersonMesh, joints: np.ndarray) -> np.ndarray:
    """Share of some joints in what moves each vertex: float64 [n]."""
    return (mesh.joint_weight * np.isin(mesh.joint_index, joints)).sum(1)


def _dense(mesh: PersonMesh) -> np.ndarray:
    """Skinning weights [n, 55] of a mesh."""
    weights = np.zeros((len(mesh.vertices), 55))
    np.add.at(weights, (np.arange(len(weights))[:, None], mesh.joint_index), mesh.joint_weight)
    return weights


def _lay(albedo: np.ndarray, mesh: PersonMesh, own: slice, textures: Textures, p: int) -> None:
    """Lay one part's texture over what is there, where its faces are."""
    found, _ = texel_points(mesh, own, TEXELS)
    level = int(np.argmin(np.abs(textures.levels[p, :, 1] - TEXELS)))
    first, width, height = (int(number) for number in textures.levels[p, level])
    image = textures.texels[first : first + width * height].reshape(height, width, -1)
    row, column = found.row * height // TEXELS, found.column * width // TEXELS
    albedo[found.row, found.column] = (image[row, column, :3] / np.float32(255)) ** 2


def _cast_out(
    start: np.ndarray,
    outward: np.ndarray,
    of_arm: np.ndarray,
    posed: np.ndarray,
    mesh: PersonMesh,
    foreign: np.ndarray,
    textures: Textures,
    row: np.ndarray,
    column: np.ndarray,
    albedo: np.ndarray,
    cover: np.ndarray,
) -> None:
    """Paint the texels from which a ray along the skin's normal meets a part with a texture of its own."""
    outward = outward / np.maximum(np.sqrt((outward * outward).sum(1, keepdims=True)), 1e-12)
    low = posed.min(0) - _CELL
    shape = np.ceil((posed.max(0) + _CELL - low) / _CELL).astype(np.int64) + 1
    entries, begins = _fill_cells(posed, mesh.faces, low, shape)
    promising = np.zeros(len(begins) - 1, bool)
    promising[np.repeat(np.arange(len(promising)), np.diff(begins))[foreign[mesh.part[entries]]]] = True
    promising = binary_dilation(promising.reshape(shape), np.ones((3, 3, 3))).ravel()
    face = np.full(len(start), -1, np.int32)
    weight = np.zeros((len(start), 3))
    _cast(
        start,
        outward,
        posed,
        mesh.faces,
        mesh.part,
        foreign,
        low,
        shape,
        entries,
        begins,
        promising,
        of_arm,
        _moved_by(mesh, _ARM) > 0.2,
        face,
        weight,
    )
    hit = np.flatnonzero(face >= 0)
    uv = (mesh.corner_uv[face[hit]] * weight[hit][..., None]).sum(1)
    part = mesh.part[face[hit]]
    first, width, height = textures.levels[part, 1].T
    x = np.clip((uv[:, 0] * width).astype(np.int64), 0, width - 1)
    y = np.clip((uv[:, 1] * height).astype(np.int64), 0, height - 1)
    texel = textures.texels[first + y * width + x, :3]
    albedo[row[hit], column[hit]] = (texel / np.float32(255)) ** 2
    cover[row[hit], column[hit]] = 1 + part


@njit(cache=True, nogil=True)
def _fill_cells(vertices, faces, low, shape):  # type: ignore[no-untyped-def]
    """List the faces whose bounding box touches each cell of a grid: entries, and where each cell's begin."""
    begins = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int64)
    first, last = np.zeros(3, np.int64), np.zeros(3, np.int64)
    entries = np.zeros(0, np.int32)
    for listing in range(2):
        for f in range(len(faces)):
            for c in range(3):
                a, b, d = vertices[faces[f, 0], c], vertices[faces[f, 1], c], vertices[faces[f, 2], c]
                first[c] = int((min(a, b, d) - low[c]) / _CELL)
                last[c] = int((max(a, b, d) - low[c]) / _CELL)
            for x in range(first[0], last[0] + 1):
                for y in range(first[1], last[1] + 1):
                    for z in range(first[2], last[2] + 1):
                        cell = (x * shape[1] + y) * shape[2] + z
                        if listing == 0:
                            begins[cell + 1] += 1
                        else:
                            entries[begins[cell]] = f
                            begins[cell] += 1
        if listing == 0:
            for cell in range(len(begins) - 1):
                begins[cell + 1] += begins[cell]
            entries = np.zeros(begins[-1], np.int32)
    for cell in range(len(begins) - 1, 0, -1):  # filling moved each to its end
        begins[cell] = begins[cell - 1]
    begins[0] = 0
    return entries, begins


@njit(cache=True, nogil=True, error_model="numpy")
def _cast(  # type: ignore[no-untyped-def]
    start,
    outward,
    vertices,
    faces,
    part,
    foreign,
    low,
    shape,
    entries,
    begins,
    promising,
    of_arm,
    arm,
    face,
    weight,
):
    """Keep the outermost foreign face that a ray meets before skin, unless cloth lies over it."""
    hits, leaves = np.zeros((64, 4)), np.zeros(64, np.bool_)
    asked = np.full(len(faces), -1, np.int64)  # the last ray that asked for a face
    cell = np.zeros(3, np.int64)
    steps, per_cell = int(_REACH / (0.4 * _CELL)), 1.0 / _CELL
    for m in range(len(start)):
        count = 0
        old = -1
        last = -1
        for stride in range(int(_REACH / _CELL) + 1):
            inside = True
            for c in range(3):
                cell[c] = int((start[m, c] + stride * _CELL * outward[m, c] - low[c]) * per_cell)
                inside = inside and 0 <= cell[c] < shape[c]
            if not inside:
                break
            if promising[(cell[0] * shape[1] + cell[1]) * shape[2] + cell[2]]:
                last = stride
        if last < 0:
            continue
        # What lies a little over the last foreign face matters too.
        for step in range(min(int((last + 2) / 0.4), steps) + 1):
            t = step * 0.4 * _CELL
            inside = True
            for c in range(3):
                cell[c] = int(np.floor((start[m, c] + t * outward[m, c] - low[c]) / _CELL))
                inside = inside and 0 <= cell[c] < shape[c]
            if not inside:
                break
            number = (cell[0] * shape[1] + cell[1]) * shape[2] + cell[2]
            if number == old:
                continue
            old = number
            for e in range(begins[number], begins[number + 1]):
                f = entries[e]
                if asked[f] == m:
                    continue
                asked[f] = m
                at, b, d, out = _meet(start[m], outward[m], vertices, faces[f])
                if _START < at < _REACH and count < len(hits):
                    hits[count, 0], hits[count, 1], hits[count, 2], hits[count, 3] = f, at, b, d
                    leaves[count] = out
                    count += 1
        skin = _REACH
        for h in range(count):
            # Skin close by is this place's own; skin far away ends the ray.
            if part[int(hits[h, 0])] == 0 and hits[h, 1] > 0.02:
                skin = min(skin, hits[h, 1])
        best, over = -1, -1.0
        for h in range(count):
            f = int(hits[h, 0])
            if hits[h, 1] >= skin or part[f] == 0 or not leaves[h]:
                continue
            if of_arm[m] and not (arm[faces[f, 0]] or arm[faces[f, 1]] or arm[faces[f, 2]]):
                continue  # a palm looks at the skirt from outside
            if foreign[part[f]]:
                if best < 0 or hits[h, 1] > hits[best, 1]:
                    best = h
            else:
                over = max(over, hits[h, 1])
        if best < 0 or (over > hits[best, 1] and over - hits[best, 1] < _OVER):
            continue
        face[m] = int(hits[best, 0])
        weight[m, 1], weight[m, 2] = hits[best, 2], hits[best, 3]
        weight[m, 0] = 1.0 - weight[m, 1] - weight[m, 2]


@njit(cache=True, nogil=True, error_model="numpy")
def _meet(start, ray, vertices, corners):  # type: ignore[no-untyped-def]
    """Return how far along a ray a triangle is met (-1: not), its second and third barycentrics, and whether
    the ray comes out of its front."""
    a, b, c = vertices[corners[0]], vertices[corners[1]], vertices[corners[2]]
    e0, e1, e2 = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    f0, f1, f2 = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    p0, p1, p2 = ray[1] * f2 - ray[2] * f1, ray[2] * f0 - ray[0] * f2, ray[0] * f1 - ray[1] * f0
    det = e0 * p0 + e1 * p1 + e2 * p2
    if abs(det) < 1e-16:
        return -1.0, 0.0, 0.0, False
    s0, s1, s2 = start[0] - a[0], start[1] - a[1], start[2] - a[2]
    v = (s0 * p0 + s1 * p1 + s2 * p2) / det
    if v < -1e-9 or v > 1.0 + 1e-9:
        return -1.0, 0.0, 0.0, False
    q0, q1, q2 = s1 * e2 - s2 * e1, s2 * e0 - s0 * e2, s0 * e1 - s1 * e0
    w = (ray[0] * q0 + ray[1] * q1 + ray[2] * q2) / det
    if w < -1e-9 or v + w > 1.0 + 1e-9:
        return -1.0, 0.0, 0.0, False
    return (f0 * q0 + f1 * q1 + f2 * q2) / det, v, w, det < 0.0
