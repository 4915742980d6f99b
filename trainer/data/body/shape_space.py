"""The body's shape space: people sampled from phenotypes, their principal directions, and their joints."""

from __future__ import annotations

import numpy as np

from dinar.trainer.data.body.makehuman import Phenotype
from dinar.trainer.data.body.skeleton import JOINT_NAMES, PARENTS

REGRESSOR_VERTICES = 240  # per joint


def sample_phenotypes(count: int, rng: np.random.Generator) -> list[Phenotype]:
    """Adults of all builds; height stays near its middle because MakeHuman's height targets are extreme."""
    people = []
    for _ in range(count):
        spread = np.clip(rng.normal(0, 1, 6), -2.2, 2.2)
        african, asian, _ = rng.dirichlet([1.0, 1.0, 1.0])
        people.append(
            Phenotype(
                gender=rng.uniform(),
                age=2 / 3 + rng.uniform(0, 1 / 3) ** 1.3,
                muscle=0.53 + 0.15 * spread[0],
                weight=0.5 + 0.18 * spread[1],
                height=0.53 + 0.06 * spread[2],
                proportions=0.65 + 0.15 * spread[3],
                cup=0.5 + 0.16 * spread[4],
                firmness=0.5 + 0.16 * spread[5],
                african=african,
                asian=asian,
            )
        )
    return people


def principal_directions(
    people: np.ndarray, neutral: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The directions of greatest variance about the neutral body, one standard deviation long.

    Args:
        people: [P, V, 3], vertices of P people, metres.
        neutral: [V, 3], the body at zero.
        count: S, how many.

    Returns:
        directions [V, 3, S] and the people's coefficients [P, S]; positive coefficients make taller.
    """
    flat = (people - neutral).reshape(len(people), -1)
    _, vectors = np.linalg.eigh(
        flat @ flat.T
    )  # fewer people than coordinates: the small Gram matrix suffices
    betas = vectors[:, ::-1][:, :count] * np.sqrt(len(people))
    directions = (flat.T @ betas / len(people)).reshape(-1, 3, count)
    sign = np.sign((neutral[:, 1] - neutral[:, 1].mean()) @ directions[:, 1])
    return directions * sign, betas * sign


def regress_joint(
    target: np.ndarray, points: np.ndarray, near: np.ndarray, smoothness: float = 2e-3
) -> tuple[np.ndarray, np.ndarray]:
    """Vertex weights whose weighted mean follows a joint in the neutral body and along every shape direction.

    The weights are the smallest change of a uniform mean that fits (ridge), and sum to 1.

    Args:
        target: [3, 1+S], the joint: neutral position, then its motion per unit of each beta.
        points: [V, 3, 1+S], the same for the vertices.
        near: int [K], the vertices to use.
        smoothness: the ridge's weight, in metres.

    Returns:
        `near` and its weights [K].
    """
    count = len(near)
    uniform = np.full(count, 1 / count)
    rows = points[near].reshape(count, -1).T  # [3*(1+S), K]
    rows = np.concatenate([rows, np.full((1, count), 1.0)])
    wanted = np.concatenate([target.reshape(-1), [1.0]])
    gram = rows @ rows.T + smoothness**2 * np.eye(len(rows))
    weights = uniform + rows.T @ np.linalg.solve(gram, wanted - rows @ uniform)
    return near, weights / weights.sum()


def joint_regressor(
    joints: np.ndarray, points: np.ndarray, weights: np.ndarray, still: np.ndarray, mirror: np.ndarray
) -> np.ndarray:
    """The matrix [55, V] that finds the joints; rows sum to 1, left and right mirror each other.

    Args:
        joints: [55, 3, 1+S], neutral positions, then their motion per unit of each beta.
        points: [V, 3, 1+S], the same for the vertices.
        weights: [V, 55], skinning weights.
        still: bool [V], vertices that no expression moves: only these are used.
        mirror: int [V].
    """
    regressor = np.zeros((55, len(points)))
    for j, name in enumerate(JOINT_NAMES):
        if name.startswith("right_"):
            continue
        part = weights[:, j] + (weights[:, PARENTS[j]] if j and "eye" not in name else 0)
        usable = np.flatnonzero(still & (part > 0.3))
        distance = np.linalg.norm(points[usable, :, 0] - joints[j, :, 0], axis=1)
        near = usable[np.argsort(distance, kind="stable")[:REGRESSOR_VERTICES]]
        if not name.startswith("left_"):
            near = np.union1d(near, mirror[near])
        ids, values = regress_joint(joints[j], points, near)
        if name.startswith("left_"):
            regressor[j, ids] = values
            regressor[JOINT_NAMES.index(name.replace("left", "right")), mirror[ids]] = values
        else:
            regressor[j, ids] += values / 2
            regressor[j, mirror[ids]] += values / 2
    return regressor
