"""TensorRT for RTX as it is used: for which GPUs engines are built, and that they are finished but once."""

import sys
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from dinar.export.to_onnx import to_onnx
from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.engines import list_engines
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.networks.tensorrt_rtx import TensorRtRtxOpener
from dinar.trainer.models.renderer import NeuralRenderer

from .fake_tensorrt import ComputeCapability, FakeTensorRt, HostGpu, RuntimeCache
from .test_tensorrt import SIZE, TINY

RTX_4090 = HostGpu("NVIDIA GeForce RTX 4090", (8, 9))
RTX_5090 = HostGpu("NVIDIA GeForce RTX 5090", (12, 0))


@pytest.fixture(scope="module")
def network() -> RendererNetwork:
    torch.manual_seed(0)
    return RendererNetwork("tiny", "fp32", to_onnx(NeuralRenderer(TINY).eval()))


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRt:
    module = FakeTensorRt("tensorrt_rtx_bindings", "1.7.1.116")
    monkeypatch.setitem(sys.modules, "tensorrt_rtx_bindings", module)
    monkeypatch.setattr(RuntimeCache, "known", [])
    return module


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DINAR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "engines"


def opener(network: RendererNetwork, gpu: HostGpu, **options: bool) -> TensorRtRtxOpener:
    return TensorRtRtxOpener(cast(Any, gpu), network, lambda _: None, **options)


def test_an_engine_is_built_for_the_gpus_architecture(network: RendererNetwork, module: FakeTensorRt) -> None:
    opener(network, RTX_4090).open(*SIZE).close()
    opener(network, RTX_4090).open(*SIZE).close()
    opener(network, HostGpu("NVIDIA GeForce RTX 4060", (8, 9))).open(*SIZE).close()
    opener(network, RTX_5090).open(*SIZE).close()
    assert [config.capabilities for config in module.configs] == [
        [ComputeCapability.SM89],
        [ComputeCapability.SM120],
    ]


def test_a_compatible_engine_serves_all_that_are_known(
    network: RendererNetwork, module: FakeTensorRt
) -> None:
    opener(network, RTX_4090, compatible=True).open(*SIZE).close()
    opener(network, RTX_5090).open(*SIZE).close()
    (config,) = module.configs
    assert config.capabilities == [ComputeCapability.SM75, ComputeCapability.SM89, ComputeCapability.SM120]


def test_what_is_compiled_on_a_gpu_is_kept_for_it(network: RendererNetwork, folder: Path) -> None:
    opener(network, RTX_4090).open(*SIZE).close()
    assert RuntimeCache.known == []
    opener(network, RTX_4090).open(*SIZE).close()
    opener(network, RTX_5090).open(*SIZE).close()
    assert RuntimeCache.known == [b"compiled"]
    kept = [words.partition(" views")[0] for words, _ in list_engines(folder)]
    assert sorted(kept) == [
        "tensorrt-rtx 1.7.1.116 for sm_120:",
        "tensorrt-rtx 1.7.1.116 for sm_89:",
        "tensorrt-rtx-compiled 1.7.1.116 for NVIDIA GeForce RTX 4090 sm_89:",
        "tensorrt-rtx-compiled 1.7.1.116 for NVIDIA GeForce RTX 5090 sm_120:",
    ]


def test_a_gpu_that_is_not_known_is_one_sentence(network: RendererNetwork) -> None:
    with pytest.raises(DinarError, match=r"NVIDIA H200 \(sm_90\), but sm_75, sm_89, sm_120: use --engine"):
        opener(network, HostGpu())


def test_without_it_one_sentence_says_what_to_install(
    network: RendererNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt_rtx_bindings", None)
    with pytest.raises(DinarError, match="pip install tensorrt-rtx-cu13"):
        opener(network, RTX_4090)
