"""Avatars against photos that they were not made from, drawn in two ways: the bare body, and the network.

Both are drawn with one texture, from the same photos. What the network adds is all that does not lie on the
bare body's surface: hair, hems, skirts, the silhouette, and what no photo shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from dinar.runtime.avatar import Avatar
from dinar.runtime.body import Body
from dinar.runtime.cpu.rgb import CpuRgbRenderer
from dinar.trainer.create.drawing import redraw
from dinar.trainer.create.few_shot_avatar import avatar_texture
from dinar.trainer.create.person import SeenView
from dinar.trainer.data.dataset.layout import View, read_view
from dinar.trainer.data.prepared_views import ViewStore
from dinar.trainer.evaluation.held_out import HeldOutCase
from dinar.trainer.metrics.quality import measure
from dinar.trainer.models.avatar_networks import AvatarNetworks
from dinar.trainer.picture import Picture
from dinar.trainer.texture.few_shot import body_texture
from dinar.trainer.texture.merging import BodyTexture, merge_textures
from dinar.trainer.texture.photo_texture import covered_texels

Way = Literal["rgb", "neural"]
_GREY = 0.5  # behind everybody


@dataclass(frozen=True)
class ViewScore:
    """How near one picture of an avatar is to its photo.

    Attributes:
        person: the id.
        inputs: photos that the avatar was made from.
        way: how it was drawn.
        view: number of the photo that judges.
        moved: whether the person stands there in another pose than in the inputs.
        psnr: decibels, in the rectangle around the person.
        ms_ssim: 0 to 1, likewise.
        mask_iou: 0 to 1.
    """

    person: str
    inputs: int
    way: Way
    view: int
    moved: bool
    psnr: float
    ms_ssim: float
    mask_iou: float


@dataclass(frozen=True, eq=False)
class Drawn:
    """One picture of an avatar, and how it was scored.

    Attributes:
        score: see there.
        picture: what was drawn, B = 1.
        photo: what judges, B = 1.
    """

    score: ViewScore
    picture: Picture
    photo: Picture


class Judge:
    """Makes and judges avatars of one dataset's people."""

    def __init__(self, root: Path, body: Body, networks: AvatarNetworks, views: ViewStore) -> None:
        """Keep what all people share.

        Args:
            root: the dataset, with pictures whose sides are multiples of 32.
            body: its body model.
            networks: in evaluation mode, on the CPU.
            views: of the dataset, with the networks' texture size.
        """
        self._root, self._body, self._networks, self._views = root, body, networks, views
        self._covered = covered_texels(body, networks.preset.texture_size)

    def judge(self, case: HeldOutCase, counts: tuple[int, ...]) -> list[Drawn]:
        """Draw one person's held-out views, both ways, with avatars of the first `counts` inputs each.

        Raises DatasetError: a picture is bad.
        """
        photos = [self._read(case, view) for view in case.inputs[: max(counts)]]
        targets = [self._read(case, view) for view in case.targets]
        seen = [SeenView(photo, self._views.body(photo)) for photo in targets]
        textures = [body_texture(self._networks, photo, self._views.texture(photo)) for photo in photos]
        drawn = []
        for count in counts:
            texture = merge_textures(textures[:count])
            bare_body = CpuRgbRenderer(self._bare_body(texture, photos[0]))
            for target in seen:
                moved = target.view.view in case.moved
                neural, photo = redraw(self._networks.renderer, texture, target)
                ways: tuple[tuple[Way, Picture], ...] = (
                    ("rgb", draw_rgb(bare_body, target.view)),
                    ("neural", neural),
                )
                for way, picture in ways:
                    score = _score(picture, photo, target.view, count, way, moved)
                    drawn.append(Drawn(score, picture, photo))
        return drawn

    def _read(self, case: HeldOutCase, view: int) -> View:
        return read_view(self._root, case.person, view)

    def _bare_body(self, texture: BodyTexture, photo: View) -> Avatar:
        """The avatar as `rgb` mode shows it: unknown texels have the colour of the nearest known one."""
        return Avatar(
            name=photo.person,
            body=self._body,
            betas=photo.betas,
            texture=avatar_texture(texture, self._covered),
            shell=None,
            provenance="for comparison",
            licence="that of the photos",
        )


def draw_rgb(renderer: CpuRgbRenderer, view: View) -> Picture:
    """Draw an avatar as `rgb` mode does, as a view's camera sees it."""
    return Picture.of_bytes(renderer.render(view.pose, [view.camera]).numpy())


def _score(picture: Picture, photo: Picture, view: View, inputs: int, way: Way, moved: bool) -> ViewScore:
    quality = measure(picture, photo, torch.full((1, 3, 1, 1), _GREY)).mean()
    return ViewScore(
        view.person, inputs, way, view.view, moved, quality.person_psnr, quality.ms_ssim, quality.mask_iou
    )
