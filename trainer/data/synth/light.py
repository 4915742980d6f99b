"""Light around a person: one key light and many dim ones, each from its own direction, with shadows.

Surroundings are a few dozen distant lights spread over the sphere; each throws a shadow by a depth map, so
hollows, armpits and the inside of a hood darken by themselves and take the colour of what they still see.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

AMBIENT_LIGHTS = 40
_AMBIENT_TEXELS = 384
_KEY_TEXELS = 1280


@dataclass(frozen=True, eq=False)
class Light:
    """Where light comes from; linear RGB.

    Attributes:
        key_direction: float64 [3], unit, towards the key light.
        key_colour: float64 [3], irradiance of a surface that faces it.
        key_softness: tangent of the angle that the key light's radius takes: 0.005 sun, 0.3 large soft box.
        directions: float64 [L, 3], unit, towards the dim lights.
        colours: float64 [L, 3], irradiance of a surface that faces each.
    """

    key_direction: np.ndarray
    key_colour: np.ndarray
    key_softness: float
    directions: np.ndarray
    colours: np.ndarray


def sphere_directions(count: int) -> np.ndarray:
    """Return evenly spread directions float64 [count, 3] (Fibonacci)."""
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    height = 1 - (2 * np.arange(count) + 1) / count
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.sin(turn), height, radius * np.cos(turn)], 1)


def unit(vector: np.ndarray) -> np.ndarray:
    """Scale a vector [3] to length 1."""
    return vector / np.sqrt((vector * vector).sum())


@dataclass(frozen=True, eq=False)
class ShadowMap:
    """How near to a distant light the nearest surface is.

    Attributes:
        axes: float64 [3, 3], rows right, up and towards the light.
        centre: float64 [3], metres, in the middle of the map.
        scale: map texels per metre.
        height: float32 [S, S], metres towards the light from `centre`; -inf where nothing is.
    """

    axes: np.ndarray
    centre: np.ndarray
    scale: float
    height: np.ndarray


@dataclass(frozen=True, eq=False)
class Shadows:
    """The shadow maps of a light around one posed person: of the key light, and of each dim one."""

    key: ShadowMap
    ambient: tuple[ShadowMap, ...]


def cast_shadows(light: Light, vertices: np.ndarray, faces: np.ndarray) -> Shadows:
    """Draw the shadow maps.

    Args:
        light: the light.
        vertices: float32 [n, 3], metres, world.
        faces: int32 [m, 3].
    """
    low, high = vertices.min(0).astype(np.float64), vertices.max(0).astype(np.float64)
    centre = (low + high) / 2
    offset = vertices - centre
    reach = float(np.sqrt((offset * offset).sum(1).max())) + 0.01
    return Shadows(
        _draw_map(light.key_direction, vertices, faces, centre, reach, _KEY_TEXELS),
        tuple(
            _draw_map(direction, vertices, faces, centre, reach, _AMBIENT_TEXELS)
            for direction in light.directions
        ),
    )


def _draw_map(
    direction: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    centre: np.ndarray,
    reach: float,
    size: int,
) -> ShadowMap:
    upright = np.array([0.0, 0.0, 1.0]) if abs(direction[1]) > 0.9 else np.array([0.0, 1.0, 0.0])
    right = unit(np.cross(upright, direction))
    axes = np.stack([right, np.cross(direction, right), direction])
    scale = (size / 2 - 2) / reach
    height = np.full((size, size), -np.inf, np.float32)
    seen = np.empty((len(vertices), 3), np.float32)
    _look(vertices, axes, centre, scale, size, seen)
    _fill(seen, faces, height)
    return ShadowMap(axes, centre, scale, height)


@njit(cache=True, nogil=True)
def _look(vertices, axes, centre, scale, size, seen):  # type: ignore[no-untyped-def]
    """Vertices [n, 3] => column, row (texels) and height (metres) in a map."""
    for v in range(len(vertices)):
        x, y, z = vertices[v, 0] - centre[0], vertices[v, 1] - centre[1], vertices[v, 2] - centre[2]
        seen[v, 0] = (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z) * scale + 0.5 * size
        seen[v, 1] = (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z) * scale + 0.5 * size
        seen[v, 2] = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(seen, faces, height):  # type: ignore[no-untyped-def]
    """Draw the highest surface at each texel's centre."""
    size = height.shape[0]
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = seen[i, 0] - 0.5, seen[i, 1] - 0.5, seen[i, 2]
        bx, by, bz = seen[j, 0] - 0.5, seen[j, 1] - 0.5, seen[j, 2]
        cx, cy, cz = seen[k, 0] - 0.5, seen[k, 1] - 0.5, seen[k, 2]
        first_row = max(0, int(np.ceil(min(ay, by, cy))))
        last_row = min(size - 1, int(np.floor(max(ay, by, cy))))
        if first_row > last_row:
            continue
        first_column = max(0, int(np.ceil(min(ax, bx, cx))))
        last_column = min(size - 1, int(np.floor(max(ax, bx, cx))))
        if first_column > last_column:
            continue
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-7:
            continue
        per_area = 1.0 / area
        for y in range(first_row, last_row + 1):
            for x in range(first_column, last_column + 1):
                wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) * per_area
                wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) * per_area
                if wb < -1e-4 or wc < -1e-4 or wb + wc > 1.0001:
                    continue
                h = az + wb * (bz - az) + wc * (cz - az)
                height[y, x] = max(height[y, x], np.float32(h))


def gather_ambient(
    light: Light,
    shadows: Shadows,
    position: np.ndarray,
    surface: np.ndarray,
    normal: np.ndarray,
    wrap: float,
) -> np.ndarray:
    """Return the irradiance from the dim lights, float32 [S, 3], linear RGB.

    Args:
        light: the light.
        shadows: its maps.
        position: float32 [S, 3], metres, world.
        surface: float32 [S, 3], unit, the smooth normal, which keeps a surface from its own shadow.
        normal: float32 [S, 3], unit, with folds and weave.
        wrap: how far light reaches round the terminator (0 = Lambert).
    """
    result = np.zeros((len(position), 3), np.float32)
    for direction, colour, shadow in zip(light.directions, light.colours, shadows.ambient, strict=True):
        _add_light(
            position,
            surface,
            normal,
            np.asarray(direction, np.float32),
            np.asarray(colour, np.float32),
            np.float32(wrap),
            shadow.axes.astype(np.float32),
            shadow.centre.astype(np.float32),
            np.float32(shadow.scale),
            shadow.height,
            result,
        )
    return result


@njit(cache=True, nogil=True, error_model="numpy")
def _add_light(  # type: ignore[no-untyped-def]
    position, surface, normal, direction, colour, wrap, axes, centre, scale, height, result
):
    """Add one dim light, as far as the 2 x 2 texels around a point let it through."""
    size = height.shape[0]
    one, zero, half = np.float32(1.0), np.float32(0.0), np.float32(0.5)
    texel = one / scale
    middle = np.float32(size) * half - half
    slack, per_ramp = np.float32(0.0015), one / (np.float32(0.5) * texel)
    dx, dy, dz = direction[0], direction[1], direction[2]
    for s in range(len(position)):
        cosine = normal[s, 0] * dx + normal[s, 1] * dy + normal[s, 2] * dz
        lambert = (cosine + wrap) / (one + wrap)
        if lambert <= zero:
            continue
        facing = surface[s, 0] * dx + surface[s, 1] * dy + surface[s, 2] * dz
        sine = np.sqrt(max(one - facing * facing, zero))
        lift = texel * (np.float32(0.35) + np.float32(0.9) * sine)
        px = position[s, 0] + lift * surface[s, 0] - centre[0]
        py = position[s, 1] + lift * surface[s, 1] - centre[1]
        pz = position[s, 2] + lift * surface[s, 2] - centre[2]
        x = (px * axes[0, 0] + py * axes[0, 1] + pz * axes[0, 2]) * scale + middle
        y = (px * axes[1, 0] + py * axes[1, 1] + pz * axes[1, 2]) * scale + middle
        h = px * axes[2, 0] + py * axes[2, 1] + pz * axes[2, 2] + slack
        if x < zero or y < zero or x >= size - 1 or y >= size - 1:
            lit = one
        else:
            c, r = int(x), int(y)
            fx, fy = x - np.float32(c), y - np.float32(r)
            v00 = min(max((height[r, c] - h) * per_ramp, zero), one)
            v01 = min(max((height[r, c + 1] - h) * per_ramp, zero), one)
            v10 = min(max((height[r + 1, c] - h) * per_ramp, zero), one)
            v11 = min(max((height[r + 1, c + 1] - h) * per_ramp, zero), one)
            top = v00 + fx * (v01 - v00)
            bottom = v10 + fx * (v11 - v10)
            lit = one - (top + fy * (bottom - top))
        share = lambert * lit
        result[s, 0] += share * colour[0]
        result[s, 1] += share * colour[1]
        result[s, 2] += share * colour[2]


_TAPS = np.array(
    [
        (np.sqrt((k + 0.5) / 16) * np.cos(2.399963 * k), np.sqrt((k + 0.5) / 16) * np.sin(2.399963 * k))
        for k in range(16)
    ],
    np.float32,
)  # a disc, evenly


def gather_key(light: Light, shadows: Shadows, position: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Return which share of the key light reaches points, float32 [S] in [0, 1].

    Soft: the penumbra grows with the way from what throws the shadow (Fernando 2005).

    Args:
        light: the light.
        shadows: its maps.
        position: float32 [S, 3], metres, world.
        surface: float32 [S, 3], unit, the smooth normal.
    """
    lit = np.ones(len(position), np.float32)
    shadow = shadows.key
    _key_share(
        position,
        surface,
        shadow.axes.astype(np.float32),
        shadow.centre.astype(np.float32),
        np.float32(shadow.scale),
        np.float32(light.key_softness),
        shadow.height,
        _TAPS,
        lit,
    )
    return lit


@njit(cache=True, nogil=True, error_model="numpy")
def _key_share(position, surface, axes, centre, scale, softness, height, taps, lit):  # type: ignore[no-untyped-def]
    """Fill lit [S]: look for what stands in the way, then filter over as much as it blurs."""
    size = height.shape[0]
    one, zero, half = np.float32(1.0), np.float32(0.0), np.float32(0.5)
    texel = one / scale
    middle = np.float32(size) * half - half
    for s in range(len(position)):
        nx, ny, nz = surface[s, 0], surface[s, 1], surface[s, 2]
        facing = nx * axes[2, 0] + ny * axes[2, 1] + nz * axes[2, 2]
        sine = np.sqrt(max(one - facing * facing, zero))
        lift = np.float32(0.0015) + texel * (half + sine)
        px = position[s, 0] + lift * nx - centre[0]
        py = position[s, 1] + lift * ny - centre[1]
        pz = position[s, 2] + lift * nz - centre[2]
        x = (px * axes[0, 0] + py * axes[0, 1] + pz * axes[0, 2]) * scale + middle
        y = (px * axes[1, 0] + py * axes[1, 1] + pz * axes[1, 2]) * scale + middle
        h = px * axes[2, 0] + py * axes[2, 1] + pz * axes[2, 2]
        # A tilted surface rises across the filter: a cone, not a plane, keeps clear of it.
        slope = min(sine / max(abs(facing), np.float32(0.25)), np.float32(3.0))
        search = min(max(np.float32(0.06) * softness * scale, np.float32(1.5)), np.float32(24.0))
        above, count = zero, zero
        for k in range(len(taps)):
            c, r = int(x + search * taps[k, 0] + half), int(y + search * taps[k, 1] + half)
            if c < 0 or r < 0 or c >= size or r >= size:
                continue
            radius = search * np.sqrt(taps[k, 0] * taps[k, 0] + taps[k, 1] * taps[k, 1]) * texel
            gap = height[r, c] - h - np.float32(0.6) * slope * radius
            if gap > zero:
                above += gap
                count += one
        if count == zero:
            continue
        blur = min(max(above / count * softness * scale, np.float32(1.0)), np.float32(40.0))
        passed = zero
        for k in range(len(taps)):
            fx, fy = x + blur * taps[k, 0], y + blur * taps[k, 1]
            c, r = int(np.floor(fx)), int(np.floor(fy))
            if c < 0 or r < 0 or c >= size - 1 or r >= size - 1:
                passed += one
                continue
            radius = blur * np.sqrt(taps[k, 0] * taps[k, 0] + taps[k, 1] * taps[k, 1]) * texel
            level = h + np.float32(0.6) * slope * radius
            fx, fy = fx - np.float32(c), fy - np.float32(r)
            a = zero if height[r, c] > level else one
            b = zero if height[r, c + 1] > level else one
            d = zero if height[r + 1, c] > level else one
            e = zero if height[r + 1, c + 1] > level else one
            passed += (a + fx * (b - a)) * (one - fy) + (d + fx * (e - d)) * fy
        lit[s] = passed / np.float32(len(taps))
