"""Where things are on the open body's head: landmarks, the hairline, and which way hair grows."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from dinar.runtime.body import Body

# Vertex ids of the open body, on the person's left; the right side is its mirror image.
# Edge loops of the left eye's opening, from the middle of the upper lid outwards and round.
_LID_RIM = (
    *(
        11466,
        11467,
        11468,
        11469,
        11470,
        11471,
        11472,
        11473,
        11474,
        11742,
        11475,
        11476,
        11477,
        11478,
        11479,
    ),
    *(11480, 11481, 11743, 11482, 11489, 11488, 11487, 11486, 11490, 11485, 11484, 11483, 11465),
)
_LID_EDGE = (
    *(
        6784,
        6790,
        6793,
        6796,
        6799,
        6802,
        6805,
        6808,
        6811,
        11693,
        6814,
        6817,
        6820,
        6825,
        6828,
        6831,
        6834,
        11695,
    ),
    *(6837, 6856, 6853, 6850, 6847, 6886, 6844, 6841, 6838, 6785),
)
_LID_CREASE = (6892, 6935, 6934, 6933, 6930, 6929, 6931, 6932, 6922, 6923)  # inner to outer
# From the middle of the upper lip to the corner and back to the middle of the lower lip.
_LIP_BORDER = (
    *(455, 7214, 7210, 7215, 7169, 11956, 7170, 7171, 7168, 7167, 10405, 7162, 7163, 10370, 7164, 7165, 7166),
    *(7235, 7241, 492),
)
_LIP_LINE = (474, 7229, 7228, 7227, 7226, 11964, 7225, 7179, 7178, 7193, 10400)  # middle to corner
_NOSE_TIP, _SUBNASALE, _NASION, _GLABELLA, _CHIN, _ALA = 294, 343, 136, 227, 5225, 7057
_EARS = ((6, 6), (616, 616), (5412, 5438), (5440, 5543), (5567, 5734), (12011, 12142), (12164, 12331))
_INSIDE_MOUTH = (
    *((527, 529), (532, 532), (538, 538), (541, 615), (617, 710), (3710, 3729), (5347, 5350), (5355, 5358)),
    *((5365, 5366), (5439, 5439), (7272, 7274), (7282, 7282), (7284, 7433), (10378, 10397), (11949, 11952)),
    *((11957, 11960), (11967, 11968)),
)

# The natural hairline: azimuth from straight ahead (degrees) and height above the eyes (mm), front to nape.
_HAIRLINE = np.array(
    [
        *[
            (0, 69.0),
            (14, 70.0),
            (24, 72.5),
            (32, 73.5),
            (39, 70.5),
            (45, 61.0),
            (49, 48.0),
            (52, 37.0),
            (56, 23.0),
        ],
        *[(58.5, 7), (60, -9), (62, -14), (69, -14), (71, -10), (72.5, -1), (76, 5.5), (85, 8), (96, 7.5)],
        *[(100, 1), (103, -11), (107, -27), (114, -48), (125, -64.0), (142, -75.0), (160, -79), (180, -79)],
    ]
)
_HAIRLINE_RADIUS = 0.085  # metres: brings azimuths to lengths


@dataclass(frozen=True)
class Head:
    """Landmarks of one head in the T-pose, metres; paired ones are the person's left, mirrored for the right.

    Attributes:
        eye: [3], centre of the left eyeball.
        eye_radius: distance from there to the front of the cornea.
        lid_rim: [28, 3], where the lashes grow; closed loop from the middle of the upper lid outwards.
        lid_edge: [28, 3], where the lid touches the eyeball; the same order.
        lid_crease: [10, 3], fold above the upper lid, inner to outer end.
        lip_border: [20, 3], rim of the lips' red, middle of the upper to middle of the lower lip.
        lip_line: [11, 3], where the lips meet, middle to corner.
        nose_tip: [3].
        subnasale: [3], where the nose's base meets the upper lip.
        nasion: [3], deepest point of the nose's root.
        glabella: [3], between the brows.
        chin: [3].
        ala: [3], the left nostril's wing.
        ear: [3], centre of the left ear.
        centre: [3], middle of the skull.
        eyeball_faces: bool [F].
        ear_share: float64 [V], 1 on the ears.
        mouth_share: float64 [V], 1 inside the mouth.
    """

    eye: np.ndarray
    eye_radius: float
    lid_rim: np.ndarray
    lid_edge: np.ndarray
    lid_crease: np.ndarray
    lip_border: np.ndarray
    lip_line: np.ndarray
    nose_tip: np.ndarray
    subnasale: np.ndarray
    nasion: np.ndarray
    glabella: np.ndarray
    chin: np.ndarray
    ala: np.ndarray
    ear: np.ndarray
    centre: np.ndarray
    eyeball_faces: np.ndarray
    ear_share: np.ndarray
    mouth_share: np.ndarray


def find_head(body: Body, vertices: np.ndarray) -> Head:
    """Find the landmarks on the open body's `vertices` [V, 3] in the T-pose.

    Raises:
        ValueError: the body has no eyeballs as separate pieces: it is not the open body.
    """
    left_eye, right_eye = _eyeballs(body.faces, vertices)
    eye = (vertices[left_eye].min(0) + vertices[left_eye].max(0)) / 2
    ears = _members(_EARS, len(vertices))
    left_ear = vertices[(ears > 0) & (vertices[:, 0] > 0)]
    glabella, subnasale = vertices[_GLABELLA], vertices[_SUBNASALE]
    return Head(
        eye=eye,
        eye_radius=float(vertices[left_eye, 2].max() - eye[2]),
        lid_rim=vertices[list(_LID_RIM)],
        lid_edge=vertices[list(_LID_EDGE)],
        lid_crease=vertices[list(_LID_CREASE)],
        lip_border=vertices[list(_LIP_BORDER)],
        lip_line=vertices[list(_LIP_LINE)],
        nose_tip=vertices[_NOSE_TIP],
        subnasale=subnasale,
        nasion=vertices[_NASION],
        glabella=glabella,
        chin=vertices[_CHIN],
        ala=vertices[_ALA],
        ear=(left_ear.min(0) + left_ear.max(0)) / 2,
        centre=np.array([0.0, eye[1] + 0.020, glabella[2] - 0.113]),
        eyeball_faces=np.isin(body.faces[:, 0], np.concatenate([left_eye, right_eye])),
        ear_share=ears,
        mouth_share=_members(_INSIDE_MOUTH, len(vertices)),
    )


def _members(ranges: tuple[tuple[int, int], ...], count: int) -> np.ndarray:
    share = np.zeros(count)
    for first, last in ranges:
        share[first : last + 1] = 1
    return share


def _eyeballs(faces: np.ndarray, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertex ids of the left and of the right eyeball: the two small pieces of the mesh."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    count = len(vertices)
    graph = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, piece = connected_components(graph, directed=False)
    sizes = np.bincount(piece)
    small = [np.nonzero(piece == k)[0] for k in np.nonzero((sizes > 20) & (sizes < 1000))[0]]
    if len(small) != 2:
        raise ValueError(
            f"expected the open body, with two eyeballs as separate pieces; found {len(small)} pieces"
        )
    left, right = sorted(small, key=lambda ids: -vertices[ids, 0].mean())
    return left, right


def hairline_distance(head: Head, points: np.ndarray) -> np.ndarray:
    """Signed distance to the natural hairline along the skin, metres, positive under the hair: float64 [M].

    Only meant for points on or near the skin of the head.
    """
    curve = np.stack(
        [np.radians(_HAIRLINE[:, 0]) * _HAIRLINE_RADIUS, head.eye[1] + _HAIRLINE[:, 1] * 1e-3], axis=1
    )
    place = np.stack([azimuth(head, points) * _HAIRLINE_RADIUS, points[:, 1]], axis=1)
    curve[0, 0] -= 0.05  # beyond the mirror plane, so that distances there are right
    curve[-1, 0] += 0.05
    top = np.array([[curve[-1, 0], head.eye[1] + 1.0], [curve[0, 0], head.eye[1] + 1.0]])
    return signed_distance(place, np.concatenate([curve, top]))


def azimuth(head: Head, points: np.ndarray) -> np.ndarray:
    """Angle about the vertical through the skull, 0 in front, pi behind, the same left and right: [M]."""
    return np.arctan2(np.abs(points[:, 0]), points[:, 2] - head.centre[2])


def signed_distance(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Distance of points [M, 2] to a closed polygon [K, 2], positive inside: float64 [M]."""
    nearest, inside = np.empty(len(points)), np.empty(len(points), np.bool_)
    closed = np.concatenate([polygon, polygon[:1]])
    _polyline(np.ascontiguousarray(points, np.float64), closed, nearest)
    _crossings(np.ascontiguousarray(points, np.float64), closed, inside)
    return np.where(inside, nearest, -nearest)


def polyline_distance(points: np.ndarray, line: np.ndarray, *, closed: bool = False) -> np.ndarray:
    """Distance of points [M, D] to a polyline [K, D]: float64 [M]."""
    nearest = np.empty(len(points))
    _polyline(
        np.ascontiguousarray(points, np.float64),
        np.concatenate([line, line[:1]]) if closed else np.ascontiguousarray(line, np.float64),
        nearest,
    )
    return nearest


@nb.njit(cache=True, nogil=True)
def _polyline(points, line, nearest):  # type: ignore[no-untyped-def]
    """Distance of each point to the nearest segment of an open polyline, in two or three dimensions."""
    axes = points.shape[1]
    for i in range(points.shape[0]):
        best = np.inf
        for k in range(line.shape[0] - 1):
            dot, length = 0.0, 1e-18
            for c in range(axes):
                along = line[k + 1, c] - line[k, c]
                dot += (points[i, c] - line[k, c]) * along
                length += along * along
            t = min(max(dot / length, 0.0), 1.0)
            distance = 0.0
            for c in range(axes):
                distance += (points[i, c] - line[k, c] - t * (line[k + 1, c] - line[k, c])) ** 2
            best = min(best, distance)
        nearest[i] = np.sqrt(best)


@nb.njit(cache=True, nogil=True)
def _crossings(points, polygon, inside):  # type: ignore[no-untyped-def]
    """Whether a ray to the right of each point crosses a closed polygon an odd number of times."""
    for i in range(points.shape[0]):
        x, y, odd = points[i, 0], points[i, 1], False
        for k in range(polygon.shape[0] - 1):
            y0, y1 = polygon[k, 1], polygon[k + 1, 1]
            if (y >= y0) != (y >= y1):
                odd ^= x < polygon[k, 0] + (y - y0) / (y1 - y0) * (polygon[k + 1, 0] - polygon[k, 0])
        inside[i] = odd


def smooth_curve(points: np.ndarray, per_span: int, *, closed: bool = False) -> np.ndarray:
    """Catmull-Rom curve through points [K, D], `per_span` samples a span: [N, D]."""
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = (np.arange(per_span) / per_span)[None, :, None]
    p0, p1, p2, p3 = (padded[k : len(padded) - 3 + k][:, None] for k in range(4))
    spans = p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    curve = spans.reshape(-1, points.shape[1])
    return curve if closed else np.concatenate([curve, points[-1:]])


def smoothstep(low: float | np.ndarray, high: float | np.ndarray, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def hair_flow(head: Head, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Unit directions [M, 3] along the skin in which hair lies, root to tip.

    The top is swept back and a little to the person's left; sides and back grow down, the sides backward.
    """
    above = points[:, 1] - head.eye[1]
    angle = azimuth(head, points)
    top = smoothstep(0.035, 0.075, above + 0.012 * np.cos(angle))[:, None]
    behind = smoothstep(1.7, 2.6, angle)[:, None]
    swept = np.array([0.38, 0.80, -1.0])
    down = (1 - behind) * np.array([0.0, -1.0, -0.55]) + behind * np.array([0.0, -1.0, 0.0])
    wish = top * swept + (1 - top) * down
    flow = wish - normals * (wish * normals).sum(1, keepdims=True)
    return flow / np.maximum(np.linalg.norm(flow, axis=1, keepdims=True), 1e-9)


def combing(head: Head, points: np.ndarray) -> np.ndarray:
    """Metres along and across the strokes of a comb drawn from the brow over the top to the nape: [M, 2]."""
    axis = np.array([-0.30, 0.30, 1.0])
    axis /= np.linalg.norm(axis)
    right = np.cross([0.0, 1.0, 0.0], axis)
    right /= np.linalg.norm(right)
    ray = points - head.centre
    radius = np.linalg.norm(ray, axis=1)
    x, y, z = ray @ right, ray @ np.cross(axis, right), ray @ axis
    return np.stack([np.arccos(np.clip(z / radius, -1, 1)) * 0.09, np.arctan2(x, y + 0.02) * 0.09], axis=1)


def bump(p: np.ndarray, centre: np.ndarray, size: float | np.ndarray) -> np.ndarray:
    """Gaussian around a point and its mirror image; `size` in metres, one or per axis."""
    height = np.empty(len(p))
    _bump(np.ascontiguousarray(p, np.float64), centre, np.broadcast_to(np.float64(size), 3).copy(), height)
    return height


@nb.njit(cache=True, nogil=True)
def _bump(p, centre, size, height):  # type: ignore[no-untyped-def]
    for i in range(p.shape[0]):
        x = (abs(p[i, 0]) - centre[0]) / size[0]
        y, z = (p[i, 1] - centre[1]) / size[1], (p[i, 2] - centre[2]) / size[2]
        squared = x * x + y * y + z * z
        height[i] = np.exp(-0.5 * squared) if squared < 60.0 else 0.0


def upper_lid(head: Head) -> np.ndarray:
    """Indices of the lid loops' upper half, inner to outer corner."""
    x = head.lid_rim[:, 0]
    inner, outer = int(x.argmin()), int(x.argmax())
    return np.concatenate([np.arange(inner, len(x)), np.arange(0, outer + 1)])
