"""Ways to make an avatar from one photo, on the same people: the rows of the tables.

A way is a set of networks, and perhaps something that completes the texture before θ draws it, or tunes its
colours to the photo. All ways are given the same photo of each person and judged by the same views.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from dinar.runtime.network_input import MULTIPLE
from dinar.trainer.create.drawing import redraw
from dinar.trainer.create.person import GivenView, SeenView
from dinar.trainer.create.tune import TuneOptions, tune
from dinar.trainer.data.dataset.layout import DatasetError, View, Views, read_view, read_views
from dinar.trainer.data.prepared_views import SeenTexture, ViewPreparer
from dinar.trainer.evaluation.cases import PhotoCase
from dinar.trainer.losses.lpips import PerceptualLoss
from dinar.trainer.models.avatar_networks import AvatarNetworks
from dinar.trainer.picture import Picture
from dinar.trainer.texture.few_shot import body_texture
from dinar.trainer.texture.filling import Filler
from dinar.trainer.texture.merging import BodyTexture


@dataclass(frozen=True, eq=False)
class Tuning:
    """Short tuning of the texture to the photo; θ stays as it was trained.

    Attributes:
        options: steps, seed and rates; of θ the rate is 0.
        perceptual: distance of Eq. 4.
        after_blend: whether a completed texture is tuned (as the authors' code does); else the partial one,
            before it is completed (Sec. 3.4).
    """

    options: TuneOptions
    perceptual: PerceptualLoss
    after_blend: bool = False


@dataclass(frozen=True, eq=False)
class Way:
    """A way to make an avatar from one photo.

    Attributes:
        name: in tables.
        networks: in evaluation mode, on the CPU.
        filler: completes the texture; None: what the photo does not show is left to θ.
        occlusion: whether outlines of limbs are kept out of the texture (Sec. 3.5).
        tuning: of the texture to the photo; None: none.
    """

    name: str
    networks: AvatarNetworks
    filler: Filler | None
    occlusion: bool = True
    tuning: Tuning | None = None

    @property
    def chance(self) -> bool:
        """Whether another seed gives another avatar."""
        return self.filler is not None and self.filler.chance


@dataclass(frozen=True, eq=False)
class Drawn:
    """A view of a person, drawn.

    Attributes:
        picture: what was drawn, B = 1.
        photo: what it should look like, likewise.
    """

    picture: Picture
    photo: Picture


class Contestant:
    """One person's photo, from which every way makes an avatar that draws any other view."""

    def __init__(self, root: Path, case: PhotoCase, preparer: ViewPreparer) -> None:
        """Read the photo.

        Args:
            root: the dataset.
            case: the person.
            preparer: of the dataset's body and the networks' texture size.

        Raises:
            DatasetError: a file is bad, or a picture too small.
        """
        self.case = case
        self._root, self._preparer = root, preparer
        self._parameters: Views = read_views(root, case.person)
        self._photo = self._read(case.photo)
        self._seen: dict[bool, SeenTexture] = {}  # by `Way.occlusion`
        self._views: dict[int, SeenView] = {}
        self._partial: dict[tuple[AvatarNetworks, bool, Tuning | None], BodyTexture] = {}

    def texture(self, way: Way, seed: int = 0) -> BodyTexture:
        """The avatar's texture.

        Args:
            way: how it is made.
            seed: of chance, where the way knows any.

        Raises:
            DinarError: the photo shows nothing of the body, or tuning came to no finite number.
        """
        before, after = way.tuning, None
        if way.tuning is not None and way.tuning.after_blend:
            before, after = None, way.tuning
        texture = self._shown(way, before)
        if way.filler is not None:
            texture = way.filler.fill(texture, seed)
        return texture if after is None else self._tuned(texture, way, after)

    def draw(self, way: Way, texture: BodyTexture, view: int) -> Drawn:
        """Draw a view of the person. Raises DatasetError: its files are bad."""
        return Drawn(*redraw(way.networks.renderer, texture, self._view(view)))

    def photo(self) -> Picture:
        """What the avatars are made from, B = 1."""
        return Picture.of_bytes(np.dstack([self._photo.image, self._photo.mask])[None])

    def _shown(self, way: Way, tuning: Tuning | None) -> BodyTexture:
        """T of Eq. 2, perhaps tuned; what ways and seeds have in common is made once."""
        key = way.networks, way.occlusion, tuning
        if key not in self._partial:
            texture = body_texture(way.networks, self._photo, self._seen_texture(way))
            self._partial[key] = texture if tuning is None else self._tuned(texture, way, tuning)
        return self._partial[key]

    def _tuned(self, texture: BodyTexture, way: Way, tuning: Tuning) -> BodyTexture:
        given = GivenView(self._photo, self._view(self.case.photo).body, self._seen_texture(way))
        with torch.enable_grad():  # whoever only draws has switched it off
            return tune(
                way.networks.renderer,
                texture,
                [given],
                tuning.options,
                tuning.perceptual,
                Console(quiet=True),  # whoever judges many people shows how far that is
            ).texture

    def _seen_texture(self, way: Way) -> SeenTexture:
        if way.occlusion not in self._seen:
            self._seen[way.occlusion] = self._preparer.texture(self._photo, occlusion=way.occlusion)
        return self._seen[way.occlusion]

    def _view(self, view: int) -> SeenView:
        if view not in self._views:
            photo = self._read(view)
            self._views[view] = SeenView(photo, self._preparer.body(photo))
        return self._views[view]

    def _read(self, view: int) -> View:
        photo = read_view(self._root, self.case.person, view, self._parameters)
        height, width = photo.mask.shape
        if min(height, width) < MULTIPLE:
            raise DatasetError(
                f"person {photo.person}, view {view} has {width} x {height} pixels, "
                f"evaluation takes views of {MULTIPLE} x {MULTIPLE} or more"
            )
        return photo
