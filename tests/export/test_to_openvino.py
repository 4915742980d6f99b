from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest
import torch

from dinar.export.bias_correction import correct_bias
from dinar.export.network_file import read_metadata
from dinar.export.parity import Parity
from dinar.export.to_onnx import to_onnx
from dinar.export.to_openvino import OpenVinoFiles, compare, quantize, to_openvino
from dinar.trainer.models.renderer import LIVE, NeuralRenderer


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINAR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def network() -> NeuralRenderer:
    """Untrained, but for its mask: it draws somebody everywhere."""
    torch.manual_seed(0)
    network = NeuralRenderer(LIVE).eval()
    with torch.no_grad():
        network.head.bias[-(LIVE.block**2) :] = 3.0
    return network


@pytest.fixture(scope="module")
def rasters() -> list[np.ndarray]:
    """Blobs on an empty ground, smooth as a texture is."""
    random = np.random.default_rng(0)
    rasters = np.zeros((6, 64, 96, 22), np.uint8)
    coarse = random.integers(0, 256, (6, 6, 8, 22))
    rasters[:, 8:56, 16:80] = coarse.repeat(8, axis=1).repeat(8, axis=2)
    return list(rasters)


@pytest.fixture(scope="module")
def float32(network: NeuralRenderer) -> bytes:
    return to_onnx(network)


@pytest.fixture(scope="module")
def int8(float32: bytes, rasters: list[np.ndarray]) -> bytes:
    return quantize(float32, rasters)


def run(files: OpenVinoFiles, folder: Path, raster: np.ndarray) -> np.ndarray:
    (folder / "renderer.xml").write_bytes(files.xml)
    (folder / "renderer.bin").write_bytes(files.weights)
    properties = {"INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(folder / "renderer.xml", "CPU", properties)
    return model([raster])[0]


def test_openvino_draws_what_torch_draws(network: NeuralRenderer, float32: bytes, tmp_path: Path) -> None:
    raster = torch.rand(1, 22, 64, 96)
    with torch.no_grad():
        expected = network(raster).numpy()
    whole = to_openvino(float32, "fp32")
    half = to_openvino(float32, "fp16")
    assert np.abs(run(whole, tmp_path, raster.numpy()) - expected).max() < 1e-4
    assert np.abs(run(half, tmp_path, raster.numpy()) - expected).max() < 1e-2
    assert len(half.weights) == pytest.approx(len(whole.weights) / 2, rel=0.01)


def test_every_convolution_is_int8_with_a_scale_for_each_channel(int8: bytes) -> None:
    model = onnx.load_from_string(int8)
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    by_output = {output: node for node in model.graph.node for output in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert convolutions
    for node in convolutions:
        pixels, weights = (by_output[name] for name in node.input[:2])
        assert (pixels.op_type, weights.op_type) == ("DequantizeLinear", "DequantizeLinear")
        quantized, scale, zero = (arrays[name] for name in weights.input)
        assert quantized.dtype == np.int8
        assert scale.shape == (len(quantized),)
        assert not zero.any()


def test_int8_is_near_float32_and_a_third_of_its_size(
    int8: bytes, float32: bytes, rasters: list[np.ndarray]
) -> None:
    assert compare(int8, float32, rasters).psnr > 40
    assert compare(float32, float32, rasters) == Parity(0.0, float("inf"), len(rasters))
    assert len(int8) < len(float32) / 3


def test_int8_is_right_in_the_mean(int8: bytes, float32: bytes, rasters: list[np.ndarray]) -> None:
    model = onnx.load_from_string(int8)
    (bias,) = (tensor for tensor in model.graph.initializer if tensor.name == "head.bias")
    left = onnx.numpy_helper.to_array(bias).copy()
    correct_bias(model, onnx.load_from_string(float32), rasters)
    np.testing.assert_allclose(onnx.numpy_helper.to_array(bias), left, atol=1e-5)


def test_int8_says_what_it_was_made_from(int8: bytes, float32: bytes) -> None:
    ours, theirs = (read_metadata(onnx.load_from_string(file)) for file in (int8, float32))
    assert ours == theirs | {"precision": "int8"}


@pytest.mark.parametrize(
    ("rasters", "message"),
    [
        ([], "one raster or more"),
        ([np.zeros((32, 32, 22), np.float32)], "uint8"),
        ([np.zeros((32, 32, 4), np.uint8)], "22"),
    ],
)
def test_what_cannot_calibrate_is_refused(float32: bytes, rasters: list[np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quantize(float32, rasters)


def test_logits_are_summed_as_they_are(int8: bytes) -> None:
    graph = onnx.load_from_string(int8).graph
    makers = {output: node for node in graph.node for output in node.output}
    (last,) = (node for node in graph.node if node.op_type == "DepthToSpace")
    summed = makers[last.input[0]]
    assert summed.op_type == "Add"
    assert [makers[term].op_type for term in summed.input] == ["Conv", "Conv"]
