"""Drawing a view of a person: what each sample sees, its paint, its light; filtered to pixels.

Four samples a pixel, on the rotated grid; a pixel takes a tent over the 4 x 4 samples around its centre, as a
lens would blur them. All mixing is done with linear light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from dinar.runtime.camera import Camera
from dinar.runtime.cpu.attributes import barycentric_at
from dinar.runtime.cpu.rasterize import Rasterizer, Visibility
from dinar.trainer.data.synth.light import Light, Shadows, gather_ambient, gather_key
from dinar.trainer.data.synth.material import material_table
from dinar.trainer.data.synth.mesh import PersonMesh
from dinar.trainer.data.synth.pose_person import PosedPerson
from dinar.trainer.data.synth.textures import Textures

_WRAP = 0.12
_LOD_BIAS = -0.35  # the tent blurs a little as well


@dataclass(frozen=True, eq=False)
class Samples:
    """The S samples of a picture that see the person, row by row.

    Attributes:
        row: int32 [S], in samples, twice as many as pixels.
        column: int32 [S].
        face: int32 [S].
        position: float32 [S, 3], metres, world.
        surface: float32 [S, 3], unit, smooth normal, towards the camera.
        normal: float32 [S, 3], unit, with folds and weave.
        albedo: float32 [S, 3], linear.
        cavity: float32 [S].
        material: uint8 [S], see `material.face_materials`.
        eye: float32 [3], metres, world, where the camera is.
    """

    row: np.ndarray
    column: np.ndarray
    face: np.ndarray
    position: np.ndarray
    surface: np.ndarray
    normal: np.ndarray
    albedo: np.ndarray
    cavity: np.ndarray
    material: np.ndarray
    eye: np.ndarray


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture of a person alone.

    Attributes:
        colour: float32 [H, W, 3], linear RGB times coverage.
        coverage: float32 [H, W], 0 to 1.
    """

    colour: np.ndarray
    coverage: np.ndarray


def see(
    mesh: PersonMesh,
    posed: PosedPerson,
    textures: Textures,
    materials: np.ndarray,
    seen: Visibility,
    n: int,
    camera: Camera,
) -> Samples:
    """Fetch what the samples of camera `n` see.

    Args:
        mesh: the person.
        posed: the same in a pose.
        textures: the person's.
        materials: uint8 [m], of the faces.
        seen: what is visible, four samples a pixel.
        n: which picture of it.
        camera: its camera.
    """
    left, top, right, bottom = (int(edge) for edge in seen.bbox[n])
    row, column = np.nonzero(seen.triangle[n, top:bottom, left:right] >= 0)
    row, column = (row + top).astype(np.int32), (column + left).astype(np.int32)
    face = seen.triangle[n][row, column]
    count = len(row)
    position, surface, normal, albedo = (np.empty((count, 3), np.float32) for _ in range(4))
    cavity = np.empty(count, np.float32)
    eye = eye_of(camera).astype(np.float32)
    _fetch(
        row,
        column,
        face,
        seen.homogeneous[n],
        mesh.faces,
        mesh.part,
        mesh.corner_uv,
        posed.vertices,
        posed.normals,
        posed.turns,
        eye,
        textures.texels,
        textures.levels,
        position,
        surface,
        normal,
        albedo,
        cavity,
    )
    return Samples(row, column, face, position, surface, normal, albedo, cavity, materials[face], eye)


def eye_of(camera: Camera) -> np.ndarray:
    """Return where a camera is, float64 [3], metres, world."""
    T = camera.T_camera_world
    return -(T[:3, :3] * T[:3, 3:]).sum(0)


@njit(inline="always")
def _texel(texels, first, width, height, x, y, share, out):  # type: ignore[no-untyped-def]
    """Add a bilinear fetch at (x, y), texels, times `share` to out [7]."""
    x, y = x - np.float32(0.5), y - np.float32(0.5)
    c, r = np.int64(np.floor(x)), np.int64(np.floor(y))
    fx, fy = x - np.float32(c), y - np.float32(r)
    for corner in range(4):
        dx, dy = corner & 1, corner >> 1
        column, row = min(max(c + dx, 0), width - 1), min(max(r + dy, 0), height - 1)
        w = share * (fx if dx else np.float32(1.0) - fx) * (fy if dy else np.float32(1.0) - fy)
        t = texels[first + row * width + column]
        for k in range(3):
            a = np.float32(t[k])
            out[k] += w * a * a
            out[3 + k] += w * np.float32(t[3 + k])
        out[6] += w * np.float32(t[6])


@njit(cache=True, nogil=True, error_model="numpy")
def _fetch(  # type: ignore[no-untyped-def]
    row,
    column,
    face,
    homogeneous,
    faces,
    part,
    corner_uv,
    vertices,
    normals,
    turns,
    eye,
    texels,
    levels,
    position,
    surface,
    normal,
    albedo,
    cavity,
):
    """Fill what each sample sees."""
    one, zero = np.float32(1.0), np.float32(0.0)
    out = np.zeros(7, np.float32)
    last = levels.shape[1] - 1
    for s in range(len(row)):
        f = face[s]
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        odd_row, odd_column = row[s] & 1, column[s] & 1
        x = np.float32(column[s]) + (np.float32(0.25) if odd_row else np.float32(0.75))
        y = np.float32(row[s]) + (np.float32(0.75) if odd_column else np.float32(0.25))
        b0, b1, b2, total = barycentric_at(homogeneous, i, j, k, x, y)
        depth = b0 * homogeneous[i, 2] + b1 * homogeneous[j, 2] + b2 * homogeneous[k, 2]
        nx, ny, nz, ex, ey, ez = zero, zero, zero, zero, zero, zero
        nx = b0 * normals[i, 0] + b1 * normals[j, 0] + b2 * normals[k, 0]
        ny = b0 * normals[i, 1] + b1 * normals[j, 1] + b2 * normals[k, 1]
        nz = b0 * normals[i, 2] + b1 * normals[j, 2] + b2 * normals[k, 2]
        px = b0 * vertices[i, 0] + b1 * vertices[j, 0] + b2 * vertices[k, 0]
        py = b0 * vertices[i, 1] + b1 * vertices[j, 1] + b2 * vertices[k, 1]
        pz = b0 * vertices[i, 2] + b1 * vertices[j, 2] + b2 * vertices[k, 2]
        position[s, 0], position[s, 1], position[s, 2] = px, py, pz
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        scale = one / max(length, np.float32(1e-9))
        nx, ny, nz = nx * scale, ny * scale, nz * scale
        # The inside of a garment is its outside turned round: the face decides, not the smooth normal.
        T = turns[f]
        ax, ay, az = (
            vertices[j, 0] - vertices[i, 0],
            vertices[j, 1] - vertices[i, 1],
            vertices[j, 2] - vertices[i, 2],
        )
        bx, by, bz = (
            vertices[k, 0] - vertices[i, 0],
            vertices[k, 1] - vertices[i, 1],
            vertices[k, 2] - vertices[i, 2],
        )
        gx, gy, gz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        ex, ey, ez = eye[0] - px, eye[1] - py, eye[2] - pz
        flip = one if gx * ex + gy * ey + gz * ez >= zero else -one
        surface[s, 0], surface[s, 1], surface[s, 2] = flip * nx, flip * ny, flip * nz
        # Texture: the level whose texels are as large as a sample's share of the surface.
        u0, v0 = corner_uv[f, 0, 0], corner_uv[f, 0, 1]
        u1, v1 = corner_uv[f, 1, 0], corner_uv[f, 1, 1]
        u2, v2 = corner_uv[f, 2, 0], corner_uv[f, 2, 1]
        u, v = b0 * u0 + b1 * u1 + b2 * u2, b0 * v0 + b1 * v1 + b2 * v2
        p = part[f]
        width = levels[p, 0, 1]
        texel_area = (
            abs((u1 - u0) * (v2 - v0) - (u2 - u0) * (v1 - v0)) * np.float32(width) * np.float32(width)
        )
        area = texel_area * depth * depth / max(total, np.float32(1e-30))
        level = np.float32(0.5) * np.log2(max(area, np.float32(1e-6))) + np.float32(_LOD_BIAS)
        level = min(max(level, zero), np.float32(last))
        fine = min(int(level), last)
        blend = level - np.float32(fine)
        for c in range(7):
            out[c] = zero
        first, w, h = levels[p, fine, 0], levels[p, fine, 1], levels[p, fine, 2]
        _texel(texels, first, w, h, u * np.float32(w), v * np.float32(h), one - blend, out)
        if blend > zero:
            first, w, h = levels[p, fine + 1, 0], levels[p, fine + 1, 1], levels[p, fine + 1, 2]
            _texel(texels, first, w, h, u * np.float32(w), v * np.float32(h), blend, out)
        for c in range(3):
            albedo[s, c] = out[c] * np.float32(1.0 / 65025.0)
        cavity[s] = out[6] * np.float32(1.0 / 255.0)
        ox = (out[3] - np.float32(128.0)) * np.float32(1.0 / 127.0)
        oy = (out[4] - np.float32(128.0)) * np.float32(1.0 / 127.0)
        oz = (out[5] - np.float32(128.0)) * np.float32(1.0 / 127.0)
        nx += T[0, 0] * ox + T[0, 1] * oy + T[0, 2] * oz
        ny += T[1, 0] * ox + T[1, 1] * oy + T[1, 2] * oz
        nz += T[2, 0] * ox + T[2, 1] * oy + T[2, 2] * oz
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        scale = flip / max(length, np.float32(1e-9))
        normal[s, 0], normal[s, 1], normal[s, 2] = nx * scale, ny * scale, nz * scale


def light_samples(samples: Samples, light: Light, shadows: Shadows) -> np.ndarray:
    """Return the linear RGB float32 [S, 3] that leaves each sample towards the camera."""
    points = _gather_points(samples)
    ambient = gather_ambient(light, shadows, points.position, points.surface, points.normal, _WRAP)
    key = gather_key(light, shadows, points.position, points.surface)
    colour = np.empty_like(samples.albedo)
    _shade(
        samples.position,
        samples.normal,
        samples.albedo,
        samples.cavity,
        samples.material,
        material_table(),
        samples.eye,
        points.of_sample,
        ambient,
        key,
        light.key_direction.astype(np.float32),
        light.key_colour.astype(np.float32),
        np.float32(light.key_softness),
        (light.colours.sum(0) / 4).astype(np.float32),
        colour,
    )
    return colour


@dataclass(frozen=True, eq=False)
class _Points:
    """Where light is gathered: once for a pixel whose four samples lie on one smooth piece of surface.

    Attributes:
        of_sample: int32 [S], the point of each sample.
        position: float32 [P, 3], mean of its samples, as are the others.
        surface: float32 [P, 3].
        normal: float32 [P, 3].
    """

    of_sample: np.ndarray
    position: np.ndarray
    surface: np.ndarray
    normal: np.ndarray


def _gather_points(samples: Samples) -> _Points:
    count = len(samples.row)
    of_sample = np.empty(count, np.int32)
    position, surface, normal = (np.empty((count, 3), np.float32) for _ in range(3))
    used = _merge(
        samples.row,
        samples.column,
        samples.material,
        samples.position,
        samples.surface,
        samples.normal,
        of_sample,
        position,
        surface,
        normal,
    )
    return _Points(of_sample, position[:used], surface[:used], normal[:used])


@njit(cache=True, nogil=True, error_model="numpy")
def _merge(  # type: ignore[no-untyped-def]
    row,
    column,
    material,
    position,
    surface,
    normal,
    of_sample,
    mean_position,
    mean_surface,
    mean_normal,
):
    """Merge the samples of pixels where they agree; return how many points there are."""
    if len(row) == 0:
        return 0
    width = column.max() // 2 + 1
    block = np.full((width, 4), -1, np.int64)  # samples of each pixel of a row
    used, first = 0, 0
    quarter = np.float32(0.25)
    while first < len(row):
        pixel_row = row[first] >> 1
        end = first
        while end < len(row) and row[end] >> 1 == pixel_row:
            block[column[end] >> 1, 2 * (row[end] & 1) + (column[end] & 1)] = end
            end += 1
        for m in range(first, end):
            x = column[m] >> 1
            a, b, c, d = block[x, 0], block[x, 1], block[x, 2], block[x, 3]
            if a < 0 and b < 0 and c < 0 and d < 0:
                continue  # done with an earlier sample of the pixel
            alike = a >= 0 and b >= 0 and c >= 0 and d >= 0
            if alike:
                alike = (
                    material[a] == material[b] and material[a] == material[c] and material[a] == material[d]
                )
                for k in (b, c, d):
                    dot = (
                        surface[a, 0] * surface[k, 0]
                        + surface[a, 1] * surface[k, 1]
                        + surface[a, 2] * surface[k, 2]
                    )
                    dx, dy = position[a, 0] - position[k, 0], position[a, 1] - position[k, 1]
                    dz = position[a, 2] - position[k, 2]
                    alike = alike and dot > 0.9 and dx * dx + dy * dy + dz * dz < 1e-4
            if alike:
                for q in range(3):
                    mean_position[used, q] = (
                        (position[a, q] + position[b, q]) + (position[c, q] + position[d, q])
                    ) * quarter
                    mean_surface[used, q] = (
                        (surface[a, q] + surface[b, q]) + (surface[c, q] + surface[d, q])
                    ) * quarter
                    mean_normal[used, q] = (
                        (normal[a, q] + normal[b, q]) + (normal[c, q] + normal[d, q])
                    ) * quarter
                for k in (a, b, c, d):
                    of_sample[k] = used
                used += 1
            else:
                for k in (a, b, c, d):
                    if k >= 0:
                        of_sample[k] = used
                        for q in range(3):
                            mean_position[used, q] = position[k, q]
                            mean_surface[used, q] = surface[k, q]
                            mean_normal[used, q] = normal[k, q]
                        used += 1
            block[x, 0] = block[x, 1] = block[x, 2] = block[x, 3] = -1
        first = end
    return used


@njit(cache=True, nogil=True, error_model="numpy")
def _shade(  # type: ignore[no-untyped-def]
    position,
    normal,
    albedo,
    cavity,
    material,
    table,
    eye,
    of_sample,
    ambient,
    key,
    direction,
    key_colour,
    softness,
    mean,
    colour,
):
    """Albedo times what arrives, a little of what neighbours throw back, and what the surface mirrors."""
    one, zero = np.float32(1.0), np.float32(0.0)
    bounced = np.float32(0.10)
    for s in range(len(normal)):
        mirror, sharp = table[material[s], 0], table[material[s], 1]
        red_wrap, scatter = table[material[s], 2], table[material[s], 3]
        nx, ny, nz = normal[s, 0], normal[s, 1], normal[s, 2]
        vx, vy, vz = eye[0] - position[s, 0], eye[1] - position[s, 1], eye[2] - position[s, 2]
        scale = one / max(np.sqrt(vx * vx + vy * vy + vz * vz), np.float32(1e-9))
        vx, vy, vz = vx * scale, vy * scale, vz * scale
        cosine = nx * direction[0] + ny * direction[1] + nz * direction[2]
        facing = min(max(nx * vx + ny * vy + nz * vz, zero), one)
        grazing = (one - facing) * (one - facing)
        fresnel = mirror * (one + np.float32(9.0) * grazing * grazing * (one - facing))
        hx, hy, hz = vx + direction[0], vy + direction[1], vz + direction[2]
        scale = one / max(np.sqrt(hx * hx + hy * hy + hz * hz), np.float32(1e-9))
        half = max((nx * hx + ny * hy + nz * hz) * scale, zero)
        # A broad light widens the highlight.
        exponent = one / (one / sharp + np.float32(0.25) * softness * softness)
        glint = (
            fresnel * (exponent + np.float32(8.0)) * np.float32(0.125) * half**exponent * max(cosine, zero)
        )
        at = of_sample[s]
        lit = key[at]
        for c in range(3):
            wrap = red_wrap / np.float32(c + 1)
            # Light that wanders under the skin fills the rim of a shadow, red most.
            through = lit + wrap * lit * (one - lit)
            lambert = max((cosine + wrap) / (one + wrap), zero) * through
            arriving = (ambient[at, c] + lambert * key_colour[c]) * cavity[s]
            a = albedo[s, c]
            value = a * (arriving + (bounced * a + scatter) * mean[c])
            value += (glint * lit * key_colour[c] + fresnel * ambient[at, c]) * cavity[s]
            colour[s, c] = value


def filter_samples(samples: Samples, colour: np.ndarray, width: int, height: int) -> Picture:
    """Average samples to pixels with a tent two pixels wide."""
    result = np.zeros((height, width, 3), np.float32)
    coverage = np.zeros((height, width), np.float32)
    _splat(samples.row, samples.column, colour, result, coverage)
    return Picture(result, coverage)


@njit(cache=True, nogil=True)
def _splat(row, column, colour, result, coverage):  # type: ignore[no-untyped-def]
    """Add each sample to the 2 x 2 pixels that it lies between: weights 3/8 and 1/8 each way."""
    near, far = np.float32(0.375), np.float32(0.125)
    height, width = coverage.shape
    for s in range(len(row)):
        y, x = row[s] >> 1, column[s] >> 1
        other_y, other_x = y + 2 * (row[s] & 1) - 1, x + 2 * (column[s] & 1) - 1
        for dy in range(2):
            at_y = other_y if dy else y
            if at_y < 0 or at_y >= height:
                at_y = y
            for dx in range(2):
                at_x = other_x if dx else x
                if at_x < 0 or at_x >= width:
                    at_x = x
                w = (far if dy else near) * (far if dx else near)
                coverage[at_y, at_x] += w
                for c in range(3):
                    result[at_y, at_x, c] += w * colour[s, c]


def open_rasterizer(mesh: PersonMesh, width: int, height: int, cameras: int) -> Rasterizer:
    """Return a rasterizer for pictures of a person, four samples a pixel."""
    return Rasterizer(mesh.faces, len(mesh.vertices), width, height, cameras=cameras, samples=4)
