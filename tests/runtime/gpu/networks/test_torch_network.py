"""Opening the torch network where torch has no GPU: each thing that is missing is one clear sentence.

What it draws on a GPU is in tests/gpu.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch

from dinar.export.to_onnx import to_onnx
from dinar.runtime.avatar import RendererNetwork
from dinar.runtime.errors import DinarError
from dinar.runtime.gpu.device import Gpu, GpuInfo
from dinar.runtime.gpu.errors import GpuError, explained
from dinar.runtime.gpu.networks import torch_network
from dinar.runtime.gpu.networks.select import choose_opener
from dinar.runtime.gpu.networks.torch_network import TorchOpener, cuda_error, cuda_errors_named
from dinar.trainer.models.renderer import LIVE, NeuralRenderer


@pytest.fixture(scope="module")
def live() -> RendererNetwork:
    torch.manual_seed(0)
    return RendererNetwork("live", "fp32", to_onnx(NeuralRenderer(LIVE).eval()))


@pytest.fixture
def gpu() -> Gpu:
    return SimpleNamespace(info=GpuInfo(0, "Some GPU", (9, 0), 1))  # type: ignore[return-value]


def test_a_torch_without_cuda_is_told(
    gpu: Gpu, live: RendererNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DinarError, match=r"torch \S+ has no CUDA for this GPU: install one"):
        choose_opener("torch", gpu, live, print)


def test_a_gpu_that_torch_does_not_see_is_told(
    gpu: Gpu, live: RendererNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(DinarError, match="has no CUDA for this GPU"):
        TorchOpener(gpu, live, print)


def test_no_torch_is_told(gpu: Gpu, live: RendererNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DinarError, match="torch is not installed: pip install torch"):
        TorchOpener(gpu, live, print)


class Opening:
    """Opens networks on the CPU: those that torch compiles end with an error, the others do not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, gpu: Gpu, live: RendererNetwork, error: Exception):
        self.told: list[str] = []
        self.modules: list[object] = []
        monkeypatch.setattr(torch_network, "torch_device", lambda _: torch.device("cpu"))
        monkeypatch.setattr(torch_network, "compiled", lambda _: "compiled")
        self.opener = TorchOpener(gpu, live, self.told.append)

        def open_network(module: object, *_: int) -> str:
            self.modules.append(module)
            if module == "compiled":
                raise error
            return "network"

        monkeypatch.setattr(self.opener, "_open", open_network)


def test_where_torch_cannot_compile_it_runs_uncompiled_and_says_so_once(
    gpu: Gpu, live: RendererNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = Opening(monkeypatch, gpu, live, RuntimeError("Cannot find a working triton.\nmore"))
    assert opening.opener.open(1, 64, 64) == "network"
    assert opening.opener.open(1, 64, 96) == "network"
    assert [module == "compiled" for module in opening.modules] == [True, False, False]
    assert opening.told == [
        "torch cannot compile the renderer network here (Cannot find a working triton): it runs uncompiled, "
        "more slowly"
    ]


def test_a_gpu_without_memory_is_no_reason_to_run_uncompiled(
    gpu: Gpu, live: RendererNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = Opening(monkeypatch, gpu, live, torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(GpuError, match="memory of the GPU Some GPU is full"), explained(gpu.info.name):
        opening.opener.open(1, 64, 64)
    assert opening.told == []


@pytest.mark.parametrize(
    ("code", "name"),
    [(719, "CUDA_ERROR_LAUNCH_FAILED"), (98, "CUDA_ERROR_UNKNOWN"), (None, "CUDA_ERROR_UNKNOWN")],
)
def test_errors_of_torch_get_the_names_of_cudas(code: int | None, name: str) -> None:
    error = torch.AcceleratorError("CUDA error: unspecified launch failure")
    if code is not None:
        error.error_code = code
    assert cuda_error(error) == name
    with pytest.raises(RuntimeError, match=rf"^{name}: CUDA error: unspecified"), cuda_errors_named():
        raise error


def test_errors_that_are_none_of_cudas_pass() -> None:
    error = ValueError("something else")
    with pytest.raises(ValueError, match="something else") as caught, cuda_errors_named():
        raise error
    assert caught.value is error
