import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from dinar.export.network_file import read_metadata
from dinar.export.to_onnx import to_onnx, weights_hash
from dinar.runtime.network_input import RASTER_CHANNELS
from dinar.trainer.models.renderer import LIVE, PAPER, NeuralRenderer, RendererConfig, count_flops

SMALL_PAPER = replace(PAPER, name="small_paper", widths=(8, 12, 16, 24))

# What every engine does well. GridSample, for one, is not among them.
ALLOWED = {"Conv", "Relu", "Add", "Concat", "Resize", "DepthToSpace", "Sigmoid"}


def trained(config: RendererConfig) -> NeuralRenderer:
    """A network whose batch norms have seen something."""
    torch.manual_seed(0)
    network = NeuralRenderer(config).train()
    for _ in range(3):
        network(torch.rand(2, 22, 2 * config.multiple, 2 * config.multiple))
    return network.eval()


@pytest.fixture(scope="module", params=[LIVE, SMALL_PAPER], ids=lambda config: config.name)
def exported(request: pytest.FixtureRequest) -> tuple[NeuralRenderer, bytes]:
    network = trained(request.param)
    return network, to_onnx(network)


@pytest.mark.parametrize("size", [(64, 96), (160, 32)])
def test_onnx_draws_what_torch_draws_at_every_size(
    exported: tuple[NeuralRenderer, bytes], size: tuple[int, int]
) -> None:
    network, file = exported
    raster = torch.rand(1, 22, *size)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (rgba,) = session.run(["rgba"], {"raster": raster.numpy()})
    with torch.no_grad():
        expected = network(raster).numpy()
    assert rgba.shape == (1, 4, *size)
    assert np.abs(rgba - expected).max() < 1e-4


def test_the_file_holds_all_weights_and_only_plain_operators(exported: tuple[NeuralRenderer, bytes]) -> None:
    network, file = exported
    model = onnx.load_from_string(file)
    assert {node.op_type for node in model.graph.node} <= ALLOWED
    assert all(not tensor.external_data for tensor in model.graph.initializer)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 21)]
    convolutions = sum(isinstance(module, torch.nn.Conv2d) for module in network.modules())
    assert sum(node.op_type == "Conv" for node in model.graph.node) == convolutions


def test_the_file_says_what_it_is(exported: tuple[NeuralRenderer, bytes]) -> None:
    network, file = exported
    said = read_metadata(onnx.load_from_string(file))
    config = json.loads(said["config"])
    assert said["preset"] == network.config.name
    assert RendererConfig(**config | {"widths": tuple(config["widths"])}) == network.config
    assert said["channels"].split(",") == list(RASTER_CHANNELS)
    assert said["precision"] == "fp32"
    assert int(said["flops_512"]) == count_flops(network.config, 512, 512)
    assert said["weights_sha256"] == weights_hash(network)


def test_the_file_says_nothing_about_the_computer_that_wrote_it(
    exported: tuple[NeuralRenderer, bytes],
) -> None:
    assert b".py" not in exported[1]


def test_the_hash_is_of_the_weights() -> None:
    network = trained(SMALL_PAPER)
    assert weights_hash(network) == weights_hash(trained(SMALL_PAPER))
    before = weights_hash(network)
    with torch.no_grad():
        network.head.bias[0] += 1e-3
    assert weights_hash(network) != before


def test_a_network_in_training_stays_in_training() -> None:
    network = trained(replace(SMALL_PAPER, widths=(8, 12), middle_blocks=1)).train()
    to_onnx(network)
    assert network.training
