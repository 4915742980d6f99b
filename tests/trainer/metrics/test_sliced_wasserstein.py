"""Properties of the sliced Wasserstein distance of patches."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from dinar.trainer.metrics.sliced_wasserstein import PatchOptions, laplacian_pyramid, sliced_wasserstein

FEW = PatchOptions(patches=2048, directions=64)


def fabric(count: int, seed: int, side: int = 64) -> torch.Tensor:
    """Pictures of one kind of coloured grain and large spots, each another: [N, 3, side, side]."""
    generator = torch.Generator().manual_seed(seed)
    fine = F.interpolate(torch.rand(count, 3, side // 2, side // 2, generator=generator), scale_factor=2)
    spots = F.interpolate(torch.rand(count, 3, 4, 4, generator=generator), size=(side, side), mode="bilinear")
    return 0.4 * fine + 0.6 * spots


def everywhere(pictures: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(pictures[:, :1], dtype=torch.bool)


def distance(a: torch.Tensor, b: torch.Tensor, options: PatchOptions = FEW) -> torch.Tensor:
    return sliced_wasserstein(a, b, everywhere(a), everywhere(b), options)


def blurred(pictures: torch.Tensor, side: int) -> torch.Tensor:
    return F.avg_pool2d(pictures, side, stride=1, padding=side // 2, count_include_pad=False)


def test_the_pyramid_is_detail_and_what_is_left() -> None:
    flat = torch.full((1, 3, 64, 96), 0.3)
    *detail, rest = laplacian_pyramid(flat)
    assert [level.shape[-2:] for level in (*detail, rest)] == [(64, 96), (32, 48), (16, 24)]
    assert rest == pytest.approx(0.3, abs=1e-5)
    for level in detail:
        assert level[..., 4:-4, 4:-4] == pytest.approx(0, abs=1e-5)


def test_equal_sets_are_at_distance_nought_on_each_level() -> None:
    pictures = fabric(2, 0)
    assert distance(pictures, pictures).tolist() == [0, 0, 0]


def test_it_is_symmetric_and_the_same_seed_gives_the_same() -> None:
    a, b = fabric(2, 0), fabric(3, 1)
    assert distance(a, b).tolist() == distance(a, b).tolist()
    assert distance(a, b) == pytest.approx(distance(b, a), rel=1e-4)
    assert distance(a, b).tolist() != distance(a, b, PatchOptions(2048, 64, seed=1)).tolist()


def test_the_order_of_pictures_and_the_place_in_them_do_not_matter() -> None:
    """Patches are a set: the same ones in another order differ no more than another draw of them."""
    a = fabric(4, 0)
    assert (distance(a, a.flip(0)) < 0.15).all()
    rolled = a.roll(32, 2)  # the coarsest level is as small as a few patches: there, edges are new
    assert (distance(a, rolled) < 0.25 * distance(a, blurred(a, 3)))[0]
    assert (distance(a, rolled) < 0.15)[:2].all()


@pytest.mark.parametrize("spoil", ["blur", "noise", "faint"])
def test_it_grows_the_more_pictures_are_spoilt(spoil: str) -> None:
    truth, other = fabric(4, 0), fabric(4, 1)
    noise = torch.randn(other.shape, generator=torch.Generator().manual_seed(2))
    steps = {
        "blur": (other, blurred(other, 3), blurred(other, 7)),
        "noise": (other, other + 0.05 * noise, other + 0.2 * noise),
        "faint": (other, 0.5 + 0.6 * (other - 0.5), 0.5 + 0.2 * (other - 0.5)),
    }[spoil]
    finest = [float(distance(pictures, truth)[0]) for pictures in steps]
    assert finest[0] < 0.7 * finest[1] < 0.7 * finest[2]


def test_a_wrong_colour_counts_at_the_coarsest_level() -> None:
    truth, other = fabric(4, 0), fabric(4, 1)
    dyed = other * torch.tensor([1.0, 0.4, 0.4]).view(1, 3, 1, 1)
    assert distance(dyed, truth)[-1] > 2 * distance(other, truth)[-1]


def test_what_lies_outside_the_region_does_not_count() -> None:
    pictures = fabric(1, 0)
    spoilt = pictures.clone()
    spoilt[..., :24] = 0
    inside = everywhere(pictures)
    inside[..., :48] = False  # the pyramid's smoothing reaches from what is spoilt
    assert float(sliced_wasserstein(pictures, spoilt, inside, inside, FEW)[0]) == 0
    assert float(distance(pictures, spoilt)[0]) > 0.1


def test_a_region_without_a_patch_and_pictures_of_two_sizes_are_refused() -> None:
    pictures = fabric(1, 0)
    with pytest.raises(ValueError, match="compare larger regions"):
        sliced_wasserstein(pictures, pictures, ~everywhere(pictures), everywhere(pictures))
    with pytest.raises(ValueError, match="one size"):
        distance(pictures, fabric(1, 0, side=32))
