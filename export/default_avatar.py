"""The default avatar becomes neural: its texture and networks, beside the clothes that `rgb` mode shows.

python -m dinar.trainer.data.default_avatar --out default.dinar
python -m dinar.export.default_avatar default.dinar --networks RUN/avatar.pt --out default.dinar
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from PIL import Image
from rich.console import Console

from dinar.export.package import package
from dinar.export.sheet import BEHIND, Cell, drawn, lay_out
from dinar.export.views import calibration_views
from dinar.runtime.avatar import Avatar, open_avatar, save_avatar
from dinar.runtime.errors import DinarError
from dinar.runtime.renderer import open_renderer
from dinar.trainer.create.default_texture import NeuralHalf, Session, make_neural_half
from dinar.trainer.models.avatar_networks import load_avatar_networks

_CALIBRATION_SIDE = 512  # pixels
_SHOWN, _TILE = 6, 320  # photos in the picture, pixels of each


@dataclass(frozen=True)
class DefaultAvatarConfig:
    """Give an avatar with clothes of its own a neural texture and networks."""

    avatar: Annotated[Path, tyro.conf.Positional]
    """The .dinar file."""
    networks: Path
    """avatar.pt of a training run."""
    out: Path
    """The .dinar file to write; may be the same."""
    photos: int = 240
    """To tune to, beside those that the texture is made from."""
    steps: int = 3000
    """Of tuning."""
    picture: Path | None = None
    """A .jpg file to draw: photos not tuned to, the bare body and the network side by side."""


def build(config: DefaultAvatarConfig, console: Console) -> str:
    """Make and write the avatar; returns a sentence about it. Raises DinarError."""
    avatar, networks = open_avatar(config.avatar), load_avatar_networks(config.networks)
    session = Session(tuned=config.photos)
    half = make_neural_half(avatar, networks, session, config.steps, console)
    provenance = (
        f"{avatar.provenance} Neural texture and renderer by dinar.export.default_avatar: from "
        f"{session.inputs} rendered photos, tuned to {config.photos} more for {config.steps} steps."
    )
    with console.status("calibrating the int8 network"):
        calibration = list(calibration_views(half.avatar, _CALIBRATION_SIDE, _CALIBRATION_SIDE))
        packaged = package(replace(half.avatar, provenance=provenance), half.renderer, calibration)
    save_avatar(config.out, packaged.avatar)
    if config.picture is not None:
        side_by_side(packaged.avatar, half).save(config.picture, quality=88)
    reached, megabytes = half.reached, config.out.stat().st_size / 1e6
    return (
        f"wrote {config.out}, {megabytes:.1f} MB; on {session.held_out} photos not tuned to: "
        f"PSNR {reached.person_psnr:.2f} dB, MS-SSIM {reached.ms_ssim:.3f}, mask IoU "
        f"{100 * reached.mask_iou:.1f}%; int8 within {packaged.int8_psnr:.1f} dB of float32"
    )


def side_by_side(avatar: Avatar, half: NeuralHalf) -> Image.Image:
    """Photos that nothing was tuned to, the same as the bare body, and by the int8 network in the runtime."""
    rows = []
    with open_renderer(half.bare_body) as bare, open_renderer(avatar, mode="neural") as neural:
        for seen in half.held_out[:_SHOWN]:
            view = seen.view
            share = view.mask[..., None] / np.float32(255)
            photo = np.round(view.image * share + BEHIND * (1 - share)).astype(np.uint8)
            rows.append(
                [
                    Cell("photo", photo),
                    Cell("bare body, its colours", drawn(bare, view.pose, view.camera)),
                    Cell("network", drawn(neural, view.pose, view.camera)),
                ]
            )
    return lay_out([[cell for row in rows[n : n + 2] for cell in row] for n in range(0, len(rows), 2)], _TILE)


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
