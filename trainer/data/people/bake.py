"""Paint a mesh's atlas: find the texels on its triangles, light them softly, fill the gutters.

Everything that is painted is a function of points on the surface, so that charts agree across their seams.
The light is baked: the `rgb` mode shows textures directly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class Texels:
    """The M texels of an atlas whose centres lie on (or within `reach` texels of) a triangle.

    Attributes:
        height: rows of the atlas.
        width: columns of the atlas.
        row: int32 [M].
        column: int32 [M].
        face: int32 [M], the triangle each texel lies on.
        barycentric: float64 [M, 3], clamped to the triangle for texels just outside it.
    """

    height: int
    width: int
    row: np.ndarray
    column: np.ndarray
    face: np.ndarray
    barycentric: np.ndarray

    def interpolate(self, faces: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Interpolate per-vertex `values` [V, ...] over `faces` [F, 3] at the texels: float64 [M, ...]."""
        corners = faces[self.face]
        weight = self.barycentric.reshape(len(self.face), 3, *([1] * (values.ndim - 1)))
        return sum(weight[:, k] * values[corners[:, k]] for k in range(3))

    def where(self, chosen: np.ndarray) -> Texels:
        """Keep the texels of which `chosen` bool [M] is true."""
        return Texels(
            self.height,
            self.width,
            self.row[chosen],
            self.column[chosen],
            self.face[chosen],
            self.barycentric[chosen],
        )


def find_texels(
    uv: np.ndarray, uv_faces: np.ndarray, *, height: int, width: int, reach: float = 1.5
) -> Texels:
    """Find the texels on each triangle.

    Args:
        uv: [T, 2] in [0, 1], v down.
        uv_faces: int [F, 3].
        height: rows of the atlas.
        width: columns of the atlas.
        reach: texels this far outside a triangle count too, where no triangle covers them: bilinear
            sampling at a chart's rim then reads painted texels.
    """
    face = np.full((height, width), -1, np.int32)
    weight = np.zeros((height, width, 3))
    miss = np.full((height, width), np.inf, np.float64)
    corners = uv[uv_faces].astype(np.float64) * (width, height) - 0.5
    _nearest_triangles(corners, float(reach), face, weight, miss)
    row, column = np.nonzero(face >= 0)
    return Texels(
        height, width, row.astype(np.int32), column.astype(np.int32), face[row, column], weight[row, column]
    )


@nb.njit(cache=True)
def _nearest_triangles(corners, reach, face, weight, miss):  # type: ignore[no-untyped-def]
    """Keep for each texel the triangle it misses least (0 = inside), and the nearest point's barycentrics."""
    height, width = face.shape
    for f in range(corners.shape[0]):
        a, b, c = corners[f, 0], corners[f, 1], corners[f, 2]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if abs(area) < 1e-12:
            continue
        first_column = max(0, int(np.ceil(min(a[0], b[0], c[0]) - reach)))
        last_column = min(width - 1, int(np.floor(max(a[0], b[0], c[0]) + reach)))
        first_row = max(0, int(np.ceil(min(a[1], b[1], c[1]) - reach)))
        last_row = min(height - 1, int(np.floor(max(a[1], b[1], c[1]) + reach)))
        for y in range(first_row, last_row + 1):
            for x in range(first_column, last_column + 1):
                wb = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
                wc = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
                wa = 1.0 - wb - wc
                if wa < 0 or wb < 0 or wc < 0:
                    wa, wb, wc = max(wa, 0.0), max(wb, 0.0), max(wc, 0.0)
                    total = wa + wb + wc
                    wa, wb, wc = wa / total, wb / total, wc / total
                dx = wa * a[0] + wb * b[0] + wc * c[0] - x
                dy = wa * a[1] + wb * b[1] + wc * c[1] - y
                distance = dx * dx + dy * dy
                if distance <= reach * reach and distance < miss[y, x]:
                    miss[y, x] = distance
                    face[y, x] = f
                    weight[y, x, 0], weight[y, x, 1], weight[y, x, 2] = wa, wb, wc


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return area-weighted unit normals, float64 [V, 3]."""
    corners = vertices[faces].astype(np.float64)
    face_normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((len(vertices), 3))
    for k in range(3):
        np.add.at(normals, faces[:, k], face_normal)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


@dataclass(frozen=True)
class Light:
    """One distant light. `direction` [3] points towards it (unit); `colour` [3] is linear RGB irradiance."""

    direction: np.ndarray
    colour: np.ndarray


def studio(count: int = 96) -> tuple[Light, ...]:
    """A soft studio: a broad key from the upper right front, a dim sky, a floor that bounces warmly.

    Scaled so that a white surface that faces the key without occluders has about unit radiance.
    """
    golden = np.pi * (3 - np.sqrt(5))
    height = 1 - (2 * np.arange(count) + 1) / count
    radius = np.sqrt(1 - height**2)
    directions = np.stack(
        [radius * np.sin(golden * np.arange(count)), height, radius * np.cos(golden * np.arange(count))], 1
    )
    up, left = directions[:, 1], directions[:, 0]
    sky = 0.30 + 0.35 * np.clip(up, 0, 1) - 0.10 * np.clip(-up, 0, 1)
    key = 1.9 * np.clip(directions @ _unit(np.array([-0.45, 0.60, 0.66])), 0, 1) ** 6
    rim = 0.7 * np.clip(directions @ _unit(np.array([0.7, 0.45, -0.55])), 0, 1) ** 6
    tint = (
        1
        + left[:, None] * np.array([-0.04, 0.0, 0.05])
        + np.clip(-up, 0, 1)[:, None] * np.array([0.10, 0.0, -0.10])
    )
    colours = (sky + key + rim)[:, None] * tint
    facing = np.clip(directions @ _unit(np.array([-0.45, 0.60, 0.66])), 0, None) @ colours
    return tuple(Light(d, c) for d, c in zip(directions, colours * (1.05 / facing.mean()), strict=True))


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def irradiance(
    points: np.ndarray,
    normals: np.ndarray,
    occluder_vertices: np.ndarray,
    occluder_faces: np.ndarray,
    lights: tuple[Light, ...],
    *,
    resolution: int = 1400,
    bias: float = 0.0035,
    wrap: float = 0.15,
) -> np.ndarray:
    """Light that reaches each point past the occluders, by one depth map a light.

    Args:
        points: [M, 3], metres.
        normals: [M, 3], unit; may be perturbed by folds.
        occluder_vertices: [V, 3], metres.
        occluder_faces: int [F, 3].
        lights: distant lights.
        resolution: side of a depth map, pixels.
        bias: metres a point must lie behind the nearest surface to be in its shadow.
        wrap: how far light reaches round the terminator (0 = Lambert), a cheap stand-in for scattering.

    Returns:
        float64 [M, 3], linear RGB; multiply it with the albedo.
    """
    result = np.zeros((len(points), 3))
    centre = (occluder_vertices.min(0) + occluder_vertices.max(0)) / 2
    reach = np.linalg.norm(occluder_vertices - centre, axis=1).max() * 1.01
    scale = (resolution / 2 - 2) / reach
    depth = np.empty((resolution, resolution), np.float32)
    points, normals = np.ascontiguousarray(points - centre), np.ascontiguousarray(normals)
    for light in lights:
        upright = [0.0, 0.0, 1.0] if abs(light.direction[1]) > 0.9 else [0.0, 1.0, 0.0]
        side = _unit(np.cross(light.direction, upright))
        axes = np.stack([side, np.cross(light.direction, side), light.direction])
        occluders = (occluder_vertices - centre) @ axes.T
        occluders[:, :2] = occluders[:, :2] * scale + resolution / 2  # metres => map pixels
        depth.fill(-np.inf)
        _nearest_surface(occluders, occluder_faces, depth)
        _gather(points, normals, axes, scale, light.colour, depth, bias, wrap, result)
    return result


@nb.njit(cache=True)
def _nearest_surface(vertices, faces, depth):  # type: ignore[no-untyped-def]
    """Draw an orthographic map of the height towards the light; larger is nearer to it."""
    size = depth.shape[0]
    for f in range(faces.shape[0]):
        a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if abs(area) < 1e-9:
            continue
        for y in range(max(0, int(min(a[1], b[1], c[1]))), min(size - 1, int(max(a[1], b[1], c[1])) + 1) + 1):
            for x in range(
                max(0, int(min(a[0], b[0], c[0]))), min(size - 1, int(max(a[0], b[0], c[0])) + 1) + 1
            ):
                wb = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
                wc = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
                if wb < -1e-4 or wc < -1e-4 or wb + wc > 1.0001:
                    continue
                height = a[2] + wb * (b[2] - a[2]) + wc * (c[2] - a[2])
                if height > depth[y, x]:
                    depth[y, x] = height


@nb.njit(cache=True, parallel=True)
def _gather(points, normals, axes, scale, colour, depth, bias, wrap, result):  # type: ignore[no-untyped-def]
    """Add one light where at least part of the 2 x 2 map pixels around a point let it through."""
    size = depth.shape[0]
    sx, sy, sz = axes[0]
    ux, uy, uz = axes[1]
    lx, ly, lz = axes[2]
    for i in nb.prange(points.shape[0]):
        cosine = normals[i, 0] * lx + normals[i, 1] * ly + normals[i, 2] * lz
        lambert = (cosine + wrap) / (1.0 + wrap)
        if lambert <= 0.0:
            continue
        px, py, pz = points[i]
        x = (px * sx + py * sy + pz * sz) * scale + size / 2
        y = (px * ux + py * uy + pz * uz) * scale + size / 2
        height = px * lx + py * ly + pz * lz
        x0 = min(max(int(np.floor(x)), 0), size - 2)
        y0 = min(max(int(np.floor(y)), 0), size - 2)
        fx, fy = x - x0, y - y0
        # A slanted surface passes through many depths within a map pixel: the bias grows with the slant.
        slack = bias * (1.0 + 1.5 * (1.0 - max(cosine, 0.0)))
        lit = 0.0
        for dy in range(2):
            for dx in range(2):
                weight = (fx if dx else 1.0 - fx) * (fy if dy else 1.0 - fy)
                hidden = (depth[y0 + dy, x0 + dx] - height - slack) / slack
                lit += weight * (1.0 - min(max(hidden, 0.0), 1.0))
        for k in range(3):
            result[i, k] += lambert * lit * colour[k]


def to_image(texels: Texels, linear: np.ndarray, *, background: np.ndarray | None = None) -> np.ndarray:
    """Write linear RGB [M, 3] into an sRGB uint8 [H, W, 3] atlas and grow the charts into the gutters.

    Gutters fade to `background` (linear RGB [3], the mean colour when None), so that coarse mip levels hold
    no foreign colour and the file stays small.
    """
    mean = linear.mean(0) if background is None else background
    image = np.broadcast_to(mean, (texels.height, texels.width, 3)).copy()
    filled = np.zeros((texels.height, texels.width), bool)
    image[texels.row, texels.column] = linear
    filled[texels.row, texels.column] = True
    distance, nearest = ndimage.distance_transform_edt(~filled, return_indices=True)
    grown = image[nearest[0], nearest[1]]
    fade = np.clip((distance - 8) / 8, 0, 1)[..., None]
    return encode_srgb(np.where(filled[..., None], image, grown * (1 - fade) + mean * fade))


def encode_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear RGB in [0, 1] => sRGB uint8, rounded, clipped."""
    linear = np.clip(linear, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(encoded * 255).astype(np.uint8)


def decode_srgb(srgb: np.ndarray | tuple[float, float, float] | str) -> np.ndarray:
    """Convert sRGB (uint8, or floats in [0, 1], or "#rrggbb") => linear RGB float64."""
    if isinstance(srgb, str):
        srgb = np.array([int(srgb[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
    values = np.asarray(srgb)
    scaled = values / 255.0 if values.dtype == np.uint8 else values.astype(np.float64)
    return np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4)
