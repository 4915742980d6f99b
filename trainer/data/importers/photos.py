"""`dinar data import photos`: single photos of different people (AzurePeople), with mask and SMPL-X fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dinar.trainer.data.importers.dinar_folder import person_of
from dinar.trainer.data.importers.fits import FitReader, read_hand_space
from dinar.trainer.data.importers.importer import PicturesConfig, import_people, open_source_body
from dinar.trainer.data.importers.stills import FOCAL, Folders, StillReader
from dinar.trainer.data.importers.vposer import read_vposer


@dataclass(frozen=True)
class PhotosConfig(PicturesConfig):
    """Import single photos, one person each: picture, mask, OpenPose keypoints, SMPL-X parameters."""

    images: str = "images"
    """Folder in the source: NAME.png or .jpg."""
    masks: str = "masks"
    """Folder in the source: NAME.png or .jpg; black, or label 0, is background."""
    keypoints: str = "keypoints"
    """Folder in the source: NAME_keypoints.json or NAME.json, OpenPose's; need not be there."""
    params: str = "smplx"
    """Folder in the source: NAME.pkl, .npz or .json, or SMPLify-X's NAME/000.pkl."""
    focal: float = FOCAL
    """Focal length in pixels, where the parameter files do not say."""
    gender: Literal["neutral", "male", "female"] | None = None
    """Leave out what was fitted with another model than this."""
    flat_hands: bool = False
    """Hand parameters are relative to the flat hand (flat_hand_mean=True), not to the mean hand."""
    vposer: Path | None = None
    """VPoser's weights (.pt or .ckpt), where body poses are stored as its 32 numbers."""


def import_photos(config: PhotosConfig) -> int:
    """Import; returns the exit status. Raises DinarError naming what is wrong."""
    config.check()
    body = open_source_body(config.body)
    vposer = read_vposer(config.vposer) if config.vposer else None
    root = config.source
    folders = Folders(
        root / config.images, root / config.masks, root / config.keypoints, root / config.params
    )
    fits = FitReader(read_hand_space(config.body), config.flat_hands, vposer)
    reader = StillReader(folders, body, fits, config.gender, config.focal)
    return import_people(
        config,
        body,
        [person_of(name, [name], reader) for name in folders.names()],
        about=f"single photos with SMPL-X fits, imported from {root.resolve().name}",
        licence="see the photos' owner",
    )
