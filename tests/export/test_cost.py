"""What a network takes, counted from its ONNX, is what torch counts, and what can be counted by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest

from dinar.export.to_onnx import to_onnx
from dinar.export.to_openvino import quantize
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.cost import count_cost
from dinar.trainer.models.renderer import PAPER, NeuralRenderer, count_flops, count_parameters


def by_hand(*nodes: onnx.NodeProto, output: str, **weights: tuple[int, ...]) -> bytes:
    """A network of a few nodes; `raster` goes in."""
    make = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "by hand",
        [make("raster", onnx.TensorProto.FLOAT, (1, 22, "height", "width"))],
        [make(output, onnx.TensorProto.FLOAT, (1, None, "height", "width"))],
        [onnx.numpy_helper.from_array(np.zeros(s, np.float32), name) for name, s in weights.items()],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)]).SerializeToString()


def check(network: NeuralRenderer, onnx_file: bytes) -> None:
    for height, width in ((64, 96), (160, 32)):
        cost = count_cost(onnx_file, 1, height, width)
        assert cost.parameters == count_parameters(network.config)
        assert cost.flops == count_flops(network.config, height, width)


def test_parameters_and_operations_are_those_that_torch_counts(small: Any) -> None:
    check(*small)
    paper = NeuralRenderer(replace(PAPER, widths=(8, 12, 16), middle_blocks=1, batch_norm=False)).eval()
    check(paper, to_onnx(paper))


def test_every_view_takes_as_much_but_weights_are_read_once(small: Any) -> None:
    one, two = (count_cost(small.onnx, views, 64, 64) for views in (1, 2))
    assert (two.flops, two.activations) == (2 * one.flops, 2 * one.activations)
    assert two.parameters == one.parameters


def test_bytes_are_those_of_weights_and_of_what_convolutions_and_shuffle_read_and_write() -> None:
    node = onnx.helper.make_node
    network = by_hand(
        node("Conv", ["raster", "w", "b"], ["x"], strides=[4, 4]),
        node("Relu", ["x"], ["y"]),
        node("Conv", ["y", "v"], ["logits"]),
        node("DepthToSpace", ["logits"], ["z"], blocksize=4, mode="CRD"),
        node("Sigmoid", ["z"], ["rgba"]),
        output="rgba",
        w=(8, 22, 4, 4),
        b=(8,),
        v=(64, 8, 1, 1),
    )
    cost = count_cost(network, 1, 32, 64)
    cells = 8 * 16
    raster, features, logits = 22 * 32 * 64, 8 * cells, 64 * cells
    assert cost.parameters == 22 * 16 * 8 + 8 + 8 * 64
    assert cost.flops == 2 * cells * (22 * 16 * 8 + 8 * 64)
    numbers = cost.parameters + (raster + features) + (features + logits) + 2 * logits
    assert cost.moved_bytes("fp32") == 4 * numbers
    assert cost.moved_bytes("fp16") == 2 * numbers
    assert cost.moved_bytes("int8") == numbers


def test_an_addition_reads_one_operand_more_and_a_concatenation_nothing() -> None:
    node = onnx.helper.make_node
    network = by_hand(
        node("Conv", ["raster", "w"], ["x"]),
        node("Add", ["raster", "x"], ["y"]),
        node("Concat", ["x", "y"], ["z"], axis=1),
        output="z",
        w=(22, 22, 1, 1),
    )
    assert count_cost(network, 1, 32, 32).activations == 3 * 22 * 32 * 32


def test_an_int8_network_takes_as_many_operations_as_the_one_it_was_made_from(small: Any) -> None:
    int8 = quantize(small.onnx, list(np.zeros((2, 32, 32, 22), np.uint8)))
    assert count_cost(int8, 2, 64, 96) == count_cost(small.onnx, 2, 64, 96)


@pytest.mark.parametrize("data", [b"", b"no protobuf"])
def test_what_is_no_network_is_one_sentence(data: bytes) -> None:
    with pytest.raises(DinarError, match="expected an ONNX renderer"):
        count_cost(data, 1, 32, 32)
