"""The layers of StyleGAN2 (Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN").

Plain torch: resampling is a convolution with the kernel [1, 3, 3, 1], modulation scales a convolution's input
and output. No layer adds noise: an avatar's texture must not depend on chance, and noise that never changes
would print the same pattern on everyone. Weights are drawn from N(0, 1) and scaled when used ("equalized
learning rate", Karras et al. 2018, Sec. 4.1), so that Adam's steps have the same relative size in each layer.
The gain of an activation is taken into the weights before it: gain * lrelu(x) = lrelu(gain * x).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from dinar.runtime.errors import DinarError

SLOPE = 0.2
"""Of leaky ReLU below 0."""

ACTIVATION_GAIN = math.sqrt(2)
"""After leaky ReLU, so that signals keep their size from layer to layer."""

_EPSILON = 1e-8


class EqualizedLinear(nn.Module):
    """y = W x / sqrt(inputs) + b, then maybe leaky ReLU with its gain."""

    def __init__(self, inputs: int, outputs: int, *, activate: bool = False, bias: float = 0.0) -> None:
        """Draw weights from torch's random generator; all biases start at `bias`."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self._activate = activate
        self._gain = ACTIVATION_GAIN if activate else 1.0
        self._scale = self._gain / math.sqrt(inputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, inputs] to [B, outputs]."""
        y = F.linear(x, self.weight * self._scale, self.bias * self._gain)
        return F.leaky_relu(y, SLOPE) if self._activate else y


class EqualizedConv2d(nn.Module):
    """A convolution that keeps the picture's size, or blurs and halves it; then maybe leaky ReLU.

    The weight is scaled by gain / sqrt(inputs * kernel²), the bias by gain.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        down: bool = False,
        activate: bool = False,
        bias: bool = True,
        gain: float = 1.0,
    ) -> None:
        """Draw weights from torch's random generator; biases start at 0.

        Args:
            inputs, outputs: channels.
            kernel: 1 or 3, the side of the kernel.
            down: halve the picture, blurred by [1, 3, 3, 1] before.
            activate: apply leaky ReLU, with its own gain beside `gain`.
            bias: have one.
            gain: of the whole layer.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self._down, self._activate, self._kernel = down, activate, kernel
        self._gain = gain * (ACTIVATION_GAIN if activate else 1.0)
        self._scale = self._gain / math.sqrt(inputs * kernel**2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, inputs, h, w] to [B, outputs, h, w], or half of it, h and w even."""
        weight = self.weight * self._scale
        bias = None if self.bias is None else self.bias * self._gain
        if not self._down:
            y = F.conv2d(x, weight, bias, padding=self._kernel // 2)
        elif self._kernel == 1:  # a 1x1 convolution commutes with taking every other pixel
            y = F.conv2d(downsample(x), weight, bias)
        else:
            y = F.conv2d(blur(x, padding=2), weight, bias, stride=2)
        return F.leaky_relu(y, SLOPE) if self._activate else y


class ModulatedConv2d(nn.Module):
    """A convolution whose weights a vector scales per sample (StyleGAN2 Eq. 1 and 3), and its activation.

        s = A(w)                        the style: one factor for each input channel
        w'[o, i, k] = s[i] w[o, i, k]   modulation
        w''[o, i, k] = w'[o, i, k] / sqrt(sum over i, k of w'[o, i, k]² + 1e-8)   demodulation

    Computed as s times the input, one convolution for the whole batch, and the root's inverse times the
    output: the same numbers, without a set of weights for each sample.
    """

    def __init__(self, inputs: int, outputs: int, style_dim: int, *, up: bool = False) -> None:
        """Draw weights from torch's random generator; styles start around 1, biases at 0.

        Args:
            inputs, outputs: channels.
            style_dim: numbers in the vector.
            up: double the picture: zeros between pixels, convolution, blur by [1, 3, 3, 1].
        """
        super().__init__()
        self.affine = EqualizedLinear(style_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self._scale = 1 / math.sqrt(inputs * 9)
        self._up = up

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """[B, inputs, h, w] and [B, style_dim] to [B, outputs, h, w], or twice as high and wide."""
        style = self.affine(w)  # [B, inputs]
        weight = self.weight * self._scale
        squares = weight.square().sum((2, 3))  # [outputs, inputs]
        shrink = torch.rsqrt(style.square() @ squares.T + _EPSILON)  # [B, outputs]
        x = x * _per_channel(style, x)
        if self._up:
            x = blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1, gain=4.0)
        else:
            x = F.conv2d(x, weight, padding=1)
        bias = _per_channel(ACTIVATION_GAIN * self.bias[None], x)
        return F.leaky_relu(torch.addcmul(bias, x, _per_channel(ACTIVATION_GAIN * shrink, x)), SLOPE)


class ToTexture(nn.Module):
    """StyleGAN2's tRGB for any number of channels: a modulated 1x1 convolution, not demodulated."""

    def __init__(self, inputs: int, outputs: int, style_dim: int, gain: float = 1.0) -> None:
        """Draw weights from torch's random generator; styles start around 1, biases at 0."""
        super().__init__()
        self.affine = EqualizedLinear(style_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self._scale = gain / math.sqrt(inputs)

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """[B, inputs, h, w] and [B, style_dim] to [B, outputs, h, w]."""
        return F.conv2d(x * _per_channel(self.affine(w), x), self.weight * self._scale, self.bias)


def blur(x: torch.Tensor, *, padding: int, stride: int = 1, gain: float = 1.0) -> torch.Tensor:
    """Convolve each channel with [1, 3, 3, 1] x [1, 3, 3, 1] / 64, times `gain`.

    Args:
        x: [B, C, h, w].
        padding: zeros on each side, before.
        stride: pixels between those that are kept.
        gain: of the kernel.

    Returns:
        [B, C, (h + 2 padding - 4) // stride + 1, (w + 2 padding - 4) // stride + 1].
    """
    return F.conv2d(x, _kernel(x, gain), stride=stride, padding=padding, groups=x.shape[1])


def downsample(x: torch.Tensor) -> torch.Tensor:
    """Halve pictures: blurred by [1, 3, 3, 1], every other pixel. [B, C, h, w] to [B, C, h / 2, w / 2]."""
    return blur(x, padding=1, stride=2)


def upsample(x: torch.Tensor) -> torch.Tensor:
    """Double pictures: zeros between pixels, blurred by [1, 3, 3, 1]. [B, C, h, w] to [B, C, 2 h, 2 w]."""
    return F.conv_transpose2d(x, _kernel(x, 4.0), stride=2, padding=1, groups=x.shape[1])


def minibatch_deviation(x: torch.Tensor, group: int) -> torch.Tensor:
    """Append a channel: how much the samples of a group differ (Karras et al. 2018, Sec. 3).

    The standard deviation over the group of each feature at each place, averaged over both. Groups are
    samples that follow each other, of a number that does not depend on the batch, so that a batch shared by
    several processes has the groups of the whole.

    Args:
        x: [B, C, h, w], B a multiple of `group`.
        group: samples in a group.

    Returns:
        [B, C + 1, h, w].

    Raises:
        DinarError: the batch does not consist of whole groups.
    """
    batch, _, height, width = x.shape
    if batch % group:
        raise DinarError(
            f"the discriminator compares pictures in groups of {group}: expected a batch for each process "
            f"that is a multiple of it, not {batch}; choose another --batch"
        )
    groups = x.float().unflatten(0, (-1, group))  # [B / group, group, C, h, w]
    variance = (groups - groups.mean(1, keepdim=True)).square().mean(1)
    deviation = (variance + _EPSILON).sqrt().mean((1, 2, 3))  # [B / group]
    channel = deviation.repeat_interleave(group)[:, None, None, None].expand(-1, 1, height, width)
    return torch.cat([x, channel.to(x.dtype)], dim=1)


def _kernel(x: torch.Tensor, gain: float) -> torch.Tensor:
    """The blur's kernel for each channel of x: [C, 1, 4, 4]."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0], device=x.device, dtype=x.dtype)
    return (torch.outer(line, line) * (gain / 64)).repeat(x.shape[1], 1, 1, 1)


def _per_channel(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """[B, C] to [B, C, 1, 1] in the type of x, which may be lower under autocast."""
    return values.to(x.dtype)[:, :, None, None]
