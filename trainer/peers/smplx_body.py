"""The open body in `smplx`, the field's package, on any device: a peer of our skinning."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import torch

from dinar.runtime.avatar import Avatar
from dinar.runtime.body import JOINT_COUNT, Pose, load_body, open_body_path
from dinar.runtime.errors import DinarError

_COEFFICIENTS = 10  # betas and expressions that the open body has
_NUMBERS = (3, 63, 3, 3, 3, 45, 45)
_NAMES = (
    "global_orient",
    "body_pose",
    "jaw_pose",
    "leye_pose",
    "reye_pose",
    "left_hand_pose",
    "right_hand_pose",
)


class SmplxBody:
    """Poses an avatar's body."""

    def __init__(self, avatar: Avatar, device: torch.device | str = "cpu") -> None:
        """Load the open body.

        Raises:
            DinarError: `smplx` is not installed, or the avatar has another body.
        """
        try:
            import smplx
        except ImportError as error:
            raise DinarError("smplx is not installed") from error
        if load_body(open_body_path()).hash != avatar.body.hash:
            raise DinarError("the avatar has another body than the open one")
        with contextlib.redirect_stdout(io.StringIO()):  # it warns of a model with few coefficients
            self._model = smplx.SMPLX(
                str(open_body_path()),
                num_betas=_COEFFICIENTS,
                num_expression_coeffs=_COEFFICIENTS,
                use_pca=False,
                flat_hand_mean=True,
            ).to(device)
        self._device = torch.device(device)
        self._betas = torch.from_numpy(_filled(avatar.betas)).to(device)[None]

    def vertices(self, pose: Pose) -> torch.Tensor:
        """Return float32 [1, V, 3], world metres, on the device; the pose gets there in one copy."""
        numbers = np.concatenate([pose.rotations.ravel(), pose.translation, _filled(pose.expression)])
        sent = torch.from_numpy(numbers.astype(np.float32)).to(self._device)[None]
        rotations, translation, expression = torch.split(sent, [3 * JOINT_COUNT, 3, _COEFFICIENTS], dim=1)
        parts = dict(zip(_NAMES, torch.split(rotations, _NUMBERS, dim=1), strict=True))
        with torch.no_grad():
            posed = self._model(betas=self._betas, expression=expression, transl=translation, **parts)
        vertices: torch.Tensor = posed.vertices
        return vertices


def _filled(coefficients: np.ndarray) -> np.ndarray:
    """The first ten coefficients, float32 [10]; what is not there counts as 0."""
    filled = np.zeros(_COEFFICIENTS, np.float32)
    given = np.asarray(coefficients, np.float32)[:_COEFFICIENTS]
    filled[: len(given)] = given
    return filled
