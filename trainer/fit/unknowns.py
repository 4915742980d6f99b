"""The unknowns of a fit, and the body's parameters that they stand for.

All unknowns are codes of about unit size (see `priors`). The world has y up and the camera at its origin,
looking along -z: `CAMERA_AXES` is its only rotation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dinar.runtime.body import Body, Pose
from dinar.runtime.rotations import axis_angle_from_matrix
from dinar.trainer.fit.priors import Gaussian, PosePrior, Priors, shape_prior
from dinar.trainer.fit.robust import geman_mcclure
from dinar.trainer.fit.torch_body import matrices

CAMERA_AXES = np.diag([1.0, -1.0, -1.0])
"""R_camera_world of every fit."""

EXPRESSIONS = 10
_JAW_MEAN, _JAW_SPREAD = (0.03, 0.0, 0.0), (0.08, 0.02, 0.02)  # radians
_EXPRESSION_SPREAD = 0.5
_UP = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
_LEAN, _LEAN_CUTOFF = 0.15, 3.0  # radians; deviations
_TURN_UNIT, _SIDEWAYS_UNIT, _DEPTH_UNIT = 0.3, 0.03, 0.1  # radians; tangent; logarithm of the distance
_MIRROR = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)  # of axis-angle vectors
_EYES = torch.zeros(2, 3, dtype=torch.float64)  # look ahead


@dataclass(frozen=True, eq=False)
class Start:
    """Where a person is thought to stand before anything is fitted.

    Attributes:
        turn: float64 [3, 3], R_world_rest of the root.
        tangent: float64 [2], x / depth and y / depth of the pelvis, x right, y down.
        depth: of the pelvis, metres.
    """

    turn: np.ndarray
    tangent: np.ndarray
    depth: float


@dataclass(frozen=True, eq=False)
class Unknowns:
    """Codes, float64; all zero: the mean person at the start.

    Attributes:
        turn: [3], of the root, beyond the start's.
        place: [3], sideways, down, and away from the camera, beyond the start's.
        body: [pose prior's size].
        left_hand: [8].
        right_hand: [8].
        jaw: [3].
        expression: [E].
        shape: [S].
    """

    turn: torch.Tensor
    place: torch.Tensor
    body: torch.Tensor
    left_hand: torch.Tensor
    right_hand: torch.Tensor
    jaw: torch.Tensor
    expression: torch.Tensor
    shape: torch.Tensor

    def copied(self) -> Unknowns:
        """The same numbers, without history."""
        return Unknowns(**{name: value.detach().clone() for name, value in vars(self).items()})


@dataclass(frozen=True, eq=False)
class Parameters:
    """Parameters of the body, float64, with gradients.

    Attributes:
        betas: [S].
        expression: [E].
        rotations: [55, 3, 3].
        translation: [3], metres.
    """

    betas: torch.Tensor
    expression: torch.Tensor
    rotations: torch.Tensor
    translation: torch.Tensor

    def pose(self) -> Pose:
        """The pose as the runtime has it."""
        rotations = axis_angle_from_matrix(self.rotations.numpy(force=True))
        translation, expression = (v.numpy(force=True) for v in (self.translation, self.expression))
        return Pose(
            rotations.astype(np.float32), translation.astype(np.float32), expression.astype(np.float32)
        )


class PersonSpace:
    """Maps unknowns to parameters, and says how likely they are."""

    def __init__(self, body: Body, priors: Priors, pose_prior: PosePrior) -> None:
        """Take what is needed of the body: where its pelvis rests."""
        self.pose_prior = pose_prior
        shape = shape_prior(priors, body)
        self._shape, self._hand = _Map(shape), _Map(priors.left_hand)
        self._shapes, self._hands = shape.spread.shape[1], priors.left_hand.spread.shape[1]
        self._expressions = min(EXPRESSIONS, body.exprdirs.shape[2])
        pelvis = body.J_regressor[0]
        self._pelvis = torch.from_numpy(pelvis @ body.v_template)
        betas = np.einsum("v,vas->as", pelvis, body.shapedirs[..., : len(shape.mean)])
        self._pelvis_shape = torch.from_numpy(betas)
        expression = np.einsum("v,vae->ae", pelvis, body.exprdirs[..., : self._expressions])
        self._pelvis_expression = torch.from_numpy(expression)
        top, sole = body.v_template[:, 1].argmax(), body.v_template[:, 1].argmin()
        upwards = body.v_template[top, 1] - body.v_template[sole, 1]
        directions = body.shapedirs[top, 1] - body.shapedirs[sole, 1]
        self._height, self._height_shape = float(upwards), torch.from_numpy(directions[: len(shape.mean)])
        self._jaw = _Map(Gaussian(np.array(_JAW_MEAN), np.diag(_JAW_SPREAD)))

    def zeros(self) -> Unknowns:
        """The mean person at the start."""
        sizes = (3, 3, self.pose_prior.size, self._hands, self._hands, 3, self._expressions, self._shapes)
        return Unknowns(*(torch.zeros(size, dtype=torch.float64) for size in sizes))

    def parameters(self, unknowns: Unknowns, start: Start) -> Parameters:
        """The body's parameters of unknowns."""
        betas = self._shape(unknowns.shape)
        expression = _EXPRESSION_SPREAD * unknowns.expression
        root = _root(unknowns, start)
        left = self._hand(unknowns.left_hand).reshape(15, 3)
        right = self._hand(unknowns.right_hand).reshape(15, 3) * _MIRROR
        others = torch.cat([self._jaw(unknowns.jaw)[None], _EYES, left, right])
        rotations = torch.cat([root[None], self.pose_prior.rotations(unknowns.body), matrices(others)])
        depth = start.depth * torch.exp(_DEPTH_UNIT * unknowns.place[2])
        tangent = torch.from_numpy(start.tangent) + _SIDEWAYS_UNIT * unknowns.place[:2]
        seen = torch.cat([tangent, torch.ones(1, dtype=torch.float64)]) * depth  # camera metres
        pelvis = torch.from_numpy(CAMERA_AXES.T) @ seen  # world metres
        rest = self._pelvis + self._pelvis_shape @ betas + self._pelvis_expression @ expression
        return Parameters(betas, expression, rotations, pelvis - rest)

    def height(self, unknowns: Unknowns) -> torch.Tensor:
        """How tall somebody is, from crown to sole in the T-pose: metres, a number."""
        return self._height + self._height_shape @ self._shape(unknowns.shape)

    def energy(
        self, unknowns: Unknowns, start: Start, pose_weight: float, shape_weight: float
    ) -> torch.Tensor:
        """How unlikely unknowns are: a number; the weights are of body pose and shape, 1 at the end."""
        rest = sum(
            0.5 * code.square().sum()
            for code in (unknowns.left_hand, unknowns.right_hand, unknowns.jaw, unknowns.expression)
        )
        body = self.pose_prior.energy(unknowns.body) + _leaning(_root(unknowns, start))
        return pose_weight * body + shape_weight * 0.5 * unknowns.shape.square().sum() + rest


def _root(unknowns: Unknowns, start: Start) -> torch.Tensor:
    """Rotation of the root, [3, 3]."""
    return matrices(_TURN_UNIT * unknowns.turn) @ torch.from_numpy(start.turn)


def _leaning(root: torch.Tensor) -> torch.Tensor:
    """How unlikely it is that a root [3, 3] leans so: keypoints hardly tell towards the camera or away.

    People mostly stand, before cameras that mostly look ahead; whoever lies is an outlier and may do so.
    """
    away = root[:, 1] - _UP
    return geman_mcclure(away.square().sum() / _LEAN**2, _LEAN_CUTOFF)


class _Map:
    """The linear map of a normal distribution."""

    def __init__(self, gaussian: Gaussian) -> None:
        self._mean, self._spread = torch.from_numpy(gaussian.mean), torch.from_numpy(gaussian.spread)

    def __call__(self, code: torch.Tensor) -> torch.Tensor:
        return self._mean + self._spread @ code
