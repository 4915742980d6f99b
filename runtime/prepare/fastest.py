"""Which of an avatar's networks is drawn with when nobody says."""

from __future__ import annotations

from typing import Literal

from dinar.runtime.avatar import Avatar, RendererNetwork
from dinar.runtime.errors import DinarError


def fastest_network(avatar: Avatar, precision: Literal["fp32", "int8"]) -> RendererNetwork:
    """Return the network of an avatar that takes the least time: `live` before `paper`, then by precision.

    Args:
        avatar: holds the networks.
        precision: the faster one where the network runs.

    Raises DinarError when it has none.
    """
    if not avatar.networks:
        raise DinarError(
            f"the avatar {avatar.name!r} has no renderer network, so it cannot be shown with --mode neural: "
            "use --mode rgb, or an avatar that carries one"
        )
    return min(avatar.networks, key=lambda n: (n.preset != "live", n.precision != precision))
