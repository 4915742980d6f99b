"""The renderer network in torch: it draws what the avatar's own does, and nothing unknown passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from dinar.export.to_onnx import to_onnx
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.half_onnx import INPUT_CHANNELS, HalfNetwork, to_half
from dinar.runtime.gpu.networks.onnx_module import to_module
from dinar.runtime.network_input import CHANNELS
from dinar.trainer.models.renderer import LIVE, PAPER, NeuralRenderer, RendererConfig

# Without batch norm nothing is folded into the weights, which half precision then holds exactly.
CONFIGS = {
    "live": replace(LIVE, batch_norm=False),
    "paper": replace(PAPER, widths=(8, 12, 16, 24), batch_norm=False),  # its shape, with fewer channels
}
VIEWS, HEIGHT, WIDTH = 2, 64, 96


def renderer(config: RendererConfig) -> NeuralRenderer:
    torch.manual_seed(0)
    network = NeuralRenderer(config).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.copy_(parameter.half())
    network.head.weight.mul_(16)
    return network


@pytest.fixture(scope="module", params=list(CONFIGS))
def network(request: pytest.FixtureRequest) -> NeuralRenderer:
    return renderer(CONFIGS[request.param])


@pytest.fixture(scope="module")
def half(network: NeuralRenderer) -> HalfNetwork:
    return to_half(to_onnx(network))


@pytest.fixture(scope="module")
def raster() -> torch.Tensor:
    return torch.rand(VIEWS, CHANNELS, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))


def drawn(half: HalfNetwork, raster: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Pictures float32 [VIEWS, 4, HEIGHT, WIDTH], from memory laid out as it is on the GPU."""
    module = to_module(half).to(dtype=dtype, memory_format=torch.channels_last)
    pixels = torch.zeros((VIEWS, HEIGHT, WIDTH, INPUT_CHANNELS), dtype=dtype)
    pixels[..., :CHANNELS] = raster.permute(0, 2, 3, 1)
    pixels[..., CHANNELS:] = 7.0  # what lies there must not count
    cells = (VIEWS, HEIGHT // half.block, WIDTH // half.block, half.channels)
    logits = torch.full(cells, torch.nan, dtype=dtype)
    assert module(pixels.permute(0, 3, 1, 2), logits.permute(0, 3, 1, 2)) is None
    real = logits[..., : 4 * half.block**2].permute(0, 3, 1, 2).float()
    return torch.sigmoid(torch.pixel_shuffle(real, half.block))


def test_it_draws_what_the_network_draws(
    network: NeuralRenderer, half: HalfNetwork, raster: torch.Tensor
) -> None:
    expected = network(raster)
    assert expected.std() > 0.05, "a picture with something in it"
    assert (drawn(half, raster, torch.float32) - expected).abs().max() < 1e-4


def test_in_half_precision_it_draws_nearly_the_same(
    network: NeuralRenderer, half: HalfNetwork, raster: torch.Tensor
) -> None:
    error = drawn(half, raster, torch.float16) - network(raster)
    assert -10 * torch.log10((error**2).mean()) > 45, "dB"


def test_its_weights_are_in_half_precision_and_do_not_learn(half: HalfNetwork) -> None:
    parameters = list(to_module(half).parameters())
    assert {parameter.dtype for parameter in parameters} == {torch.float16}
    assert not any(parameter.requires_grad for parameter in parameters)


def test_an_int8_network_is_refused(half: HalfNetwork) -> None:
    with pytest.raises(DinarError, match="this one is int8, which TensorRT runs"):
        to_module(replace(half, precision="int8"))


def changed(half: HalfNetwork, operator: str, **attributes: object) -> HalfNetwork:
    """A network whose first node of a kind has other attributes."""
    model = onnx.load_from_string(half.onnx)
    node = next(node for node in model.graph.node if node.op_type == operator)
    kept = [attribute for attribute in node.attribute if attribute.name not in attributes]
    del node.attribute[:]
    node.attribute.extend([*kept, *(onnx.helper.make_attribute(k, v) for k, v in attributes.items())])
    return replace(half, onnx=model.SerializeToString())


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        ("Conv", {"dilations": [2, 2]}),
        ("Conv", {"group": 2}),
        ("Conv", {"pads": [0, 0, 1, 1]}),
        ("Conv", {"auto_pad": "SAME_UPPER"}),
        ("Resize", {"mode": "linear"}),
        ("Resize", {"nearest_mode": "ceil"}),
        ("Resize", {"coordinate_transformation_mode": "half_pixel"}),
    ],
)
def test_operators_that_mean_something_else_are_refused(
    half: HalfNetwork, operator: str, attributes: dict[str, object]
) -> None:
    with pytest.raises(DinarError, match=f"it holds {operator}"):
        to_module(changed(half, operator, **attributes))


def test_upsampling_by_another_factor_is_refused(half: HalfNetwork) -> None:
    model = onnx.load_from_string(half.onnx)
    factors = next(node for node in model.graph.node if node.op_type == "Resize").input[2]
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == factors)
    tensor.CopyFrom(numpy_helper.from_array(np.array([1, 1, 4, 4], np.float32), factors))
    with pytest.raises(DinarError, match="it holds Resize"):
        to_module(replace(half, onnx=model.SerializeToString()))


def test_an_unknown_operator_is_refused(half: HalfNetwork) -> None:
    model = onnx.load_from_string(half.onnx)
    next(node for node in model.graph.node if node.op_type == "Relu").op_type = "Tanh"
    with pytest.raises(DinarError, match="it holds Tanh"):
        to_module(replace(half, onnx=model.SerializeToString()))


def test_names_in_the_file_never_become_code(half: HalfNetwork) -> None:
    model = onnx.load_from_string(half.onnx)
    for node in model.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name.startswith("relu"):
                    names[index] = f"x; import os #{name}"
    assert "import os" not in to_module(replace(half, onnx=model.SerializeToString())).code
