"""Eq. 4, term by term, against numbers worked out by hand."""

import math

import pytest
import torch

from dinar.trainer.losses.avatar_losses import (
    LossWeights,
    avatar_losses,
    crop_squares,
    cut_faces,
    dice_loss,
    discriminator_loss,
    generator_loss,
    r1_penalty,
    random_corners,
)
from dinar.trainer.losses.perceptual_substitute import StructureEdgesColours
from dinar.trainer.picture import Picture

NO_FACE = torch.zeros(2, 4, dtype=torch.int64)
TOP_LEFT = torch.zeros(2, 2, dtype=torch.int64)


def mean_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Stands in for LPIPS: mean absolute difference, [B]."""
    return (a - b).abs().mean((1, 2, 3))


def person(colour: float, mask: float | torch.Tensor, side: int = 32) -> Picture:
    return Picture(torch.full((2, 3, side, side), colour), torch.ones(2, 1, side, side) * mask)


def grey(level: float) -> torch.Tensor:
    return torch.full((2, 3, 1, 1), level)


# --- The whole ---


def test_the_weights_are_those_of_section_4_1():
    weights = LossWeights()
    assert (weights.l2, weights.perceptual, weights.dice, weights.adversarial) == (2.2, 1.0, 1.0, 0.01)
    assert (weights.r1, weights.r1_interval, weights.face, weights.crop) == (0.1, 16, 0.1, 256)


def test_r1_is_taken_every_16th_step_and_counts_16_times():
    counts = [LossWeights().r1_at(step) for step in range(33)]
    assert [step for step, weight in enumerate(counts) if weight] == [0, 16, 32]
    assert counts[16] == pytest.approx(1.6)


def test_terms_and_their_sum():
    face = torch.tensor([[4, 4, 20, 12], [0, 0, 0, 0]])  # the second person is seen from behind
    fake = torch.tensor([[0.0], [0.0]])
    losses = avatar_losses(
        person(0.5, 1), person(0.2, 1), grey(0.9), face, TOP_LEFT, mean_distance, LossWeights(), fake
    )
    assert float(losses.l2) == pytest.approx(0.09)
    assert float(losses.perceptual) == pytest.approx(0.3)
    assert float(losses.dice) == pytest.approx(0)
    assert float(losses.face_l2) == pytest.approx(0.09 / 2)
    assert float(losses.face_perceptual) == pytest.approx(0.3 / 2)
    assert float(losses.adversarial) == pytest.approx(math.log(2))
    total = 2.2 * (0.09 + 0.1 * 0.045) + 1.0 * (0.3 + 0.1 * 0.15) + 0.01 * math.log(2)
    assert float(losses.total) == pytest.approx(total)


def test_pictures_are_compared_before_one_background_each_with_its_own_mask():
    half = torch.ones(2, 1, 32, 32)
    half[..., 16:] = 0
    drawn, photo = person(0.5, half), person(0.5, 1.0)
    for background, l2 in ((0.5, 0.0), (0.9, 0.16 / 2)):  # a hole shows the background
        losses = avatar_losses(
            drawn, photo, grey(background), NO_FACE, TOP_LEFT, mean_distance, LossWeights()
        )
        assert float(losses.l2) == pytest.approx(l2)
    everything_hidden = avatar_losses(
        person(0.1, 0.0), person(0.7, 0.0), grey(0.3), NO_FACE, TOP_LEFT, mean_distance, LossWeights()
    )
    assert float(everything_hidden.total) == pytest.approx(0)


def test_without_a_discriminator_nothing_is_adversarial():
    losses = avatar_losses(
        person(0.5, 1), person(0.5, 1), grey(0), NO_FACE, TOP_LEFT, mean_distance, LossWeights()
    )
    assert float(losses.adversarial) == 0
    assert float(losses.total) == pytest.approx(0)


def test_lpips_looks_at_the_square_and_l2_at_everything():
    photo = person(0.0, 1)
    rgb = photo.rgb.clone()
    rgb[:, :, :8, :8] = 1
    weights, corner = LossWeights(crop=8), torch.tensor([[0, 0], [8, 8]])
    losses = avatar_losses(Picture(rgb, photo.mask), photo, grey(0), NO_FACE, corner, mean_distance, weights)
    assert float(losses.perceptual) == pytest.approx(0.5)  # the first sees white alone, the second black
    assert float(losses.l2) == pytest.approx(64 / 1024)


def test_a_mean_over_processes_is_that_of_one():
    generator = torch.Generator().manual_seed(0)
    drawn, photo = (
        Picture(*(torch.rand(2, c, 32, 32, generator=generator) for c in (3, 1))) for _ in range(2)
    )
    face, background = torch.tensor([[4, 4, 20, 12], [0, 0, 0, 0]]), torch.rand(2, 3, 1, 1)
    fake, distance = torch.randn(2, 1, generator=generator), StructureEdgesColours()

    def total(n: slice) -> torch.Tensor:
        parts = (Picture(p.rgb[n], p.mask[n]) for p in (drawn, photo))
        others = (background[n], face[n], TOP_LEFT[n], distance, LossWeights(), fake[n])
        return avatar_losses(*parts, *others).total

    torch.testing.assert_close(total(slice(0, 2)), (total(slice(0, 1)) + total(slice(1, 2))) / 2)


def test_gradients_reach_colours_and_mask_and_are_finite_from_the_start():
    generator = torch.Generator().manual_seed(0)
    rgb = torch.full((2, 3, 32, 32), 0.5, requires_grad=True)
    mask = torch.full((2, 1, 32, 32), 0.5, requires_grad=True)
    photo = Picture(
        torch.rand(2, 3, 32, 32, generator=generator),
        torch.rand(2, 1, 32, 32, generator=generator).round(),
    )
    face = torch.tensor([[4, 4, 20, 12], [0, 0, 0, 0]])
    perceptual = StructureEdgesColours()
    avatar_losses(
        Picture(rgb, mask), photo, grey(0.3), face, TOP_LEFT, perceptual, LossWeights()
    ).total.backward()
    for gradient in (rgb.grad, mask.grad):
        assert torch.isfinite(gradient).all()
        assert (gradient != 0).float().mean() > 0.99


# --- Parts of pictures ---


def test_corners_are_spread_over_all_places_and_repeat_with_the_generator():
    corners = random_corners(4000, 20, 17, 16, torch.Generator().manual_seed(0))
    assert corners[:, 0].unique().tolist() == [0, 1, 2, 3, 4]
    assert corners[:, 1].unique().tolist() == [0, 1]
    assert corners[:, 0].bincount().min() > 600
    assert torch.equal(corners, random_corners(4000, 20, 17, 16, torch.Generator().manual_seed(0)))


def test_a_picture_that_is_no_larger_is_seen_whole():
    corners = random_corners(2, 16, 12, 16, torch.Generator().manual_seed(0))
    assert (corners == 0).all()
    pictures = torch.rand(2, 3, 16, 12)
    assert torch.equal(crop_squares(pictures, corners, 16), pictures)


def test_faces_are_resampled_to_one_size():
    ramp = torch.arange(40.0).expand(3, 1, 30, 40) + 100 * torch.arange(30.0)[:, None]
    face = torch.tensor([[8, 6, 16, 14], [8, 6, 24, 10], [0, 0, 0, 0]])
    cut = cut_faces(ramp, face, 8)
    torch.testing.assert_close(cut[0], ramp[0, :, 6:14, 8:16])  # pixel by pixel
    columns, rows = (
        8 + 2 * torch.arange(8) + 0.5,
        6 + 0.5 * torch.arange(8) - 0.25,
    )  # twice as wide, half as high
    torch.testing.assert_close(cut[1, 0], columns + 100 * rows[:, None])
    assert torch.isfinite(cut[2]).all()


# --- Single terms ---


def test_dice_is_0_for_equal_masks_and_1_for_masks_apart():
    left, right = torch.zeros(1, 1, 40, 40), torch.zeros(1, 1, 40, 40)
    left[..., :20], right[..., 20:] = 1, 1
    soft = torch.rand(1, 1, 40, 40)
    assert float(dice_loss(soft, soft)) == pytest.approx(0, abs=1e-6)
    assert float(dice_loss(left, right)) == pytest.approx(1, abs=1e-3)
    assert float(dice_loss(torch.zeros_like(left), torch.zeros_like(left))) == 0
    wide = (left + right).clone()
    assert float(dice_loss(wide, left)) == pytest.approx(1 - 2 * 800 / 2400, abs=1e-3)  # twice too large


def test_the_adversarial_terms_are_logarithms_of_probabilities():
    real, fake = torch.tensor([[1.0], [3.0]]), torch.tensor([[-2.0], [0.5]])
    p_real, p_fake = torch.sigmoid(real), torch.sigmoid(fake)
    torch.testing.assert_close(generator_loss(fake), -p_fake.log().mean())
    torch.testing.assert_close(
        discriminator_loss(real, fake), -(p_real.log().mean() + (1 - p_fake).log().mean())
    )
    assert torch.isfinite(generator_loss(torch.tensor([[-1e4]])))  # a discriminator that is sure


def test_r1_is_half_the_squared_gradient_and_trains_the_discriminator():
    slope = torch.tensor(3.0, requires_grad=True)
    real = torch.rand(2, 3, 4, 4)

    def discriminator(pictures: torch.Tensor) -> torch.Tensor:
        return slope * pictures.sum((1, 2, 3))[:, None]

    penalty = r1_penalty(discriminator, real)
    assert float(penalty.detach()) == pytest.approx(0.5 * 9 * 48)
    penalty.backward()
    assert float(slope.grad) == pytest.approx(3 * 48)
    assert not real.requires_grad
