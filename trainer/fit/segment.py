"""Masks by a segmentation model that the user has installed: torchvision's DeepLabV3, or rembg.

Neither is a dependency of this project. Each downloads its weights when it is first used.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Literal

import numpy as np

from dinar.runtime.errors import DinarError

_PERSON_CLASS = 15  # of Pascal VOC, which the weights know
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean and deviation of its colours
_REMBG_MODEL = "u2net_human_seg"


def segment(photo: np.ndarray, model: Literal["torchvision", "rembg"]) -> np.ndarray:
    """Find the person in a photo uint8 [H, W, 3], sRGB: uint8 [H, W], 255 = the person.

    Raises DinarError: the package is not installed, or its weights are missing.
    """
    if importlib.util.find_spec(model) is None:
        raise DinarError(
            f"--segment {model} needs {model}, which is not installed: pip install {model}, or name a mask "
            "with --mask"
        )
    return _by_torchvision(photo) if model == "torchvision" else _by_rembg(photo)


def _by_torchvision(photo: np.ndarray) -> np.ndarray:
    import torch

    models: Any = importlib.import_module("torchvision.models.segmentation")
    weights = models.DeepLabV3_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1
    try:
        network = models.deeplabv3_resnet101(weights=weights).eval()
    except (OSError, RuntimeError) as error:  # no network, or a damaged download
        place = f"{torch.hub.get_dir()}/checkpoints"
        raise _weights_missing("torchvision", weights.url, place, error) from error
    # sRGB bytes => ImageNet's normalized colours
    colours = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255
    mean, deviation = (torch.tensor(v).reshape(1, 3, 1, 1) for v in _IMAGENET)
    with torch.inference_mode():
        scores = network((colours - mean) / deviation)["out"][0]
    return np.where(scores.argmax(0).numpy() == _PERSON_CLASS, np.uint8(255), np.uint8(0))


def _by_rembg(photo: np.ndarray) -> np.ndarray:
    rembg: Any = importlib.import_module("rembg")
    try:
        session = rembg.new_session(_REMBG_MODEL)
    except Exception as error:  # whatever its downloader brings up
        raise _weights_missing("rembg", f"{_REMBG_MODEL}.onnx", "~/.u2net", error) from error
    return np.asarray(rembg.remove(photo, session=session, only_mask=True), np.uint8)


def _weights_missing(model: str, weights: str, place: str, error: Exception) -> DinarError:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
    return DinarError(
        f"--segment {model}: its weights are missing and cannot be downloaded ({reason}): put {weights} into "
        f"{place}, or name a mask with --mask"
    )
