"""Pose correctives (`posedirs`): skinning follows delta mush, and elbows do not fold into themselves.

For each body joint alone, sampled rotations are skinned and corrected; the correction, taken back to the
rest pose, is regressed on the entries of R - I, as in SMPL (Loper et al. 2015, Sec. 3.2), and small entries
are dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from dinar.trainer.data.body.delta_mush import DeltaMush

SAMPLES = 28  # rotations per joint
RIDGE = 0.02  # per sample, in units of the features' square
_CROOK = 0.20  # metres around a joint in which flesh can fold into itself
LEAST_MOVE = 4e-4  # metres: vertices that no sample moves by more keep zero
LEAST_ENTRY = 3e-4  # metres per unit of (R - I)


@dataclass(frozen=True)
class Range:
    """A joint's sampled rotations: limits in degrees of the rotation vector, and whether it folds flesh."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    folds: bool = False


# The left side's and the middle's; the right side mirrors the left.
RANGES = {
    "spine1": Range((-25, -25, -25), (50, 25, 25)),
    "spine2": Range((-20, -25, -20), (35, 25, 20)),
    "spine3": Range((-20, -25, -20), (35, 25, 20)),
    "neck": Range((-35, -45, -30), (35, 45, 30)),
    "head": Range((-30, -40, -25), (30, 40, 25)),
    "left_hip": Range((-120, -35, -20), (35, 35, 55)),
    "left_knee": Range((0, -10, -5), (145, 10, 5)),
    "left_ankle": Range((-40, -15, -20), (40, 15, 20)),
    "left_foot": Range((-40, -5, -5), (30, 5, 5)),
    "left_collar": Range((-10, -25, -10), (10, 20, 30)),
    "left_shoulder": Range((-60, -110, -95), (60, 30, 85)),
    "left_elbow": Range((-50, -145, -5), (50, 0, 5), folds=True),
    "left_wrist": Range((-50, -35, -80), (50, 35, 75)),
}


def sample_rotations(limits: Range, count: int, rng: np.random.Generator) -> np.ndarray:
    """Rotations [count, 3, 3] within the limits: each axis up to its ends, then combinations."""
    low, high = np.radians(limits.low), np.radians(limits.high)
    ends = [share * bound * axis for bound in (low, high) for axis in np.eye(3) for share in (0.5, 1.0)]
    rest = rng.uniform(size=(count - len(ends), 3)) * (high - low) + low
    rest *= rng.choice([0.25, 1.0], size=rest.shape)
    return Rotation.from_rotvec(np.concatenate([ends, rest])).as_matrix()


def keep_apart(
    posed: np.ndarray,
    rest: np.ndarray,
    pivot: np.ndarray,
    inward: np.ndarray,
    outward: np.ndarray,
    rotation: np.ndarray,
) -> np.ndarray:
    """Push back the flesh that a bent joint folds into itself, onto the plane that halves the bend.

    Args:
        posed: [V, 3], the bent limb.
        rest: [V, 3], the straight limb.
        pivot: [3], the joint.
        inward: [3], from the joint along the parent bone, rest pose.
        outward: [3], from the joint along the child bone, rest pose.
        rotation: [3, 3], of the joint.
    """
    inward, outward = inward / np.linalg.norm(inward), outward / np.linalg.norm(outward)
    bent = rotation @ outward
    normal = inward - bent
    length = np.linalg.norm(normal)
    middle = inward + bent
    if length < 1e-6 or np.linalg.norm(middle) < 0.2:  # straight: nothing touches
        return posed
    normal, middle = normal / length, middle / np.linalg.norm(middle)
    side = np.sign((rest - pivot) @ (inward - outward))  # +1 on the parent's side at rest
    relative = posed - pivot
    depth = np.minimum(side * (relative @ normal), 0)  # negative where the vertex crossed the plane
    inside = np.clip((relative @ middle) / 0.01, 0, 1)  # only in the crook, from its corner on
    inside *= np.clip((_CROOK - np.linalg.norm(rest - pivot, axis=1)) / 0.05, 0, 1)  # and near the joint
    return posed - (side * depth * inside)[:, None] * normal


def fit_joint(
    rest: np.ndarray,
    pivot: np.ndarray,
    share: np.ndarray,
    rotations: np.ndarray,
    target: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Regress one joint's corrections on R - I.

    Args:
        rest: [V, 3], the rest pose.
        pivot: [3], the joint.
        share: [V], summed weights of the joint and all below it.
        rotations: [S, 3, 3].
        target: from (skinned [V, 3], rotation [3, 3]) to the wished-for pose [V, 3].

    Returns:
        [V, 3, 9] in metres per entry of R - I, row-major; zeros where the corrections are tiny.
    """
    corrections = np.empty((len(rotations), *rest.shape))
    for k, rotation in enumerate(rotations):
        blend = np.eye(3) + share[:, None, None] * (rotation - np.eye(3))
        posed = pivot + np.einsum("vij,vj->vi", blend, rest - pivot)
        move = target(posed, rotation) - posed
        corrections[k] = np.linalg.solve(blend, move[:, :, None])[:, :, 0]
    features = (rotations - np.eye(3)).reshape(len(rotations), 9)
    gram = features.T @ features + RIDGE * len(rotations) * np.eye(9)
    moved = np.flatnonzero(np.linalg.norm(corrections, axis=2).max(0) > LEAST_MOVE)
    solved = np.linalg.solve(gram, features.T @ corrections[:, moved].reshape(len(rotations), -1))
    directions = np.zeros((*rest.shape, 9))
    directions[moved] = solved.reshape(9, -1, 3).transpose(1, 2, 0)
    directions[np.abs(directions) < LEAST_ENTRY] = 0
    return directions


def mirrored(directions: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The directions [V, 3, 9] of a joint's counterpart across x = 0; `mirror` [V] pairs the vertices."""
    flip = np.array([-1.0, 1.0, 1.0])
    signs = flip[:, None] * np.outer(flip, flip).ravel()
    return directions[mirror] * signs


def fit_posedirs(
    rest: np.ndarray,
    joints: np.ndarray,
    parents: np.ndarray,
    names: list[str],
    weights: np.ndarray,
    mirror: np.ndarray,
    mush: DeltaMush,
    rng: np.random.Generator,
    progress: Callable[[str], None],
) -> np.ndarray:
    """Fit all joints' correctives.

    Args:
        rest: [V, 3], T-pose.
        joints: [55, 3].
        parents: int [55].
        names: the joints' names.
        weights: [V, 55].
        mirror: int [V], left-right counterparts.
        mush: delta mush of the body's mesh.
        rng: for the sampled rotations.
        progress: called with each joint's name when it is done.

    Returns:
        posedirs float64 [V, 3, 486]: entries of R - I of joints 1..54.
    """
    below = np.eye(len(names), dtype=bool)  # below[j, k]: k hangs on j
    for k in range(len(names) - 1, 0, -1):
        below[parents[k]] |= below[k]
    posedirs = np.zeros((*rest.shape, len(names) - 1, 9))
    for name, limits in RANGES.items():
        j = names.index(name)
        pivot = joints[j]
        inward = joints[parents[j]] - pivot
        outward = joints[int(np.flatnonzero(parents == j)[0])] - pivot if (parents == j).any() else -inward
        share = weights[:, below[j]].sum(1)
        ids = mush.reach((share > 1e-6) & (share < 1 - 1e-6))

        def target(
            posed: np.ndarray,
            rotation: np.ndarray,
            limits: Range = limits,
            pivot: np.ndarray = pivot,
            inward: np.ndarray = inward,
            outward: np.ndarray = outward,
            ids: np.ndarray = ids,
        ) -> np.ndarray:
            corrected = mush(rest, posed, ids)
            return (
                keep_apart(corrected, rest, pivot, inward, outward, rotation) if limits.folds else corrected
            )

        directions = fit_joint(rest, pivot, share, sample_rotations(limits, SAMPLES, rng), target)
        if name.startswith("left_"):
            posedirs[:, :, j - 1] = directions
            posedirs[:, :, names.index(name.replace("left", "right")) - 1] = mirrored(directions, mirror)
        else:
            posedirs[:, :, j - 1] = 0.5 * (directions + mirrored(directions, mirror))
        progress(name)
    return posedirs.reshape(*rest.shape, -1)
