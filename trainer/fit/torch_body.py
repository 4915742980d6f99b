"""The SMPL-X body in torch: `runtime.body.forward` with gradients, of all vertices or only of some.

Most of a fit looks at joints and a few hundred vertices. Pose correctives are summed over the pairs of vertex
and joint that have any: of the open body these are 1.2% of all; where most have, as in SMPL-X, densely.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from dinar.runtime.body import JOINT_COUNT, Body

_DENSE = 0.3  # share of pairs with correctives from which on a dense product is faster


@dataclass(frozen=True, eq=False)
class TorchPosed:
    """A body in one pose.

    Attributes:
        vertices: float [V, 3], metres, world: those that were asked for.
        joints: float [55, 3], metres, world.
        turns: float [55, 3, 3], R_world_rest of each joint.
    """

    vertices: torch.Tensor
    joints: torch.Tensor
    turns: torch.Tensor


class TorchBody:
    """A body model whose pose and shape have gradients."""

    def __init__(
        self,
        body: Body,
        vertices: np.ndarray | None = None,
        *,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        """Take over the model, or those of its vertices whose ids [V] are given."""
        chosen = np.arange(len(body.v_template)) if vertices is None else vertices
        self.dtype = dtype
        self._template = self._tensor(body.v_template[chosen])  # [V, 3]
        self._shape = self._tensor(body.shapedirs[chosen])  # [V, 3, S]
        self._expression = self._tensor(body.exprdirs[chosen])  # [V, 3, E]
        self._weights = self._tensor(body.weights[chosen])  # [V, 55]
        self._joint_template = self._tensor(body.J_regressor @ body.v_template)  # [55, 3]
        self._joint_shape = self._tensor(_of_joints(body.J_regressor, body.shapedirs))
        self._joint_expression = self._tensor(_of_joints(body.J_regressor, body.exprdirs))
        self._correctives = self._sparse(body.posedirs[chosen])
        self._levels, self._order = _levels(body.parents)
        self._parents = torch.from_numpy(np.maximum(body.parents, 0).astype(np.int64))

    def __call__(
        self,
        betas: torch.Tensor,
        expression: torch.Tensor,
        rotations: torch.Tensor,
        translation: torch.Tensor,
    ) -> TorchPosed:
        """Pose the body: M(p, s) of SMPL-X.

        Args:
            betas: [S'], S' <= S; the rest counts as zero.
            expression: [E'], E' <= E, likewise.
            rotations: [55, 3, 3], each joint relative to its parent.
            translation: [3], metres.
        """
        shapes, expressions = len(betas), len(expression)
        rest = self._joint_template + self._joint_shape[..., :shapes] @ betas
        rest = rest + self._joint_expression[..., :expressions] @ expression  # [55, 3]
        turns, joints = self._chain(rotations, rest)
        joints = joints + translation
        moved = (
            joints - (turns @ rest[..., None])[..., 0]
        )  # where each joint puts the origin of the rest pose
        shaped = self._template + self._shape[..., :shapes] @ betas
        shaped = shaped + self._expression[..., :expressions] @ expression + self._corrected(rotations)
        blended = self._weights @ torch.cat([turns.reshape(JOINT_COUNT, 9), moved], 1)  # [V, 12]
        vertices = (blended[:, :9].reshape(-1, 3, 3) @ shaped[..., None])[..., 0] + blended[:, 9:]
        return TorchPosed(vertices, joints, turns)

    def _chain(self, rotations: torch.Tensor, rest: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Chain rotations along the tree, all joints of the same depth at once: [55, 3, 3], [55, 3]."""
        bone = rest - rest[self._parents]
        turns, places = [rotations[:1]], [rest[:1]]
        for level in self._levels:
            carrier = turns[-1][level.parents]
            places.append(places[-1][level.parents] + (carrier @ bone[level.joints, :, None])[..., 0])
            turns.append(carrier @ rotations[level.joints])
        return torch.cat(turns)[self._order], torch.cat(places)[self._order]

    def _corrected(self, rotations: torch.Tensor) -> torch.Tensor:
        """What the pose adds to the T-pose: [V, 3] metres."""
        feature = rotations[1:] - torch.eye(3, dtype=self.dtype)  # [54, 3, 3]
        pairs = self._correctives
        if pairs is None:
            return torch.zeros_like(self._template)
        if isinstance(pairs, torch.Tensor):
            return pairs @ feature.reshape(-1)
        parts = (pairs.value @ feature.reshape(-1, 9)[pairs.joint, :, None])[..., 0]  # [P, 3]
        return torch.zeros_like(self._template).index_add(0, pairs.vertex, parts)

    def _sparse(self, posedirs: np.ndarray) -> _Pairs | torch.Tensor | None:
        by_joint = posedirs.reshape(len(posedirs), 3, JOINT_COUNT - 1, 9)
        vertex, joint = np.nonzero(by_joint.any((1, 3)))
        if len(vertex) == 0:
            return None
        if len(vertex) > _DENSE * len(posedirs) * (JOINT_COUNT - 1):
            return self._tensor(posedirs)
        index = torch.from_numpy(vertex), torch.from_numpy(joint)
        return _Pairs(*index, self._tensor(by_joint[vertex, :, joint]))

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.dtype)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs of vertex and joint with correctives.

    Attributes:
        vertex: int64 [P].
        joint: int64 [P], from 0 for joint 1.
        value: [P, 3, 9], metres per entry of R - I.
    """

    vertex: torch.Tensor
    joint: torch.Tensor
    value: torch.Tensor


@dataclass(frozen=True, eq=False)
class _Level:
    """Joints of one depth in the tree.

    Attributes:
        joints: int64 [n].
        parents: int64 [n], places of their parents among the joints of the depth before.
    """

    joints: torch.Tensor
    parents: torch.Tensor


def _levels(parents: np.ndarray) -> tuple[list[_Level], torch.Tensor]:
    """The tree by depth, and where each joint is when the levels are put in a row."""
    depth = np.zeros(len(parents), int)
    for joint in range(1, len(parents)):
        depth[joint] = depth[parents[joint]] + 1
    rows = [np.flatnonzero(depth == level) for level in range(depth.max() + 1)]
    levels = [
        _Level(torch.from_numpy(row), torch.from_numpy(np.searchsorted(above, parents[row])))
        for above, row in pairwise(rows)
    ]
    return levels, torch.from_numpy(np.argsort(np.concatenate(rows)))


def _of_joints(regressor: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """What directions of vertices [V, 3, K] do to the joints: [55, 3, K]."""
    return (regressor @ directions.reshape(len(directions), -1)).reshape(len(regressor), 3, -1)


def matrices(axis_angle: torch.Tensor) -> torch.Tensor:
    """Rotation matrices [..., 3, 3] of axis-angle vectors [..., 3], radians (Rodrigues), smooth at 0."""
    x, y, z = axis_angle.unbind(-1)
    nothing = torch.zeros_like(x)
    cross = torch.stack([nothing, -z, y, z, nothing, -x, -y, x, nothing], -1).reshape(*x.shape, 3, 3)
    angle = (axis_angle.square().sum(-1) + 1e-20).sqrt()[..., None, None]
    first = torch.sinc(angle / torch.pi)  # sin(a) / a
    second = 0.5 * torch.sinc(angle / (2 * torch.pi)).square()  # (1 - cos a) / a^2
    return torch.eye(3, dtype=x.dtype) + first * cross + second * (cross @ cross)
