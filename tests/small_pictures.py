"""Avatars that are quick to write: PNG files of 2048 x 2048 take seconds."""

from dataclasses import replace

import numpy as np

from dinar.runtime.avatar import Avatar

STEP = 8


def with_small_pictures(avatar: Avatar) -> Avatar:
    """The avatar with every eighth row and column of its colours, body's and clothes'."""
    texture = replace(avatar.texture, rgb=np.ascontiguousarray(avatar.texture.rgb[::STEP, ::STEP]))
    shell = avatar.shell
    if shell is not None:
        shell = replace(shell, rgb=np.ascontiguousarray(shell.rgb[::STEP, ::STEP]))
    return replace(avatar, texture=texture, shell=shell)
