"""Who is it? How far apart two pictures of a person are for a re-identification network.

The paper takes FlipReID. Any network that turns a person into a vector does, as ONNX, from any framework: it
is given the rectangle around the person, float32 [1, 3, H, W], sRGB with ImageNet's mean and deviation, and
gives float32 [1, D]. H and W are as the file says; 256 and 128 where it leaves them open.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from dinar.runtime.errors import DinarError
from dinar.trainer.losses.lpips import downloads

FILE = "reid.onnx"
HEIGHT, WIDTH = 256, 128
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ReId:
    """The network, on the CPU."""

    def __init__(self, session: Any, path: Path) -> None:
        """Keep it.

        Args:
            session: onnxruntime's.
            path: named where it fails.

        Raises:
            DinarError: it takes no picture.
        """
        self._session, self._path = session, path
        (*others, taken) = session.get_inputs()
        if others or len(taken.shape) != 4 or taken.shape[1] != 3:
            raise DinarError(
                f"{path}: expected a network that takes pictures [1, 3, H, W], not {taken.shape}"
            )
        self._input = taken.name
        self._size = tuple(
            given if isinstance(given, int) else usual
            for given, usual in zip(taken.shape[2:], (HEIGHT, WIDTH), strict=True)
        )

    def features(self, person: torch.Tensor) -> torch.Tensor:
        """A person cut out, [1, 3, h, w], sRGB in [0, 1] => float32 [D], of length 1.

        Raises DinarError: the network fails, or gives something else.
        """
        mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (_MEAN, _DEVIATION))
        resized = F.interpolate(person.float(), self._size, mode="bilinear", antialias=True)
        taken = ((resized - mean) / deviation).numpy()
        try:
            given, *_ = self._session.run(None, {self._input: taken})
        except Exception as error:  # onnxruntime's have no common class
            raise DinarError(f"{self._path}: the network does not run on {list(taken.shape)}") from error
        if given.ndim != 2 or len(given) != 1:
            raise DinarError(
                f"{self._path}: expected a network that gives one vector, [1, D], not {list(given.shape)}"
            )
        return F.normalize(torch.from_numpy(given).float(), dim=1)[0]


def open_reid(folder: Path | None) -> ReId | None:
    """Open the network; None: it is not on this computer.

    Args:
        folder: that holds reid.onnx; None: torch's folder of downloads.

    Raises:
        DinarError: the file is no ONNX, or takes no picture.
    """
    path = (folder or downloads()) / FILE
    if not path.is_file():
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's have no common class
        raise DinarError(f"{path}: expected a re-identification network as ONNX") from error
    return ReId(session, path)
