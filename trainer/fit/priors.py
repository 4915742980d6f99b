"""What poses and shapes are likely, for fits to photos: priors that are free to ship, and joint limits.

Each prior is a normal distribution, written as a linear map of a code whose entries have mean 0 and deviation
1, so that a code's energy is half its squared length and all unknowns of a fit have one scale. The numbers
come from this project's own poses and people (`build_priors`): SMPLify-X's VPoser and mixture of Gaussians
were trained on AMASS and may not be shipped. A user's VPoser takes the place of the pose prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional as F

from dinar.runtime.body import Body
from dinar.runtime.files.npz import open_arrays
from dinar.runtime.files.whole_file import whole_file
from dinar.trainer.data.importers.vposer import VPoser
from dinar.trainer.fit.torch_body import matrices

HAND_DIRECTIONS = 8
"""Principal directions of a hand's 45 angles."""

BODY_JOINTS = 21
_SIDES = ((1, 2), (4, 5), (7, 8), (10, 11), (13, 14), (16, 17), (18, 19), (20, 21), (23, 24))
_HANDS = tuple((25 + n, 40 + n) for n in range(15))


def _mirror() -> np.ndarray:
    order = np.arange(55)
    for left, right in (*_SIDES, *_HANDS):
        order[[left, right]] = right, left
    return order


MIRRORED = _mirror()
"""int [55]: the joint that each joint of SMPL-X is in a mirror."""


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A normal distribution: value = mean + spread @ code, the code's entries independent, of deviation 1.

    Attributes:
        mean: float64 [N].
        spread: float64 [N, K].
    """

    mean: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True, eq=False)
class Priors:
    """What comes with the package.

    Attributes:
        body: of the 63 angles of the body's joints, radians.
        left_hand: of the 45 absolute angles of a left hand, radians; K = 8.
        shape: of the betas of one body.
        shape_of: that body's hash.
    """

    body: Gaussian
    left_hand: Gaussian
    shape: Gaussian
    shape_of: str


def gaussian(samples: np.ndarray, floor: float = 0.0, directions: int | None = None) -> Gaussian:
    """The normal distribution of samples [M, N], with `floor` more deviation in each direction.

    Args:
        samples: float64 [M, N].
        floor: in the samples' unit.
        directions: how many principal directions to keep; all when left out.
    """
    mean = samples.mean(0)
    values, vectors = np.linalg.eigh(np.cov(samples.T) + floor**2 * np.eye(len(mean)))
    kept = slice(len(mean) - (directions or len(mean)), None)
    return Gaussian(mean, vectors[:, kept] * np.sqrt(np.maximum(values[kept], 0)))


# --- The file -------------------------------------------------------------------------------------

_PARTS = ("body", "left_hand", "shape")


def priors_path() -> Path:
    """The priors that come with the package."""
    return Path(__file__).parents[1] / "assets" / "fit_priors.npz"


def save_priors(path: Path, priors: Priors) -> None:
    """Write priors as float32."""
    arrays: dict[str, Any] = {"shape_of": np.frombuffer(priors.shape_of.encode("ascii"), np.uint8)}
    for part in _PARTS:
        for name, array in vars(getattr(priors, part)).items():
            arrays[f"{part}_{name}"] = array.astype(np.float32)
    with whole_file(path) as unfinished, unfinished.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def load_priors() -> Priors:
    """Read the priors that come with the package."""
    with open_arrays(priors_path()) as arrays:
        parts = {
            part: Gaussian(*(arrays.read(f"{part}_{name}").astype(np.float64) for name in ("mean", "spread")))
            for part in _PARTS
        }
        return Priors(**parts, shape_of=arrays.read("shape_of").tobytes().decode("ascii"))


def shape_prior(priors: Priors, body: Body) -> Gaussian:
    """The prior of a body's betas: of the open body as people are drawn, of others the unit normal one.

    SMPL-X's betas are principal components, scaled to deviation 1; as in SMPLify-X the first ten are fitted.
    """
    if body.hash == priors.shape_of:
        return priors.shape
    count = min(10, body.shapedirs.shape[2])
    return Gaussian(np.zeros(count), np.eye(count))


# --- Poses ----------------------------------------------------------------------------------------


class PosePrior(Protocol):
    """Body poses as codes."""

    size: int

    def rotations(self, code: torch.Tensor) -> torch.Tensor:
        """Rotations of the 21 body joints, [21, 3, 3], of a code [size]."""
        ...

    def energy(self, code: torch.Tensor) -> torch.Tensor:
        """How unlikely a code is: its negative log-likelihood without constants, a number."""
        ...


class GaussianPosePrior:
    """A normal distribution of joint angles, with joint limits."""

    def __init__(self, prior: Gaussian) -> None:
        """`prior` is of 63 angles, radians."""
        self.size = prior.spread.shape[1]
        self._mean, self._spread = torch.from_numpy(prior.mean), torch.from_numpy(prior.spread)
        self._low, self._high = (torch.from_numpy(bound.ravel()) for bound in joint_limits())

    def rotations(self, code: torch.Tensor) -> torch.Tensor:
        """See `PosePrior`."""
        return matrices(self._angles(code).reshape(BODY_JOINTS, 3))

    def energy(self, code: torch.Tensor) -> torch.Tensor:
        """See `PosePrior`; beyond a joint's limit the square of the angle in units of `LIMIT_SOFTNESS`."""
        angles = self._angles(code)
        beyond = F.relu(angles - self._high) + F.relu(self._low - angles)
        return 0.5 * code.square().sum() + 0.5 * (beyond / LIMIT_SOFTNESS).square().sum()

    def _angles(self, code: torch.Tensor) -> torch.Tensor:
        return self._mean + self._spread @ code


class VPoserPosePrior:
    """A user's VPoser: its 32 numbers are standard normal by training (Pavlakos et al. 2019, Sec. 3.2)."""

    size = 32

    def __init__(self, vposer: VPoser) -> None:
        """`vposer` is the decoder."""
        self._weights = [torch.from_numpy(weight) for weight in vposer.weights]
        self._biases = [torch.from_numpy(bias) for bias in vposer.biases]
        self._slope = vposer.slope

    def rotations(self, code: torch.Tensor) -> torch.Tensor:
        """See `PosePrior`; the twin of `VPoser.decode`."""
        value = code
        for layer, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            value = weight @ value + bias
            if layer < len(self._weights) - 1:
                value = F.leaky_relu(value, self._slope)
        first, second = value.reshape(BODY_JOINTS, 3, 2).unbind(2)
        first = F.normalize(first, dim=1)
        second = F.normalize(second - (first * second).sum(1, keepdim=True) * first, dim=1)
        return torch.stack([first, second, torch.linalg.cross(first, second)], 2)

    def energy(self, code: torch.Tensor) -> torch.Tensor:
        """See `PosePrior`."""
        return 0.5 * code.square().sum()


# --- Joint limits ---------------------------------------------------------------------------------

LIMIT_SOFTNESS = 0.1
"""Radians beyond a limit that cost as much as one deviation of a prior."""

# Degrees about x, y, z (axis-angle, T-pose axes) of the left joint of a pair; the right one is its mirror
# image. Knees and elbows are hinges that do not bend the wrong way; the trunk, ankles and wrists turn little.
_FREE = ((-180, 180), (-180, 180), (-180, 180))
_LIMITS: dict[int, tuple[tuple[float, float], ...]] = {
    1: ((-130, 40), (-60, 60), (-40, 70)),  # hip
    4: ((-5, 155), (-30, 30), (-20, 20)),  # knee
    7: ((-50, 60), (-35, 35), (-35, 35)),  # ankle
    10: ((-40, 60), (-20, 20), (-20, 20)),  # toes
    3: ((-30, 60), (-40, 40), (-30, 30)),  # spine, three joints
    6: ((-25, 45), (-35, 35), (-25, 25)),
    9: ((-25, 45), (-35, 35), (-25, 25)),
    12: ((-45, 50), (-55, 55), (-40, 40)),  # neck
    15: ((-40, 45), (-50, 50), (-35, 35)),  # head
    13: ((-30, 30), (-35, 35), (-35, 45)),  # collar
    16: _FREE,  # shoulder
    18: ((-100, 100), (-160, 5), (-90, 90)),  # elbow: bends about -y, forearms turn about x
    20: ((-80, 80), (-40, 50), (-90, 90)),  # wrist
}


def joint_limits() -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest angle of the 21 body joints about each axis: float64 [21, 3] radians, twice."""
    low, high = np.full((BODY_JOINTS, 3), -np.pi), np.full((BODY_JOINTS, 3), np.pi)
    for joint, axes in _LIMITS.items():
        own = np.radians(np.array(axes, np.float64))  # [3, 2]
        low[joint - 1], high[joint - 1] = own[:, 0], own[:, 1]
        other = int(MIRRORED[joint])
        if other != joint:  # x stays, y and z change their sign
            low[other - 1] = own[0, 0], -own[1, 1], -own[2, 1]
            high[other - 1] = own[0, 1], -own[1, 0], -own[2, 0]
    return low, high
