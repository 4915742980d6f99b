"""The default avatar becomes neural: its texture and networks, beside the clothes that `rgb` mode shows.

python -m dinar.trainer.data.default_avatar --out default.dinar
python -m dinar.export.default_avatar default.dinar --networks RUN/avatar.pt --out default.dinar
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from dinar.export.package import package
from dinar.export.views import calibration_views
from dinar.runtime.avatar import open_avatar, save_avatar
from dinar.runtime.errors import DinarError
from dinar.trainer.create.default_texture import HELD_OUT, INPUTS, make_neural_half
from dinar.trainer.models.avatar_networks import load_avatar_networks

_CALIBRATION_SIDE = 512  # pixels


@dataclass(frozen=True)
class DefaultAvatarConfig:
    """Give an avatar with clothes of its own a neural texture and networks."""

    avatar: Annotated[Path, tyro.conf.Positional]
    """The .dinar file."""
    networks: Path
    """avatar.pt of a training run."""
    out: Path
    """The .dinar file to write; may be the same."""
    photos: int = 160
    """To tune to, beside those that the texture is made from."""
    steps: int = 1500
    """Of tuning."""


def build(config: DefaultAvatarConfig, console: Console) -> str:
    """Make and write the avatar; returns a sentence about it. Raises DinarError."""
    avatar, networks = open_avatar(config.avatar), load_avatar_networks(config.networks)
    half = make_neural_half(avatar, networks, config.photos, config.steps, console)
    provenance = (
        f"{avatar.provenance} Neural texture and renderer by dinar.export.default_avatar: from {INPUTS} "
        f"rendered photos, tuned to {config.photos} more for {config.steps} steps."
    )
    with console.status("calibrating the int8 network"):
        calibration = list(calibration_views(half.avatar, _CALIBRATION_SIDE, _CALIBRATION_SIDE))
        packaged = package(replace(half.avatar, provenance=provenance), half.renderer, calibration)
    save_avatar(config.out, packaged.avatar)
    reached = half.reached
    return (
        f"wrote {config.out}, {config.out.stat().st_size / 1e6:.1f} MB; on {HELD_OUT} photos not tuned to: "
        f"PSNR {reached.person_psnr:.2f} dB, MS-SSIM {reached.ms_ssim:.3f}, mask IoU "
        f"{100 * reached.mask_iou:.1f}%; int8 within {packaged.int8_psnr:.1f} dB of float32"
    )


def main() -> int:
    """Build as the command line says; returns the exit status."""
    console = Console(stderr=True)
    try:
        sentence = build(tyro.cli(DefaultAvatarConfig, description=DefaultAvatarConfig.__doc__), console)
    except DinarError as error:
        console.print(str(error), highlight=False, soft_wrap=True)
        return 1
    console.print(sentence, highlight=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
