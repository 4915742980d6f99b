"""Low sneakers: a loft over the foot's own measures, a sole under it, laces, stripes and stitching."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from dinar.trainer.data.people.bake import decode_srgb
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.noise import fbm_gradient, noise3
from dinar.trainer.data.people.part import Paint, Painter, Part, SurfacePoints

_SECTIONS = 26  # from heel to toe
_RING = 17  # from the sole's left edge over the foot to its right edge
_SOLE_HEEL, _SOLE_TOE = 0.026, 0.018  # metres
_LEATHER = decode_srgb("#d8d4ca")
_RUBBER = decode_srgb("#cfc9ba")
_ACCENT = decode_srgb("#2f5d6b")
_SOCK = decode_srgb("#3a3f47")
_LACE = decode_srgb("#e8e4da")


@dataclass(frozen=True)
class _Foot:
    """One foot's measures in its own frame: along (heel to toe), side (outwards), up; metres."""

    origin: np.ndarray  # [3], on the ground, at the back of the heel
    axes: np.ndarray  # [3, 3], rows along, side, up; T-pose world
    length: float
    t: np.ndarray  # [S] in [0, 1]
    left: np.ndarray  # [S], smallest side
    right: np.ndarray  # [S], largest side
    top: np.ndarray  # [S], height of the upper
    ball: float  # t of the toe joint


def make_sneaker(form: DressForm, *, right: bool) -> Part:
    """Build one shoe around a foot of the body."""
    foot = _measure(form, right)
    local, faces, place = _loft(foot)
    vertices = foot.origin + local @ foot.axes
    if np.linalg.det(foot.axes) > 0:  # the frame of the other foot is mirrored, and with it the winding
        faces = faces[:, ::-1]
    ankle, toe = (8, 11) if right else (7, 10)
    bend = np.clip((local[:, 0] / foot.length - foot.ball + 0.06) / 0.14, 0, 1)
    weights = np.zeros((len(vertices), 55))
    weights[:, toe] = bend * bend * (3 - 2 * bend)
    weights[:, ankle] = 1 - weights[:, toe]
    untied = np.zeros((len(vertices), 3), np.int32)
    hides = (form.body.weights[:, [ankle, toe]].sum(1) > 0.5) & (form.rest[:, 1] - foot.origin[1] < 0.072)
    painter = _Painter(faces, np.column_stack([local[:, 0] / foot.length, local[:, 1:], place]))
    name = "right sneaker" if right else "left sneaker"
    no_share = np.zeros((len(vertices), 3))
    return Part(name, vertices, faces.astype(np.int32), weights, untied, no_share, painter, hides=hides)


def with_socks(painter: Painter, form: DressForm) -> Painter:
    """Knit socks over a body's own paint, from the toes to above the ankles."""
    return _Socks(painter, form.rest[:, 1].min() + 0.16)


@dataclass(frozen=True)
class _Socks:
    skin: Painter
    top: float

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint the skin, and the socks over it."""
        paint = self.skin(points)
        sock = (points.position[:, 1] < self.top)[:, None]
        knit = 1 + 0.10 * np.cos(points.position @ np.array([1500.0, 900.0, 1500.0]))
        return Paint(np.where(sock, _SOCK * knit[:, None], paint.albedo), paint.normal, paint.cavity)


def _measure(form: DressForm, right: bool) -> _Foot:
    ankle, toe = (form.joints[8], form.joints[11]) if right else (form.joints[7], form.joints[10])
    own = form.body.weights[:, [8, 11] if right else [7, 10]].sum(1) > 0.5
    points = form.rest[own]
    along = (toe - ankle) * np.array([1.0, 0.0, 1.0])
    along /= np.linalg.norm(along)
    side = np.cross([0.0, 1.0, 0.0], along) * (-1 if right else 1)
    axes = np.stack([along, side, [0.0, 1.0, 0.0]])
    ground = form.rest[:, 1].min()
    origin = np.array([ankle[0], ground, ankle[2]])
    local = (points - origin) @ axes.T
    back, front = local[:, 0].min() - 0.007, local[:, 0].max() + 0.013
    origin = origin + axes[0] * back
    local[:, 0] -= back
    length = front - back
    t = 0.5 - 0.5 * np.cos(np.pi * np.linspace(0, 1, _SECTIONS))
    left, right_, top = _profiles(local, t, length)
    return _Foot(origin, axes, length, t, left, right_, top, ((toe - origin) @ axes[0]) / length)


def _profiles(local: np.ndarray, t: np.ndarray, length: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left and right edge and top of the foot along it, smoothed, with the shoe's rounded ends."""
    grid = np.linspace(0, 1, 60)
    low, high, top = np.empty(60), np.empty(60), np.empty(60)
    foot_only = local[local[:, 2] < 0.112]
    for k, s in enumerate(grid):
        slab = foot_only[np.abs(foot_only[:, 0] - np.clip(s * length, 0.012, length - 0.02)) < 0.010]
        low[k], high[k], top[k] = slab[:, 1].min(), slab[:, 1].max(), slab[:, 2].max()
    low, high, top = (gaussian_filter1d(v, 4, mode="nearest") for v in (low, high, top))
    # The upper rises from the toe box over the instep to the collar round the ankle.
    collar = 0.066 - 0.006 * np.exp(-(((grid - 0.28) / 0.16) ** 2))
    slope = np.clip((grid - 0.36) / 0.30, 0, 1)
    upper = np.where(
        grid < 0.36, collar, np.maximum(collar * (1 - slope) + slope * (top + 0.007), top + 0.006)
    )
    upper = gaussian_filter1d(upper, 2, mode="nearest")
    ends = (1 - np.clip((0.16 - grid) / 0.16, 0, 1) ** 2.6) * (1 - np.clip((grid - 0.72) / 0.28, 0, 1) ** 2.8)
    middle = (low + high) / 2
    half = (high - low) / 2 + 0.006
    half = half * np.maximum(ends, 0.0) ** 0.5
    toe_cap = np.clip((grid - 0.80) / 0.20, 0, 1)
    upper = upper * (1 - 0.38 * toe_cap**2)
    return (np.interp(t, grid, middle - half), np.interp(t, grid, middle + half), np.interp(t, grid, upper))


def _loft(foot: _Foot) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices in the foot's frame, faces, and where on the shoe each vertex is (0 upper to 1 sole)."""
    upper, upper_faces = _upper(foot)
    sole, sole_faces = _sole(foot)
    faces = np.concatenate([upper_faces, sole_faces + len(upper)])
    place = np.concatenate([np.zeros(len(upper)), np.ones(len(sole))])
    return np.concatenate([upper, sole]), faces, place


def _sole_height(t: np.ndarray) -> np.ndarray:
    """Top of the sole above the ground, metres; the toe springs up a little."""
    return (
        -0.016
        + _SOLE_HEEL
        + (_SOLE_TOE - _SOLE_HEEL) * np.clip(t / 0.7, 0, 1)
        + 0.012 * np.clip((t - 0.75) / 0.25, 0, 1) ** 2
    )


def _upper(foot: _Foot) -> tuple[np.ndarray, np.ndarray]:
    angle = np.linspace(0, np.pi, _RING)
    rows = []
    for t, left, right, top in zip(foot.t, foot.left, foot.right, foot.top, strict=True):
        base = _sole_height(np.array(t)) - 0.004
        middle, half = (left + right) / 2, (right - left) / 2
        # A heel is upright, an instep is a round arch.
        narrow = 1 - 0.30 * np.clip(1 - t / 0.45, 0, 1) * np.sin(angle)
        side = middle - half * narrow * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.80
        up = base + (top - base) * np.sin(angle) ** (0.80 - 0.15 * (1 - t))
        lean = -0.006 * np.clip(1 - t / 0.15, 0, 1) * np.sin(angle)
        rows.append(np.stack([np.full(_RING, t * foot.length) + lean, side, up], 1))
    vertices = np.concatenate(rows)
    return vertices, _grid_faces(_SECTIONS, _RING, closed=False)


def _sole(foot: _Foot) -> tuple[np.ndarray, np.ndarray]:
    """A wall around the outline and a flat bottom."""
    along = np.concatenate([foot.t, foot.t[::-1]])
    side = np.concatenate([foot.left, foot.right[::-1]])
    middle = np.concatenate([(foot.left + foot.right) / 2, ((foot.left + foot.right) / 2)[::-1]])
    direction = np.stack([np.gradient(side), -np.gradient(along * foot.length)], 1)
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    outward = np.sign(np.einsum("na,na->n", direction, np.stack([along - 0.5, side - middle], 1)) + 1e-12)
    direction *= outward[:, None]
    top = _sole_height(along)
    bottom = -0.016 + 0.010 * np.clip((along - 0.75) / 0.25, 0, 1) ** 2
    rings = []
    for height, flare in (
        (top + 0.003, 0.001),
        (top, 0.0035),
        (0.5 * top + 0.5 * bottom, 0.0050),
        (bottom + 0.003, 0.004),
        (bottom, 0.001),
    ):
        rings.append(
            np.stack(
                [along * foot.length + direction[:, 0] * flare, side + direction[:, 1] * flare, height], 1
            )
        )
    count = len(along)
    vertices = np.concatenate(rings)
    walls = _grid_faces(len(rings), count, closed=True)
    last = (len(rings) - 1) * count
    k = np.arange(_SECTIONS - 1)
    a, b, c, d = last + k, last + k + 1, last + count - 1 - k, last + count - 2 - k
    bottom_faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    return vertices, np.concatenate([walls, bottom_faces])


def _grid_faces(rows: int, columns: int, *, closed: bool) -> np.ndarray:
    """Triangles of a grid of vertices; `closed` joins the last column to the first."""
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    a = (r * columns + c).ravel()
    b = (r * columns + (c + 1) % columns).ravel()
    return np.concatenate([np.stack([a, b, a + columns], 1), np.stack([b, b + columns, a + columns], 1)])


@dataclass(frozen=True)
class _Painter:
    faces: np.ndarray
    place: np.ndarray  # [n, 4]: t, side, up, 0 upper .. 1 sole

    def __call__(self, points: SurfacePoints) -> Paint:
        """Paint leather, rubber, laces, a side stripe and stitching."""
        t, side, up, sole = ((self.place[self.faces[points.face]] * points.barycentric[..., None]).sum(1)).T
        albedo = np.where((sole > 0.5)[:, None], _RUBBER, _LEATHER)
        crease = np.zeros(len(t))
        upper = sole < 0.5
        stripe = upper & (np.abs(t - 0.50 + (up - 0.05) * 1.8) < 0.035) & (np.abs(side) > 0.018) & (up > 0.02)
        tab = upper & (t < 0.055) & (up > 0.036)
        foxing = (sole > 0.5) & (np.abs(up + 0.002) < 0.0016)
        albedo = np.where((stripe | tab | foxing)[:, None], _ACCENT, albedo)
        edges = [
            np.abs(np.abs(t - 0.50 + (up - 0.05) * 1.8) - 0.040),
            np.abs(t - 0.80 - 2.2 * side**2 / 0.05),
            np.abs(t - 0.10 - 0.2 * (up - 0.05)),
        ]
        for edge, near in zip(edges, (np.abs(side) > 0.018, up > 0.0, up > 0.0), strict=True):
            crease = np.maximum(crease, np.where(upper & near, np.exp(-((edge * 0.27 / 0.0014) ** 2)), 0))
        albedo, crease = self._laces(albedo, crease, t, side, up, upper)
        albedo = albedo * (1 + 0.03 * noise3(points.position * 60, seed=31))[:, None]
        tread = (sole > 0.5) & (np.mod(t * 40, 1) < 0.35) & (up < -0.009)
        crease = np.maximum(crease, 0.6 * tread)
        normal = points.normal - 0.05 * fbm_gradient(points.position * 350, 2, seed=32)
        return Paint(
            np.clip(albedo, 0, 1), normal / np.linalg.norm(normal, axis=1, keepdims=True), 1 - 0.5 * crease
        )

    def _laces(self, albedo, crease, t, side, up, upper):  # type: ignore[no-untyped-def]
        """A tongue between two eyestays, and laces across it."""
        on_top = upper & (t > 0.40) & (t < 0.70) & (up > 0.035)
        stay = np.exp(-(((np.abs(side) - 0.021) / 0.0015) ** 2))
        crease = np.maximum(crease, np.where(on_top, stay, 0))
        across = np.mod((t - 0.40) / 0.042, 1)
        lace = on_top & (np.abs(side) < 0.026) & (np.abs(across - 0.5) < 0.26)
        albedo = np.where((on_top & (np.abs(side) < 0.020) & ~lace)[:, None], _LEATHER * 0.80, albedo)
        albedo = np.where(lace[:, None], _LACE, albedo)
        shadow = np.where(
            on_top & (np.abs(side) < 0.026), np.exp(-(((np.abs(across - 0.5) - 0.28) / 0.05) ** 2)), 0
        )
        return albedo, np.maximum(crease, 0.9 * shadow)
