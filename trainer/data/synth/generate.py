"""Makes synthetic people into a dataset: several processes, one person after the other, never one twice."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import multiprocessing
import traceback
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dinar.runtime.body import load_body, open_body_path
from dinar.runtime.errors import DinarError
from dinar.trainer.data.dataset.layout import DatasetInfo, View, create_dataset, person_folder, write_person
from dinar.trainer.data.importers.pose_library import PoseLibrary, read_poses
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.individuals import Population, load_population
from dinar.trainer.data.synth.pictures import (
    Picture,
    Studio,
    open_studio,
    paint_person,
    sample_shot,
    take_pictures,
)
from dinar.trainer.data.synth.recipe import GENERATOR_VERSION, make_person, sample_person
from dinar.trainer.data.synth.true_texture import TrueTexture, true_texture
from dinar.trainer.one_thread import use_one_thread

_AHEAD = 2  # people handed to each process before it has finished


@dataclass(frozen=True)
class Order:
    """What is made of each person.

    Attributes:
        views: cameras around each pose.
        poses: poses, each at a place of its own.
        size: pixels a side.
        ending: of the pictures' files, `.png` or `.jpg`.
        poses_from: a pose library to draw poses from; None: poses are made up.
    """

    views: int
    poses: int
    size: int
    ending: str
    poses_from: Path | None = None


@dataclass(frozen=True)
class Made:
    """A person that was made, or why not.

    Attributes:
        number: the person's.
        error: what went wrong; None when the person is written.
    """

    number: int
    error: str | None


@dataclass(frozen=True, eq=False)
class Workshop:
    """What a process needs to make people."""

    studio: Studio
    population: Population


@functools.cache
def open_workshop() -> Workshop:
    """Load what the package brings, once a process: the open body and the population."""
    return Workshop(open_studio(load_body(open_body_path())), load_population())


@functools.cache
def open_library(path: Path) -> PoseLibrary:
    """Read a pose library, once a process. Raises DinarError: no pose library."""
    return read_poses(path)


def person_id(number: int) -> str:
    """The person's id in a dataset: six digits."""
    return f"{number:06d}"


def start_dataset(root: Path, order: Order) -> None:
    """Create the dataset's folder, or go on with one that was made to the same order."""
    body = load_body(open_body_path())
    create_dataset(
        root,
        DatasetInfo(
            name="synthetic people",
            source=f"dinar synth, generator {GENERATOR_VERSION}: {order.poses} poses of {order.views} views, "
            f"{order.size} x {order.size} pixels, {order.ending[1:]}{_poses_source(order.poses_from)}",
            licence="CC0-1.0" if order.poses_from is None else "CC0-1.0; poses: as those of their recordings",
            body=body.hash,
            body_vertices=len(body.v_template),
        ),
    )


def _poses_source(path: Path | None) -> str:
    """Name a pose library by its contents."""
    if path is None:
        return ""
    open_library(path)
    return f", poses of {path.name} {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


def missing(root: Path, numbers: range) -> list[int]:
    """The people of `numbers` that the dataset does not hold yet."""
    return [n for n in numbers if not person_folder(root, person_id(n)).exists()]


def generate(root: Path, numbers: list[int], order: Order, processes: int) -> Iterator[Made]:
    """Make people and tell of each when it is written.

    Args:
        root: a dataset's folder, see `start_dataset`.
        numbers: which people.
        order: what is made of each.
        processes: how many people are made at the same time, each on one thread.

    Raises:
        DinarError: a process was killed, as happens when memory runs out.
    """
    count, context = min(processes, len(numbers)), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=use_one_thread) as pool:
        waiting: set[Future[Made]] = set()
        todo = iter(numbers)
        try:
            while True:
                while len(waiting) < _AHEAD * processes and (number := next(todo, None)) is not None:
                    waiting.add(pool.submit(_try, root, number, order))
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise DinarError(
                "a process that made people was killed, perhaps for want of memory: run the same command "
                "again with fewer --processes; it goes on where it stopped"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _try(root: Path, number: int, order: Order) -> Made:
    try:
        make_into(root, open_workshop(), number, order)
    except Exception as error:  # one person that cannot be made must not end a run of thousands
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Made(number, f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})")
    return Made(number, None)


def make_into(root: Path, workshop: Workshop, number: int, order: Order) -> None:
    """Make one person and write it into a dataset."""
    recipe = sample_person(number, workshop.population)
    person = make_person(recipe, workshop.studio.body)
    painted = paint_person(person)
    pictures: list[Picture] = []
    places = []
    for k in range(order.poses):
        draw = Draw(GENERATOR_VERSION, number, "shot", k)
        library = open_library(order.poses_from) if order.poses_from else None
        shot = sample_shot(
            draw, painted, workshop.studio, views=order.views, size=order.size, library=library
        )
        pictures += take_pictures(painted, workshop.studio, shot)
        places += order.views * [shot.surroundings.place]
    betas = recipe.individual.betas.astype(np.float32)
    views = [
        View(person_id(number), k, p.rgb, p.rgba[..., 3], p.pose, betas, p.camera)
        for k, p in enumerate(pictures)
    ]
    more: dict[str, bytes] = {}
    for k, picture in enumerate(pictures):
        more[f"{k:04d}.keypoints.json"] = picture.keypoints.to_openpose()
        more[f"{k:04d}.parts.png"] = _png(picture.labels)
    texture = true_texture(person.form, person.parts, painted.mesh, painted.textures)
    more |= {"texture.png": _png(texture.rgb), "texture.mask.png": _png(_known(texture))}
    more["recipe.json"] = (json.dumps({**recipe.to_json(), "places": places}, indent=1) + "\n").encode()
    write_person(root, person_id(number), views, ending=order.ending, more=more)


def _known(texture: TrueTexture) -> np.ndarray:
    """255 on the body."""
    return np.where(texture.used, 255, 0).astype(np.uint8)


def _png(array: np.ndarray) -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(array).save(file, "PNG")
        return file.getvalue()
