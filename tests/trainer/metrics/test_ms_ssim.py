"""MS-SSIM against a plain reference written from the paper's formulas."""

import numpy as np
import pytest
import torch
from scipy import signal

from dinar.trainer.metrics.ms_ssim import compare_scales, count_scales, ms_ssim

PUBLISHED_WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])


def reference_ssim(a: np.ndarray, b: np.ndarray, size: int = 11) -> tuple[float, float]:
    """Mean SSIM, and mean contrast times structure, of float64 [H, W] (Wang et al. 2004)."""
    at = np.arange(size) - size // 2
    kernel = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.5**2))
    kernel /= kernel.sum()

    def mean(x):
        return signal.correlate2d(x, kernel, mode="valid")

    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    structure = (2 * covariance + 0.03**2) / (variance_a + variance_b + 0.03**2)
    return (luminance * structure).mean(), structure.mean()


def reference_ms_ssim(a: np.ndarray, b: np.ndarray, scales: int) -> float:
    weights, product = PUBLISHED_WEIGHTS[:scales] / PUBLISHED_WEIGHTS[:scales].sum(), 1.0
    for scale in range(scales):
        ssim, structure = reference_ssim(a, b)
        product *= max(ssim if scale == scales - 1 else structure, 0) ** weights[scale]
        height, width = a.shape[0] // 2 * 2, a.shape[1] // 2 * 2
        a, b = (x[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3)) for x in (a, b))
    return product


def pictures(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two pictures [2, 3, H, W] with structure at many scales, and their noisy, darker twins."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 9, 9, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)
    a = smooth.clamp(0, 1)
    return a, (0.9 * a + 0.1 * torch.rand(a.shape, generator=generator)).clamp(0, 1)


@pytest.mark.parametrize(
    ("height", "width", "scales"), [(176, 190, 5), (64, 64, 3), (33, 40, 2), (11, 15, 1)]
)
def test_it_is_what_the_formulas_say_with_as_many_scales_as_fit(height, width, scales):
    a, b = pictures(height, width)
    assert count_scales(height, width) == scales
    x, y = a.double().numpy(), b.double().numpy()
    wanted = [np.mean([reference_ms_ssim(x[n, c], y[n, c], scales) for c in range(3)]) for n in range(2)]
    np.testing.assert_allclose(ms_ssim(a, b).numpy(), wanted, atol=2e-5)


def test_pictures_below_a_window_are_compared_with_a_smaller_one():
    a, b = pictures(8, 30)
    assert count_scales(8, 30) == 1
    wanted = reference_ssim(a[0, 0].double().numpy(), b[0, 0].double().numpy(), size=7)
    np.testing.assert_allclose(compare_scales(a, b).ssim[0, 0, 0], wanted[0], atol=1e-5)


def test_equal_pictures_are_1_and_a_negative_is_0():
    a, _ = pictures(60, 60)
    torch.testing.assert_close(ms_ssim(a, a), torch.ones(2))
    assert (ms_ssim(a, 1 - a) < 0.01).all()


def test_gradients_are_those_of_plain_convolutions():
    a, b = pictures(40, 36)
    plain, ours = (x.clone().requires_grad_() for x in (a, a))
    at = torch.arange(11.0) - 5
    kernel = torch.exp(-(at[:, None] ** 2 + at**2) / 4.5)
    kernel = (kernel / kernel.sum()).expand(3, 1, 11, 11)
    mean = lambda x: torch.nn.functional.conv2d(x, kernel, groups=3)  # noqa: E731
    mean_a, mean_b = mean(plain), mean(b)
    covariance = mean(plain * b) - mean_a * mean_b
    variance = mean(plain**2) - mean_a**2 + mean(b**2) - mean_b**2
    ssim = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
    ssim = ssim * (2 * covariance + 9e-4) / (variance + 9e-4)
    ssim.mean().backward()
    compare_scales(ours, b).ssim[0].mean().backward()
    torch.testing.assert_close(ours.grad, plain.grad, atol=1e-7, rtol=1e-3)


def test_half_precision_around_it_does_not_reach_it():
    a, b = pictures(64, 64)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(ms_ssim(a, b), ms_ssim(a.float(), b.float()))
    assert ms_ssim(a.bfloat16(), b.bfloat16()).dtype == torch.float32


def test_pictures_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match=r"must both be \[B, C, H, W\]"):
        ms_ssim(torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 21))
