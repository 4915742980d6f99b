"""The second half of the paper's Table 2: what inpainting, occlusion detector and tuning add, one by one.

In the paper the detector (Sec. 3.5) is a row like the others: the rows above it carry colours to the texture
without it. All other ways of an evaluation have it.
"""

from __future__ import annotations

from dataclasses import replace

from dinar.trainer.evaluation.contest import Tuning, Way
from dinar.trainer.models.avatar_networks import AvatarNetworks
from dinar.trainer.texture.filling import Filler


def ladder(
    name: str, networks: AvatarNetworks, diffusion: Filler | None, tuning: Tuning, *, also_after: bool
) -> tuple[Way, ...]:
    """Rows in the paper's order, each with all that the rows above it have.

    Args:
        name: of the networks.
        networks: in evaluation mode, on the CPU.
        diffusion: completes textures; None: there is no row `+ inpainting`, and the rest do without.
        tuning: of the partial texture (Sec. 3.4).
        also_after: whether one more row tunes the completed texture instead, as the authors' code does; none
            where nothing is completed, as it would be the row above it.
    """
    ways = [Way(f"{name}, no detector", networks, None, occlusion=False)]
    if diffusion is not None:
        ways.append(Way("+ inpainting", networks, diffusion, occlusion=False))
    ways.append(Way("+ occlusion detector", networks, diffusion))
    ways.append(Way("+ RGB tuning", networks, diffusion, tuning=tuning))
    if also_after and diffusion is not None:
        after = replace(tuning, after_blend=True)
        ways.append(Way("+ RGB tuning after", networks, diffusion, tuning=after))
    return tuple(ways)
