"""Sliced Wasserstein distance of patches (Karras et al. 2018, "Progressive Growing of GANs", Sec. 5).

Two sets of pictures are alike when their 7 x 7 patches are, at each level of a Laplacian pyramid: from fine
texture to coarse form. Patches are drawn at random places, each colour channel is brought to mean 0 and
deviation 1, and the distance is the mean over random directions of the one-dimensional Wasserstein distance
of what the patches are along them. Nothing is learned, and no patch is compared with the one at its place: a
plausible sample is not punished for being another than the truth, a blurred mean is.

Mean and deviation are those of both sets together, not of each by itself as in that paper: there, detail
that is too faint and colours that are wrong are scaled away.

Here patches lie within a region of each picture, which a mask names: the person, or what was not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

PATCH = 7
COARSEST = 16  # pixels: the pyramid ends before a level has a smaller side
_BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)
_EPSILON = 1e-6  # below the deviation of a colour that is the same everywhere


@dataclass(frozen=True)
class PatchOptions:
    """How patches are compared; Karras et al. take 128 of each of 16,384 pictures, and 512 directions.

    Attributes:
        patches: of each level and each of both sets, drawn with repetition.
        directions: random ones.
        seed: of places and directions.
    """

    patches: int = 4096
    directions: int = 256
    seed: int = 0


def sliced_wasserstein(
    a: torch.Tensor,
    b: torch.Tensor,
    region_a: torch.Tensor,
    region_b: torch.Tensor,
    options: PatchOptions | None = None,
) -> torch.Tensor:
    """Compare two sets of pictures.

    Args:
        a: float32 [N, 3, H, W], sRGB in [0, 1].
        b: float32 [M, 3, H, W].
        region_a: bool [N, 1, H, W], where the centres of patches lie.
        region_b: bool [M, 1, H, W].
        options: how.

    Returns:
        float32 [L], a distance for each level, from fine to coarse; 0 for equal sets of patches, 1 is about
        the deviation of a colour. Both sets are given by the same places where their sizes and regions agree,
        so that equal sets are 0 exactly. Levels on which a region has no patch are left out.

    Raises:
        ValueError: pictures smaller than a patch, of two sizes, or a region without any patch.
    """
    options = options or PatchOptions()
    _check(a, b)
    generator = torch.Generator().manual_seed(options.seed)
    distances = []
    levels = zip(
        laplacian_pyramid(a), laplacian_pyramid(b), _centres(region_a), _centres(region_b), strict=True
    )
    for detail_a, detail_b, centres_a, centres_b in levels:
        if not (centres_a.any() and centres_b.any()):
            break
        place = torch.rand(options.patches, generator=generator)
        direction = torch.randn(a.shape[1] * PATCH**2, options.directions, generator=generator)
        both = _normalized(_patches(detail_a, centres_a, place), _patches(detail_b, centres_b, place))
        distances.append(_sliced(*both, direction.to(a.device)))
    if not distances:
        raise ValueError("no patch of 7 x 7 pixels lies in the region: compare larger regions")
    return torch.stack(distances)


def laplacian_pyramid(pictures: torch.Tensor) -> list[torch.Tensor]:
    """Details of pictures [N, C, H, W] at each scale, from fine to coarse; what is left comes last.

    Levels halve while the shorter side stays at least `COARSEST` pixels; odd rows and columns are cut off.
    """
    levels = []
    rest = pictures.float()
    while min(rest.shape[-2:]) >= 2 * COARSEST:
        rest = rest[..., : rest.shape[-2] // 2 * 2, : rest.shape[-1] // 2 * 2]
        coarse = _smooth(rest)[..., ::2, ::2]
        levels.append(rest - _upsampled(coarse))
        rest = coarse
    return [*levels, rest]


def _check(a: torch.Tensor, b: torch.Tensor) -> None:
    if a.shape[1:] != b.shape[1:] or min(a.shape[-2:]) < PATCH:
        raise ValueError(
            f"expected two sets of pictures of one size, {PATCH} pixels or more a side, not {list(a.shape)} "
            f"and {list(b.shape)}"
        )


def _smooth(pictures: torch.Tensor) -> torch.Tensor:
    """Binomial means of 5 x 5 pixels; mirrored at the edge."""
    tap = torch.tensor(_BINOMIAL, device=pictures.device) / sum(_BINOMIAL)
    channels = pictures.shape[1]
    kernel = (tap[:, None] * tap).expand(channels, 1, 5, 5)
    return F.conv2d(F.pad(pictures, (2, 2, 2, 2), mode="reflect"), kernel, groups=channels)


def _upsampled(pictures: torch.Tensor) -> torch.Tensor:
    """Twice as large: zeros between pixels, smoothed, four times as bright."""
    n, channels, height, width = pictures.shape
    sparse = pictures.new_zeros(n, channels, 2 * height, 2 * width)
    sparse[..., ::2, ::2] = pictures
    return 4 * _smooth(sparse)


def _centres(region: torch.Tensor) -> list[torch.Tensor]:
    """Where centres of patches that lie within the pictures may be, at each level: bool [N, h, w]."""
    levels, edge = [], PATCH // 2
    while True:
        within = torch.zeros_like(region)
        within[..., edge:-edge, edge:-edge] = True
        levels.append((region & within)[:, 0])
        if min(region.shape[-2:]) < 2 * COARSEST:
            return levels
        region = region[..., : region.shape[-2] // 2 * 2, : region.shape[-1] // 2 * 2][..., ::2, ::2]


def _patches(pictures: torch.Tensor, centres: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Cut patches out of pictures [N, C, H, W].

    Args:
        pictures: of one level.
        centres: bool [N, H, W], where their centres may lie.
        place: float32 [K] in [0, 1): which of the centres, of all in order.

    Returns:
        float32 [K, C, 49].
    """
    places = centres.nonzero()  # [centres, 3]
    chosen = places[(place.double() * len(places)).long().to(places.device)]
    step = torch.arange(PATCH, device=pictures.device) - PATCH // 2
    rows = chosen[:, 1, None, None] + step[:, None]  # [K, 7, 1]
    columns = chosen[:, 2, None, None] + step
    found = pictures.permute(0, 2, 3, 1)[chosen[:, 0, None, None], rows, columns]  # [K, 7, 7, C]
    return found.permute(0, 3, 1, 2).flatten(2)


def _normalized(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Patches [K, C, 49] of both sets to vectors [K, C * 49]; each channel to mean 0 and deviation 1."""
    both = torch.cat([a, b])
    mean, deviation = both.mean((0, 2), keepdim=True), both.std((0, 2), keepdim=True)
    one, other = (((patches - mean) / (deviation + _EPSILON)).flatten(1) for patches in (a, b))
    return one, other


def _sliced(a: torch.Tensor, b: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """Mean over directions [D, R] of the Wasserstein distance of vectors [K, D] along them: a scalar."""
    unit = direction / direction.norm(dim=0)
    along_a, along_b = ((unit.T @ values.T).sort(dim=1).values for values in (a, b))  # [R, K]
    return (along_a - along_b).abs().mean()
