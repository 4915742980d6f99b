"""A fitted or trained renderer into an avatar file: float32 for comparison, int8 for speed.

    python -m dinar.export.package FOLDER --out person.dinar

FOLDER is what training left: the checkpoint, the avatar with its neural texture, and views to calibrate with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console

from dinar.export.to_onnx import to_onnx
from dinar.export.to_openvino import compare, quantize
from dinar.runtime.avatar import Avatar, RendererNetwork, open_avatar, save_avatar
from dinar.runtime.errors import DinarError
from dinar.runtime.files.npz import open_arrays
from dinar.runtime.network_input import CHANNELS
from dinar.trainer.models.renderer import NeuralRenderer, load_renderer
from dinar.trainer.models.run_folder import RunFolder


@dataclass(frozen=True)
class PackageConfig:
    """Put a trained renderer into an avatar file."""

    folder: Annotated[Path, tyro.conf.Positional]
    """What training left: checkpoint, avatar and calibration views."""
    out: Path
    """The .dinar file to write."""


@dataclass(frozen=True)
class Packaged:
    """An avatar with its networks.

    Attributes:
        avatar: with the float32 and the int8 network.
        int8_psnr: of the int8 network's pictures against the float32 network's, decibels.
    """

    avatar: Avatar
    int8_psnr: float


def package(avatar: Avatar, network: NeuralRenderer, rasters: Sequence[np.ndarray]) -> Packaged:
    """Give an avatar its renderer, float32 and int8, in place of what it has of the same preset.

    Args:
        avatar: with all texture groups that the network reads.
        network: trained for this avatar's texture.
        rasters: uint8 [H, W, 22] each, sides in multiples of 32: views to calibrate and compare with.
    """
    preset = network.config.name
    float32 = to_onnx(network)
    int8 = quantize(float32, rasters)
    others = tuple(n for n in avatar.networks if n.preset != preset)
    networks = (RendererNetwork(preset, "fp32", float32), RendererNetwork(preset, "int8", int8))
    return Packaged(replace(avatar, networks=others + networks), compare(int8, float32, rasters).psnr)


def read_calibration(path: Path) -> np.ndarray:
    """Read uint8 [N, H, W, 22], views of the avatar. Raises DinarError for a file that holds none."""
    try:
        with open_arrays(path) as arrays:
            rasters = arrays.read("rasters")
    except OSError as error:
        raise DinarError(f"{path}: cannot be read ({error.strerror or error})") from error
    if rasters.dtype != np.uint8 or rasters.ndim != 4 or rasters.shape[3] != CHANNELS:
        raise DinarError(
            f"{path}: expected rasters as uint8 [N, H, W, {CHANNELS}], "
            f"not {rasters.dtype} {rasters.shape}: train again"
        )
    return rasters


def main() -> int:
    """Package as the command line says; returns the exit status."""
    console = Console(stderr=True)
    config = tyro.cli(PackageConfig, description=PackageConfig.__doc__)
    try:
        run = RunFolder(config.folder)
        network, _ = load_renderer(run.checkpoint)
        packaged = package(open_avatar(run.avatar), network, list(read_calibration(run.calibration)))
        save_avatar(config.out, packaged.avatar)
    except DinarError as error:
        console.print(str(error), highlight=False, soft_wrap=True)
        return 1
    console.print(f"wrote {config.out}: int8 within {packaged.int8_psnr:.1f} dB of float32", highlight=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
