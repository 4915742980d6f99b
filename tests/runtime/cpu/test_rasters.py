"""The rasters that networks are trained and compared on are what the live renderer puts into a network."""

import numpy as np
import onnx
import pytest

from dinar.runtime.avatar import Avatar, RendererNetwork, default_avatar_path, open_avatar
from dinar.runtime.body import Pose
from dinar.runtime.camera import framing
from dinar.runtime.cpu.network import CpuNetwork
from dinar.runtime.cpu.neural import CpuNeuralRenderer
from dinar.runtime.cpu.rasters import RasterSource
from dinar.runtime.motion import load_motion
from dinar.runtime.network_input import CHANNELS


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return open_avatar(default_avatar_path())


def tiny_network() -> RendererNetwork:
    """Mixes the channels of each pixel, and no more."""
    weights = np.random.default_rng(0).normal(0, 1, (4, CHANNELS, 1, 1)).astype(np.float32)
    nodes = [
        onnx.helper.make_node("Conv", ["raster", "weights"], ["mixed"]),
        onnx.helper.make_node("Sigmoid", ["mixed"], ["rgba"]),
    ]
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (1, channels, "height", "width"))
        for name, channels in (("raster", CHANNELS), ("rgba", 4))
    ]
    graph = onnx.helper.make_graph(
        nodes, "tiny", values[:1], values[1:], [onnx.numpy_helper.from_array(weights, "weights")]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)])
    return RendererNetwork("tiny", "fp32", model.SerializeToString())


def test_a_network_makes_of_a_raster_what_the_live_renderer_draws(
    avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DINAR_CACHE", "")
    network = tiny_network()
    source = RasterSource(avatar, 128, 96)
    pose: Pose = load_motion("dance", avatar.body).sample(1.0)
    vertices = source.vertices(pose)
    camera = framing(vertices.min(0), vertices.max(0), width=96, height=128)
    with CpuNetwork(network.onnx, 128, 96) as whole:
        whole.inputs[0] = source.draw(pose, camera)
        expected = whole.run()[0].copy()
    with CpuNeuralRenderer(avatar, network) as renderer:
        drawn = renderer.render(pose, [camera]).numpy()[0]
        (crop,) = renderer.crops
    assert crop is not None
    assert (crop.width, crop.height) == (96, 128)
    opaque = expected[..., 3] > 0
    np.testing.assert_array_equal(drawn[opaque], expected[opaque])
