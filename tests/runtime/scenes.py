"""Triangles for rasterizers to get right: what is hard, each for a reason of its own.

A scene is vertices float32 [V, 3] in the world and faces int32 [F, 3].
"""

import numpy as np

from dinar.runtime.camera import Camera


def pixel_camera(width, height, depth=1.0):
    """A camera for which (x, y, depth) in the world is column x, row y."""
    return Camera(np.eye(4), np.array([[depth, 0, 0], [0, depth, 0], [0, 0, 1.0]]), width, height)


def flat(points, depth=1.0):
    """Vertices float32 [V, 3] at pixels `points` [V, 2] of `pixel_camera`."""
    points = np.asarray(points, np.float32)
    return np.concatenate([points, np.full((len(points), 1), depth, np.float32)], axis=1)


def soup(seed, count, near=0.5, far=4.0, spread=2.0, size=0.6):
    """`count` random triangles in front of a camera at the origin: vertices [3F, 3], faces [F, 3]."""
    rng = np.random.default_rng(seed)
    centre = np.stack([*rng.uniform(-spread, spread, (2, count)), rng.uniform(near, far, count)], axis=1)
    corners = centre[:, None] + rng.normal(0, size, (count, 3, 3))
    return corners.reshape(-1, 3).astype(np.float32), np.arange(3 * count, dtype=np.int32).reshape(-1, 3)


def grid_mesh(columns, rows, seed=0):
    """A jittered grid of quads, two triangles each, that fills [0, 1]^2: points [V, 2], faces [F, 3]."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1))
    points = np.stack([x, y], axis=-1)
    inner = rng.uniform(-0.3, 0.3, points[1:-1, 1:-1].shape) / (columns, rows)
    points[1:-1, 1:-1] += inner
    i = np.arange((columns + 1) * (rows + 1)).reshape(rows + 1, columns + 1)
    a, b, c, d = (q.ravel() for q in (i[:-1, :-1], i[:-1, 1:], i[1:, :-1], i[1:, 1:]))
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    return points.reshape(-1, 2), faces.astype(np.int32)


def camera_at_origin(width, height, focal=60.0):
    return Camera(np.eye(4), [[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]], width, height)


def floor():
    """A kilometre of floor, 1 m below a camera at the origin (y is down) that looks along it."""
    corners = np.array([[-500, 1, -500], [500, 1, -500], [500, 1, 500], [-500, 1, 500]], np.float32)
    return corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def far_off_screen(reach):
    """Two triangles whose corners lie `reach` pixels away; the first covers all of a `pixel_camera`."""
    corners = np.array([[-1, -1], [3, -1], [-1, 3], [1, 1], [2, 1]]) * reach
    return flat(corners), np.array([[0, 1, 2], [1, 3, 4]], np.int32)


def one_vertex_not_finite():
    """Two triangles of 8 pixels; the second has a corner that is not a number."""
    vertices = flat([[0, 0], [8, 0], [0, 8], [8, 8]])
    vertices[3] = np.nan
    return vertices, np.array([[0, 1, 2], [1, 2, 3]], np.int32)


def slivers():
    """200 triangles thinner than a pixel within 40 x 40; every fifth is a line, every seventh a point."""
    rng = np.random.default_rng(5)
    start, direction = rng.uniform(0, 40, (200, 2)), rng.normal(0, 15, (200, 2))
    corners = np.stack(
        [start, start + direction, start + direction / 2 + rng.normal(0, 0.02, (200, 2))], axis=1
    )
    corners[::5, 2] = corners[::5, 1]  # a line
    corners[::7] = corners[::7, :1]  # a point
    return flat(corners.reshape(-1, 2)), np.arange(600, dtype=np.int32).reshape(-1, 3)


def edges_through_centres():
    """Points [V, 2] and faces of a mesh over 40 x 40 pixels whose corners lie on pixel centres."""
    points, faces = grid_mesh(10, 10)
    return np.rint(points * 40) + 0.5, faces


def sheet_through_the_camera():
    """A mesh half a metre below a camera at the origin (y is down), before and behind it."""
    points, faces = grid_mesh(12, 12, seed=2)
    sheet = np.stack([points[:, 0] * 8 - 4, np.full(len(points), 0.5), points[:, 1] * 12 - 6], axis=1)
    return sheet.astype(np.float32), faces


def crossing_sheets():
    """Two sheets of two triangles each, 1 to 3 m away, that cut through each other in the middle."""
    vertices = np.array(
        [[-1, -1, 1], [1, -1, 3], [1, 1, 3], [-1, 1, 1], [-1, -1, 3], [1, -1, 1], [1, 1, 1], [-1, 1, 3]]
    )
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]], np.int32)
    return vertices.astype(np.float32), faces


def coplanar_copies():
    """The same triangle three times."""
    return flat([[0, 0], [9, 0], [0, 9]]), np.array([[0, 1, 2]] * 3, np.int32)


def sides_around(side):
    """Triangles with sides on both sides of `side` pixels, in all directions, at many depths.

    For a camera without focal length: (column * depth, row * depth, depth).
    """
    rng = np.random.default_rng(12)
    corners = []
    for extent in side + np.array([-1.0, -1 / 256, 0.0, 1 / 256, 1.0, 40.0]):
        box = extent * np.array([(0, 0), (1, 1), (1, 0), (0, 1), (0.5, 1), (0.5, 0)])
        for i, j, k in ((0, 1, 2), (0, 3, 1), (0, 2, 4), (3, 1, 5)):
            corners.append(box[[i, j, k]] + np.round(rng.uniform(-20, 40, 2) * 256) / 256)
    vertices = flat(np.concatenate(corners))
    vertices[:, 2] = rng.uniform(0.5, 2.0, len(vertices))
    vertices[:, :2] *= vertices[:, 2:]  # stays where it is in the picture
    return vertices, np.arange(len(vertices), dtype=np.int32).reshape(-1, 3)
