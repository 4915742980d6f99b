"""What the host sends for a frame: where the joints take the T-pose, and how each camera sees it.

One copy of a few kilobytes. The memory it comes from is the host's and stays where it is; the kernels read
the copy by the addresses of its parts, which never change: a captured frame draws whatever lies there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dinar.runtime.body import JOINT_COUNT
from dinar.runtime.gpu.device import Gpu
from dinar.runtime.gpu.queue import Queue
from dinar.runtime.prepare.joints import JointPoser

VIEW = np.dtype([("matrix", np.float64, (3, 4)), ("left", np.int32), ("top", np.int32)])
"""A camera: world metres => homogeneous samples, and the first column and row of its crop, pixels."""

_ALIGNMENT = 16  # bytes: kernels read four floats at a time


class FrameUpload:
    """The memory of one frame's upload, on both sides."""

    def __init__(self, gpu: Gpu, views: int, expressions: int) -> None:
        """Allocate for so many cameras and the body's expressions."""
        fields = {
            "transforms": np.dtype((np.float32, (JOINT_COUNT, 3, 4))),
            "features": np.dtype((np.float32, (JOINT_COUNT, 9))),
            "expression": np.dtype((np.float32, (max(expressions, 1),))),
            "views": np.dtype((VIEW, (views,))),
        }
        offsets, end = [], 0
        for field in fields.values():
            offsets.append(-(-end // _ALIGNMENT) * _ALIGNMENT)
            end = offsets[-1] + field.itemsize
        layout = np.dtype(
            {"names": list(fields), "formats": list(fields.values()), "offsets": offsets, "itemsize": end}
        )
        self._offsets = dict(zip(fields, offsets, strict=True))
        self._host, self._device = gpu.pinned((1,), layout), gpu.empty((1,), layout)
        self._gpu = gpu

    def write(
        self, joints: JointPoser, matrices: Sequence[np.ndarray], corners: Sequence[tuple[int, int]]
    ) -> None:
        """Write a frame; what was written before must have been copied.

        Args:
            joints: just posed.
            matrices: float64 [3, 4] for each camera: world metres => homogeneous samples.
            corners: first column and row of each camera's crop, pixels.
        """
        frame = self._host.values[0]
        frame["transforms"] = joints.transforms[:, :3]
        np.multiply(joints.features, joints.moving[:, None], out=frame["features"])
        frame["expression"] = 0
        frame["expression"][: len(joints.expression)] = joints.expression
        for view, matrix, (left, top) in zip(frame["views"], matrices, corners, strict=True):
            view["matrix"], view["left"], view["top"] = matrix, left, top

    def record(self, queue: Queue) -> None:
        """Copy to the GPU."""
        queue.copy(self._host, self._device)

    @property
    def transforms(self) -> int:
        """Address of float32 [55, 3, 4]."""
        return self._address("transforms")

    @property
    def features(self) -> int:
        """Address of float32 [55, 9]; a joint at rest has zeros."""
        return self._address("features")

    @property
    def expression(self) -> int:
        """Address of float32 [E]."""
        return self._address("expression")

    @property
    def views(self) -> int:
        """Address of VIEW [N]."""
        return self._address("views")

    def close(self) -> None:
        """Give the memory back."""
        self._gpu.release(self._host, self._device)

    def _address(self, field: str) -> int:
        return self._device.address + self._offsets[field]
