import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from dinar.export.to_onnx import to_onnx
from dinar.runtime.cpu.network import CpuNetwork, NetworkError
from dinar.runtime.network_input import CHANNELS
from dinar.trainer.models.renderer import NeuralRenderer, RendererConfig

TINY = RendererConfig(
    name="tiny",
    block=2,
    widths=(8, 12),
    stem_kernel=1,
    encoder_convs=0,
    middle_blocks=1,
    decoder_blocks=1,
    skip="add",
    batch_norm=False,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DINAR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "networks"


@pytest.fixture(scope="module")
def renderer() -> NeuralRenderer:
    torch.manual_seed(0)
    network = NeuralRenderer(TINY).eval()
    with torch.no_grad():
        network.head.weight *= 20  # uses all of [0, 1]
    return network


@pytest.fixture(scope="module")
def file(renderer: NeuralRenderer) -> bytes:
    return to_onnx(renderer)


def bytes_drawn_by_torch(renderer: NeuralRenderer, inputs: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        raster = torch.from_numpy(inputs.copy()).permute(0, 3, 1, 2).float() / 255
        return (255 * renderer(raster)).round().permute(0, 2, 3, 1).numpy()


def test_bytes_in_and_bytes_out_are_what_the_network_draws(renderer: NeuralRenderer, file: bytes) -> None:
    random = np.random.default_rng(0)
    with CpuNetwork(file, 64, 96) as network:
        assert network.inputs.shape == (1, 64, 96, CHANNELS)
        for _ in range(2):  # the second time, `inputs` is still the network's own memory
            network.inputs[...] = random.integers(0, 256, network.inputs.shape)
            rgba = network.run()
            assert (rgba.dtype, rgba.shape) == (np.uint8, (1, 64, 96, 4))
            expected = bytes_drawn_by_torch(renderer, network.inputs)
            assert expected.std() > 10
            assert np.abs(rgba - expected).max() <= 1  # float sums in another order round differently
            assert np.mean(rgba != expected) < 1e-3


def test_one_file_serves_pictures_of_different_sizes_at_once(renderer: NeuralRenderer, file: bytes) -> None:
    with CpuNetwork(file, 32, 64) as wide, CpuNetwork(file, 96, 32, threads=1) as high:
        for network in (wide, high):
            network.inputs[...] = 200
        for network in (wide, high):
            expected = bytes_drawn_by_torch(renderer, network.inputs)
            assert np.abs(network.run() - expected).max() <= 1


def test_a_compiled_network_is_kept_where_the_variable_says(file: bytes, cache: Path) -> None:
    CpuNetwork(file, 32, 32).close()
    kept = list(cache.iterdir())
    assert kept
    CpuNetwork(file, 32, 32).close()
    assert list(cache.iterdir()) == kept


def test_nothing_is_kept_when_the_variable_is_empty(
    file: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DINAR_CACHE", "")
    CpuNetwork(file, 32, 32).close()
    assert not cache.exists()


def test_the_oldest_networks_make_room_for_new_ones(
    file: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir(parents=True)
    for age, name in enumerate(("newer", "older", "oldest")):
        (cache / f"{name}.blob").write_bytes(bytes(400))
        os.utime(cache / f"{name}.blob", (1e9 - age, 1e9 - age))
    (cache / "something_else").write_bytes(bytes(4000))
    monkeypatch.setattr("dinar.runtime.cpu.network.MAX_CACHE_BYTES", 1000)
    CpuNetwork(file, 32, 32).close()
    found = {path.name for path in cache.iterdir()}
    assert {"newer.blob", "older.blob", "something_else"} < found  # and the network just compiled
    assert "oldest.blob" not in found


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x07" * 100])
def test_bytes_that_are_no_network_are_refused(content: bytes) -> None:
    with pytest.raises(NetworkError, match="cannot be read; expected an ONNX renderer"):
        CpuNetwork(content, 32, 32)


def convolution(inputs: int, outputs: int, stride: int) -> bytes:
    """A network of one convolution."""
    helper = onnx.helper
    weights = onnx.numpy_helper.from_array(np.ones((outputs, inputs, 1, 1), np.float32), "w")
    node = helper.make_node("Conv", ["raster", "w"], ["rgba"], strides=[stride, stride])
    values = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, channels, None, None])
        for name, channels in (("raster", inputs), ("rgba", outputs))
    ]
    graph = helper.make_graph([node], "other", values[:1], values[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (convolution(21, 4, 1), "22 channels"),
        (convolution(22, 3, 1), r"\[1, 3, 32, 64\]"),
        (convolution(22, 4, 2), r"\[1, 4, 16, 32\]"),
    ],
    ids=["channels in", "channels out", "size"],
)
def test_a_network_that_is_no_renderer_is_refused(other: bytes, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        CpuNetwork(other, 32, 64)


@pytest.mark.parametrize(("height", "width"), [(33, 32), (32, 16), (0, 32), (-32, 32)])
def test_sides_are_multiples_of_32(file: bytes, height: int, width: int) -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        CpuNetwork(file, height, width)


def test_a_network_needs_a_thread(file: bytes) -> None:
    with pytest.raises(ValueError, match="one thread or more"):
        CpuNetwork(file, 32, 32, threads=0)


def test_a_closed_network_does_not_run(file: bytes) -> None:
    network = CpuNetwork(file, 32, 32)
    network.close()
    network.close()
    with pytest.raises(ValueError, match="closed"):
        network.run()


def test_without_openvino_one_sentence_says_what_to_install(
    file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(NetworkError, match=r"pip install 'dinar\[live\]'"):
        CpuNetwork(file, 32, 32)


def test_opening_a_network_tells_nobody_on_the_internet(file: bytes, tmp_path: Path) -> None:
    (tmp_path / "renderer.onnx").write_bytes(file)
    code = f"""
import sys
calls = []
def watch(event, arguments):
    if event.startswith(("socket.", "subprocess.")):
        calls.append(event)
sys.addaudithook(watch)
from dinar.runtime.cpu.network import CpuNetwork
CpuNetwork(open({str(tmp_path / "renderer.onnx")!r}, "rb").read(), 32, 32).run()
assert "openvino" in sys.modules
assert "openvino_telemetry" not in sys.modules
assert calls == [], calls
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
