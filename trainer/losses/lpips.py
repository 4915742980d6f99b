"""LPIPS (Zhang et al. 2018), the perceptual loss of Eq. 4, from published weights; or what stands in for it.

LPIPS is two files that are others' to give: features of a network trained on ImageNet, and the linear layers
that were fitted to people's judgements. Nothing is downloaded here. They are read from where their owners'
programs leave them, or from a folder:

    linear layers    vgg.pth or alex.pth of the packages `lpips` or `torchmetrics`
                     (keys lin0.model.1.weight ... lin4.model.1.weight)
    features         vgg16-397923af.pth or alexnet-owt-7be5be79.pth, as torchvision publishes them
                     (keys features.0.weight, features.0.bias ...), in torch's folder of downloads
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from dinar.runtime.errors import DinarError
from dinar.trainer.losses.perceptual_substitute import StructureEdgesColours

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of values in [-1, 1]; Zhang et al.'s
_EPSILON = 1e-10  # below the square of a feature's length


@dataclass(frozen=True)
class Layer:
    """A convolution with its ReLU. `pool`: side of the max pooling before it, stride 2; 0: none."""

    index: int  # in torchvision's `features`
    kernel: int
    stride: int = 1
    padding: int = 1
    pool: int = 0
    tapped: bool = False  # whether LPIPS compares what comes out


@dataclass(frozen=True)
class _Backbone:
    """A network whose features are compared.

    Attributes:
        name: for people.
        linear: file names of its linear layers.
        features: pattern of file names of its features.
        layers: its convolutions, in order.
    """

    name: str
    linear: str
    features: str
    layers: tuple[Layer, ...]


_VGG = _Backbone(
    "VGG16",
    "vgg.pth",
    "vgg16-*.pth",
    tuple(
        Layer(index, 3, pool=2 if index in (5, 10, 17, 24) else 0, tapped=index in (2, 7, 14, 21, 28))
        for index in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    ),
)
_ALEX = _Backbone(
    "AlexNet",
    "alex.pth",
    "alexnet-*.pth",
    (
        Layer(0, 11, stride=4, padding=2, tapped=True),
        Layer(3, 5, padding=2, pool=3, tapped=True),
        Layer(6, 3, pool=3, tapped=True),
        Layer(8, 3, tapped=True),
        Layer(10, 3, tapped=True),
    ),
)
VGG16_LAYERS, VGG16_FILES = _VGG.layers, _VGG.features
_BACKBONES = (_VGG, _ALEX)  # VGG16 first: the better loss to train with (Zhang et al. 2018)
_PACKAGE_FOLDERS = {"lpips": "weights/v0.1", "torchmetrics": "functional/image/lpips_models"}


@dataclass(frozen=True)
class PerceptualLoss:
    """A perceptual loss, and what to tell people about it.

    Attributes:
        distance: pictures [B, 3, H, W] twice, sRGB in [0, 1] => float32 [B], 0 for equal ones.
        sentence: which one it is, and why.
        is_lpips: whether it is LPIPS.
    """

    distance: nn.Module
    sentence: str
    is_lpips: bool


def perceptual_loss(path: Path | None = None) -> PerceptualLoss:
    """Open LPIPS where its weights are on this computer, else the substitute. The caller prints `sentence`.

    Args:
        path: a folder that holds the features, and the linear layers if no package has brought them; None:
            look where other programs leave them.

    Raises:
        DinarError: a path was given, and LPIPS is not there; or a file that was found is damaged.
    """
    found = find_lpips(path)
    if found is not None:
        backbone, linear, features = found
        sentence = f"Perceptual loss: LPIPS on {backbone}, from {linear} and {features}."
        return PerceptualLoss(load_lpips(linear, features), sentence, True)
    wanted = " or ".join(f"{backbone.linear} and {backbone.features}" for backbone in _BACKBONES)
    if path is not None:
        raise DinarError(f"{path} holds no weights of LPIPS: expected a folder with {wanted}")
    return PerceptualLoss(
        StructureEdgesColours(),
        "Perceptual loss: a substitute for LPIPS (multi-scale SSIM, edges, colours), as LPIPS's weights are "
        f"not on this computer; to train with LPIPS, name a folder with {wanted}.",
        False,
    )


def find_lpips(path: Path | None = None) -> tuple[str, Path, Path] | None:
    """Find LPIPS's files: the network's name, its linear layers and its features; None: not all are there.

    Args:
        path: see `perceptual_loss`.
    """
    packages = package_folders(_PACKAGE_FOLDERS)
    linear_folders = packages if path is None else [path, *packages]
    for backbone in _BACKBONES:
        linear = find_file(linear_folders, backbone.linear)
        features = find_file([path or downloads()], backbone.features)
        if linear and features:
            return backbone.name, linear, features
    return None


def load_lpips(linear: Path, features: Path) -> Lpips:
    """Read LPIPS from its two files; the keys say which network they belong to.

    Raises DinarError: a file cannot be read, or holds something else.
    """
    weights = {key: value for key, value in read_weights(features).items() if key.startswith("features.")}
    backbone = next((b for b in _BACKBONES if _keys(b) == set(weights)), None)
    if backbone is None:
        raise DinarError(
            f"{features}: expected the features of VGG16 or AlexNet as torchvision publishes them "
            "(keys features.0.weight ...)"
        )
    return Lpips(
        backbone, _convolutions(features, backbone, weights), _linear_layers(linear, read_weights(linear))
    )


class Lpips(nn.Module):
    """The distance; its weights are never trained, and are not in `parameters()`."""

    def __init__(
        self,
        backbone: _Backbone,
        convolutions: tuple[tuple[torch.Tensor, torch.Tensor], ...],
        linear: tuple[torch.Tensor, ...],
    ) -> None:
        """Keep the weights.

        Args:
            backbone: the network's form.
            convolutions: weight [O, I, k, k] and bias [O] of each layer.
            linear: weight [1, O, 1, 1] of each layer that is compared.

        Raises:
            DinarError: the linear layers belong to another network.
        """
        super().__init__()
        self._layers = backbone.layers
        tapped = [len(b) for layer, (_, b) in zip(backbone.layers, convolutions, strict=True) if layer.tapped]
        given = [weight.shape[1] for weight in linear]
        if tapped != given:
            raise DinarError(
                f"LPIPS's linear layers for {backbone.name} must take {tapped} channels, not {given}: "
                "take both files of one network"
            )
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1), persistent=False)
        for n, (weight, bias) in enumerate(convolutions):
            self.register_buffer(f"weight{n}", weight, persistent=False)
            self.register_buffer(f"bias{n}", bias, persistent=False)
        for n, weight in enumerate(linear):
            self.register_buffer(f"linear{n}", weight, persistent=False)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Compare pictures [B, 3, H, W], sRGB in [0, 1], 32 pixels or more a side: float32 [B]."""
        if min(a.shape[-2:]) < 32:
            raise ValueError(f"LPIPS expects pictures of 32 pixels or more a side, not {list(a.shape[-2:])}")
        features = self._features(torch.cat([a, b]))
        total = torch.zeros(len(a), device=a.device)
        for n, feature in enumerate(features):
            difference = (feature[: len(a)] - feature[len(a) :]).square()
            weighted = F.conv2d(difference, getattr(self, f"linear{n}"))  # [B, 1, h, w]
            total = total + weighted.float().mean((1, 2, 3))
        return total

    def _features(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Features of the tapped layers, each pixel's of length 1."""
        x = (2 * pictures - 1 - self.shift) / self.scale  # [0, 1] => [-1, 1] => normalized
        taps = []
        for n, layer in enumerate(self._layers):
            if layer.pool:
                x = F.max_pool2d(x, layer.pool, 2)
            weight, bias = getattr(self, f"weight{n}"), getattr(self, f"bias{n}")
            x = F.relu(F.conv2d(x, weight, bias, layer.stride, layer.padding))
            if layer.tapped:
                taps.append(x * torch.rsqrt(x.float().square().sum(1, keepdim=True) + _EPSILON))
        return taps


# --- Finding and reading ----------------------------------------------------------------------------


def downloads() -> Path:
    """Where torch keeps what other programs have downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def package_folders(below_packages: Mapping[str, str]) -> list[Path]:
    """Folders within those of some packages that are installed; none of them is imported."""
    folders = []
    for package, below in below_packages.items():
        found = importlib.util.find_spec(package)
        if found is not None and found.origin is not None:
            folders.append(Path(found.origin).parent / below)
    return folders


def find_file(folders: Sequence[Path], pattern: str) -> Path | None:
    """The first file of some folders whose name matches."""
    return next((file for folder in folders for file in sorted(folder.glob(pattern))), None)


def read_weights(path: Path, of: str = "LPIPS") -> dict[str, torch.Tensor]:
    """Read a map of names to tensors. Raises DinarError: it is none, and was to be weights of `of`."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DinarError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # what damaged files raise in torch.load has no common class
        raise DinarError(f"{path}: expected weights of {of}, saved by torch") from error
    if not isinstance(content, Mapping) or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise DinarError(f"{path}: expected weights of {of}, a map of names to tensors")
    return {str(key): value for key, value in content.items()}


def _keys(backbone: _Backbone) -> set[str]:
    return {f"features.{layer.index}.{part}" for layer in backbone.layers for part in ("weight", "bias")}


def load_vgg16(features: Path, of: str) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
    """Weight [O, I, 3, 3] and bias [O] of each of `VGG16_LAYERS`, for a measure called `of`.

    Raises DinarError: the file cannot be read, or holds something else.
    """
    weights = {k: v for k, v in read_weights(features, of).items() if k.startswith("features.")}
    if set(weights) != _keys(_VGG):
        raise DinarError(f"{features}: expected the features of VGG16 as torchvision publishes them")
    return _convolutions(features, _VGG, weights)


def _convolutions(
    path: Path, backbone: _Backbone, weights: Mapping[str, torch.Tensor]
) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
    """Weight and bias of each layer. Raises DinarError: their shapes do not follow from one another."""
    channels, convolutions = 3, []
    for layer in backbone.layers:
        weight, bias = (weights[f"features.{layer.index}.{part}"] for part in ("weight", "bias"))
        wanted = (len(bias) if bias.ndim == 1 else -1, channels, layer.kernel, layer.kernel)
        if weight.shape != wanted:
            raise DinarError(
                f"{path}: features.{layer.index}.weight of {backbone.name} must have the shape "
                f"{list(wanted)}, not {list(weight.shape)}"
            )
        channels = len(bias)
        convolutions.append((weight.float(), bias.float()))
    return tuple(convolutions)


def _linear_layers(path: Path, weights: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """The five linear layers. Raises DinarError: there are others."""
    keys = [f"lin{n}.model.1.weight" for n in range(5)]
    if set(weights) != set(keys) or any(
        w.ndim != 4 or (w.shape[0], *w.shape[2:]) != (1, 1, 1) for w in weights.values()
    ):
        raise DinarError(
            f"{path}: expected LPIPS's five linear layers (keys {keys[0]} to {keys[-1]}, each [1, C, 1, 1])"
        )
    return tuple(weights[key].float() for key in keys)
