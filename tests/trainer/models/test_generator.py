"""The generator's texture stays where gradients reach it."""

import torch

from dinar.trainer.models.generator import bounded
from dinar.trainer.models.presets import TINY


def test_the_length_of_the_vector_does_not_matter_its_direction_does() -> None:
    torch.manual_seed(0)
    generator, w = TINY.generator(), torch.randn(2, TINY.style_dim)
    texture = generator(w)
    torch.testing.assert_close(generator(100 * w), texture, rtol=1e-4, atol=1e-4)
    assert (texture[0] - texture[1]).abs().mean() > 0.01


def test_textures_start_within_their_bounds_and_differ_from_photo_to_photo() -> None:
    torch.manual_seed(1)
    texture = TINY.generator()(torch.randn(8, TINY.style_dim))
    assert texture.abs().max() < 1
    assert (texture.abs() > 0.95).float().mean() < 0.1
    assert texture.std(0).mean() > 0.05


def test_a_texture_that_strayed_is_still_moved() -> None:
    """Ten units out tanh has a gradient of 8e-9."""
    x = torch.tensor([-1e4, -10.0, 0.0, 10.0], requires_grad=True)
    y = bounded(x)
    assert y.detach().abs().max() <= 1
    y.sum().backward()
    assert (x.grad[1:] > 9e-4).all()
