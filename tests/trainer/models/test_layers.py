import math

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d, correlate2d
from torch import nn

from dinar.runtime.errors import DinarError
from dinar.trainer.models.layers import (
    EqualizedConv2d,
    EqualizedLinear,
    ModulatedConv2d,
    ToTexture,
    blur,
    downsample,
    minibatch_deviation,
    upsample,
)

LINE = np.array([1.0, 3.0, 3.0, 1.0]) / 8
KERNEL = np.outer(LINE, LINE)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def pictures(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def leaky(y: np.ndarray) -> np.ndarray:
    return math.sqrt(2) * np.where(y < 0, 0.2 * y, y)


def with_zeros_between(x: np.ndarray) -> np.ndarray:
    wide = np.zeros((2 * x.shape[0], 2 * x.shape[1]))
    wide[::2, ::2] = x
    return wide


def correlated(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """[I, h, w] with [O, I, k, k] to [O, h, w]: channel by channel, zeros around."""
    return np.array([sum(correlate2d(x[i], w[i], "same") for i in range(len(x))) for w in weight])


def numbers(parameter: torch.Tensor) -> np.ndarray:
    return parameter.detach().numpy()


def randomize(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.normal_(parameter)


# --- Blur --------------------------------------------------------------------------------------------


def test_blur_convolves_every_channel_alone() -> None:
    x = pictures(2, 3, 7, 6)
    found = blur(x, padding=2, gain=3.0).numpy()
    for sample in range(2):
        for channel in range(3):
            expected = 3 * convolve2d(np.pad(x[sample, channel].numpy(), 2), KERNEL, "valid")
            np.testing.assert_allclose(found[sample, channel], expected, atol=1e-12)


def test_downsampling_is_a_blur_and_every_other_pixel() -> None:
    x = pictures(1, 1, 8, 6)
    expected = convolve2d(np.pad(x[0, 0].numpy(), 1), KERNEL, "valid")[::2, ::2]
    np.testing.assert_allclose(downsample(x)[0, 0].numpy(), expected, atol=1e-12)


def test_upsampling_is_zeros_between_pixels_and_a_blur() -> None:
    x = pictures(1, 1, 5, 4)
    wide = np.pad(with_zeros_between(x[0, 0].numpy()), ((2, 1), (2, 1)))
    expected = 4 * convolve2d(wide, KERNEL, "valid")
    np.testing.assert_allclose(upsample(x)[0, 0].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("resample", [downsample, upsample])
def test_resampling_moves_nothing_and_keeps_brightness(resample) -> None:
    ramp = torch.arange(16, dtype=torch.float64).expand(1, 1, 16, 16) + 0.5  # pixel centres
    found = resample(ramp)[0, 0]
    factor = 16 / len(found)
    centres = factor * (torch.arange(len(found), dtype=torch.float64) + 0.5)
    inner = slice(2, -2)
    torch.testing.assert_close(found[inner, inner], centres.expand_as(found)[inner, inner])


# --- Equalized learning rate ---------------------------------------------------------------------------


def test_a_linear_layer_divides_its_weights_by_the_root_of_its_inputs() -> None:
    layer = EqualizedLinear(50, 3).double()
    randomize(layer)
    x = pictures(4, 50)
    expected = x.numpy() @ numbers(layer.weight).T / math.sqrt(50) + numbers(layer.bias)
    np.testing.assert_allclose(numbers(layer(x)), expected)


def test_a_linear_layer_with_activation_multiplies_by_its_gain() -> None:
    layer = EqualizedLinear(5, 3, activate=True).double()
    randomize(layer)
    x = pictures(4, 5)
    expected = leaky(x.numpy() @ numbers(layer.weight).T / math.sqrt(5) + numbers(layer.bias))
    np.testing.assert_allclose(numbers(layer(x)), expected)


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_convolution_divides_its_weights_by_the_root_of_what_it_sums(kernel: int) -> None:
    layer = EqualizedConv2d(3, 2, kernel, gain=0.7, activate=True).double()
    randomize(layer)
    x = pictures(2, 3, 6, 5)
    weight = numbers(layer.weight) / math.sqrt(3 * kernel**2)
    for sample in range(2):
        y = correlated(x[sample].numpy(), weight) + numbers(layer.bias)[:, None, None]
        np.testing.assert_allclose(numbers(layer(x))[sample], 0.7 * leaky(y), atol=1e-12)


def test_a_halving_convolution_blurs_before_it_skips_pixels() -> None:
    layer = EqualizedConv2d(2, 3, 3, down=True).double()
    randomize(layer)
    x = pictures(1, 2, 8, 6)
    blurred = [convolve2d(np.pad(channel, 2), KERNEL, "valid") for channel in x[0].numpy()]
    weight = numbers(layer.weight) / math.sqrt(2 * 9)
    for found, w, b in zip(numbers(layer(x))[0], weight, numbers(layer.bias), strict=True):
        whole = sum(correlate2d(channel, part, "valid") for channel, part in zip(blurred, w, strict=True))
        np.testing.assert_allclose(found, whole[::2, ::2] + b, atol=1e-12)


def test_a_halving_1x1_convolution_is_one_of_the_halved_picture() -> None:
    layer = EqualizedConv2d(2, 3, 1, down=True, bias=False).double()
    x = pictures(1, 2, 8, 6)
    halved = downsample(x)[0].numpy()
    expected = np.einsum("oi,ihw->ohw", numbers(layer.weight)[..., 0, 0], halved) / math.sqrt(2)
    np.testing.assert_allclose(numbers(layer(x))[0], expected, atol=1e-12)
    assert layer.bias is None


def test_signals_keep_their_size_through_fresh_layers() -> None:
    x = torch.randn(8, 64, 16, 16)
    for _ in range(6):
        x = EqualizedConv2d(64, 64, 3, activate=True)(x).detach()
    assert 0.6 < float(x.square().mean().sqrt()) < 1.6


# --- Modulation ------------------------------------------------------------------------------------------


def styles(layer: ModulatedConv2d | ToTexture, w: torch.Tensor) -> np.ndarray:
    scale = math.sqrt(w.shape[1])
    return w.numpy() @ numbers(layer.affine.weight).T / scale + numbers(layer.affine.bias)


def demodulated(layer: ModulatedConv2d, style: np.ndarray) -> np.ndarray:
    """One sample's weights, by the formula, number by number."""
    weight = numbers(layer.weight) / math.sqrt(layer.weight.shape[1] * 9)
    made = np.zeros_like(weight)
    for o in range(len(weight)):
        scaled = weight[o] * style[:, None, None]
        made[o] = scaled / math.sqrt((scaled**2).sum() + 1e-8)
    return made


def test_a_modulated_convolution_has_weights_of_its_own_for_each_sample() -> None:
    layer = ModulatedConv2d(3, 2, 5).double()
    randomize(layer)
    x, w = pictures(4, 3, 6, 5), pictures(4, 5)
    found = numbers(layer(x, w))
    for sample, style in enumerate(styles(layer, w)):
        y = correlated(x[sample].numpy(), demodulated(layer, style)) + numbers(layer.bias)[:, None, None]
        np.testing.assert_allclose(found[sample], leaky(y), atol=1e-10)


def test_a_doubling_one_puts_zeros_between_pixels_convolves_and_blurs() -> None:
    layer = ModulatedConv2d(3, 2, 5, up=True).double()
    randomize(layer)
    x, w = pictures(2, 3, 4, 5), pictures(2, 5)
    found = numbers(layer(x, w))
    for sample, style in enumerate(styles(layer, w)):
        wide = [with_zeros_between(channel)[:-1, :-1] for channel in x[sample].numpy()]
        for o, weight in enumerate(demodulated(layer, style)):
            y = sum(convolve2d(channel, part, "full") for channel, part in zip(wide, weight, strict=True))
            y = 4 * convolve2d(np.pad(y, 1), KERNEL, "valid") + numbers(layer.bias)[o]
            assert y.shape == (8, 10)
            np.testing.assert_allclose(found[sample, o], leaky(y), atol=1e-10)


def test_fresh_styles_are_around_1() -> None:
    layer = ModulatedConv2d(3, 2, 5)
    torch.testing.assert_close(layer.affine(torch.zeros(1, 5)), torch.ones(1, 3))


def test_texture_channels_are_modulated_but_not_demodulated() -> None:
    layer = ToTexture(3, 4, 5, gain=0.5).double()
    randomize(layer)
    x, w = pictures(2, 3, 4, 5), pictures(2, 5)
    weight = 0.5 * numbers(layer.weight)[..., 0, 0] / math.sqrt(3)
    for sample, style in enumerate(styles(layer, w)):
        y = np.einsum("oi,ihw->ohw", weight * style, x[sample].numpy()) + numbers(layer.bias)[:, None, None]
        np.testing.assert_allclose(numbers(layer(x, w))[sample], y, atol=1e-12)


# --- Minibatch standard deviation --------------------------------------------------------------------------


def test_the_appended_channel_is_the_groups_deviation_by_hand() -> None:
    x = torch.zeros(4, 2, 1, 2)
    x[0, 0, 0, 0], x[1, 0, 0, 0] = 3.0, 1.0  # deviation 1 at one of four features of the first group
    x[2:] = 7.0  # no difference in the second
    found = minibatch_deviation(x, group=2)
    assert found.shape == (4, 3, 1, 2)
    assert torch.equal(found[:, :2], x)
    expected = torch.tensor([(1 + 3 * 1e-4) / 4] * 2 + [1e-4] * 2)  # sqrt(0 + 1e-8) = 1e-4
    torch.testing.assert_close(found[:, 2], expected[:, None, None].expand(4, 1, 2))


def test_a_batch_shared_by_processes_has_the_groups_of_the_whole() -> None:
    x = torch.randn(8, 3, 4, 4)
    shares = torch.cat([minibatch_deviation(share, 2) for share in x.split(4)])
    assert torch.equal(minibatch_deviation(x, 2), shares)


def test_a_batch_that_is_not_of_whole_groups_is_refused() -> None:
    with pytest.raises(
        DinarError, match=r"groups of 4: expected a batch .* multiple of it, not 6; .*--batch"
    ):
        minibatch_deviation(torch.zeros(6, 1, 4, 4), 4)


# --- Gradients ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("up", [False, True])
def test_gradients_of_a_modulated_convolution_are_finite_differences(up: bool) -> None:
    layer = ModulatedConv2d(2, 2, 3, up=up).double()
    inputs = (pictures(2, 2, 2, 3).requires_grad_(), pictures(2, 3).requires_grad_())
    assert torch.autograd.gradcheck(layer, inputs)
    names = [name for name, _ in layer.named_parameters()]

    def by_weights(*weights: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, dict(zip(names, weights, strict=True)), inputs)

    assert torch.autograd.gradcheck(by_weights, tuple(layer.parameters()), fast_mode=True)


def test_second_derivatives_for_r1_are_finite_differences() -> None:
    layer = EqualizedConv2d(2, 2, 3, down=True, activate=True).double()
    assert torch.autograd.gradgradcheck(layer, (pictures(1, 2, 4, 4).requires_grad_(),))
