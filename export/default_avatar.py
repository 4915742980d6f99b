"""The default avatar becomes neural: its texture and networks, beside the clothes that `rgb` mode shows.

    python -m dinar.trainer.data.default_avatar --out default.dinar
    python -m dinar.export.default_avatar default.dinar --networks RUN/avatar.pt --out default.dinar

The first makes clothes, hair and what `rgb` mode shows, the second the rest (`create/default_texture.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro
from PIL import Image
from rich.console import Console
from rich.table import Table

from dinar.export.package import package
from dinar.export.sheet import Cell, before_grey, drawn, lay_out
from dinar.export.views import calibration_views
from dinar.runtime.avatar import Avatar, open_avatar, save_avatar
from dinar.runtime.errors import DinarError, UsageError
from dinar.runtime.files.whole_file import check_file
from dinar.runtime.renderer import Renderer, open_renderer
from dinar.trainer.create.default_texture import NeuralHalf, Session, make_neural_half
from dinar.trainer.create.person import SeenView
from dinar.trainer.metrics.quality import MeanQuality, join_quality, measure
from dinar.trainer.models.avatar_networks import load_avatar_networks
from dinar.trainer.picture import Picture

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

    def __post_init__(self) -> None:
        """Raise UsageError for values that cannot be."""
        check_file("out", self.out, ".dinar")
        check_file("picture", self.picture, ".jpg")
        for name in ("photos", "steps"):
            if getattr(self, name) < 1:
                raise UsageError(f"--{name} must be at least 1, not {getattr(self, name)}")


def build(config: DefaultAvatarConfig, console: Console) -> None:
    """Make and write the avatar, and print how near it is to photos. Raises DinarError."""
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
    made = packaged.avatar
    save_avatar(config.out, made)
    console.print(f"wrote {config.out}, {config.out.stat().st_size / 1e6:.1f} MB", highlight=False)
    print_quality(made, half, console)
    if config.picture is not None:
        side_by_side(made, half).save(config.picture, quality=88)


def print_quality(made: Avatar, half: NeuralHalf, console: Console) -> None:
    """Print how near the bare body and both networks come to photos not tuned to, drawn by the runtime."""
    table = Table(f"drawn, {len(half.held_out)} photos", "PSNR", "MS-SSIM", "mask IoU")
    with open_renderer(half.bare_body) as renderer:
        table.add_row("bare body", *_cells(photo_quality(renderer, half.held_out)))
    for network in made.networks:
        with open_renderer(made, mode="neural", network=network) as renderer:
            table.add_row(f"network, {network.precision}", *_cells(photo_quality(renderer, half.held_out)))
    console.print(table)


def _cells(reached: MeanQuality) -> tuple[str, str, str]:
    return f"{reached.person_psnr:.2f}", f"{reached.ms_ssim:.3f}", f"{100 * reached.mask_iou:.1f} %"


def photo_quality(renderer: Renderer, photos: Sequence[SeenView]) -> MeanQuality:
    """How near the runtime's pictures come to photos of the avatar, before grey."""
    grey = torch.full((1, 3, 1, 1), 0.5)
    each = []
    for seen in photos:
        rgba = renderer.render(seen.view.pose, [seen.view.camera]).numpy()
        each.append(measure(Picture.of_bytes(rgba), Picture.of_bytes(_rgba(seen)[None]), grey))
    return join_quality(each).mean()


def _rgba(seen: SeenView) -> np.ndarray:
    """A photo as the runtime draws: uint8 [H, W, 4]."""
    return np.concatenate([seen.view.image, seen.view.mask[..., None]], 2)


def side_by_side(avatar: Avatar, half: NeuralHalf) -> Image.Image:
    """Photos that nothing was tuned to, the same as the bare body, and by the int8 network in the runtime."""
    rows = []
    with open_renderer(half.bare_body) as bare, open_renderer(avatar, mode="neural") as neural:
        for seen in half.held_out[:_SHOWN]:
            view = seen.view
            part = _around(view.mask)
            rows.append(
                [
                    Cell("photo", before_grey(_rgba(seen))[part]),
                    Cell("bare body, its colours", drawn(bare, view.pose, view.camera)[part]),
                    Cell("network", drawn(neural, view.pose, view.camera)[part]),
                ]
            )
    return lay_out([[cell for row in rows[n : n + 2] for cell in row] for n in range(0, len(rows), 2)], _TILE)


def _around(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a square around the person, within a picture [H, W]."""
    rows, columns = np.nonzero(mask)
    side = min(int(1.1 * max(np.ptp(rows), np.ptp(columns))), *mask.shape)
    top, left = (
        int(np.clip((at.min() + at.max() - side) // 2, 0, size - side))
        for at, size in zip((rows, columns), mask.shape, strict=True)
    )
    return slice(top, top + side), slice(left, left + side)


def main() -> int:
    """Build as the command line says; returns the exit status."""
    console = Console(stderr=True)
    try:
        build(tyro.cli(DefaultAvatarConfig, description=DefaultAvatarConfig.__doc__), console)
    except DinarError as error:
        console.print(str(error), highlight=False, soft_wrap=True)
        return 2 if isinstance(error, UsageError) else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
