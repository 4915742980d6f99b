"""A picture of a new avatar beside the photos it was made from, for a person to look at."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from dinar.runtime.avatar import Avatar
from dinar.runtime.body import Pose, forward
from dinar.runtime.camera import Camera, framing
from dinar.runtime.motion import load_motion
from dinar.runtime.prepare.crop import STAND_OFF_M
from dinar.runtime.renderer import Mode, Renderer, open_renderer
from dinar.trainer.create.person import Person, SeenView

_SIDE, _GAP, _LABEL = 256, 8, 24  # pixels: of a picture, between pictures, above a picture
_FONT = 15
_BEHIND = 224  # grey behind the person
_TURNS = (("front", 0), ("left", 90), ("back", 180), ("right", 270))  # side of the person, degrees
_MOTION = "walk"


@dataclass(frozen=True, eq=False)
class _Cell:
    """A picture, uint8 [H, W, 3], and what is written above it."""

    label: str
    picture: np.ndarray


def draw_report(avatar: Avatar, person: Person) -> bytes:
    """Draw photos, the same views by the avatar's network, and the walking avatar from four sides.

    Views that the avatar was not made from come last. The four sides are shown as the network draws them, and
    in `rgb` mode. All is drawn by the runtime, as in the window.

    Args:
        avatar: with its networks.
        person: that it was made from.

    Returns:
        PNG.
    """
    kinds = (("given", person.given), ("held out", person.held_out))
    views = [(f"{kind} view {seen.view.view}", seen) for kind, group in kinds for seen in group]
    with open_renderer(avatar, mode="neural") as neural, open_renderer(avatar) as plain:
        rows = [
            [_Cell(f"{label}: photo", seen.view.image) for label, seen in views],
            [_Cell(f"{label}: neural", _redrawn(neural, seen)) for label, seen in views],
            _turned(avatar, neural, "neural"),
            _turned(avatar, plain, "rgb"),
        ]
    return _sheet(rows)


def _redrawn(renderer: Renderer, seen: SeenView) -> np.ndarray:
    return _picture(renderer, seen.view.pose, seen.view.camera)


def _turned(avatar: Avatar, renderer: Renderer, mode: Mode) -> list[_Cell]:
    """The avatar amid a step, from each side."""
    motion = load_motion(_MOTION, avatar.body, betas=avatar.betas)
    pose = motion.sample(0.25 * motion.duration)
    vertices = forward(avatar.body, avatar.betas, pose).vertices
    lower, upper = vertices.min(0) - STAND_OFF_M, vertices.max(0) + STAND_OFF_M
    return [
        _Cell(
            f"{_MOTION}, {side}: {mode}",
            _picture(
                renderer,
                pose,
                framing(lower, upper, width=2 * _SIDE, height=2 * _SIDE, azimuth=math.radians(degrees)),
            ),
        )
        for side, degrees in _TURNS
    ]


def _picture(renderer: Renderer, pose: Pose, camera: Camera) -> np.ndarray:
    """Draw before grey: uint8 [H, W, 3]."""
    rgba = renderer.render(pose, [camera]).numpy()[0].astype(np.float32)
    share = rgba[..., 3:] / 255
    return np.asarray(np.round(rgba[..., :3] * share + _BEHIND * (1 - share)), np.uint8)


def _sheet(rows: Sequence[Sequence[_Cell]]) -> bytes:
    """Lay rows of labelled pictures out on white: PNG."""
    columns = max(len(row) for row in rows)
    step_x, step_y = _SIDE + _GAP, _LABEL + _SIDE + _GAP
    sheet = Image.new("RGB", (columns * step_x + _GAP, len(rows) * step_y + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT)
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            left, top = _GAP + x * step_x, _GAP + y * step_y
            draw.text((left, top), cell.label, font=font, fill="black")
            fitted = ImageOps.pad(Image.fromarray(cell.picture), (_SIDE, _SIDE), color="white")
            sheet.paste(fitted, (left, top + _LABEL))
    with io.BytesIO() as file:
        sheet.save(file, "PNG")
        return file.getvalue()
