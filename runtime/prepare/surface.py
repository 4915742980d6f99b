"""What the `rgb` renderers draw: the body's visible faces and the shell, with their textures side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dinar.runtime.avatar import Avatar
from dinar.runtime.prepare.faces import gather_corner_uv
from dinar.runtime.prepare.mesh import SkinnedMesh, attach_shell, skinned_body
from dinar.runtime.prepare.mipmap import Atlas, build_mipmaps, pack_atlas, used_texels

FACE = np.dtype(
    [
        *((name, np.int32) for name in ("i", "j", "k", "texture")),
        *((name, np.float32) for name in ("texel_area", "u0", "v0", "u1", "v1", "u2", "v2")),
    ]
)
"""A face: its vertices, the texture that it shows, its doubled area in that texture's texels, its uv."""


class Surface(NamedTuple):
    """A textured mesh, apart from where its vertices are.

    Attributes:
        faces: FACE [F].
        texels: uint32 [T], see `Atlas`.
        levels: int32 [textures, levels, 3], see `Atlas`.
    """

    faces: np.ndarray
    texels: np.ndarray
    levels: np.ndarray


def make_surface(faces: np.ndarray, corner_uv: np.ndarray, texture: np.ndarray, atlas: Atlas) -> Surface:
    """Put what `shade` needs of each face side by side.

    Args:
        faces: int32 [F, 3], vertex ids.
        corner_uv: float32 [F, 3, 2], texture coordinates corner by corner.
        texture: int [F], the atlas's texture that each face shows.
        atlas: the textures.
    """
    packed = np.zeros(len(faces), FACE)
    packed["i"], packed["j"], packed["k"] = faces.T
    packed["texture"] = texture
    for corner in range(3):
        packed[f"u{corner}"], packed[f"v{corner}"] = corner_uv[:, corner].T
    edge = (corner_uv[:, 1:] - corner_uv[:, :1]) * atlas.levels[texture, 0, 1:][:, None]  # [F, 2, 2], texels
    packed["texel_area"] = np.abs(edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0])
    return Surface(packed, atlas.texels, atlas.levels)


@dataclass(frozen=True, eq=False)
class DrawnSurface:
    """An avatar as `rgb` shows it.

    Attributes:
        mesh: body and shell, to be posed.
        surface: what is drawn of it.
        faces: int32 [F, 3], its faces: the body's, without those that clothes hide, then the shell's.
        cull: bool [F], which are not drawn when they show their back: the body is closed; sleeves, hems and
            hair also show their inside.
    """

    mesh: SkinnedMesh
    surface: Surface
    faces: np.ndarray
    cull: np.ndarray


def draw_surface(avatar: Avatar, *, lanes: int) -> DrawnSurface:
    """Lay out an avatar for `rgb`, its mesh in tiles of so many vertices."""
    mesh = skinned_body(avatar.body, avatar.betas, lanes=lanes)
    if avatar.shell is not None:
        mesh = attach_shell(mesh, avatar.body, avatar.shell)
    body_faces, shell = len(avatar.body.faces), avatar.shell
    is_shell = np.arange(len(mesh.faces)) >= body_faces
    drawn = np.ones(len(mesh.faces), bool)
    pictures = [avatar.texture.rgb]
    if shell is not None:
        drawn[:body_faces] = shell.body_face_visible
        pictures.append(shell.rgb)
    corner_uv = gather_corner_uv(mesh.uv, mesh.uv_faces, len(mesh.faces))
    texture = is_shell.astype(np.int32)
    atlas = pack_atlas(
        [
            build_mipmaps(rgb, used_texels(corner_uv[texture == k], rgb.shape[1], rgb.shape[0]))
            for k, rgb in enumerate(pictures)
        ]
    )
    faces = np.ascontiguousarray(mesh.faces[drawn], np.int32)
    surface = make_surface(faces, corner_uv[drawn], texture[drawn], atlas)
    return DrawnSurface(mesh, surface, faces, ~is_shell[drawn])
