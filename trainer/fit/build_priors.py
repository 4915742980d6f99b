"""Build the priors of `dinar fit` from this project's own poses and people, all of them free to ship.

    python -m dinar.trainer.fit.build_priors --out trainer/assets/fit_priors.npz

Poses are those that `dinar synth` draws and the built-in motions, each with its mirror image; shapes are the
open body's of the people that `dinar synth` draws. Of each the mean and the principal directions are kept.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tyro
from rich.console import Console
from rich.progress import track

from dinar.runtime.body import Body, load_body, open_body_path, rest_vertices
from dinar.runtime.motions.builtin_motions import builtin_motion
from dinar.trainer.data.people.draw import Draw
from dinar.trainer.data.synth.individuals import load_population, sample_individual
from dinar.trainer.data.synth.poses import measure, sample_pose
from dinar.trainer.fit.priors import HAND_DIRECTIONS, MIRRORED, Priors, gaussian, save_priors

PEOPLE, POSES_EACH = 500, 6
SHAPES = 1000
MOTIONS, MOTION_RATE = ("idle", "walk", "wave", "dance"), 3.0  # poses a second
POSE_FLOOR = 0.06  # radians: how far any angle strays on top of what the poses show


def sampled_poses(body: Body) -> Iterator[np.ndarray]:
    """Rotations of the poses, float64 [55, 3] each."""
    population = load_population()
    for number in track(range(PEOPLE), "poses", console=Console(stderr=True)):
        betas = sample_individual(Draw("fit priors", "build", number), population).betas
        build = measure(body, betas, rest_vertices(body, betas))
        for n in range(POSES_EACH):
            yield sample_pose(Draw("fit priors", "pose", number, n), build).rotations.astype(np.float64)
    for name in MOTIONS:
        motion = builtin_motion(name, body)
        for time in np.arange(0, motion.duration, 1 / MOTION_RATE):
            yield motion.sample(float(time)).rotations.astype(np.float64)


def mirrored(rotations: np.ndarray) -> np.ndarray:
    """The same poses in a mirror, left and right exchanged: float64 [N, 55, 3]."""
    return rotations[:, MIRRORED] * [1.0, -1.0, -1.0]


def build(body: Body) -> Priors:
    """Build the priors. Deterministic."""
    population = load_population()
    shapes = [sample_individual(Draw("fit priors", "shape", n), population).betas for n in range(SHAPES)]
    own = np.stack(list(sampled_poses(body)))
    rotations = np.concatenate([own, mirrored(own)])
    left_hands = rotations[:, 25:40].reshape(len(rotations), -1)
    return Priors(
        body=gaussian(rotations[:, 1:22].reshape(len(rotations), -1), POSE_FLOOR),
        left_hand=gaussian(left_hands, directions=HAND_DIRECTIONS),
        shape=gaussian(np.stack(shapes)),
        shape_of=body.hash,
    )


def main(out: Path) -> int:
    """Write the priors to a .npz file."""
    save_priors(out, build(load_body(open_body_path())))
    return 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main))
