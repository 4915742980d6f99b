"""Poses that the prior of `dinar fit` does not know: how near fits come, with a narrow prior and a wide one.

    python -m tests.bench.bench_pose_prior --people 24

Bodies are fitted to their keypoints alone, seen from any side, with 4 pixels of noise and one in ten missing,
as in `bench_fit`. The prior is made of the poses that `dinar synth` draws, without the built-in motions.

    motions    dance, wave and walk
    sitting    drawn poses with hips and knees bent by 70 to 85 degrees
    shaken     drawn poses with all angles off by 11 degrees, as nobody stands
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from dinar.runtime.body import Body, load_body, open_body_path
from dinar.runtime.camera import Camera
from dinar.runtime.errors import DinarError
from dinar.runtime.motions.builtin_motions import builtin_motion
from dinar.runtime.rotations import matrix_from_axis_angle, rotation_about
from dinar.trainer.data.dataset.truth import Keypoints
from dinar.trainer.fit.body_points import open_body_points
from dinar.trainer.fit.build_priors import PEOPLE, POSES_EACH, mirrored, sampled_poses
from dinar.trainer.fit.keypoints import BODY, FACE, LEFT_HAND, RIGHT_HAND, Observed, observed
from dinar.trainer.fit.optimize import KeypointFit, fit_keypoints, project
from dinar.trainer.fit.photo import fit_camera
from dinar.trainer.fit.priors import GaussianPosePrior, Priors, gaussian, load_priors
from dinar.trainer.fit.torch_body import TorchBody
from dinar.trainer.fit.unknowns import CAMERA_AXES, Parameters, PersonSpace

from .bench_fit import BODY_JOINTS, noisy

SIDE, PERSON = 512, 400  # pixels: of the picture, and of somebody of 1.75 m from head to foot
WIDENINGS = (3.4, 7.0)  # degrees

Pose = Callable[[np.random.Generator], np.ndarray]
"""Draws rotations, float64 [55, 3]; the root's does not count."""


@dataclass(frozen=True, eq=False)
class Case:
    """Somebody in front of a camera.

    Attributes:
        truth: the body's parameters.
        camera: at the origin.
        observed: what a detector finds.
    """

    truth: Parameters
    camera: Camera
    observed: Observed


class Bench:
    """Draws people and fits them."""

    def __init__(self, body: Body) -> None:
        """Prepare the body."""
        self._body, self._points = body, open_body_points(body, open_body_path())
        self._torch_body = TorchBody(body, self._points.vertices)

    def case(self, pose: Pose, priors: Priors, number: int) -> Case:
        """Somebody of a usual shape, turned to any side, at a usual distance.

        Raises DinarError: the noise took the shoulders or the hips.
        """
        random = np.random.default_rng((number, 1))  # `noisy` draws by the number alone
        shape = priors.shape.mean + priors.shape.spread @ random.normal(size=priors.shape.spread.shape[1])
        rotations = np.stack([matrix_from_axis_angle(angles) for angles in pose(random)])
        lean, turn = random.normal(0, 0.1), random.uniform(0, 2 * np.pi)
        rotations[0] = rotation_about("x", lean) @ rotation_about("y", turn)
        focal = random.uniform(900, 1700)  # pixels
        place = np.array([0, 0, -1.75 * focal / PERSON])
        truth = Parameters(*map(torch.from_numpy, (shape, np.zeros(10), rotations, place)))
        camera = fit_camera(focal, SIDE, SIDE)
        return Case(truth, camera, self._observe(truth, camera, number))

    def _observe(self, truth: Parameters, camera: Camera, number: int) -> Observed:
        posed = self._torch_body(*vars(truth).values())
        points = self._points(posed, self._points.contour(posed, np.zeros(3)))
        place = project(points, torch.from_numpy(CAMERA_AXES), torch.from_numpy(camera.K.copy())).numpy()
        seen = np.column_stack([place, np.ones(len(place))])
        keypoints = Keypoints(*(seen[part] for part in (BODY, LEFT_HAND, RIGHT_HAND, FACE)))
        return observed(noisy(keypoints, str(number)), SIDE, SIDE, str(number))

    def cases(self, pose: Pose, priors: Priors, people: int) -> Iterator[Case]:
        """So many people, but for those that a fit refuses."""
        for number in range(people):
            with suppress(DinarError):
                yield self.case(pose, priors, number)

    def error(self, case: Case, priors: Priors) -> float:
        """Mean joint error of a fit, pelvis on pelvis, millimetres."""
        space = PersonSpace(self._body, priors, GaussianPosePrior(priors.body))
        fit = KeypointFit(self._body, self._points, space, case.camera, case.observed)
        attempt = fit_keypoints(fit, lambda _: None)
        found, true = (
            self._torch_body(*vars(each).values()).joints[:BODY_JOINTS].numpy(force=True)
            for each in (space.parameters(attempt.unknowns, attempt.start), case.truth)
        )
        return float(1000 * np.linalg.norm((found - found[0]) - (true - true[0]), axis=1).mean())


def poses_of(body: Body, drawn: np.ndarray) -> dict[str, Pose]:
    """The ways to draw a pose, by name; `drawn` are the prior's, float64 [N, 55, 3]."""
    motions = [builtin_motion(name, body) for name in ("dance", "wave", "walk")]

    def motion(random: np.random.Generator) -> np.ndarray:
        chosen = motions[random.integers(len(motions))]
        return chosen.sample(random.uniform(0, chosen.duration)).rotations.astype(np.float64)

    def sitting(random: np.random.Generator) -> np.ndarray:
        rotations, bend = drawn[random.integers(len(drawn))].copy(), random.uniform(1.2, 1.5)  # radians
        rotations[[1, 2]] = (-bend, 0, 0.1), (-bend, 0, -0.1)  # hips
        rotations[[4, 5]] = bend, 0, 0  # knees
        return rotations

    def shaken(random: np.random.Generator) -> np.ndarray:
        rotations = drawn[random.integers(len(drawn))].copy()
        rotations[1:22] += random.normal(0, 0.2, (21, 3))
        return rotations

    return {"motions": motion, "sitting": sitting, "shaken": shaken}


def main() -> None:
    """Fit, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=24, help="of each kind of pose")
    people = parser.parse_args().people
    body, shipped = load_body(open_body_path()), load_priors()
    drawn = np.stack([*sampled_poses(body)][: PEOPLE * POSES_EACH])
    angles = np.concatenate([drawn, mirrored(drawn)])[:, 1:22].reshape(2 * len(drawn), -1)
    priors = [replace(shipped, body=gaussian(angles, np.radians(degrees))) for degrees in WIDENINGS]
    bench = Bench(body)
    table = Table("joint error, mm: mean (median)", *(f"widened by {degrees}°" for degrees in WIDENINGS))
    for name, pose in poses_of(body, drawn).items():
        cases = track([*bench.cases(pose, shipped, people)], name)
        errors = np.array([[bench.error(case, prior) for prior in priors] for case in cases])
        table.add_row(name, *(f"{np.mean(each):.1f} ({np.median(each):.1f})" for each in errors.T))
    Console().print(table)


if __name__ == "__main__":
    main()
