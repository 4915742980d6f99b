"""Ways to complete a texture of which one photo shows a part, without any network.

They stand beside the diffusion model of Sec. 3.3 as what it has to beat: nearest-texel fill, the mirrored
front, the mean of other people. All keep what the photo shows and leave T_gen as it is (Eq. 6 with another
T_res); B_smp and B_fill say afterwards that the whole body is known, as those of merged textures do.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
from scipy.spatial import KDTree

from dinar.runtime.errors import DinarError
from dinar.trainer.texture.merging import BodyTexture
from dinar.trainer.texture.texel_surface import TexelSurface

_NORMAL_WEIGHT_M = 0.1
"""Metres that count as much as normals which differ by a length of 1: a back is found on the chest, not on
the inside of an arm beside it."""

_MIRRORS = np.array([[1.0, 1.0, -1.0], [-1.0, 1.0, 1.0], [-1.0, 1.0, -1.0]])
"""Factors of x, y, z: front and back, left and right, both."""

_LATER_MIRROR_M = 0.03  # by how much nearer a texel has to be that a later mirror finds


class Filler(Protocol):
    """A way to complete textures.

    Attributes:
        name: in tables.
        chance: whether another seed gives another texture.
    """

    name: str
    chance: bool

    def fill(self, texture: BodyTexture, seed: int) -> BodyTexture:
        """Complete a texture; what is `filled` stays as it is.

        Args:
            texture: T of Eq. 2 from one photo or more; some texel of the body is known.
            seed: of chance.

        Raises:
            DinarError: no texel is known, or the texture has another size than the filler.
        """


class NearestFiller:
    """Each unknown texel takes the colour of the known one that is nearest along the body's surface."""

    name, chance = "nearest", False

    def __init__(self, surface: TexelSurface) -> None:
        """Keep the surface that all textures belong to."""
        self._surface = surface

    def fill(self, texture: BodyTexture, seed: int = 0) -> BodyTexture:  # noqa: ARG002
        """See `Filler`."""
        known = _known(texture, self._surface)
        colours = texture.rgb[self._surface.covered]
        return completed(texture, self._surface, colours[self._surface.nearest_over_surface(known)])


class MirrorFiller:
    """Each unknown texel takes the colour of the body's other side: the back is a copy of the front.

    Points of the T-pose are mirrored from front to back, from left to right, and by both, in the plane
    through the middle of the body. The known texel nearest to one of them, with normals considered, gives the
    colour; the first mirror is preferred.
    """

    name, chance = "mirror", False

    def __init__(self, surface: TexelSurface) -> None:
        """Keep the surface that all textures belong to."""
        self._surface = surface
        self._middle = np.array([0.0, 0.0, np.median(surface.points[:, 2])])

    def fill(self, texture: BodyTexture, seed: int = 0) -> BodyTexture:  # noqa: ARG002
        """See `Filler`."""
        known = _known(texture, self._surface)
        sources, unknown = np.flatnonzero(known), np.flatnonzero(~known)
        places = self._places(np.ones(3))
        tree = KDTree(places[sources])
        away, found = zip(*(tree.query(self._places(m)[unknown]) for m in _MIRRORS), strict=True)
        best = np.argmin(np.stack(away) + _LATER_MIRROR_M * np.arange(len(_MIRRORS))[:, None], axis=0)
        colours = texture.rgb[self._surface.covered]
        colours[unknown] = colours[sources[np.stack(found)[best, np.arange(len(unknown))]]]
        return completed(texture, self._surface, colours)

    def _places(self, mirror: np.ndarray) -> np.ndarray:
        """Points and normals of all texels after mirroring, float64 [N, 6], metres."""
        points = (self._surface.points - self._middle) * mirror
        return np.concatenate([points, _NORMAL_WEIGHT_M * self._surface.normals * mirror], 1)


class MeanFiller:
    """Each unknown texel takes its mean colour over other people."""

    name, chance = "mean", False

    def __init__(self, surface: TexelSurface, mean: np.ndarray) -> None:
        """Keep the mean texture.

        Args:
            surface: that all textures belong to.
            mean: float32 [side, side, 3] in [0, 1], sRGB; see `dinar.trainer.texture.mean_texture`.
        """
        if mean.shape != (*surface.covered.shape, 3):
            raise DinarError(
                f"the mean texture has {mean.shape[0]} x {mean.shape[1]} texels, the networks' textures have "
                f"{len(surface.covered)} x {len(surface.covered)}: make one of that size"
            )
        self._surface, self._colours = surface, mean[surface.covered]

    def fill(self, texture: BodyTexture, seed: int = 0) -> BodyTexture:  # noqa: ARG002
        """See `Filler`."""
        known = _known(texture, self._surface)
        colours = np.where(known[:, None], texture.rgb[self._surface.covered], self._colours)
        return completed(texture, self._surface, colours)


def completed(texture: BodyTexture, surface: TexelSurface, colours: np.ndarray) -> BodyTexture:
    """A texture with a colour at each texel of the body, float [N, 3]; all of them count as known."""
    rgb = np.zeros_like(texture.rgb)
    rgb[surface.covered] = colours
    return replace(texture, rgb=rgb, sampled=surface.covered, filled=surface.covered)


def _known(texture: BodyTexture, surface: TexelSurface) -> np.ndarray:
    """Which texels of the body are known: bool [N]. Raises DinarError."""
    if texture.filled.shape != surface.covered.shape:
        raise DinarError(
            f"a texture of {len(texture.filled)} texels a side cannot be completed on a body of "
            f"{len(surface.covered)}: use networks of one texture size"
        )
    known: np.ndarray = texture.filled[surface.covered]
    if not known.any():
        raise DinarError(
            "the photo shows nothing of the body: expected a mask and parameters that meet in the picture, "
            "`dinar data check` says which views do not"
        )
    return known
