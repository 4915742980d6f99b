"""The renderer network in torch on a real GPU: it draws what the CPU draws in float32, captured or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from dinar.export.to_onnx import to_onnx  # noqa: E402
from dinar.runtime.avatar import RendererNetwork  # noqa: E402
from dinar.runtime.gpu.device import Gpu, open_gpu  # noqa: E402
from dinar.runtime.gpu.graph import make_replay  # noqa: E402
from dinar.runtime.gpu.half_onnx import INPUT_CHANNELS  # noqa: E402
from dinar.runtime.gpu.networks.torch_network import TorchNetwork, TorchOpener  # noqa: E402
from dinar.runtime.gpu.queue import Queue  # noqa: E402
from dinar.runtime.network_input import CHANNELS  # noqa: E402
from dinar.trainer.models.renderer import LIVE, PAPER, NeuralRenderer  # noqa: E402

VIEWS, HEIGHT, WIDTH = 2, 128, 160


@pytest.fixture(scope="module", params=[LIVE, replace(PAPER, widths=(16, 32, 64, 96))], ids=["live", "paper"])
def renderer(request: pytest.FixtureRequest) -> NeuralRenderer:
    torch.manual_seed(0)
    network = NeuralRenderer(request.param).eval().requires_grad_(False)
    network.head.weight.mul_(16)
    return network


@pytest.fixture
def gpu() -> Iterator[Gpu]:
    with open_gpu(0) as gpu:
        yield gpu


def open_network(gpu: Gpu, renderer: NeuralRenderer, *, compiles: bool) -> TorchNetwork:
    told: list[str] = []
    opener = TorchOpener(gpu, RendererNetwork(renderer.config.name, "fp32", to_onnx(renderer)), told.append)
    opener._compiles = compiles
    network = opener.open(VIEWS, HEIGHT, WIDTH)
    assert told == [], "torch compiles here"
    return network


class Memory:
    """Memory of a network as NumPy's arrays, and back."""

    def __init__(self, address: int, shape: tuple[int, ...]) -> None:
        self.__cuda_array_interface__ = {
            "shape": shape,
            "typestr": "<f2",
            "data": (address, False),
            "strides": None,
            "version": 3,
        }
        self._tensor = torch.as_tensor(self, device="cuda")

    def write(self, values: np.ndarray) -> None:
        self._tensor.copy_(torch.from_numpy(values))
        torch.cuda.synchronize()

    def read(self) -> np.ndarray:
        torch.cuda.synchronize()
        return self._tensor.cpu().numpy()


def memories(network: TorchNetwork) -> tuple[Memory, Memory]:
    cells = (VIEWS, HEIGHT // network.block, WIDTH // network.block, network.stride)
    return Memory(network.input_address, (VIEWS, HEIGHT, WIDTH, INPUT_CHANNELS)), Memory(
        network.logits_address, cells
    )


def random_raster(seed: int) -> np.ndarray:
    raster = np.random.default_rng(seed).random((VIEWS, HEIGHT, WIDTH, INPUT_CHANNELS), np.float32)
    raster[..., CHANNELS:] = 0
    return raster.astype(np.float16)


def to_picture(logits: np.ndarray, block: int) -> torch.Tensor:
    real = torch.from_numpy(logits[..., : 4 * block**2]).float().permute(0, 3, 1, 2)
    return torch.sigmoid(torch.pixel_shuffle(real, block))


@pytest.mark.parametrize("compiles", [True, False], ids=["compiled", "eager"])
def test_it_draws_what_the_cpu_draws_in_float32(gpu: Gpu, renderer: NeuralRenderer, compiles: bool) -> None:
    network, raster = open_network(gpu, renderer, compiles=compiles), random_raster(1)
    pixels, logits = memories(network)
    pixels.write(raster)
    network.enqueue(int(gpu.stream.handle))
    found = to_picture(logits.read(), network.block)
    expected = renderer(torch.from_numpy(raster[..., :CHANNELS]).float().permute(0, 3, 1, 2))
    assert expected.std() > 0.05, "a picture with something in it"
    assert -10 * torch.log10(((found - expected) ** 2).mean()) > 45, "dB"
    network.close()
    network.close()


@pytest.mark.parametrize("compiles", [True, False], ids=["compiled", "eager"])
def test_a_captured_frame_draws_what_its_parts_draw(
    gpu: Gpu, renderer: NeuralRenderer, compiles: bool
) -> None:
    network = open_network(gpu, renderer, compiles=compiles)
    pixels, logits = memories(network)
    host = gpu.pinned((VIEWS, HEIGHT, WIDTH, INPUT_CHANNELS), np.float16)
    ours = gpu.empty(host.shape, np.float16)
    told: list[str] = []

    def record(queue: Queue) -> None:  # work of ours and the network's on one stream
        queue.copy(host, ours)
        network.enqueue(queue.handle)
        queue.clear(ours)

    frames = [make_replay(gpu, record, capture=network.capture, tell=told.append) for _ in range(2)]
    assert all(frame.captured for frame in frames)
    assert told == []
    for k in range(6):
        raster = random_raster(k)
        host.values[...] = raster
        pixels.write(raster)
        network.enqueue(int(gpu.stream.handle))
        expected = logits.read()
        logits.write(np.zeros_like(expected))
        frames[k % 2].launch()
        gpu.stream.sync()
        np.testing.assert_array_equal(logits.read(), expected)
        assert not torch.as_tensor(ours, device="cuda").any(), "our last step came last"
    for frame in frames:
        frame.close()
    network.close()


def test_memory_that_is_not_there_is_told_by_its_cuda_name(gpu: Gpu) -> None:
    torch.manual_seed(0)
    live = RendererNetwork("live", "fp32", to_onnx(NeuralRenderer(LIVE).eval()))
    opener = TorchOpener(gpu, live, print)
    with pytest.raises(RuntimeError, match=r"^CUDA_ERROR_OUT_OF_MEMORY"):
        opener.open(4096, 8192, 8192)
