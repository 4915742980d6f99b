"""The photos of one person that an avatar is made from, and the others of the same person to judge it by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from dinar.runtime.body import Body
from dinar.runtime.files.bodies import find_body
from dinar.runtime.network_input import MULTIPLE
from dinar.trainer.data.dataset.layout import (
    DatasetError,
    View,
    people_of,
    read_info,
    read_view,
    read_views,
)
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.data.prepared_views import SeenBody, SeenTexture, ViewPreparer

MOST_VIEWS = 8
"""Photos that an avatar is made from at most, and as many to judge it by."""

_NAMED = 10  # people in one sentence


@dataclass(frozen=True, eq=False)
class SeenView:
    """A photo, and the bare body in it.

    Attributes:
        view: picture, mask, pose and camera.
        body: as the camera sees it.
    """

    view: View
    body: SeenBody


@dataclass(frozen=True, eq=False)
class GivenView(SeenView):
    """A photo that the avatar is made from.

    Attributes:
        texture: what it shows of the texture.
    """

    texture: SeenTexture


@dataclass(frozen=True)
class Origin:
    """Where somebody's views come from.

    Attributes:
        name: the person's.
        source: the given views, as an avatar's provenance names them.
        licence: who may use them.
    """

    name: str
    source: str
    licence: str


@dataclass(frozen=True, eq=False)
class Person:
    """One person, of a dataset or of photos from anywhere.

    Attributes:
        origin: of the views.
        body: the body model.
        betas: float32 [S], the person's shape: the mean of the given views'.
        given: one view or more.
        held_out: up to `MOST_VIEWS` others, evenly spread; none where the dataset has no more.
    """

    origin: Origin
    body: Body
    betas: np.ndarray
    given: tuple[GivenView, ...]
    held_out: tuple[SeenView, ...]


def read_person(root: Path, name: str, numbers: Sequence[int], texture_size: int, console: Console) -> Person:
    """Read and prepare the views of a person.

    Args:
        root: the dataset's folder.
        name: the person's id.
        numbers: of the views to make the avatar from, each once; empty: all, up to `MOST_VIEWS`.
        texture_size: texels on a side of the texture.
        console: shows how far it is.

    Raises:
        DinarError: there is no such dataset, person or view; a file is bad; the body is not on this computer,
            or the parameters do not fit it; a picture is too small.
    """
    info = read_info(root)
    _check_person(root, name)
    parameters = read_views(root, name)
    given, held_out = choose_views(name, numbers, len(parameters))
    body = find_body(info.body, info.body_vertices)
    numbered = ", ".join(map(str, given))
    source = f"views {numbered} of person {name} in the dataset {info.name!r} ({info.source})"
    return prepare_person(
        Origin(name, source, info.licence),
        body,
        texture_size,
        [read_view(root, name, number, parameters) for number in given],
        [read_view(root, name, number, parameters) for number in held_out],
        console,
    )


def prepare_person(
    origin: Origin,
    body: Body,
    texture_size: int,
    given: Sequence[View],
    held_out: Sequence[View],
    console: Console,
) -> Person:
    """Prepare views of a person, one or more of which are given.

    Args:
        origin: of the views.
        body: that their parameters belong to.
        texture_size: texels on a side of the texture.
        given: to make the avatar from.
        held_out: to judge it by.
        console: shows how far it is.

    Raises:
        DinarError: the parameters do not fit the body, or a picture is too small.
    """
    for view in (*given, *held_out):
        _check_view(view, body)
    preparer = ViewPreparer(body, texture_size)
    with progress_bar(console) as bar:
        task = bar.add_task("preparing views", total=len(given) + len(held_out))

        def seen(view: View) -> SeenBody:
            bar.advance(task)
            return preparer.body(view)

        own = tuple(GivenView(view, seen(view), preparer.texture(view)) for view in given)
        others = tuple(SeenView(view, seen(view)) for view in held_out)
    betas = np.stack([view.betas for view in given]).astype(np.float64).mean(0)
    return Person(origin, body, betas.astype(np.float32), own, others)


def choose_views(name: str, numbers: Sequence[int], count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Choose the views to make an avatar from, and those to judge it by.

    Args:
        name: whose they are.
        numbers: see `read_person`.
        count: how many views there are.

    Returns:
        Numbers of the ones and of the others.

    Raises:
        DatasetError: there is no such view.
    """
    for number in numbers:
        if not 0 <= number < count:
            raise DatasetError(f"person {name} has views 0 to {count - 1}, there is no view {number}")
    given = tuple(numbers) or tuple(range(min(count, MOST_VIEWS)))
    others = [number for number in range(count) if number not in given]
    at = np.linspace(0, len(others) - 1, min(len(others), MOST_VIEWS)).round().astype(int)
    return given, tuple(others[place] for place in at)


def _check_person(root: Path, name: str) -> None:
    people = people_of(root)
    if name not in people:
        more = f" and {len(people) - _NAMED:,} more" if len(people) > _NAMED else ""
        raise DatasetError(f"{root} has no person {name!r}, but {', '.join(people[:_NAMED])}{more}")


def _check_view(view: View, body: Body) -> None:
    """Raise DatasetError unless parameters fit the body, and the picture has room for the network."""
    where = f"person {view.person}, view {view.view}"
    for what, values, most in (
        ("betas", view.betas, body.shapedirs.shape[2]),
        ("expression coefficients", view.pose.expression, body.exprdirs.shape[2]),
    ):
        if len(values) > most:
            raise DatasetError(f"{where} has {len(values)} {what}, the body takes at most {most}")
    height, width = view.mask.shape
    if min(height, width) < MULTIPLE:
        raise DatasetError(
            f"{where} has {width} x {height} pixels, an avatar is made from photos of "
            f"{MULTIPLE} x {MULTIPLE} or more"
        )
