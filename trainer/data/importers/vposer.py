"""VPoser's decoder: body poses from the 32 numbers that SMPLify-X stores (Pavlakos et al. 2019, Sec. 3.2).

Two hidden layers, and each joint's rotation as two columns of its matrix (Zhou et al. 2019). The weights are
licensed; who fitted with them has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dinar.runtime.errors import DinarError
from dinar.runtime.rotations import axis_angle_from_matrix

_JOINTS = 21
# Names of the three layers and the slope below zero of the two releases.
_RELEASES = (
    (("bodyprior_dec_fc1", "bodyprior_dec_fc2", "bodyprior_dec_out"), 0.2),
    (("decoder_net.0", "decoder_net.3", "decoder_net.5"), 0.01),
)
_PREFIXES = ("", "vp_model.")


@dataclass(frozen=True)
class VPoser:
    """The decoder.

    Attributes:
        weights: three float64 [out, in].
        biases: three float64 [out].
        slope: of the activation below zero.
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    slope: float

    def decode(self, code: np.ndarray) -> np.ndarray:
        """Angles of the 21 body joints, float64 [63], radians, of a code [32]."""
        value = code
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            value = weight @ value + bias
            if layer < 2:
                value = np.where(value < 0, self.slope * value, value)
        first, second = np.moveaxis(value.reshape(_JOINTS, 3, 2), 2, 0)  # [21, 3] each
        first = first / np.linalg.norm(first, axis=1, keepdims=True).clip(1e-12)
        second = second - (first * second).sum(1, keepdims=True) * first
        second = second / np.linalg.norm(second, axis=1, keepdims=True).clip(1e-12)
        columns = np.stack([first, second, np.cross(first, second)], axis=2)  # [21, 3, 3]
        return axis_angle_from_matrix(columns).ravel()


def read_vposer(path: Path) -> VPoser:
    """Read the weights of VPoser 1 or 2, a PyTorch file, numbers only. Raises DinarError."""
    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DinarError(f"{path} cannot be opened ({error.strerror})") from error
    except Exception as error:  # whatever a damaged file, or one with more than numbers, brings up
        first = str(error).splitlines()[0][:80]
        raise DinarError(f"{path} is no PyTorch file with weights alone ({first})") from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    for names, slope in _RELEASES:
        for prefix in _PREFIXES:
            layers = [f"{prefix}{name}" for name in names]
            if all(f"{layer}.weight" in state and f"{layer}.bias" in state for layer in layers):
                weights = tuple(state[f"{layer}.weight"].double().numpy() for layer in layers)
                biases = tuple(state[f"{layer}.bias"].double().numpy() for layer in layers)
                _check(path, weights, biases)
                return VPoser(weights, biases, slope)
    raise DinarError(f"{path} holds no decoder of VPoser 1 or 2 ({', '.join(list(state)[:5])[:120]} ...)")


def _check(path: Path, weights: tuple[np.ndarray, ...], biases: tuple[np.ndarray, ...]) -> None:
    inputs = (32, len(weights[0]), len(weights[1]))
    shapes = [w.shape == (len(b), n) for w, b, n in zip(weights, biases, inputs, strict=True)]
    if not all(shapes) or len(weights[2]) != 6 * _JOINTS:
        raise DinarError(f"{path}: the decoder's layers do not fit together")
