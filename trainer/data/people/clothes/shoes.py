"""Shoes: sneakers, leather shoes, boots, ballet flats, pumps, sandals; and socks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.trainer.data.people.clothes.lofts import grid_faces
from dinar.trainer.data.people.clothes.shoe_last import (
    Foot,
    measure_foot,
    shaft,
    sole,
    strap,
    top_line,
    upper,
)
from dinar.trainer.data.people.clothes.shoe_paint import SHAFT, SOLE, STRAP, UPPER, ShoePainter, SockPainter
from dinar.trainer.data.people.clothes.shoe_recipe import ShoeRecipe
from dinar.trainer.data.people.clothes.tailor import Hem, tailor
from dinar.trainer.data.people.dress_form import DressForm
from dinar.trainer.data.people.fabric.fabric import ramp
from dinar.trainer.data.people.part import Part, PartUv

_SIZE = 256  # texels a side


def make_shoes(form: DressForm, recipe: ShoeRecipe) -> list[Part]:
    """Build socks and both shoes around a body's feet; nothing for bare feet."""
    if recipe.kind == "barefoot":
        return []
    shoes = [_make_shoe(form, recipe, right=right) for right in (False, True)]
    return [_make_socks(form, recipe), *shoes] if recipe.sock > recipe.last.shaft + 0.01 else shoes


@dataclass(frozen=True)
class _Piece:
    """One loft of a shoe: grid vertices [n, 3] in the T-pose, what it is, and how it moves.

    Attributes:
        vertices: float64 [rows * columns, 3].
        rows, columns: of the grid.
        closed: whether the last column joins the first.
        local: float64 [n, 3], in the foot's frame.
        weights: float64 [n, 55].
        kind: UPPER, SOLE, SHAFT or STRAP.
    """

    vertices: np.ndarray
    rows: int
    columns: int
    closed: bool
    local: np.ndarray
    weights: np.ndarray
    kind: float
    flipped: bool


def _make_shoe(form: DressForm, recipe: ShoeRecipe, *, right: bool) -> Part:
    last = recipe.last
    foot = measure_foot(form, last, right=right)
    pieces = _pieces(form, recipe, foot, right)
    faces, uv, place, start = [], [], [], 0
    for k, piece in enumerate(pieces):
        own = grid_faces(piece.rows, piece.columns, closed=piece.closed)
        faces.append((own[:, ::-1] if piece.flipped else own) + start)
        uv.append(_band_uv(piece, k, len(pieces)))
        kind = np.full(len(piece.local), piece.kind)
        column = np.tile(np.linspace(-1, 1, piece.columns), piece.rows)
        place.append(np.column_stack([piece.local[:, 0] / foot.length, piece.local[:, 1:], kind, column]))
        start += len(piece.vertices)
    joined = np.concatenate(faces).astype(np.int32)
    vertices = np.concatenate([piece.vertices for piece in pieces])
    untied = np.zeros((len(vertices), 3))
    return Part(
        "right shoe" if right else "left shoe",
        vertices,
        joined,
        np.concatenate([piece.weights for piece in pieces]),
        untied.astype(np.int32),
        untied,
        ShoePainter(joined, np.concatenate(place), recipe, foot.length),
        hides=_covered(form, recipe, foot, right),
        uv=_joined_uv(uv),
    )


def _pieces(form: DressForm, recipe: ShoeRecipe, foot: Foot, right: bool) -> list[_Piece]:
    last, mirrored = recipe.last, not foot.mirrored
    if recipe.kind == "sandals":
        tops = [(strap(form, foot, *where), STRAP) for where in recipe.straps]
    else:
        tops = [(upper(form, foot, last), UPPER)]
    pieces = [_piece(foot, grid, kind, right, mirrored) for grid, kind in tops]
    wall = sole(foot, last)
    pieces.append(_piece(foot, wall, SOLE, right, mirrored, closed=True))
    for edge, flipped in ((wall[0], mirrored), (wall[-1], not mirrored)):  # foot bed and bottom
        half = len(edge) // 2
        pieces.append(_piece(foot, np.stack([edge[:half], edge[: half - 1 : -1]], 1), SOLE, right, flipped))
    if last.shaft > 0:
        points, weights = shaft(form, last, right=right)
        rows, columns = points.shape[:2]
        flat = points.reshape(-1, 3)
        local = (flat - foot.origin) @ foot.axes.T
        pieces.append(_Piece(flat, rows, columns, True, local, weights.reshape(-1, 55), SHAFT, False))
    return pieces


def _piece(
    foot: Foot, grid: np.ndarray, kind: float, right: bool, flipped: bool, closed: bool = False
) -> _Piece:
    """A loft [rows, columns, 3] that moves with the foot and bends at the ball."""
    ankle, toe = (8, 11) if right else (7, 10)
    local = grid.reshape(-1, 3)
    weights = np.zeros((len(local), 55))
    weights[:, toe] = ramp(local[:, 0] / foot.length, foot.ball - 0.06, foot.ball + 0.08)
    weights[:, ankle] = 1 - weights[:, toe]
    return _Piece(foot.world(local), grid.shape[0], grid.shape[1], closed, local, weights, kind, flipped)


def _band_uv(piece: _Piece, index: int, count: int) -> PartUv:
    """Texture coordinates of a piece: one band of the texture."""
    margin = 1.0 / _SIZE
    columns = piece.columns + piece.closed
    u = np.linspace(margin, 1 - margin, columns)
    v = (index + np.linspace(2 * count * margin, 1 - 2 * count * margin, piece.rows)) / count
    coordinates = np.stack(np.broadcast_arrays(u[None, :], v[:, None]), 2).reshape(-1, 2)
    faces = grid_faces(piece.rows, columns, closed=False)
    return PartUv(coordinates, (faces[:, ::-1] if piece.flipped else faces).astype(np.int32), _SIZE)


def _joined_uv(parts: list[PartUv]) -> PartUv:
    starts = np.cumsum([0] + [len(part.coordinates) for part in parts])
    faces = [part.faces + start for part, start in zip(parts, starts, strict=False)]
    return PartUv(
        np.concatenate([part.coordinates for part in parts]), np.concatenate(faces).astype(np.int32), _SIZE
    )


def _covered(form: DressForm, recipe: ShoeRecipe, foot: Foot, right: bool) -> np.ndarray:
    """Body vertices [V] that lie well inside the shoe."""
    last = recipe.last
    joints = [5, 8, 11] if right else [4, 7, 10]
    local = (form.rest - foot.origin) @ foot.axes.T
    own = form.body.weights[:, joints].sum(1) > 0.5
    t = local[:, 0] / foot.length
    if recipe.kind == "sandals":
        under = [np.abs(t - at) * foot.length < width / 2 - 0.012 for at, width, _ in recipe.straps]
        return own & np.logical_or.reduce(under) & (local[:, 2] < 0.09) & (local[:, 2] > 0.004)
    top = np.where(t > last.throat, np.interp(t, foot.t, foot.top) - 0.003, top_line(last, t) - 0.012)
    inside = local[:, 2] < top
    if last.shaft > 0:
        inside |= local[:, 2] < last.shaft - 0.025
    return own & inside


def _make_socks(form: DressForm, recipe: ShoeRecipe) -> Part:
    """Cut both socks off the skin, down to a little below the shoes' top lines."""
    top = np.where(
        np.abs(form.rest[:, 0]) < 0.45, recipe.sock - (form.rest[:, 1] - form.rest[:, 1].min()), -1.0
    )
    last = recipe.last
    shown = np.full(len(form.rest), -1.0)
    for right in (False, True):
        foot = measure_foot(form, last, right=right)
        local = (form.rest - foot.origin) @ foot.axes.T
        t = local[:, 0] / foot.length
        low = last.shaft - 0.03 if last.shaft > 0 else top_line(last, t) - 0.015
        open_part = np.minimum(local[:, 2] - low, (last.throat + 0.03 - t) * foot.length)
        own = (form.rest[:, 0] < 0) == right
        shown[own] = open_part[own]
    sewn = tailor(
        form,
        (top, shown),
        ease=0.0015,
        clearance=0.0012,
        smoothing=0,
        refinements=0,
        hem=Hem(0.0016, 0.008),
    )
    return sewn.part("socks", form, SockPainter(sewn, form, recipe), hides=np.minimum(top, shown) > 0.02)
