"""Flatten a triangle mesh with a boundary into the plane: an injective start, then low stretch without flips.

Start: the convex-combination map onto a disk (Tutte 1963, Floater 2003). Improvement: scalable locally
injective mapping (SLIM, Rabinovich et al. 2017) of the symmetric Dirichlet energy (Smith and Schaefer 2015).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from dinar.trainer.data.uv.pack import texel_triangles

LID_IMPORTANCE = 1e-3  # of the triangles that close holes
NOTCH_MARGIN = 4  # vertices by which a notch is closed beyond the overlap
NOTCH_ROUNDS = 8
PROXIMAL = 1e-5  # keeps each SLIM system regular; relative to the mean triangle area


def boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """The boundary's vertex loops, longest (by vertices) first, each in the order of the triangles' edges.

    Args:
        faces: int [F, 3], consistently oriented, manifold.

    Raises:
        ValueError: when the mesh is closed, or its boundary touches itself in a vertex.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    size = int(faces.max()) + 1
    inside = np.isin(edges[:, 0] * size + edges[:, 1], edges[:, 1] * size + edges[:, 0])
    border = edges[~inside]
    if not len(border):
        raise ValueError("the mesh has no boundary: cut it open before flattening")
    following = dict(zip(border[:, 0].tolist(), border[:, 1].tolist(), strict=True))
    if len(following) != len(border):
        raise ValueError("the mesh's boundary touches itself in a vertex")
    loops = []
    while following:
        start, vertex = next(iter(following.items()))
        loop = [start]
        del following[start]
        while vertex != start:
            loop.append(vertex)
            vertex = following.pop(vertex)
        loops.append(np.array(loop))
    return sorted(loops, key=len, reverse=True)


def triangle_gradients(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient operators of linear functions on triangles, in each triangle's own plane.

    Args:
        corners: [F, 3, 3] positions.

    Returns:
        gradients [F, 2, 3] (row d gives the derivative along the plane's axis d of corner values), areas [F].
    """
    e1, e2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    length = np.linalg.norm(e1, axis=1)
    x = e1 / length[:, None]
    along = (e2 * x).sum(1)
    height = np.linalg.norm(e2 - along[:, None] * x, axis=1)
    zero = np.zeros_like(length)
    dx = np.stack([-1 / length, 1 / length, zero], axis=1)
    dy = np.stack([along / length - 1, -along / length, zero + 1], axis=1) / height[:, None]
    return np.stack([dx, dy], axis=1), 0.5 * length * height


def close_gaps(
    v: np.ndarray, faces: np.ndarray, notches: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Close every boundary loop but the longest, and the given notches in that one, with fans of triangles.

    Args:
        v: [V, 3].
        faces: int [F, 3].
        notches: stretches of the longest loop, vertices in the loop's order.

    Returns:
        points [V+H, 3] with the fans' centres, faces [F+L, 3] with the fans, and the outer loop in order.
    """
    _, *holes = sorted(boundary_loops(faces), key=lambda loop: -_length(v, loop))
    gaps = [np.append(h, h[0]) for h in holes] + notches
    centres = [v[np.unique(g)].mean(0, keepdims=True) for g in gaps]
    fans = [np.stack([g[1:], g[:-1], np.full(len(g) - 1, len(v) + k)], axis=1) for k, g in enumerate(gaps)]
    points, closed = np.concatenate([v, *centres]), np.concatenate([faces, *fans])
    return points, closed, boundary_loops(closed)[0]


def disk_map(v: np.ndarray, faces: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """An injective map [V, 2] of a disk onto a round disk of about the same area.

    Args:
        v: [V, 3].
        faces: int [F, 3], counter-clockwise; every vertex is used.
        outer: the boundary's vertices in order.
    """
    # Weights 1/length favour short edges: less crowding than uniform weights, and still positive.
    pairs = np.unique(
        np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0
    )
    weight = 1 / np.maximum(np.linalg.norm(v[pairs[:, 0]] - v[pairs[:, 1]], axis=1), 1e-9)
    w = sparse.csr_matrix((weight, (pairs[:, 0], pairs[:, 1])), shape=(len(v), len(v)))
    w = w + w.T
    laplacian = (sparse.diags(w.sum(1).A1) - w).tocsr()

    steps = np.linalg.norm(v[np.roll(outer, -1)] - v[outer], axis=1)
    angle = 2 * np.pi * (np.cumsum(steps) - steps) / steps.sum()
    radius = np.sqrt(triangle_gradients(v[faces])[1].sum() / np.pi)
    uv = np.zeros((len(v), 2))
    uv[outer] = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    free = np.setdiff1d(np.arange(len(v)), outer)
    if len(free):
        solve = splu(laplacian[free][:, free].tocsc())
        uv[free] = solve.solve(-(laplacian[free][:, outer] @ uv[outer]))
    return uv


def _length(v: np.ndarray, loop: np.ndarray) -> float:
    return float(np.linalg.norm(v[np.roll(loop, -1)] - v[loop], axis=1).sum())


def jacobians(uv: np.ndarray, faces: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """[F, 2, 2]: derivatives of u and v (rows) along each triangle's axes (columns)."""
    return np.einsum("fdk,fkc->fcd", gradients, uv[faces])


def symmetric_dirichlet(jacobian: np.ndarray, areas: np.ndarray) -> float:
    """The energy sum A (|J|^2 + |J^-1|^2): 4 per undistorted area, infinite with a flipped triangle."""
    det = jacobian[:, 0, 0] * jacobian[:, 1, 1] - jacobian[:, 0, 1] * jacobian[:, 1, 0]
    if det.min() <= 0:
        return np.inf
    square = (jacobian**2).sum((1, 2))
    return float((areas * square * (1 + 1 / det**2)).sum())


def largest_step(uv: np.ndarray, direction: np.ndarray, faces: np.ndarray) -> float:
    """The step along `direction` [V, 2] at which the first triangle collapses (infinite when none does)."""
    a, b = uv[faces[:, 1]] - uv[faces[:, 0]], uv[faces[:, 2]] - uv[faces[:, 0]]
    da, db = direction[faces[:, 1]] - direction[faces[:, 0]], direction[faces[:, 2]] - direction[faces[:, 0]]

    def cross(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]

    # det(t) = c + b t + a t^2: its smallest positive root.
    qa, qb, qc = cross(da, db), cross(a, db) + cross(da, b), cross(a, b)
    root = np.sqrt(np.maximum(qb * qb - 4 * qa * qc, 0))
    q = -0.5 * (qb + np.where(qb >= 0, root, -root))
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.stack([q / qa, qc / q])
    roots = np.where((qb * qb >= 4 * qa * qc) & np.isfinite(roots) & (roots > 0), roots, np.inf)
    return float(roots.min())


def slim(
    uv: np.ndarray,
    faces: np.ndarray,
    gradients: np.ndarray,
    areas: np.ndarray,
    iterations: int,
    tolerance: float = 2e-6,
) -> np.ndarray:
    """Lower the symmetric Dirichlet energy from an injective start; no triangle ever flips.

    Args:
        uv: float64 [V, 2], the start.
        faces: int [F, 3].
        gradients: [F, 2, 3], of the wished-for triangles (`triangle_gradients`).
        areas: [F], weights of the triangles.
        iterations: at most so many.
        tolerance: stop when an iteration lowers the energy by less than this share.

    Raises:
        ValueError: when the start has a flipped triangle.
    """
    count = len(uv)
    areas = areas / areas.sum()
    energy = symmetric_dirichlet(jacobians(uv, faces, gradients), areas)
    if not np.isfinite(energy):
        raise ValueError("the start has a flipped triangle")
    rows = np.repeat(np.arange(len(faces)), 3)
    columns = faces.ravel()
    shape = (len(faces), count)
    along = [sparse.csr_matrix((gradients[:, d].ravel(), (rows, columns)), shape=shape) for d in (0, 1)]
    scale = np.sqrt(areas)
    for _ in range(iterations):
        u, sigma, vt = np.linalg.svd(jacobians(uv, faces, gradients))
        sigma = np.maximum(sigma, 1e-9)
        rotation = u @ vt
        near_one = np.abs(sigma - 1) < 1e-6
        ratio = np.where(near_one, 4.0, (sigma - sigma**-3.0) / np.where(near_one, 1.0, sigma - 1))
        w = np.einsum("fij,fj,fkj->fik", u, np.sqrt(ratio), u) * scale[:, None, None]  # [F, 2, 2]
        blocks = [
            [sparse.diags(w[:, i, c]) @ along[d] for c in (0, 1)] for i in (0, 1) for d in (0, 1)
        ]  # rows: entry (i, d) of W J
        system = sparse.bmat(blocks, format="csr")
        wanted = np.concatenate([(w[:, i] * rotation[:, :, d]).sum(1) for i in (0, 1) for d in (0, 1)])
        now = np.concatenate([uv[:, 0], uv[:, 1]])
        normal = (system.T @ system + PROXIMAL * areas.mean() * sparse.identity(2 * count)).tocsc()
        solution = splu(normal, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(
            system.T @ wanted + PROXIMAL * areas.mean() * now
        )
        direction = np.stack([solution[:count], solution[count:]], axis=1) - uv
        step = min(1.0, 0.8 * largest_step(uv, direction, faces))
        before = energy
        for _halving in range(30):
            trial = uv + step * direction
            energy = symmetric_dirichlet(jacobians(trial, faces, gradients), areas)
            if energy < before:
                break
            step *= 0.5
        else:
            return uv
        uv = trial
        if before - energy < tolerance * before:
            break
    return uv


def flatten(
    v: np.ndarray,
    faces: np.ndarray,
    size: np.ndarray | None = None,
    importance: np.ndarray | None = None,
    iterations: int = 300,
) -> np.ndarray:
    """Flatten a disk, with or without holes, with little stretch; no two triangles overlap.

    No triangle ever flips, but distant parts of the outline may come to lie on each other (toes, say): the
    notches between them are then closed with triangles that may not flip either, and it starts again.

    Args:
        v: float64 [V, 3]; every vertex is used.
        faces: int [F, 3], counter-clockwise seen from outside, and so they stay in the plane.
        size: [F], the wished-for scale of each triangle (1 keeps its size).
        importance: [F], weight of each triangle's distortion.
        iterations: SLIM iterations at most.

    Returns:
        float64 [V, 2], in units of `v` times `size`.

    Raises:
        ValueError: when overlaps remain.
    """
    notches: list[np.ndarray] = []
    size = np.ones(len(faces)) if size is None else size
    importance = np.ones(len(faces)) if importance is None else importance
    for _ in range(NOTCH_ROUNDS):
        points, closed, outer = close_gaps(v, faces, notches)
        lids = len(closed) - len(faces)
        gradients, areas = triangle_gradients(points[closed])
        sizes = np.concatenate([size, np.full(lids, size.mean())])
        gradients, areas = gradients / sizes[:, None, None], areas * sizes**2
        # Lids hardly count, but they may not flip: no hole's border can cross itself.
        weights = areas * np.concatenate([importance, np.full(lids, LID_IMPORTANCE)])
        start = disk_map(points, closed, outer) * np.sqrt(
            areas.sum() / triangle_gradients(points[closed])[1].sum()
        )
        uv = slim(start, closed, gradients, weights, iterations)[: len(v)]
        clash = overlapping_pairs(uv, faces)
        if not len(clash):
            return uv
        notches = merge_notches(notches, clash, uv, faces, v)
    raise ValueError(f"the surface overlaps itself in the plane at {len(clash)} places: it needs other seams")


def overlapping_pairs(uv: np.ndarray, faces: np.ndarray, samples: int = 500) -> np.ndarray:
    """Int [P, 2]: pairs of triangles over the same point of a grid (`samples` along the longer side)."""
    texels = (uv - uv.min(0)) / np.ptp(uv, axis=0).max() * samples
    width, height = np.ceil(texels.max(0)).astype(int) + 1
    last, hits = texel_triangles(texels, faces, width, height)
    first, _ = texel_triangles(texels, faces[::-1], width, height)
    return np.unique(np.stack([last[hits > 1], len(faces) - 1 - first[hits > 1]], axis=1), axis=0)


def merge_notches(
    notches: list[np.ndarray], clash: np.ndarray, uv: np.ndarray, faces: np.ndarray, v: np.ndarray
) -> list[np.ndarray]:
    """The outline between clashing triangles, and a little more, joined with the earlier notches.

    Args:
        notches: earlier stretches, vertex ids in the loop's order.
        clash: int [P, 2], from `overlapping_pairs`.
        uv: [V, 2], where they clash.
        faces: int [F, 3].
        v: [V, 3].
    """
    loop = max(boundary_loops(faces), key=lambda loop: _length(v, loop))
    count = len(loop)
    centres = uv[faces].mean(1)
    closed = np.zeros(count, bool)  # steps of the loop, from vertex k to k + 1, that lie in a notch
    for notch in notches:
        begin = int(np.flatnonzero(loop == notch[0])[0])
        closed[(begin + np.arange(len(notch) - 1)) % count] = True
    for pair in clash:
        a, b = (int(((uv[loop] - centres[t]) ** 2).sum(1).argmin()) for t in pair)
        if (b - a) % count > count // 2:
            a, b = b, a
        closed[(a - NOTCH_MARGIN + np.arange((b - a) % count + 2 * NOTCH_MARGIN)) % count] = True
    starts = np.flatnonzero(closed & ~np.roll(closed, 1))
    lengths = [int(np.argmin(np.roll(closed, -s))) for s in starts]
    return [loop[(s + np.arange(n + 1)) % count] for s, n in zip(starts, lengths, strict=True)]
