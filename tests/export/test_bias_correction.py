"""A wrong last bias is found and mended, where people are drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from dinar.export.bias_correction import correct_bias
from dinar.export.to_onnx import to_onnx
from dinar.trainer.models.renderer import LIVE, NeuralRenderer, RendererConfig

PIXELS = LIVE.block**2
WITH_AND_WITHOUT = pytest.mark.parametrize("config", [LIVE, replace(LIVE, direct=False)])


def made(config: RendererConfig, mask: float) -> onnx.ModelProto:
    """A renderer whose masks are near what a logit says, everywhere."""
    torch.manual_seed(0)
    network = NeuralRenderer(config).eval()
    with torch.no_grad():
        network.head.bias[-PIXELS:] = mask
    return onnx.load_from_string(to_onnx(network))


def last_bias(model: onnx.ModelProto) -> onnx.TensorProto:
    (bias,) = (tensor for tensor in model.graph.initializer if tensor.name == "head.bias")
    return bias


def shifted(model: onnx.ModelProto, by: np.ndarray) -> onnx.ModelProto:
    wrong = onnx.ModelProto()
    wrong.CopyFrom(model)
    bias = last_bias(wrong)
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + by, bias.name))
    return wrong


@pytest.fixture(scope="module")
def rasters() -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (2, 32, 64, 22), np.uint8))


@pytest.fixture(scope="module")
def shift() -> np.ndarray:
    """Errors as int8 leaves them: of each channel its own."""
    return np.random.default_rng(1).normal(0, 0.1, 4 * PIXELS).astype(np.float32)


@WITH_AND_WITHOUT
def test_a_wrong_bias_is_mended(config: RendererConfig, rasters: list[np.ndarray], shift: np.ndarray) -> None:
    right = made(config, mask=5.0)
    wrong = shifted(right, shift)
    correct_bias(wrong, right, rasters)
    given, expected = (numpy_helper.to_array(last_bias(model)) for model in (wrong, right))
    np.testing.assert_allclose(given, expected, atol=1e-4)


@WITH_AND_WITHOUT
def test_what_is_wrong_where_nobody_is_stays(
    config: RendererConfig, rasters: list[np.ndarray], shift: np.ndarray
) -> None:
    right = made(config, mask=-5.0)
    wrong = shifted(right, shift)
    before = wrong.SerializeToString()
    correct_bias(wrong, right, rasters)
    assert wrong.SerializeToString() == before


def test_a_network_without_a_bias_is_refused(rasters: list[np.ndarray]) -> None:
    right = made(LIVE, mask=5.0)
    bare = onnx.ModelProto()
    bare.CopyFrom(right)
    for node in bare.graph.node:
        if "head.bias" in node.input:
            node.input.remove("head.bias")
    with pytest.raises(ValueError, match="has a bias"):
        correct_bias(bare, right, rasters)
