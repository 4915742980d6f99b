"""From a photo's keypoints and mask to a posed body: all stages, and how well it meets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from dinar.runtime.body import Body, Pose
from dinar.trainer.data.dataset.plausibility import PERSON
from dinar.trainer.fit.body_points import open_body_points
from dinar.trainer.fit.optimize import Attempt, KeypointFit, fit_keypoints
from dinar.trainer.fit.photo import Subject
from dinar.trainer.fit.priors import PosePrior, Priors
from dinar.trainer.fit.refine import refine
from dinar.trainer.fit.silhouette import make_target, open_silhouette, silhouette_iou
from dinar.trainer.fit.torch_body import TorchBody
from dinar.trainer.fit.unknowns import PersonSpace
from dinar.trainer.texture.body_view import view_body

POOR_IOU = 0.65
"""A silhouette that meets the mask less is poor; wide clothes alone bring it down to 0.7."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A body in a photo.

    Attributes:
        betas: float32 [S].
        pose: in a world with y up and the subject's camera.
        residual: mean distance of the body's keypoints, pixels.
        relative_residual: of the person's extent.
        iou: of the body's silhouette with the mask, at the photo's size.
    """

    betas: np.ndarray
    pose: Pose
    residual: float
    relative_residual: float
    iou: float


@dataclass(frozen=True, eq=False)
class Draft:
    """A fit under way.

    Attributes:
        subject: who is fitted.
        fit: to the subject's keypoints.
        attempt: what is known so far.
    """

    subject: Subject
    fit: KeypointFit
    attempt: Attempt


class PhotoFitter:
    """Fits photos with one body model: first to the keypoints, then to the mask as well."""

    def __init__(self, body: Body, body_file: Path, priors: Priors, pose_prior: PosePrior) -> None:
        """Prepare the body. Raises DinarError: its file lacks the face's landmarks."""
        self.body = body
        self._points = open_body_points(body, body_file)
        self._space = PersonSpace(body, priors, pose_prior)
        self._whole: TorchBody | None = None

    def to_keypoints(self, subject: Subject, on_stage: Callable[[str], None]) -> Draft:
        """Fit somebody to the keypoints; `on_stage` is told the name of each stage as it starts."""
        fit = KeypointFit(
            self.body, self._points, self._space, subject.camera, subject.observed, subject.height
        )
        return Draft(subject, fit, fit_keypoints(fit, on_stage))

    def to_mask(self, draft: Draft, steps: int, on_step: Callable[[], None]) -> Draft:
        """Fit the outline to the mask as well, in so many steps."""
        target = make_target(draft.subject.camera, draft.subject.mask)
        silhouette = open_silhouette(self.body.faces, len(self.body.v_template), target)
        if self._whole is None:
            self._whole = TorchBody(self.body, dtype=torch.float32)
        return replace(
            draft, attempt=refine(draft.fit, self._whole, silhouette, draft.attempt, steps, on_step)
        )

    def result(self, draft: Draft) -> Fitted:
        """The body of a fit, and how well it meets keypoints and mask."""
        unknowns, start, subject = draft.attempt.unknowns, draft.attempt.start, draft.subject
        parameters = self._space.parameters(unknowns, start)
        betas, pose = parameters.betas.numpy(force=True).astype(np.float32), parameters.pose()
        seen = view_body(self.body, betas, pose, subject.camera)
        residual = draft.fit.residual(unknowns, start)
        iou = silhouette_iou(seen.coverage, subject.mask >= PERSON)
        return Fitted(betas, pose, residual, residual / subject.observed.extent, iou)
