"""A person's texture as an avatar: channels as its file has them, colours for `rgb` mode, a preview."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from dinar.runtime.avatar import Avatar, Texture
from dinar.runtime.camera import framing
from dinar.runtime.cpu.rasters import RasterSource
from dinar.runtime.errors import DinarError
from dinar.runtime.prepare.crop import STAND_OFF_M
from dinar.trainer.create.person import Person
from dinar.trainer.data.people.dress_form import fitting_pose
from dinar.trainer.models.renderer import NeuralRenderer
from dinar.trainer.texture.merging import BodyTexture
from dinar.trainer.texture.photo_texture import covered_texels

PREVIEW_SIDE = 256  # pixels


@dataclass(frozen=True)
class About:
    """What an avatar file says of itself; see `Avatar`."""

    name: str
    provenance: str
    licence: str


def few_shot_avatar(texture: BodyTexture, renderer: NeuralRenderer, person: Person, about: About) -> Avatar:
    """Make an avatar, without networks yet, of a texture and the renderer that will draw it.

    Args:
        texture: of the person.
        renderer: in evaluation mode, on the CPU; draws the preview.
        person: whose body and shape it gets.
        about: what the file says of itself.

    Raises:
        DinarError: no texel is known.
    """
    if not texture.filled.any():
        raise DinarError(
            f"the views of person {person.origin.name} show nothing of the body: expected masks and "
            "parameters that meet in the picture, `dinar data check` says which views do not"
        )
    avatar = Avatar(
        name=about.name,
        body=person.body,
        betas=person.betas,
        texture=avatar_texture(texture, covered_texels(person.body, len(texture.filled))),
        shell=None,
        provenance=about.provenance,
        licence=about.licence,
    )
    return replace(avatar, preview=_preview(avatar, renderer))


def avatar_texture(texture: BodyTexture, covered: np.ndarray) -> Texture:
    """Give a texture's channels the types of an avatar file.

    Args:
        texture: T of Eq. 2; some texel is known.
        covered: bool [side, side], texels that belong to the body.

    Returns:
        All groups. `photo` is T_rgb, 0 where nothing is known, as the network was trained to read it; in
        `rgb`, which is shown directly, unknown texels of the body have the colour of the nearest known one.
    """
    photo = np.round(255 * np.clip(texture.rgb, 0, 1)).astype(np.uint8)  # [0, 1] => bytes
    rows, columns = ndimage.distance_transform_edt(
        ~texture.filled, return_distances=False, return_indices=True
    )
    return Texture(
        rgb=np.where(covered[..., None], photo[rows, columns], 0).astype(np.uint8),
        gen=np.clip(texture.gen, -1, 1).astype(np.float16),
        smp=texture.sampled.astype(np.uint8),
        fill=texture.filled.astype(np.uint8),
        photo=photo,
    )


@torch.no_grad()
def _preview(avatar: Avatar, renderer: NeuralRenderer) -> bytes:
    """A picture of the standing avatar as the network draws it, PNG."""
    pose = fitting_pose()
    source = RasterSource(avatar, PREVIEW_SIDE, PREVIEW_SIDE)
    vertices = source.vertices(pose)
    lower, upper = vertices.min(0) - STAND_OFF_M, vertices.max(0) + STAND_OFF_M
    raster = source.draw(pose, framing(lower, upper, width=PREVIEW_SIDE, height=PREVIEW_SIDE))
    rgba = renderer(torch.from_numpy(raster).permute(2, 0, 1)[None].float() / 255)[0]  # bytes => [0, 1]
    with io.BytesIO() as file:
        pixels = (255 * rgba).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
        return file.getvalue()
