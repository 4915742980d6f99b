"""KID (Bińkowski et al. 2018), in features of the Inception v3 that FID is computed with.

    weights-inception-2015-12-05-6726825d.pth   as torch-fidelity and torchmetrics download it, or
    pt_inception-2015-12-05-6726825d.pth        as pytorch-fid does: TensorFlow's network of 2015 in torch's
                                                names (keys Conv2d_1a_3x3.conv.weight ...)

The network is its weights and the table below: within blocks, convolutions keep the size unless they halve
it. It differs from torchvision's in three places: averages leave padding out, the last block pools by
maximum, and pictures are resized as TensorFlow 1 did.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch.nn import functional as F

from dinar.runtime.errors import DinarError
from dinar.trainer.losses.lpips import downloads, find_file, read_weights

FILES = "weights-inception-2015-12-05-6726825d.pth or pt_inception-2015-12-05-6726825d.pth"
_PATTERN = "*inception-2015-12-05-*.pth"
_SIDE = 299
_EPSILON = 1e-3  # of batch norm
_LEAST = 2  # pictures of each set for an unbiased estimate

# Chains of convolutions side by side, by the ends of their names; "/2" halves; a tuple: two of one input.
_Chain = tuple[str | tuple[str, str], ...]
_A: tuple[_Chain, ...] = (
    ("branch1x1",),
    ("branch5x5_1", "branch5x5_2"),
    ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
)
_B: tuple[_Chain, ...] = (("branch3x3/2",), ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3/2"))
_C: tuple[_Chain, ...] = (
    ("branch1x1",),
    ("branch7x7_1", "branch7x7_2", "branch7x7_3"),
    ("branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"),
)
_D: tuple[_Chain, ...] = (
    ("branch3x3_1", "branch3x3_2/2"),
    ("branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4/2"),
)
_E: tuple[_Chain, ...] = (
    ("branch1x1",),
    ("branch3x3_1", ("branch3x3_2a", "branch3x3_2b")),
    ("branch3x3dbl_1", "branch3x3dbl_2", ("branch3x3dbl_3a", "branch3x3dbl_3b")),
)
_BLOCKS: tuple[tuple[str, tuple[_Chain, ...], str], ...] = (
    *((f"Mixed_5{letter}", _A, "mean") for letter in "bcd"),
    ("Mixed_6a", _B, "halve"),
    *((f"Mixed_6{letter}", _C, "mean") for letter in "bcde"),
    ("Mixed_7a", _D, "halve"),
    ("Mixed_7b", _E, "mean"),
    ("Mixed_7c", _E, "max"),
)


def open_inception(folder: Path | None) -> Inception | None:
    """Open the network; None: its file is not on this computer.

    Args:
        folder: that holds it; None: look where other programs leave it.

    Raises:
        DinarError: the file that was found is damaged.
    """
    found = find_file([folder or downloads()], _PATTERN)
    return None if found is None else load_inception(found)


def load_inception(path: Path) -> Inception:
    """Read the network. Raises DinarError: it cannot be read, or holds something else."""
    network = Inception(read_weights(path, "Inception v3"))
    try:
        network.features(torch.zeros(1, 3, 8, 8))
    except (KeyError, RuntimeError) as error:
        raise DinarError(
            f"{path}: expected the weights of Inception v3 that FID is computed with ({FILES})"
        ) from error
    return network


class Inception:
    """The network up to its last pooling."""

    def __init__(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Keep the weights, by their names."""
        self._weights = weights

    @torch.no_grad()
    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures [B, 3, H, W], sRGB in [0, 1] => float32 [B, D]; D = 2048 in the published network."""
        x = resized(255 * pictures.float(), _SIDE)
        x = (x - 128) / 128  # bytes => about [-1, 1]
        x = self._convolve("Conv2d_1a_3x3", x, stride=2, same=False)
        x = self._convolve("Conv2d_2a_3x3", x, same=False)
        x = F.max_pool2d(self._convolve("Conv2d_2b_3x3", x), 3, 2)
        x = self._convolve("Conv2d_3b_1x1", x)
        x = F.max_pool2d(self._convolve("Conv2d_4a_3x3", x, same=False), 3, 2)
        for name, chains, pool in _BLOCKS:
            x = self._block(name, chains, pool, x)
        return x.mean((2, 3))

    def _block(self, name: str, chains: tuple[_Chain, ...], pool: str, x: torch.Tensor) -> torch.Tensor:
        branches = [self._chain(name, chain, x) for chain in chains]
        match pool:
            case "halve":
                branches.append(F.max_pool2d(x, 3, 2))
            case "mean":
                pooled = F.avg_pool2d(x, 3, 1, padding=1, count_include_pad=False)
                branches.append(self._convolve(f"{name}.branch_pool", pooled))
            case "max":
                branches.append(self._convolve(f"{name}.branch_pool", F.max_pool2d(x, 3, 1, padding=1)))
        return torch.cat(branches, 1)

    def _chain(self, block: str, chain: _Chain, x: torch.Tensor) -> torch.Tensor:
        for step in chain:
            if isinstance(step, tuple):
                x = torch.cat([self._convolve(f"{block}.{name}", x) for name in step], 1)
            elif step.endswith("/2"):
                x = self._convolve(f"{block}.{step.removesuffix('/2')}", x, stride=2, same=False)
            else:
                x = self._convolve(f"{block}.{step}", x)
        return x

    def _convolve(self, name: str, x: torch.Tensor, stride: int = 1, same: bool = True) -> torch.Tensor:
        """Convolution, batch norm and ReLU."""
        weight = self._weights[f"{name}.conv.weight"].float()
        padding = [n // 2 for n in weight.shape[2:]] if same else 0
        mean, variance, scale, shift = (
            self._weights[f"{name}.bn.{part}"].float()
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        x = F.conv2d(x, weight, stride=stride, padding=padding)
        return F.relu(F.batch_norm(x, mean, variance, scale, shift, eps=_EPSILON))


def kernel_distance(a: torch.Tensor, b: torch.Tensor) -> float | None:
    """KID of features [N, D] and [M, D]: the unbiased squared MMD with the kernel (x·y / D + 1)³.

    0 on average for sets from one distribution, so below 0 as often as not; None for sets of one.
    """
    if min(len(a), len(b)) < _LEAST:
        return None
    a, b = a.double(), b.double()

    def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x: torch.Tensor) -> torch.Tensor:
        values = kernel(x, x)
        return (values.sum() - values.trace()) / (len(x) * (len(x) - 1))

    return float(within(a) + within(b) - 2 * kernel(a, b).mean())


def resized(pictures: torch.Tensor, side: int) -> torch.Tensor:
    """Bilinear, corner on corner and without any half pixel, as TensorFlow 1: [B, C, side, side]."""
    for axis in (2, 3):
        length = pictures.shape[axis]
        place = torch.arange(side, dtype=torch.float32) * (length / side)
        low = place.long()
        high, weight = (low + 1).clamp(max=length - 1), place - low
        weight = weight.view([-1, 1] if axis == 2 else [-1])
        pictures = (
            pictures.index_select(axis, low) * (1 - weight) + pictures.index_select(axis, high) * weight
        )
    return pictures
