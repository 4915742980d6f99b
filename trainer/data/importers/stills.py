"""Pictures with a mask, keypoints and fitted SMPL-X parameters each, matched by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from dinar.trainer.data.dataset.layout import read_picture
from dinar.trainer.data.dataset.truth import read_keypoints
from dinar.trainer.data.importers.fits import ENDINGS, FitCamera, FitReader, check_gender, upright
from dinar.trainer.data.importers.importer import ImportFailure, ShotSource, SourceBody, read_camera
from dinar.trainer.data.importers.shot import Shot

FOCAL = 5000.0
"""Focal length of SMPLify-X where nothing else is said, pixels."""

_PICTURES = (".png", ".jpg", ".jpeg")
_KEYPOINTS = ("{}_keypoints.json", "{}.json")
_MOST_LABELS = 32


@dataclass(frozen=True)
class StillFiles:
    """The files of one picture.

    Attributes:
        picture: .png or .jpg.
        mask: likewise, see `person_mask`.
        fit: parameters, .pkl, .npz or .json, see `fits`.
        keypoints: OpenPose's .json, if there are any.
    """

    picture: Path
    mask: Path
    fit: Path
    keypoints: Path | None = None


@dataclass(frozen=True)
class Folders:
    """Where the files are.

    Attributes:
        pictures: NAME.png or .jpg.
        masks: NAME.png or .jpg, see `person_mask`.
        keypoints: NAME_keypoints.json or NAME.json, OpenPose's; need not be there.
        fits: NAME.pkl, .npz or .json, or NAME/000.pkl, as SMPLify-X writes them.
    """

    pictures: Path
    masks: Path
    keypoints: Path
    fits: Path

    def names(self) -> list[str]:
        """Names of the pictures, sorted. Raises ImportFailure: no folder, or two pictures of one name."""
        try:
            files = sorted(f for f in self.pictures.iterdir() if f.suffix.lower() in _PICTURES)
        except OSError as error:
            raise ImportFailure(f"{self.pictures} cannot be listed ({error.strerror})") from error
        names = [file.stem for file in files]
        twice = next((a for a, b in pairwise(names) if a == b), None)
        if twice is not None:
            raise ImportFailure(f"{self.pictures} holds two pictures called {twice}: remove one")
        return names

    def files(self, name: str) -> StillFiles:
        """Find the files of a picture. Raises ImportFailure: one is missing."""
        keypoints = [self.keypoints / form.format(name) for form in _KEYPOINTS]
        return StillFiles(
            _find(self.pictures, name, _PICTURES),
            _find(self.masks, name, _PICTURES),
            _fit_file(self.fits, name),
            next((file for file in keypoints if file.exists()), None),
        )


@dataclass(frozen=True)
class StillReader:
    """Loads pictures with all that belongs to them.

    Attributes:
        folders: where they are.
        body: that the parameters belong to.
        fits: reads parameter files.
        gender: of the model that was fitted with; fits with another one are bad. None: any.
        focal: pixels, where the parameter file does not say.
    """

    folders: Folders
    body: SourceBody
    fits: FitReader
    gender: str | None
    focal: float

    def source(self, name: str) -> ShotSource:
        """A picture, to be loaded later."""
        return ShotSource(str(self.folders.pictures / name), lambda: self.load(name))

    def load(self, name: str) -> Shot:
        """Load a picture. Raises DinarError naming the file that is missing or bad."""
        return read_still(self.folders.files(name), self.body, self.fits, self.gender, self.focal)


def read_still(
    files: StillFiles, body: SourceBody, fits: FitReader, gender: str | None = None, focal: float = FOCAL
) -> Shot:
    """Read a picture with all that belongs to it.

    Args:
        files: of the picture.
        body: that the parameters belong to.
        fits: reads parameter files.
        gender: see `StillReader`.
        focal: likewise.

    Raises:
        DinarError: naming the file that is bad.
    """
    image, mask = read_rgb(files.picture), person_mask(read_pixels(files.mask))
    height, width = image.shape[:2]
    if mask.shape != (height, width):
        raise ImportFailure(
            f"{files.mask} has {mask.shape[1]} x {mask.shape[0]} pixels, the picture {width} x {height}"
        )
    fit = fits.read(files.fit)
    check_gender(fit, gender, files.fit)
    pose, T = upright(fit.pose, fit.betas, fit.camera.R, fit.camera.t, body.joints)
    camera = read_camera(T, _intrinsics(fit.camera, fit.crop, focal, width, height), width, height)
    keypoints = None if files.keypoints is None else read_keypoints(files.keypoints)
    return Shot(image, mask, pose, fit.betas, camera, keypoints)


def person_mask(pixels: np.ndarray) -> np.ndarray:
    """Turn a segmentation into a mask, uint8 [H, W], 255 = the person.

    Grey pictures with values up to 31 hold labels (as Graphonomy's `*_gray.png`), all but 0 are the person;
    other grey ones are the share of the person already; in coloured ones (Graphonomy's other kind) all that
    is not black is the person.

    Args:
        pixels: uint8 [H, W] or [H, W, 3].
    """
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    if pixels.ndim == 3:
        return np.where(pixels.any(axis=2), np.uint8(255), np.uint8(0))
    if pixels.max() < _MOST_LABELS:
        return np.where(pixels > 0, np.uint8(255), np.uint8(0))
    return np.ascontiguousarray(pixels)


def read_rgb(path: Path) -> np.ndarray:
    """Read a picture turned as its camera says (EXIF): uint8 [H, W, 3] sRGB. Raises DatasetError."""
    return np.ascontiguousarray(_decoded(path, cv2.IMREAD_COLOR)[..., ::-1])


def read_pixels(path: Path) -> np.ndarray:
    """Read a picture, uint8 [H, W] if it is grey, else [H, W, 3], without its alpha. Raises DatasetError."""
    pixels = _decoded(path, cv2.IMREAD_ANYCOLOR)
    return pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1])


def _decoded(path: Path, flags: int) -> np.ndarray:
    data, _ = read_picture(path)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise ImportFailure(f"{path} is not a picture that can be read: its pixels are damaged")
    return np.asarray(pixels)


def _find(folder: Path, name: str, endings: Sequence[str]) -> Path:
    """Return the file of a name, whichever ending it has. Raises ImportFailure: none."""
    files = [folder / f"{name}{way}" for ending in endings for way in (ending, ending.upper())]
    file = next((file for file in files if file.exists()), None)
    if file is None:
        raise ImportFailure(f"{files[0]} is missing (also with {', '.join(endings[1:])})")
    return file


def _fit_file(folder: Path, name: str) -> Path:
    nested = folder / name / "000.pkl"
    return nested if nested.exists() else _find(folder, name, ENDINGS)


def _intrinsics(
    camera: FitCamera, crop: np.ndarray | None, focal: float, width: int, height: int
) -> np.ndarray:
    """K of a fit: the camera looks at the middle of the picture, or of the part of it that was fitted."""
    left, top = (0.0, 0.0) if crop is None else crop[:2]
    if crop is not None:
        width, height = (int(n) for n in crop[2:] - crop[:2])
    centre = camera.centre if camera.centre is not None else np.array([width // 2, height // 2])
    f = camera.focal if camera.focal is not None else np.array([focal, focal])
    return np.array([[f[0], 0, centre[0] + left], [0, f[1], centre[1] + top], [0, 0, 1]])
