"""Photos of somebody whose parameters are known, with the files that belong to them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from rich.console import Console

from dinar.runtime.body import open_body_path
from dinar.trainer.create.person import Person
from dinar.trainer.create.photos import PhotoSet, read_photos
from dinar.trainer.data.dataset.layout import encode
from dinar.trainer.data.importers.fits import read_hand_space
from dinar.trainer.data.importers.stills import StillFiles
from dinar.trainer.fit.fit_file import write_fit
from dinar.trainer.fit.fit_photo import Fitted

from ..fit.subjects import Truth, make_truth
from .people import silent

TEXELS = 64


def write_photo(folder: Path, seed: int = 1, name: str = "anna", yaw: float = 0.0) -> StillFiles:
    """NAME.png, red above and blue below, NAME.mask.png and NAME.npz."""
    truth = make_truth(seed, yaw)
    files = StillFiles(folder / f"{name}.png", folder / f"{name}.mask.png", folder / f"{name}.npz")
    height, width = truth.mask.shape
    photo = np.full((height, width, 3), 60, np.uint8)
    photo[: height // 2][truth.mask[: height // 2] > 0] = (220, 40, 40)
    photo[height // 2 :][truth.mask[height // 2 :] > 0] = (40, 40, 220)
    encode(files.picture, photo)
    encode(files.mask, truth.mask)
    write_parameters(files.fit, truth)
    return files


def photo_of_somebody(folder: Path) -> None:
    """me.jpg with me_keypoints.json and me.mask.png: what somebody has before `dinar fit`."""
    files = write_photo(folder, name="me")
    files.fit.unlink()
    photo = cv2.imread(str(files.picture))
    files.picture.unlink()
    cv2.imwrite(str(folder / "me.jpg"), photo)
    (folder / "me_keypoints.json").write_bytes(make_truth(1).keypoints.to_openpose())


def write_parameters(file: Path, truth: Truth) -> None:
    hands = read_hand_space(open_body_path())
    assert hands is not None
    write_fit(file, Fitted(truth.betas, truth.pose, 0.0, 0.0, 1.0), truth.camera, hands)


def read(*files: StillFiles, console: Console | None = None) -> Person:
    """The person `anna` of these photos, textures of 64 x 64 texels."""
    return read_photos(PhotoSet("anna", files), open_body_path(), "mine", TEXELS, console or silent())


def shrink(files: StillFiles, factor: int) -> None:
    """Make photo and mask smaller, and the camera of the parameters with them."""
    for file in (files.picture, files.mask):
        pixels = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(file), pixels[::factor, ::factor])
    with np.load(files.fit) as archive:
        entries = {name: archive[name] for name in archive.files}
    entries["focal_length"] = entries["focal_length"] / factor
    entries["camera_center"] = entries["camera_center"] / factor
    np.savez(files.fit, **entries)
