"""`dinar fit`: SMPL-X parameters and a camera from a photo, its keypoints and its mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import tyro
from rich.console import Console
from rich.progress import Progress

from dinar.runtime.body import load_body, open_body_path
from dinar.runtime.errors import DinarError, UsageError
from dinar.trainer.data.dataset.layout import encode
from dinar.trainer.data.dataset.progress import progress_bar
from dinar.trainer.data.importers.fits import read_hand_space
from dinar.trainer.data.importers.stills import read_rgb
from dinar.trainer.data.importers.vposer import read_vposer
from dinar.trainer.fit.fit_file import write_fit
from dinar.trainer.fit.fit_photo import POOR_IOU, Fitted, PhotoFitter
from dinar.trainer.fit.keypoints import Observed, read_observed
from dinar.trainer.fit.optimize import STAGE_COUNT
from dinar.trainer.fit.photo import Subject, check_mask, fit_camera, focal_length, read_mask
from dinar.trainer.fit.priors import GaussianPosePrior, PosePrior, Priors, VPoserPosePrior, load_priors
from dinar.trainer.fit.refine import STEPS
from dinar.trainer.fit.segment import segment

POOR_RESIDUAL, FAILED_RESIDUAL = 0.025, 0.10
"""Mean distances of keypoints, of the person's extent, from which on a fit is poor, and none at all."""


@dataclass(frozen=True)
class FitConfig:
    """Fit a body to a photo: SMPL-X parameters and a camera, for datasets and avatars (docs/fit.md)."""

    photo: tyro.conf.Positional[Path]
    """The photo (.png or .jpg), with one person, seen whole."""
    keypoints: Path
    """OpenPose's JSON file of it: body (BODY_25), and hands and face if they were found."""
    out: Path
    """The .npz file of parameters to write."""
    mask: Path | None = None
    """Who is in the photo: 255 where the person is, 0 elsewhere, of the photo's size."""
    segment: Literal["torchvision", "rembg"] | None = None
    """Instead of a mask: make one with a model that you have installed; it is written beside OUT."""
    body: Path | None = None
    """The SMPL-X model (.npz) to fit; the open body that comes with dinar when left out."""
    focal: float | None = None
    """Focal length in pixels; when left out, what the photo's EXIF data say, else twice its longer side."""
    height: float | None = None
    """How tall the person is, metres, without shoes, if you know: one photo hardly tells."""
    vposer: Path | None = None
    """Weights of VPoser (.pt or .ckpt), to take its place as the prior of poses."""
    silhouette_steps: int = STEPS
    """Steps that match the body's outline with the mask; 0: keypoints alone."""

    def __post_init__(self) -> None:
        """Raise UsageError for values that cannot be."""
        if self.out.suffix != ".npz":
            raise UsageError(f"--out expects the name of a .npz file, not {self.out}")
        if not self.out.parent.is_dir():
            raise UsageError(f"--out {self.out}: there is no folder {self.out.parent}; make it first")
        if (self.mask is None) == (self.segment is None):
            raise UsageError("name the photo's mask with --mask, or a model that makes it with --segment")
        if self.focal is not None and not 1 <= self.focal <= 1e6:
            raise UsageError(f"--focal must lie between 1 and 1,000,000 pixels, not {self.focal:g}")
        if self.height is not None and not 0.5 <= self.height <= 2.5:
            raise UsageError(f"--height must lie between 0.5 and 2.5 metres, not {self.height:g}")
        if not 0 <= self.silhouette_steps <= 10_000:
            raise UsageError(f"--silhouette-steps must be from 0 to 10,000, not {self.silhouette_steps}")


def fit(config: FitConfig) -> int:
    """Fit the photo and say how well it went; returns the status. Raises DinarError."""
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    photo = read_rgb(config.photo)
    height, width = photo.shape[:2]
    observed = read_observed(config.keypoints, width, height)
    mask = _mask(config, photo, observed)
    camera = fit_camera(config.focal or focal_length(config.photo, width, height), width, height)
    body_file = config.body or open_body_path()
    hands = read_hand_space(body_file)
    if hands is None:
        raise DinarError(f"{body_file} does not hold the mean hands (hands_mean*) that SMPL-X files have")
    fitter = PhotoFitter(load_body(body_file), body_file, *_priors(config))
    with progress_bar(console) as bar:
        subject = Subject(mask, observed, camera, config.height)
        fitted = _fitted(fitter, subject, config.silhouette_steps, bar)
    judge(fitted, console)
    write_fit(config.out, fitted, camera, hands)
    Console().print(
        f"wrote {config.out}: keypoints within {fitted.residual:.1f} pixels on average "
        f"({fitted.relative_residual:.1%} of the person), silhouette IoU {fitted.iou:.2f}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    return 0


def _fitted(fitter: PhotoFitter, subject: Subject, silhouette_steps: int, bar: Progress) -> Fitted:
    """Run all stages, each named on the bar."""
    task = bar.add_task("", total=STAGE_COUNT + silhouette_steps)

    def stage(name: str) -> None:
        bar.update(task, description=name, advance=1)

    draft = fitter.to_keypoints(subject, stage)
    if silhouette_steps:
        bar.update(task, description="silhouette")
        draft = fitter.to_mask(draft, silhouette_steps, lambda: bar.advance(task))
    return fitter.result(draft)


def _mask(config: FitConfig, photo: np.ndarray, observed: Observed) -> np.ndarray:
    """The mask from its file or from a model, checked; a model's is written beside the parameters."""
    if config.mask is not None:
        mask = read_mask(config.mask, photo.shape[1], photo.shape[0])
        check_mask(mask, observed, str(config.mask))
        return mask
    assert config.segment is not None  # `FitConfig` has seen to it
    mask = segment(photo, config.segment)
    check_mask(mask, observed, f"the mask made by {config.segment}")
    encode(config.out.with_suffix(".mask.png"), mask)
    return mask


def _priors(config: FitConfig) -> tuple[Priors, PosePrior]:
    priors = load_priors()
    if config.vposer is not None:
        return priors, VPoserPosePrior(read_vposer(config.vposer))
    return priors, GaussianPosePrior(priors.body)


def judge(fitted: Fitted, console: Console) -> None:
    """Warn of a poor fit with its numbers. Raises DinarError for one that did not converge."""
    numbers = (
        f"keypoints are {fitted.residual:.1f} pixels off on average "
        f"({fitted.relative_residual:.1%} of the person), silhouette IoU {fitted.iou:.2f}"
    )
    if not fitted.relative_residual < FAILED_RESIDUAL:
        raise DinarError(
            f"the fit did not converge: {numbers}; check that the keypoints belong to this photo, that left "
            "and right are not exchanged, and try --focal"
        )
    if fitted.relative_residual > POOR_RESIDUAL or fitted.iou < POOR_IOU:
        console.print(
            f"a poor fit: {numbers}; expected below {POOR_RESIDUAL:.1%} and above {POOR_IOU:.2f}. "
            "Look at the keypoints and the mask before you use it"
        )
