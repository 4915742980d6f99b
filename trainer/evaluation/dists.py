"""DISTS (Ding et al. 2020): structure and texture of pictures alike, in features of VGG16.

    1 - sum_ij (alpha_ij l(x_ij, y_ij) + beta_ij s(x_ij, y_ij))

over the picture itself and five of VGG16's layers i and their channels j: l compares means (texture), s
covariances (structure), as in SSIM but over the whole map. VGG16 pools by the root of blurred squares here.
As its authors do, pictures are brought to 256 pixels at their shorter side.

    alpha, beta    weights.pt of the packages `DISTS_pytorch` or `torchmetrics`, or dists_weights.pt as `piq`
                   downloads it (keys alpha and beta, [1, 1475, 1, 1] each)
    features       vgg16-397923af.pth, as torchvision publishes it
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from dinar.runtime.errors import DinarError
from dinar.trainer.losses.lpips import (
    VGG16_FILES,
    VGG16_LAYERS,
    downloads,
    find_file,
    load_vgg16,
    package_folders,
    read_weights,
)

FILES = "weights.pt or dists_weights.pt"
_PACKAGE_FOLDERS = {"DISTS_pytorch": ".", "torchmetrics": "functional/image/dists_models"}
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of sRGB in [0, 1]; ImageNet's
_HANN = (0.5, 1.0, 0.5)
_EPSILON, _SIDE = 1e-6, 256


def open_dists(folder: Path | None) -> Dists | None:
    """Open DISTS; None: its files are not all on this computer.

    Args:
        folder: that holds the features, and alpha and beta if no package has brought them; None: look where
            other programs leave them.

    Raises:
        DinarError: a file that was found is damaged, or they do not belong together.
    """
    own = folder or downloads()
    weights = find_file([own], "*weights.pt") or find_file(package_folders(_PACKAGE_FOLDERS), "weights.pt")
    features = find_file([own], VGG16_FILES)
    return None if weights is None or features is None else load_dists(weights, features)


def load_dists(weights: Path, features: Path) -> Dists:
    """Read DISTS from its two files. Raises DinarError: see `open_dists`."""
    convolutions = load_vgg16(features, "DISTS")
    tapped = [len(b) for layer, (_, b) in zip(VGG16_LAYERS, convolutions, strict=True) if layer.tapped]
    shape, given = (1, 3 + sum(tapped), 1, 1), read_weights(weights, "DISTS")
    if {key: tuple(value.shape) for key, value in given.items()} != {"alpha": shape, "beta": shape}:
        raise DinarError(f"{weights}: expected alpha and beta of DISTS, {list(shape)} each")
    return Dists(convolutions, given["alpha"].flatten(), given["beta"].flatten())


class Dists(nn.Module):
    """The distance; its weights are never trained."""

    def __init__(
        self,
        convolutions: tuple[tuple[torch.Tensor, torch.Tensor], ...],
        alpha: torch.Tensor,
        beta: torch.Tensor,
    ) -> None:
        """Keep the weights.

        Args:
            convolutions: weight and bias of VGG16's layers.
            alpha: float32 [C], of the means of all channels that are compared, the picture's first.
            beta: float32 [C], of the covariances.
        """
        super().__init__()
        self._convolutions = convolutions
        total = alpha.sum() + beta.sum()
        self._alpha, self._beta = alpha / total, beta / total

    @torch.no_grad()
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Compare pictures [B, 3, H, W], sRGB in [0, 1]: float32 [B], 0 for equal ones."""
        maps_a, maps_b = self._features(_reduced(a)), self._features(_reduced(b))
        texture, structure = [], []
        for x, y in zip(maps_a, maps_b, strict=True):
            mean_x, mean_y = x.mean((2, 3)), y.mean((2, 3))
            texture.append((2 * mean_x * mean_y + _EPSILON) / (mean_x**2 + mean_y**2 + _EPSILON))
            covariance = (x * y).mean((2, 3)) - mean_x * mean_y
            variances = x.var((2, 3), correction=0) + y.var((2, 3), correction=0)
            structure.append((2 * covariance + _EPSILON) / (variances + _EPSILON))
        return 1 - (torch.cat(texture, 1) @ self._alpha + torch.cat(structure, 1) @ self._beta)

    def _features(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """The pictures and the tapped layers."""
        mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (_MEAN, _DEVIATION))
        x, maps = (pictures - mean) / deviation, [pictures]
        for layer, (weight, bias) in zip(VGG16_LAYERS, self._convolutions, strict=True):
            if layer.pool:
                x = _pool(x)
            x = F.relu(F.conv2d(x, weight, bias, padding=layer.padding))
            if layer.tapped:
                maps.append(x)
        return maps


def _pool(x: torch.Tensor) -> torch.Tensor:
    """Half as large: the root of squares under a Hann window."""
    window = torch.tensor(_HANN) / sum(_HANN)
    kernel = (window[:, None] * window).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x**2, kernel, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


def _reduced(pictures: torch.Tensor) -> torch.Tensor:
    """Bring the shorter side down to 256 pixels."""
    shorter = min(pictures.shape[-2:])
    if shorter <= _SIDE:
        return pictures.float()
    height, width = (round(n * _SIDE / shorter) for n in pictures.shape[-2:])
    return F.interpolate(pictures.float(), (height, width), mode="bilinear", antialias=True)
