"""Photos from anywhere that an avatar is made from: each with its mask and the parameters of a fit.

A photo becomes what the networks were trained with: a square around the person (`cropped`), with its camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from dinar.runtime.errors import DinarError
from dinar.trainer.create.person import GivenView, Origin, Person, prepare_person
from dinar.trainer.data.dataset.plausibility import PERSON
from dinar.trainer.data.importers.fits import FitReader, read_hand_space
from dinar.trainer.data.importers.importer import SourceBody, open_source_body
from dinar.trainer.data.importers.shot import Shot, check_shot, cropped, views_of
from dinar.trainer.data.importers.stills import StillFiles, read_still
from dinar.trainer.fit.fit_photo import POOR_IOU
from dinar.trainer.fit.silhouette import silhouette_iou

SIDE = 512
"""Pixels on a side of the square that is cut out; people of that size are what networks are trained with."""

LEAST_HEIGHT = 128
"""Pixels that a person must have from top to bottom."""


@dataclass(frozen=True)
class PhotoSet:
    """Photos of one person.

    Attributes:
        name: the person's.
        files: of one photo or more.
    """

    name: str
    files: tuple[StillFiles, ...]


def find_photos(photos: Sequence[Path], masks: Sequence[Path], fits: Sequence[Path], name: str) -> PhotoSet:
    """Find what belongs to photos.

    Args:
        photos: one or more, of one person.
        masks: of each; none: PHOTO's name with .mask.png, as `dinar fit --segment` calls them.
        fits: files of `dinar fit`, of each; none: PHOTO's name with .npz.
        name: the person's; empty: the first photo's.

    Raises:
        DinarError: a file is not there; the sentence says what makes it.
    """
    masks = masks or [photo.with_suffix(".mask.png") for photo in photos]
    fits = fits or [photo.with_suffix(".npz") for photo in photos]
    files = tuple(StillFiles(*each) for each in zip(photos, masks, fits, strict=True))
    for each in files:
        _check_there(each)
    return PhotoSet(name or photos[0].stem, files)


def _check_there(files: StillFiles) -> None:
    photo = files.picture
    if not photo.is_file():
        raise DinarError(f"there is no photo {photo}")
    if not files.mask.is_file():
        raise DinarError(
            f"there is no mask {files.mask}: name the mask of {photo} with --mask, or let "
            f"`dinar fit {photo} --segment rembg ...` make it"
        )
    if not files.fit.is_file():
        raise DinarError(
            f"there are no body parameters {files.fit}: name those of {photo} with --fit, or let "
            f"`dinar fit {photo} --keypoints KEYPOINTS.json --mask {files.mask} --out {files.fit}` make them"
        )


def read_photos(photos: PhotoSet, body: Path, licence: str, texture_size: int, console: Console) -> Person:
    """Read and prepare photos; poor fits are told with their numbers.

    Args:
        photos: of one person.
        body: the .npz file of the body that they were fitted with.
        licence: who may use them.
        texture_size: texels on a side of the texture.
        console: shows how far it is, and what is poor.

    Raises:
        DinarError: a file is bad, a mask is empty, inverted or somebody else's, a person is too small, or the
            parameters do not fit the body.
    """
    source = open_source_body(body)
    fits = FitReader(read_hand_space(body))
    shots = [_read_shot(files, source, fits) for files in photos.files]
    count = "one photo" if len(shots) == 1 else f"{len(shots)} photos"
    origin = Origin(photos.name, f"{count} of {photos.name} with fitted SMPL-X parameters", licence)
    person = prepare_person(origin, source.body, texture_size, views_of(photos.name, shots), (), console)
    for files, seen in zip(photos.files, person.given, strict=True):
        warn_of_poor_fit(files, seen, console)
    return person


def _read_shot(files: StillFiles, source: SourceBody, fits: FitReader) -> Shot:
    """The square around the person. Raises DinarError naming the file."""
    shot = read_still(files, source, fits)
    try:
        check_shot(shot, source.joints)
    except DinarError as error:
        raise DinarError(
            f"{files.picture} with {files.mask} and {files.fit}: {error}; take the mask and the parameters "
            "of this very photo (`dinar fit` makes them)"
        ) from error
    rows = np.flatnonzero((shot.mask >= PERSON).any(1))
    height = int(rows[-1] - rows[0]) + 1
    if height < LEAST_HEIGHT:
        raise DinarError(
            f"{files.picture}: the person is only {height} pixels high, an avatar needs {LEAST_HEIGHT} or "
            "more: take a larger photo"
        )
    return cropped(shot, SIDE)


def warn_of_poor_fit(files: StillFiles, seen: GivenView, console: Console) -> None:
    """Say how far body and mask are apart where that is too far."""
    body, person = seen.body.coverage, seen.view.mask >= PERSON
    iou = silhouette_iou(body, person)
    if iou < POOR_IOU:
        console.print(
            f"a poor fit: the body of {files.fit} and the mask of {files.picture} overlap by {iou:.2f} "
            f"(IoU), expected above {POOR_IOU:.2f}; colours will be in wrong places. Fit the photo again",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )
