"""The default avatar's hair: short sides that are painted on the skin, and a top of overlapping locks.

There is no transparency, so nothing may end in a hard rim: the cap that gives the bulk thins out to the skin
and is painted there with exactly what the skin under it shows; the locks are many, tapered and pointed, and
grow out of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from dinar.runtime.body import Body
from dinar.trainer.data.people.bake import vertex_normals
from dinar.trainer.data.people.hair.hair_paint import RIM, HairMesh, HairPainter
from dinar.trainer.data.people.head import (
    Head,
    azimuth,
    combing,
    find_head,
    hair_flow,
    hairline_distance,
    smoothstep,
)
from dinar.trainer.data.people.noise import fbm
from dinar.trainer.data.people.part import Part
from dinar.trainer.data.people.patch import Patch, cut, neighbour_average, refine
from dinar.trainer.data.people.skin.skin import SkinPainter

HEAD_JOINT = 15


def make_hair(body: Body, vertices: np.ndarray, skin: SkinPainter, *, seed: int = 3) -> Part:
    """Make the hair of the default avatar.

    Args:
        body: the open body.
        vertices: [V, 3], metres, its T-pose in the avatar's shape.
        skin: painter of the same body; the cap's rim repeats it.
        seed: draws the locks.
    """
    head = find_head(body, vertices)
    cap = _make_cap(body, vertices, head)
    strips = _make_locks(head, cap, np.random.default_rng(seed))
    mesh = _merge(cap, strips, head)
    count = len(mesh.vertices)
    joint_weights = np.zeros((count, body.weights.shape[1]))
    joint_weights[:, HEAD_JOINT] = 1
    return Part(
        name="hair",
        vertices=mesh.vertices,
        faces=mesh.faces,
        joint_weights=joint_weights,
        anchor_vertex=mesh.anchor_vertex,
        anchor_weight=np.zeros((count, 3)),
        painter=HairPainter(mesh, head, skin, vertices, body.faces),
        texel_density=2.0,
    )


# --- How thick the hair is ------------------------------------------------------------------------


def thickness(head: Head, p: np.ndarray) -> np.ndarray:
    """How far the hair stands off the scalp at skin points [M, 3]: metres [M], at most 0 where it is painted.

    High in front and swept to the person's left, flatter at the crown, cropped at sides and back.
    """
    above = p[:, 1] - head.eye[1]
    ahead = p[:, 2] - head.centre[2]
    angle = azimuth(head, p)
    quiff = np.exp(-(((p[:, 0] - 0.010) / 0.054) ** 2) - ((ahead - 0.055) / 0.045) ** 2)
    top = 0.0130 + 0.0115 * quiff + 0.003 * smoothstep(0.0, -0.07, ahead)
    start = np.interp(angle, [0.9, 1.6, 2.3, np.pi], [0.020, 0.026, 0.002, -0.018])
    side = 0.0085 * smoothstep(start, start + 0.055, above)
    upper = smoothstep(0.052, 0.088, above + 0.006 * fbm(p * 60, 2, 201))
    full = side + (top - side) * upper
    inside = hairline_distance(head, p) + 0.0020 * fbm(p * 130, 3, 81)
    front = smoothstep(1.0, 0.6, angle)
    rise = (0.30 + 0.90 * front) * (inside - 0.0015 - 0.0050 * front)
    clumps = 1 + 0.16 * upper * fbm(p * [75, 40, 40], 2, 203)
    # Smooth minimum of the slope behind the hairline and the full height.
    return np.where(inside > 0, full * clumps * np.tanh(np.maximum(rise, 0) / np.maximum(full, 1e-4)), -0.001)


# --- Cap ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cap:
    """n vertices of the cap and where each stands on the skin.

    Attributes:
        vertices: [n, 3], outer surface.
        faces: [m, 3].
        skin: [n, 3], the skin under each vertex.
        normal: [n, 3], smooth normals of the skin there.
        thick: [n], metres.
        anchor_vertex: [n, 3], body vertices.
    """

    vertices: np.ndarray
    faces: np.ndarray
    skin: np.ndarray
    normal: np.ndarray
    thick: np.ndarray
    anchor_vertex: np.ndarray


def _make_cap(body: Body, vertices: np.ndarray, head: Head) -> _Cap:
    """Cut the hairy part of the scalp, round it and lift it."""
    corner = vertices[body.faces]
    scalp = (corner[:, :, 1].min(1) > head.chin[1]) & (head.ear_share[body.faces].max(1) == 0)
    scalp &= ~head.eyeball_faces & (head.mouth_share[body.faces].max(1) == 0)
    scalp[scalp] = hairline_distance(head, corner[scalp].mean(1)) > -0.02
    used, faces = np.unique(body.faces[scalp], return_inverse=True)
    anchors = np.repeat(used[:, None], 3, axis=1).astype(np.int32)
    patch = refine(
        Patch(faces.reshape(-1, 3).astype(np.int32), anchors, np.tile([1.0, 0, 0], (len(used), 1)))
    )
    patch, thick = cut(patch, thickness(head, patch.lift(vertices)) - RIM)
    skin = patch.lift(vertices)
    round_skin = _smooth(patch, skin, 6)
    normal = vertex_normals(round_skin, patch.faces)
    outside = np.maximum(((round_skin - skin) * normal).sum(1), 0)
    thick = thick + RIM
    lift = np.maximum(thick, outside * smoothstep(0.0, 0.006, thick) + np.minimum(thick, 0.003))
    # The bulk leans the way it is combed.
    lean = hair_flow(head, skin, normal) * (0.35 * np.maximum(thick - 0.006, 0))[:, None]
    return _Cap(skin + normal * lift[:, None] + lean, patch.faces, skin, normal, thick, patch.anchor_vertex)


def _smooth(patch: Patch, values: np.ndarray, rounds: int) -> np.ndarray:
    """Laplacian smoothing without shrinking (Taubin 1995)."""
    average = neighbour_average(patch.faces, len(values))
    for _ in range(rounds):
        for step in (0.5, -0.52):
            values = values + step * (average @ values - values)
    return values


# --- Locks ----------------------------------------------------------------------------------------

SEGMENTS = 5


@dataclass(frozen=True)
class _Zone:
    """Locks of one part of the head.

    Attributes:
        spacing: metres between roots.
        length, width: metres; each lock draws from 0.7 to 1.15 times that.
        lift: metres that a lock arches above the cap.
        flip: metres that its tip leaves the cap.
        stray: radians its direction strays.
        roll: radians it twists.
    """

    spacing: float
    length: float
    width: float
    lift: float
    flip: float
    stray: float
    roll: float


_TOP = _Zone(spacing=0.0060, length=0.046, width=0.0080, lift=0.0032, flip=0.0028, stray=0.24, roll=0.32)
_CROWN = _Zone(spacing=0.0058, length=0.040, width=0.0074, lift=0.0009, flip=0.0004, stray=0.15, roll=0.12)
_SIDE = _Zone(spacing=0.0084, length=0.030, width=0.0056, lift=0.0006, flip=0.0002, stray=0.17, roll=0.08)


@dataclass(frozen=True)
class _Locks:
    """K locks.

    Attributes:
        curve: [K, S + 1, 3], metres, root to tip.
        outward, side: [K, S + 1, 3], unit.
        half_width: [K, S + 1], metres.
        thick: [K], thickness of the hair at the root, metres.
    """

    curve: np.ndarray
    outward: np.ndarray
    side: np.ndarray
    half_width: np.ndarray
    thick: np.ndarray


def _make_locks(head: Head, cap: _Cap, rng: np.random.Generator) -> _Locks:
    """Strew roots over the cap and comb a lock from each."""
    above = cap.skin[:, 1] - head.eye[1]
    ahead = cap.skin[:, 2] - head.centre[2]
    top = (above > 0.062) & (ahead > -0.030)
    crown = (above > 0.055) & (ahead <= -0.030)
    long_enough = cap.thick > np.where(azimuth(head, cap.skin) < 0.8, 0.0016, 0.0045)
    zones = ((_TOP, top), (_CROWN, crown), (_SIDE, ~top & ~crown))
    groups = []
    for zone, members in zones:
        roots = _strew(cap.skin, np.nonzero(members & long_enough)[0], zone.spacing, rng)
        groups.append(_comb(head, cap, zone, roots, rng))
    return _Locks(
        *(
            np.concatenate([getattr(g, f) for g in groups])
            for f in ("curve", "outward", "side", "half_width", "thick")
        )
    )


def _strew(
    points: np.ndarray, candidates: np.ndarray, spacing: float, rng: np.random.Generator
) -> np.ndarray:
    """Choose candidates no closer than `spacing` to one another, in random order: ids."""
    order = rng.permutation(candidates)
    tree = cKDTree(points[order])
    taken = np.ones(len(order), bool)
    for k in range(len(order)):
        if taken[k]:
            for other in tree.query_ball_point(points[order[k]], spacing):
                if other > k:
                    taken[other] = False
    return order[taken]


def _comb(head: Head, cap: _Cap, zone: _Zone, roots: np.ndarray, rng: np.random.Generator) -> _Locks:
    """Let locks grow from cap vertices along the flow, over the surface of the cap."""
    count = len(roots)
    tree = cKDTree(cap.skin)
    length = zone.length * rng.uniform(0.7, 1.15, count)
    heading = rng.normal(0, zone.stray, count)
    bend = rng.normal(0, 1.7 * zone.stray, count)
    place = cap.skin[roots] + rng.normal(0, 0.0015, (count, 3))
    lift, flip = zone.lift * rng.uniform(0.3, 1.3, count), zone.flip * rng.uniform(-0.6, 1.6, count)
    curve, outward, paths = (np.empty((count, SEGMENTS + 1, 3)) for _ in range(3))
    for k in range(SEGMENTS + 1):
        t = k / SEGMENTS
        skin, normal, cap_point = _on_cap(cap, tree, place)
        rooted = smoothstep(0.0, 0.30, np.full(count, t))
        loose = 0.2 + 0.8 * np.clip(normal[:, 1], 0, 1)  # hair stands up on top and lies flat on the sides
        height = loose * (lift * np.sin(np.pi * t) + flip * t**3) - 0.0015 * (1 - rooted)
        curve[:, k] = skin + (cap_point - skin) * (0.55 + 0.45 * rooted)[:, None] + normal * height[:, None]
        outward[:, k], paths[:, k] = normal, skin
        flow = hair_flow(head, skin, normal)
        across = np.cross(normal, flow)
        turn = heading + bend * t
        step = np.cos(turn)[:, None] * flow + np.sin(turn)[:, None] * across
        place = skin + step * (length / SEGMENTS)[:, None]
    tangent = np.gradient(curve, axis=1)
    tangent /= np.linalg.norm(tangent, axis=2, keepdims=True)
    side = np.cross(outward, tangent)
    side /= np.linalg.norm(side, axis=2, keepdims=True)
    twist = rng.normal(0, zone.roll, (2, count, 1))
    roll = 0.7 * twist[0] + twist[1] * np.linspace(0, 1, SEGMENTS + 1)
    out = np.cross(tangent, side)
    side, out = (
        side * np.cos(roll)[..., None] + out * np.sin(roll)[..., None],
        out * np.cos(roll)[..., None] - side * np.sin(roll)[..., None],
    )
    profile = np.interp(np.linspace(0, 1, SEGMENTS + 1), [0, 0.25, 0.5, 0.8, 1], [0.55, 1.0, 0.95, 0.55, 0.0])
    half = zone.width / 2 * rng.uniform(0.65, 1.2, count)[:, None] * profile
    # A lock that would leave the cap, or hang over the hairline, is left out.
    flat = paths.reshape(-1, 3)
    thick = thickness(head, flat).reshape(count, -1)
    near = tree.query(flat)[0].reshape(count, -1)
    stays = (thick > 0.0012).all(1) & (thick[:, -1] > 0.003) & (near < 0.0095).all(1)
    return _Locks(curve[stays], out[stays], side[stays], half[stays], cap.thick[roots][stays])


def _on_cap(cap: _Cap, tree: cKDTree, points: np.ndarray) -> tuple[np.ndarray, ...]:
    """Skin point, its normal and the cap point above it near `points`, from the cap's nearest vertices."""
    distance, index = tree.query(points, k=6)
    weight = 1 / (distance**2 + 0.002**2)
    weight /= weight.sum(1, keepdims=True)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.einsum("nk,nkd->nd", weight, values[index])

    normal = mean(cap.normal)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    skin = mean(cap.skin)
    # The weighted mean lies inside the curve of the surface: keep the way gone along it.
    gone = points - skin
    gone -= normal * (gone * normal).sum(1, keepdims=True)
    return skin + gone, normal, mean(cap.vertices) + gone


# --- One mesh -------------------------------------------------------------------------------------


def _merge(cap: _Cap, locks: _Locks, head: Head) -> HairMesh:
    """Strips of three vertices across (rim, ridge, rim) with a pointed tip, behind the cap's vertices."""
    count, rows = locks.half_width.shape
    across = np.array([-1.0, 0.0, 1.0])
    bulge = np.array([-0.24, 0.30, -0.24])  # the ridge stands up, the rims dip into the hair below
    half = locks.half_width[:, :, None, None]
    grid = locks.curve[:, :, None] + half * (
        across[:, None] * locks.side[:, :, None] + bulge[:, None] * locks.outward[:, :, None]
    )  # [K, S + 1, 3, 3]
    body_rows = grid[:, :-1].reshape(count, -1, 3)
    points = np.concatenate([body_rows, locks.curve[:, -1:]], axis=1)  # [K, 3 S + 1, 3]
    faces = []
    for k in range(rows - 2):
        for c in range(2):
            a, b = 3 * k + c, 3 * k + c + 1
            faces += [(a, b + 3, b), (a, a + 3, b + 3)]
    last, tip = 3 * (rows - 2), 3 * (rows - 1)
    faces += [(last, tip, last + 1), (last + 1, tip, last + 2)]
    per_lock = points.shape[1]
    offset = len(cap.vertices) + per_lock * np.arange(count)
    lock_faces = (np.array(faces)[None] + offset[:, None, None]).reshape(-1, 3)

    along = np.concatenate([np.repeat(np.linspace(0, 1, rows)[:-1], 3), [1.0]])
    sideways = np.concatenate([np.tile(across, rows - 1), [0.0]])
    step = np.linalg.norm(np.diff(locks.curve, axis=1), axis=2)
    metres = np.concatenate([np.zeros((count, 1)), np.cumsum(step, axis=1)], axis=1)
    metres = np.concatenate([np.repeat(metres[:, :-1], 3, axis=1), metres[:, -1:]], axis=1)
    width = (
        np.concatenate([np.repeat(locks.half_width[:, :-1], 3, axis=1), np.zeros((count, 1))], axis=1)
        * sideways
    )
    tangent = np.gradient(locks.curve, axis=1)
    tangent = np.concatenate([np.repeat(tangent[:, :-1], 3, axis=1), tangent[:, -1:]], axis=1)
    identity = np.repeat(np.arange(count)[:, None], per_lock, axis=1)
    lock_shape = np.stack(
        [
            np.tile(along, (count, 1)),
            np.tile(sideways, (count, 1)),
            np.repeat(locks.thick[:, None], per_lock, axis=1),
        ],
        axis=2,
    )

    meridian = combing(head, cap.skin)
    cap_strand = np.concatenate([meridian, np.full((len(cap.skin), 1), -1.0)], axis=1)
    lock_strand = np.stack([metres, width, identity], axis=2)
    flat = points.reshape(-1, 3)
    tree = cKDTree(cap.vertices)
    nearest = tree.query(flat)[1]
    cap_shape = np.stack([np.full(len(cap.skin), 0.3), np.zeros(len(cap.skin)), cap.thick], axis=1)
    tangents = np.concatenate([hair_flow(head, cap.skin, cap.normal), tangent.reshape(-1, 3)])
    return HairMesh(
        vertices=np.concatenate([cap.vertices, flat]),
        faces=np.concatenate([cap.faces, lock_faces]).astype(np.int32),
        anchor_vertex=np.concatenate([cap.anchor_vertex, cap.anchor_vertex[nearest]]).astype(np.int32),
        skin=np.concatenate([cap.skin, cap.skin[nearest]]),
        skin_normal=np.concatenate([cap.normal, cap.normal[nearest]]),
        tangent=tangents / np.linalg.norm(tangents, axis=1, keepdims=True),
        strand=np.concatenate([cap_strand, lock_strand.reshape(-1, 3)]),
        shape=np.concatenate([cap_shape, lock_shape.reshape(-1, 3)]),
        is_lock=np.concatenate([np.zeros(len(cap.faces), bool), np.ones(len(lock_faces), bool)]),
    )
