"""Measures that others' networks make: LPIPS, DISTS, ReID and KID, where their weights are on this computer.

Nothing is downloaded. What is not there is a `MissingMeasure`: its column shows "-", never a number.

No package that brings these measures goes without torchvision: `piq` imports it at once, torchmetrics' DISTS
needs its VGG16, and its KID needs torch-fidelity, which needs it again. So the few lines that they are stand
here, and their published files are read as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dinar.trainer.evaluation.dists import FILES as DISTS_FILES
from dinar.trainer.evaluation.dists import open_dists
from dinar.trainer.evaluation.inception import FILES as INCEPTION_FILES
from dinar.trainer.evaluation.inception import kernel_distance, open_inception
from dinar.trainer.evaluation.measures import AnyMeasure, Measure, MissingMeasure, SetMeasure, before_grey
from dinar.trainer.evaluation.reid import FILE as REID_FILE
from dinar.trainer.evaluation.reid import open_reid
from dinar.trainer.losses.lpips import find_lpips, load_lpips
from dinar.trainer.metrics.quality import mask_boxes
from dinar.trainer.picture import Picture


@dataclass(frozen=True)
class Perceptual:
    """The four measures, each as it was found, or missing.

    Attributes:
        lpips: Zhang et al. 2018.
        dists: Ding et al. 2020.
        reid: distance of persons for a re-identification network.
        kid: Bińkowski et al. 2018, of all people together.
    """

    lpips: AnyMeasure
    dists: AnyMeasure
    reid: AnyMeasure
    kid: AnyMeasure


def open_perceptual(folder: Path | None) -> Perceptual:
    """Find weights.

    Args:
        folder: where the user keeps them; None: where other programs leave them.

    Raises:
        DinarError: a file that was found is damaged.
    """
    return Perceptual(_lpips(folder), _dists(folder), _reid(folder), _kid(folder))


def _lpips(folder: Path | None) -> AnyMeasure:
    found = find_lpips(folder)
    if found is None:
        return _missing("LPIPS", 4, "its weights are", "vgg.pth and vgg16-397923af.pth")
    distance = load_lpips(*found[1:])
    return Measure("LPIPS", False, 4, lambda a, b: float(distance(before_grey(a), before_grey(b))))


def _dists(folder: Path | None) -> AnyMeasure:
    distance = open_dists(folder)
    if distance is None:
        return _missing("DISTS", 4, "its weights are", f"{DISTS_FILES} and vgg16-397923af.pth")
    return Measure("DISTS", False, 4, lambda a, b: float(distance(before_grey(a), before_grey(b))))


def _reid(folder: Path | None) -> AnyMeasure:
    network = open_reid(folder)
    if network is None:
        return _missing("ReID", 5, "a re-identification network is", REID_FILE)

    def unlike(drawn: Picture, photo: Picture) -> float:
        left, top, right, bottom = mask_boxes(photo.mask)[0].tolist()
        a, b = (before_grey(picture)[..., top:bottom, left:right] for picture in (drawn, photo))
        return 1 - float(network.features(a) @ network.features(b))

    return Measure("ReID", False, 5, unlike)


def _kid(folder: Path | None) -> AnyMeasure:
    network = open_inception(folder)
    if network is None:
        return _missing("KID", 4, "its weights are", INCEPTION_FILES)
    return SetMeasure(
        "KID", False, 4, lambda picture: network.features(before_grey(picture))[0], kernel_distance
    )


def _missing(name: str, digits: int, what: str, files: str) -> MissingMeasure:
    return MissingMeasure(
        name,
        False,
        digits,
        f"{what} not on this computer; get {files} (docs/evaluation.md says where), and name the folder with "
        "--weights",
    )
