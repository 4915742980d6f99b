"""The folder layout of a dataset of people, written and read without trust; `docs/data.md` shows it to users.

    DIR/dataset.json                    what it is, which body its parameters belong to
    DIR/people/PERSON/views.npz         body parameters and cameras of all views of one person
    DIR/people/PERSON/0000.png (.jpg)   the pictures, sRGB
    DIR/people/PERSON/0000.mask.png     the person in each picture

A person's folder appears whole or not at all.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dinar.runtime.body import JOINT_COUNT, Pose
from dinar.runtime.camera import Camera
from dinar.runtime.errors import DinarError
from dinar.runtime.files.npz import ArrayFileError, open_arrays
from dinar.runtime.files.whole_file import whole_file
from dinar.trainer.data.dataset.pictures import picture_size

FORMAT, VERSION = "dinar-people", 1
PICTURE_ENDINGS = (".png", ".jpg")
MAX_VIEWS = 100_000  # of one person
MAX_SIDE = 8192  # pixels
_MAX_VIEWS_BYTES = 1 << 28
_MAX_PICTURE_BYTES = 1 << 28
_MAX_JSON_BYTES = 1 << 24
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class DatasetError(DinarError):
    """A dataset, or a part of it, that cannot be used; the text is one sentence that names the file."""


@dataclass(frozen=True)
class DatasetInfo:
    """What `dataset.json` says.

    Attributes:
        name: for people.
        source: where it comes from, and how it was made.
        licence: who may use it.
        body: hash of the body model (`Body.hash`) that all parameters belong to.
        body_vertices: how many vertices that has.
    """

    name: str
    source: str
    licence: str
    body: str
    body_vertices: int


@dataclass(frozen=True)
class View:
    """One picture of one person, and what is known about it.

    Attributes:
        person: the person's id.
        view: number of the view among the person's, from 0.
        image: uint8 [H, W, 3], sRGB.
        mask: uint8 [H, W], share of the person in each pixel, 255 = all.
        pose: of the body model.
        betas: float32 [S], shape coefficients of the body model.
        camera: of H rows and W columns.
    """

    person: str
    view: int
    image: np.ndarray
    mask: np.ndarray
    pose: Pose
    betas: np.ndarray
    camera: Camera


@dataclass(frozen=True)
class Views:
    """The body parameters and cameras of a person's N views: `views.npz`.

    Attributes:
        rotations: float32 [N, 55, 3], see `Pose`.
        translation: float32 [N, 3].
        expression: float32 [N, E].
        betas: float32 [N, S].
        T_camera_world: float64 [N, 4, 4], see `Camera`.
        K: float64 [N, 3, 3].
        size: int32 [N, 2], height and width, pixels.
    """

    rotations: np.ndarray
    translation: np.ndarray
    expression: np.ndarray
    betas: np.ndarray
    T_camera_world: np.ndarray
    K: np.ndarray
    size: np.ndarray

    def __len__(self) -> int:
        return len(self.rotations)

    def pose(self, view: int) -> Pose:
        """The pose of one view."""
        return Pose(self.rotations[view], self.translation[view], self.expression[view])

    def camera(self, view: int) -> Camera:
        """The camera of one view. Raises ValueError when its numbers are no camera's."""
        height, width = (int(n) for n in self.size[view])
        return Camera(self.T_camera_world[view], self.K[view], width, height)


# --- Writing --------------------------------------------------------------------------------------


def create_dataset(root: Path, info: DatasetInfo) -> None:
    """Start a dataset in a folder, or go on with one that says the same of itself.

    Raises DatasetError: the folder holds another dataset, or something else.
    """
    file = root / "dataset.json"
    if file.exists():
        if read_info(root) != info:
            raise DatasetError(f"{file} describes another dataset: choose an empty folder")
        return
    if root.exists() and any(root.iterdir()):
        raise DatasetError(f"{root} is not empty and holds no dataset.json: choose an empty folder")
    (root / "people").mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, "version": VERSION, **asdict(info)}, indent=2)
    with whole_file(file) as part:
        part.write_text(text + "\n", "utf-8")


def write_person(
    root: Path,
    person: str,
    views: Sequence[View],
    *,
    ending: str = ".png",
    more: Mapping[str, bytes] | None = None,
) -> None:
    """Write all views of a person; an older folder of the same person is replaced.

    Args:
        root: the dataset's folder (see `create_dataset`).
        person: letters, digits, `_`, `-`, `.`; names the folder.
        views: numbered from 0 in this order.
        ending: `.png`, or `.jpg` for a quarter of the size (quality 95).
        more: contents of further files, by name (keypoints, textures ...).
    """
    if not _NAME.fullmatch(person):
        raise DatasetError(f"a person's id may hold letters, digits, '_', '-' and '.', not {person!r}")
    if not views:
        raise DatasetError(f"person {person} has no view: nothing was written")
    partial = root / "people" / f".partial-{person}-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for number, view in enumerate(views):
        encode(partial / f"{number:04d}{ending}", view.image)
        encode(partial / f"{number:04d}.mask.png", view.mask)
    for name, content in (more or {}).items():
        (partial / name).write_bytes(content)
    np.savez(partial / "views.npz", **vars(_gather(views)))
    folder = person_folder(root, person)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _gather(views: Sequence[View]) -> Views:
    expressions = max(len(v.pose.expression) for v in views)
    return Views(
        rotations=np.stack([v.pose.rotations for v in views]).astype(np.float32),
        translation=np.stack([v.pose.translation for v in views]).astype(np.float32),
        expression=np.stack(
            [np.pad(v.pose.expression, (0, expressions - len(v.pose.expression))) for v in views]
        ).astype(np.float32),
        betas=np.stack([v.betas for v in views]).astype(np.float32),
        T_camera_world=np.stack([v.camera.T_camera_world for v in views]),
        K=np.stack([v.camera.K for v in views]),
        size=np.array([v.image.shape[:2] for v in views], np.int32),
    )


def encode(path: Path, image: np.ndarray) -> None:
    """Write a picture, uint8 [H, W, 3] sRGB or [H, W], as PNG or JPEG (quality 95, full colour)."""
    if path.suffix == ".jpg":
        options = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
    else:  # photographs: a tenth smaller and a third faster as runs, masks the other way round
        strategy = cv2.IMWRITE_PNG_STRATEGY_RLE if image.ndim == 3 else cv2.IMWRITE_PNG_STRATEGY_DEFAULT
        options = [cv2.IMWRITE_PNG_COMPRESSION, 3, cv2.IMWRITE_PNG_STRATEGY, strategy]
    ok, data = cv2.imencode(path.suffix, image[..., ::-1] if image.ndim == 3 else image, options)
    if not ok:
        raise DatasetError(f"{path} cannot be encoded from an array of shape {image.shape}")
    path.write_bytes(data.tobytes())


# --- Reading --------------------------------------------------------------------------------------


def person_folder(root: Path, person: str) -> Path:
    """Where a person's files are."""
    return root / "people" / person


def read_info(root: Path) -> DatasetInfo:
    """Read `dataset.json`. Raises DatasetError: missing, damaged, of another kind or a newer version."""
    file, entries = root / "dataset.json", read_entries(root)
    values: dict[str, Any] = {name: entries.get(name) for name in DatasetInfo.__dataclass_fields__}
    for name, value in values.items():
        if not isinstance(value, int if name == "body_vertices" else str):
            raise DatasetError(f"{file}: entry {name!r} is missing or of the wrong kind")
    return DatasetInfo(**values)


def read_entries(root: Path) -> dict[str, Any]:
    """All entries of `dataset.json`, also those beyond `DatasetInfo`. Raises DatasetError as `read_info`."""
    file = root / "dataset.json"
    if not file.exists():
        raise DatasetError(f"{root} holds no dataset.json: name the folder of a dataset (see docs/data.md)")
    entries = read_json(file)
    kind, version = entries.get("format"), entries.get("version")
    if kind != FORMAT or not isinstance(version, int):
        raise DatasetError(f"{file} says format {kind!r}, expected {FORMAT!r}")
    if version > VERSION:
        raise DatasetError(f"{file} has version {version}, this program reads up to {VERSION}: update dinar")
    return entries


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON file of at most 16 MB that holds a map. Raises DatasetError naming what is wrong."""
    try:
        with file.open("rb") as stream:
            entries = json.loads(stream.read(_MAX_JSON_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{file} cannot be read ({error})") from error
    if not isinstance(entries, dict):
        raise DatasetError(f"{file} cannot be read (expected a map of names to values)")
    return entries


def people_of(root: Path) -> tuple[str, ...]:
    """Ids of the people in a dataset, sorted. Raises DatasetError when there are none."""
    try:
        names = sorted(e.name for e in os.scandir(root / "people") if e.is_dir() and _NAME.fullmatch(e.name))
    except OSError as error:
        raise DatasetError(f"{root / 'people'} cannot be listed ({error.strerror})") from error
    if not names:
        raise DatasetError(f"{root / 'people'} holds nobody: an empty dataset")
    return tuple(names)


def read_views(root: Path, person: str) -> Views:
    """Read the parameters of a person's views. Raises DatasetError naming what is wrong."""
    file = person_folder(root, person) / "views.npz"
    try:
        with open_arrays(file, _MAX_VIEWS_BYTES) as arrays:
            views = Views(**{name: arrays.read(name) for name in Views.__dataclass_fields__})
    except OSError as error:
        raise DatasetError(f"{file} cannot be opened ({error.strerror})") from error
    except ArrayFileError as error:
        raise DatasetError(str(error)) from error
    _check_views(file, views)
    return views


def _check_views(file: Path, views: Views) -> None:
    count = len(views.rotations) if views.rotations.ndim else 0
    if not 0 < count <= MAX_VIEWS:
        raise DatasetError(f"{file} has {count} views, expected 1 to {MAX_VIEWS:,}")
    ends = {
        "rotations": (JOINT_COUNT, 3),
        "translation": (3,),
        "T_camera_world": (4, 4),
        "K": (3, 3),
        "size": (2,),
    }
    for name, array in vars(views).items():
        wanted = (count, *ends[name]) if name in ends else (count, array.shape[-1] if array.ndim == 2 else -1)
        if array.shape != wanted:
            raise DatasetError(f"{file}: {name} has shape {array.shape}, expected {wanted}")
        bad = np.flatnonzero(~np.isfinite(array).reshape(count, -1).all(1))
        if len(bad):
            raise DatasetError(f"{file}: {name} of view {bad[0]} is not a finite number")
    if (views.size < 1).any() or (views.size > MAX_SIDE).any():
        raise DatasetError(f"{file}: size must lie between 1 and {MAX_SIDE} pixels")


def read_view(root: Path, person: str, view: int, views: Views | None = None) -> View:
    """Read one view.

    Args:
        root: the dataset's folder.
        person: whose.
        view: its number.
        views: what `read_views` returned, if it is at hand.

    Raises:
        DatasetError: a file is missing or damaged, or the sizes do not agree.
    """
    views = views or read_views(root, person)
    folder = person_folder(root, person)
    if not 0 <= view < len(views):
        raise DatasetError(f"{folder} has {len(views)} views, there is no view {view}")
    picture, mask_file = picture_file(root, person, view), mask_file_of(root, person, view)
    image, mask = decode(picture, colour=True), decode(mask_file, colour=False)
    for file, array in ((picture, image), (mask_file, mask)):
        check_size(file, array.shape[:2], views, view)
    try:
        camera = views.camera(view)
    except ValueError as error:
        raise DatasetError(f"{folder / 'views.npz'}: view {view}: {one_line(error)}") from error
    return View(person, view, image, mask, views.pose(view), views.betas[view], camera)


def one_line(error: Exception) -> str:
    """What an error says, in one line also where it shows a matrix."""
    return " ".join(str(error).split())


def picture_file(root: Path, person: str, view: int) -> Path:
    """Where the picture of a view is, PNG or JPEG; the name it should have when there is none."""
    folder = person_folder(root, person)
    candidates = [folder / f"{view:04d}{ending}" for ending in PICTURE_ENDINGS]
    return next((file for file in candidates if os.path.exists(file)), candidates[0])


def mask_file_of(root: Path, person: str, view: int) -> Path:
    """Where the mask of a view is."""
    return person_folder(root, person) / f"{view:04d}.mask.png"


def check_size(file: Path, size: tuple[int, ...], views: Views, view: int) -> None:
    """Raise DatasetError unless a picture's height and width are those of its camera."""
    wanted = tuple(int(n) for n in views.size[view])
    if tuple(size) != wanted:
        raise DatasetError(
            f"{file} has {size[1]} x {size[0]} pixels, views.npz says {wanted[1]} x {wanted[0]}"
        )


def read_picture(path: Path) -> tuple[bytes, tuple[int, int]]:
    """Read a picture's bytes, its height and its width, without decoding it.

    Raises DatasetError: missing, damaged, beyond 8192 pixels or 256 MB.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_PICTURE_BYTES)
    except OSError as error:
        raise DatasetError(f"{path} cannot be opened ({error.strerror})") from error
    try:
        height, width = picture_size(data)
    except ValueError as error:
        raise DatasetError(f"{path} is not a picture that can be read: {error}") from error
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise DatasetError(f"{path} has {width} x {height} pixels, 1 to {MAX_SIDE} are allowed")
    return data, (height, width)


def decode(path: Path, *, colour: bool) -> np.ndarray:
    """Read a picture: uint8 [H, W, 3] sRGB, or [H, W]. Raises DatasetError as `read_picture`."""
    data, _ = read_picture(path)
    flags = (cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE) | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise DatasetError(f"{path} is not a picture that can be read: {error.err}") from error
    if image is None:
        raise DatasetError(f"{path} is not a picture that can be read: its pixels are damaged")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if colour else image
