"""A picture of a new avatar beside the photos it was made from, for a person to look at."""

from __future__ import annotations

import io
import math

import numpy as np

from dinar.export.sheet import Cell, drawn, lay_out
from dinar.runtime.avatar import Avatar
from dinar.runtime.body import forward
from dinar.runtime.camera import framing
from dinar.runtime.motion import load_motion
from dinar.runtime.prepare.crop import STAND_OFF_M
from dinar.runtime.renderer import Mode, Renderer, open_renderer
from dinar.trainer.create.person import Person, SeenView
from dinar.trainer.texture.merging import BodyTexture

_SIDE = 256  # pixels of a picture
_TURNS = range(0, 360, 45)  # degrees around the person, 0 = front, 90 = its left
_MOTION = "walk"


def draw_report(avatar: Avatar, person: Person, shown: BodyTexture) -> bytes:
    """Draw photos, the same views by the avatar's network, and the walking avatar from all sides.

    Views that the avatar was not made from come last. The texture's colours follow, as photos show them and
    as they became. The sides are shown as the network draws them, and in `rgb` mode. All is drawn by the
    runtime, as in the window.

    Args:
        avatar: with its networks.
        person: that it was made from.
        shown: the texture before what no photo shows was drawn.

    Returns:
        PNG.
    """
    kinds = (("given", person.given), ("held out", person.held_out))
    views = [(f"{kind} view {seen.view.view}", seen) for kind, group in kinds for seen in group]
    with open_renderer(avatar, mode="neural") as neural, open_renderer(avatar) as plain:
        rows = [
            [Cell(f"{label}: photo", seen.view.image) for label, seen in views],
            [Cell(f"{label}: neural", _redrawn(neural, seen)) for label, seen in views],
            _textures(avatar, shown),
            _turned(avatar, neural, "neural"),
            _turned(avatar, plain, "rgb"),
        ]
    with io.BytesIO() as file:
        lay_out(rows, _SIDE).save(file, "PNG")
        return file.getvalue()


def _textures(avatar: Avatar, shown: BodyTexture) -> list[Cell]:
    """T_rgb before and after it was completed, and the completed T_gen's first channels."""
    texture = avatar.texture
    assert texture.photo is not None
    assert texture.gen is not None  # few-shot avatars have all groups
    gen = np.round(127.5 * (1 + texture.gen[..., :3].astype(np.float32))).astype(np.uint8)  # [-1, 1] => bytes
    return [
        Cell("texture: photos", np.round(255 * np.clip(shown.rgb, 0, 1)).astype(np.uint8)),
        Cell("texture: completed", texture.photo),
        Cell("texture: three of T_gen", gen),
    ]


def _redrawn(renderer: Renderer, seen: SeenView) -> np.ndarray:
    return drawn(renderer, seen.view.pose, seen.view.camera)


def _turned(avatar: Avatar, renderer: Renderer, mode: Mode) -> list[Cell]:
    """The avatar amid a step, all around."""
    motion = load_motion(_MOTION, avatar.body, betas=avatar.betas)
    pose = motion.sample(0.25 * motion.duration)
    vertices = forward(avatar.body, avatar.betas, pose).vertices
    lower, upper = vertices.min(0) - STAND_OFF_M, vertices.max(0) + STAND_OFF_M
    return [
        Cell(
            f"{_MOTION}, {degrees} degrees: {mode}",
            drawn(
                renderer,
                pose,
                framing(lower, upper, width=2 * _SIDE, height=2 * _SIDE, azimuth=math.radians(degrees)),
            ),
        )
        for degrees in _TURNS
    ]
