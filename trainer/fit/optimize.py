"""The staged optimization of SMPLify-X (Pavlakos et al. 2019, Sec. 3): from keypoints to a pose and a shape.

What is minimized is a negative log-likelihood: of keypoints, whose errors are normal but for outliers
(Geman-McClure), and of codes (`priors`). So no weights need to be balanced, but for `SHAPE_WEIGHT`; a stage
says what is free, and how much more than that the priors count while the fit is far off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from dinar.runtime.body import Body
from dinar.runtime.camera import Camera
from dinar.runtime.rotations import rotation_about
from dinar.trainer.fit.body_points import BodyPoints
from dinar.trainer.fit.keypoints import BODY, HIPS, POINT_COUNT, SHOULDERS, Observed
from dinar.trainer.fit.robust import geman_mcclure
from dinar.trainer.fit.torch_body import TorchBody
from dinar.trainer.fit.unknowns import CAMERA_AXES, PersonSpace, Start, Unknowns

BODY_DEVIATION, PART_DEVIATION = 0.010, 0.006
"""Errors of keypoints of the body, and of hands and face: shares of the person's extent in the picture."""

SHAPE_WEIGHT = 0.25
"""Of the shape prior in the end. Bones that look too short for the mean person may be turned away from the
camera or short, and the likeliest of both at once is too much of the former: sizes come out too usual."""

HEIGHT_DEVIATION = 0.02  # metres: how exactly people know how tall they are

_TORSO = tuple((shoulder, hip) for shoulder in SHOULDERS for hip in HIPS)
_JOINT_OF = {2: 17, 5: 16, 9: 2, 12: 1}  # shoulders and hips: OpenPose's number, SMPL-X's joint
_MID_HIP = 8
_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: shown while it runs.
        free: which unknowns move.
        parts: hands and face count as well, not the body alone.
        pose_weight: of the pose prior.
        shape_weight: of the shape prior.
        cutoff: from how many deviations on a keypoint counts as an outlier.
        steps: of L-BFGS, at most.
    """

    name: str
    free: tuple[str, ...]
    parts: bool
    pose_weight: float
    shape_weight: float
    cutoff: float
    steps: int


_PLACED = ("turn", "place")
_BODY = (*_PLACED, "body", "shape")
ALL = (*_BODY, "left_hand", "right_hand", "jaw", "expression")

ORIENTATION = Stage("camera and orientation", _PLACED, False, 1, 1, 40, 15)
BODY_STAGES = (
    Stage("body, near the usual pose", _BODY, False, 6, 6, 20, 30),
    Stage("body", _BODY, False, 1, SHAPE_WEIGHT, 8, 50),
)
PARTS = Stage("hands and face", ALL, True, 1, SHAPE_WEIGHT, 5, 60)

STAGE_COUNT = 3
"""How many stages `fit_keypoints` tells of."""

YAWS = (0.0, 0.5 * np.pi, np.pi, 1.5 * np.pi)  # facing the camera, its right, away, its left
_KEPT_STARTS = 2


class KeypointFit:
    """Fits one person to keypoints."""

    def __init__(
        self,
        body: Body,
        points: BodyPoints,
        space: PersonSpace,
        camera: Camera,
        observed: Observed,
        height: float | None = None,
    ) -> None:
        """Take what stays the same: `camera` is at the origin, see `unknowns`; height in metres if known."""
        self.space, self._points = space, points
        self._body = TorchBody(body, points.vertices)
        self._K = torch.from_numpy(camera.K.copy())
        self._axes = torch.from_numpy(CAMERA_AXES)
        self._rest = body.J_regressor @ body.v_template
        self.observed, self._height = observed, height
        self._place = torch.from_numpy(observed.place)
        deviation = np.full(POINT_COUNT, PART_DEVIATION)
        deviation[BODY] = BODY_DEVIATION
        self._deviation = torch.from_numpy(deviation * observed.extent)  # pixels
        self._confidence = torch.from_numpy(observed.confidence)

    def starts(self) -> list[Start]:
        """Where the person may stand: as far as the torso's size says, turned to four sides."""
        place, found, focal = self.observed.place, self.observed.found, float(self._K[0, 0])
        depths = []
        for shoulder, hip in _TORSO:
            if found[shoulder] and found[hip]:
                length = np.linalg.norm(self._rest[_JOINT_OF[shoulder]] - self._rest[_JOINT_OF[hip]])
                pixels = float(np.linalg.norm(place[shoulder] - place[hip]))
                depths.append(focal * length / max(pixels, 0.05 * self.observed.extent))
        hips = [point for point in (*HIPS, _MID_HIP) if found[point]]
        pixel = np.append(place[hips].mean(0), 1.0)
        tangent = np.linalg.solve(self._K.numpy(), pixel)[:2]
        depth = float(np.median(depths))
        return [Start(rotation_about("y", yaw), tangent, depth) for yaw in YAWS]

    def pixels(self, unknowns: Unknowns, start: Start, contour: int) -> torch.Tensor:
        """Where the body's points are in the picture: [137, 2]."""
        parameters = self.space.parameters(unknowns, start)
        posed = self._body(*vars(parameters).values())
        return project(self._points(posed, contour), self._axes, self._K)

    def contour(self, unknowns: Unknowns, start: Start) -> int:
        """Which contour of the face the camera sees."""
        with torch.no_grad():
            posed = self._body(*vars(self.space.parameters(unknowns, start)).values())
        return self._points.contour(posed, np.zeros(3))

    def energy(self, unknowns: Unknowns, start: Start, stage: Stage, contour: int) -> torch.Tensor:
        """What is minimized: of the keypoints and of the codes."""
        distance = (self.pixels(unknowns, start, contour) - self._place).square().sum(1)
        cost = self._confidence * geman_mcclure(distance / self._deviation.square(), stage.cutoff)
        counted = cost if stage.parts else cost[BODY]
        energy = counted.sum() + self.space.energy(unknowns, start, stage.pose_weight, stage.shape_weight)
        if self._height is not None:
            energy = energy + 0.5 * ((self.space.height(unknowns) - self._height) / HEIGHT_DEVIATION).square()
        return energy

    def run(self, unknowns: Unknowns, start: Start, stage: Stage) -> tuple[Unknowns, float]:
        """Run one stage by L-BFGS; returns the unknowns and their energy."""
        moved = unknowns.copied()
        free = [getattr(moved, name).requires_grad_() for name in stage.free]
        contour = self.contour(moved, start)
        optimizer = torch.optim.LBFGS(
            free,
            max_iter=stage.steps,
            history_size=20,
            tolerance_change=_TOLERANCE,
            line_search_fn="strong_wolfe",
        )

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            energy = self.energy(moved, start, stage, contour)
            energy.backward()
            return energy

        optimizer.step(closure)
        moved = moved.copied()
        with torch.no_grad():
            return moved, float(self.energy(moved, start, stage, contour))

    def residual(self, unknowns: Unknowns, start: Start) -> float:
        """Mean distance of the body's points from the keypoints that were found, pixels."""
        with torch.no_grad():
            pixels = self.pixels(unknowns, start, self.contour(unknowns, start)).numpy()
        distance = np.linalg.norm(pixels - self.observed.place, axis=1)[BODY]
        return float(distance[self.observed.found[BODY]].mean())


@dataclass(frozen=True, eq=False)
class Attempt:
    """A fit under way.

    Attributes:
        unknowns: as far as they are known.
        start: that they are relative to.
        energy: of the last stage.
    """

    unknowns: Unknowns
    start: Start
    energy: float


def fit_keypoints(fit: KeypointFit, on_stage: Callable[[str], None]) -> Attempt:
    """Fit a person: four orientations, the body from the two best, hands and face of the better one."""
    on_stage(ORIENTATION.name)
    attempts = [
        _advanced(fit, Attempt(fit.space.zeros(), start, np.inf), [ORIENTATION]) for start in fit.starts()
    ]
    attempts = sorted(attempts, key=lambda attempt: attempt.energy)[:_KEPT_STARTS]
    on_stage(BODY_STAGES[-1].name)
    best = min((_advanced(fit, attempt, BODY_STAGES) for attempt in attempts), key=lambda a: a.energy)
    on_stage(PARTS.name)
    return _advanced(fit, best, [PARTS])


def _advanced(fit: KeypointFit, attempt: Attempt, stages: Sequence[Stage]) -> Attempt:
    for stage in stages:
        unknowns, energy = fit.run(attempt.unknowns, attempt.start, stage)
        attempt = replace(attempt, unknowns=unknowns, energy=energy)
    return attempt


def project(points: torch.Tensor, axes: torch.Tensor, K: torch.Tensor) -> torch.Tensor:
    """Pixels [N, 2] of points [N, 3], world metres, that a camera at the origin sees.

    Args:
        points: in front of the camera.
        axes: [3, 3], R_camera_world.
        K: [3, 3].
    """
    pixel = points @ axes.T @ K.T
    return pixel[:, :2] / pixel[:, 2:].clamp_min(1e-3)
