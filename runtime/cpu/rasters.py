"""What a renderer network is shown of an avatar: the texture of the bare body, in whole rasterized pictures.

For those who train, calibrate and compare networks. `neural.py`, which draws live, does the same for a
rectangle around the person, straight into a network's input.
"""

from __future__ import annotations

import numba
import numpy as np

from dinar.runtime.avatar import Avatar
from dinar.runtime.body import Pose
from dinar.runtime.camera import Camera
from dinar.runtime.cpu.channels import sample_channels
from dinar.runtime.cpu.rasterize import Rasterizer
from dinar.runtime.cpu.skin import Skinner
from dinar.runtime.network_input import CHANNELS
from dinar.runtime.prepare.faces import gather_corner_uv
from dinar.runtime.prepare.mesh import skinned_body
from dinar.runtime.prepare.neural_texture import make_neural_texture, pack_corners


class RasterSource:
    """Draws the channels that a network reads, for pictures of one size. Not thread-safe."""

    def __init__(self, avatar: Avatar, height: int, width: int) -> None:
        """Prepare the avatar.

        Args:
            avatar: with all texture groups that networks read.
            height: rows.
            width: columns.

        Raises:
            DinarError: the texture lacks a group.
        """
        mesh = skinned_body(avatar.body, avatar.betas)
        self._texture = make_neural_texture(avatar.texture)
        self._skinner = Skinner(mesh)
        self._rasterizer = Rasterizer(mesh.faces, mesh.vertex_count, width, height)
        faces = self._rasterizer.faces
        self._corners = pack_corners(faces, gather_corner_uv(mesh.uv, mesh.uv_faces, len(faces)))
        self._shape = height, width

    def vertices(self, pose: Pose) -> np.ndarray:
        """Return the body in a pose, float32 [V, 3], metres; the next call may write that memory again."""
        return self._skinner(pose)

    def draw(self, pose: Pose, camera: Camera) -> np.ndarray:
        """Return a new uint8 [H, W, 22], as `CpuNetwork.inputs` takes it; the camera has the size of both."""
        height, width = self._shape
        seen = self._rasterizer.draw(self._skinner(pose), [camera])
        raster = np.zeros((height, width, CHANNELS), np.uint8)
        sample_channels(
            self._texture,
            self._corners,
            seen.homogeneous[0],
            seen.triangle[0],
            0,
            0,
            numba.get_num_threads(),
            np.zeros((height, 2), np.int32),
            raster.reshape(height, -1),
        )
        return raster
