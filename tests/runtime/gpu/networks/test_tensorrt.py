"""TensorRT as it is used: what is built, kept, loaded and refused. `test_tensorrt_build` takes a real one."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from dinar.export.to_onnx import to_onnx
from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.engines import list_engines
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.errors import GpuError
from dinar.runtime.gpu.half_onnx import fix_size, to_half
from dinar.runtime.gpu.networks.tensorrt import TensorRtOpener, tensorrt_products
from dinar.runtime.gpu.networks.tensorrt_build import WORKSPACE_BYTES, build_engine
from dinar.trainer.models.renderer import NeuralRenderer, RendererConfig

from .fake_tensorrt import FakeTensorRt, HardwareCompatibilityLevel, HostGpu

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
SIZE = (2, 64, 96)
Open = Callable[..., TensorRtOpener]


@pytest.fixture(scope="module")
def renderer() -> NeuralRenderer:
    torch.manual_seed(0)
    network = NeuralRenderer(TINY).eval()
    with torch.no_grad():
        network.head.weight *= 20  # uses all of [0, 1]
    return network


@pytest.fixture(scope="module")
def network(renderer: NeuralRenderer) -> RendererNetwork:
    return RendererNetwork("tiny", "fp32", to_onnx(renderer))


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRt:
    module = FakeTensorRt()
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    return module


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DINAR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "engines"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def gpu() -> HostGpu:
    return HostGpu()


@pytest.fixture
def opener(gpu: HostGpu, network: RendererNetwork, told: list[str]) -> Open:
    """Makes an opener, as a new process would."""

    def make(on: HostGpu = gpu, **options: bool) -> TensorRtOpener:
        return TensorRtOpener(cast(Any, on), network, told.append, **options)

    return make


def test_the_network_draws_where_its_addresses_point(
    opener: Open, gpu: HostGpu, renderer: NeuralRenderer
) -> None:
    views, height, width = SIZE
    raster = torch.rand(views, 22, height, width)
    network = opener().open(*SIZE)
    pixels, logits = (array.values for array in gpu.arrays)
    assert (network.input_address, network.logits_address) == tuple(array.address for array in gpu.arrays)
    assert (network.block, network.stride, network.capture) == (2, 16, None)
    assert (pixels.dtype, pixels.shape) == (np.float16, (views, height, width, 24))
    assert (logits.dtype, logits.shape) == (np.float16, (views, height // 2, width // 2, 16))
    pixels[..., :22] = raster.permute(0, 2, 3, 1).numpy()
    network.enqueue(7)
    with torch.no_grad():
        expected = renderer(raster)
    drawn = torch.pixel_shuffle(torch.from_numpy(logits).permute(0, 3, 1, 2).float(), 2).sigmoid()
    assert (drawn - expected).abs().max() < 2e-2
    network.close()
    network.close()
    assert gpu.arrays == []


def test_an_engine_is_built_once_and_kept(opener: Open, module: FakeTensorRt, told: list[str]) -> None:
    opener().open(*SIZE).close()
    assert told == [
        "building a TensorRT engine of tiny in fp16 for NVIDIA H200 sm_90, 2 x 64 x 96 (first run only)",
        *(
            f"building a TensorRT engine of tiny in fp16 for NVIDIA H200 sm_90, 2 x 64 x 96: {part} %"
            for part in (25, 50, 75)
        ),
    ]
    told.clear()
    opener().open(*SIZE).close()
    assert (len(module.built), len(module.deserialized), told) == (1, 2, [])


def test_what_an_engine_is_for_is_a_part_of_its_key(opener: Open, module: FakeTensorRt, folder: Path) -> None:
    opener().open(*SIZE).close()
    opener().open(1, 64, 96).close()
    opener(HostGpu("NVIDIA H100")).open(*SIZE).close()
    module.__version__ = "11.5.0.1"
    opener().open(*SIZE).close()
    assert len(module.built) == 4
    held = {words for words, _ in list_engines(folder) if not words.startswith("tensorrt-timings")}
    assert len(held) == 4
    assert any(
        words.startswith(
            "tensorrt 11.4.0.106 for NVIDIA H200 sm_90: views 2, height 64, width 96, precision fp16"
        )
        for words in held
    )


def test_only_what_was_built_here_is_ever_loaded(opener: Open, module: FakeTensorRt, folder: Path) -> None:
    opener().open(*SIZE).close()
    for file in folder.glob("*.native"):
        file.write_bytes(
            file.read_bytes().replace(b"engine ", b"evil!! ")
        )  # would fail in the fake's runtime
    opener().open(*SIZE).close()
    assert len(module.built) == 2


def test_an_engine_that_does_not_load_is_built_again(opener: Open, module: FakeTensorRt) -> None:
    opener().open(*SIZE).close()
    module.loads = "once not"
    opener().open(*SIZE).close()
    assert len(module.built) == 2


def test_an_engine_with_channels_first_is_not_run(opener: Open, module: FakeTensorRt) -> None:
    module.loads = "otherwise"
    with pytest.raises(DinarError, match="does not run on the GPU NVIDIA H200"):
        opener().open(*SIZE)
    assert len(module.built) == 2


def test_an_engine_that_never_loads_is_one_sentence(opener: Open, module: FakeTensorRt) -> None:
    module.loads = "not"
    with pytest.raises(DinarError, match=r"NVIDIA H200 \(made by another driver\): use another --engine"):
        opener().open(*SIZE)


def test_a_build_that_fails_is_one_sentence(opener: Open, module: FakeTensorRt) -> None:
    module.builds = False
    with pytest.raises(DinarError, match=r"cannot build .* for NVIDIA H200 sm_90 \(no kernel fits\)"):
        opener().open(*SIZE)


def test_a_network_that_cannot_be_read_is_one_sentence(opener: Open, module: FakeTensorRt) -> None:
    module.parses = False
    with pytest.raises(DinarError, match=r"cannot read .* \(node 3, Conv: no such thing\): export it again"):
        opener().open(*SIZE)


def test_what_the_listener_raises_ends_the_build(
    gpu: HostGpu, network: RendererNetwork, module: FakeTensorRt
) -> None:
    def tell(sentence: str) -> None:
        if "25 %" in sentence:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TensorRtOpener(cast(Any, gpu), network, tell).open(*SIZE)
    assert module.built == []


def test_kernels_are_timed_once(opener: Open, module: FakeTensorRt) -> None:
    opener().open(*SIZE).close()
    opener().open(1, 64, 96).close()
    opener().open(1, 64, 64).close()
    assert module.timings == [b"", b"+", b"++"]


@pytest.mark.parametrize("timings", [b"damaged", b"of another driver"])
def test_timings_that_do_not_fit_are_found_anew(
    network: RendererNetwork, module: FakeTensorRt, gpu: HostGpu, timings: bytes
) -> None:
    product = tensorrt_products(cast(Any, module), gpu.info, compatible=False)[0]
    onnx = fix_size(to_half(network.onnx), *SIZE)
    assert build_engine(product, onnx, timings=timings, progress=lambda _: None).timings == b"+"
    assert module.timings == [b""]


def test_a_build_keeps_to_one_stream_and_some_memory(opener: Open, module: FakeTensorRt) -> None:
    opener().open(*SIZE).close()
    (config,) = module.configs
    assert (config.max_aux_streams, config.limit) == (0, (0, WORKSPACE_BYTES))


def test_a_compatible_engine_serves_other_gpus(opener: Open, module: FakeTensorRt) -> None:
    opener(compatible=True).open(*SIZE).close()
    assert module.configs[0].hardware_compatibility_level == HardwareCompatibilityLevel.AMPERE_PLUS
    opener(HostGpu("NVIDIA GeForce RTX 3060", (8, 6))).open(*SIZE).close()
    assert len(module.built) == 1
    opener(HostGpu("NVIDIA GeForce RTX 2060", (7, 5))).open(*SIZE).close()
    assert len(module.built) == 2
    assert module.configs[1].hardware_compatibility_level == HardwareCompatibilityLevel.NONE


def test_an_old_gpu_has_no_compatible_engines(opener: Open) -> None:
    with pytest.raises(DinarError, match="from Ampere on, and NVIDIA GeForce RTX 2060 is older"):
        opener(HostGpu("NVIDIA GeForce RTX 2060", (7, 5)), compatible=True)


def test_an_engine_that_refuses_to_run_is_one_sentence(opener: Open) -> None:
    network = opener().open(*SIZE)
    with pytest.raises(GpuError, match="does not run on the GPU NVIDIA H200"):
        network.enqueue(-1)


def test_without_tensorrt_one_sentence_says_what_to_install(
    opener: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(DinarError, match="pip install tensorrt-cu13"):
        opener()


def test_an_old_tensorrt_is_one_sentence(opener: Open, module: FakeTensorRt) -> None:
    module.__version__ = "10.16.1.11"
    with pytest.raises(DinarError, match=r"TensorRT 10\.16\.1\.11 is too old"):
        opener()


def test_a_network_that_is_no_renderer_is_refused(gpu: HostGpu, told: list[str]) -> None:
    with pytest.raises(DinarError, match="export it again"):
        TensorRtOpener(cast(Any, gpu), RendererNetwork("live", "fp32", b"no network"), told.append)
