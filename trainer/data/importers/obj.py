"""Textured meshes in Wavefront's OBJ format: 500,000 faces in under a second, nothing trusted.

Read are v, vt, f (polygons become fans of triangles; 7, 7/8, 7/8/9, 7//9; also counted from the end), usemtl,
mtllib; of materials newmtl, map_Kd and Kd. All else is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit

from dinar.runtime.errors import DinarError

MAX_BYTES = 1 << 30
MAX_FACES = 10_000_000
_MAX_MATERIALS = 64
_MAX_MTL_BYTES = 1 << 20
_ZERO, _NINE, _SLASH, _MINUS, _PLUS, _DOT, _NEWLINE = 48, 57, 47, 45, 43, 46, 10
_BAD_NUMBER, _BAD_FACE = 1, 2


class ObjError(DinarError):
    """A mesh that cannot be used; the text is one sentence that names the file."""


@dataclass(frozen=True)
class Material:
    """How faces are coloured.

    Attributes:
        texture: the picture; None for none.
        colour: float64 [3], sRGB in [0, 1], where there is no picture.
    """

    texture: Path | None
    colour: np.ndarray


@dataclass(frozen=True, eq=False)
class ObjMesh:
    """A textured mesh of triangles.

    Attributes:
        vertices: float32 [V, 3].
        faces: int32 [F, 3], vertex ids.
        uv: float32 [T, 2], v up, as stored.
        uv_faces: int32 [F, 3], ids of texture coordinates.
        material: int32 [F], index into `materials`.
        materials: at least one.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    material: np.ndarray
    materials: tuple[Material, ...]


def read_obj(path: Path) -> ObjMesh:
    """Read a mesh and the names of its pictures. Raises ObjError naming what is wrong."""
    data = _read(path, MAX_BYTES)
    text = np.frombuffer(data, np.uint8)
    vertices, coordinates, triangles, uses = (int(n) for n in _count(text))
    if not vertices or not triangles:
        raise ObjError(f"{path} holds no mesh ({vertices} vertices, {triangles} triangles)")
    if triangles > MAX_FACES or vertices > 3 * MAX_FACES or coordinates > 3 * MAX_FACES:
        raise ObjError(f"{path} has {triangles:,} triangles; up to {MAX_FACES:,} are read")
    if not coordinates:
        raise ObjError(f"{path} has no texture coordinates (vt)")
    mesh = ObjMesh(
        np.empty((vertices, 3), np.float32),
        np.empty((triangles, 3), np.int32),
        np.empty((coordinates, 2), np.float32),
        np.empty((triangles, 3), np.int32),
        np.empty(triangles, np.int32),
        (),
    )
    names_at = np.empty(uses, np.int64)
    line, problem = _fill(text, mesh.vertices, mesh.uv, mesh.faces, mesh.uv_faces, mesh.material, names_at)
    if problem:
        what = "a number is expected" if problem == _BAD_NUMBER else "a face with vertices that are not there"
        raise ObjError(f"{path}: line {line}: {what}")
    if not (np.isfinite(mesh.vertices).all() and np.isfinite(mesh.uv).all()):
        raise ObjError(f"{path} holds coordinates that are not finite")
    material, materials = _materials(path, data, mesh.material, [int(at) for at in names_at])
    return ObjMesh(mesh.vertices, mesh.faces, mesh.uv, mesh.uv_faces, material, materials)


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise ObjError(f"{path} cannot be opened ({error.strerror})") from error
    if len(data) > limit:
        raise ObjError(f"{path} is larger than {limit >> 20} MB")
    return data if data.endswith(b"\n") else data + b"\n"


# --- Materials ------------------------------------------------------------------------------------


def _materials(
    path: Path, data: bytes, use: np.ndarray, names_at: list[int]
) -> tuple[np.ndarray, tuple[Material, ...]]:
    """Resolve the `usemtl` of each face (-1: none before it) to materials."""
    library = _library(path, data)
    plain = Material(None, np.full(3, 0.8))
    only = next(iter(library.values())) if len(library) == 1 else plain
    found: list[Material] = []
    for at in names_at:
        name = data[at : data.index(b"\n", at)].decode("utf-8", "replace").strip()
        if library and name not in library:
            raise ObjError(f"{path} uses material {name[:40]}, which its .mtl does not describe")
        found.append(library.get(name, plain))
    materials = [only]  # of faces before any usemtl
    index = [0]
    for material in found:
        same = next((n for n, other in enumerate(materials) if other is material), None)
        if same is None:
            same = len(materials)
            materials.append(material)
        index.append(same)
    if len(materials) > _MAX_MATERIALS:
        raise ObjError(f"{path} uses more than {_MAX_MATERIALS} materials")
    return np.array(index, np.int32)[use + 1], tuple(materials)


def _library(path: Path, data: bytes) -> dict[str, Material]:
    """Read the .mtl files that a mesh names, which must lie in its folder."""
    library: dict[str, Material] = {}
    start = data.find(b"mtllib ")
    while start >= 0:
        end = data.index(b"\n", start)
        if start == 0 or data[start - 1] == _NEWLINE:
            name = data[start + 7 : end].decode("utf-8", "replace").strip()
            library |= _read_mtl(_inside(path, name))
        start = data.find(b"mtllib ", end)
    return library


def _inside(path: Path, name: str) -> Path:
    """Return a file beside another one. Raises ObjError: elsewhere, or not there."""
    folder = path.parent.resolve()
    file = (folder / name.replace("\\", "/")).resolve()
    if folder not in file.parents or not file.is_file():
        raise ObjError(f"{path} names {name[:80]!r}, which is not in its folder")
    return path.parent / file.relative_to(folder)


def _read_mtl(path: Path) -> dict[str, Material]:
    library: dict[str, Material] = {}
    name = None
    for line in _read(path, _MAX_MTL_BYTES).decode("utf-8", "replace").splitlines():
        key, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if key == "newmtl":
            name = rest
            library[name] = Material(None, np.full(3, 0.8))
        elif key == "map_Kd" and name is not None:
            picture = rest if (path.parent / rest).is_file() else rest.rpartition(" ")[2]  # behind options
            library[name] = Material(_inside(path, picture), library[name].colour)
        elif key == "Kd" and name is not None:
            try:
                colour = np.array(rest.split()[:3], np.float64)
            except ValueError:
                colour = np.full(1, np.nan)
            if colour.shape != (3,) or not np.isfinite(colour).all():
                raise ObjError(f"{path}: Kd of {name[:40]} must be three numbers")
            library[name] = Material(library[name].texture, colour.clip(0, 1))
    return library


# --- Text to numbers ------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _is_space(byte: int) -> bool:
    return byte == 32 or byte == 9 or byte == 13


@njit(cache=True, nogil=True)
def _kind(text: np.ndarray, at: int) -> int:
    """What a line is: 1 v, 2 vt, 3 f, 4 usemtl, 0 anything else. (A line has its newline.)"""
    first, second = text[at], text[at + 1] if text[at] != _NEWLINE else np.uint8(0)
    if first == 118 and _is_space(second):
        return 1
    if first == 118 and second == 116 and _is_space(text[at + 2]):
        return 2
    if first == 102 and _is_space(second):
        return 3
    if first == 117:
        for n, byte in enumerate(b"usemtl"):
            if text[at + n] != byte:  # the newline differs from all of them: no reading beyond the line
                return 0
        return 4 if _is_space(text[at + 6]) else 0
    return 0


@njit(cache=True, nogil=True)
def _start(text: np.ndarray, at: int) -> int:
    while _is_space(text[at]):
        at += 1
    return at


@njit(cache=True, nogil=True)
def _end(text: np.ndarray, at: int) -> int:
    while text[at] != _NEWLINE:
        at += 1
    return at


@njit(cache=True, nogil=True)
def _count(text: np.ndarray) -> tuple[int, int, int, int]:
    """Count vertices, texture coordinates, triangles and uses of materials."""
    vertices, coordinates, triangles, uses, at = 0, 0, 0, 0, 0
    while at < len(text):
        at = _start(text, at)
        kind, end = _kind(text, at), _end(text, at)
        if kind == 1:
            vertices += 1
        elif kind == 2:
            coordinates += 1
        elif kind == 4:
            uses += 1
        elif kind == 3:
            corners, inside = 0, False
            for n in range(at + 1, end):
                space = _is_space(text[n])
                corners += not space and not inside
                inside = not space
            triangles += max(corners - 2, 0)
        at = end + 1
    return vertices, coordinates, triangles, uses


@njit(cache=True, nogil=True, error_model="numpy")
def _number(text: np.ndarray, at: int) -> tuple[float, int]:
    """Read a decimal number; returns it and where it ends, -1 where there is none."""
    at = _start(text, at)
    negative = text[at] == _MINUS
    if negative or text[at] == _PLUS:
        at += 1
    value, digits, scale = 0.0, 0, 0
    seen_dot = False
    while (_ZERO <= text[at] <= _NINE) or (text[at] == _DOT and not seen_dot):
        if text[at] == _DOT:
            seen_dot = True
        else:
            value = value * 10.0 + (text[at] - _ZERO)
            digits += 1
            scale -= seen_dot
        at += 1
    if digits == 0:
        return 0.0, -1
    if text[at] == 101 or text[at] == 69:  # e, E
        at += 1
        down = text[at] == _MINUS
        if down or text[at] == _PLUS:
            at += 1
        power, some = 0, False
        while _ZERO <= text[at] <= _NINE:
            power, some = min(power * 10 + int(text[at] - _ZERO), 1000), True
            at += 1
        if not some:
            return 0.0, -1
        scale += -power if down else power
    value = value * 10.0**scale if scale >= 0 else value / 10.0 ** (-scale)
    ends = _is_space(text[at]) or text[at] == _NEWLINE
    return (-value if negative else value), at if ends else -1


@njit(cache=True, nogil=True)
def _index(text: np.ndarray, at: int) -> tuple[int, int]:
    """Read a whole number; returns it and where it ends; 0 for none."""
    negative = text[at] == _MINUS
    at += negative
    value = 0
    while _ZERO <= text[at] <= _NINE:
        value = min(value * 10 + int(text[at] - _ZERO), 1 << 40)
        at += 1
    return (-value if negative else value), at


@njit(cache=True, nogil=True)
def _corner(text: np.ndarray, at: int, vertices: int, coordinates: int) -> tuple[int, int, int]:
    """Read a corner of a face, `v/vt/vn`: ids from 0 (-1: none or not there) and where it ends."""
    v, at = _index(text, at)
    t = 0
    if text[at] == _SLASH:
        t, at = _index(text, at + 1)
        if text[at] == _SLASH:
            _, at = _index(text, at + 1)
    v = v - 1 if v > 0 else vertices + v if v < 0 else -1
    t = t - 1 if t > 0 else coordinates + t if t < 0 else -1
    good = _is_space(text[at]) or text[at] == _NEWLINE
    return (v if good else -1), t, at


@njit(cache=True, nogil=True)
def _fill(  # type: ignore[no-untyped-def]
    text, vertices, uv, faces, uv_faces, material, names_at
):
    """Fill the arrays; returns the line of the first problem and its kind, 0 for none."""
    v, t, f, use, line, at = 0, 0, 0, -1, 0, 0
    while at < len(text):
        line += 1
        at = _start(text, at)
        kind, end = _kind(text, at), _end(text, at)
        if kind == 1 or kind == 2:
            for axis in range(3 if kind == 1 else 2):
                value, after = _number(text, at + kind if axis == 0 else at)
                if after < 0:
                    return line, _BAD_NUMBER
                if kind == 1:
                    vertices[v, axis] = value
                else:
                    uv[t, axis] = value
                at = after
            v, t = v + (kind == 1), t + (kind == 2)
        elif kind == 4:
            use += 1
            names_at[use] = at + 6
        elif kind == 3:
            at, corners = at + 1, 0
            v0 = t0 = v1 = t1 = 0
            while True:
                at = _start(text, at)
                if at >= end:
                    break
                v2, t2, at = _corner(text, at, v, t)
                if v2 < 0 or t2 < 0 or v2 >= len(vertices) or t2 >= len(uv):
                    return line, _BAD_FACE
                if corners == 0:
                    v0, t0 = v2, t2
                elif corners >= 2:
                    faces[f, 0], faces[f, 1], faces[f, 2] = v0, v1, v2
                    uv_faces[f, 0], uv_faces[f, 1], uv_faces[f, 2] = t0, t1, t2
                    material[f] = use
                    f += 1
                v1, t1 = v2, t2
                corners += 1
        at = end + 1
    return 0, 0
