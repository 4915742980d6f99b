"""Give an avatar another body shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dinar.runtime.avatar import Avatar
from dinar.runtime.body import rest_vertices


def with_betas(avatar: Avatar, betas: np.ndarray) -> Avatar:
    """Return `avatar` with the shape `betas`; clothes and hair move with the skin below them.

    Args:
        avatar: any.
        betas: float [B]; entries beyond the S shape directions of the body are left out.
    """
    betas = np.asarray(betas, np.float32)[: avatar.body.shapedirs.shape[2]]
    shell = avatar.shell
    if shell is not None:
        moved = rest_vertices(avatar.body, betas) - rest_vertices(avatar.body, avatar.betas)  # [V, 3] metres
        offsets = (moved[shell.anchor_vertex] * shell.anchor_weight[..., None]).sum(axis=1)  # [Vs, 3]
        shell = replace(shell, vertices=(shell.vertices + offsets).astype(np.float32))
    return replace(avatar, betas=betas, shell=shell)
