"""The network that GPUs run: it draws what the avatar's draws, and nothing that is none passes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper

from dinar.export.network_file import read_metadata, write_metadata
from dinar.export.parity import compare_pictures, draw
from dinar.export.to_onnx import to_onnx
from dinar.export.to_openvino import quantize
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.half_onnx import HalfNetwork, fix_size, to_half
from dinar.runtime.network_input import RASTER_CHANNELS
from dinar.trainer.models.renderer import LIVE, PAPER, NeuralRenderer, RendererConfig

FLOAT, FLOAT16 = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
CONFIGS = {
    "live": LIVE,
    "paper": replace(PAPER, widths=(8, 12, 16, 24)),  # its shape, with fewer channels
}
SIZE = (64, 96)


@cache
def trained(config: RendererConfig) -> NeuralRenderer:
    """A network whose batch norms have seen something and whose pictures use all of [0, 1]."""
    torch.manual_seed(0)
    network = NeuralRenderer(config).train()
    for _ in range(3):
        network(torch.rand(2, 22, 2 * config.multiple, 2 * config.multiple))
    with torch.no_grad():
        network.head.weight *= 20
    return network.eval()


@cache
def exported(config: RendererConfig) -> bytes:
    """The trained network as ONNX: writing one takes seconds."""
    return to_onnx(trained(config))


@pytest.fixture(scope="module", params=list(CONFIGS))
def network(request: pytest.FixtureRequest) -> NeuralRenderer:
    return trained(CONFIGS[request.param])


@pytest.fixture(scope="module")
def float32(network: NeuralRenderer) -> bytes:
    return exported(network.config)


@pytest.fixture(scope="module")
def half(float32: bytes) -> HalfNetwork:
    return to_half(float32)


@pytest.fixture(scope="module")
def live() -> bytes:
    return exported(LIVE)


@pytest.fixture(scope="module")
def rasters() -> list[np.ndarray]:
    """Blobs on an empty ground, smooth as a texture is."""
    coarse = np.random.default_rng(0).integers(0, 256, (4, 6, 8, 22))
    rasters = np.zeros((4, *SIZE, 22), np.uint8)
    rasters[:, 8:56, 16:80] = coarse.repeat(8, axis=1).repeat(8, axis=2)
    return list(rasters)


def logits_of(file: bytes, raster: np.ndarray) -> np.ndarray:
    """Run a network as it is written: ONNX Runtime's own changes spoil int8 between float16."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"raster": raster})[0]


def rgba_of(logits: np.ndarray, block: int) -> np.ndarray:
    """The picture of logits [N, C, h, w], as torch.nn.PixelShuffle and a sigmoid make it."""
    shuffled = torch.pixel_shuffle(torch.from_numpy(logits[:, : 4 * block**2]).float(), block)
    return torch.sigmoid(shuffled).numpy()


def padded(rasters: list[np.ndarray], filling: float = 0.0) -> np.ndarray:
    """uint8 [H, W, 22] each to float16 [N, 24, H, W]; `filling` in the channels that do not count."""
    pixels = np.full((len(rasters), 24, *SIZE), filling, np.float16)
    pixels[:, :22] = np.stack(rasters).transpose(0, 3, 1, 2) / np.float32(255)
    return pixels


def draw_half(half: HalfNetwork, rasters: list[np.ndarray], filling: float = 0.0) -> np.ndarray:
    file = fix_size(half, len(rasters), *SIZE)
    return rgba_of(logits_of(file, padded(rasters, filling)), half.block)


def draw_torch(network: NeuralRenderer, rasters: list[np.ndarray]) -> np.ndarray:
    with torch.no_grad():
        return network(torch.from_numpy(padded(rasters)[:, :22].astype(np.float32))).numpy()


def test_half_precision_draws_what_torch_draws(
    network: NeuralRenderer, half: HalfNetwork, rasters: list[np.ndarray]
) -> None:
    expected = draw_torch(network, rasters)
    assert expected.std() > 0.1
    parity = compare_pictures(draw_half(half, rasters), expected)
    assert parity.max_error < 2e-2
    assert parity.psnr > 45


def test_the_channels_that_fill_up_count_for_nothing(half: HalfNetwork, rasters: list[np.ndarray]) -> None:
    plain, filled = draw_half(half, rasters[:1]), draw_half(half, rasters[:1], filling=1000.0)
    np.testing.assert_array_equal(plain, filled)


def test_channels_are_in_eights_and_numbers_half_as_long(
    network: NeuralRenderer, half: HalfNetwork, float32: bytes
) -> None:
    model = onnx.load_from_string(fix_size(half, 2, *SIZE))
    block = network.config.block
    assert (half.block, half.channels) == (block, {1: 8, 4: 64}[block])
    described = {
        value.name: (
            value.type.tensor_type.elem_type,
            [d.dim_value for d in value.type.tensor_type.shape.dim],
        )
        for value in (*model.graph.input, *model.graph.output)
    }
    assert described == {
        "raster": (FLOAT16, [2, 24, *SIZE]),
        "logits": (FLOAT16, [2, half.channels, SIZE[0] // block, SIZE[1] // block]),
    }
    types = Counter(tensor.data_type for tensor in model.graph.initializer)
    assert types == {FLOAT16: len(model.graph.initializer) - 1, FLOAT: 1}  # the factors of upsampling
    assert len(half.onnx) < 0.6 * len(float32)


def test_nothing_is_left_of_the_picture_and_nothing_comes_in(half: HalfNetwork, float32: bytes) -> None:
    before, after = (
        Counter(node.op_type for node in onnx.load_from_string(file).graph.node)
        for file in (float32, half.onnx)
    )
    assert set(before - after) <= {"Sigmoid", "DepthToSpace"}
    assert after <= before
    assert "Sigmoid" not in after
    (operators,) = onnx.load_from_string(half.onnx).opset_import
    assert (operators.domain, operators.version) == ("", 21)


def test_the_file_says_what_it_is_and_what_it_was(half: HalfNetwork, float32: bytes) -> None:
    ours, theirs = (read_metadata(onnx.load_from_string(file)) for file in (half.onnx, float32))
    assert ours == theirs | {"precision": "fp16", "block": str(half.block)}
    assert ours["channels"].split(",") == list(RASTER_CHANNELS)
    assert half.precision == "fp16"


def test_the_same_network_gives_the_same_bytes(half: HalfNetwork, float32: bytes, live: bytes) -> None:
    assert to_half(float32) == half
    other = onnx.load_from_string(live)
    write_metadata(other, {"note": "another file"})
    assert to_half(other.SerializeToString()).source_sha256 != to_half(live).source_sha256


def test_int8_stays_int8(network: NeuralRenderer, float32: bytes, rasters: list[np.ndarray]) -> None:
    int8 = quantize(float32, rasters)
    half = to_half(int8)
    model = onnx.load_from_string(half.onnx)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    quantizing = [node for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    for node in quantizing:
        scale, zero = (arrays[name] for name in node.input[1:])
        assert (scale.dtype, zero.dtype) == (np.float16, np.int8)  # TensorRT: symmetric, of the pixels' type
        assert (scale > 0).all()
        assert not zero.any()
    before = onnx.load_from_string(int8).graph.node
    assert len(quantizing) == sum(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in before)
    assert (half.precision, half.block) == ("int8", network.config.block)
    assert read_metadata(model)["precision"] == "int8"

    expected = draw_torch(network, rasters)
    given = compare_pictures(draw(onnxruntime, int8, rasters), expected)
    assert compare_pictures(draw_half(half, rasters), expected).psnr > given.psnr - 8  # a bit less, 6 dB


def test_int8_channels_that_are_all_but_0_keep_a_scale_that_float16_holds(
    live: bytes, rasters: list[np.ndarray]
) -> None:
    model = onnx.load_from_string(quantize(live, rasters))
    (scale,) = (t for t in model.graph.initializer if t.name.startswith("scale_head.weight"))
    values = numpy_helper.to_array(scale).copy()
    values[3], values[7] = 1e-9, 3e-5  # to 0 and to few digits in float16
    scale.CopyFrom(numpy_helper.from_array(values, scale.name))
    half = onnx.load_from_string(to_half(model.SerializeToString()).onnx)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in half.graph.initializer}
    before = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    (weights,) = (name for name in arrays if name.startswith("q_output_head.weight"))
    assert arrays[scale.name].min() >= np.finfo(np.float16).smallest_normal
    for channel in (3, 7):
        kept = arrays[weights][channel].astype(np.float32) * np.float32(arrays[scale.name][channel])
        wanted = before[weights][channel] * values[channel]
        assert np.abs(kept - wanted).max() <= 0.5 * arrays[scale.name][channel]


@pytest.mark.parametrize(
    "size", [(0, 64, 64), (1, 48, 64), (1, 64, 0), (1, -32, 64)], ids=["views", "height", "width", "sign"]
)
def test_a_size_that_cannot_be_is_refused(live: bytes, size: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="one view or more and sides that are multiples of 32"):
        fix_size(to_half(live), *size)


def changed(file: bytes, change: Callable[[onnx.GraphProto], None]) -> bytes:
    model = onnx.load_from_string(file)
    change(model.graph)
    return model.SerializeToString()


def with_tanh(graph: onnx.GraphProto) -> None:
    graph.node[1].op_type = "Tanh"


def with_softmax_at_the_end(graph: onnx.GraphProto) -> None:
    graph.node[-1].op_type = "Softmax"


def with_the_other_shuffle(graph: onnx.GraphProto) -> None:
    (mode,) = (attribute for attribute in graph.node[-2].attribute if attribute.name == "mode")
    mode.s = b"DCR"


def with_relu_first(graph: onnx.GraphProto) -> None:
    graph.node[0].input[0] = "bright"
    graph.node.insert(0, helper.make_node("Relu", ["raster"], ["bright"]))


def with_relu_last(graph: onnx.GraphProto) -> None:
    graph.node[-2].input[0] = "bright"
    graph.node.insert(len(graph.node) - 2, helper.make_node("Relu", ["conv2d_13"], ["bright"]))


def with_21_channels(graph: onnx.GraphProto) -> None:
    graph.input[0].type.tensor_type.shape.dim[1].dim_value = 21
    stem = graph.initializer[[tensor.name for tensor in graph.initializer].index("stem.0.weight")]
    stem.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(stem)[:, :21].copy(), stem.name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_tanh, "it holds the operators Tanh"),
        (with_softmax_at_the_end, "it does not end with a sigmoid"),
        (with_the_other_shuffle, "pixel shuffle is not that of torch"),
        (with_relu_first, "its input goes to the operator Relu"),
        (with_relu_last, "no convolution makes its picture"),
        (with_21_channels, "4 channels of one of 22"),
    ],
)
def test_a_network_that_is_no_renderer_is_refused(
    live: bytes, change: Callable[[onnx.GraphProto], None], message: str
) -> None:
    with pytest.raises(DinarError, match=f"{message}.*: export it again"):
        to_half(changed(live, change))


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x07" * 100])
def test_bytes_that_are_no_network_are_refused(content: bytes) -> None:
    with pytest.raises(DinarError, match="no valid ONNX file: export it again"):
        to_half(content)


def test_another_operator_set_is_refused(live: bytes) -> None:
    model = onnx.load_from_string(live)
    model.opset_import[0].version = 20
    with pytest.raises(DinarError, match="in place of 21"):
        to_half(model.SerializeToString())


def test_a_number_that_half_precision_does_not_hold_is_named(live: bytes) -> None:
    def grow(graph: onnx.GraphProto) -> None:
        (bias,) = (tensor for tensor in graph.initializer if tensor.name == "head.bias")
        values = numpy_helper.to_array(bias).copy()
        values[5] = 7e4
        bias.CopyFrom(numpy_helper.from_array(values, bias.name))

    with pytest.raises(DinarError, match=r"half precision: head\.bias has numbers beyond 65504"):
        to_half(changed(live, grow))
