"""What stands in for LPIPS behaves like a perceptual distance."""

import pytest
import torch
from torch.nn import functional as F

from dinar.trainer.losses.perceptual_substitute import StructureEdgesColours

SIDE = 96
distance = StructureEdgesColours()


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    """[1, 3, SIDE, SIDE]: smooth areas, edges and fine texture."""
    generator = torch.Generator().manual_seed(1)
    smooth = F.interpolate(torch.rand(1, 3, 6, 6, generator=generator), (SIDE, SIDE), mode="bicubic")
    blocks = F.interpolate(torch.rand(1, 3, 12, 12, generator=generator), (SIDE, SIDE), mode="nearest")
    fine = torch.rand(1, 3, SIDE, SIDE, generator=generator)
    return (0.4 * smooth + 0.4 * blocks + 0.2 * fine).clamp(0, 1)


def blurred(picture: torch.Tensor, radius: int) -> torch.Tensor:
    side = 2 * radius + 1
    return F.avg_pool2d(F.pad(picture, [radius] * 4, mode="replicate"), side, 1)


def shifted(picture: torch.Tensor, pixels: int) -> torch.Tensor:
    return torch.roll(picture, pixels, 3)


def noisy(picture: torch.Tensor, amount: float) -> torch.Tensor:
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(2))
    return (picture + amount * noise).clamp(0, 1)


def test_equal_pictures_are_0_apart(picture):
    assert float(distance(picture, picture)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "amounts"), [(blurred, (1, 2, 4)), (shifted, (1, 2, 4)), (noisy, (0.02, 0.06, 0.2))]
)
def test_it_grows_with_blur_shift_and_noise(picture, change, amounts):
    distances = [float(distance(picture, change(picture, amount))) for amount in amounts]
    assert 0.005 < distances[0] < distances[1] < distances[2]


def test_it_ranks_blur_as_worse_than_brightness_where_l2_says_the_opposite(picture):
    blur, brighter = blurred(picture, 2), (picture + 0.12).clamp(0, 1)
    l2 = [float((picture - other).square().mean()) for other in (blur, brighter)]
    seen = [float(distance(picture, other)) for other in (blur, brighter)]
    assert l2[0] < l2[1]
    assert seen[0] > 1.5 * seen[1]


def test_a_wrong_colour_of_something_smooth_counts_as_much_as_there_is_of_it():
    grey = torch.full((1, 3, SIDE, SIDE), 0.5)
    colour = torch.tensor([0.1, -0.05, 0.0])[:, None, None]
    everywhere = float(distance(grey, grey + colour))
    assert everywhere > 0.05
    part = grey.clone()
    part[..., : SIDE // 4] += colour
    assert float(distance(grey, part)) > 0.25 * everywhere


def test_it_is_the_same_both_ways_and_each_picture_has_its_own(picture):
    other = torch.cat([noisy(picture, 0.1), picture, blurred(picture, 3)])
    same = picture.expand_as(other)
    torch.testing.assert_close(distance(same, other), distance(other, same))
    alone = torch.cat([distance(picture, other[n : n + 1]) for n in range(3)])
    torch.testing.assert_close(distance(same, other), alone)


@pytest.mark.parametrize("side", [2, 7, 11, 40])
@pytest.mark.parametrize("what", ["equal", "flat", "random"])
def test_gradients_are_finite_also_at_equality_and_on_flat_pictures(side, what):
    target = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(3))
    start = {"equal": target, "flat": torch.full_like(target, 0.5), "random": target.flip(3)}[what]
    start = start.clone().requires_grad_()
    distance(start, target).sum().backward()
    assert torch.isfinite(start.grad).all()
    if what == "equal":
        assert start.grad.abs().max() < 1e-3


def test_following_its_gradient_leads_to_the_picture(picture):
    target = picture[..., :32, :32]
    drawn = torch.full_like(target, 0.5).requires_grad_()
    optimizer = torch.optim.Adam([drawn], lr=0.02)
    before = (target - 0.5).square().mean()
    for _ in range(30):
        optimizer.zero_grad()
        distance(drawn, target).sum().backward()
        optimizer.step()
    assert (drawn.detach() - target).square().mean() < 0.3 * before
