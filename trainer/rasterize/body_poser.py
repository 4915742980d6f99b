"""Poses bodies of many shapes by the runtime's skinning: what training shows a network is what it will see.

`runtime.prepare.mesh.skinned_body` lays a body out once, which takes a quarter of a second; another shape
changes only the rest pose, which takes milliseconds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dinar.runtime.body import Body, Pose, rest_vertices
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.prepare.mesh import skinned_body


class BodyPoser:
    """Poses one body model in any shape. Not thread-safe; the last shape is kept ready."""

    def __init__(self, body: Body) -> None:
        """Lay the body out."""
        self.body = body
        self._mesh = skinned_body(body, np.zeros(0))
        self._shaped: tuple[bytes, Skinner] | None = None

    def __call__(self, betas: np.ndarray, pose: Pose) -> np.ndarray:
        """Pose the body of shape `betas` [S'].

        Returns:
            float32 [V, 3], world metres; the next call may write that memory again.

        Raises:
            ValueError: betas or pose do not fit the body.
        """
        betas = np.asarray(betas, np.float64)
        if self._shaped is None or self._shaped[0] != betas.tobytes():
            self._shaped = betas.tobytes(), self._skinner(betas)
        return self._shaped[1](pose)

    def _skinner(self, betas: np.ndarray) -> Skinner:
        rest = rest_vertices(self.body, betas)
        tiles = rest.astype(np.float32)[self._mesh.vertex_ids].transpose(0, 2, 1)  # [T, 3, L]
        return Skinner(
            replace(self._mesh, rest=np.ascontiguousarray(tiles), rest_joints=self.body.J_regressor @ rest)
        )
