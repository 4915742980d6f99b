"""The .dinar avatar file: open, check, save."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinar.runtime.body import Body


@dataclass(frozen=True)
class Shell:
    """Clothes and hair as an extra mesh skinned to the body's joints; drawn in `rgb` mode only.

    Attributes:
        vertices: float32 [Vs, 3], metres, T-pose of the avatar's betas, zero expression.
        faces: int32 [Fs, 3], counter-clockwise seen from outside.
        uv: float32 [Ts, 2], in [0, 1], v down (as `Body.uv`), into `rgb`.
        uv_faces: int32 [Fs, 3], texture-coordinate ids, corner by corner as `faces`.
        joint_index: uint8 [Vs, K], K <= 8, joints that move each vertex.
        joint_weight: float32 [Vs, K], rows sum to 1.
        anchor_vertex: int32 [Vs, 3], body vertices whose pose correctives and expression offsets each vertex inherits.
        anchor_weight: float32 [Vs, 3], their weights, rows sum to 1 (or to 0: inherits nothing).
        rgb: uint8 [H, W, 3], sRGB.
        body_face_visible: bool [F], body faces that are drawn in `rgb` mode; those under clothes are not.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    joint_index: np.ndarray
    joint_weight: np.ndarray
    anchor_vertex: np.ndarray
    anchor_weight: np.ndarray
    rgb: np.ndarray
    body_face_visible: np.ndarray


@dataclass(frozen=True)
class Texture:
    """The avatar's texture in named channel groups, each with its own resolution (DINAR Eq. 2).

    Attributes:
        rgb: uint8 [H, W, 3], sRGB, T_rgb.
        gen: float16 [H, W, 16] or None, T_gen.
        smp: uint8 [H, W] of 0 or 1, or None, B_smp: texels sampled from the photo.
        fill: uint8 [H, W] of 0 or 1, or None, B_fill: texels sampled or filled from neighbours.
    """

    rgb: np.ndarray
    gen: np.ndarray | None = None
    smp: np.ndarray | None = None
    fill: np.ndarray | None = None


@dataclass(frozen=True)
class Avatar:
    """Everything that is needed to draw one person.

    Attributes:
        name: shown in window titles and lists.
        body: the body model the texture belongs to.
        betas: float32 [S'], S' <= the body's S.
        texture: the body's texture.
        shell: clothes and hair, or None.
        provenance: how it was made, in words.
        licence: SPDX identifier or words.
        preview: PNG bytes or None.
    """

    name: str
    body: Body
    betas: np.ndarray
    texture: Texture
    shell: Shell | None
    provenance: str
    licence: str
    preview: bytes | None = None
