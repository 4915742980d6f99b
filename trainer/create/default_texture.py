"""The neural half of the default avatar: its texture, and the renderer tuned to it.

The default avatar has clothes and hair as meshes, for `rgb` mode. Photos of it (`photographs.py`) make a
texture as for any person (Sec. 3.1, Eq. 5); then texture and renderer are tuned to more of them. What `rgb`
mode shows stays as it is, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rich.console import Console

from dinar.runtime.avatar import Avatar
from dinar.trainer.create.few_shot_avatar import avatar_texture
from dinar.trainer.create.person import GivenView
from dinar.trainer.create.photographs import Photographer
from dinar.trainer.create.tune import TuneOptions, tune
from dinar.trainer.data.dataset.layout import View
from dinar.trainer.data.prepared_views import ViewPreparer
from dinar.trainer.losses.lpips import perceptual_loss
from dinar.trainer.models.avatar_networks import AvatarNetworks
from dinar.trainer.models.renderer import NeuralRenderer
from dinar.trainer.texture.few_shot import few_shot_texture
from dinar.trainer.texture.photo_texture import covered_texels

_FIRST_HELD_OUT = 1_000_000
_RENDERER_RATE = 1e-3  # hundreds of photos: the renderer becomes this person's own


@dataclass(frozen=True)
class Session:
    """Which photos are taken.

    Attributes:
        inputs: from all around, that the texture is made from.
        input_side: pixels of those; many, so that every texel is seen by several.
        tuned: in motion, to tune to.
        held_out: in motion, that nothing is made from or tuned to.
        side: pixels of all photos in motion.
    """

    inputs: int = 8
    input_side: int = 1024
    tuned: int = 240
    held_out: int = 40
    side: int = 512


@dataclass(frozen=True, eq=False)
class NeuralHalf:
    """The avatar with its neural texture, and what draws it.

    Attributes:
        avatar: still without networks.
        bare_body: what `rgb` mode makes of the same photos without the avatar's clothes and hair.
        renderer: in evaluation mode.
        held_out: photos that nothing is made from or tuned to.
    """

    avatar: Avatar
    bare_body: Avatar
    renderer: NeuralRenderer
    held_out: tuple[GivenView, ...]


def make_neural_half(
    avatar: Avatar, networks: AvatarNetworks, session: Session, steps: int, console: Console
) -> NeuralHalf:
    """Take photos, make the texture, tune. Deterministic with the same number of threads.

    Args:
        avatar: with its shell.
        networks: in evaluation mode, on the CPU.
        session: the photos.
        steps: of tuning, 1 or more.
        console: shows how far it is.
    """
    side = networks.preset.texture_size
    preparer, photographer = ViewPreparer(avatar.body, side), Photographer(avatar, session.side)
    inputs = _prepared(preparer, Photographer(avatar, session.input_side).standing(session.inputs))
    texture = few_shot_texture(networks, [seen.view for seen in inputs], [seen.texture for seen in inputs])
    with console.status("taking photos"):
        own = _prepared(preparer, photographer.moving(0, session.tuned))
    options = TuneOptions(steps, seed=0, renderer_rate=_RENDERER_RATE)
    tuned = tune(networks.renderer, texture, own, options, perceptual_loss(), console)
    covered = covered_texels(avatar.body, side)
    made = avatar_texture(tuned.texture, covered)
    others = tuple(_prepared(preparer, photographer.moving(_FIRST_HELD_OUT, session.held_out)))
    return NeuralHalf(
        avatar=replace(avatar, texture=replace(made, rgb=avatar.texture.rgb)),
        bare_body=replace(avatar, texture=avatar_texture(texture, covered), shell=None),
        renderer=tuned.renderer,
        held_out=others,
    )


def _prepared(preparer: ViewPreparer, views: Iterable[View]) -> list[GivenView]:
    return [GivenView(view, preparer.body(view), preparer.texture(view)) for view in views]
